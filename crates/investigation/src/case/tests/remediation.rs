//! Who may order what, and what comes of it: each by name.

mod code;
mod machine;
mod sealed;
mod tried;

use super::*;
use crate::remediation::{
    Decision, Measure, MeasureOutcome, MeasureStatus, Proposal, Stage, Suggestion, Undo, Way, Why,
};

const SECTION: &str = "
[remediation]
policy_violation = ['stop_process', 'quarantine_file', 'isolate']
approvers = ['anna', 'CORP\\bert', 'carl']
per_hour = 2
per_day = 3
never = [{ host = 'dc*', reason = 'domain controller' }]
";
const SHA: &str = "00";

fn policy_with(more: &str) -> Policy {
    Policy::parse(&format!("{POLICY}{SECTION}{more}")).unwrap()
}

fn stop(pid: u32) -> Measure {
    Measure::StopProcess { pid, image: "/home/a/q".to_owned(), start_time: Some(at(-100)) }
}

fn file() -> Measure {
    Measure::QuarantineFile { path: "/home/a/x.torrent".to_owned(), path_hex: None, size: 9 }
}

fn isolate() -> Measure {
    Measure::Isolate { seconds: 3600, keep: Vec::new(), keep_hosts: Vec::new() }
}

/// A case whose evidence is sealed, and whose measures wait.
fn offered(measures: Vec<Measure>) -> Case {
    let policy = policy_with("");
    let case = collecting(&[("CORP", "alice")]);
    let go = |case: &Case, event, seconds| {
        let began = case.advance(Event::Began { effect: case.pending[0].n }, &policy, at(seconds)).unwrap();
        began.case.advance(event, &policy, at(seconds)).unwrap().case
    };
    let collected = go(&case, Event::Collected { outcomes: Vec::new(), staged: None }, 3);
    let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let suggest = |measure| Suggestion { measure, why: why.clone() };
    let proposal = Proposal {
        host_name: "ws-5".to_owned(),
        measures: measures.into_iter().map(suggest).collect(),
        left_out: Vec::new(),
    };
    let assessed = Event::Assessed {
        assessment: Box::new(assessment(Verdict::PolicyViolation)),
        proposal: Some(Box::new(proposal)),
    };
    let sealing = go(&collected, assessed, 4);
    assert!(sealing.remediation.as_ref().unwrap().waiting(at(4)).next().is_none(), "not before the seal");
    go(&sealing, sealed(), 5)
}

fn decision(by: &str, measures: &[u32]) -> Decision {
    Decision {
        by: by.to_owned(),
        how: Way::CommandLine,
        evidence_sha256: SHA.to_owned(),
        measures: measures.to_vec(),
    }
}

fn approve(case: &Case, by: &str, measures: &[u32], seconds: i64) -> Result<Step, Refused> {
    approve_with(case, decision(by, measures), Vec::new(), &policy_with(""), seconds)
}

fn approve_with(
    case: &Case,
    decision: Decision,
    held: Vec<Claim>,
    policy: &Policy,
    seconds: i64,
) -> Result<Step, Refused> {
    case.advance(Event::Approved { decision, held }, policy, at(seconds))
}

fn why(refused: Result<Step, Refused>) -> NotDecided {
    match refused {
        Err(Refused::NotDecided { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn stage(case: &Case, n: u32) -> Stage {
    case.remediation.as_ref().unwrap().measure(n).unwrap().stage
}

fn order(case: &Case) -> Option<&Pending> {
    case.pending.iter().find(|pending| pending.effect.changes_endpoint())
}

fn outcome(n: u32, status: MeasureStatus, undo: Option<Undo>) -> MeasureOutcome {
    MeasureOutcome { n, status, detail: "so it went".to_owned(), undo, at: at(20) }
}

/// Begins the order and takes in how it went.
fn carried_out(case: &Case, outcomes: Vec<MeasureOutcome>, seconds: i64) -> Case {
    let policy = policy_with("");
    let effect = order(case).unwrap().n;
    let began = case.advance(Event::Began { effect }, &policy, at(seconds)).unwrap().case;
    began.advance(Event::Remediated { effect, outcomes }, &policy, at(seconds)).unwrap().case
}

/// Delivers everything, so that the case closes.
fn closed(mut case: Case) -> Case {
    let policy = policy_with("");
    while let Some(effect) =
        case.pending.iter().find(|p| matches!(p.effect, Effect::Act { .. })).map(|pending| pending.n)
    {
        let began = case.advance(Event::Began { effect }, &policy, at(6)).unwrap().case;
        let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
        case = began.advance(Event::Delivered { effect, delivery }, &policy, at(6)).unwrap().case;
    }
    assert!(case.is_closed());
    case
}

#[test]
fn a_case_closes_while_people_think_and_is_at_rest_once_nothing_waits() {
    let case = closed(offered(vec![stop(7)]));
    assert!(case.is_closed() && !case.is_at_rest(), "somebody has to end what nobody approves");
    assert_eq!(case.next_due(), Some(at(5 + 8 * 3600)));
    let effect = case.pending[0].n;
    let expired = case.advance(Event::Began { effect }, &policy_with(""), at(5 + 8 * 3600)).unwrap().case;
    assert!(expired.is_at_rest());
    assert_eq!(stage(&expired, 1), Stage::Expired);
    assert!(expired.history.last().unwrap().what.contains("not approved in time"));
}

#[test]
fn one_approval_orders_and_two_where_two_are_needed() {
    let case = closed(offered(vec![stop(7), isolate()]));
    let first = approve(&case, "anna", &[], 10).unwrap().case;
    assert_eq!((stage(&first, 1), stage(&first, 2)), (Stage::Ordered, Stage::Proposed));
    assert_eq!(
        order(&first).unwrap().effect,
        Effect::Remediate { measures: vec![1], until: at(10 + 8 * 3600) }
    );
    let twice = NotDecided::Twice { by: "anna".to_owned(), measures: "2".to_owned() };
    assert_eq!(why(approve(&first, "ANNA", &[], 11)), twice, "the same person under another spelling");
    let second = approve(&first, "bert@corp.example.com", &[2], 12).unwrap();
    assert_eq!(stage(&second.case, 2), Stage::Ordered);
    let wanted: Vec<&str> = second.claims.iter().filter_map(|op| Some(op.wanted()?.key.as_str())).collect();
    assert!(wanted.contains(&"isolated#ws-5"), "{wanted:?}");
    // The order lives no longer than the older of its approvals.
    let orders: Vec<&Effect> = second.case.pending.iter().map(|pending| &pending.effect).collect();
    let both = Effect::Remediate { measures: vec![2], until: at(10 + 8 * 3600) };
    assert!(orders.contains(&&both), "{orders:?}");
}

#[test]
fn nobody_but_an_approver_on_this_very_evidence_and_in_time_can_order() {
    let case = closed(offered(vec![stop(7)]));
    assert_eq!(why(approve(&case, "mallory", &[], 10)), NotDecided::NotAnApprover("mallory".to_owned()));
    assert_eq!(why(approve(&case, "bert", &[], 10)), NotDecided::NotAnApprover("bert".to_owned()));
    assert!(matches!(why(approve(&case, "", &[], 10)), NotDecided::NotAnApprover(_)));
    let other = Decision { evidence_sha256: "11".to_owned(), ..decision("anna", &[]) };
    let found = why(approve_with(&case, other, Vec::new(), &policy_with(""), 10));
    assert!(matches!(found, NotDecided::OtherEvidence { .. }), "{found:?}");
    let late = 5 + 8 * 3600;
    assert_eq!(why(approve(&case, "anna", &[], late)), NotDecided::Expired(at(late)));
    assert!(approve(&case, "anna", &[], late - 1).is_ok());
    assert_eq!(why(approve(&case, "anna", &[9], 10)), NotDecided::NoSuchMeasure(9));
    let bare = acting(Verdict::PolicyViolation);
    assert_eq!(why(approve(&bare, "anna", &[], 10)), NotDecided::Nothing);
}

#[test]
fn nothing_can_be_approved_before_the_seal() {
    let mut case = offered(vec![stop(7)]);
    case.state = State::Sealing;
    case.evidence = None;
    case.remediation.as_mut().unwrap().evidence_sha256.clear();
    let empty = Decision { evidence_sha256: String::new(), ..decision("anna", &[]) };
    assert_eq!(why(approve_with(&case, empty, Vec::new(), &policy_with(""), 10)), NotDecided::NotSealed);
}

#[test]
fn a_policy_that_changed_its_mind_meanwhile_is_obeyed() {
    let case = closed(offered(vec![stop(7)]));
    for (more, says) in [("dry_run = true", "dry_run"), ("", "")] {
        let text = format!("{POLICY}{SECTION}{more}").replace("'dc*'", "'ws-*'");
        let policy = Policy::parse(&text).unwrap();
        let found = why(approve_with(&case, decision("anna", &[]), Vec::new(), &policy, 10));
        match says {
            "" => assert_eq!(found, NotDecided::Never("domain controller".to_owned())),
            _ => assert!(matches!(found, NotDecided::Never(_) | NotDecided::Policy(_)), "{found:?}"),
        }
    }
    // Ordered already, and begun under the new policy: it does not go out.
    let ordered = approve(&case, "anna", &[], 10).unwrap().case;
    let effect = order(&ordered).unwrap().n;
    for text in [
        format!("{POLICY}{SECTION}dry_run = true\n"),
        format!("{POLICY}{SECTION}").replace("'dc*'", "'ws-*'"),
        format!("{POLICY}{SECTION}").replace("['anna', ", "["),
        format!("{POLICY}{SECTION}approvals = 2\n"),
        format!("{POLICY}{SECTION}").replace("'stop_process', ", ""),
    ] {
        let policy = Policy::parse(&text).unwrap();
        let step = ordered.advance(Event::Began { effect }, &policy, at(20)).unwrap();
        assert_eq!(stage(&step.case, 1), Stage::Refused, "{text}");
        assert!(order(&step.case).is_none(), "{text}");
    }
}

#[test]
fn the_limits_hold_over_all_cases() {
    let case = closed(offered(vec![stop(7)]));
    let policy = policy_with("");
    let slot = |span: &str, n| {
        Claim::lease(ClaimKey::order_slot(span, n), "other", at(0), SignedDuration::from_hours(1))
    };
    let approve = |held, seconds| approve_with(&case, decision("anna", &[]), held, &policy, seconds);
    let step = approve(vec![slot("hour", 0)], 10).unwrap();
    let wanted: Vec<&str> = step.claims.iter().filter_map(|op| Some(op.wanted()?.key.as_str())).collect();
    assert_eq!(wanted, ["order#hour#1", "order#day#0"]);
    let full = vec![slot("hour", 0), slot("hour", 1)];
    assert!(matches!(why(approve(full.clone(), 10)), NotDecided::Limit { limit: 2, key: "per_hour", .. }));
    assert!(approve(full, 3600).is_ok(), "an hour is over");
    let day = vec![slot("day", 0), slot("day", 1), slot("day", 2)];
    assert!(matches!(why(approve(day, 10)), NotDecided::Limit { limit: 3, key: "per_day", .. }));
    assert_eq!(case.order_keys(&policy).len(), 2 + 3 + 1);
}

#[test]
fn a_host_is_isolated_once_at_a_time() {
    let case = closed(offered(vec![isolate()]));
    let first = approve(&case, "anna", &[], 10).unwrap().case;
    let claim = Claim::lease(ClaimKey::isolation("WS-5"), "other", at(0), SignedDuration::from_hours(1));
    let found = approve_with(&first, decision("carl", &[]), vec![claim], &policy_with(""), 11);
    assert_eq!(why(found), NotDecided::Isolated("other".to_owned()));
}

#[test]
fn each_approval_leads_to_one_order_and_its_report_ends_it() {
    let case = closed(offered(vec![stop(7), file()]));
    let ordered = approve(&case, "anna", &[], 10).unwrap().case;
    assert!(matches!(why(approve(&ordered, "carl", &[], 11)), NotDecided::NoneLeft(_)));
    let effect = order(&ordered).unwrap().n;
    let began = ordered.advance(Event::Began { effect }, &policy_with(""), at(12)).unwrap();
    let wanted: Vec<&str> = began.claims.iter().filter_map(|op| Some(op.wanted()?.key.as_str())).collect();
    assert_eq!(wanted, ["ip#10.0.0.5"], "only while the address is not another case's");
    let undo =
        Undo::RestoreFile { path: "/home/a/x.torrent".to_owned(), path_hex: None, sha256: "a".repeat(64) };
    let outcomes =
        vec![outcome(1, MeasureStatus::Done, None), outcome(2, MeasureStatus::Already, Some(undo.clone()))];
    let event = Event::Remediated { effect, outcomes };
    let done = began.case.advance(event.clone(), &policy_with(""), at(13)).unwrap().case;
    assert_eq!((stage(&done, 1), stage(&done, 2)), (Stage::Done, Stage::Done));
    assert_eq!(done.remediation.as_ref().unwrap().measure(2).unwrap().undo(), Some(&undo));
    let again = done.advance(event, &policy_with(""), at(14)).unwrap_err();
    assert!(matches!(again, Refused::Closed { .. }), "a report that comes twice changes nothing: {again:?}");
}

/// What comes back is written by a machine that is suspected.
#[test]
fn a_report_says_nothing_of_what_was_not_ordered_and_brings_no_orders_of_its_own() {
    let ordered = approve(&closed(offered(vec![stop(7), file()])), "anna", &[1], 10).unwrap().case;
    let restore =
        |path: &str| Undo::RestoreFile { path: path.to_owned(), path_hex: None, sha256: "a".repeat(64) };
    let evil = MeasureOutcome {
        detail: format!("\u{1b}[2J{}", "x".repeat(5000)),
        ..outcome(1, MeasureStatus::Done, Some(restore("/etc/passwd")))
    };
    let outcomes = vec![outcome(2, MeasureStatus::Done, None), evil, outcome(1, MeasureStatus::Failed, None)];
    let done = carried_out(&ordered, outcomes, 12);
    assert_eq!((stage(&done, 1), stage(&done, 2)), (Stage::Done, Stage::Proposed));
    let kept = done.remediation.as_ref().unwrap().measure(1).unwrap();
    assert_eq!(kept.undo(), None, "an undo of something else is an order of its own");
    assert!(kept.detail.chars().count() < 600 && !kept.detail.contains('\u{1b}'), "{}", kept.detail);

    let ordered = approve(&closed(offered(vec![file()])), "anna", &[], 10).unwrap().case;
    let done = carried_out(&ordered, vec![outcome(1, MeasureStatus::Done, Some(restore("/etc/shadow")))], 12);
    assert_eq!(done.remediation.as_ref().unwrap().measure(1).unwrap().undo(), None);
    let silent = carried_out(&ordered, Vec::new(), 12);
    assert_eq!(stage(&silent, 1), Stage::Failed, "what nobody speaks of is not done");
}

#[test]
fn a_machine_that_is_away_is_tried_again_within_the_approvals_life_and_not_after_it() {
    let mut case = approve(&closed(offered(vec![stop(7)])), "anna", &[], 10).unwrap().case;
    let policy = policy_with("");
    let end = 10 + 8 * 3600;
    let mut now = 10;
    let mut tries = 0;
    while let Some(pending) = order(&case) {
        let effect = pending.n;
        now = now.max(pending.not_before.as_second() - at(0).as_second());
        case = case.advance(Event::Began { effect }, &policy, at(now)).unwrap().case;
        if order(&case).is_none() {
            break;
        }
        assert!(now < end, "an order went out after its approval ran out");
        tries += 1;
        let report = Event::ContactFailed {
            code: "unreachable".to_owned(),
            reason: "no answer".to_owned(),
            retryable: true,
        };
        let report = Event::Reported { effect, attempt: tries, event: Box::new(report) };
        case = case.advance(report, &policy, at(now + 1)).unwrap().case;
    }
    assert_eq!((tries, stage(&case, 1)), (4, Stage::Failed), "{:?}", case.history);
    assert!(case.is_closed() && case.is_at_rest());
}

#[test]
fn an_order_whose_life_is_over_does_not_go_out() {
    let ordered = approve(&closed(offered(vec![stop(7)])), "anna", &[], 10).unwrap().case;
    let effect = order(&ordered).unwrap().n;
    let end = at(10 + 8 * 3600);
    let over = ordered.advance(Event::Began { effect }, &policy_with(""), end).unwrap();
    assert_eq!(stage(&over.case, 1), Stage::Expired);
    assert!(over.claims.iter().all(|op| op.wanted().is_none()), "it wants nothing from the machine");
    // Begun before, and nothing was heard of it: it may have been carried out, and that is said.
    let began = ordered.advance(Event::Began { effect }, &policy_with(""), at(20)).unwrap().case;
    let over = began.advance(Event::Began { effect }, &policy_with(""), end).unwrap().case;
    assert_eq!(stage(&over, 1), Stage::Failed);
    assert!(over.remediation.unwrap().measures[0].detail.contains("look at the machine"));
}

#[test]
fn an_order_that_is_begun_again_and_again_without_a_word_is_given_up() {
    let mut case = approve(&closed(offered(vec![stop(7)])), "anna", &[], 10).unwrap().case;
    let mut now = 10;
    for begun in 0.. {
        assert!(begun < 40, "it is begun for ever");
        let Some(pending) = order(&case) else { break };
        now = now.max(pending.not_before.as_second() - at(0).as_second());
        case = case.advance(Event::Began { effect: pending.n }, &policy_with(""), at(now)).unwrap().case;
    }
    assert_eq!(stage(&case, 1), Stage::Failed);
    assert!(now < 8 * 3600, "given up for the tries and not for the time");
}

#[test]
fn a_machine_that_another_case_has_is_left_alone_for_a_while() {
    let ordered = approve(&closed(offered(vec![stop(7)])), "anna", &[], 10).unwrap().case;
    let held = Claim::lease(ClaimKey::ip(ordered.target), "other", at(9), SignedDuration::from_hours(2));
    let step = ordered.advance(Event::ClaimLost { held }, &policy_with(""), at(20)).unwrap();
    assert!(step.claims.is_empty() && step.case.is_closed());
    assert_eq!(order(&step.case).unwrap().not_before, at(20 + 600));
    assert_eq!(stage(&step.case, 1), Stage::Ordered);
}

#[test]
fn a_no_takes_back_what_nobody_has_begun_and_stays_a_no() {
    let policy = policy_with("");
    let reject = |case: &Case, measures: &[u32], seconds| {
        case.advance(Event::Rejected { decision: decision("dora", measures) }, &policy, at(seconds))
    };
    let case = closed(offered(vec![stop(7), file()]));
    let ordered = approve(&case, "anna", &[1], 10).unwrap().case;
    let rejected = reject(&ordered, &[], 11).unwrap().case;
    assert_eq!((stage(&rejected, 1), stage(&rejected, 2)), (Stage::Rejected, Stage::Rejected));
    assert!(rejected.is_at_rest(), "{:?}", rejected.pending);
    assert!(rejected.history.last().unwrap().what.starts_with("dora rejected measures 1, 2"));
    assert!(approve(&rejected, "carl", &[1], 12).is_err());
    let effect = order(&ordered).unwrap().n;
    let began = ordered.advance(Event::Began { effect }, &policy, at(11)).unwrap().case;
    assert_eq!(why(reject(&began, &[1], 12)), NotDecided::UnderWay(1));
    assert!(reject(&began, &[2], 12).is_ok());
}

#[test]
fn what_was_done_is_taken_back_by_one_word_and_what_was_not_is_not() {
    let policy = policy_with("");
    let undo = |case: &Case, by: &str, measures: &[u32]| {
        case.advance(Event::UndoAsked { decision: decision(by, measures) }, &policy, at(100))
    };
    let ordered = approve(&closed(offered(vec![stop(7), isolate()])), "anna", &[], 10).unwrap().case;
    let ordered =
        approve(&carried_out(&ordered, vec![outcome(1, MeasureStatus::Done, None)], 11), "carl", &[2], 12)
            .unwrap()
            .case;
    let done = carried_out(&ordered, vec![outcome(2, MeasureStatus::Done, Some(Undo::EndIsolation))], 13);
    assert_eq!(why(undo(&done, "mallory", &[])), NotDecided::NotAnApprover("mallory".to_owned()));
    assert_eq!(why(undo(&done, "anna", &[1])), NotDecided::NoUndo { n: 1, measure: "stop_process" });
    let asked = undo(&done, "anna", &[]).unwrap().case;
    let effect = order(&asked).unwrap();
    assert!(matches!(&effect.effect, Effect::Undo { measures, .. } if measures == &[2]));
    let task = asked.order(&effect.effect, &policy).unwrap().task;
    assert!(matches!(&task, crate::order::Task::Undo { host_name, measures }
        if host_name == "ws-5" && measures[0].undo == Undo::EndIsolation));
    let failed = carried_out(&asked, vec![outcome(2, MeasureStatus::Failed, None)], 101);
    assert_eq!(stage(&failed, 2), Stage::Done, "it can be asked for again");
    let undone = carried_out(
        &undo(&failed, "carl", &[2]).unwrap().case,
        vec![outcome(2, MeasureStatus::Done, None)],
        102,
    );
    assert_eq!(stage(&undone, 2), Stage::Undone);
    assert!(undone.is_at_rest());
    assert!(undo(&undone, "anna", &[2]).is_err());
}

#[test]
fn an_order_names_what_the_case_keeps_and_nothing_else() {
    let ordered = approve(&closed(offered(vec![stop(7), file()])), "anna", &[2], 10).unwrap().case;
    let order = ordered.order(&order(&ordered).unwrap().effect, &policy_with("")).unwrap();
    assert_eq!(order.target, ordered.target);
    let crate::order::Task::Remediate { host_name, measures } = order.task else { panic!() };
    assert_eq!((host_name.as_str(), measures.len(), measures[0].n), ("ws-5", 1, 2));
    assert_eq!(measures[0].measure, file());
}

#[test]
fn a_case_with_remediation_survives_the_trip_through_json() {
    let ordered = approve(&closed(offered(vec![stop(7), isolate()])), "anna", &[], 10).unwrap().case;
    let text = serde_json::to_string(&ordered).unwrap();
    assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), ordered);
    let before = serde_json::to_value(acting(Verdict::PolicyViolation)).unwrap();
    assert!(before.get("remediation").is_none(), "a case of an earlier version is as it was");
}

#[test]
fn each_approver_is_asked_by_a_mail_of_ones_own() {
    let link = "[remediation.link]\nurl = 'https://c.example'\nkey_file = 'k'\n\
                mail = { anna = 'anna@example.com', 'CORP\\bert' = 'bert@example.com' }\n";
    let policy = policy_with(link);
    let mut case = offered(vec![stop(7)]);
    case.pending.clear();
    case.actions.clear();
    case.state = State::Sealing;
    case.push(Effect::Seal, at(5));
    let asked = case.advance(sealed(), &policy, at(6)).unwrap().case;
    let to: Vec<&[String]> = asked
        .actions
        .iter()
        .filter(|action| action.kind == ActionKind::MailApprover)
        .map(|action| action.to.as_slice())
        .collect();
    assert_eq!(to, [["bert@example.com".to_owned()], ["anna@example.com".to_owned()]]);
    assert_eq!(policy.approver_at("bert@example.com"), Some("CORP\\bert"));
    assert_eq!(policy.approver_at("mallory@example.com"), None);
}
