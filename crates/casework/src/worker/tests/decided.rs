//! What the worker makes of answers, over the store in memory and a performer that is told what to say.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use investigation::claim::ClaimKey;
use investigation::evidence::{Identity, SessionUser};
use jiff::SignedDuration;

use super::*;
use crate::backend::simulated::{Call, Fault, Faults, Simulated};

/// Every machine has one user, who is alice. Orders to collect are handed over.
#[derive(Default)]
struct Told {
    /// The effects that were performed, with the try that the case said it was.
    performed: Arc<Mutex<Vec<(&'static str, u32)>>>,
}

impl Performer for Told {
    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        let word = if pending.effect == Effect::Collect { "collect" } else { "identify" };
        self.performed.lock().unwrap().push((word, pending.attempts));
        if pending.effect == Effect::Collect {
            let until = case.updated_at + SignedDuration::from_mins(5);
            return Performed::Dispatched { until, to: "a relay".to_owned() };
        }
        let alice = SessionUser {
            name: "alice".to_owned(),
            domain: Some("CORP".to_owned()),
            session: None,
            from: None,
            since: None,
        };
        Performed::Done(Event::Identified {
            identity: Identity { users: vec![alice], ..Identity::default() },
        })
    }

    async fn leave(&self, _: &Case) {}
}

/// Counts the steps that are written.
#[derive(Default)]
struct Commits(AtomicUsize);

impl Faults for Commits {
    fn strike(&self, call: Call) -> Option<Fault> {
        self.0.fetch_add(usize::from(call == Call::Commit), Ordering::Relaxed);
        None
    }
}

struct Desk {
    worker: Worker<Simulated, Told>,
    commits: Arc<Commits>,
    clock: Arc<AtomicI64>,
}

impl Desk {
    fn new() -> Self {
        let (commits, clock) = (Arc::new(Commits::default()), Arc::new(AtomicI64::new(0)));
        let told = Arc::clone(&clock);
        let now = move || Timestamp::from_second(1_772_442_000 + told.load(Ordering::Relaxed)).unwrap();
        let worker = Worker {
            backend: Simulated::new(Arc::clone(&commits) as _),
            performer: Told::default(),
            policy: Arc::new(Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").unwrap()),
            observer: Arc::new(()),
            now: Arc::new(now),
        };
        Self { worker, commits, clock }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn row(&self, id: &str, source: &str) -> AlertRow {
        let value = serde_json::json!({
            "id": id, "format": "test", "event.original": "{}", "source.ip": source,
        });
        let alert: Alert = serde_json::from_value(value).unwrap();
        let received = Received { id: id.to_owned(), origin: "test".to_owned(), content: Ok(alert) };
        self.worker.backend.take_in(vec![received], (self.worker.now)()).await.unwrap().remove(0)
    }

    async fn resolve(&self, id: &str, source: &str) -> Resolution {
        let row = self.row(id, source).await;
        self.worker.resolve(&row, Pace::STEADY).await.unwrap()
    }

    fn performed(&self) -> Vec<(&'static str, u32)> {
        std::mem::take(&mut *self.worker.performer.performed.lock().unwrap())
    }

    async fn waiting(&self) -> Vec<String> {
        let rows = self.worker.backend.waiting(10).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

fn unreached() -> Event {
    Event::ContactFailed { code: "unreachable".to_owned(), reason: "no answer".to_owned(), retryable: false }
}

/// The case of the second alert ended because of the first one's user, and left its lease on the address. When the first
/// gives the user up, the second is decided in one go, and not told for two hours that it has to wait for itself.
#[tokio::test]
async fn an_alert_that_waits_again_does_not_wait_for_its_own_lease() {
    let desk = Desk::new();
    let owner = case(desk.resolve("a1", "10.0.0.1").await);
    match desk.resolve("a2", "10.0.0.2").await {
        Resolution::Settled(Disposition::Suppressed { case_id, .. }) => assert_eq!(case_id, owner.id),
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.performed(), [("identify", 1), ("collect", 1), ("identify", 1)]);
    desk.pass(60);
    let told_again = desk.resolve("a2", "10.0.0.2").await;
    assert!(matches!(told_again, Resolution::Settled(Disposition::Suppressed { .. })), "{told_again:?}");
    assert_eq!(desk.performed(), [], "a repeat contacts nobody");

    desk.worker.apply(&owner, unreached()).await.unwrap();
    assert_eq!(desk.waiting().await, ["a2"]);
    let again = case(desk.resolve("a2", "10.0.0.2").await);
    assert_eq!((again.state.clone(), again.alert.id.as_str()), (State::Collecting, "a2"));
    assert_eq!(desk.waiting().await, [""; 0], "it is still waiting");
    assert_eq!(desk.performed(), [("identify", 1), ("collect", 1)]);
    let ip = ClaimKey::ip(again.target);
    let now = (desk.worker.now)();
    assert_eq!(desk.worker.backend.claims_on(&[ip], now).await.unwrap()[0].case_id, again.id);
}

/// An alert that was forgotten and is told again while its case cools down is no alert that waits for ever.
#[tokio::test]
async fn an_alert_that_was_forgotten_is_put_down_to_its_own_case() {
    let desk = Desk::new();
    let owner = case(desk.resolve("a1", "10.0.0.1").await);
    let evidence = investigation::case::SealedEvidence {
        location: "x.zip".to_owned(),
        sha256: "00".to_owned(),
        size: 1,
        sealed_at: owner.opened_at,
    };
    let verdict = investigation::assess::Verdict::FalsePositive;
    let sealed = Case {
        version: owner.version + 1,
        evidence: Some(evidence),
        state: State::Closed { outcome: Outcome::Investigated { verdict } },
        pending: Vec::new(),
        ..owner.clone()
    };
    let step = Step { case: sealed, claims: Vec::new(), alert: None, alert_was: None, requeue: Vec::new() };
    let now = (desk.worker.now)();
    assert_eq!(desk.worker.backend.commit(&step, now).await.unwrap(), Committed::Done);
    desk.pass(60);
    let later = (desk.worker.now)();
    assert_eq!(desk.worker.backend.prune(later, now).await.unwrap(), 1);
    desk.resolve("a1", "10.0.0.1").await;
    assert_eq!(desk.waiting().await, [""; 0], "it waits for its own cooldown");
    let row = desk.row("a1", "10.0.0.1").await;
    assert_eq!(row.disposition, Disposition::Opened { case_id: owner.id });
}

/// What is handed over says which try it is, so that a late report of an earlier one is told from it.
#[tokio::test]
async fn who_hands_an_effect_over_knows_which_try_it_is() {
    let desk = Desk::new();
    let case = case(desk.resolve("a1", "10.0.0.1").await);
    assert_eq!(case.pending[0].handed_to.as_deref(), Some("a relay"));
    desk.pass(301);
    desk.worker.drive(&case.id, Pace::STEADY).await.unwrap();
    assert_eq!(desk.performed(), [("identify", 1), ("collect", 1), ("collect", 2)]);
}

/// The claim that stood in the way is gone: to write the same step again would meet the same refusal.
#[tokio::test]
async fn a_case_whose_rival_is_gone_looks_again_instead_of_repeating_itself() {
    let desk = Desk::new();
    let owner = case(desk.resolve("a1", "10.0.0.1").await);
    let user = owner.claims.iter().find(|claim| claim.key.is_user()).unwrap().clone();
    let row = desk.row("a2", "10.0.0.2").await;
    let now = (desk.worker.now)();
    let Intake::Open(step) = intake(row.alert.as_ref().unwrap(), &desk.worker.policy, now) else {
        panic!("not opened")
    };
    assert_eq!(desk.worker.backend.commit(&step, now).await.unwrap(), Committed::Done);
    let begun = desk.worker.apply(&step.case, Event::Began { effect: 1 }).await.unwrap();
    let claiming = desk.worker.perform(&begun, &begun.pending[0]).await.unwrap();
    assert_eq!(claiming.state, State::ClaimingUsers);
    desk.worker.apply(&owner, unreached()).await.unwrap();

    let before = desk.commits.0.load(Ordering::Relaxed);
    let left = desk.worker.apply(&claiming, Event::UserClaims { held: vec![user] }).await.unwrap();
    assert_eq!(left, claiming);
    assert_eq!(desk.commits.0.load(Ordering::Relaxed) - before, 1);
    desk.worker.drive(&claiming.id, Pace::STEADY).await.unwrap();
    assert_eq!(desk.worker.backend.case(&claiming.id).await.unwrap().unwrap().suspects(), ["corp\\alice"]);
}
