//! Mails: to whom, when, how many, and what comes back.

use super::*;
use crate::policy::AddressSource;

fn with(more: &str) -> Policy {
    let base = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nsoc = ['soc@example.com']\n";
    Policy::parse(&format!("{base}{more}")).unwrap()
}

/// A case of these users whose evidence is sealed under this policy.
fn acting_under(policy: &Policy, users: &[(&str, &str)]) -> Case {
    let collected =
        perform(&collecting(users), Event::Collected { outcomes: Vec::new(), staged: None }, 3).case;
    let verdict = Box::new(assessment(Verdict::PolicyViolation));
    let assessed = perform(&collected, Event::Assessed { assessment: verdict, proposal: None }, 4).case;
    let began = step(&assessed, Event::Began { effect: assessed.pending[0].n }, 5).case;
    began.advance(sealed(), policy, at(5)).unwrap().case
}

fn person(user: &str, source: AddressSource, mail: &str, language: Option<&str>) -> Person {
    let mail = Some(mail.to_owned()).filter(|mail| !mail.is_empty());
    Person { user: user.to_owned(), source, mail, language: language.map(str::to_owned) }
}

fn look_up_of(case: &Case) -> &Pending {
    case.pending.iter().find(|pending| matches!(pending.effect, Effect::LookUpUsers { .. })).unwrap()
}

/// The case after the look-up of its users ended so.
fn looked_up(case: &Case, policy: &Policy, people: Vec<Person>, faults: &[&str], again: bool) -> Case {
    let began = case.advance(Event::Began { effect: look_up_of(case).n }, policy, at(6)).unwrap().case;
    let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
    began.advance(Event::LookedUp { people, faults, again }, policy, at(6)).unwrap().case
}

fn user_mails(case: &Case) -> Vec<(&[String], ActionStatus)> {
    let mails = case.actions.iter().filter(|action| action.kind == ActionKind::MailUser);
    mails.map(|action| (action.to.as_slice(), action.status)).collect()
}

const DIRECTORIES: &str = "[users]\nmail_domains = ['example.com']\ndirectory = 'users.csv'\n\
                           [users.ldap]\nurl = 'ldaps://dc1'\nbase = 'dc=x'\n";

#[test]
fn each_user_gets_a_mail_of_their_own_in_their_own_language() {
    let policy = with(DIRECTORIES);
    let case = acting_under(&policy, &[("CORP", "alice"), ("CORP", "bob")]);
    assert_eq!(
        look_up_of(&case).effect,
        Effect::LookUpUsers { users: vec!["corp\\alice".to_owned(), "corp\\bob".to_owned()] }
    );
    // What needs no look-up does not wait for it.
    let kinds: Vec<ActionKind> = case.actions.iter().map(|action| action.kind).collect();
    assert_eq!(kinds, [ActionKind::MailSoc, ActionKind::Ticket]);
    let people = vec![
        person("corp\\alice", AddressSource::Csv, "alice.adams@example.com", Some("de-CH")),
        person("corp\\bob", AddressSource::Ldap, "bob@example.com", None),
    ];
    let case = looked_up(&case, &policy, people, &[], false);
    let to = |mail: &str| [mail.to_owned()];
    assert_eq!(
        user_mails(&case),
        [
            (to("alice.adams@example.com").as_slice(), ActionStatus::Pending),
            (to("bob@example.com").as_slice(), ActionStatus::Pending)
        ]
    );
    assert_eq!(case.language_of(&to("Alice.Adams@example.com")), Some("de-CH"));
    assert_eq!(case.language_of(&to("bob@example.com")), None);
    assert_eq!(case.language_of(&policy.mail.soc), None);
}

#[test]
fn addresses_are_taken_in_the_policys_order_and_in_allowed_domains_only() {
    let people = || {
        vec![
            person("corp\\alice", AddressSource::Csv, "csv@example.com", None),
            person("corp\\alice", AddressSource::Ldap, "ldap@example.com", None),
        ]
    };
    let to = |order: &str, people: Vec<Person>| -> Vec<String> {
        let policy = with(&DIRECTORIES.replace("[users]\n", &format!("[users]\nlook_up = {order}\n")));
        let case = acting_under(&policy, &[("CORP", "alice")]);
        let case = looked_up(&case, &policy, people, &[], false);
        case.actions.iter().filter(|a| a.kind == ActionKind::MailUser).flat_map(|a| a.to.clone()).collect()
    };
    assert_eq!(to("['csv', 'ldap']", people()), ["csv@example.com"]);
    assert_eq!(to("['ldap', 'csv']", people()), ["ldap@example.com"]);
    for hostile in
        ["x@evil.example", "x@example.com@evil.example", "a,b@example.com", "x\r\nBcc: y@example.com", "@"]
    {
        let mut people = people();
        people[0].mail = Some(hostile.to_owned());
        assert_eq!(to("['csv', 'ldap']", people), ["ldap@example.com"], "{hostile}");
    }
}

#[test]
fn nobody_to_write_to_is_skipped_and_says_what_was_not_asked() {
    let policy = with(DIRECTORIES);
    let case = acting_under(&policy, &[("CORP", "alice")]);
    let case = looked_up(&case, &policy, Vec::new(), &["ldap: login refused"], false);
    assert_eq!(user_mails(&case), [([].as_slice(), ActionStatus::Skipped)]);
    let detail = &case.actions.last().unwrap().detail;
    assert!(detail.contains("corp\\alice") && detail.contains("ldap: login refused"), "{detail}");
    assert!(!case.is_closed(), "the mail to the SOC and the ticket are still to be delivered");
}

#[test]
fn a_directory_that_does_not_answer_is_asked_again_and_then_done_without() {
    let policy = with(&DIRECTORIES.replace("[users]\n", "[users]\nmail = '{user}@example.com'\n"));
    let mut case = acting_under(&policy, &[("CORP", "alice")]);
    let mut tries = 0;
    while case.pending.iter().any(|pending| matches!(pending.effect, Effect::LookUpUsers { .. })) {
        let pending = look_up_of(&case).clone();
        let now = pending.not_before;
        let began = case.advance(Event::Began { effect: pending.n }, &policy, now).unwrap().case;
        let silent =
            Event::LookedUp { people: Vec::new(), faults: vec!["ldap: silent".to_owned()], again: true };
        case = began.advance(silent, &policy, now).unwrap().case;
        tries += 1;
        assert!(tries < 100, "it is asked for ever");
    }
    assert_eq!(tries, policy.actions.attempts);
    assert_eq!(user_mails(&case), [(["alice@example.com".to_owned()].as_slice(), ActionStatus::Pending)]);
    assert!(
        case.history.iter().any(|entry| entry.what.contains("users looked up: no address; ldap: silent"))
    );
}

#[test]
fn a_look_up_that_stops_the_worker_every_time_keeps_no_case_open_and_no_evidence_from_its_cooldown() {
    let policy = with(DIRECTORIES);
    let mut case = acting_under(&policy, &[("CORP", "alice")]);
    for _ in 0..100 {
        let look_up = case.pending.iter().find(|p| matches!(p.effect, Effect::LookUpUsers { .. }));
        let Some(pending) = look_up.cloned() else { break };
        case = case.advance(Event::Began { effect: pending.n }, &policy, pending.not_before).unwrap().case;
    }
    assert_eq!(user_mails(&case), [([].as_slice(), ActionStatus::Skipped)]);
    assert_eq!((&case.state, case.claims.len()), (&State::Acting, 2));
}

#[test]
fn a_mail_to_a_user_waits_for_working_hours_and_nothing_else_does() {
    // The clock of these tests begins on Monday, 2 March 2026, at 09:00 UTC.
    let hours = "[users]\nmail = '{user}@example.com'\n\
                 [actions.hours]\nfrom = '12:00'\nto = '17:00'\ntime_zone = 'UTC'\n";
    let policy = with(hours);
    let mut case = acting_under(&policy, &[("CORP", "alice")]);
    for effect in case.pending.iter().map(|pending| pending.n).collect::<Vec<_>>() {
        case = case.advance(Event::Began { effect }, &policy, at(10)).unwrap().case;
    }
    let noon = at(3 * 3600);
    for pending in &case.pending {
        let to_user = matches!(pending.effect, Effect::Act { kind: ActionKind::MailUser, .. });
        assert_eq!((pending.started, pending.not_before == noon), (!to_user, to_user), "{pending:?}");
    }
    let mail = case.actions.iter().find(|action| action.kind == ActionKind::MailUser).unwrap();
    assert_eq!(mail.status, ActionStatus::Pending);
    assert!(mail.detail.starts_with("waits until 2026-03-02T12:00:00Z: working hours"), "{}", mail.detail);
    let effect = mail.effect.unwrap();
    let begun = case.advance(Event::Began { effect }, &policy, noon).unwrap().case;
    assert!(begun.pending.iter().any(|pending| pending.n == effect && pending.started));
    // A try after hours waits for the next day.
    let busy = Delivery::NotAccepted { why: "450".to_owned(), retry_after: None };
    let late = at(8 * 3600);
    let again = begun.advance(Event::Delivered { effect, delivery: busy }, &policy, late).unwrap().case;
    let again = again.advance(Event::Began { effect }, &policy, later(late)).unwrap().case;
    let pending = again.pending.iter().find(|pending| pending.n == effect).unwrap();
    assert_eq!((pending.started, pending.not_before), (false, at(27 * 3600)));
}

#[test]
fn hours_hold_what_they_name_and_after_the_verdicts_that_they_name() {
    let hours = "[users]\nmail = '{user}@example.com'\n[ticket.webhook]\nurl = 'https://t.example.com'\n\
                 [actions.hours]\nfrom = '12:00'\nto = '17:00'\ntime_zone = 'UTC'\nactions = ['mail_soc', 'ticket']\n";
    for (verdicts, waits) in [("", true), ("verdicts = ['compromised']\n", false)] {
        let policy = with(&format!("{hours}{verdicts}"));
        let mut case = acting_under(&policy, &[("CORP", "alice")]);
        assert_ne!(case.verdict(), Some(Verdict::Compromised));
        for effect in case.pending.iter().map(|pending| pending.n).collect::<Vec<_>>() {
            case = case.advance(Event::Began { effect }, &policy, at(10)).unwrap().case;
        }
        for pending in &case.pending {
            let to_user = matches!(pending.effect, Effect::Act { kind: ActionKind::MailUser, .. });
            assert_eq!(pending.started, to_user || !waits, "{verdicts:?}: {pending:?}");
        }
    }
}

#[test]
fn each_verdict_may_have_a_soc_of_its_own() {
    let soc = |more: &str| {
        let case = acting_under(&with(more), &[("CORP", "alice")]);
        let mail = case.actions.iter().find(|action| action.kind == ActionKind::MailSoc).unwrap();
        (case.verdict().unwrap(), mail.to.clone(), mail.status, mail.detail.clone())
    };
    let (verdict, usual, ..) = soc("");
    let name = verdict.as_str();
    let theirs = soc(&format!("[mail.soc_after]\n{name} = ['ir@example.com', 'boss@example.com']\n")).1;
    assert_eq!(theirs, ["ir@example.com", "boss@example.com"]);
    assert_ne!(theirs, usual);
    let (_, to, status, detail) = soc(&format!("[mail.soc_after]\n{name} = []\n"));
    assert_eq!((to.len(), status), (0, ActionStatus::Skipped));
    assert!(detail.contains(name), "{detail}");
    let other = if verdict == Verdict::Compromised { "inconclusive" } else { "compromised" };
    assert_eq!(soc(&format!("[mail.soc_after]\n{other} = ['ir@example.com']\n")).1, usual);
}

fn later(at: Timestamp) -> Timestamp {
    at + SignedDuration::from_secs(60)
}

const LIMITS: &str = "[users]\nmail = '{user}@example.com'\n[actions.limits]\nper_user_a_day = 2\n";

/// Slots of the mail to the user that others have taken.
fn taken(case: &Case, policy: &Policy, count: usize) -> (u32, Vec<Claim>) {
    let mail = |pending: &&Pending| matches!(pending.effect, Effect::Act { kind: ActionKind::MailUser, .. });
    let effect = case.pending.iter().find(mail).unwrap().n;
    let slots = case.limit_slots(effect, policy);
    let day = SignedDuration::from_hours(24);
    let claim =
        |(n, key): (usize, ClaimKey)| Claim::lease(key, "ph-other", at(-60 * i64::try_from(n).unwrap()), day);
    (effect, slots.into_iter().take(count).enumerate().map(claim).collect())
}

#[test]
fn a_limit_takes_the_first_free_slot_and_no_name_can_be_read_from_it() {
    let policy = with(LIMITS);
    let case = acting_under(&policy, &[("CORP", "alice")]);
    let (effect, held) = taken(&case, &policy, 1);
    let begun = case.advance(Event::SlotsRead { effect, held: held.clone() }, &policy, at(10)).unwrap();
    let [ClaimOp::Take(slot)] = begun.claims.as_slice() else { panic!("{:?}", begun.claims) };
    assert!(slot.key != held[0].key && slot.key.is_limit() && slot.case_id == case.id);
    assert_eq!(slot.expires_at, at(10 + 24 * 3600));
    assert!(!slot.key.as_str().contains("alice"), "{}", slot.key);
    assert!(
        begun.case.pending.iter().any(|pending| pending.n == effect && pending.started && pending.admitted)
    );
    // Begun without a look, it still takes a slot, so that the store can refuse it.
    let blind = case.advance(Event::Began { effect }, &policy, at(10)).unwrap();
    assert!(matches!(blind.claims.as_slice(), [ClaimOp::Take(slot)] if slot.key == held[0].key));
    assert_eq!(blind.case.suspects(), case.suspects(), "a slot is no suspect");
}

#[test]
fn what_a_limit_holds_back_waits_or_is_skipped_and_says_which() {
    let policy = with(LIMITS);
    let case = acting_under(&policy, &[("CORP", "alice")]);
    let (effect, held) = taken(&case, &policy, 2);
    let event = || Event::SlotsRead { effect, held: held.clone() };
    let record = |case: &Case| case.actions.iter().find(|a| a.effect == Some(effect)).unwrap().clone();

    let waits = case.advance(event(), &policy, at(10)).unwrap();
    assert!(waits.claims.is_empty());
    let pending = waits.case.pending.iter().find(|pending| pending.n == effect).unwrap();
    // The slot that was taken first runs out first.
    assert_eq!((pending.started, pending.not_before), (false, at(24 * 3600 - 60)));
    assert!(record(&waits.case).detail.contains("the limit of 2 mails to one user in 24 hours is reached"));

    let skips = with(&format!("{LIMITS}when_reached = 'skip'\n"));
    let skipped = case.advance(event(), &skips, at(10)).unwrap().case;
    assert_eq!(record(&skipped).status, ActionStatus::Skipped);
    assert!(record(&skipped).detail.contains("the limit of 2 mails"), "{:?}", record(&skipped));
    assert!(skipped.pending.iter().all(|pending| pending.n != effect));

    let impatient = with(&format!("{LIMITS}wait_at_most = '1h'\n"));
    let skipped = case.advance(event(), &impatient, at(10)).unwrap().case;
    assert_eq!(record(&skipped).status, ActionStatus::Skipped);
    assert!(record(&skipped).detail.contains("wait_at_most = 1h"), "{:?}", record(&skipped));
}

#[test]
fn each_limit_is_of_its_own_kind_and_of_each_user_and_machine() {
    let all = with(
        "[users]\nmail = '{user}@example.com'\n\
         [actions.limits]\nmails_per_hour = 3\nper_user_a_day = 2\nper_host_a_day = 1\npages_per_hour = 9\n",
    );
    let case = acting_under(&all, &[("CORP", "alice")]);
    let slots = |kind: ActionKind| {
        let of = |pending: &&Pending| matches!(&pending.effect, Effect::Act { kind: k, .. } if *k == kind);
        case.limit_slots(case.pending.iter().find(of).unwrap().n, &all)
    };
    assert_eq!(slots(ActionKind::MailUser).len(), 6);
    assert_eq!(slots(ActionKind::MailSoc).len(), 3);
    assert!(slots(ActionKind::Ticket).is_empty());
    // Tickets of all cases share theirs, and it is no mail's.
    let few = with("[actions.limits]\ntickets_per_hour = 4\nchats_per_hour = 2\n");
    let case = acting_under(&few, &[("CORP", "alice")]);
    let taken: Vec<_> = case.pending.iter().flat_map(|pending| case.limit_slots(pending.n, &few)).collect();
    let next = acting_under(&few, &[("CORP", "bob")]);
    let of_next: Vec<_> = next.pending.iter().flat_map(|pending| next.limit_slots(pending.n, &few)).collect();
    assert_eq!((taken.len(), &taken), (4, &of_next));
    let other = acting_under(&all, &[("CORP", "bob")]);
    let theirs = other.limit_slots(other.pending[0].n, &all);
    let shared = slots(ActionKind::MailUser).iter().filter(|slot| theirs.contains(slot)).count();
    // All mails of the hour and the machine are the same; the users are not.
    assert_eq!(shared, 4);
}

#[test]
fn an_action_that_is_off_is_skipped_with_the_reason() {
    let policy = with("[users]\nmail = '{user}@example.com'\n[actions]\noff = ['mail_user', 'ticket']\n");
    let case = acting_under(&policy, &[("CORP", "alice")]);
    let found: Vec<_> = case.actions.iter().map(|action| (action.kind, action.status)).collect();
    assert_eq!(
        found,
        [
            (ActionKind::MailUser, ActionStatus::Skipped),
            (ActionKind::MailSoc, ActionStatus::Pending),
            (ActionKind::Ticket, ActionStatus::Skipped)
        ]
    );
    assert!(case.actions[0].detail.contains("[actions] off"));
}

#[test]
fn what_is_withheld_is_on_the_case_and_takes_no_slot_and_waits_for_no_hour() {
    let policy = with(
        "[users]\nmail = '{user}@example.com'\n[actions]\ndry_run = true\n\
         [actions.limits]\nmails_per_hour = 1\n[actions.hours]\nfrom = '12:00'\nto = '17:00'\ntime_zone = 'UTC'\n",
    );
    let mut case = acting_under(&policy, &[("CORP", "alice")]);
    while let Some(effect) = case.pending.first().map(|pending| pending.n) {
        assert!(case.limit_slots(effect, &policy).is_empty());
        let begun = case.advance(Event::Began { effect }, &policy, at(10)).unwrap();
        assert!(begun.claims.is_empty() && begun.case.pending[0].started);
        let delivery = Delivery::Withheld { what: "would have sent x".to_owned() };
        case = begun.case.advance(Event::Delivered { effect, delivery }, &policy, at(10)).unwrap().case;
    }
    assert!(case.is_closed());
    assert!(case.actions.iter().all(|action| action.status == ActionStatus::DryRun), "{:?}", case.actions);
}

#[test]
fn a_mail_that_came_back_is_noted_once_on_a_case_that_is_closed() {
    let policy = with("[users]\nmail = '{user}@example.com'\n");
    let mut case = acting_under(&policy, &[("CORP", "alice")]);
    let effect = case.actions[0].effect.unwrap();
    // SES may be faster than the answer to whoever sent it.
    let early =
        case.mail_returned(effect, Returned::Bounced, "550 no such user", &policy, at(8)).unwrap().case;
    let accepted = || Delivery::Accepted { receipt: "queued".to_owned() };
    let kept = early.advance(Event::Delivered { effect, delivery: accepted() }, &policy, at(9)).unwrap().case;
    assert_eq!(kept.actions[0].status, ActionStatus::Bounced);
    assert!(kept.pending.iter().all(|pending| pending.n != effect));

    while let Some(effect) = case.pending.first().map(|pending| pending.n) {
        case = case.advance(Event::Delivered { effect, delivery: accepted() }, &policy, at(9)).unwrap().case;
    }
    assert!(case.is_closed());
    let step = case.mail_returned(effect, Returned::Bounced, "550 no\r\nsuch user", &policy, at(90)).unwrap();
    let returned = step.case;
    assert_eq!((returned.version, returned.actions[0].status), (case.version + 1, ActionStatus::Bounced));
    assert_eq!(returned.actions[0].detail, "550 no\\r\\nsuch user");
    assert!(returned.is_closed() && step.claims.is_empty());
    assert!(
        returned.mail_returned(effect, Returned::Bounced, "550 no\r\nsuch user", &policy, at(91)).is_none()
    );
    let complained =
        returned.mail_returned(effect, Returned::Complained, "abuse", &policy, at(92)).unwrap().case;
    let late = complained.mail_returned(effect, Returned::Bounced, "late", &policy, at(93)).unwrap().case;
    assert_eq!(late.actions[0].status, ActionStatus::Complained);
    let ticket =
        case.actions.iter().find(|action| action.kind == ActionKind::Ticket).unwrap().effect.unwrap();
    assert!(
        case.mail_returned(ticket, Returned::Bounced, "x", &policy, at(94)).is_none(),
        "a ticket does not bounce"
    );
    assert!(case.mail_returned(999, Returned::Bounced, "x", &policy, at(94)).is_none());
}

#[test]
fn a_mail_through_amazons_service_is_not_sent_again_after_a_crash() {
    let relay = "[users]\nmail = '{user}@example.com'\n[[relay]]\nname = 'r'\nnetworks = ['10.0.0.0/8']\n";
    let policy = with(relay);
    let case = acting_under(&policy, &[("CORP", "alice")]);
    let effect = case.actions[0].effect.unwrap();
    let began = case.advance(Event::Began { effect }, &policy, at(6)).unwrap().case;
    let again = began.advance(Event::Began { effect }, &policy, at(60)).unwrap().case;
    assert_eq!(again.actions[0].status, ActionStatus::Uncertain);
}
