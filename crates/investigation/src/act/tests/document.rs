//! The document of a case, held against what `docs/actions.md` says of it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::case::{Intake, SealedEvidence, intake};
use crate::policy::Policy;

const DOCS: &str = include_str!("../../../../../docs/actions.md");

fn case() -> crate::case::Case {
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n").unwrap();
    let mut alert = alert();
    alert.infohash = Some("ab".repeat(20));
    let Intake::Open(step) = intake(&alert, &policy, at("2026-03-02T09:00:00Z")) else {
        panic!("not opened")
    };
    let mut case = step.case;
    let brief = brief(Verdict::PolicyViolation);
    let sealed = SealedEvidence {
        location: "/e/a.zip".to_owned(),
        sha256: "ab".repeat(32),
        size: 7,
        sealed_at: at("2026-03-02T09:04:00Z"),
    };
    case.identity = brief.identity;
    case.assessment = brief.assessment.map(|found| Assessment { verdict: Verdict::Compromised, ..found });
    case.evidence = Some(sealed.clone());
    let step = {
        case.state = crate::case::State::Acting;
        case.forensics_ordered("ann", at("2026-03-02T09:05:00Z")).unwrap()
    };
    case = step.case;
    case.forensics.as_mut().unwrap().evidence = Some(sealed);
    case
}

/// Every path of a document, `a.b[].c`.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                into.insert(path.clone());
                paths(value, &path, into);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| paths(row, &format!("{at}[]"), into)),
        _ => {}
    }
}

fn no_controls(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains(char::is_control), "{text:?}"),
        Value::Array(rows) => rows.iter().for_each(no_controls),
        Value::Object(fields) => fields.values().for_each(no_controls),
        _ => {}
    }
}

#[test]
fn every_key_of_the_document_is_documented_and_no_other() {
    let document = serde_json::to_value(case_document(&case(), "ph-1.effect-7")).unwrap();
    let mut written = BTreeSet::new();
    paths(&document, "", &mut written);
    let table = DOCS.split("<!-- case document -->").nth(1).expect("the table in docs/actions.md");
    let documented: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(path, _)| path.to_owned())
        .collect();
    assert_eq!(written, documented);
    assert!(DOCS.contains(CASE_FORMAT));
    assert_eq!(document["priority"], "high");
    assert_eq!(document["idempotency_key"], "ph-1.effect-7");
}

#[test]
fn what_the_endpoint_said_is_one_line_and_capped() {
    let mut case = case();
    let hostile = "a\r\nb\u{1b}[2J".repeat(10_000);
    case.alert.rule_name = Some(hostile.clone());
    case.identity.as_mut().unwrap().host_name = hostile.clone();
    let assessment = case.assessment.as_mut().unwrap();
    assessment.summary = hostile.clone();
    assessment.missing = vec![hostile.clone(); 1000];
    for finding in &mut assessment.findings {
        finding.explanation = hostile.clone();
        finding.citations[0].excerpt = hostile.clone();
    }
    let text = serde_json::to_string(&case_document(&case, "k")).unwrap();
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    no_controls(&serde_json::from_str(&text).unwrap());
}
