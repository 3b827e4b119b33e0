//! Orders of which a try was not heard to its end: nothing says afterwards that the machine was not touched.

use super::*;

/// Ordered, and begun at this second.
fn begun(measures: Vec<Measure>, seconds: i64) -> (Case, u32) {
    let case = closed(offered(measures));
    let ordered = approve(&case, "anna", &[1], 10).unwrap().case;
    let effect = order(&ordered).unwrap().n;
    (ordered.advance(Event::Began { effect }, &policy_with(""), at(seconds)).unwrap().case, effect)
}

fn not(case: &Case, effect: u32, code: &str, seconds: i64) -> Case {
    let (code, reason) = (code.to_owned(), "so it went".to_owned());
    let event = Event::NotRemediated { effect, code, reason, retryable: true };
    case.advance(event, &policy_with(""), at(seconds)).unwrap().case
}

fn detail(case: &Case) -> &str {
    &case.remediation.as_ref().unwrap().measure(1).unwrap().detail
}

fn rejected(case: &Case) -> Step {
    let decision = decision("bert", &[1]);
    case.advance(Event::Rejected { decision }, &policy_with(""), at(60)).unwrap()
}

#[test]
fn a_no_after_a_try_that_may_have_been_carried_out_does_not_say_that_nothing_was_done() {
    let (case, effect) = begun(vec![stop(7)], 20);
    let after = rejected(&not(&case, effect, "disconnected", 30)).case;
    assert_eq!(stage(&after, 1), Stage::Failed);
    assert!(
        detail(&after).contains("bert") && detail(&after).contains("look at the machine"),
        "{}",
        detail(&after)
    );
    assert!(order(&after).is_none(), "it is not tried again");
    // Where nobody was reached, it was not.
    let after = rejected(&not(&case, effect, "unreachable", 30)).case;
    assert_eq!(stage(&after, 1), Stage::Rejected);
}

#[test]
fn approvals_that_run_out_after_a_try_that_may_have_been_carried_out_leave_it_to_a_person() {
    let (case, effect) = begun(vec![stop(7)], 20);
    let late = 10 + 8 * 3600;
    for (code, expected) in [("relay_failed", Stage::Failed), ("relay_offline", Stage::Expired)] {
        let waits = not(&case, effect, code, 30);
        let ended = waits.advance(Event::Began { effect }, &policy_with(""), at(late)).unwrap().case;
        assert_eq!(stage(&ended, 1), expected, "{code}");
        assert_eq!(
            detail(&ended).contains("look at the machine"),
            expected == Stage::Failed,
            "{}",
            detail(&ended)
        );
    }
}

#[test]
fn another_machine_at_the_address_says_nothing_of_what_was_done_on_the_first() {
    let refused =
        || Event::Remediated { effect: 0, outcomes: vec![outcome(1, MeasureStatus::Refused, None)] };
    let on = |case: &Case, effect: u32| {
        let Event::Remediated { outcomes, .. } = refused() else { panic!() };
        let again = case.advance(Event::Began { effect }, &policy_with(""), at(1000)).unwrap().case;
        again.advance(Event::Remediated { effect, outcomes }, &policy_with(""), at(1001)).unwrap().case
    };
    let (case, effect) = begun(vec![stop(7)], 20);
    assert_eq!(stage(&on(&not(&case, effect, "timed_out", 30), effect), 1), Stage::Failed);
    assert_eq!(stage(&on(&not(&case, effect, "unreachable", 30), effect), 1), Stage::Refused);
    // Nobody told of the first try at all.
    assert_eq!(stage(&on(&case, effect), 1), Stage::Failed);
}

#[test]
fn an_isolation_that_may_be_in_force_keeps_its_claim() {
    let case = closed(offered(vec![isolate()]));
    let first = approve(&case, "anna", &[], 10).unwrap().case;
    let ordered = approve(&first, "carl", &[], 11).unwrap().case;
    let effect = order(&ordered).unwrap().n;
    let begun = ordered.advance(Event::Began { effect }, &policy_with(""), at(20)).unwrap().case;
    let released = |step: &Step| {
        step.claims
            .iter()
            .any(|op| matches!(op, ClaimOp::Release(key) if key.as_str().starts_with("isolated#")))
    };
    assert!(!released(&rejected(&not(&begun, effect, "disconnected", 30))));
    assert!(released(&rejected(&not(&begun, effect, "unreachable", 30))));
}
