//! What follows `compromised`, and what a person may ask for later.

use super::*;
use crate::claim::ClaimKind;

fn compromised() -> Case {
    acting(Verdict::Compromised)
}

/// Applies an event without beginning anything before.
fn on(case: &Case, event: Event, seconds: i64) -> Step {
    step(case, event, seconds)
}

/// Everything is delivered; what follows is left.
fn delivered(mut case: Case) -> Case {
    while let Some(pending) = case.pending.iter().find(|p| matches!(p.effect, Effect::Act { .. })) {
        let delivery = Delivery::Accepted { receipt: "r".to_owned() };
        case = on(&case, Event::Delivered { effect: pending.n, delivery }, 6).case;
    }
    case
}

fn effects(case: &Case) -> Vec<&str> {
    case.pending.iter().map(|pending| pending.effect.as_str()).collect()
}

fn second() -> Event {
    let evidence = SealedEvidence {
        location: "b-forensics.zip".to_owned(),
        sha256: "cd".repeat(32),
        size: 2,
        sealed_at: at(50),
    };
    Event::Sealed { evidence }
}

fn began(case: &Case, seconds: i64) -> Step {
    let effect = case.pending[0].n;
    on(case, Event::Began { effect }, seconds)
}

fn collected() -> Event {
    Event::Collected { outcomes: Vec::new(), staged: Some("forensics-9".to_owned()) }
}

fn held(case: &Case, seconds: i64) -> Case {
    let effect = case.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
    on(case, Event::Held { effect, detail: "1 container".to_owned() }, seconds).case
}

#[test]
fn a_compromised_machine_is_held_and_looked_into_deeper_after_who_must_know_is_told() {
    let case = compromised();
    assert_eq!(effects(&case), ["mail_soc", "ticket", "legal hold", "forensics"]);
    let case = held(&delivered(case), 10);
    assert_eq!(case.hold.as_ref().unwrap().status, HoldStatus::Held);
    assert!(!case.is_closed());
    let step = began(&case, 20);
    let order = step.case.order(&Effect::Forensics, &policy()).unwrap();
    let crate::order::Task::Collect { artifacts, .. } = order.task else { panic!("no collection") };
    assert!(crate::evidence::ArtifactKind::FORENSIC.iter().all(|kind| artifacts.contains(kind)));

    let first = case.evidence.clone();
    let sealing = on(&step.case, collected(), 30).case;
    assert_eq!(effects(&sealing), ["seal forensics"]);
    assert_eq!(sealing.forensics.as_ref().unwrap().staged.as_deref(), Some("forensics-9"));
    let sealed = on(&sealing, second(), 50).case;
    // The second container is held as the first is.
    assert_eq!((effects(&sealed), sealed.is_closed()), (vec!["legal hold"], false));
    let done = held(&sealed, 51);
    assert!(
        matches!(done.state, State::Closed { outcome: Outcome::Investigated { .. } }),
        "{:?}",
        done.state
    );
    let forensics = done.forensics.as_ref().unwrap();
    assert_eq!((forensics.status, done.evidence == first), (ForensicStatus::Sealed, true));
    assert_eq!(forensics.evidence.as_ref().unwrap().location, "b-forensics.zip");
}

#[test]
fn no_other_verdict_is_followed_up_and_the_policy_may_forgo_it() {
    for verdict in [Verdict::PolicyViolation, Verdict::Inconclusive, Verdict::FalsePositive] {
        let case = acting(verdict);
        assert!(case.forensics.is_none() && case.hold.is_none(), "{verdict}");
    }
    let none = Policy::parse(&format!("{POLICY}[forensics]\nenabled = false\nlegal_hold = false\n")).unwrap();
    let collecting = collecting(&[("CORP", "alice")]);
    let collected =
        collecting.advance(Event::Collected { outcomes: Vec::new(), staged: None }, &none, at(3)).unwrap();
    let verdict = Box::new(assessment(Verdict::Compromised));
    let assessed = collected
        .case
        .advance(Event::Assessed { assessment: verdict, proposal: None }, &none, at(4))
        .unwrap();
    let case = assessed.case.advance(sealed(), &none, at(5)).unwrap().case;
    assert_eq!(effects(&case), ["mail_soc", "ticket"]);
}

#[test]
fn a_mail_that_waits_for_an_address_goes_out_before_the_machine_is_contacted_again() {
    let text = POLICY.replace("[mail]", "[actions]\ncompromised = ['mail_user']\n[mail]");
    let text = text.replace("[users]\n", "[users]\ndirectory = 'users.csv'\n");
    let policy = Policy::parse(&text).unwrap();
    let go = |case: &Case, event, n| case.advance(event, &policy, at(n)).unwrap().case;
    let case =
        go(&collecting(&[("CORP", "alice")]), Event::Collected { outcomes: Vec::new(), staged: None }, 3);
    let verdict = Box::new(assessment(Verdict::Compromised));
    let case = go(&case, Event::Assessed { assessment: verdict, proposal: None }, 4);
    let case = go(&case, sealed(), 5);
    assert_eq!(effects(&case), ["look up users", "legal hold", "forensics"]);
    let found = Event::LookedUp { people: Vec::new(), faults: Vec::new(), again: false };
    assert_eq!(effects(&go(&case, found, 6)), ["mail_user", "legal hold", "forensics"]);
}

#[test]
fn the_claims_outlast_the_deeper_look_and_stay_cooldowns() {
    let case = held(&delivered(compromised()), 10);
    // Two days and 23:55 after the case was opened, five minutes before its cooldowns end.
    let late = 3 * 86_400 - 300;
    let step = began(&case, late);
    assert!(!step.claims.is_empty());
    for claim in &step.case.claims {
        assert!(claim.expires_at >= at(late + 75 * 60), "{claim:?}");
        assert_eq!((claim.kind, claim.claimed_at <= at(10)), (ClaimKind::Cooldown, true));
    }
    // Early on they last as long as they did.
    let step = began(&case, 20);
    assert!(step.case.claims.iter().zip(&case.claims).all(|(now, before)| now == before));
}

#[test]
fn a_machine_that_is_gone_is_tried_again_and_given_up_without_undoing_anything() {
    let case = held(&delivered(compromised()), 10);
    let failure = |retryable| Event::ContactFailed {
        code: "unreachable".to_owned(),
        reason: "r".to_owned(),
        retryable,
    };
    let begun = began(&case, 20).case;
    let again = on(&begun, failure(true), 21).case;
    assert_eq!((effects(&again), again.is_closed()), (vec!["forensics"], false));
    assert!(again.pending[0].not_before >= at(21 + 900) && again.pending[0].n != begun.pending[0].n);
    assert_eq!(again.claims, case.claims, "nobody else may have it meanwhile");

    let gone = on(&begun, failure(false), 21).case;
    assert!(
        matches!(gone.state, State::Closed { outcome: Outcome::Investigated { .. } }),
        "{:?}",
        gone.state
    );
    assert_eq!(gone.forensics.as_ref().unwrap().status, ForensicStatus::GivenUp);
    assert!(gone.evidence.is_some());

    let mut case = case;
    for round in 0..40 {
        if case.is_closed() {
            break;
        }
        let due = case.pending[0].not_before.as_second() - at(0).as_second();
        case = on(&began(&case, due).case, failure(true), due + 1 + round).case;
    }
    assert_eq!(case.forensics.as_ref().unwrap().status, ForensicStatus::GivenUp);
    assert!(case.updated_at <= at(10 + 86_400 + 600), "it is not tried for ever");
}

#[test]
fn a_machine_in_another_cases_hands_is_left_to_it() {
    let case = held(&delivered(compromised()), 10);
    let key = ClaimKey::ip("10.0.0.5".parse().unwrap());
    let other = Claim::lease(key, "ph-other", at(20), SignedDuration::from_hours(1));
    let case = on(&case, Event::ClaimLost { held: other }, 21).case;
    assert_eq!(effects(&case), ["forensics"]);
    assert!(case.forensics.as_ref().unwrap().detail.contains("ph-other"));
    assert!(matches!(case.state, State::Acting));
}

#[test]
fn what_follows_is_given_up_alone_when_it_kills_its_worker_or_our_side_fails() {
    for hold in [true, false] {
        let mut case = compromised();
        let effect = |case: &Case| {
            let fits = |p: &&Pending| matches!(p.effect, Effect::Hold { .. }) == hold && p.n > 0;
            case.pending.iter().filter(fits).find(|p| !matches!(p.effect, Effect::Act { .. })).map(|p| p.n)
        };
        let mut seconds = 20;
        while let Some(n) = effect(&case)
            && seconds < 200_000
        {
            case = on(&case, Event::Began { effect: n }, seconds).case;
            seconds += 5000;
        }
        assert!(effect(&case).is_none() && case.evidence.is_some(), "{:?}", case.history);
        let status = (case.forensics.unwrap().status, case.hold.unwrap().status);
        match hold {
            true => assert_eq!(status.1, HoldStatus::Failed),
            false => assert_eq!(status.0, ForensicStatus::GivenUp),
        }

        let case = compromised();
        let n = effect(&case).unwrap();
        let fail = |case: &Case, seconds| {
            let begun = on(case, Event::Began { effect: n }, seconds).case;
            on(&begun, Event::EffectFailed { effect: n, reason: "full".to_owned() }, seconds + 1).case
        };
        let first = fail(&case, 20);
        assert!(effect(&first).is_some(), "it is tried again");
        let last = fail(&first, 20 + 2 * 86_400);
        assert!(effect(&last).is_none() && !last.is_closed(), "{:?}", last.history);
    }
}

#[test]
fn staged_evidence_that_is_gone_ends_the_deeper_look_only() {
    let case = held(&delivered(compromised()), 10);
    let sealing = on(&began(&case, 20).case, collected(), 30).case;
    let done = on(&sealing, Event::EvidenceGone { reason: "gone".to_owned() }, 31).case;
    assert!(matches!(done.state, State::Closed { outcome: Outcome::Investigated { .. } }));
    assert_eq!(done.forensics.unwrap().status, ForensicStatus::GivenUp);
}

#[test]
fn a_person_may_ask_for_either_once_there_is_evidence() {
    let open = open();
    assert!(matches!(open.forensics_ordered("ann", at(1)), Err(NotOrdered::NoEvidence(_))));
    assert!(matches!(open.hold_ordered(true, "ann", "court", at(1)), Err(NotOrdered::NoEvidence(_))));

    let closed = acting(Verdict::FalsePositive);
    assert!(closed.is_closed());
    let verdict = closed.assessment.clone();
    let step = closed.forensics_ordered("ann", at(100)).unwrap();
    assert_eq!((step.case.version, &step.case.state), (closed.version + 1, &State::Acting));
    assert!(step.case.history.last().unwrap().what.contains("ordered by ann"));
    assert!(matches!(step.case.forensics_ordered("bob", at(101)), Err(NotOrdered::UnderWay(_))));
    let done = on(&on(&began(&step.case, 102).case, collected(), 103).case, second(), 104).case;
    assert!(done.is_closed() && done.assessment == verdict);
    assert!(matches!(done.forensics_ordered("bob", at(105)), Err(NotOrdered::Done(_))));

    assert!(matches!(done.hold_ordered(true, "ann", " ", at(106)), Err(NotOrdered::NoReason)));
    assert!(matches!(done.hold_ordered(false, "ann", "over", at(106)), Err(NotOrdered::NotHeld(_))));
    let case = held(&done.hold_ordered(true, "ann", "court\r\norder", at(107)).unwrap().case, 108);
    assert!(case.is_closed());
    let line = &case.history.iter().rev().nth(2).unwrap().what;
    assert!(line.contains("by ann: court") && !line.contains('\n'), "{line}");
    assert!(matches!(case.hold_ordered(true, "bob", "again", at(109)), Err(NotOrdered::Held(_))));
    let case = held(&case.hold_ordered(false, "bob", "settled", at(110)).unwrap().case, 111);
    let hold = case.hold.as_ref().unwrap();
    assert_eq!((hold.status, hold.by.as_str()), (HoldStatus::Released, "bob"));
    assert!(!hold.is_wanted());
}

#[test]
fn actions_of_the_sites_own_are_planned_and_repeated_only_where_that_does_no_harm() {
    let with = |more: &str| {
        let text =
            POLICY.replace("[mail]", &format!("[actions]\nfalse_positive = ['action:soar']\n{more}\n[mail]"));
        toml::from_str::<Policy>(&text).unwrap()
    };
    let act = |policy: &Policy| {
        let collecting = collecting(&[("CORP", "alice")]);
        let step = |case: &Case, event, n| case.advance(event, policy, at(n)).unwrap().case;
        let case = step(&collecting, Event::Collected { outcomes: Vec::new(), staged: None }, 3);
        let verdict = Box::new(assessment(Verdict::FalsePositive));
        let case = step(&case, Event::Assessed { assessment: verdict, proposal: None }, 4);
        step(&case, sealed(), 5)
    };
    let missing = act(&with(""));
    assert_eq!(missing.actions[0].status, ActionStatus::Skipped);
    assert!(missing.actions[0].detail.contains("soar") && missing.is_closed(), "{:?}", missing.actions);

    let soar = "[[action]]\nname = 'soar'\nkind = 'program'\npath = '/x'\n";
    let off = act(&with(&format!("off = ['action:soar']\n{soar}")));
    assert_eq!(off.actions[0].status, ActionStatus::Skipped);
    assert!(off.actions[0].detail.contains("off names action:soar") && off.is_closed(), "{:?}", off.actions);

    for (idempotent, after) in [(false, ActionStatus::Uncertain), (true, ActionStatus::Pending)] {
        let policy = with(&format!("{soar}idempotent = {idempotent}"));
        let case = act(&policy);
        assert_eq!(case.actions[0].kind.to_string(), "action:soar");
        let effect = case.pending[0].n;
        let begun = case.advance(Event::Began { effect }, &policy, at(6)).unwrap().case;
        let lost = Delivery::Uncertain { why: "no answer".to_owned() };
        let told = begun.advance(Event::Delivered { effect, delivery: lost }, &policy, at(7)).unwrap().case;
        assert_eq!(told.actions[0].status, after, "idempotent = {idempotent}");
        // The worker died in the middle.
        let again = begun.advance(Event::Began { effect }, &policy, at(8)).unwrap().case;
        assert_eq!(again.actions[0].status, after, "idempotent = {idempotent}");
        let stored: Case = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
        assert_eq!(stored, again);
    }
}
