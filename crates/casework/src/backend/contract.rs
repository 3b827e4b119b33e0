//! What every backend has to keep, as tests over the seam. Each backend's tests call [`keeps`].

mod digest;
mod limits;
pub(crate) mod races;
mod remediation;

use std::sync::Arc;

use investigation::alert::Alert;
use investigation::case::{Case, Disposition, Event, Intake, Step, intake};
use investigation::claim::{Claim, ClaimKey, ClaimKind};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};

use super::{Backend, Committed, Received, Unread};

fn policy() -> Policy {
    Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_442_000 + seconds).unwrap()
}

pub(crate) fn alert(id: &str, source: &str) -> Alert {
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

fn failed() -> Event {
    Event::ContactFailed { code: "unreachable".to_owned(), reason: "no answer".to_owned(), retryable: true }
}

fn refused() -> Event {
    Event::ContactFailed {
        code: "host_key_changed".to_owned(),
        reason: "another key".to_owned(),
        retryable: false,
    }
}

/// Runs the whole contract. `fresh` gives an empty store each time.
pub(crate) async fn keeps<B: super::ledger::Ledger>(fresh: impl Fn() -> B) {
    alerts_are_taken_in_once(&fresh()).await;
    unreadable_records_are_kept_for_review(&fresh()).await;
    alerts_are_found_by_either_id(&fresh()).await;
    one_claim_is_held_until_it_expires(&fresh()).await;
    a_refused_step_writes_nothing(&fresh()).await;
    limits::no_number_of_workers_exceeds_a_limit(&fresh()).await;
    limits::each_try_of_a_sites_own_action_counts(&fresh()).await;
    a_step_on_an_old_version_is_refused(&fresh()).await;
    failing_frees_the_claim(&fresh()).await;
    a_waiting_case_is_found_by_its_machine(&fresh()).await;
    alerts_suppressed_for_a_user_wait_again_when_the_claim_is_given_up(&fresh()).await;
    a_step_that_rests_on_anothers_claim_is_refused_once_that_is_gone(&fresh()).await;
    races::an_alert_that_waits_again_takes_over_what_its_closed_case_left(Arc::new(fresh())).await;
    suppressed_alerts_are_counted_once_each(&fresh()).await;
    an_alert_is_counted_where_it_ended_and_nowhere_else(&fresh()).await;
    an_alert_that_has_a_case_opens_no_second_one(&fresh()).await;
    an_operator_can_release_a_claim(&fresh()).await;
    one_worker_holds_a_case(&fresh()).await;
    pruning_keeps_what_is_open(&fresh()).await;
    remediation::it_goes_on_after_the_case_is_closed(&fresh()).await;
    remediation::of_two_orders_for_the_last_slot_one_goes_out(Arc::new(fresh())).await;
    races::of_many_claimers_one_wins(&[Arc::new(fresh())]).await;
    digest::each_alert_and_case_of_a_time_is_told_once(&fresh()).await;
    digest::many_are_told_in_pages(&fresh()).await;
    digest::a_days_mailing_is_written_by_one(&fresh()).await;
}

pub(crate) async fn open<B: Backend>(store: &B, alert: &Alert, now: Timestamp) -> Case {
    store.take_in(vec![received(alert)], now).await.unwrap();
    let step = opening(alert, now);
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    step.case
}

async fn alerts_are_taken_in_once<B: Backend>(store: &B) {
    let first = alert("a1", "10.0.0.1");
    let rows =
        store.take_in(vec![received(&first), received(&alert("a2", "10.0.0.2"))], at(0)).await.unwrap();
    assert_eq!(rows.len(), 2);
    open(store, &first, at(1)).await;
    let again = store.take_in(vec![received(&first)], at(2)).await.unwrap();
    assert!(
        matches!(again[0].disposition, Disposition::Opened { .. }),
        "a repeat reset the alert: {again:?}"
    );
    assert_eq!(again[0].received_at, at(0));
    let waiting = store.waiting(10).await.unwrap();
    assert_eq!(waiting.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a2"]);
}

async fn unreadable_records_are_kept_for_review<B: Backend>(store: &B) {
    let unread = Unread { reason: "no format fits".to_owned(), original: "\u{1b}[2J".to_owned() };
    let record = Received { id: "bad".to_owned(), origin: "x, line 3".to_owned(), content: Err(unread) };
    store.take_in(vec![record], at(0)).await.unwrap();
    let review = store.review(10).await.unwrap();
    assert!(
        matches!(&review[0].disposition, Disposition::Unreadable { reason } if reason == "no format fits")
    );
    assert_eq!(review[0].original.as_deref(), Some("\u{1b}[2J"));
    assert!(store.waiting(10).await.unwrap().is_empty());
}

async fn alerts_are_found_by_either_id<B: Backend>(store: &B) {
    let one = alert("0123456789abcdef0123", "10.0.0.1");
    store.take_in(vec![received(&one)], at(0)).await.unwrap();
    for id in ["0123456789abcdef0123", "01234567", "siem-0123456789abcdef0123"] {
        assert_eq!(store.alert(id).await.unwrap().len(), 1, "{id}");
    }
    for id in ["0123", "%", "nothing", ""] {
        assert!(store.alert(id).await.unwrap().is_empty(), "{id}");
    }
}

async fn one_claim_is_held_until_it_expires<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let second = alert("a2", "10.0.0.1");
    let last_second = at(2 * 3600 - 1);
    match store.commit(&opening(&second, last_second), last_second).await.unwrap() {
        Committed::Held(claim) => assert_eq!((claim.case_id, claim.kind), (case.id, ClaimKind::Lease)),
        other => panic!("{other:?}"),
    }
    let expired = at(2 * 3600);
    assert_eq!(store.commit(&opening(&second, expired), expired).await.unwrap(), Committed::Done);
    let claims = store.claims(expired).await.unwrap();
    assert_eq!(claims.len(), 1, "an expired claim is listed: {claims:?}");
}

async fn a_refused_step_writes_nothing<B: Backend>(store: &B) {
    open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let second = alert("a2", "10.0.0.1");
    store.take_in(vec![received(&second)], at(1)).await.unwrap();
    let step = opening(&second, at(1));
    assert!(matches!(store.commit(&step, at(1)).await.unwrap(), Committed::Held(_)));
    assert!(store.case(&step.case.id).await.unwrap().is_none());
    let row = &store.alert("a2").await.unwrap()[0];
    assert_eq!(row.disposition, Disposition::Waiting, "the alert was settled by a write that was refused");
}

async fn a_step_on_an_old_version_is_refused<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let step = case.advance(Event::Began { effect: 1 }, &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&step, at(1)).await.unwrap(), Committed::Done);
    assert_eq!(store.commit(&step, at(1)).await.unwrap(), Committed::Stale);
    assert_eq!(store.case(&case.id).await.unwrap().unwrap(), step.case);
    let again = opening(&alert("a1", "10.0.0.1"), at(0));
    assert_eq!(store.commit(&again, at(0)).await.unwrap(), Committed::Stale, "a case was inserted twice");
}

async fn failing_frees_the_claim<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    assert_eq!(store.open_cases().await.unwrap(), std::slice::from_ref(&case.id));
    let step = case.advance(refused(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&step, at(1)).await.unwrap(), Committed::Done);
    assert!(store.claims(at(1)).await.unwrap().is_empty());
    assert!(store.open_cases().await.unwrap().is_empty());
    assert_eq!(store.cases(false, 10).await.unwrap()[0].status, "failed");
    assert!(store.cases(true, 10).await.unwrap().is_empty());
}

async fn a_waiting_case_is_found_by_its_machine<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    assert_eq!(store.waiting_case(case.target).await.unwrap(), None);
    let waiting = case.advance(failed(), &policy(), at(1)).unwrap();
    assert!(waiting.case.is_waiting());
    store.commit(&waiting, at(1)).await.unwrap();
    assert_eq!(store.waiting_case(case.target).await.unwrap(), Some(case.id.clone()));
    assert_eq!(store.waiting_case("10.0.0.2".parse().unwrap()).await.unwrap(), None);
    assert!(store.claims(at(1)).await.unwrap().is_empty(), "a waiting case silences its machine");
    let again =
        waiting.case.advance(Event::Began { effect: waiting.case.pending[0].n }, &policy(), at(900)).unwrap();
    assert_eq!(store.commit(&again, at(900)).await.unwrap(), Committed::Done);
    assert_eq!(store.waiting_case(case.target).await.unwrap(), None);
    assert_eq!(store.claims(at(900)).await.unwrap().len(), 1);
}

/// An open case that claims a user.
async fn open_with_user<B: Backend>(store: &B) -> (Case, ClaimKey) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let user = ClaimKey::stored("user#corp\\alice".to_owned());
    let mut with_user =
        case.advance(Event::Identified { identity: Identity::default() }, &policy(), at(1)).unwrap();
    let claim = Claim::lease(user.clone(), &case.id, at(1), SignedDuration::from_hours(2));
    with_user.case.claims.push(claim.clone());
    with_user.claims.push(investigation::claim::ClaimOp::Take(claim));
    assert_eq!(store.commit(&with_user, at(1)).await.unwrap(), Committed::Done);
    (with_user.case, user)
}

async fn alerts_suppressed_for_a_user_wait_again_when_the_claim_is_given_up<B: Backend>(store: &B) {
    let (case, user) = open_with_user(store).await;
    for (id, key) in [("same-user", user), ("same-machine", ClaimKey::ip(case.target))] {
        store.take_in(vec![received(&alert(id, "10.0.0.2"))], at(2)).await.unwrap();
        let suppressed = Disposition::Suppressed { key, case_id: case.id.clone(), until: at(7200) };
        store.settle(id, &suppressed, at(2)).await.unwrap();
    }
    let failed = case.advance(failed(), &policy(), at(3)).unwrap();
    store.commit(&failed, at(3)).await.unwrap();
    let waiting = store.waiting(10).await.unwrap();
    assert_eq!(waiting.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["same-user"]);
    let (count, listed) = store.suppressed(&case.id).await.unwrap();
    assert_eq!((count, listed.len()), (1, 1));
}

/// However many alerts one user's claim stood in the way of, and however many repeats came after them.
pub(crate) async fn all_of_many_wait_again<B: Backend>(store: &B, many: usize) {
    let (with_user, user) = open_with_user(store).await;
    for (key, name) in [(user, "user"), (ClaimKey::ip(with_user.target), "repeat")] {
        for n in 0..many {
            let id = format!("{name}-{n}");
            store.take_in(vec![received(&alert(&id, "10.0.0.2"))], at(2)).await.unwrap();
            let suppressed =
                Disposition::Suppressed { key: key.clone(), case_id: with_user.id.clone(), until: at(7200) };
            store.settle(&id, &suppressed, at(2)).await.unwrap();
        }
    }
    assert_eq!(store.suppressed(&with_user.id).await.unwrap().0, 2 * many as u64);
    let failed = with_user.advance(failed(), &policy(), at(3)).unwrap();
    assert_eq!(store.commit(&failed, at(3)).await.unwrap(), Committed::Done);
    let waiting = store.waiting(2 * many).await.unwrap();
    assert!(waiting.iter().all(|row| row.id.starts_with("user-")));
    assert_eq!(waiting.len(), many);
    assert_eq!(store.suppressed(&with_user.id).await.unwrap().0, many as u64);
}

async fn a_step_that_rests_on_anothers_claim_is_refused_once_that_is_gone<B: Backend>(store: &B) {
    let (owner, user) = open_with_user(store).await;
    let held = store.claims_on(std::slice::from_ref(&user), at(2)).await.unwrap().remove(0);
    let repeat = alert("same-user", "10.0.0.2");
    let case = open(store, &repeat, at(2)).await;
    let lost = case.advance(Event::ClaimLost { held: held.clone() }, &policy(), at(3)).unwrap();
    assert!(lost.case.is_closed());
    assert_eq!(store.commit(&lost, held.expires_at).await.unwrap(), Committed::Freed(user.clone()));
    let failed = owner.advance(failed(), &policy(), at(3)).unwrap();
    assert_eq!(store.commit(&failed, at(3)).await.unwrap(), Committed::Done);
    assert_eq!(store.commit(&lost, at(3)).await.unwrap(), Committed::Freed(user));
    assert_eq!(store.case(&case.id).await.unwrap().unwrap(), case, "a refused step was written");
    let row = &store.alert("same-user").await.unwrap()[0];
    assert!(matches!(row.disposition, Disposition::Opened { .. }), "nobody looks at {row:?}");
}

async fn suppressed_alerts_are_counted_once_each<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let key = ClaimKey::ip(case.target);
    let suppressed = Disposition::Suppressed { key, case_id: case.id.clone(), until: at(7200) };
    for n in 0..30 {
        let id = format!("r{n}");
        store.take_in(vec![received(&alert(&id, "10.0.0.1"))], at(n)).await.unwrap();
        store.settle(&id, &suppressed, at(n)).await.unwrap();
        store.settle(&id, &suppressed, at(n)).await.unwrap();
    }
    let (count, listed) = store.suppressed(&case.id).await.unwrap();
    assert_eq!(count, 30);
    assert_eq!((listed.len(), listed[0].alert_id.as_str()), (20, "r29"));
    assert_eq!(store.cases(false, 10).await.unwrap()[0].suppressed, 30);
}

/// Two workers may have the same alert in hand: one finds a claim in its way, and by the time that is written the
/// claim is free and the other opens a case. The alert has one outcome, and only that is counted.
async fn an_alert_is_counted_where_it_ended_and_nowhere_else<B: Backend>(store: &B) {
    let first = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let other = open(store, &alert("a2", "10.0.0.2"), at(0)).await;
    let by = |case: &Case| Disposition::Suppressed {
        key: ClaimKey::ip(case.target),
        case_id: case.id.clone(),
        until: at(7200),
    };
    let repeat = alert("a3", "10.0.0.3");
    store.take_in(vec![received(&repeat)], at(1)).await.unwrap();
    for (disposition, counts) in [(by(&first), (1, 0)), (by(&first), (1, 0)), (by(&other), (0, 1))] {
        store.settle("a3", &disposition, at(2)).await.unwrap();
        let counted = async |case: &Case| {
            let (count, listed) = store.suppressed(&case.id).await.unwrap();
            assert_eq!(count, listed.len() as u64);
            count
        };
        assert_eq!((counted(&first).await, counted(&other).await), counts, "after {disposition:?}");
    }
    open(store, &repeat, at(3)).await;
    assert_eq!(store.suppressed(&other.id).await.unwrap().0, 0, "it opened a case and is still counted");
    store.settle("a3", &by(&first), at(4)).await.unwrap();
    let row = &store.alert("a3").await.unwrap()[0];
    assert!(matches!(row.disposition, Disposition::Opened { .. }), "taken from its open case: {row:?}");
    assert_eq!(store.suppressed(&first.id).await.unwrap().0, 0);
}

/// A worker that was stopped comes late: its claim would be free again, but the alert has got a case meanwhile.
async fn an_alert_that_has_a_case_opens_no_second_one<B: Backend>(store: &B) {
    let again = alert("a1", "10.0.0.1");
    store.take_in(vec![received(&again)], at(0)).await.unwrap();
    let late = Step { alert_was: Some(Disposition::Waiting), ..opening(&again, at(1)) };
    let case = open(store, &again, at(2)).await;
    assert!(store.release(&ClaimKey::ip(case.target), at(3)).await.unwrap().is_some());
    assert_eq!(store.commit(&late, at(4)).await.unwrap(), Committed::Stale);
    assert_eq!(store.case(&late.case.id).await.unwrap(), None);
    let row = &store.alert("a1").await.unwrap()[0];
    assert_eq!(row.disposition, Disposition::Opened { case_id: case.id.clone() });
    let asked = Step { alert_was: Some(row.disposition.clone()), ..opening(&again, at(5)) };
    assert_eq!(
        store.commit(&asked, at(5)).await.unwrap(),
        Committed::Done,
        "whoever has seen that may open another"
    );
}

async fn an_operator_can_release_a_claim<B: Backend>(store: &B) {
    let case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let key = ClaimKey::ip(case.target);
    assert_eq!(store.claims_on(std::slice::from_ref(&key), at(1)).await.unwrap()[0].case_id, case.id);
    assert_eq!(store.release(&key, at(1)).await.unwrap().unwrap().case_id, case.id);
    assert!(store.release(&key, at(1)).await.unwrap().is_none());
    assert!(store.claims_on(&[key], at(1)).await.unwrap().is_empty());
}

async fn one_worker_holds_a_case<B: Backend>(store: &B) {
    let hold = store.hold("ph-20260302-aaaaaaaa").await.unwrap();
    assert!(hold.is_some());
    assert!(store.hold("ph-20260302-aaaaaaaa").await.unwrap().is_none());
    assert!(store.hold("ph-20260302-bbbbbbbb").await.unwrap().is_some());
    drop(hold);
    assert!(store.hold("ph-20260302-aaaaaaaa").await.unwrap().is_some());
}

async fn pruning_keeps_what_is_open<B: Backend>(store: &B) {
    let open_case = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let closed = open(store, &alert("a2", "10.0.0.2"), at(0)).await;
    let step = closed.advance(refused(), &policy(), at(1)).unwrap();
    store.commit(&step, at(1)).await.unwrap();
    store.take_in(vec![received(&alert("a3", "10.0.0.3"))], at(0)).await.unwrap();
    assert_eq!(store.prune(at(100), at(100)).await.unwrap(), 1, "only the closed case's alert is old news");
    assert_eq!(store.waiting(10).await.unwrap().len(), 1);
    assert_eq!(store.open_cases().await.unwrap(), [open_case.id]);
    assert!(store.alert("a1").await.unwrap().len() == 1 && store.alert("a2").await.unwrap().is_empty());
}
