//! The ticket.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::brief::{Brief, MAX_VALUE};
use super::message::{Priority, Ticket, short, title};
use super::observables;
use crate::assess::{Verdict, summary};
use crate::text::markdown;

/// The ticket for the people who follow the case up.
pub fn ticket(brief: &Brief) -> Ticket {
    let verdict = brief.verdict().map_or("not assessed", Verdict::words);
    let mut body = facts_table(brief);
    if let Some(assessment) = &brief.assessment {
        let _ = write!(body, "\n{}", summary::explain_markdown(assessment));
    }
    let word = brief.verdict().map_or("not_assessed", Verdict::as_str);
    let priority = Priority::of(brief.verdict());
    let label = format!("priority-{}", priority.as_str());
    let mut labels = ["peerhound", "p2p", word].map(str::to_owned).to_vec();
    labels.extend((priority != Priority::Normal).then_some(label));
    Ticket {
        title: title(&format!("Peer-to-peer alert, {verdict}: {} [case {}]", brief.machine(), brief.case_id)),
        body_markdown: body,
        body_text: plain_text(brief),
        priority,
        labels,
        fields: Value::Object(fields(brief)),
    }
}

/// The body without any markup: one line for each fact, then the assessment.
fn plain_text(brief: &Brief) -> String {
    let mut text = String::new();
    for (name, value) in brief.facts() {
        let _ = writeln!(text, "{:<17} {}", format!("{name}:"), short(&value, MAX_VALUE));
    }
    if let Some(assessment) = &brief.assessment {
        let _ = write!(text, "\n{}", summary::explain_text(assessment));
    }
    text
}

/// What the ticket of a case is told when so many further alerts were counted on the case.
pub fn repeats_comment(count: u64) -> String {
    format!(
        "{count} further alerts about this machine or its users were counted on the case and not investigated again: they \
         fell into its cooldown. Whatever raises them has not stopped."
    )
}

/// The facts as a table of two columns, with a line feed at its end.
pub(super) fn facts_table(brief: &Brief) -> String {
    let mut table = "| | |\n| --- | --- |\n".to_owned();
    for (name, value) in brief.facts() {
        let _ = writeln!(table, "| {name} | {} |", markdown(&short(&value, MAX_VALUE)));
    }
    table
}

/// The same for machines: flat, ECS 8 names, and `peerhound.*` for what ECS has no name for.
fn fields(brief: &Brief) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    let text = |value: Option<&str>| value.map_or(Value::Null, |text| short(text, MAX_VALUE).into());
    let time = |at: Option<jiff::Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
    let number = |value: Option<u16>| value.map_or(Value::Null, Value::from);
    let ip = |value: Option<std::net::IpAddr>| value.map_or(Value::Null, |ip| ip.to_string().into());
    let alert = &brief.alert;
    let assessment = brief.assessment.as_ref();

    put("@timestamp", time(alert.timestamp.or(Some(brief.opened_at))));
    put("event.kind", "alert".into());
    put("event.id", text(alert.event_id.as_deref()));
    put("rule.name", text(alert.rule_name.as_deref()));
    put("rule.id", text(alert.rule_id.as_deref()));
    put("source.ip", ip(alert.source_ip));
    put("source.port", number(alert.source_port));
    put("destination.ip", ip(alert.destination_ip));
    put("destination.port", number(alert.destination_port));
    put("network.transport", serde_json::to_value(alert.transport).unwrap_or(Value::Null));
    put("torrent.infohash", text(alert.infohash.as_deref()));
    put("host.ip", brief.target.to_string().into());
    put("host.name", text(brief.host_name()));
    put("host.domain", text(brief.identity.as_ref().and_then(|identity| identity.domain.as_deref())));
    put("host.os.full", text(brief.identity.as_ref().and_then(|identity| identity.os.as_deref())));
    put("user.name", text(assessment.and_then(|assessment| assessment.user())));
    put("related.user", brief.suspects.iter().take(50).map(|user| short(user, MAX_VALUE)).collect());
    if let Some(assessment) = assessment {
        let cited = assessment
            .findings
            .iter()
            .flat_map(|finding| &finding.citations)
            .find(|cited| cited.pid.is_some());
        put("process.pid", cited.and_then(|cited| cited.pid).map_or(Value::Null, Value::from));
        put("process.executable", text(cited.and_then(|cited| cited.image.as_deref())));
        let mut techniques: Vec<&str> =
            assessment.findings.iter().filter_map(|f| f.technique.as_deref()).collect();
        techniques.sort_unstable();
        techniques.dedup();
        put("threat.technique.id", techniques.into_iter().map(|id| short(id, MAX_VALUE)).collect());
        put("message", text(Some(&assessment.summary)));
        put("peerhound.verdict", assessment.verdict.as_str().into());
        put("peerhound.confidence", assessment.confidence.as_str().into());
        let rules = assessment.findings.iter().take(100).map(|finding| short(&finding.rule, MAX_VALUE));
        put("peerhound.rules", rules.collect());
        put(
            "peerhound.missing",
            assessment.missing.iter().map(|missing| short(missing, MAX_VALUE)).collect(),
        );
    }
    put("event.url", text(brief.page.as_deref()));
    let hashes = observables::image_hashes(brief);
    put(
        "related.hash",
        if hashes.is_empty() { Value::Null } else { hashes.into_iter().map(|(hash, _)| hash).collect() },
    );
    put("peerhound.observables", observables::of(brief));
    put("peerhound.approvals.waiting", brief.waiting.map_or(Value::Null, |(count, _)| count.into()));
    put("peerhound.approvals.until", time(brief.waiting.map(|(_, until)| until)));
    put("peerhound.forensics.location", text(brief.second.as_ref().map(|(location, _)| location.as_str())));
    put("peerhound.forensics.sha256", text(brief.second.as_ref().map(|(_, sha256)| sha256.as_str())));
    put("peerhound.priority", Priority::of(brief.verdict()).as_str().into());
    put("peerhound.case_id", text(Some(&brief.case_id)));
    put("peerhound.alert_id", text(Some(&alert.id)));
    put(
        "peerhound.evidence.location",
        text(Some(&brief.evidence_location).filter(|l| !l.is_empty()).map(|l| l.as_str())),
    );
    put(
        "peerhound.evidence.sha256",
        text(Some(&brief.evidence_sha256).filter(|s| !s.is_empty()).map(|s| s.as_str())),
    );
    put("peerhound.opened_at", time(Some(brief.opened_at)));
    put("peerhound.sealed_at", time(brief.sealed_at));
    put("peerhound.cooldown_until", time(brief.cooldown_until));
    fields
}
