//! Effects that are begun again and again.

use super::*;

#[test]
fn a_case_waits_for_an_answer_no_longer_than_it_was_told() {
    let began = step(&open(), Event::Began { effect: 1 }, 0).case;
    let sent = step(&began, Event::Dispatched { effect: 1, until: at(600), to: "r".to_owned() }, 1).case;
    assert_eq!((sent.due(at(599)), sent.due(at(600)).map(|pending| pending.n)), (None, Some(1)));
    let again = step(&sent, Event::Began { effect: 1 }, 600).case;
    assert_eq!(again.pending[0].attempts, 2);

    let report = |attempt, event| Event::Reported { effect: 1, attempt, event: Box::new(event) };
    let late_failure = again.advance(report(1, unreached(true)), &policy(), at(700));
    assert!(
        matches!(late_failure, Err(Refused::NoSuchEffect { .. })),
        "a failure of an earlier try says nothing"
    );
    let late_answer = step(&again, report(1, Event::Identified { identity: identity(&[]) }), 700).case;
    assert_eq!(late_answer.state, State::Collecting);
    let twice =
        late_answer.advance(report(1, Event::Identified { identity: identity(&[]) }), &policy(), at(701));
    assert!(matches!(twice, Err(Refused::NoSuchEffect { .. })));
}

#[test]
fn contact_renews_the_lease_first() {
    let began = step(&open(), Event::Began { effect: 1 }, 3600);
    let [ClaimOp::Take(claim)] = began.claims.as_slice() else { panic!("{:?}", began.claims) };
    assert_eq!((claim.claimed_at, claim.expires_at), (at(0), at(3 * 3600)));
}

#[test]
fn an_effect_that_stops_the_worker_every_time_is_given_up() {
    let mut case = open();
    let (mut seconds, mut begun) = (0, Vec::new());
    let given_up = loop {
        seconds = seconds.max(case.next_due().unwrap().duration_since(at(0)).as_secs());
        let next = step(&case, Event::Began { effect: 1 }, seconds);
        if next.case.is_closed() {
            break next;
        }
        case = next.case;
        if case.pending[0].started {
            begun.push(seconds);
        }
    };
    assert_eq!(
        begun,
        [0, 0, 0, 4, 20, 84, 340, 1364],
        "each further try waits longer for what is wrong to pass"
    );
    assert!(
        matches!(given_up.case.state, State::Closed { outcome: Outcome::Failed { ref code, .. } } if code == "gave_up")
    );
    assert_eq!(released(&given_up), ["ip#10.0.0.5"]);
}

/// Fails the case's effect on our own side at each try, until it is over or `until`. Returns the pauses in seconds.
fn failing(mut case: Case, until: i64) -> (Case, Vec<i64>) {
    let (mut now, mut pauses) = (0, Vec::new());
    while !case.is_closed() && now < until {
        let effect = case.pending[0].n;
        let began = step(&case, Event::Began { effect }, now).case;
        let reason = "no space is left".to_owned();
        case = step(&began, Event::EffectFailed { effect, reason }, now).case;
        if let Some(due) = case.next_due() {
            pauses.push((due - at(now)).as_secs());
            now += pauses.last().unwrap();
        }
    }
    (case, pauses)
}

fn assessing() -> Case {
    perform(&collecting(&[("CORP", "alice")]), Event::Collected { outcomes: Vec::new(), staged: None }, 3)
        .case
}

#[test]
fn an_outage_of_hours_on_our_own_side_costs_no_case() {
    for case in [assessing(), collecting(&[("CORP", "alice")])] {
        let state = case.state.clone();
        let (case, pauses) = failing(case, 12 * 3600);
        assert_eq!(pauses[..11], [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600]);
        assert!(pauses[11..].iter().all(|pause| *pause == 3600), "{pauses:?}");
        assert_eq!(case.state, state);
        let held = |claim: &Claim| claim.expires_at >= case.next_due().unwrap();
        assert!(case.claims.iter().all(held), "the lease ends before the next try: {:?}", case.claims);
    }
}

#[test]
fn what_stays_broken_on_our_own_side_is_given_up_when_a_machine_would_be() {
    let (case, pauses) = failing(assessing(), i64::MAX);
    let State::Closed { outcome: Outcome::Failed { code, retryable: true, .. } } = &case.state else {
        panic!("{:?}", case.state)
    };
    assert_eq!(code, "own_failure");
    let borne: i64 = pauses.iter().sum();
    assert!((71 * 3600..=72 * 3600).contains(&borne), "{borne} s");
    assert!(case.claims.is_empty());
}

#[test]
fn a_worker_that_dies_now_and_then_in_an_outage_does_not_use_up_the_tries() {
    let mut case = assessing();
    let effect = case.pending[0].n;
    for round in 0..20 {
        let now = case.next_due().unwrap().max(at(round));
        for _ in 0..2 {
            case = case.advance(Event::Began { effect }, &policy(), now).unwrap().case;
        }
        let failed = Event::EffectFailed { effect, reason: "no space is left".to_owned() };
        case = case.advance(failed, &policy(), now).unwrap().case;
    }
    assert_eq!(case.state, State::Assessing);
}

#[test]
fn evidence_that_is_gone_is_not_tried_for_days() {
    let gone = Event::EvidenceGone { reason: "the staged evidence is gone".to_owned() };
    let step = perform(&assessing(), gone.clone(), 9);
    assert_eq!(released(&step), ["ip#10.0.0.5", "user#corp\\alice"]);
    assert!(
        matches!(&step.case.state, State::Closed { outcome: Outcome::Failed { code, .. } } if code == "evidence_gone")
    );
    assert!(open().advance(gone, &policy(), at(1)).is_err());
}
