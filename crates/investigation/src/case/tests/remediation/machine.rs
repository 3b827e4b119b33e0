//! An order for the machine beside the deeper look into it: both want the same machine.

use super::*;

/// A case with an order that nobody has begun, and a deeper look that a person asked for.
fn both() -> Case {
    let ordered = approve(&closed(offered(vec![stop(7)])), "anna", &[], 10).unwrap().case;
    ordered.forensics_ordered("ann", at(11)).unwrap().case
}

fn look(case: &Case) -> &Pending {
    case.pending.iter().find(|pending| pending.effect == Effect::Forensics).unwrap()
}

#[test]
fn a_claim_that_is_lost_puts_off_whatever_wanted_it_and_nothing_else() {
    let case = both();
    let user = case.claims.iter().find(|claim| claim.key.is_user()).unwrap().key.clone();
    let isolation = ClaimKey::isolation("ws-5");
    for (key, order_waits, look_waits) in
        [(ClaimKey::ip(case.target), true, true), (user, false, true), (isolation, true, false)]
    {
        let held = Claim::lease(key.clone(), "ph-other", at(9), SignedDuration::from_hours(2));
        let step = case.advance(Event::ClaimLost { held }, &policy_with(""), at(20)).unwrap();
        assert!(step.claims.is_empty() && !step.case.is_closed(), "{key}");
        assert_eq!(order(&step.case).unwrap().not_before > at(20), order_waits, "{key}");
        assert_eq!(look(&step.case).not_before > at(20), look_waits, "{key}");
        let says = step.case.forensics.as_ref().unwrap().detail.contains("ph-other");
        assert_eq!(says, look_waits, "{key}");
    }
}

#[test]
fn a_look_that_fails_leaves_the_order_and_one_that_ends_closes_the_case_beside_it() {
    let policy = policy_with("");
    let case = both();
    let go = |case: &Case, event, seconds| case.advance(event, &policy, at(seconds)).unwrap().case;
    let begun = go(&case, Event::Began { effect: look(&case).n }, 12);
    let reason = "no answer".to_owned();
    let failure = Event::ContactFailed { code: "unreachable".to_owned(), reason, retryable: false };
    let failed = go(&begun, failure, 13);
    assert_eq!(stage(&failed, 1), Stage::Ordered);
    assert!(failed.is_closed() && order(&failed).is_some(), "{:?}", failed.pending);

    let looked = go(&begun, Event::Collected { outcomes: Vec::new(), staged: None }, 13);
    let done = go(&looked, sealed(), 14);
    assert!(done.is_closed() && !done.is_at_rest(), "{:?}", done.pending);
    let order = order(&done).unwrap();
    assert_eq!((order.not_before, stage(&done, 1)), (at(10), Stage::Ordered));
    // What was approved was approved on the first container, which stays the case's.
    assert_eq!(done.evidence, case.evidence);
    let done = carried_out(&done, vec![outcome(1, MeasureStatus::Done, None)], 20);
    assert!(done.is_at_rest() && stage(&done, 1) == Stage::Done);
}
