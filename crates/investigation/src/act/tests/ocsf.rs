//! The finding for the SIEM against the schema's own rules: required attributes, and the values that ids may have with
//! their captions, as OCSF 1.5.0 has them (`events/findings/detection_finding.json`, `dictionary.json`, `objects/` and
//! `profiles/` of <https://github.com/ocsf/ocsf-schema> at the tag 1.5.0).

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Ids with the captions that go with them; the schema wants both to agree.
const IDS: &[(&str, &[(u64, &str)])] = &[
    ("activity", &[(1, "Create"), (2, "Update"), (3, "Close")]),
    (
        "severity",
        &[(1, "Informational"), (2, "Low"), (3, "Medium"), (4, "High"), (5, "Critical"), (6, "Fatal")],
    ),
    (
        "status",
        &[
            (1, "New"),
            (2, "In Progress"),
            (3, "Suppressed"),
            (4, "Resolved"),
            (5, "Archived"),
            (6, "Deleted"),
        ],
    ),
    ("confidence", &[(1, "Low"), (2, "Medium"), (3, "High")]),
    (
        "verdict",
        &[
            (1, "False Positive"),
            (2, "True Positive"),
            (4, "Suspicious"),
            (5, "Benign"),
            (7, "Insufficient Data"),
        ],
    ),
    ("disposition", &[(10, "Exonerated"), (15, "Detected"), (17, "Logged"), (19, "Alert")]),
    ("action", &[(1, "Allowed"), (2, "Denied"), (3, "Observed"), (4, "Modified")]),
];

const OBSERVABLES: &[(u64, &str)] =
    &[(1, "Hostname"), (2, "IP Address"), (4, "User Name"), (8, "Hash"), (9, "Process Name")];

/// What the class and its objects require.
fn check(event: &Value) {
    for required in [
        "activity_id",
        "category_uid",
        "class_uid",
        "finding_info",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    ] {
        assert!(!event[required].is_null(), "{required}: {event}");
    }
    let number = |name: &str| event[name].as_u64().unwrap();
    assert_eq!((number("category_uid"), number("class_uid")), (2, 2004));
    assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
    for (name, known) in IDS {
        let id = number(&format!("{name}_id"));
        let caption = event[if *name == "activity" { "activity_name" } else { name }].as_str().unwrap();
        assert!(known.contains(&(id, caption)), "{name}: {id} {caption}");
    }
    assert!(event["is_alert"].is_boolean());
    assert!(number("time") > 1_700_000_000_000, "milliseconds");

    let metadata = &event["metadata"];
    assert_eq!(metadata["version"], "1.5.0");
    assert_eq!(metadata["profiles"], serde_json::json!(["host", "incident", "security_control"]));
    assert!(metadata["product"]["name"].is_string() && metadata["product"]["vendor_name"].is_string());
    assert!(event["finding_info"]["uid"].is_string());
    for related in event["finding_info"]["related_events"].as_array().unwrap() {
        assert!(related["uid"].is_string());
    }
    for analytic in event["finding_info"]["related_analytics"].as_array().unwrap() {
        assert_eq!((&analytic["type_id"], &analytic["type"]), (&1.into(), &"Rule".into()));
    }
    let device = &event["device"];
    assert!(device["type_id"].is_u64());
    if let Some(os) = device.get("os") {
        assert!(os["name"].is_string() && [0, 100, 200].contains(&os["type_id"].as_u64().unwrap()), "{os}");
    }
    for evidence in event["evidences"].as_array().unwrap() {
        for file in
            [&evidence["file"], &evidence["process"]["file"]].into_iter().filter(|file| file.is_object())
        {
            assert!(file["name"].is_string() && file["type_id"] == 1, "{file}");
            for hash in file["hashes"].as_array().into_iter().flatten() {
                assert_eq!((&hash["algorithm_id"], &hash["algorithm"]), (&3.into(), &"SHA-256".into()));
                assert!(hash["value"].is_string());
            }
        }
    }
    for observable in event["observables"].as_array().unwrap() {
        let kind = (observable["type_id"].as_u64().unwrap(), observable["type"].as_str().unwrap());
        assert!(OBSERVABLES.contains(&kind), "{observable}");
        assert!(observable["name"].is_string() && observable["value"].is_string());
    }
}

fn finding(brief: &Brief) -> Value {
    ocsf_finding(brief, "0.1.0").unwrap()
}

#[test]
fn the_finding_for_the_siem() {
    let event = finding(&brief(Verdict::PolicyViolation));
    check(&event);
    insta::assert_json_snapshot!("ocsf_policy_violation", event);
}

#[test]
fn each_verdict_is_said_in_the_schemas_words() {
    for (verdict, severity, status, word, disposition, is_alert) in [
        (Verdict::PolicyViolation, "Medium", "New", "True Positive", "Detected", true),
        (Verdict::Inconclusive, "Low", "New", "Insufficient Data", "Logged", true),
        (Verdict::FalsePositive, "Informational", "Suppressed", "False Positive", "Exonerated", false),
    ] {
        let event = finding(&brief(verdict));
        check(&event);
        let said = ["severity", "status", "verdict", "disposition"].map(|name| event[name].as_str().unwrap());
        assert_eq!(
            (said, event["is_alert"].as_bool()),
            ([severity, status, word, disposition], Some(is_alert))
        );
        assert_eq!(event["unmapped"]["peerhound"]["verdict"], verdict.as_str());
    }
    let mut suspicious = brief(Verdict::PolicyViolation);
    suspicious.assessment.as_mut().unwrap().verdict = Verdict::Inconclusive;
    assert_eq!(finding(&suspicious)["verdict"], "Suspicious");
}

#[test]
fn a_case_of_which_little_is_known_is_a_finding_and_one_without_a_verdict_is_none() {
    let bare = Brief {
        identity: None,
        suspects: Vec::new(),
        evidence_location: String::new(),
        evidence_sha256: String::new(),
        sealed_at: None,
        cooldown_until: None,
        ..brief(Verdict::FalsePositive)
    };
    check(&finding(&bare));
    assert!(ocsf_finding(&Brief { assessment: None, ..bare }, "0.1.0").is_none());
}

#[test]
fn the_same_case_gives_the_same_finding_and_the_case_is_its_name() {
    let (one, two) = (brief(Verdict::PolicyViolation), brief(Verdict::PolicyViolation));
    assert_eq!(finding(&one).to_string(), finding(&two).to_string());
    assert_eq!(finding(&one)["metadata"]["uid"], one.case_id.as_str());
    assert_eq!(finding(&one)["finding_info"]["uid"], one.case_id.as_str());
}

#[test]
fn a_finding_stays_small_and_on_one_line_whatever_the_endpoint_says() {
    let mut large = hostile(&"\u{1f600}\n".repeat(10_000));
    let assessment = large.assessment.as_mut().unwrap();
    let one = assessment.findings[0].clone();
    assessment.findings = vec![one; 100];
    for (n, finding) in assessment.findings.iter_mut().enumerate() {
        let mut cited = finding.citations[0].clone();
        cited.user = Some(format!("{n}{}", "u".repeat(5_000)));
        finding.citations = vec![cited; 10];
    }
    assessment.missing = vec!["m".repeat(5_000); 100];
    let event = finding(&large);
    check(&event);
    let line = event.to_string();
    // An event on a bus has at most 256 KiB.
    assert!(!line.contains('\n') && line.len() < 200 << 10, "{} bytes", line.len());
}

proptest! {
    #[test]
    fn no_text_changes_the_shape_of_a_finding(text in any::<String>()) {
        let event = finding(&hostile(&text));
        check(&event);
        prop_assert!(!event.to_string().contains(char::is_control));
    }
}
