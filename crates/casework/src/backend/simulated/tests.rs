//! The contract, and the faults.

use std::sync::atomic::{AtomicUsize, Ordering};

use investigation::alert::Alert;
use investigation::case::{Intake, intake};
use investigation::policy::Policy;

use super::super::contract;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract() {
    contract::keeps(|| Simulated::new(Arc::new(()))).await;
}

#[tokio::test]
async fn however_many_alerts_wait_again() {
    contract::all_of_many_wait_again(&Simulated::new(Arc::new(())), 1050).await;
}

/// Strikes every call from the `nth` on.
struct From {
    nth: usize,
    fault: Fault,
    calls: AtomicUsize,
}

impl Faults for From {
    fn strike(&self, _: Call) -> Option<Fault> {
        (self.calls.fetch_add(1, Ordering::Relaxed) >= self.nth).then_some(self.fault)
    }
}

fn opening() -> Step {
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "id": "a1", "format": "test", "event.original": "{}", "source.ip": "10.0.0.1",
    }))
    .unwrap();
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").unwrap();
    match intake(&alert, &policy, Timestamp::UNIX_EPOCH) {
        Intake::Open(step) => *step,
        Intake::Settled(disposition) => panic!("{disposition:?}"),
    }
}

fn struck(fault: Fault) -> Simulated {
    Simulated::new(Arc::new(From { nth: 0, fault, calls: AtomicUsize::new(0) }))
}

#[tokio::test]
async fn a_struck_commit_writes_what_its_fault_says_and_never_more() {
    let now = Timestamp::UNIX_EPOCH;
    let step = opening();
    let conflict = struck(Fault::Conflict);
    assert_eq!(conflict.commit(&step, now).await.unwrap(), Committed::Stale);
    assert!(conflict.dump().cases.is_empty());
    let throttled = struck(Fault::Throttled);
    assert!(throttled.commit(&step, now).await.unwrap_err().is_passing());
    assert!(throttled.dump().cases.is_empty() && throttled.dump().claims.is_empty());
    let lost = struck(Fault::AnswerLost);
    lost.commit(&step, now).await.unwrap_err();
    assert_eq!((lost.dump().cases.len(), lost.dump().claims.len()), (1, 1));
}

#[tokio::test]
async fn a_hold_that_a_fault_refused_is_free() {
    let store = struck(Fault::AnswerLost);
    assert!(store.hold("c").await.is_err());
    assert!(store.memory().hold("c"));
}

#[tokio::test]
async fn what_is_due_is_found_by_its_time() {
    let store = Simulated::new(Arc::new(()));
    let step = opening();
    store.commit(&step, step.case.opened_at).await.unwrap();
    assert_eq!(store.due(step.case.opened_at), std::slice::from_ref(&step.case.id));
    assert!(store.due(Timestamp::MIN).is_empty());
    assert_eq!(store.unfinished(), (1, 0));
}
