//! Stores to look at: what the real program makes of this machine, and many cases with names that attackers choose.

use std::path::Path;

use casework::backend::local::Local;
use casework::backend::{Backend, Committed, Received, Unread};
use investigation::assess::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};
use investigation::case::{Case, Disposition, Intake, Outcome, State, intake};
use investigation::claim::{Claim, ClaimKey, ClaimOp};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};

use crate::server::peerhound;

const POLICY: &str = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n";

/// Names as a suspect would choose them.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script>\"><img src=x onerror=alert(2)>\u{202e}gpj.exe\u{1b}[2J";

/// Lets the program investigate this machine, twice; returns the case.
pub(crate) fn demo(folder: &Path) -> String {
    let output = peerhound(folder).args(["demo", "--dir", ".", "--json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let outcomes: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let case = outcomes.first().and_then(|outcome| outcome["case_id"].as_str());
    case.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

/// A policy for a folder without a demo.
pub(crate) fn policy(folder: &Path) {
    std::fs::write(folder.join("peerhound.toml"), POLICY).unwrap();
}

/// Adds cases of the last weeks, of every kind; the last one of them has hostile names in every place, and is returned.
pub(crate) fn fill(folder: &Path, number: u32) -> Case {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Local::open(&folder.join("peerhound-data")).unwrap();
        let mut last = None;
        for each in 0..number {
            last = Some(one(&store, each, each + 1 == number).await);
        }
        let last = last.unwrap();
        repeats(&store, &last).await;
        let unread = Unread { reason: format!("no format fits: {HOSTILE}"), original: HOSTILE.to_owned() };
        let records = [("bad0000001", unread)].map(|(id, unread)| Received {
            id: id.to_owned(),
            origin: format!("alerts-{HOSTILE}.json, line 3"),
            content: Err(unread),
        });
        store.take_in(records.into(), Timestamp::now()).await.unwrap();
        last
    })
}

fn alert(id: &str, source: &str, rule: &str) -> investigation::alert::Alert {
    let value = serde_json::json!({
        "id": id, "format": "suricata_eve", "event.original": "{}", "event.id": format!("event-{id}"),
        "rule.name": rule, "source.ip": source, "source.port": 51413,
        "destination.ip": "203.0.113.7", "destination.port": 6881,
    });
    serde_json::from_value(value).unwrap()
}

async fn one(store: &Local, number: u32, hostile: bool) -> Case {
    let back =
        SignedDuration::from_hours(i64::from(number % 24) * 27) + SignedDuration::from_mins(number.into());
    let now = Timestamp::now() - if hostile { SignedDuration::from_mins(1) } else { back };
    let text = |plain: &str| if hostile { HOSTILE.to_owned() } else { plain.to_owned() };
    let source = format!("10.20.{}.{}", number / 200, number % 200 + 1);
    let alert = alert(&format!("{number:020x}"), &source, &text("ET P2P BitTorrent peer sync"));
    let policy = Policy::parse(POLICY).unwrap();
    store
        .take_in(
            vec![Received {
                id: alert.id.clone(),
                origin: text("eve.json, line 1"),
                content: Ok(alert.clone()),
            }],
            now,
        )
        .await
        .unwrap();
    let Intake::Open(step) = intake(&alert, &policy, now) else { panic!("not opened") };
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    let mut step = step;
    let case = &mut step.case;
    let users = ["alice", "bob", "carol", "dave"];
    let user = if hostile { "CORP\\<b>mallory</b>\u{202e}" } else { users[number as usize % users.len()] };
    let key = ClaimKey::user(Some("corp"), user, &Default::default()).unwrap();
    case.version += 1;
    case.claims =
        vec![Claim::lease(ClaimKey::ip(case.target), &case.id, now, SignedDuration::from_hours(72))];
    // Most users are claimed by one case only.
    if hostile || number < 4 {
        case.claims.push(Claim::lease(key, &case.id, now, SignedDuration::from_hours(72)));
    }
    let cooldown = SignedDuration::from_hours(72);
    case.claims = case.claims.iter().map(|claim| claim.cooldown(cooldown)).collect();
    case.pending.clear();
    case.identity = Some(identity(&text(&format!("ws-{number:04}"))));
    case.state = match number % 9 {
        7 => State::Closed {
            outcome: Outcome::Failed {
                code: "unreachable".to_owned(),
                reason: text("no answer"),
                retryable: true,
            },
        },
        8 => State::Waiting {
            code: "unreachable".to_owned(),
            reason: text("no answer on port 22"),
            tried_at: now,
        },
        kind => {
            let verdict =
                [Verdict::PolicyViolation, Verdict::Inconclusive, Verdict::FalsePositive][kind as usize % 3];
            case.assessment = Some(assessment(verdict, &source, &text("transmission-daemon")));
            State::Closed { outcome: Outcome::Investigated { verdict } }
        }
    };
    if hostile && matches!(step.case.state, State::Closed { outcome: Outcome::Investigated { .. } }) {
        followed_up(&mut step.case, now);
    }
    step.claims = step.case.claims.iter().cloned().map(ClaimOp::Take).collect();
    step.alert_was = None;
    step.alert = None;
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    step.case
}

/// Measures that wait, were done and were taken back, a deeper look, a hold: with hostile names wherever there may be some.
fn followed_up(case: &mut Case, now: Timestamp) {
    let later = now + SignedDuration::from_hours(6);
    let sealed = |name: &str| {
        serde_json::json!({ "location": format!("/evidence/{HOSTILE}/{name}"), "sha256": "c0ffee11".repeat(8),
            "size": 4711, "sealed_at": now })
    };
    let why = serde_json::json!({ "rule": "p2p.client_connected_to_peer", "entry": "artifacts/processes.json", "row": 1 });
    let outcome = |undo: serde_json::Value| serde_json::json!({ "n": 1, "status": "done", "detail": HOSTILE, "undo": undo, "at": now });
    let stop =
        serde_json::json!({ "measure": "stop_process", "pid": 7, "image": HOSTILE, "start_time": now });
    let isolate = serde_json::json!({ "measure": "isolate", "seconds": 14400, "keep": [] });
    let of = |n: u32, measure: &serde_json::Value, stage: &str, outcome: serde_json::Value| serde_json::json!({ "n": n, "measure": measure, "why": why, "needs": 2, "stage": stage, "outcome": outcome });
    let approval = serde_json::json!({ "by": "corp\\anna", "how": "command_line", "at": now,
        "evidence_sha256": "c0ffee11".repeat(8), "measures": [1, 2, 3], "expires_at": later });
    case.evidence = serde_json::from_value(sealed("first.zip")).unwrap();
    case.remediation = serde_json::from_value(serde_json::json!({
        "evidence_sha256": "c0ffee11".repeat(8), "host_name": HOSTILE, "proposed_at": now, "expires_at": later,
        "measures": [of(1, &stop, "proposed", serde_json::Value::Null),
            of(2, &isolate, "done", outcome(serde_json::json!({ "undo": "end_isolation" }))),
            of(3, &stop, "failed", serde_json::Value::Null)],
        "left_out": [HOSTILE], "approvals": [approval],
    }))
    .unwrap();
    case.forensics = serde_json::from_value(serde_json::json!({
        "status": "sealed", "ordered_by": "the policy", "ordered_at": now, "failed_tries": 0,
        "artifacts": [{ "artifact": "Linux.System.Logins", "kind": "logins", "status": "truncated", "reasons": [HOSTILE],
            "items": 3, "entries": [], "started_at": now, "finished_at": now }],
        "evidence": sealed("second.zip"),
    }))
    .unwrap();
    case.hold = serde_json::from_value(serde_json::json!({
        "status": "held", "by": HOSTILE, "reason": HOSTILE, "at": now, "detail": "2 containers are read-only",
    }))
    .unwrap();
    case.pending = serde_json::from_value(serde_json::json!([{
        "n": 90, "effect": "expire_proposals", "attempts": 0, "started": false, "not_before": later,
    }]))
    .unwrap();
}

fn identity(host: &str) -> Identity {
    let value = serde_json::json!({
        "host_name": host, "domain": "corp.example", "os": "Debian GNU/Linux 12 (bookworm)", "kernel": null, "users": [],
        "collected_as": null, "addresses": [], "endpoint_time": null, "boot_time": null,
    });
    serde_json::from_value(value).unwrap()
}

fn assessment(verdict: Verdict, source: &str, name: &str) -> Assessment {
    let finding = Finding {
        rule: "p2p.client_connected_to_peer".to_owned(),
        title: "A client is connected to the alert's peer".to_owned(),
        technique: None,
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        explanation: format!("{name} (PID 4211, user alice) is connected to 203.0.113.7:6881."),
        runbook: "Ask the user, and look at what was shared.".to_owned(),
        citations: vec![Citation {
            entry: "artifacts/connections.json".to_owned(),
            row: 12,
            excerpt: format!("tcp {source}:51413 203.0.113.7:6881 established {name}"),
            user: Some("alice".to_owned()),
            ..Citation::default()
        }],
    };
    let clean = verdict == Verdict::FalsePositive;
    Assessment {
        basis: Default::default(),
        verdict,
        confidence: Confidence::High,
        summary: format!("{} at {source}: {name}.", verdict.words()),
        findings: if clean { Vec::new() } else { vec![finding] },
        missing: if clean { Vec::new() } else { vec![format!("Linux.Process.List is partial: {name}")] },
        indicators_version: "2026-11-01".to_owned(),
    }
}

async fn repeats(store: &Local, case: &Case) {
    let key = ClaimKey::ip(case.target);
    for number in 0..25_u32 {
        let alert = alert(&format!("feed{number:016x}"), &case.target.to_string(), HOSTILE);
        let received =
            Received { id: alert.id.clone(), origin: "eve.json".to_owned(), content: Ok(alert.clone()) };
        let now = Timestamp::now();
        store.take_in(vec![received], now).await.unwrap();
        let disposition = Disposition::Suppressed {
            key: key.clone(),
            case_id: case.id.clone(),
            until: case.claims[0].expires_at,
        };
        store.settle(&alert.id, &disposition, now).await.unwrap();
    }
}
