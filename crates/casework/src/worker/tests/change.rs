//! Orders that change the endpoint, from a person's word to what came of it, with the real store and collector.

use investigation::case::Delivery;
use investigation::claim::ClaimKey;
use investigation::evidence::Identity;
use investigation::remediation::{
    Decision, Measure, MeasureOutcome, MeasureStatus, Proposal, Stage, Suggestion, Way, Why,
};

use super::*;
use crate::remediate::{Word, decide};

/// The worker with a policy that wants processes stopped.
fn site(data: &Path) -> Site {
    let section = "[remediation]\npolicy_violation = ['stop_process']\napprovers = ['anna', 'bert']\n";
    let policy = Arc::new(Policy::parse(&format!("{POLICY}{section}")).unwrap());
    let mut worker = here(data);
    worker.policy = Arc::clone(&policy);
    worker.performer.policy = policy;
    worker
}

/// A closed case whose measure is to stop `pid`.
async fn offered(worker: &Site, pid: u32, host_name: &str) -> Case {
    let row = taken_in(worker, "first-alert").await;
    let now = Timestamp::now();
    let Intake::Open(step) = intake(row.alert.as_ref().unwrap(), &worker.policy, now) else {
        panic!("not opened")
    };
    assert_eq!(worker.backend.commit(&step, now).await.unwrap(), Committed::Done);
    let image = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default().display().to_string();
    let proposal = Proposal {
        host_name: host_name.to_owned(),
        measures: vec![Suggestion {
            measure: Measure::StopProcess { pid, image, start_time: None },
            why: Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 },
        }],
        left_out: Vec::new(),
    };
    let assessment = serde_json::json!({ "verdict": "policy_violation", "confidence": "high", "summary": "s",
        "findings": [], "missing": [], "indicators_version": "1" });
    let evidence = investigation::case::SealedEvidence {
        location: "x.zip".to_owned(),
        sha256: "ab".repeat(32),
        size: 1,
        sealed_at: now,
    };
    let events = [
        Event::Identified { identity: Identity { host_name: host_name.to_owned(), ..Identity::default() } },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed {
            assessment: Box::new(serde_json::from_value(assessment).unwrap()),
            proposal: Some(Box::new(proposal)),
        },
        Event::Sealed { evidence },
    ];
    let mut case = step.case;
    for event in events {
        case = worker.apply(&case, event).await.unwrap();
    }
    while let Some(act) = case.pending.iter().find(|pending| matches!(pending.effect, Effect::Act { .. })) {
        let effect = act.n;
        let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
        case = worker.apply(&case, Event::Delivered { effect, delivery }).await.unwrap();
    }
    assert!(case.is_closed());
    case
}

async fn approved(worker: &Site, case: &Case) -> Case {
    let decision = Decision {
        by: "anna".to_owned(),
        how: Way::CommandLine,
        evidence_sha256: "ab".repeat(32),
        measures: Vec::new(),
    };
    let now = Timestamp::now;
    decide(&worker.backend, &case.id, Word::Approve, &decision, &worker.policy, now).await.unwrap()
}

fn stage(case: &Case) -> Stage {
    case.remediation.as_ref().unwrap().measures[0].stage
}

fn order(case: &Case) -> &Pending {
    case.pending.iter().find(|pending| pending.effect.changes_endpoint()).expect("an order")
}

/// A process of this test's own, for which nobody else is stopped.
fn own_process() -> std::process::Child {
    std::process::Command::new("/bin/sleep").arg("300").spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_carried_out_once_and_its_end_is_on_the_case() {
    let dir = tempfile::tempdir().unwrap();
    let worker = site(dir.path());
    let mut process = own_process();
    let host = collector_host(&worker).await;
    let case = offered(&worker, process.id(), &host).await;
    let ordered = approved(&worker, &case).await;
    assert_eq!(stage(&ordered), Stage::Ordered);
    worker.drive(&case.id, Pace::STEADY).await.unwrap();
    let after = worker.backend.case(&case.id).await.unwrap().unwrap();
    assert!(after.is_at_rest(), "{:?}", after.pending);
    assert_eq!(stage(&after), Stage::Done, "{:?}", after.remediation);
    assert!(process.try_wait().unwrap().is_some(), "it still runs");
    let told = |word: &str| after.history.iter().filter(|entry| entry.what.contains(word)).count();
    assert_eq!((told("anna approved 1"), told("are ordered")), (1, 1), "{:?}", after.history);
    assert_eq!(worker.performer.places.staged_cases(), Vec::<String>::new(), "staging is not cleared");
    let version = after.version;
    worker.drive(&case.id, Pace::STEADY).await.unwrap();
    assert_eq!(worker.backend.case(&case.id).await.unwrap().unwrap().version, version);
    let _ = process.kill();
    let _ = process.wait();
}

/// The name that this machine gives itself.
async fn collector_host(worker: &Site) -> String {
    let staging = tempfile::tempdir().unwrap();
    let order = investigation::order::Order {
        case_id: "ph-who".to_owned(),
        target: "127.0.0.1".parse().unwrap(),
        task: investigation::order::Task::Identify,
    };
    worker.performer.collector.execute(&order, staging.path(), &|_| {}).await.unwrap();
    let identity: Identity =
        staged::artifact(staging.path(), investigation::evidence::ArtifactKind::Identity).unwrap().unwrap();
    identity.host_name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_with_an_order_in_its_hands_is_made_up_for_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let worker = site(dir.path());
    let mut process = own_process();
    let host = collector_host(&worker).await;
    let case = offered(&worker, process.id(), &host).await;
    let ordered = approved(&worker, &case).await;
    let effect = order(&ordered).n;
    let began = worker.apply(&ordered, Event::Began { effect }).await.unwrap();
    // Performed, and the worker dies before it can write how it went.
    worker.performer.perform(&began, order(&began)).await;
    worker.drive(&case.id, Pace::STEADY).await.unwrap();
    let after = worker.backend.case(&case.id).await.unwrap().unwrap();
    assert!(after.is_at_rest());
    assert!(matches!(stage(&after), Stage::Done | Stage::Gone), "{:?}", after.remediation);
    assert!(process.try_wait().unwrap().is_some(), "it still runs");
    let _ = process.kill();
    let _ = process.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_comes_after_the_next_worker_began_is_taken_and_comes_to_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let worker = site(dir.path());
    let case = offered(&worker, 1, "ws-1").await;
    let ordered = approved(&worker, &case).await;
    let effect = order(&ordered).n;
    let began = worker.apply(&ordered, Event::Began { effect }).await.unwrap();
    let again = worker.apply(&began, Event::Began { effect }).await.unwrap();
    assert_eq!(order(&again).attempts, 2);
    let outcome = MeasureOutcome {
        n: 1,
        status: MeasureStatus::Done,
        detail: "stopped".to_owned(),
        undo: None,
        at: Timestamp::now(),
    };
    let event = Event::Remediated { effect, outcomes: vec![outcome] };
    worker.report(&case.id, effect, 1, event.clone()).await.unwrap();
    let after = worker.backend.case(&case.id).await.unwrap().unwrap();
    assert_eq!(stage(&after), Stage::Done, "what was found is found, whichever try found it");
    worker.report(&case.id, effect, 2, event).await.unwrap();
    assert_eq!(worker.backend.case(&case.id).await.unwrap().unwrap().version, after.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_belongs_to_another_case_by_now_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let worker = site(dir.path());
    let mut process = own_process();
    let case = offered(&worker, process.id(), "ws-1").await;
    let ordered = approved(&worker, &case).await;
    let key = ClaimKey::ip(case.target);
    worker.backend.release(&key, Timestamp::now()).await.unwrap();
    let row = taken_in(&worker, "second-alert").await;
    let now = Timestamp::now();
    let Intake::Open(step) = intake(row.alert.as_ref().unwrap(), &worker.policy, now) else {
        panic!("not opened")
    };
    assert_eq!(worker.backend.commit(&step, now).await.unwrap(), Committed::Done);
    worker.drive(&ordered.id, Pace::STEADY).await.unwrap();
    let after = worker.backend.case(&case.id).await.unwrap().unwrap();
    assert_eq!((stage(&after), order(&after).attempts), (Stage::Ordered, 0));
    assert!(order(&after).not_before > now, "{:?}", after.pending);
    assert!(process.try_wait().unwrap().is_none());
    let held = worker.backend.claims_on(&[key], Timestamp::now()).await.unwrap();
    assert_eq!(held[0].case_id, step.case.id);
    let _ = process.kill();
    let _ = process.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_ends_proposals_that_nobody_approved() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = site(dir.path());
    let case = offered(&worker, 1, "ws-1").await;
    assert_eq!(worker.backend.open_cases().await.unwrap(), std::slice::from_ref(&case.id));
    worker.drive(&case.id, Pace::STEADY).await.unwrap();
    assert_eq!(stage(&worker.backend.case(&case.id).await.unwrap().unwrap()), Stage::Proposed);
    worker.now = Arc::new(|| Timestamp::now() + jiff::SignedDuration::from_hours(9));
    worker.drive(&case.id, Pace::STEADY).await.unwrap();
    let after = worker.backend.case(&case.id).await.unwrap().unwrap();
    assert_eq!(stage(&after), Stage::Expired);
    assert!(worker.backend.open_cases().await.unwrap().is_empty());
}

/// The mail is that person's alone, and the link in it says what the person is asked.
#[tokio::test(flavor = "multi_thread")]
async fn each_approver_gets_a_mail_with_a_link_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = site(dir.path());
    let section = "[remediation]\npolicy_violation = ['stop_process']\napprovers = ['anna', 'bert']\n\
                   [remediation.link]\nurl = 'https://c.example/'\nkey_file = 'k'\n\
                   mail = { anna = 'anna@example.com', bert = 'bert@example.com' }\n";
    let policy = Arc::new(Policy::parse(&format!("{POLICY}{section}")).unwrap());
    let key = crate::approval_link::LinkKey::of(&"k".repeat(32)).unwrap();
    worker.policy = Arc::clone(&policy);
    worker.performer.policy = policy;
    worker.performer.link = Some(key.clone());
    let case = offered(&worker, 1, "ws-1").await;
    let sealed_again = |by: &str| vec![format!("{by}@example.com")];
    let mut links = Vec::new();
    for by in ["anna", "bert"] {
        let effect = Effect::Act { kind: investigation::act::ActionKind::MailApprover, to: sealed_again(by) };
        let pending = Pending { effect, ..case.pending[0].clone() };
        let Performed::Done(Event::Delivered { delivery: Delivery::Accepted { receipt }, .. }) =
            worker.performer.perform(&case, &pending).await
        else {
            panic!("not delivered")
        };
        let mail = std::fs::read_dir(&worker.performer.places.outbox)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        let mail = mail.last().unwrap().replace("=\r\n", "").replace("=3D", "=");
        let link = mail
            .split("https://c.example/approve?link=")
            .nth(1)
            .unwrap_or_else(|| panic!("{receipt} {mail}"));
        let link: String =
            link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        let offer = key.open(&link, Timestamp::now()).unwrap();
        assert_eq!(
            (offer.by.as_str(), offer.case_id.as_str(), offer.measures.as_slice()),
            (by, case.id.as_str(), &[1][..])
        );
        links.push(link);
        for entry in std::fs::read_dir(&worker.performer.places.outbox).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    assert_ne!(links[0], links[1]);
}
