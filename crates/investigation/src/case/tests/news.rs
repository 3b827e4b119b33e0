//! What the ticket is told of what came after the verdict.

use super::*;
use crate::remediation::{
    Approval, Decision, Measure, MeasureOutcome, MeasureStatus, Proposal, Suggestion, Way, Why,
};
use crate::ticketing::TicketReference;

const MORE: &str = "
[mail.smtp]
host = 'm'
[remediation]
policy_violation = ['stop_process', 'isolate']
two_persons = []
approvers = ['anna']
[ticket]
preset = 'rt'
url = 'https://rt'
";

fn with(more: &str) -> Policy {
    Policy::parse(&format!("{POLICY}{MORE}{more}")).unwrap()
}

fn on(case: &Case, event: Event, policy: &Policy, seconds: i64) -> Case {
    case.advance(event, policy, at(seconds)).unwrap().case
}

/// A case with sealed evidence and three measures, of which the first two stop processes.
fn offered(policy: &Policy) -> Case {
    let stop = |pid| Measure::StopProcess { pid, image: "/home/a/<q>".to_owned(), start_time: Some(at(-9)) };
    let isolate = Measure::Isolate { seconds: 3600, keep: Vec::new(), keep_hosts: Vec::new() };
    let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let suggest = |measure| Suggestion { measure, why: why.clone() };
    let proposal = Proposal {
        host_name: "ws-5".to_owned(),
        measures: [stop(7), stop(8), isolate].map(suggest).to_vec(),
        left_out: Vec::new(),
    };
    let collected = Event::Collected { outcomes: Vec::new(), staged: None };
    let case = on(&collecting(&[("CORP", "alice")]), collected, policy, 3);
    let assessment = Box::new(assessment(Verdict::PolicyViolation));
    let case = on(&case, Event::Assessed { assessment, proposal: Some(Box::new(proposal)) }, policy, 4);
    on(&case, sealed(), policy, 5)
}

fn deliver(case: &Case, policy: &Policy, seconds: i64) -> Case {
    let mut case = case.clone();
    while let Some(pending) = case.pending.iter().find(|pending| pending.effect.is_delivery()) {
        let effect = pending.n;
        let ticket = TicketReference { id: "7".to_owned(), number: "7".to_owned(), url: None };
        let delivery = Delivery::Filed { receipt: "x".to_owned(), ticket };
        case = on(&case, Event::Began { effect }, policy, seconds);
        case = on(&case, Event::Delivered { effect, delivery }, policy, seconds);
    }
    case
}

fn approved(case: &Case, measures: &[u32], policy: &Policy, seconds: i64) -> Case {
    let decision = Decision {
        by: "anna".to_owned(),
        how: Way::CommandLine,
        evidence_sha256: "00".to_owned(),
        measures: measures.to_vec(),
    };
    on(case, Event::Approved { decision, held: Vec::new() }, policy, seconds)
}

fn carried_out(case: &Case, policy: &Policy, outcomes: &[(u32, MeasureStatus, &str)], seconds: i64) -> Case {
    let effect = case.pending.iter().find(|pending| pending.effect.changes_endpoint()).unwrap().n;
    let began = on(case, Event::Began { effect }, policy, seconds);
    let outcome = |(n, status, detail): &(u32, MeasureStatus, &str)| MeasureOutcome {
        n: *n,
        status: *status,
        detail: (*detail).to_owned(),
        undo: None,
        at: at(seconds),
    };
    let outcomes = outcomes.iter().map(outcome).collect();
    on(&began, Event::Remediated { effect, outcomes }, policy, seconds)
}

/// Comments that nobody has begun, with the moment from which they are due.
fn comments(case: &Case) -> Vec<(String, Timestamp)> {
    let of = |pending: &Pending| match &pending.effect {
        Effect::Comment { text } => Some((text.clone(), pending.not_before)),
        _ => None,
    };
    case.pending.iter().filter_map(of).collect()
}

#[test]
fn what_an_order_came_to_is_one_comment_and_is_told_once() {
    let policy = with("");
    let case = deliver(&offered(&policy), &policy, 6);
    assert!(case.is_closed() && comments(&case).is_empty(), "that they wait stands in the ticket");
    let mut case = approved(&case, &[], &policy, 10);
    assert!(comments(&case).is_empty(), "nothing was done yet");
    // Whom somebody only wrote there has approved nothing.
    let kept = case.remediation.as_mut().unwrap();
    let forged = Approval { by: "mallory".to_owned(), unsealed: true, ..kept.approvals[0].clone() };
    kept.approvals.push(forged);
    let outcomes = [
        (1, MeasureStatus::Done, "ended"),
        (2, MeasureStatus::Refused, "another image\r\nruns there"),
        (3, MeasureStatus::Done, "cut off"),
    ];
    let case = carried_out(&case, &policy, &outcomes, 20);
    let [(text, due)] = &comments(&case)[..] else { panic!("{:?}", comments(&case)) };
    assert_eq!(*due, at(20));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("Measure 1 on ws-5, stop process 7 (/home/a/<q>"), "{text}");
    assert!(lines[0].ends_with(": done, approved by anna: ended"), "{text}");
    assert!(lines[1].ends_with("refused, nothing was changed: another image\\r\\nruns there"), "{text}");
    assert!(lines[2].contains("done until 2026-03-02T10:00:20Z, approved by anna: cut off"), "{text}");
    assert!(!case.is_closed(), "somebody has to deliver it");
    let case = deliver(&case, &policy, 21);
    assert!(case.is_at_rest() && case.ticket.as_ref().unwrap().news_told == 1);
    assert_eq!(case.actions.last().unwrap().kind, ActionKind::TicketComment);
    assert_eq!(case.claims, deliver(&offered(&policy), &policy, 6).claims, "cooldowns stay as they are");
}

#[test]
fn measures_that_nobody_approved_are_one_line() {
    let policy = with("");
    let case = deliver(&offered(&policy), &policy, 6);
    let effect = case.pending[0].n;
    let expired = on(&case, Event::Began { effect }, &policy, 5 + 8 * 3600);
    let [(text, _)] = &comments(&expired)[..] else { panic!("{:?}", comments(&expired)) };
    assert_eq!(
        text,
        "Measures 1 (stop_process), 2 (stop_process), 3 (isolate) on ws-5: expired: nobody approved it in time"
    );
    let no = Decision {
        by: "bert".to_owned(),
        how: Way::CommandLine,
        evidence_sha256: String::new(),
        measures: vec![3],
    };
    let rejected = on(&case, Event::Rejected { decision: no }, &policy, 9);
    assert!(comments(&rejected)[0].0.ends_with("rejected by bert"), "{:?}", comments(&rejected));
}

#[test]
fn what_is_under_way_at_the_same_time_goes_into_the_same_comment() {
    let policy = with("");
    let case = deliver(&offered(&policy), &policy, 6);
    let hold = case.hold_ordered(true, "ann", "order 17", at(30)).unwrap().case;
    let both = hold.forensics_ordered("ann", at(30)).unwrap().case;
    let effect = both.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
    let held = on(&both, Event::Held { effect, detail: "1 container".to_owned() }, &policy, 31);
    let [(text, due)] = &comments(&held)[..] else { panic!("{:?}", comments(&held)) };
    assert_eq!((text.as_str(), *due), ("The evidence is under legal hold, by ann: order 17", at(151)));
    let collected = Event::Collected { outcomes: Vec::new(), staged: Some("f".to_owned()) };
    let sealing = on(&held, collected, &policy, 40);
    let evidence = SealedEvidence {
        location: "b-forensics.zip".to_owned(),
        sha256: "cd".repeat(32),
        size: 2,
        sealed_at: at(50),
    };
    let sealed = on(&sealing, Event::Sealed { evidence }, &policy, 50);
    let effect = sealed.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
    let done = on(&sealed, Event::Held { effect, detail: "2 containers".to_owned() }, &policy, 51);
    let [(text, due)] = &comments(&done)[..] else { panic!("{:?}", comments(&done)) };
    assert_eq!((text.lines().count(), *due), (3, at(51)), "nothing more is under way: {text}");
    assert!(text.contains(&format!("b-forensics.zip, SHA-256 {}", "cd".repeat(32))), "{text}");
    assert!(text.ends_with("The legal hold covers the second container too."), "{text}");
    // One that was begun may have arrived: what comes then is another comment.
    let effect = done.pending.iter().find(|pending| pending.effect.is_delivery()).unwrap().n;
    let begun = on(&done, Event::Began { effect }, &policy, 52);
    let lifted = begun.hold_ordered(false, "ann", "settled", at(53)).unwrap().case;
    let effect = lifted.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
    let lifted = on(&lifted, Event::Held { effect, detail: String::new() }, &policy, 54);
    assert_eq!(comments(&lifted).len(), 2);
    assert_eq!(comments(&lifted)[1].0, "The legal hold is lifted, by ann: settled");
}

#[test]
fn what_comes_before_the_ticket_is_there_is_kept_for_it() {
    let policy = with("");
    let case = offered(&policy);
    let case = approved(&case, &[1], &policy, 10);
    let case = carried_out(&case, &policy, &[(1, MeasureStatus::Failed, "no rights")], 20);
    assert!(comments(&case).is_empty() && case.news.len() == 1, "{:?}", case.news);
    let mut case = case;
    while let Some(pending) = case.pending.iter().find(|p| matches!(p.effect, Effect::Act { .. })) {
        let ticket = TicketReference { id: "7".to_owned(), number: "7".to_owned(), url: None };
        let delivery = Delivery::Filed { receipt: "x".to_owned(), ticket };
        case = on(&case, Event::Delivered { effect: pending.n, delivery }, &policy, 30);
    }
    assert!(case.news.is_empty());
    assert!(comments(&case)[0].0.ends_with("failed: no rights"), "{:?}", comments(&case));

    // A ticket that is not made is told nothing, and nothing is kept for it.
    let mut never = approved(&offered(&policy), &[1], &policy, 10);
    never.pending.retain(|pending| !matches!(pending.effect, Effect::Act { .. }));
    let never = carried_out(&never, &policy, &[(1, MeasureStatus::Done, "")], 20);
    assert!(never.news.is_empty() && comments(&never).is_empty());
}

#[test]
fn a_ticket_is_told_so_often_and_in_so_many_lines_and_says_that_there_is_more() {
    let policy = with("");
    let mut case = deliver(&offered(&policy), &policy, 6);
    let mut told = Vec::new();
    for n in 0..40 {
        let on_now = n % 2 == 0;
        let ordered = case.hold_ordered(on_now, "ann", "x", at(100 + n)).unwrap().case;
        let effect = ordered.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
        case = on(&ordered, Event::Held { effect, detail: String::new() }, &policy, 100 + n);
        told.extend(comments(&case));
        case = deliver(&case, &policy, 100 + n);
    }
    assert_eq!(told.len(), 12);
    assert!(told[11].0.ends_with("This ticket is told no more of it: see the case."), "{:?}", told[11]);
    assert!(!told[10].0.contains("no more of it") && case.is_closed() && case.news.is_empty());

    let mut case = deliver(&offered(&policy), &policy, 6);
    for n in 0..40 {
        let ordered = case.hold_ordered(n % 2 == 0, "ann", "x", at(100 + n)).unwrap().case;
        let effect = ordered.pending.iter().find(|p| matches!(p.effect, Effect::Hold { .. })).unwrap().n;
        case = on(&ordered, Event::Held { effect, detail: String::new() }, &policy, 100 + n);
    }
    let [(text, _)] = &comments(&case)[..] else { panic!("{:?}", comments(&case)) };
    assert_eq!(text.lines().count(), 20);
    assert!(text.ends_with("There is more: see the case."), "{text}");
}

#[test]
fn a_mail_that_came_back_is_told_without_its_address() {
    let policy = with("");
    let case = deliver(&offered(&policy), &policy, 6);
    let mail = case.actions.iter().find(|action| action.kind == ActionKind::MailUser).unwrap();
    let effect = mail.effect.unwrap();
    let why = "550 alice@example.com unknown";
    let step = case.mail_returned(effect, Returned::Bounced, why, &policy, at(9)).unwrap();
    assert_eq!(comments(&step.case)[0].0, "The mail mail_user came back: the case says why.");
    assert!(step.case.mail_returned(effect, Returned::Bounced, why, &policy, at(10)).is_none());
}

#[test]
fn another_verdict_by_the_rules_of_today_is_told_once_and_changes_nothing() {
    let policy = with("");
    let case = deliver(&offered(&policy), &policy, 6);
    assert!(case.reassessed(Verdict::PolicyViolation, "ann", &policy, at(9)).is_none());
    let step = case.reassessed(Verdict::Compromised, "ann", &policy, at(9)).unwrap();
    let text = &comments(&step.case)[0].0;
    assert!(text.contains("compromised instead of policy violation") && text.contains("person"), "{text}");
    assert_eq!((step.case.verdict(), step.case.version), (case.verdict(), case.version + 1));
    assert!(step.case.reassessed(Verdict::Compromised, "bob", &policy, at(10)).is_none());
    let silent = with("comment_news = false\n");
    let noted = case.reassessed(Verdict::Compromised, "ann", &silent, at(9)).unwrap().case;
    assert!(comments(&noted).is_empty() && noted.is_closed());
}

#[test]
fn nothing_is_told_where_the_policy_or_the_system_does_not_take_it() {
    let all = with("");
    let off = Policy::parse(&format!("{POLICY}{MORE}[actions]\noff = ['ticket_comment']\n")).unwrap();
    let slack = MORE.replace("preset = 'rt'\nurl = 'https://rt'", "preset = 'slack'");
    let slack = Policy::parse(&format!("{POLICY}{slack}")).unwrap();
    for policy in [with("comment_news = false\n"), off, slack] {
        let case = approved(&deliver(&offered(&all), &all, 6), &[1], &policy, 10);
        let case = carried_out(&case, &policy, &[(1, MeasureStatus::Done, "")], 20);
        assert!(comments(&case).is_empty() && case.is_closed());
    }
}
