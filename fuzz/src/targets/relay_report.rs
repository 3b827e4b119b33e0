//! What a relay reports of an order.

use std::collections::HashSet;
use std::error::Error as _;

use investigation::evidence::manifest::{MAX_ENTRIES, MAX_TOTAL_BYTES, check_path};
use investigation::order::{RelayReport, RelayResult, is_relay_name};
use serde_json::{Value, json};

use super::relay_orders::nothing_rides_along;
use super::{assert_one_line, seeds as given, unquoted, way};

/// Reports.
///
/// - A report that is read is written and read to the same, and what it does not know is refused wherever it stands.
/// - One without faults is of this order and of no other; it lists as many entries and bytes as are allowed, every path
///   once whatever the case of its letters, and none with the report's own name; a whole collection where the endpoint
///   answered, and nothing where it did not; its words are safe to print.
pub fn relay_report(data: &[u8]) -> u64 {
    let report = match RelayReport::parse(data) {
        Ok(report) => report,
        Err(error) => {
            assert_one_line(&error.to_string());
            return way(&unquoted(&format!(
                "{error} {}",
                error.source().map(ToString::to_string).unwrap_or_default()
            )));
        }
    };
    let written = serde_json::to_vec(&report).expect("a report is written");
    assert_eq!(RelayReport::parse(&written).expect("what was written is read"), report, "written and read");
    let (case_id, effect, attempt) = (report.case_id.as_str(), report.effect, report.attempt);
    if data.len() < 64 << 10 {
        let places = ["", "/result", "/entries/0"];
        nothing_rides_along(&written, &places, |bytes| RelayReport::parse(bytes).is_err());
        for other in [
            report.faults(&format!("{case_id}x"), effect, attempt),
            report.faults(case_id, effect.wrapping_add(1), attempt),
            report.faults(case_id, effect, attempt.wrapping_add(1)),
        ] {
            assert!(!other.is_empty(), "a report answers another order");
        }
    }

    let faults = report.faults(case_id, effect, attempt);
    faults.iter().for_each(|fault| assert_one_line(&fault.to_string()));
    if faults.is_empty() {
        sound(&report);
    }
    let kinds: String = faults.iter().take(3).map(|fault| unquoted(&format!("{fault:?}"))).collect();
    let listed = "|".repeat(report.entries.len().min(4));
    way(&format!("{} {listed} {kinds}", matches!(report.result, RelayResult::Staged)))
}

/// What a report without faults is.
pub(super) fn sound(report: &RelayReport) {
    assert!(is_relay_name(&report.relay) && report.started_at <= report.finished_at);
    assert_one_line(&report.relay_version);
    assert!(report.entries.len() <= MAX_ENTRIES);
    let total: u128 = report.entries.iter().map(|entry| u128::from(entry.size)).sum();
    assert!(total <= u128::from(MAX_TOTAL_BYTES));
    let mut lower = HashSet::from(["report.json".to_owned()]);
    for entry in &report.entries {
        assert!(lower.insert(entry.path.to_lowercase()), "{:?} twice", entry.path);
        assert_eq!(check_path(&entry.path), Ok(()));
        assert!(entry.sha256.len() == 64);
    }
    match &report.result {
        RelayResult::Staged => assert!(lower.contains("collection.json")),
        RelayResult::Failed { code, reason, .. } => {
            assert!(report.entries.is_empty());
            assert_one_line(code);
            assert_one_line(reason);
            assert!(reason.chars().count() <= 1000);
        }
    }
}

pub(super) fn report_of(case_id: &str, result: Value, entries: Value) -> Value {
    json!({
        "format": "peerhound-report/1", "case_id": case_id, "target": "10.0.0.5", "effect": 2, "attempt": 1,
        "relay": "site-1", "relay_version": "0.1.0", "started_at": "2026-03-02T09:15:00Z",
        "finished_at": "2026-03-02T09:15:40Z", "result": result, "entries": entries,
    })
}

fn entry(path: &str, size: u64) -> Value {
    json!({"path": path, "size": size, "sha256": "0a".repeat(32), "media_type": "application/json"})
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let staged = |entries: Vec<Value>| {
        report_of("ph-1", json!({"status": "staged"}), entries.into()).to_string().into_bytes()
    };
    let failed = |code: &str, reason: &str, entries: Vec<Value>| {
        let result = json!({"status": "failed", "code": code, "reason": reason, "retryable": true});
        report_of("ph-1", result, entries.into()).to_string().into_bytes()
    };
    let collection = || entry("collection.json", 2);
    vec![
        staged(vec![
            collection(),
            entry("artifacts/identity.json", 300),
            entry("artifacts/raw/Gr\u{fc}\u{df}e.txt", 0),
        ]),
        failed("unreachable", "10.0.0.5 cannot be reached", vec![]),
        staged(vec![]),
        failed("Rm -rf", "a\u{1b}[2Jb", vec![collection()]),
        staged(vec![collection(), entry("../x", 1), entry("Report.JSON", 1), entry("collection.json/x", 1)]),
        staged(vec![
            collection(),
            entry("a", u64::MAX),
            entry("A", u64::MAX),
            entry("\u{130}", 1),
            entry("i\u{307}", 1),
        ]),
        br#"{"format":"peerhound-report/2\u001b[2J","more":[1]}"#.to_vec(),
        // Hostile by design: entries as many as are allowed and as fit, of many folders; one reason, one name and one
        // format that fill the file.
        staged((0..10_000).map(|n| entry(&format!("{n}/{}b", "a/".repeat(250)), 1)).collect()),
        staged((0..40_000).map(|n| entry(&n.to_string(), 1)).collect()),
        staged(vec![entry(&"\u{130}".repeat(1 << 18), 1); 3]),
        failed("x", &"\u{202e}".repeat(1 << 20), vec![]),
        failed(&"x".repeat(1 << 20), "x", vec![]),
        json!({"format": "\u{1b}".repeat(1 << 20)}).to_string().into_bytes(),
        [br#"{"format":"peerhound-report/1","entries":"#.to_vec(), given::many(b"[", 256 << 10)].concat(),
        given::many(b" ", (8 << 20) + 1),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"\"format\":\"peerhound-report/1\"",
    b"{\"status\":\"staged\"}",
    b"\"status\":\"failed\"",
    b"\"code\":",
    b"\"reason\":",
    b"\"retryable\":true",
    b"\"effect\":",
    b"\"attempt\":",
    b"\"relay\":",
    b"\"relay_version\":",
    b"\"started_at\":",
    b"\"finished_at\":",
    b"\"2026-03-02T09:15:00Z\"",
    b"\"-009999-01-02T01:59:59Z\"",
    b"\"entries\":[",
    b"\"path\":",
    b"\"size\":",
    b"\"sha256\":",
    b"\"media_type\":",
    b"\"command\":\"id\",",
    b"collection.json",
    b"artifacts/",
    b"report.json",
    b"REPORT.JSON",
    b"manifest.json",
    b"../",
    b"\\u001b",
    b"\\u202e",
    b"\xc4\xb0",
    b"68719476737",
    b"null",
    b"{}",
    b",",
];
