//! How the remediation of a case looks: lines for people, an object for programs.

use investigation::case::Case;
use investigation::remediation::{Approval, Proposed, Remediation, Stage};
use jiff::Timestamp;
use serde::Serialize;

use crate::show::{minute, paint, safe};

/// What is printed with `--json`.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    case_id: &'a str,
    #[serde(rename = "host.ip")]
    target: String,
    #[serde(rename = "host.name")]
    host_name: &'a str,
    verdict: Option<&'static str>,
    evidence: Option<&'a str>,
    evidence_sha256: &'a str,
    expires_at: Timestamp,
    dry_run: bool,
    measures: Vec<Measure<'a>>,
    left_out: &'a [String],
    approvals: &'a [Approval],
}

#[derive(Serialize)]
struct Measure<'a> {
    #[serde(flatten)]
    proposed: &'a Proposed,
    words: String,
    approved_by: Vec<&'a str>,
    waits: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn of(case: &'a Case, now: Timestamp) -> Option<Self> {
        let kept = case.remediation.as_ref()?;
        let waiting: Vec<u32> = kept.waiting(now).map(|proposed| proposed.n).collect();
        let measures = kept.measures.iter().map(|proposed| Measure {
            proposed,
            words: proposed.measure.words(),
            approved_by: approvers(kept, proposed, now),
            waits: waiting.contains(&proposed.n),
        });
        Some(Self {
            case_id: &case.id,
            target: case.target.to_string(),
            host_name: &kept.host_name,
            verdict: case.verdict().map(|verdict| verdict.as_str()),
            evidence: case.evidence.as_ref().map(|evidence| evidence.location.as_str()),
            evidence_sha256: &kept.evidence_sha256,
            expires_at: kept.expires_at,
            dry_run: kept.dry_run,
            measures: measures.collect(),
            left_out: &kept.left_out,
            approvals: &kept.approvals,
        })
    }
}

fn approvers<'a>(kept: &'a Remediation, proposed: &Proposed, now: Timestamp) -> Vec<&'a str> {
    kept.approvers(proposed.n, false, now).into_iter().map(|approval| approval.by.as_str()).collect()
}

/// One measure in one line.
pub(super) fn measure_line(kept: &Remediation, proposed: &Proposed, now: Timestamp) -> String {
    let stage = match proposed.stage {
        Stage::Proposed if kept.dry_run => "would be proposed".to_owned(),
        Stage::Proposed => {
            let by = approvers(kept, proposed, now);
            let names = if by.is_empty() { String::new() } else { format!(": {}", safe(&by.join(", "))) };
            format!("{} of {} approvals{names}", by.len(), proposed.needs)
        }
        stage => stage.as_str().to_owned(),
    };
    let detail =
        if proposed.detail.is_empty() { String::new() } else { format!("  {}", safe(&proposed.detail)) };
    format!(
        "  {:>2}  {:<18} {}{detail}{}  ({})",
        proposed.n,
        stage,
        proposed.measure.words(),
        taking_back(proposed, now),
        safe(&proposed.why.rule)
    )
}

/// Whether and how it is taken back, and when an isolation ends.
fn taking_back(proposed: &Proposed, now: Timestamp) -> String {
    let until = proposed.isolated_until().map(|until| {
        let tense = if until > now { "ends" } else { "ended" };
        format!("; {tense} by itself at {}", minute(until))
    });
    let undo = match (proposed.stage, &proposed.undone) {
        (Stage::Done, Some(failed)) => format!("; could not be taken back: {}", safe(&failed.detail)),
        (Stage::Done, None) if proposed.undo().is_some() => "; can be taken back".to_owned(),
        (Stage::Done, None) => "; cannot be taken back".to_owned(),
        _ => String::new(),
    };
    format!("{}{undo}", until.unwrap_or_default())
}

/// A case in the list of what waits.
pub(super) fn waiting_lines(case: &Case, now: Timestamp) -> Vec<String> {
    let Some(kept) = &case.remediation else { return Vec::new() };
    let verdict = case.verdict().map_or("not assessed", |verdict| verdict.words());
    let head = format!("case {}  {} ({})  {verdict}", case.id, safe(&kept.host_name), case.target);
    let mut lines = vec![
        paint::bold(&head),
        format!("  until {}, on evidence {}", minute(kept.expires_at), kept.evidence_sha256),
    ];
    let shown = kept
        .measures
        .iter()
        .filter(|proposed| matches!(proposed.stage, Stage::Proposed | Stage::Ordered | Stage::Undoing));
    lines.extend(shown.map(|proposed| measure_line(kept, proposed, now)));
    lines
}

/// The remediation of a case, whole.
pub(crate) fn lines(case: &Case, now: Timestamp) -> Vec<String> {
    let Some(kept) = &case.remediation else { return Vec::new() };
    let waits = kept.waiting(now).next().is_some();
    let until =
        if waits { format!(", to be approved until {}", minute(kept.expires_at)) } else { String::new() };
    let preview = if kept.dry_run { " (dry_run: a preview)" } else { "" };
    let mut lines = vec![paint::bold(&format!("remediation of {}{until}{preview}", safe(&kept.host_name)))];
    lines.extend(kept.measures.iter().map(|proposed| measure_line(kept, proposed, now)));
    lines.extend(kept.left_out.iter().map(|what| format!("  not proposed: {}", safe(what))));
    for approval in &kept.approvals {
        let numbers: Vec<String> = approval.measures.iter().map(ToString::to_string).collect();
        let what = if approval.undoes { "ordered the undo of" } else { "approved" };
        lines.push(format!(
            "  {}  {} {what} {} {}, on evidence {}, counts until {}{}",
            minute(approval.at),
            safe(&approval.by),
            numbers.join(", "),
            approval.how.words(),
            safe(&approval.evidence_sha256),
            minute(approval.expires_at),
            if approval.unsealed { ": no valid seal, counts for nothing" } else { "" }
        ));
    }
    for heard in &case.heard {
        let Some(why) = &heard.refused else { continue };
        let by = if heard.by.is_empty() { "somebody" } else { &heard.by };
        let at = minute(heard.at);
        lines.push(format!("  {at}  {} said {}, not taken: {}", safe(by), safe(&heard.word), safe(why)));
    }
    lines
}
