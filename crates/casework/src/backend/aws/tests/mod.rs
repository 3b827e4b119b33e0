//! The contract on a real emulator, and what is special about DynamoDB.

mod calls;
mod claims;
mod finding;
mod holds;
mod proxy;
mod storm;
pub(crate) mod tables;

use investigation::alert::Alert;
use investigation::case::{Case, Event, Intake, Step, intake};
use investigation::claim::{Claim, ClaimKey, ClaimOp};
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};

use super::super::{Backend, Committed, Received, StoreError, Unread, contract};
use super::Aws;
use tables::Emulated;

fn policy() -> Policy {
    Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_442_000 + seconds).unwrap()
}

fn alert(id: &str, source: &str) -> Alert {
    let value = serde_json::json!({
        "id": id, "format": "test", "event.original": "{}", "event.id": format!("siem-{id}"), "source.ip": source,
    });
    serde_json::from_value(value).unwrap()
}

fn received(alert: &Alert) -> Received {
    Received { id: alert.id.clone(), origin: "test".to_owned(), content: Ok(alert.clone()) }
}

fn opening(alert: &Alert, now: Timestamp) -> Step {
    match intake(alert, &policy(), now) {
        Intake::Open(step) => *step,
        Intake::Settled(disposition) => panic!("not opened: {disposition:?}"),
    }
}

async fn open(store: &Aws, alert: &Alert, now: Timestamp) -> Case {
    store.take_in(vec![received(alert)], now).await.unwrap();
    let step = opening(alert, now);
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    step.case
}

/// A step of an open case that claims a user besides.
fn claiming_user(case: &Case, user: &ClaimKey, now: Timestamp) -> Step {
    let mut step = case.advance(Event::Began { effect: case.pending[0].n }, &policy(), now).unwrap();
    let claim = Claim::lease(user.clone(), &case.id, now, SignedDuration::from_hours(2));
    step.case.claims.push(claim.clone());
    step.claims.push(ClaimOp::Take(claim));
    step
}

fn refused() -> Event {
    let (code, reason) = ("host_key_changed".to_owned(), "another key".to_owned());
    Event::ContactFailed { code, reason, retryable: false }
}

fn unreachable() -> Event {
    let (code, reason) = ("unreachable".to_owned(), "no answer".to_owned());
    Event::ContactFailed { code, reason, retryable: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract() {
    let Some(emulated) = Emulated::start() else { return };
    contract::keeps(|| emulated.fresh()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_alerts_wait_again_than_fit_into_a_transaction() {
    let Some(emulated) = Emulated::start() else { return };
    contract::all_of_many_wait_again(&emulated.fresh(), 250).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_an_item_is_refused_by_name_and_what_deflates_is_kept() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let mut state = 1_u64;
    let mut noise = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((state >> 33) % 94).unwrap())
    };
    let originals =
        [("noise", (0..600_000).map(&mut noise).collect::<String>()), ("plain", "a".repeat(2 << 20))];
    for (id, original) in originals {
        let unread = Unread { reason: "x".to_owned(), original: original.clone() };
        let record = Received { id: id.to_owned(), origin: "here".to_owned(), content: Err(unread) };
        match store.take_in(vec![record], at(0)).await {
            Err(error @ StoreError::TooLarge { .. }) => {
                assert_eq!(id, "noise");
                assert!(!error.is_passing() && error.to_string().contains("alert noise"), "{error}");
            }
            answer => {
                answer.unwrap();
                assert_eq!(store.alert(id).await.unwrap()[0].original.as_deref(), Some(original.as_str()));
            }
        }
    }
    assert!(store.alert("noise").await.unwrap().is_empty() && store.alert("plain").await.unwrap().len() == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_table_is_named_and_no_reason_to_try_again() {
    let Some(emulated) = Emulated::start() else { return };
    let store = Aws::new(emulated.client(), "no-cases".to_owned(), "no-cooldowns".to_owned());
    let error = store.case("ph-x").await.unwrap_err();
    assert!(!error.is_passing() && error.to_string().contains("no-cases"), "{error}");
}
