use super::*;

fn entry(path: &str) -> Entry {
    Entry {
        path: path.to_owned(),
        size: 2,
        sha256: "0a".repeat(32),
        media_type: "application/json".to_owned(),
    }
}

fn report() -> RelayReport {
    RelayReport {
        format: REPORT_FORMAT.to_owned(),
        case_id: "20260301-abc".to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        effect: 2,
        attempt: 1,
        relay: "site-1".to_owned(),
        relay_version: "0.1.0".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        finished_at: Timestamp::UNIX_EPOCH,
        result: RelayResult::Staged,
        entries: vec![entry("collection.json"), entry("artifacts/identity.json")],
    }
}

fn failed(code: &str, reason: &str) -> RelayReport {
    let result = RelayResult::Failed { code: code.to_owned(), reason: reason.to_owned(), retryable: true };
    RelayReport { result, entries: Vec::new(), ..report() }
}

fn faults(report: &RelayReport) -> Vec<ReportFault> {
    report.faults("20260301-abc", 2, 1)
}

#[test]
fn a_report_is_read_as_it_is_written() {
    for report in [report(), failed("unreachable", "10.0.0.5 cannot be reached")] {
        let read = RelayReport::parse(&serde_json::to_vec(&report).unwrap()).unwrap();
        assert_eq!(read, report);
        assert_eq!(faults(&read), []);
    }
}

#[test]
fn nothing_rides_along_with_a_report() {
    for pointer in ["", "/result", "/entries/0"] {
        let mut value = serde_json::to_value(report()).unwrap();
        value.pointer_mut(pointer).unwrap()["more"] = 1.into();
        let error = RelayReport::parse(value.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, ReportError::Unreadable(_)), "{pointer}");
    }
    let mut other = report();
    other.format = "peerhound-report/2".to_owned();
    let error = RelayReport::parse(&serde_json::to_vec(&other).unwrap()).unwrap_err();
    assert!(matches!(error, ReportError::Format(_)));
}

#[test]
fn another_orders_report_is_not_taken_for_this_ones() {
    assert_eq!(report().faults("20260301-abc", 2, 2).len(), 1);
    assert_eq!(report().faults("20260301-abc", 1, 1).len(), 1);
    assert!(matches!(report().faults("b", 2, 1)[..], [ReportFault::OtherOrder { .. }]));
}

#[test]
fn a_hostile_list_of_entries_is_seen() {
    for path in ["../x", "/x", "a\\b", "manifest.json", "report.json", "Report.JSON", "collection.json"] {
        let mut report = report();
        report.entries.push(entry(path));
        assert!(matches!(faults(&report)[..], [ReportFault::Entries(_), ..]), "{path}");
    }
    let mut report = report();
    report.entries[1].size = u64::MAX;
    assert_eq!(faults(&report).len(), 2, "the entry and the sum");
}

#[test]
fn a_report_must_agree_with_itself() {
    let mut bare = report();
    bare.entries.remove(0);
    assert_eq!(faults(&bare), [ReportFault::NoCollection]);
    let mut both = failed("unreachable", "no");
    both.entries.push(entry("collection.json"));
    assert_eq!(faults(&both), [ReportFault::EntriesOfNothing]);
    let mut early = report();
    early.started_at = "2026-03-01T00:00:00Z".parse().unwrap();
    assert_eq!(faults(&early), [ReportFault::Times]);
}

#[test]
fn words_that_no_relay_writes_are_seen() {
    assert_eq!(faults(&failed("Rm -rf", "x")), [ReportFault::Field("code")]);
    assert_eq!(faults(&failed("unreachable", "a\u{1b}[2Jb")), [ReportFault::Field("reason")]);
    let mut other = report();
    other.relay = "a/b".to_owned();
    assert_eq!(faults(&other), [ReportFault::Field("relay")]);
}
