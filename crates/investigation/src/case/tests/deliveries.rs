//! Actions: where they go, and how often.

use super::*;

#[test]
fn each_verdict_leads_to_its_actions() {
    let kinds =
        |verdict| -> Vec<ActionKind> { acting(verdict).actions.iter().map(|action| action.kind).collect() };
    assert_eq!(
        kinds(Verdict::PolicyViolation),
        [ActionKind::MailUser, ActionKind::MailSoc, ActionKind::Ticket]
    );
    // Whoever is at work on the machine may read its user's mail.
    assert_eq!(kinds(Verdict::Compromised), [ActionKind::MailSoc, ActionKind::Ticket]);
    assert_eq!(kinds(Verdict::Inconclusive), [ActionKind::MailSoc, ActionKind::Ticket]);
    assert!(acting(Verdict::FalsePositive).is_closed());
}

#[test]
fn mail_for_a_user_goes_to_the_policys_domain_and_nowhere_else() {
    let case = acting(Verdict::PolicyViolation);
    assert_eq!(case.actions[0].to, ["alice@example.com"]);

    let addressed = |email: &str| {
        let mut case = collecting(&[("CORP", "alice")]);
        case.alert.user_name = Some("CORP\\alice".to_owned());
        case.alert.user_email = Some(email.to_owned());
        let collected = perform(&case, Event::Collected { outcomes: Vec::new(), staged: None }, 3).case;
        let verdict = Box::new(assessment(Verdict::PolicyViolation));
        let assessed = perform(&collected, Event::Assessed { assessment: verdict, proposal: None }, 4).case;
        perform(&assessed, sealed(), 5).case.actions[0].to.clone()
    };
    assert_eq!(addressed("a.lice@example.com"), ["a.lice@example.com"]);
    assert_eq!(addressed("alice@attacker.example"), ["alice@example.com"]);
    assert_eq!(addressed("alice@evil.example,x@example.com"), ["alice@example.com"]);
}

#[test]
fn a_hostile_user_name_makes_no_address() {
    for name in ["alice\r\nBcc: x", "a,b", "<x>", ""] {
        let case = collecting(&[("CORP", name)]);
        let collected = perform(&case, Event::Collected { outcomes: Vec::new(), staged: None }, 3).case;
        let verdict = Box::new(assessment(Verdict::PolicyViolation));
        let assessed = perform(&collected, Event::Assessed { assessment: verdict, proposal: None }, 4).case;
        let action = perform(&assessed, sealed(), 5).case.actions[0].clone();
        assert_eq!(action.status, ActionStatus::Skipped, "{name:?} went to {:?}", action.to);
    }
}

fn deliver(case: &Case, delivery: Delivery, seconds: i64) -> Case {
    let effect = case.pending[0].n;
    perform(case, Event::Delivered { effect, delivery }, seconds).case
}

fn with_servers() -> Policy {
    let servers = "[mail.smtp]\nhost = 'm'\n[ticket.webhook]\nurl = 'https://t'\n";
    Policy::parse(&format!("{POLICY}{servers}")).unwrap()
}

#[test]
fn a_delivery_that_did_not_arrive_is_tried_again_with_growing_pauses_and_then_given_up() {
    let mut case = acting(Verdict::Inconclusive);
    let mut now = 10;
    let mut pauses = Vec::new();
    let effect = case.pending[0].n;
    while let Some(pending) = case.pending.iter().find(|pending| pending.n == effect) {
        now = (pending.not_before - at(0)).as_secs().max(now);
        let refused = Delivery::NotAccepted { why: "connection refused".to_owned(), retry_after: None };
        let began = step(&case, Event::Began { effect }, now).case;
        case = step(&began, Event::Delivered { effect, delivery: refused }, now).case;
        let waits = case.pending.iter().find(|p| p.n == effect).map(|p| p.not_before.duration_since(at(now)));
        pauses.extend(waits.map(|wait| wait.as_secs_f64()));
    }
    assert_eq!(pauses.len(), 5);
    for (pause, least) in pauses.iter().zip([5.0, 10.0, 20.0, 40.0, 80.0]) {
        assert!((least..=least * 1.25).contains(pause), "{pauses:?}");
    }
    assert_eq!((case.actions[0].status, case.actions[0].attempts), (ActionStatus::Failed, 6));
}

/// A policy whose ticket server makes one ticket of all requests with the same key.
fn folding() -> Policy {
    let servers =
        "[mail.smtp]\nhost = 'm'\n[ticket.webhook]\nurl = 'https://t'\nhonours_idempotency_key = true\n";
    Policy::parse(&format!("{POLICY}{servers}")).unwrap()
}

/// How a ticket ends whose tries end like this, one after the other.
fn ticket_after(deliveries: &[Delivery]) -> (ActionStatus, u32) {
    let mut case = acting(Verdict::Inconclusive);
    let effect = case.pending[1].n;
    let mut tries = deliveries.iter().chain(std::iter::repeat(deliveries.last().unwrap()));
    while let Some(pending) = case.pending.iter().find(|pending| pending.n == effect) {
        let now = pending.not_before.max(at(10));
        let delivery = tries.next().unwrap().clone();
        let began = case.advance(Event::Began { effect }, &folding(), now).unwrap().case;
        case = began.advance(Event::Delivered { effect, delivery }, &folding(), now).unwrap().case;
    }
    (case.actions[1].status, case.actions[1].attempts)
}

#[test]
fn a_ticket_that_may_have_arrived_does_not_end_as_failed() {
    let why = || "why".to_owned();
    let (lost, rejected) = (Delivery::Uncertain { why: why() }, Delivery::Rejected { why: why() });
    let busy = Delivery::NotAccepted { why: why(), retry_after: None };
    let done = Delivery::Accepted { receipt: why() };
    assert_eq!(ticket_after(&[lost.clone(), rejected.clone()]), (ActionStatus::Uncertain, 2));
    assert_eq!(ticket_after(&[lost.clone(), busy.clone()]), (ActionStatus::Uncertain, 6));
    assert_eq!(ticket_after(std::slice::from_ref(&lost)), (ActionStatus::Uncertain, 6));
    assert_eq!(ticket_after(&[busy.clone(), lost.clone()]), (ActionStatus::Uncertain, 6));
    assert_eq!(ticket_after(&[lost, done]), (ActionStatus::Done, 2));
    assert_eq!(ticket_after(&[busy.clone(), rejected]), (ActionStatus::Failed, 2));
    assert_eq!(ticket_after(&[busy]), (ActionStatus::Failed, 6));
}

#[test]
fn a_delivery_that_stops_the_worker_every_time_ends_as_uncertain() {
    let mut case = acting(Verdict::Inconclusive);
    let effect = case.pending[1].n;
    let mut begun = 0;
    while let Some(pending) = case.pending.iter().find(|pending| pending.n == effect) {
        let now = pending.not_before.max(at(10));
        case = case.advance(Event::Began { effect }, &folding(), now).unwrap().case;
        begun += u32::from(case.pending.iter().any(|pending| pending.n == effect && pending.started));
        assert!(begun < 100, "it is begun for ever");
    }
    assert_eq!((case.actions[1].status, begun), (ActionStatus::Uncertain, 8));
}

#[test]
fn a_crash_that_a_ticket_may_have_survived_is_remembered_when_it_is_refused_later() {
    let case = acting(Verdict::Inconclusive);
    let effect = case.pending[1].n;
    let began = case.advance(Event::Began { effect }, &folding(), at(10)).unwrap().case;
    let again = began.advance(Event::Began { effect }, &folding(), at(20)).unwrap().case;
    let refused = Event::Delivered { effect, delivery: Delivery::Rejected { why: "401".to_owned() } };
    let ended = again.advance(refused, &folding(), at(21)).unwrap().case;
    assert_eq!(ended.actions[1].status, ActionStatus::Uncertain);
}

#[test]
fn the_other_side_may_ask_for_a_longer_pause() {
    let case = acting(Verdict::Inconclusive);
    let busy = Delivery::NotAccepted { why: "503".to_owned(), retry_after: Some(120) };
    let due = deliver(&case, busy, 10).pending[0].not_before;
    assert!((at(130)..at(132)).contains(&due), "{due}");
}

#[test]
fn cases_that_were_refused_together_do_not_come_back_together() {
    let due = |id: &str| {
        let case = Case { id: id.to_owned(), ..acting(Verdict::Inconclusive) };
        let busy = Delivery::NotAccepted { why: "503".to_owned(), retry_after: Some(60) };
        deliver(&case, busy, 10).pending[0].not_before
    };
    let dues: std::collections::BTreeSet<Timestamp> = (0..50).map(|n| due(&format!("ph-{n}"))).collect();
    assert!(dues.len() > 40, "{}", dues.len());
    assert_eq!(due("ph-1"), due("ph-1"), "and the same case comes at the same time, whoever works it");
}

#[test]
fn a_case_closes_when_every_action_is_final() {
    let case = acting(Verdict::Inconclusive);
    let case = deliver(&case, Delivery::Accepted { receipt: "queued".to_owned() }, 6);
    assert!(!case.is_closed());
    let case = deliver(&case, Delivery::Rejected { why: "401".to_owned() }, 7);
    assert_eq!(
        case.state,
        State::Closed { outcome: Outcome::Investigated { verdict: Verdict::Inconclusive } }
    );
    assert_eq!(
        case.actions.iter().map(|a| a.status).collect::<Vec<_>>(),
        [ActionStatus::Done, ActionStatus::Failed]
    );
}

#[test]
fn a_delivery_that_was_under_way_at_a_crash_is_not_repeated_to_a_server() {
    let case = acting(Verdict::Inconclusive);
    let effect = case.pending[0].n;
    let began = case.advance(Event::Began { effect }, &with_servers(), at(6)).unwrap().case;
    let again = began.advance(Event::Began { effect }, &with_servers(), at(60)).unwrap().case;
    assert!(again.pending.iter().all(|pending| pending.n != effect));
    assert_eq!(again.actions[0].status, ActionStatus::Uncertain);
}

#[test]
fn a_delivery_into_the_outbox_is_repeated_after_a_crash() {
    let case = acting(Verdict::Inconclusive);
    let effect = case.pending[0].n;
    let began = step(&case, Event::Began { effect }, 6).case;
    let again = step(&began, Event::Began { effect }, 60).case;
    assert!(again.pending[0].started && again.pending[0].attempts == 2);
}

#[test]
fn every_verdict_becomes_a_finding_once_where_findings_have_a_place_to_go_to() {
    let kinds = |findings: &str, verdict| -> Vec<(ActionKind, ActionStatus)> {
        let policy = Policy::parse(&format!("{POLICY}{findings}")).unwrap();
        let case = collecting(&[("CORP", "alice")]);
        let collected = perform(&case, Event::Collected { outcomes: Vec::new(), staged: None }, 3).case;
        let assessed = perform(
            &collected,
            Event::Assessed { assessment: Box::new(assessment(verdict)), proposal: None },
            4,
        )
        .case;
        let began = step(&assessed, Event::Began { effect: assessed.pending[0].n }, 5).case;
        let acting = began.advance(sealed(), &policy, at(5)).unwrap().case;
        acting.actions.iter().map(|action| (action.kind, action.status)).collect()
    };
    for place in ["[findings]\nfile = 'f'\n", "[findings]\nevent_bus = 'b'\n"] {
        for verdict in Verdict::ALL {
            let found = kinds(place, verdict);
            assert_eq!(found.last(), Some(&(ActionKind::Finding, ActionStatus::Pending)), "{verdict}");
        }
    }
    let listed = "[actions]\nfalse_positive = ['finding']\n";
    let once = kinds(&format!("[findings]\nfile = 'f'\n{listed}"), Verdict::FalsePositive);
    assert_eq!(once, [(ActionKind::Finding, ActionStatus::Pending)]);
    let nowhere = kinds(listed, Verdict::FalsePositive);
    assert_eq!(nowhere, [(ActionKind::Finding, ActionStatus::Skipped)]);
    assert!(kinds("", Verdict::FalsePositive).is_empty());
}
