//! Claims that change hands under a step, and alerts that rest on them.

use std::sync::Arc;
use std::time::Duration;

use investigation::case::Disposition;
use tokio::sync::Semaphore;

use super::*;

fn user() -> ClaimKey {
    ClaimKey::stored("user#corp\\alice".to_owned())
}

/// An open case that claims the user.
async fn owner(store: &Aws, now: i64) -> Case {
    let step = claiming_user(&open(store, &alert("owner", "10.0.0.1"), at(now)).await, &user(), at(now));
    assert_eq!(store.commit(&step, at(now)).await.unwrap(), Committed::Done);
    step.case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_claim_is_left_alone_and_fails_no_step() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let first = owner(&store, 0).await;
    let late = 2 * 3600;
    let second = open(&store, &alert("second", "10.0.0.1"), at(late)).await;
    let step = claiming_user(&second, &user(), at(late));
    assert_eq!(store.commit(&step, at(late)).await.unwrap(), Committed::Done);

    let gives_up = first.advance(unreachable(), &policy(), at(late + 1)).unwrap();
    assert_eq!((gives_up.claims.len(), gives_up.requeue.len()), (2, 1));
    assert_eq!(store.commit(&gives_up, at(late + 1)).await.unwrap(), Committed::Done);
    let claims = store.claims(at(late + 1)).await.unwrap();
    assert_eq!(claims.iter().filter(|claim| claim.case_id == second.id).count(), 2, "{claims:?}");
    assert_eq!(store.case(&first.id).await.unwrap().unwrap(), gives_up.case);
    assert_eq!(store.waiting_case(first.target).await.unwrap(), Some(first.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_ran_out_is_taken_although_its_item_is_still_there() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let first = owner(&store, 0).await;
    let held = store.claims_on(&[user()], at(1)).await.unwrap().remove(0);
    let just_before = held.expires_at.checked_sub(SignedDuration::from_nanos(1)).unwrap();
    let other = open(&store, &alert("other", "10.0.0.2"), at(0)).await;
    let step = claiming_user(&other, &user(), just_before);
    assert_eq!(store.commit(&step, just_before).await.unwrap(), Committed::Held(held.clone()));
    let step = claiming_user(&other, &user(), held.expires_at);
    assert_eq!(store.commit(&step, held.expires_at).await.unwrap(), Committed::Done);
    assert_ne!(store.claims_on(&[user()], held.expires_at).await.unwrap()[0].case_id, first.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_case_leaves_its_machines_list_however_it_goes_on() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let case = open(&store, &alert("a", "10.0.0.1"), at(0)).await;
    let waits = case.advance(unreachable(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&waits, at(1)).await.unwrap(), Committed::Done);
    // A step that does not look as if its case had waited.
    let mut goes_on =
        waits.case.advance(Event::Began { effect: waits.case.pending[0].n }, &policy(), at(900)).unwrap();
    goes_on.case.failed_tries = 0;
    assert_eq!(store.commit(&goes_on, at(900)).await.unwrap(), Committed::Done);
    assert_eq!(store.waiting_case(case.target).await.unwrap(), None);
    assert_eq!(store.commit(&goes_on, at(900)).await.unwrap(), Committed::Stale);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_that_were_pruned_do_not_keep_a_case_from_giving_up() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let case = owner(&store, 0).await;
    for n in 0..90 {
        let id = format!("s{n}");
        store.take_in(vec![received(&alert(&id, "10.0.0.2"))], at(n)).await.unwrap();
        let suppressed = Disposition::Suppressed { key: user(), case_id: case.id.clone(), until: at(7200) };
        store.settle(&id, &suppressed, at(n)).await.unwrap();
    }
    assert_eq!(store.prune(at(80), at(100)).await.unwrap(), 80);
    let gives_up = case.advance(refused(), &policy(), at(100)).unwrap();
    assert_eq!(store.commit(&gives_up, at(100)).await.unwrap(), Committed::Done);
    assert_eq!(store.suppressed(&case.id).await.unwrap().0, 0);
    assert_eq!(store.waiting(100).await.unwrap().len(), 10);
    assert!(store.alert("s0").await.unwrap().is_empty(), "a forgotten alert came back");
}

/// Cases close because a user's claim stands in their way, at the very moment at which the claim is given up.
/// Whichever comes first, no alert may stay suppressed on a case that has no evidence.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_alert_stays_suppressed_on_a_claim_that_is_given_up() {
    let Some(emulated) = Emulated::start() else { return };
    let (mut again, mut freed) = (0, 0);
    for round in 0..6 {
        let store = emulated.fresh();
        let owner = owner(&store, 0).await;
        let held = store.claims_on(&[user()], at(1)).await.unwrap().remove(0);
        let mut lost = Vec::new();
        for n in 0..12 {
            let case = open(&store, &alert(&format!("r{n}"), &format!("10.0.1.{n}")), at(1)).await;
            lost.push(case.advance(Event::ClaimLost { held: held.clone() }, &policy(), at(2)).unwrap());
        }
        let gives_up = owner.advance(refused(), &policy(), at(3)).unwrap();
        // The first four close before it, the last four after it, and those between them while it happens.
        let (before, after) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let mut tasks = Vec::new();
        for (position, step) in lost.into_iter().enumerate() {
            let (store, before, after) = (store.clone(), Arc::clone(&before), Arc::clone(&after));
            tasks.push(tokio::spawn(async move {
                match position {
                    0..4 => {}
                    4..8 => tokio::time::sleep(Duration::from_millis(10 * round)).await,
                    _ => after.acquire().await.unwrap().forget(),
                }
                let committed = store.commit(&step, at(3)).await.unwrap();
                if position < 4 {
                    before.add_permits(1);
                }
                committed
            }));
        }
        before.acquire_many(4).await.unwrap().forget();
        assert_eq!(store.commit(&gives_up, at(3)).await.unwrap(), Committed::Done);
        after.add_permits(4);
        for (n, task) in tasks.into_iter().enumerate() {
            let row = store.alert(&format!("r{n}")).await.unwrap().remove(0);
            match task.await.unwrap() {
                Committed::Done => {
                    let row = store.alert(&format!("r{n}")).await.unwrap().remove(0);
                    assert_eq!(row.disposition, Disposition::Waiting, "round {round}");
                    again += 1;
                }
                Committed::Freed(key) => {
                    assert!(matches!(row.disposition, Disposition::Opened { .. }), "{key}: {row:?}");
                    freed += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.suppressed(&owner.id).await.unwrap().0, 0);
    }
    assert!(again > 0 && freed > 0, "the race was not run: {again} before, {freed} after");
}
