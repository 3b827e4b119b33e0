//! Many at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use investigation::case::{Case, Disposition, Event, State, Step};
use investigation::claim::{Claim, ClaimKey, ClaimOp};
use investigation::evidence::{Identity, SessionUser};
use jiff::SignedDuration;

use super::super::{Backend, Committed};
use super::{alert, at, failed, open, open_with_user, opening, policy};

/// A case that ended because of a user leaves the lease on its address. When that user is given up, its alert waits
/// again, and must not have to wait for its own lease. However many workers come to it, one opens a case.
pub(super) async fn an_alert_that_waits_again_takes_over_what_its_closed_case_left<B: Backend>(
    store: Arc<B>,
) {
    let (owner, user) = open_with_user(&*store).await;
    let repeat = alert("same-user", "10.0.0.2");
    let case = open(&*store, &repeat, at(2)).await;
    let alice = SessionUser {
        name: "alice".to_owned(),
        domain: Some("CORP".to_owned()),
        session: None,
        from: None,
        since: None,
    };
    let identity = Identity { users: vec![alice], ..Identity::default() };
    let claiming = case.advance(Event::Identified { identity }, &policy(), at(3)).unwrap();
    assert_eq!(store.commit(&claiming, at(3)).await.unwrap(), Committed::Done);
    let held = store.claims_on(&[user], at(3)).await.unwrap();
    let closed = claiming.case.advance(Event::UserClaims { held }, &policy(), at(3)).unwrap();
    assert!(closed.case.is_closed());
    assert_eq!(store.commit(&closed, at(3)).await.unwrap(), Committed::Done);
    let failed = owner.advance(failed(), &policy(), at(4)).unwrap();
    assert_eq!(store.commit(&failed, at(4)).await.unwrap(), Committed::Done);

    let again = Step { alert_was: Some(Disposition::Waiting), ..opening(&repeat, at(5)) };
    match store.commit(&again, at(5)).await.unwrap() {
        Committed::Held(claim) => assert_eq!(claim.case_id, case.id),
        other => panic!("an opening takes what it was not told to take: {other:?}"),
    }
    let from_another = again.taking_over(&Case { id: owner.id.clone(), ..closed.case.clone() }).unwrap();
    assert!(matches!(store.commit(&from_another, at(5)).await.unwrap(), Committed::Held(_)));
    assert!(store.case(&again.case.id).await.unwrap().is_none(), "a refused step was written");

    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let (store, closed) = (Arc::clone(&store), closed.case.clone());
            let opening = opening(&repeat, at(6 + n));
            let again = Step { alert_was: Some(Disposition::Waiting), ..opening };
            tokio::spawn(async move {
                let over = again.taking_over(&closed).unwrap();
                (over.case.id.clone(), store.commit(&over, at(6 + n)).await.unwrap())
            })
        })
        .collect();
    let (mut won, mut told) = (Vec::new(), BTreeSet::new());
    for task in tasks {
        match task.await.unwrap() {
            (id, Committed::Done) => won.push(id),
            (_, Committed::Held(claim)) => drop(told.insert(claim.case_id)),
            (_, Committed::Stale) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
    let [won] = won.as_slice() else { panic!("{won:?} opened a case for one alert") };
    assert!(told.iter().all(|id| id == won), "{told:?} were told of, and {won} has it");
    let claim = store.claims_on(&[ClaimKey::ip(case.target)], at(20)).await.unwrap().remove(0);
    assert_eq!(&claim.case_id, won);
    let row = &store.alert("same-user").await.unwrap()[0];
    assert_eq!(row.disposition, Disposition::Opened { case_id: won.clone() });
    assert!(store.case(&case.id).await.unwrap().unwrap().is_closed());
}

/// Sixteen claimers of one address and of one user at the same moment, through any number of handles on one store: one
/// winner, and every loser is told who.
pub(crate) async fn of_many_claimers_one_wins<B: Backend>(handles: &[Arc<B>]) {
    let handle = |n: usize| Arc::clone(&handles[n % handles.len()]);
    let of_address = (0..16).map(|n| {
        let store = handle(n as usize);
        tokio::spawn(async move {
            let step = opening(&alert(&format!("c{n}"), "10.0.0.1"), at(n));
            (step.case.id.clone(), store.commit(&step, at(n)).await.unwrap())
        })
    });
    one_wins(of_address.collect()).await;

    let of_user = (0..16_u8).map(|n| {
        let store = handle(n.into());
        tokio::spawn(async move {
            let case = open(&*store, &alert(&format!("u{n}"), &format!("10.0.1.{n}")), at(0)).await;
            let key = ClaimKey::stored("user#corp\\alice".to_owned());
            let mut step =
                case.advance(Event::Identified { identity: Identity::default() }, &policy(), at(1)).unwrap();
            let claim = Claim::lease(key, &case.id, at(1), SignedDuration::from_hours(2));
            step.claims.push(ClaimOp::Take(claim));
            assert_eq!(step.case.state, State::Collecting);
            (case.id, store.commit(&step, at(1)).await.unwrap())
        })
    });
    one_wins(of_user.collect()).await;
}

async fn one_wins(tasks: Vec<tokio::task::JoinHandle<(String, Committed)>>) {
    let mut winners = BTreeSet::new();
    let mut told = BTreeSet::new();
    for task in tasks {
        match task.await.unwrap() {
            (id, Committed::Done) => drop(winners.insert(id)),
            (_, Committed::Held(claim)) => drop(told.insert(claim.case_id)),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(winners, told, "the losers were told of someone else");
}
