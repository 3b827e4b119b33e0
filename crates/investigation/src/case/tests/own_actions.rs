//! Actions of the site's own: how often each may be tried.

use super::*;
use crate::act::CustomName;

const ACTION: &str = "[actions]\ninconclusive = ['action:soar']\n[[action]]\nname = 'soar'\nkind = 'http'\nurl = 'https://x.example/'\nper_hour = 1\n";

fn with(more: &str) -> Policy {
    Policy::parse(&format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{more}")).unwrap()
}

/// A case that has its action left, and the number of that.
fn acting_under(policy: &Policy) -> (Case, u32) {
    let collecting = collecting(&[("CORP", "alice")]);
    let mut case = collecting;
    let verdict = Box::new(assessment(Verdict::Inconclusive));
    for event in [
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: verdict, proposal: None },
        sealed(),
    ] {
        case = case.advance(event, policy, at(5)).unwrap().case;
    }
    let soar = ActionKind::Custom(CustomName::new("soar").unwrap());
    assert!(
        matches!(&case.pending[0].effect, Effect::Act { kind, .. } if *kind == soar),
        "{:?}",
        case.pending
    );
    let effect = case.pending[0].n;
    (case, effect)
}

/// Begins it when nobody else has a slot.
fn begun(case: &Case, effect: u32, policy: &Policy, seconds: i64) -> Step {
    assert_eq!(case.limit_slots(effect, policy).len(), 1);
    case.advance(Event::SlotsRead { effect, held: Vec::new() }, policy, at(seconds)).unwrap()
}

fn slot(step: &Step) -> Claim {
    match step.claims.as_slice() {
        [ClaimOp::Take(slot)] => slot.clone(),
        other => panic!("no slot: {other:?}"),
    }
}

#[test]
fn each_try_takes_a_slot_for_an_hour() {
    let policy = with(ACTION);
    let (case, effect) = acting_under(&policy);
    let first = begun(&case, effect, &policy, 10);
    assert_eq!(slot(&first).expires_at, at(10 + 3600));
    let delivery = Delivery::NotAccepted { why: "503".to_owned(), retry_after: None };
    let refused = first.case.advance(Event::Delivered { effect, delivery }, &policy, at(11)).unwrap().case;
    let event = Event::SlotsRead { effect, held: vec![slot(&first)] };
    let waits = refused.advance(event, &policy, at(100)).unwrap().case;
    assert_eq!((waits.pending[0].started, waits.pending[0].not_before), (false, at(10 + 3600)));
    assert_eq!(waits.pending[0].attempts, 1, "to wait for a turn is no try");
    assert!(slot(&begun(&waits, effect, &policy, 3700)).key == slot(&first).key);
}

#[test]
fn a_try_whose_worker_died_takes_another_slot_before_it_is_repeated() {
    let policy = with(&format!("{ACTION}idempotent = true\n"));
    let (case, effect) = acting_under(&policy);
    let first = begun(&case, effect, &policy, 10);
    let again = first.case.advance(Event::Began { effect }, &policy, at(60)).unwrap();
    assert!(again.claims.is_empty() && !again.case.pending[0].started, "{:?}", again.case.pending);
    let event = Event::SlotsRead { effect, held: vec![slot(&first)] };
    let waits = again.case.advance(event, &policy, at(60)).unwrap().case;
    assert_eq!((waits.pending[0].started, waits.pending[0].not_before), (false, at(10 + 3600)));
    assert!(waits.pending[0].may_have_arrived, "what the first try came to is still not known");
    // Without a limit in the way it is repeated at once.
    assert!(begun(&again.case, effect, &policy, 60).case.pending[0].started);
}

#[test]
fn a_wave_of_cases_waits_for_its_turn_and_is_not_cut_off_before_it_is_too_late() {
    let skips = with(&format!("[actions.limits]\nwhen_reached = 'skip'\nwait_at_most = '2h'\n{ACTION}"));
    let (case, effect) = acting_under(&skips);
    let taken = slot(&begun(&case, effect, &skips, 10));
    let event = Event::SlotsRead { effect, held: vec![taken.clone()] };
    let waits = case.advance(event, &skips, at(100)).unwrap().case;
    assert_eq!(waits.actions[0].status, ActionStatus::Pending, "{:?}", waits.actions);
    let late = Claim { expires_at: at(3 * 3600), ..taken };
    let event = Event::SlotsRead { effect, held: vec![late] };
    let skipped = case.advance(event, &skips, at(2 * 3600 - 60)).unwrap().case;
    assert_eq!(skipped.actions[0].status, ActionStatus::Skipped);
    assert!(skipped.actions[0].detail.contains("wait_at_most = 2h"), "{:?}", skipped.actions);
}
