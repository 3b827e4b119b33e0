//! A week of alerts, and what its digest says.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::act::ActionKind;
use crate::alert::Alert;
use crate::assess::{Assessment, Basis, Bearing, Confidence, Finding, Verdict};
use crate::case::{
    ActionRecord, ActionStatus, Case, Disposition, Intake, Outcome, SealedEvidence, State, intake,
};
use crate::claim::{Claim, ClaimKey};
use crate::evidence::Identity;
use crate::policy::Policy;

fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(hours)
}

fn week() -> Window {
    Window::new(at(0), at(168), SignedDuration::from_hours(96), at(169)).unwrap()
}

fn opened(id: &str, ip: &str, hours: i64) -> Case {
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").unwrap();
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "id": id, "format": "test", "event.original": "{}", "source.ip": ip,
    }))
    .unwrap();
    match intake(&alert, &policy, at(hours)) {
        Intake::Open(step) => Case { id: format!("ph-{id}"), ..step.case },
        Intake::Settled(settled) => panic!("{settled:?}"),
    }
}

fn finding(rule: &str, bearing: Bearing) -> Finding {
    Finding {
        rule: rule.to_owned(),
        title: format!("What {rule} says"),
        technique: None,
        confidence: Confidence::High,
        bearing,
        explanation: String::new(),
        runbook: String::new(),
        citations: Vec::new(),
    }
}

/// A case that ended in a verdict so many minutes after its alert.
fn investigated(case: Case, host: &str, user: &str, verdict: Verdict, minutes: i64) -> Case {
    let bearing = match verdict {
        Verdict::Compromised => Bearing::Compromise,
        Verdict::PolicyViolation => Bearing::Violation,
        Verdict::Inconclusive => Bearing::Suspicion,
        Verdict::FalsePositive => Bearing::Context,
    };
    let key = ClaimKey::stored(format!("user#{user}"));
    let claim = Claim::lease(key, &case.id, case.opened_at, SignedDuration::from_hours(72));
    let sealed_at = case.opened_at + SignedDuration::from_mins(minutes);
    Case {
        identity: Some(Identity { host_name: host.to_owned(), ..Identity::default() }),
        claims: case.claims.iter().cloned().chain([claim]).collect(),
        state: State::Closed { outcome: Outcome::Investigated { verdict } },
        assessment: Some(Assessment {
            verdict,
            confidence: Confidence::High,
            summary: String::new(),
            findings: vec![
                finding("p2p.client_connected", bearing),
                finding("p2p.client_connected", bearing),
                finding("p2p.note", Bearing::Context),
            ],
            missing: Vec::new(),
            indicators_version: "1".to_owned(),
            basis: Basis::default(),
        }),
        evidence: Some(SealedEvidence { location: "x".into(), sha256: "00".into(), size: 1, sealed_at }),
        ..case
    }
}

fn with_action(mut case: Case, kind: ActionKind, status: ActionStatus, detail: &str) -> Case {
    let (detail, at) = (detail.to_owned(), case.opened_at);
    case.actions.push(ActionRecord {
        effect: Some(9),
        kind,
        to: Vec::new(),
        status,
        detail,
        attempts: 1,
        at,
    });
    case
}

fn line(hours: i64, disposition: Disposition) -> AlertLine {
    AlertLine { received_at: at(hours), disposition, alerts: 1 }
}

fn suppressed(hours: i64, key: &str, case: &str) -> AlertLine {
    let disposition = Disposition::Suppressed {
        key: ClaimKey::stored(key.to_owned()),
        case_id: format!("ph-{case}"),
        until: at(hours + 72),
    };
    line(hours, disposition)
}

fn cases() -> Vec<Case> {
    let failed = |code: &str| State::Closed {
        outcome: Outcome::Failed { code: code.to_owned(), reason: "no answer".to_owned(), retryable: true },
    };
    let violation = Verdict::PolicyViolation;
    vec![
        with_action(
            investigated(opened("a", "10.0.0.1", 1), "WS-1", "corp\\alice", violation, 4),
            ActionKind::MailSoc,
            ActionStatus::Done,
            "accepted",
        ),
        with_action(
            investigated(opened("b", "10.0.0.2", 30), "ws-1", "corp\\alice", violation, 20),
            ActionKind::Ticket,
            ActionStatus::Failed,
            "=HYPERLINK(\"http://evil.example\")\n",
        ),
        investigated(opened("c", "10.0.0.3", 60), "ws-3", "corp\\carol", Verdict::Compromised, 100),
        investigated(opened("d", "10.0.0.4", 61), "ws-4", "corp\\dan", Verdict::FalsePositive, 2),
        Case { state: failed("unreachable"), ..opened("e", "10.0.0.5", 70) },
        opened("f", "10.0.0.6", 160),
    ]
}

fn filled() -> Fold {
    let mut fold = Fold::new(week());
    for (hours, id) in [(1, "a"), (30, "b"), (59, "c"), (61, "d"), (70, "e"), (160, "f")] {
        fold.alert(line(hours, Disposition::Opened { case_id: format!("ph-{id}") }));
    }
    for hours in 2..12 {
        fold.alert(suppressed(hours, "ip#10.0.0.1", "a"));
    }
    fold.alert(suppressed(40, "user#corp\\alice", "b"));
    fold.alert(AlertLine { alerts: 500, ..suppressed(3, "ip#10.0.9.9", "before") });
    fold.alert(AlertLine { alerts: 2, ..suppressed(3, "ip#10.0.9.8", "forgotten") });
    fold.alert(line(5, Disposition::Exempt { what: "10.0.0.9/32".into(), reason: "scanner".into() }));
    fold.alert(line(6, Disposition::Unreadable { reason: "no format fits".into() }));
    fold.alert(line(7, Disposition::Review { reason: "two machines".into() }));
    fold.alert(line(167, Disposition::Waiting));
    // Neither is inside.
    fold.alert(line(-1, Disposition::Waiting));
    fold.alert(line(168, Disposition::Waiting));
    cases().iter().for_each(|case| fold.case(case));
    fold.case(&opened("outside", "10.0.0.99", 168));
    fold
}

/// What the tests of the page show as well.
pub(crate) fn sample() -> Digest {
    let mut fold = filled();
    assert_eq!(fold.owners_wanted(), ["ph-before", "ph-forgotten"], "the most repeats first");
    fold.owner(&investigated(
        opened("before", "10.0.9.9", -20),
        "kiosk",
        "corp\\guest",
        Verdict::Inconclusive,
        9,
    ));
    fold.open(12, &[opened("f", "10.0.0.6", 160)], at(169));
    let last = LastSent {
        day: "2026-11-29".into(),
        status: "sent".into(),
        detail: "accepted by mail.example.com:587".into(),
        at: at(151),
    };
    fold.finish(at(169)).with(Some("Example Ltd"), Some(last))
}

#[test]
fn everything_is_counted_once_and_where_it_belongs() {
    let digest = sample();
    let outcome = |name: &str| digest.alerts.by_outcome.get(name).copied().unwrap_or(0);
    assert_eq!((outcome("opened"), outcome("suppressed"), outcome("exempt")), (6, 513, 1));
    assert_eq!((outcome("unreadable"), outcome("review"), outcome("waiting")), (1, 1, 1));
    assert_eq!(digest.alerts.received, 523);
    assert_eq!(digest.alerts.over_time.iter().map(Slot::alerts).sum::<u64>(), 523);
    assert_eq!((digest.alerts.step_seconds, digest.alerts.over_time.len()), (21_600, 28));
    assert_eq!(digest.alerts.why[0].alerts, 512, "the machine");
    assert_eq!(digest.cases.opened, 6);
    assert_eq!(digest.cases.by_verdict["policy_violation"], 2);
    assert_eq!((digest.cases.by_state["failed"], digest.cases.by_state["identifying"]), (1, 1));
    assert_eq!(digest.open.cases, 12);
}

#[test]
fn an_alert_needs_a_person_or_it_does_not_or_nobody_knows_yet() {
    let people = sample().people;
    // 513 repeats and one exempt, and the cases a and d; b has an action that failed, c is compromised, e failed.
    assert_eq!((people.alerts_without, people.alerts_with, people.undecided), (516, 5, 2));
    assert_eq!(people.share_without, Some(0.9904));
}

#[test]
fn times_are_measured_from_the_alert_and_not_from_the_case() {
    let times = sample().time_to_evidence;
    // The alert of case c came an hour before its case was opened.
    assert_eq!((times.cases, times.median_seconds, times.max_seconds), (4, Some(240), Some(9_600)));
    assert_eq!(times.p90_seconds, Some(9_600));
    assert_eq!(times.histogram.iter().map(|(_, cases)| cases).sum::<u64>(), 4);
    let none = Fold::new(week()).finish(at(169)).time_to_evidence;
    assert_eq!((none.median_seconds, none.p90_seconds), (None, None));
}

#[test]
fn those_who_come_again_are_named_over_their_cases_and_their_repeats() {
    let digest = sample();
    let seen = |offender: &Offender| (offender.name.clone(), offender.cases, offender.repeats);
    let users: Vec<_> = digest.users.iter().map(seen).collect();
    assert_eq!(users, [("corp\\guest".to_owned(), 0, 500), ("corp\\alice".to_owned(), 2, 11)]);
    let hosts: Vec<_> = digest.hosts.iter().map(seen).collect();
    assert_eq!(hosts, [("kiosk".to_owned(), 0, 500), ("ws-1".to_owned(), 2, 11)]);
    assert!(digest.notes.iter().any(|note| note.starts_with("2 repeats were counted")), "{:?}", digest.notes);
}

#[test]
fn what_was_not_reached_not_done_and_what_decided() {
    let digest = sample();
    assert_eq!(
        (digest.unreached[0].code.as_str(), &digest.unreached[0].hosts),
        ("unreachable", &vec!["10.0.0.5".to_owned()])
    );
    assert_eq!(digest.actions.by_kind["ticket"]["failed"], 1);
    assert_eq!(digest.actions.not_done.len(), 1);
    assert!(!digest.actions.not_done[0].detail.contains('\n'));
    let rule = &digest.rules[0];
    assert_eq!(
        (rule.id.as_str(), rule.cases),
        ("p2p.client_connected", 3),
        "once a case, and not for what is context"
    );
    assert_eq!(digest.rules.len(), 1);
}

#[test]
fn what_was_changed_looked_into_and_held_is_counted_and_a_preview_is_not() {
    fn json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let kept = |dry_run: bool| {
        let one = |n: u32, stage: &str, needs: u32| {
            serde_json::json!({ "n": n, "stage": stage, "needs": needs,
                "measure": { "measure": "isolate", "seconds": 60, "keep": [] },
                "why": { "rule": "r", "entry": "e", "row": 0 } })
        };
        let approval = |by: &str| {
            serde_json::json!({ "unsealed": by == "mallory", "by": by, "how": "link", "at": at(1), "evidence_sha256": "00", "measures": [1, 2],
                "expires_at": at(9) })
        };
        serde_json::json!({ "evidence_sha256": "00", "host_name": "h", "proposed_at": at(1), "expires_at": at(9),
            "dry_run": dry_run, "measures": [one(1, "done", 2), one(2, "expired", 3), one(3, "undone", 1)],
            "approvals": [approval("anna"), approval("anna"), approval("bert"), approval("mallory")] })
    };
    let mut fold = Fold::new(week());
    for (id, dry_run) in [("1", false), ("2", true)] {
        let mut case = investigated(opened(id, "10.0.0.5", 1), "h", "u", Verdict::Compromised, 5);
        case.remediation = Some(json(kept(dry_run)));
        case.forensics =
            Some(json(serde_json::json!({ "status": "given_up", "ordered_by": "p", "ordered_at": at(1),
            "failed_tries": 1 })));
        case.hold =
            Some(json(serde_json::json!({ "status": "held", "by": "p", "reason": "r", "at": at(1) })));
        fold.case(&case);
    }
    let digest = fold.finish(at(100));
    let measures = &digest.measures;
    assert_eq!((measures.proposed, measures.approved), (3, 1), "one person twice is one person");
    let stages: Vec<(&str, u64)> = measures.by_stage.iter().map(|(stage, n)| (stage.as_str(), *n)).collect();
    assert_eq!(stages, [("done", 1), ("expired", 1), ("undone", 1)]);
    assert_eq!((digest.forensics["given_up"], digest.holds["held"]), (2, 2));
    let section = digest.sections().into_iter().find(|section| section.id == "changes").unwrap();
    let rows: Vec<String> =
        section.rows.iter().map(|row| row.iter().map(Cell::words).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        rows,
        [
            "measures proposed: 3",
            "… approved: 1",
            "… done: 1",
            "… taken back: 1",
            "… expired: 1",
            "deeper looks given up: 2",
            "legal holds in force: 2",
        ]
    );
}

#[test]
fn an_action_list_that_is_cut_says_how_much_is_missing() {
    let mut fold = Fold::new(week());
    for number in 0..60 {
        let case = opened(&number.to_string(), "10.0.0.1", 1);
        fold.case(&with_action(case, ActionKind::Ticket, ActionStatus::Uncertain, "no answer"));
    }
    let digest = fold.finish(at(169));
    assert_eq!(
        (digest.actions.not_done.len(), digest.actions.not_listed, digest.failed_actions()),
        (50, 10, 60)
    );
    assert!(text(&digest).contains("and 10 more"));
}

#[test]
fn the_text_the_values_and_the_json() {
    let digest = sample();
    insta::assert_snapshot!("text", text(&digest));
    insta::assert_snapshot!("csv", csv(&digest).replace("\r\n", "\n"));
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&digest).unwrap());
}

#[test]
fn the_values_are_what_a_reader_of_rfc_4180_reads() {
    let written = csv(&sample());
    assert!(written.ends_with("\r\n") && !written.replace("\r\n", "").contains(['\r', '\n']));
    let mut reader = ::csv::ReaderBuilder::new().flexible(false).from_reader(written.as_bytes());
    let records: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert!(records.len() > 100, "{}", records.len());
    let detail =
        records.iter().find(|record| &record[0] == "not_done" && &record[3] == "what is known").unwrap();
    assert_eq!(&detail[4], "'=HYPERLINK(\"http://evil.example\")\\n");
    for record in &records {
        assert!(!record.iter().any(|field| field.starts_with(['=', '+', '-', '@'])), "{record:?}");
    }
}

#[test]
fn a_quiet_day_says_so() {
    let quiet = Fold::new(week()).finish(at(169));
    assert!(quiet.is_quiet() && !sample().is_quiet());
    let shown = text(&quiet);
    assert!(shown.contains("No alerts were received.") && shown.contains("No case is open."), "{shown}");
    assert!(quiet.people.share_without.is_none());
}

#[test]
fn the_mail_has_both_forms_and_one_line_as_its_subject() {
    let mail = message(&sample());
    assert_eq!(mail.subject, "[peerhound] digest of 2026-11-30: 523 alerts, 6 cases, 99 % needed nobody");
    assert!(mail.text.contains("523"));
    let html = mail.html.unwrap();
    assert!(
        html.contains("<table")
            && html.contains("kiosk")
            && !html.contains("<script")
            && !html.contains("<svg")
    );
}

/// Of outsiders' words, none that moves a cursor or ends a line reaches any form.
#[test]
fn hostile_names_stay_what_they_are() {
    for name in
        ["\u{1b}[2J", "a\u{202e}b", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "x\",\"y\r\n=1"]
    {
        let mut fold = Fold::new(week());
        for id in ["a", "b"] {
            let case = investigated(opened(id, "10.0.0.1", 1), name, "corp\\x", Verdict::PolicyViolation, 1);
            fold.case(&with_action(case, ActionKind::Ticket, ActionStatus::Failed, name));
        }
        let digest = fold.finish(at(169));
        assert_eq!(digest.hosts.len(), 1, "{name:?}");
        let mail = message(&digest);
        let (html, own_page) = (mail.html.unwrap(), page(&digest, "0"));
        assert!(!html.contains("<script") && !own_page.contains("<script"), "{name:?}");
        for shown in [text(&digest), csv(&digest), own_page, mail.text, html, mail.subject] {
            assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{name:?}");
        }
    }
}

/// The fold keeps counts: a hundred thousand repeats take the room of the cases that they are counted on.
#[test]
fn what_is_held_does_not_grow_with_the_alerts() {
    let mut fold = Fold::new(week());
    for number in 0..100_000_i64 {
        fold.alert(suppressed(number % 168, "ip#10.0.0.1", &(number % 10).to_string()));
    }
    assert_eq!(fold.owners_wanted().len(), 10);
    assert_eq!(fold.finish(at(169)).alerts.received, 100_000);
}
