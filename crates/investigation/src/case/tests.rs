//! Claims and transitions, each by name.

mod deliveries;
mod follow_up;
mod mails;
mod news;
mod own_actions;
mod remediation;
mod repeats;
mod tries;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::act::ActionKind;
use crate::assess::Confidence;
use crate::evidence::SessionUser;
use crate::policy::Policy;

const POLICY: &str = "
version = 1
[scope]
networks = ['10.0.0.0/8']
exempt = [{ network = '10.0.0.9/32', reason = 'scanner' }]
[users]
mail = '{user}@example.com'
exempt = [{ name = 'CORP\\svc-scan', reason = 'scan account' }]
[mail]
soc = ['soc@example.com']
";

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_442_000 + seconds).unwrap()
}

fn alert(source: &str) -> Alert {
    let value = serde_json::json!({
        "id": "a1", "format": "test", "event.original": "{}",
        "source.ip": source, "source.port": 51413, "destination.ip": "203.0.113.7", "destination.port": 6881,
    });
    serde_json::from_value(value).unwrap()
}

fn open() -> Case {
    match intake(&alert("10.0.0.5"), &policy(), at(0)) {
        Intake::Open(step) => step.case,
        Intake::Settled(disposition) => panic!("not opened: {disposition:?}"),
    }
}

fn identity(users: &[(&str, &str)]) -> Identity {
    let user = |(domain, name): &(&str, &str)| SessionUser {
        name: (*name).to_owned(),
        domain: Some((*domain).to_owned()),
        session: None,
        from: None,
        since: None,
    };
    let addresses: Vec<IpAddr> = vec!["10.0.0.5".parse().unwrap()];
    Identity {
        host_name: "ws-5".to_owned(),
        users: users.iter().map(user).collect(),
        addresses,
        ..Identity::default()
    }
}

fn assessment(verdict: Verdict) -> Assessment {
    Assessment {
        verdict,
        confidence: Confidence::High,
        summary: String::new(),
        findings: Vec::new(),
        missing: Vec::new(),
        indicators_version: "1".to_owned(),
        basis: Default::default(),
    }
}

fn step(case: &Case, event: Event, seconds: i64) -> Step {
    case.advance(event, &policy(), at(seconds)).unwrap()
}

/// Begins the case's first effect and then applies the event.
fn perform(case: &Case, event: Event, seconds: i64) -> Step {
    let began = step(case, Event::Began { effect: case.pending[0].n }, seconds);
    step(&began.case, event, seconds)
}

fn collecting(users: &[(&str, &str)]) -> Case {
    let identified = perform(&open(), Event::Identified { identity: identity(users) }, 1).case;
    if identified.state == State::Collecting {
        return identified;
    }
    perform(&identified, Event::UserClaims { held: Vec::new() }, 2).case
}

fn acting(verdict: Verdict) -> Case {
    let collected = perform(
        &collecting(&[("CORP", "alice")]),
        Event::Collected { outcomes: Vec::new(), staged: None },
        3,
    )
    .case;
    let assessed =
        perform(&collected, Event::Assessed { assessment: Box::new(assessment(verdict)), proposal: None }, 4)
            .case;
    perform(&assessed, sealed(), 5).case
}

fn sealed() -> Event {
    let evidence =
        SealedEvidence { location: "x.zip".to_owned(), sha256: "00".to_owned(), size: 1, sealed_at: at(5) };
    Event::Sealed { evidence }
}

fn released(step: &Step) -> Vec<&str> {
    step.claims
        .iter()
        .filter_map(|op| match op {
            ClaimOp::Release(key) => Some(key.as_str()),
            ClaimOp::Take(_) | ClaimOp::TakeOver { .. } | ClaimOp::Confirm(_) => None,
        })
        .collect()
}

#[test]
fn an_alert_opens_a_case_with_a_lease_on_its_address() {
    let Intake::Open(step) = intake(&alert("10.0.0.5"), &policy(), at(0)) else { panic!("not opened") };
    let [ClaimOp::Take(claim)] = step.claims.as_slice() else { panic!("{:?}", step.claims) };
    assert_eq!(claim.key.as_str(), "ip#10.0.0.5");
    assert_eq!(claim.expires_at, at(2 * 3600));
    assert_eq!(step.case.pending[0].effect, Effect::Identify);
    assert_eq!(step.alert, Some(Disposition::Opened { case_id: step.case.id.clone() }));
}

#[test]
fn exempt_and_foreign_addresses_open_nothing() {
    let settled = |source| match intake(&alert(source), &policy(), at(0)) {
        Intake::Settled(disposition) => disposition,
        Intake::Open(step) => panic!("opened {}", step.case.id),
    };
    assert!(matches!(settled("10.0.0.9"), Disposition::Exempt { reason, .. } if reason == "scanner"));
    for foreign in ["192.168.1.1", "127.0.0.1", "169.254.169.254", "198.51.100.1", "224.0.0.1"] {
        assert!(matches!(settled(foreign), Disposition::Refused { .. }), "{foreign}");
    }
}

#[test]
fn users_are_claimed_before_anything_is_collected() {
    let identified = perform(&open(), Event::Identified { identity: identity(&[("CORP", "Alice")]) }, 1).case;
    assert_eq!(identified.state, State::ClaimingUsers);
    let step = perform(&identified, Event::UserClaims { held: Vec::new() }, 2);
    let [ClaimOp::Take(claim)] = step.claims.as_slice() else { panic!("{:?}", step.claims) };
    assert_eq!(claim.key.as_str(), "user#corp\\alice");
    assert_eq!(step.case.pending[0].effect, Effect::Collect);
}

#[test]
fn a_machine_without_a_user_is_collected_all_the_same() {
    assert_eq!(collecting(&[("", "SYSTEM"), ("CORP", "WS-5$")]).state, State::Collecting);
}

#[test]
fn a_user_in_cooldown_on_a_new_address_suppresses_and_nothing_is_collected() {
    let identified = perform(&open(), Event::Identified { identity: identity(&[("CORP", "alice")]) }, 1).case;
    let key = policy().user_key(None, "CORP\\alice").unwrap();
    let other = Claim::lease(key.clone(), "other", at(-100), SignedDuration::from_hours(2));
    let step = perform(&identified, Event::UserClaims { held: vec![other.clone()] }, 2);
    assert_eq!(step.case.state, State::Closed { outcome: Outcome::Suppressed { by: other } });
    assert!(step.case.pending.is_empty());
    let owner = Disposition::Suppressed { key, case_id: "other".to_owned(), until: at(7100) };
    assert_eq!(step.alert, Some(owner));
    assert_eq!(released(&step), [""; 0], "the lease on the address runs out by itself");
}

#[test]
fn an_alert_that_waits_again_takes_over_what_its_own_closed_case_left_and_nothing_else() {
    let identified = perform(&open(), Event::Identified { identity: identity(&[("CORP", "alice")]) }, 1).case;
    let key = policy().user_key(None, "CORP\\alice").unwrap();
    let other = Claim::lease(key, "other", at(-100), SignedDuration::from_hours(2));
    let closed = perform(&identified, Event::UserClaims { held: vec![other] }, 2).case;
    let Intake::Open(opening) = intake(&alert("10.0.0.5"), &policy(), at(9)) else { panic!("not opened") };
    let waits_again = Step { alert_was: Some(Disposition::Waiting), ..*opening };

    let over = waits_again.taking_over(&closed).unwrap();
    let [ClaimOp::TakeOver { claim, from }] = over.claims.as_slice() else { panic!("{:?}", over.claims) };
    assert_eq!((claim.case_id.as_str(), from.as_str()), (over.case.id.as_str(), closed.id.as_str()));

    let suppressed =
        Disposition::Suppressed { key: claim.key.clone(), case_id: "other".to_owned(), until: at(9) };
    let told_again = Step { alert_was: Some(suppressed), ..waits_again.clone() };
    assert_eq!(told_again.taking_over(&closed), None, "repeats do not each contact the machine");
    assert_eq!(waits_again.taking_over(&identified), None, "a case that is at work keeps what it has");
    assert_eq!(waits_again.taking_over(&acting(Verdict::FalsePositive)), None, "there is evidence");
    let anothers = Case { alert: Alert { id: "a2".to_owned(), ..alert("10.0.0.5") }, ..closed };
    assert_eq!(waits_again.taking_over(&anothers), None);
}

#[test]
fn with_two_users_only_the_free_one_is_claimed() {
    let users = identity(&[("CORP", "alice"), ("CORP", "bob")]);
    let identified = perform(&open(), Event::Identified { identity: users }, 1).case;
    let alice = policy().user_key(None, "CORP\\alice").unwrap();
    let held = vec![Claim::lease(alice, "other", at(0), SignedDuration::from_hours(2))];
    let step = perform(&identified, Event::UserClaims { held }, 2);
    assert_eq!(step.case.state, State::Collecting);
    assert_eq!(step.case.suspects(), ["corp\\bob"]);
}

#[test]
fn an_expired_claim_of_a_user_is_not_in_the_way() {
    let identified = perform(&open(), Event::Identified { identity: identity(&[("CORP", "alice")]) }, 1).case;
    let key = policy().user_key(None, "CORP\\alice").unwrap();
    let stale = Claim::lease(key, "other", at(-7200), SignedDuration::from_hours(2));
    assert_eq!(
        perform(&identified, Event::UserClaims { held: vec![stale] }, 2).case.state,
        State::Collecting
    );
}

#[test]
fn the_user_named_by_the_alert_is_the_suspect_if_logged_in() {
    let mut case = open();
    case.alert.user_name = Some("bob@corp.example.com".to_owned());
    let users = identity(&[("CORP", "alice"), ("CORP", "bob")]);
    let identified = perform(&case, Event::Identified { identity: users }, 1).case;
    let Effect::ReadUserClaims { keys } = &identified.pending[0].effect else {
        panic!("{:?}", identified.pending)
    };
    assert_eq!(keys.iter().map(ClaimKey::as_str).collect::<Vec<_>>(), ["user#corp\\bob"]);
}

#[test]
fn an_exempt_user_ends_the_case_and_frees_the_address() {
    let step = perform(&open(), Event::Identified { identity: identity(&[("CORP", "svc-scan")]) }, 1);
    assert!(matches!(step.case.state, State::Closed { outcome: Outcome::Exempt { .. } }));
    assert_eq!(released(&step), ["ip#10.0.0.5"]);
}

fn unreached(retryable: bool) -> Event {
    Event::ContactFailed { code: "unreachable".to_owned(), reason: "no answer".to_owned(), retryable }
}

#[test]
fn a_failed_contact_frees_every_claim() {
    assert_eq!(released(&perform(&open(), unreached(true), 1)), ["ip#10.0.0.5"]);
    let step = perform(&collecting(&[("CORP", "alice")]), unreached(false), 3);
    assert_eq!(released(&step), ["ip#10.0.0.5", "user#corp\\alice"]);
    assert_eq!(step.requeue.iter().map(ClaimKey::as_str).collect::<Vec<_>>(), ["user#corp\\alice"]);
    assert!(matches!(step.case.state, State::Closed { outcome: Outcome::Failed { retryable: false, .. } }));
}

#[test]
fn a_machine_that_was_offline_is_tried_again_on_the_policys_schedule_and_then_given_up() {
    let mut case = open();
    let mut now = 0;
    let mut waits = Vec::new();
    while !case.is_closed() {
        let began = step(&case, Event::Began { effect: case.pending[0].n }, now);
        let [ClaimOp::Take(claim)] = began.claims.as_slice() else { panic!("{:?}", began.claims) };
        assert_eq!((claim.key.as_str(), claim.expires_at), ("ip#10.0.0.5", at(now + 2 * 3600)));
        let failed = step(&began.case, unreached(true), now);
        assert_eq!(released(&failed), ["ip#10.0.0.5"]);
        case = failed.case;
        if let Some(due) = case.next_due() {
            let wait = (due - at(now)).as_secs();
            waits.push(wait / 60);
            now += wait;
        }
    }
    assert_eq!(waits, [15, 60, 240, 480, 480, 480, 480, 480, 480, 480, 480]);
    assert!(
        matches!(&case.state, State::Closed { outcome: Outcome::Failed { code, .. } } if code == "unreachable")
    );
}

#[test]
fn a_waiting_case_whose_machine_was_taken_meanwhile_gives_way() {
    let waiting = perform(&open(), unreached(true), 1).case;
    let other = Claim::lease(ClaimKey::ip(waiting.target), "other", at(800), SignedDuration::from_hours(2));
    let lost = step(&waiting, Event::ClaimLost { held: other }, 901);
    assert!(matches!(lost.case.state, State::Closed { outcome: Outcome::Suppressed { .. } }));
}

#[test]
fn a_new_alert_is_a_reason_to_try_again_but_not_more_often_than_the_schedule_begins() {
    let waiting = perform(&open(), unreached(true), 0).case;
    let due = |now: bool, seconds| step(&waiting, Event::Nudged { now }, seconds).case.next_due().unwrap();
    assert_eq!(due(false, 60), at(900));
    assert_eq!(due(true, 60), at(60), "a person who asks is not made to wait");
    let later = perform(&waiting, unreached(true), 900).case;
    let due = |seconds| step(&later, Event::Nudged { now: false }, seconds).case.next_due().unwrap();
    assert_eq!((due(1000), due(1900)), (at(900 + 3600), at(1900)));
}

#[test]
fn every_open_state_has_something_due() {
    let waiting = perform(&open(), unreached(true), 1).case;
    let claiming = perform(&open(), Event::Identified { identity: identity(&[("CORP", "alice")]) }, 1).case;
    let collecting = collecting(&[("CORP", "alice")]);
    let assessing = perform(&collecting, Event::Collected { outcomes: Vec::new(), staged: None }, 3).case;
    let verdict = Box::new(assessment(Verdict::PolicyViolation));
    let sealing = perform(&assessing, Event::Assessed { assessment: verdict, proposal: None }, 4).case;
    for case in [open(), waiting, claiming, collecting, assessing, sealing, acting(Verdict::PolicyViolation)]
    {
        assert!(case.next_due().is_some(), "{} has no deadline", case.state.as_str());
    }
}

#[test]
fn sealing_turns_leases_into_cooldowns_counted_from_the_claim() {
    let case = acting(Verdict::PolicyViolation);
    let window = 72 * 3600;
    assert_eq!(case.claims[0].expires_at, at(window));
    assert_eq!(case.claims[1].expires_at, at(2 + window));
}

#[test]
fn nothing_cools_down_before_the_seal() {
    let case = collecting(&[("CORP", "alice")]);
    let collected = perform(&case, Event::Collected { outcomes: Vec::new(), staged: None }, 3);
    let verdict = assessment(Verdict::PolicyViolation);
    let assessed =
        perform(&collected.case, Event::Assessed { assessment: Box::new(verdict), proposal: None }, 4);
    assert!(assessed.case.claims.iter().all(|claim| claim.kind == crate::claim::ClaimKind::Lease));
}

#[test]
fn a_case_that_lost_its_address_stops_before_contact_and_frees_the_rest() {
    let case = collecting(&[("CORP", "alice")]);
    let held = Claim::lease(ClaimKey::ip(case.target), "other", at(8000), SignedDuration::from_hours(2));
    let step = step(&case, Event::ClaimLost { held: held.clone() }, 9000);
    assert!(matches!(step.case.state, State::Closed { outcome: Outcome::Suppressed { .. } }));
    assert_eq!(released(&step), ["user#corp\\alice"]);
    assert!(step.claims.contains(&ClaimOp::Confirm(held)), "it stops because of a claim that may be gone");
}

#[test]
fn what_a_lost_user_claim_suppressed_waits_for_its_new_owner() {
    let case = collecting(&[("CORP", "alice")]);
    let user = case.claims.iter().find(|claim| claim.key.is_user()).unwrap().key.clone();
    let held = Claim::lease(user.clone(), "other", at(8000), SignedDuration::from_hours(2));
    let step = step(&case, Event::ClaimLost { held }, 9000);
    assert_eq!(released(&step), ["ip#10.0.0.5"], "another case's claim is not ours to release");
    assert_eq!(step.requeue, [user]);
}

#[test]
fn events_that_do_not_belong_are_refused_by_name() {
    let case = open();
    let refused = case.advance(sealed(), &policy(), at(1)).unwrap_err();
    assert_eq!(
        refused,
        Refused::Unexpected { case_id: case.id.clone(), state: "identifying", event: "sealed" }
    );
    let refused = case.advance(Event::Began { effect: 77 }, &policy(), at(1)).unwrap_err();
    assert_eq!(refused, Refused::NoSuchEffect { case_id: case.id, effect: 77 });
    let closed = acting(Verdict::FalsePositive);
    let refused = closed.advance(Event::Began { effect: 1 }, &policy(), at(9)).unwrap_err();
    assert!(matches!(refused, Refused::Closed { .. }));
}

#[test]
fn a_case_survives_the_trip_through_json() {
    let case = acting(Verdict::PolicyViolation);
    let text = serde_json::to_string(&case).unwrap();
    assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), case);
}

#[test]
fn case_ids_are_short_dated_and_follow_from_alert_and_time() {
    let id = case_id("a1", at(0));
    assert!(id.starts_with("ph-20260302-") && id.len() == 20, "{id}");
    assert_eq!(id, case_id("a1", at(0)));
    assert_ne!(id, case_id("a1", at(1)));
    assert_ne!(id, case_id("a2", at(0)));
}

#[test]
fn a_person_who_releases_a_claim_is_named_on_the_case_and_changes_nothing_else() {
    let case = open();
    let key = ClaimKey::ip(case.target);
    let step = case.released(&key, "mallory\u{202e}\n", at(60));
    assert_eq!(step.claims, [ClaimOp::Release(key)]);
    assert_eq!((step.case.version, step.case.updated_at), (case.version + 1, at(60)));
    let last = step.case.history.last().unwrap();
    assert!(last.what.starts_with("ip#10.0.0.5 was released by mallory\\u{202e}\\n:"), "{}", last.what);
    let mut same = step.case.clone();
    (same.version, same.updated_at) = (case.version, case.updated_at);
    same.history.pop();
    assert_eq!(same, case);
}
