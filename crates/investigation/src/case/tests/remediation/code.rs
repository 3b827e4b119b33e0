//! The codes that come along with links.

use super::*;
use crate::case::{CodeGiven, CodeRefused};

/// What is taken, as a store that keeps it would give it back, and how many wrong ones are heard after it.
fn given(case: &Case, by: &str, given: CodeGiven, held: &[Claim], seconds: i64) -> (Claim, usize) {
    let (step, left) = case.code_given(by, given, held, at(seconds)).unwrap();
    assert_eq!(
        (step.case.version, step.case.remediation.as_ref()),
        (case.version + 1, case.remediation.as_ref())
    );
    match step.claims.as_slice() {
        [ClaimOp::Take(claim)] => (claim.clone(), left),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_right_code_is_used_up_for_every_case() {
    let case = closed(offered(vec![stop(7)]));
    let right = |by: &str, step| given(&case, by, CodeGiven::Right { step }, &[], 10).0;
    let claim = right("anna", 7);
    // A word is on its way for a quarter of an hour at most, and a code is good for a minute and a half.
    assert!(claim.key.is_limit() && claim.in_force(at(10 + 30 * 60)) && claim.case_id == case.id);
    assert_eq!(claim.key, right("anna", 7).key, "the same code is the same claim");
    assert_ne!(claim.key, right("anna", 8).key);
    assert_ne!(claim.key, right("carl", 7).key);
    assert!(!claim.key.as_str().contains("anna"));
}

#[test]
fn guessing_ends_after_five_wrong_codes_for_a_day() {
    let case = closed(offered(vec![stop(7)]));
    let mut held: Vec<Claim> = Vec::new();
    for left in (0..5).rev() {
        let (claim, heard) = given(&case, "anna", CodeGiven::Wrong, &held, 10);
        assert_eq!(heard, left);
        held.push(claim);
    }
    let keys: std::collections::BTreeSet<&ClaimKey> = held.iter().map(|claim| &claim.key).collect();
    assert_eq!(keys.len(), 5, "each takes a slot of its own: {held:?}");
    for code in [CodeGiven::Wrong, CodeGiven::Right { step: 7 }] {
        let refused = case.code_given("anna", code, &held, at(11));
        assert_eq!(refused, Err(CodeRefused::TooMany("anna".to_owned())), "also a right one");
    }
    assert!(case.code_given("carl", CodeGiven::Wrong, &held, at(11)).is_ok(), "another person");
    let tomorrow = at(10 + 24 * 3600);
    assert!(case.code_given("anna", CodeGiven::Wrong, &held, tomorrow).is_ok());
}
