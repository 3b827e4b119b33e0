//! Whole cases on this very machine, reached over its loopback address, with the real store, collector and container.

mod change;
mod decided;
mod follow_up;
mod mails;
mod news;
mod papers;
mod repeats;

use std::path::Path;
use std::time::Duration;

use collector::{Collector, Config, SshConfig};
use investigation::alert::Alert;
use investigation::case::ActionStatus;
use jiff::Timestamp;

use super::*;
use crate::backend::Received;
use crate::backend::local::Local;
use crate::container::verify;
use crate::deliver::MailConfig;
use crate::places::Places;

const POLICY: &str = "
version = 1
[scope]
networks = ['127.0.0.0/8']
permit_loopback = true
[collection]
artifacts = ['identity', 'processes', 'connections']
[mail]
soc = ['soc@example.com']
[actions]
false_positive = ['mail_soc', 'ticket']
inconclusive = ['mail_soc', 'ticket']
policy_violation = ['mail_soc', 'ticket']
compromised = ['mail_soc', 'ticket']
";

type Site = Worker<Local, OnSite>;

fn worker(data: &Path) -> Site {
    worker_with(data, POLICY)
}

fn worker_with(data: &Path, policy: &str) -> Site {
    let policy = Arc::new(Policy::parse(policy).unwrap());
    let ssh = SshConfig {
        user: "nobody".to_owned(),
        port: closed_port(),
        identity_files: Vec::new(),
        agent_socket: None,
        known_hosts: data.join("known_hosts"),
        accept_new_host_keys: false,
        connect_timeout: Duration::from_secs(5),
        privilege: None,
    };
    let programs = collector::program::Programs::default();
    let (scope, transports) = (policy.scope.clone(), policy.collection.transports.clone());
    let config = Config {
        scope,
        ssh,
        winrm: None,
        smb: None,
        transports,
        programs,
        collector_version: "test".to_owned(),
    };
    let now: Clock = Arc::new(Timestamp::now);
    let performer = OnSite {
        collector: Collector::new(config).unwrap(),
        policy: Arc::clone(&policy),
        rules: crate::rules::Rules::Shipped,
        places: Places::create(data).unwrap(),
        texts: Arc::new(investigation::act::Texts::shipped().clone()),
        directories: Default::default(),
        mail: MailConfig { smtp: None, from: policy.mail.from.clone() },
        desks: Desks::default(),
        findings: None,
        link: None,
        actions: Vec::new(),
        observer: Arc::new(()),
        now: Arc::clone(&now),
    };
    Worker { backend: Local::open(data).unwrap(), performer, policy, observer: Arc::new(()), now }
}

/// The same with 127.0.0.1 taken as this machine.
fn here(data: &Path) -> Site {
    let mut worker = worker(data);
    worker.performer.collector = worker.performer.collector.with_loopback_as_local();
    worker
}

/// A port that nothing listens on: it was free a moment ago.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn taken_in(worker: &Site, id: &str) -> AlertRow {
    let value = serde_json::json!({
        "id": id, "format": "test", "event.original": "{}",
        "source.ip": "127.0.0.1", "destination.ip": "203.0.113.7", "destination.port": 6881,
    });
    let alert: Alert = serde_json::from_value(value).unwrap();
    let received = Received { id: id.to_owned(), origin: "test".to_owned(), content: Ok(alert) };
    worker.backend.take_in(vec![received], Timestamp::now()).await.unwrap().remove(0)
}

async fn resolve(worker: &Site, id: &str) -> Resolution {
    let row = taken_in(worker, id).await;
    worker.resolve(&row, Pace::STEADY).await.unwrap()
}

fn case(resolution: Resolution) -> Case {
    match resolution {
        Resolution::Case(case) => *case,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_becomes_a_sealed_case_and_repeats_are_counted_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let case = case(resolve(&worker, "first-alert").await);
    assert!(
        matches!(case.state, State::Closed { outcome: Outcome::Investigated { .. } }),
        "{:?}",
        case.history
    );

    let evidence = case.evidence.as_ref().unwrap();
    let report = verify(Path::new(&evidence.location)).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    assert_eq!(report.sha256, evidence.sha256);
    assert_eq!(case.actions.len(), 2);
    assert!(case.actions.iter().all(|action| action.status == ActionStatus::Done), "{:?}", case.actions);
    assert_eq!(std::fs::read_dir(&worker.performer.places.outbox).unwrap().count(), 2);
    assert_eq!(
        std::fs::read_dir(&worker.performer.places.staging).unwrap().count(),
        0,
        "staging is not cleared"
    );

    for (id, count) in [("first-alert", 0), ("second-alert", 1), ("second-alert", 1), ("third-alert", 2)] {
        match resolve(&worker, id).await {
            Resolution::Settled(Disposition::Suppressed { case_id, .. }) => assert_eq!(case_id, case.id),
            other => panic!("{id}: {other:?}"),
        }
        assert_eq!(worker.backend.suppressed(&case.id).await.unwrap().0, count, "after {id}");
    }
    assert_eq!(worker.backend.cases(false, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_be_reached_is_not_silenced() {
    let dir = tempfile::tempdir().unwrap();
    let worker = worker(dir.path());
    let waiting = case(resolve(&worker, "first-alert").await);
    assert!(
        matches!(&waiting.state, State::Waiting { code, .. } if code == "unreachable"),
        "{:?}",
        waiting.state
    );
    assert!(worker.backend.claims(Timestamp::now()).await.unwrap().is_empty());
    assert!(waiting.evidence.is_none() && waiting.actions.is_empty());

    // Another alert about it is folded into the case, and tries again only where somebody asks for it.
    match resolve(&worker, "second-alert").await {
        Resolution::Settled(Disposition::Folded { case_id, .. }) => assert_eq!(case_id, waiting.id),
        other => panic!("{other:?}"),
    }
    let row = taken_in(&worker, "third-alert").await;
    let again = case(worker.resolve(&row, Pace { patience: Duration::ZERO, try_now: true }).await.unwrap());
    assert_eq!((again.id.as_str(), again.failed_tries), (waiting.id.as_str(), 2));
    assert_eq!(worker.backend.suppressed(&waiting.id).await.unwrap().0, 2);

    // It answers now.
    let worker = here(dir.path());
    let row = taken_in(&worker, "fourth-alert").await;
    let done = case(worker.resolve(&row, Pace { patience: Duration::ZERO, try_now: true }).await.unwrap());
    assert_eq!(done.id, waiting.id);
    assert!(
        matches!(done.state, State::Closed { outcome: Outcome::Investigated { .. } }),
        "{:?}",
        done.history
    );
}

/// Opens a case and performs its first effects, as a worker would that dies then.
async fn opened_until_collecting(worker: &Site, id: &str) -> Case {
    let row = taken_in(worker, id).await;
    let now = Timestamp::now();
    let Intake::Open(step) = intake(row.alert.as_ref().unwrap(), &worker.policy, now) else {
        panic!("not opened")
    };
    assert_eq!(worker.backend.commit(&step, now).await.unwrap(), Committed::Done);
    let mut case = step.case;
    while case.state != State::Collecting {
        let pending = case.pending[0].clone();
        case = worker.apply(&case, Event::Began { effect: pending.n }).await.unwrap();
        case = worker.perform(&case, &pending).await.unwrap();
    }
    let effect = case.pending[0].n;
    worker.apply(&case, Event::Began { effect }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_worker_died_is_continued_by_the_next_delivery_of_its_alert() {
    let dir = tempfile::tempdir().unwrap();
    let dead = opened_until_collecting(&here(dir.path()), "first-alert").await;
    // What it had begun to stage is half done.
    let task = format!("collect-{}", dead.pending[0].n);
    let half = Places::create(dir.path()).unwrap().staged(&dead.id, &task).join("artifacts");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("leftover"), "half a file").unwrap();

    let worker = here(dir.path());
    let case = case(resolve(&worker, "first-alert").await);
    assert_eq!(case.id, dead.id);
    assert!(case.is_closed());
    let report = verify(Path::new(&case.evidence.unwrap().location)).unwrap();
    let entries: Vec<_> = report.manifest.unwrap().entries.into_iter().map(|entry| entry.path).collect();
    assert!(!entries.contains(&"artifacts/leftover".to_owned()), "{entries:?}");
    assert_eq!(worker.backend.suppressed(&case.id).await.unwrap().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_was_whole_before_the_crash_is_not_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let dead = opened_until_collecting(&worker, "first-alert").await;
    // Performed, and the worker dies before it can write how it went.
    worker.performer.perform(&dead, &dead.pending[0]).await;
    let staging = worker.performer.places.staged(&dead.id, &format!("collect-{}", dead.pending[0].n));
    let before = staged::collection(&staging, &dead.id).unwrap();

    let case = case(worker.drive(&dead.id, Pace::STEADY).await.unwrap());
    let report = verify(Path::new(&case.evidence.unwrap().location)).unwrap();
    assert_eq!(report.manifest.unwrap().collection, before);
}

/// The machine that answered was not the one that had been asked who it is. What it gave is not kept, and above all not
/// taken for that of the next try.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_machine_gave_is_thrown_away_and_collected_anew() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let mut asked = opened_until_collecting(&worker, "first-alert").await;
    let places = Places::create(dir.path()).unwrap();
    let first = places.staged(&asked.id, &format!("collect-{}", asked.pending[0].n));
    worker.performer.perform(&asked, &asked.pending[0]).await;
    let of_another = staged::collection(&first, &asked.id).unwrap();

    // So it looks where the address went from another machine to this one between the two contacts.
    asked.identity.as_mut().unwrap().host_name = "the-machine-before".to_owned();
    let Performed::Done(event) = worker.performer.perform(&asked, &asked.pending[0]).await else {
        panic!("handed over")
    };
    assert!(matches!(&event, Event::ContactFailed { code, .. } if code == "identity_changed"), "{event:?}");
    assert!(!first.exists(), "what another machine gave is kept");

    // Even if it could not be removed: the next try is another effect.
    std::fs::create_dir_all(&first).unwrap();
    std::fs::write(first.join("collection.json"), serde_json::to_vec(&of_another).unwrap()).unwrap();
    let waiting = worker.apply(&asked, event).await.unwrap();
    assert!(waiting.is_waiting());
    let row = taken_in(&worker, "second-alert").await;
    let done = case(worker.resolve(&row, Pace { patience: Duration::ZERO, try_now: true }).await.unwrap());
    assert_eq!(done.id, asked.id);
    let report = verify(Path::new(&done.evidence.unwrap().location)).unwrap();
    let sealed = report.manifest.unwrap().collection;
    assert!(sealed.started_at > of_another.finished_at, "the first try's collection was sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_evidence_is_gone_is_given_up_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let open = opened_until_collecting(&worker, "first-alert").await;
    let Performed::Done(event) = worker.performer.perform(&open, &open.pending[0]).await else {
        panic!("handed over")
    };
    let collected = worker.apply(&open, event).await.unwrap();
    worker.performer.places.clear_staging(&collected.id).unwrap();
    let done = case(worker.drive(&collected.id, Pace::STEADY).await.unwrap());
    assert!(
        matches!(&done.state, State::Closed { outcome: Outcome::Failed { code, .. } } if code == "evidence_gone"),
        "{:?}",
        done.state
    );
    assert!(worker.backend.claims(Timestamp::now()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_another_workers_hands_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let open = opened_until_collecting(&worker, "first-alert").await;
    let hold = worker.backend.hold(&open.id).await.unwrap();
    assert!(hold.is_some());
    match resolve(&worker, "first-alert").await {
        Resolution::InOtherHands(case_id) => assert_eq!(case_id, open.id),
        other => panic!("{other:?}"),
    }
    assert_eq!(worker.backend.case(&open.id).await.unwrap().unwrap(), open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_slept_past_its_lease_does_not_touch_a_machine_that_was_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let slept = opened_until_collecting(&worker, "first-alert").await;
    let key = slept.claims[0].key.clone();
    worker.backend.release(&key, Timestamp::now()).await.unwrap();
    let other = case(resolve(&worker, "second-alert").await);

    match worker.drive(&slept.id, Pace::STEADY).await.unwrap() {
        Resolution::Settled(Disposition::Suppressed { case_id, .. }) => assert_eq!(case_id, other.id),
        unexpected => panic!("{unexpected:?}"),
    }
    assert!(!worker.performer.places.container(&slept.id).exists());
    assert_eq!(worker.backend.claims(Timestamp::now()).await.unwrap()[0].case_id, other.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_that_died_left_of_a_closed_case_is_cleared_and_of_an_open_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let closed = case(resolve(&worker, "first-alert").await);
    let places = Places::create(dir.path()).unwrap();
    std::fs::create_dir_all(places.staged(&closed.id, "collect")).unwrap();
    std::fs::create_dir_all(places.staged("ph-of-another-store", "collect")).unwrap();
    worker.tidy().await.unwrap();
    assert_eq!(worker.performer.places.staged_cases(), ["ph-of-another-store"]);

    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let open = opened_until_collecting(&worker, "first-alert").await;
    worker.tidy().await.unwrap();
    assert_eq!(worker.performer.places.staged_cases(), [open.id]);
}
