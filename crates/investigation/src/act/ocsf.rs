//! A closed case as a Detection Finding of the Open Cybersecurity Schema Framework, so that a SIEM learns the result.
//!
//! Written by OCSF 1.5.0 (<https://schema.ocsf.io/1.5.0/classes/detection_finding>), with the profiles `host` (the
//! device), `incident` (the verdict) and `security_control` (action and disposition). The same case gives the same text,
//! whenever and however often it is written: `metadata.uid` is what a receiver folds repeats by.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::brief::{Brief, MAX_VALUE};
use super::message::{short, title};
use crate::assess::{Citation, Confidence, Finding, Verdict};

/// Version of the schema that the findings are written by.
pub const OCSF_VERSION: &str = "1.5.0";

/// Most findings, and most rows of each, that are given as evidence.
const MAX_FINDINGS: usize = 10;
const MAX_CITATIONS: usize = 5;
/// Most pivots.
const MAX_OBSERVABLES: usize = 40;

/// An id of the schema with its caption.
type Coded = (u32, &'static str);

/// How a verdict is said in the schema's words.
struct Coding {
    severity: Coded,
    status: Coded,
    verdict: Coded,
    disposition: Coded,
    is_alert: bool,
}

fn coding(verdict: Verdict, has_findings: bool) -> Coding {
    match verdict {
        Verdict::Compromised => Coding {
            severity: (5, "Critical"),
            status: (1, "New"),
            verdict: (2, "True Positive"),
            disposition: (15, "Detected"),
            is_alert: true,
        },
        Verdict::PolicyViolation => Coding {
            severity: (3, "Medium"),
            status: (1, "New"),
            verdict: (2, "True Positive"),
            disposition: (15, "Detected"),
            is_alert: true,
        },
        Verdict::Inconclusive => Coding {
            severity: (2, "Low"),
            status: (1, "New"),
            verdict: if has_findings { (4, "Suspicious") } else { (7, "Insufficient Data") },
            disposition: (17, "Logged"),
            is_alert: true,
        },
        Verdict::FalsePositive => Coding {
            severity: (1, "Informational"),
            status: (3, "Suppressed"),
            verdict: (1, "False Positive"),
            disposition: (10, "Exonerated"),
            is_alert: false,
        },
    }
}

/// The finding of a case that has a verdict; `None` for one that has none. `version` is the program's own.
pub fn ocsf_finding(brief: &Brief, version: &str) -> Option<Value> {
    let assessment = brief.assessment.as_ref()?;
    let coding = coding(assessment.verdict, !assessment.findings.is_empty());
    let confidence = match assessment.confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    };
    let (device, observables) = (device(brief), observables(brief));
    let mut event = json!({
        "activity_id": 1, "activity_name": "Create",
        "category_uid": 2, "category_name": "Findings",
        "class_uid": 2004, "class_name": "Detection Finding",
        "type_uid": 200_401, "type_name": "Detection Finding: Create",
        "time": millis(brief.sealed_at.unwrap_or(brief.opened_at)),
        "message": short(&assessment.summary, 700),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": short(&brief.case_id, MAX_VALUE),
            "product": {"name": "Peerhound", "vendor_name": "Peerhound", "version": version},
            "profiles": ["host", "incident", "security_control"],
        },
        "finding_info": finding_info(brief),
        "device": device,
        "evidences": evidences(brief),
        "observables": observables,
        "is_alert": coding.is_alert,
        "action_id": 3, "action": "Observed",
        "unmapped": unmapped(brief),
    });
    let coded = [
        ("severity", coding.severity),
        ("status", coding.status),
        ("verdict", coding.verdict),
        ("disposition", coding.disposition),
        ("confidence", confidence),
    ];
    if let Value::Object(event) = &mut event {
        for (name, (id, caption)) in coded {
            event.insert(format!("{name}_id"), id.into());
            event.insert(name.to_owned(), caption.into());
        }
        if let Some(seen) = brief.alert.timestamp {
            event.insert("start_time".to_owned(), millis(seen));
        }
    }
    Some(event)
}

fn millis(at: Timestamp) -> Value {
    at.as_millisecond().into()
}

/// Text in one line, where there is any.
fn text(value: Option<&str>) -> Value {
    value.filter(|value| !value.is_empty()).map_or(Value::Null, |value| short(value, MAX_VALUE).into())
}

/// An object without the members that nothing is known of.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn finding_info(brief: &Brief) -> Value {
    let findings = || brief.assessment.iter().flat_map(|assessment| &assessment.findings);
    let verdict = brief.verdict().map_or("not assessed", Verdict::words);
    let mut techniques: Vec<&str> = findings().filter_map(|finding| finding.technique.as_deref()).collect();
    techniques.sort_unstable();
    techniques.dedup();
    let attacks =
        techniques.iter().take(MAX_FINDINGS).map(|uid| json!({"technique": {"uid": short(uid, 20)}}));
    let alert = &brief.alert;
    object([
        ("uid", short(&brief.case_id, MAX_VALUE).into()),
        ("title", title(&format!("Peer-to-peer alert, {verdict}: {}", brief.machine())).into()),
        ("desc", text(findings().next().map(|finding| finding.explanation.as_str()))),
        ("types", json!(["Policy Violation"])),
        ("created_time", millis(brief.opened_at)),
        ("first_seen_time", alert.timestamp.map_or(Value::Null, millis)),
        ("analytic", findings().next().map_or(Value::Null, analytic)),
        ("related_analytics", findings().skip(1).take(MAX_FINDINGS).map(analytic).collect()),
        ("attacks", attacks.collect()),
        (
            "related_events",
            json!([{"uid": short(alert.event_id.as_deref().unwrap_or(&alert.id), MAX_VALUE),
                    "type": short(alert.rule_name.as_deref().unwrap_or("alert"), MAX_VALUE)}]),
        ),
    ])
}

fn analytic(finding: &Finding) -> Value {
    let (uid, name) = (short(&finding.rule, MAX_VALUE), short(&finding.title, MAX_VALUE));
    json!({"uid": uid, "name": name, "type_id": 1, "type": "Rule"})
}

fn device(brief: &Brief) -> Value {
    let identity = brief.identity.as_ref();
    let os = identity.and_then(|identity| identity.os.as_deref()).map_or(Value::Null, |os| {
        let lower = os.to_lowercase();
        // In the order of the likely: Windows says so itself, and so do the Linuxes that do not bear its name.
        let linux = ["linux", "debian", "ubuntu", "fedora", "red hat", "suse"];
        let (id, kind) = match () {
            () if lower.contains("windows") => (100, "Windows"),
            () if linux.iter().any(|name| lower.contains(name)) => (200, "Linux"),
            () => (0, "Unknown"),
        };
        json!({"name": short(os, MAX_VALUE), "type_id": id, "type": kind})
    });
    object([
        ("type_id", 0.into()),
        ("type", "Unknown".into()),
        ("hostname", text(brief.host_name())),
        ("ip", brief.target.to_string().into()),
        ("domain", text(identity.and_then(|identity| identity.domain.as_deref()))),
        ("os", os),
    ])
}

/// The rows that the findings cite, and the container that holds them.
fn evidences(brief: &Brief) -> Value {
    let findings = brief.assessment.iter().flat_map(|assessment| &assessment.findings).take(MAX_FINDINGS);
    let cited = findings.flat_map(|finding| {
        finding.citations.iter().take(MAX_CITATIONS).map(move |citation| evidence(finding, citation))
    });
    let hashes =
        json!([{"algorithm_id": 3, "algorithm": "SHA-256", "value": short(&brief.evidence_sha256, 64)}]);
    let container = (!brief.evidence_location.is_empty()).then(|| {
        let file = object([
            ("name", short(&format!("{}.zip", brief.case_id), MAX_VALUE).into()),
            ("path", text(Some(&brief.evidence_location))),
            ("type_id", 1.into()),
            ("type", "Regular File".into()),
            ("hashes", if brief.evidence_sha256.is_empty() { Value::Null } else { hashes }),
        ]);
        json!({"name": "peerhound.container", "file": file})
    });
    cited.chain(container).collect()
}

fn evidence(finding: &Finding, citation: &Citation) -> Value {
    let image = citation.image.as_deref().filter(|image| !image.is_empty()).map(|image| {
        let name = image.rsplit(['/', '\\']).next().unwrap_or(image);
        json!({"name": short(name, MAX_VALUE), "path": short(image, MAX_VALUE), "type_id": 1, "type": "Regular File"})
    });
    let process = citation.pid.map(|pid| {
        let name = image.as_ref().map_or(Value::Null, |image| image["name"].clone());
        object([("pid", pid.into()), ("name", name), ("file", image.clone().unwrap_or(Value::Null))])
    });
    let peer = citation.peer.as_deref().and_then(|peer| peer.parse::<std::net::SocketAddr>().ok());
    let data = json!({
        "rule": short(&finding.rule, MAX_VALUE), "entry": short(&citation.entry, MAX_VALUE), "row": citation.row,
        "excerpt": short(&citation.excerpt, MAX_VALUE),
    });
    object([
        ("name", text(Some(&finding.rule))),
        ("process", process.unwrap_or(Value::Null)),
        ("user", text(citation.user.as_deref()).as_str().map_or(Value::Null, |name| json!({"name": name}))),
        (
            "dst_endpoint",
            peer.map_or(Value::Null, |peer| json!({"ip": peer.ip().to_string(), "port": peer.port()})),
        ),
        ("data", data),
    ])
}

/// What to pivot on. Types: 1 host name, 2 address, 4 user name, 8 hash, 9 process name.
fn observables(brief: &Brief) -> Value {
    let mut found: Vec<(&str, u32, &str, String)> =
        vec![("device.ip", 2, "IP Address", brief.target.to_string())];
    found.extend(brief.host_name().map(|name| ("device.hostname", 1, "Hostname", name.to_owned())));
    let citations = brief
        .assessment
        .iter()
        .flat_map(|assessment| &assessment.findings)
        .flat_map(|finding| &finding.citations);
    for citation in citations.take(MAX_FINDINGS * MAX_CITATIONS) {
        let user = citation.user.clone().filter(|user| !user.is_empty());
        found.extend(user.map(|user| ("evidences[].user.name", 4, "User Name", user)));
        let peer = citation.peer.as_deref().and_then(|peer| peer.parse::<std::net::SocketAddr>().ok());
        found
            .extend(peer.map(|peer| ("evidences[].dst_endpoint.ip", 2, "IP Address", peer.ip().to_string())));
        let image = citation.pid.and(citation.image.as_deref()).filter(|image| !image.is_empty());
        let name = image.map(|image| image.rsplit(['/', '\\']).next().unwrap_or(image).to_owned());
        found.extend(name.map(|name| ("evidences[].process.name", 9, "Process Name", name)));
    }
    if !brief.evidence_sha256.is_empty() {
        found.push(("evidences[].file.hashes[].value", 8, "Hash", brief.evidence_sha256.clone()));
    }
    let mut kept: Vec<&(&str, u32, &str, String)> = Vec::new();
    for observable in &found {
        if !kept.contains(&observable) && kept.len() < MAX_OBSERVABLES {
            kept.push(observable);
        }
    }
    let shown = |(name, type_id, kind, value): &(&str, u32, &str, String)| json!({"name": name, "type_id": type_id, "type": kind, "value": short(value, MAX_VALUE)});
    kept.into_iter().map(shown).collect()
}

/// What the schema has no name for, under the project's own.
fn unmapped(brief: &Brief) -> Value {
    let assessment = brief.assessment.as_ref();
    let missing = assessment.map(|assessment| {
        assessment.missing.iter().take(20).map(|missing| short(missing, MAX_VALUE)).collect::<Vec<_>>()
    });
    let own = object([
        ("verdict", brief.verdict().map_or(Value::Null, |verdict| verdict.as_str().into())),
        ("alert_id", text(Some(&brief.alert.id))),
        ("infohash", text(brief.alert.infohash.as_deref())),
        ("users", brief.suspects.iter().take(20).map(|user| short(user, MAX_VALUE)).collect()),
        ("missing", json!(missing)),
        ("cooldown_until", brief.cooldown_until.map_or(Value::Null, millis)),
    ]);
    json!({"peerhound": own})
}
