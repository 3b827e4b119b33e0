//! What seals are over, and what becomes of approvals without one.

use super::super::super::Heard;
use super::*;
use crate::remediation::Approval;

fn approved_twice() -> Case {
    let policy = policy_with("approvals = 2");
    let case = closed(offered(vec![stop(7), stop(8)]));
    let one = approve_with(&case, decision("anna", &[1]), Vec::new(), &policy, 10).unwrap().case;
    let two = approve_with(&one, decision("carl", &[1]), Vec::new(), &policy, 11).unwrap().case;
    assert_eq!(stage(&two, 1), Stage::Ordered);
    two
}

#[test]
fn a_seal_is_over_everything_that_a_person_said_yes_to() {
    let case = approved_twice();
    let approval = case.remediation.as_ref().unwrap().approvals[0].clone();
    let text = case.seal_text(&approval, "here");
    assert_ne!(case.seal_text(&approval, "there"), text);
    type Change = fn(&mut Case);
    let changes: [Change; 6] = [
        |case| case.id.push('x'),
        |case| case.target = "10.9.9.9".parse().unwrap(),
        |case| case.remediation.as_mut().unwrap().host_name.push('x'),
        |case| case.remediation.as_mut().unwrap().evidence_sha256.push('x'),
        |case| case.remediation.as_mut().unwrap().measures[0].measure = stop(1),
        |case| case.remediation.as_mut().unwrap().measures[0].n = 3,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut other = case.clone();
        change(&mut other);
        assert_ne!(other.seal_text(&approval, "here"), text, "change {n}");
    }
    let of = |change: fn(&mut Approval)| {
        let mut other = approval.clone();
        change(&mut other);
        other
    };
    for other in [
        of(|a| a.by.push('x')),
        of(|a| a.how = Way::Link),
        of(|a| a.at = at(12)),
        of(|a| a.expires_at = at(1_000_000)),
        of(|a| a.measures = vec![1, 2]),
        of(|a| a.evidence_sha256.push('x')),
        of(|a| a.undoes = true),
    ] {
        assert_ne!(case.seal_text(&other, "here"), text, "{other:?}");
    }
    // What happens to it afterwards is not what was said.
    let mut later = case.clone();
    later.remediation.as_mut().unwrap().measures[0].stage = Stage::Done;
    later.remediation.as_mut().unwrap().measures[1].measure = stop(9);
    assert_eq!(later.seal_text(&of(|a| a.seal = Some("ab".to_owned())), "here"), text);
}

#[test]
fn an_order_rests_on_approvals_with_a_seal_or_goes_back_to_people() {
    let policy = policy_with("approvals = 2");
    let case = approved_twice();
    let pending = order(&case).unwrap().clone();
    assert_eq!(case.rests_on(&pending, at(12)), [0, 1]);
    let event = |approvals: &[usize]| Event::NotSealed { effect: pending.n, approvals: approvals.to_vec() };
    let back = case.advance(event(&[1]), &policy, at(12)).unwrap().case;
    assert_eq!((stage(&back, 1), order(&back).is_none()), (Stage::Proposed, true));
    let told =
        |case: &Case, what: &str| case.history.iter().filter(|entry| entry.what.contains(what)).count();
    assert_eq!(told(&back, "the approval of 1 by carl carries no valid seal"), 1);
    let expires =
        |case: &Case| case.pending.iter().filter(|p| matches!(p.effect, Effect::ExpireProposals)).count();
    assert_eq!(expires(&back), 1, "it can still expire");
    // Whose name was misused may say it, and then it goes out.
    let again = approve_with(&back, decision("carl", &[1]), Vec::new(), &policy, 13).unwrap().case;
    assert_eq!(stage(&again, 1), Stage::Ordered);
    assert_eq!(again.rests_on(order(&again).unwrap(), at(14)), [0, 2]);

    // Where the others are enough, it goes on with them.
    let one = policy_with("");
    let stands = case.advance(event(&[1]), &one, at(12)).unwrap().case;
    let left = order(&stands).expect("the order");
    assert_eq!(
        (stage(&stands, 1), left.started, stands.rests_on(left, at(12))),
        (Stage::Ordered, false, vec![0])
    );
    // On no approval at all nothing is done.
    let none = case.advance(event(&[]), &one, at(12)).unwrap().case;
    assert!(order(&none).is_none() && stage(&none, 1) == Stage::Proposed);
    // When the proposals' own time is over, nobody is asked any more.
    let late = case.remediation.as_ref().unwrap().expires_at;
    let expired = case.advance(event(&[0, 1]), &policy, late).unwrap().case;
    assert_eq!((stage(&expired, 1), expires(&expired)), (Stage::Expired, expires(&case)));
}

#[test]
fn words_are_kept_and_strangers_push_nobody_out() {
    let case = approved_twice();
    let heard = |n: usize, by: &str, refused: Option<&str>| Heard {
        id: format!("{by}-{n}"),
        by: by.to_owned(),
        word: "approve".to_owned(),
        measures: vec![1],
        at: at(20),
        refused: refused.map(str::to_owned),
    };
    let mut kept = case.clone();
    kept.hear(heard(0, "anna", None));
    let history = kept.history.len();
    for n in 0..500 {
        let step = kept.word_refused(heard(n, "", Some("a\nb\u{1b}[2J")), at(20)).unwrap();
        assert!(kept.word_refused(heard(0, "anna", Some("no")), at(20)).is_none(), "heard before");
        kept = step.case;
    }
    assert!(kept.heard("anna-0").is_some_and(|heard| heard.refused.is_none()));
    assert_eq!(kept.heard.len(), 11);
    assert_eq!(kept.history.len(), history + 10, "strangers fill no history");
    assert!(!kept.history.last().unwrap().what.contains(char::is_control));
    for n in 1..100 {
        kept.hear(heard(n, "anna", Some("no")));
    }
    assert_eq!(kept.heard.len(), 50);
    assert!(kept.heard("anna-99").is_some() && kept.heard("-499").is_some());
}
