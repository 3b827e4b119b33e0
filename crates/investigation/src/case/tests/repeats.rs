//! Comments on a case's ticket.

use super::*;
use crate::ticketing::TicketReference;

const SYSTEM: &str = "[mail.smtp]\nhost = 'm'\n[ticket]\npreset = 'rt'\nurl = 'https://rt'\n";

fn with_system(more: &str) -> Policy {
    Policy::parse(&format!("{POLICY}{SYSTEM}{more}")).unwrap()
}

fn reference() -> TicketReference {
    TicketReference { id: "7".to_owned(), number: "7".to_owned(), url: None }
}

/// A closed case whose ticket is known.
fn closed(policy: &Policy) -> Case {
    let mut case = acting(Verdict::Inconclusive);
    while let Some(pending) = case.pending.first() {
        let receipt = "x".to_owned();
        let delivery = Delivery::Filed { receipt, ticket: reference() };
        let event = Event::Delivered { effect: pending.n, delivery };
        case = case.advance(event, policy, at(10)).unwrap().case;
    }
    assert!(case.is_closed());
    case
}

fn repeated(case: &Case, count: u64, policy: &Policy) -> Case {
    case.advance(Event::Repeated { count }, policy, at(100)).unwrap().case
}

#[test]
fn a_mail_that_is_delivered_is_no_ticket() {
    let case = acting(Verdict::Inconclusive);
    let mail = &case.pending[0];
    assert!(matches!(mail.effect, Effect::Act { kind: ActionKind::MailSoc, .. }));
    let delivery = Delivery::Filed { receipt: "x".to_owned(), ticket: reference() };
    let event = Event::Delivered { effect: mail.n, delivery };
    assert_eq!(case.advance(event, &with_system(""), at(10)).unwrap().case.ticket, None);
}

#[test]
fn a_closed_case_tells_its_ticket_of_repeats_at_ten_a_hundred_and_a_thousand_once_each() {
    let policy = with_system("");
    let mut case = closed(&policy);
    let mut told = Vec::new();
    for count in [1, 9, 10, 11, 99, 150, 151, 5000, 9000] {
        let wants = case.tells_repeats(count, &policy);
        case = repeated(&case, count, &policy);
        assert_eq!(wants, !case.is_closed(), "{count}");
        if let Some(pending) = case.pending.first() {
            let Effect::Comment { text } = &pending.effect else { panic!("{pending:?}") };
            assert!(text.contains(&count.to_string()), "{text}");
            told.push(count);
            let delivery = Delivery::Accepted { receipt: "7".to_owned() };
            let event = Event::Delivered { effect: pending.n, delivery };
            case = case.advance(event, &policy, at(101)).unwrap().case;
        }
    }
    assert_eq!(told, [10, 150, 5000]);
    assert!(matches!(case.state, State::Closed { outcome: Outcome::Investigated { .. } }));
    let last = case.actions.last().unwrap();
    assert_eq!((last.kind, last.status), (ActionKind::TicketComment, ActionStatus::Done));
    let claims: Vec<_> = closed(&policy).claims;
    assert_eq!(case.claims, claims, "the cooldown stays as it is");
}

#[test]
fn nothing_is_told_where_there_is_no_ticket_or_the_policy_wants_it_so() {
    let policy = with_system("");
    let without = Case { ticket: None, ..closed(&policy) };
    assert!(repeated(&without, 5000, &policy).is_closed());
    let silent = with_system("comment_repeats = false\n");
    assert!(repeated(&closed(&policy), 5000, &silent).is_closed());
    let chat = Policy::parse(&format!("{POLICY}[ticket]\npreset = 'slack'\n")).unwrap();
    assert!(repeated(&closed(&policy), 5000, &chat).is_closed());
    assert!(acting(Verdict::Inconclusive).advance(Event::Repeated { count: 10 }, &policy, at(9)).is_err());
}

#[test]
fn a_comment_that_is_found_again_is_repeated_and_another_is_left_to_a_person() {
    let lost = |policy: &Policy| {
        let case = repeated(&closed(policy), 10, policy);
        let effect = case.pending[0].n;
        let began = case.advance(Event::Began { effect }, policy, at(101)).unwrap().case;
        let delivery = Delivery::Uncertain { why: "no answer".to_owned() };
        let after = began.advance(Event::Delivered { effect, delivery }, policy, at(102)).unwrap().case;
        after.actions.last().unwrap().status
    };
    assert_eq!(lost(&with_system("")), ActionStatus::Pending);
    let own = "[[preset]]\nname = 'rt'\nabout = 'x'\nauth = 'bearer'\nmarkup = 'text'\ntitle_chars = 100\nbody_bytes = 1000\n\
               create = { steps = [{ method = 'POST', path = '/t', capture = { id = '/id' } }] }\n\
               comment = { steps = [{ method = 'POST', path = '/c' }] }\n";
    assert_eq!(lost(&with_system(own)), ActionStatus::Uncertain);
}

#[test]
fn a_ticket_that_cannot_be_found_at_once_is_looked_up_later() {
    let jira = "[mail.smtp]\nhost = 'm'\n[ticket]\npreset = 'jira'\nurl = 'https://j'\nuser = 'u'\nparameters = { project = 'S' }\n";
    let policy = Policy::parse(&format!("{POLICY}{jira}")).unwrap();
    let case = acting(Verdict::Inconclusive);
    let effect = case.pending[1].n;
    let began = case.advance(Event::Began { effect }, &policy, at(10)).unwrap().case;
    let due = |case: &Case| case.pending.iter().find(|pending| pending.n == effect).unwrap().not_before;
    let delivery = Delivery::Uncertain { why: "no answer".to_owned() };
    let lost = began.advance(Event::Delivered { effect, delivery }, &policy, at(12)).unwrap().case;
    assert!(due(&lost) >= at(72), "the index of Jira's searches is a minute behind");
    // The worker died instead.
    let again = began.advance(Event::Began { effect }, &policy, at(20)).unwrap().case;
    assert!(
        due(&again) >= at(80) && !again.pending.iter().any(|pending| pending.started && pending.n == effect)
    );
    let later = again.advance(Event::Began { effect }, &policy, at(80)).unwrap().case;
    assert!(later.pending.iter().any(|pending| pending.started && pending.n == effect));
}
