//! Servers that refuse, stall or say nothing: what is to be delivered arrives once, or a person is told.

use std::collections::BTreeSet;

use acceptance::{Answer, Lab, Peerhound};
use serde_json::Value;

/// A lab whose every verdict leads to a mail and a ticket.
fn loud(lab: &Lab, backoff: &str) -> String {
    let both = "[\"mail_soc\", \"ticket\"]";
    let actions = format!("false_positive = {both}\ninconclusive = {both}\npolicy_violation = {both}");
    lab.policy().actions(&actions).text().replace("backoff = \"1s\"", &format!("backoff = \"{backoff}\""))
}

fn investigate(lab: &Lab, peerhound: &Peerhound<'_>) -> (acceptance::Output, Value) {
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    assert_eq!(outcomes.len(), 1, "{}", output.told());
    (output, outcomes[0].clone())
}

fn status<'a>(case: &'a Value, kind: &str) -> &'a str {
    let actions = case["actions"].as_array().expect("actions");
    let action = actions.iter().find(|action| action["kind"] == kind);
    action.and_then(|action| action["status"].as_str()).unwrap_or_else(|| panic!("no {kind}: {case:#}"))
}

fn keys(lab: &Lab) -> BTreeSet<String> {
    let tickets = lab.tickets.tickets().expect("tickets");
    tickets.iter().map(|ticket| ticket.headers.get("idempotency-key").expect("a key").clone()).collect()
}

#[test]
fn a_ticket_system_that_is_down_is_tried_again_and_holds_up_no_mail() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    lab.tickets.answer(Answer::Status(503)).expect("an answer");
    let peerhound = Peerhound::new(&lab.network, &loud(&lab, "1s")).expect("peerhound");
    let (output, outcome) = investigate(&lab, &peerhound);
    assert_eq!(output.code, Some(1), "an action is not delivered: {}", output.told());
    assert_eq!(lab.tickets.tickets().expect("tickets").len(), 3, "as often as the policy says");
    assert_eq!(keys(&lab).len(), 1, "every try has the same key");
    assert_eq!((status(&outcome, "ticket"), status(&outcome, "mail_soc")), ("failed", "done"), "{outcome:#}");
    assert_eq!(lab.mail.mails().expect("mails").len(), 1);
}

#[test]
fn a_ticket_is_delivered_by_a_later_run_once_the_system_is_back() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    lab.tickets.answer(Answer::Status(503)).expect("an answer");
    let peerhound = Peerhound::new(&lab.network, &loud(&lab, "25s")).expect("peerhound");
    let (output, outcome) = investigate(&lab, &peerhound);
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(status(&outcome, "ticket"), "pending", "{outcome:#}");
    lab.tickets.answer(Answer::Status(201)).expect("an answer");
    let spool = lab.network.workspace().subfolder("spool").expect("a folder");
    let watched = peerhound.run(&["watch", "--once", &spool.to_string_lossy()]).expect("peerhound");
    assert_eq!(watched.code, Some(0), "{}", watched.told());
    let (_, shown) =
        peerhound.json(&["case", "show", outcome["case_id"].as_str().expect("a case")]).expect("peerhound");
    assert_eq!(status(&shown[0], "ticket"), "done", "{:#}", shown[0]);
    let answers: Vec<u16> =
        lab.tickets.tickets().expect("tickets").iter().map(|ticket| ticket.status).collect();
    assert_eq!(answers, [503, 201]);
    assert_eq!(keys(&lab).len(), 1);
    assert_eq!(lab.mail.mails().expect("mails").len(), 1, "what had arrived is not sent again");
}

#[test]
fn a_ticket_without_a_receipt_is_left_to_a_person() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    let peerhound = Peerhound::new(&lab.network, &loud(&lab, "1s")).expect("peerhound");
    lab.tickets.answer(Answer::Silence).expect("an answer");
    let (output, outcome) = investigate(&lab, &peerhound);
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(status(&outcome, "ticket"), "uncertain", "{outcome:#}");
    assert_eq!(lab.tickets.tickets().expect("tickets").len(), 1, "it may have arrived: not sent again");
}

#[test]
fn a_system_that_folds_equal_keys_gets_it_until_it_says_so() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    lab.tickets.answer(Answer::Silence).expect("an answer");
    let policy =
        loud(&lab, "1s").replace("[ticket.webhook]\n", "[ticket.webhook]\nhonours_idempotency_key = true\n");
    let peerhound = Peerhound::new(&lab.network, &policy).expect("peerhound");
    let (output, _) = investigate(&lab, &peerhound);
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(lab.tickets.tickets().expect("tickets").len(), 3, "sent again, since it does no harm there");
    assert_eq!(keys(&lab).len(), 1);
}

#[test]
fn without_servers_everything_lies_in_the_outbox() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    let policy = loud(&lab, "1s");
    let (before, _) = policy.split_once("[mail]").expect("mail comes last");
    let peerhound = Peerhound::new(&lab.network, &format!("{before}[mail]\nsoc = [\"soc@corp.example\"]\n"))
        .expect("peerhound");
    let (output, outcome) = investigate(&lab, &peerhound);
    assert_eq!(output.code, Some(0), "{}", output.told());
    let case_id = outcome["case_id"].as_str().expect("a case");
    let outbox = lab.network.workspace().folder().join("data/outbox");
    let mut endings: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&outbox).expect("the outbox") {
        let path = entry.expect("an entry").path();
        endings.push(path.extension().unwrap_or_default().to_string_lossy().into_owned());
        assert!(std::fs::read_to_string(&path).expect("a text").contains(case_id), "{}", path.display());
    }
    endings.sort();
    assert_eq!(endings, ["eml", "md"]);
    assert_eq!(
        (lab.mail.mails().expect("mails").len(), lab.tickets.tickets().expect("tickets").len()),
        (0, 0)
    );
}
