//! What people approve is done on the machine, by the relay that reaches it; and by nobody else's word.

use acceptance::{ANNA, BERT, Cloud, Lab, MALLORY, Swarm, wait_until};
use casework::aws::decisions::Spoken;
use casework::remediate::Word;
use investigation::case::Case;
use investigation::remediation::Stage;

use crate::{LIMIT, approving};

/// The client that was found is ended once two persons whom the policy names have said so, and on no forged word.
pub(crate) fn what_is_approved_is_done_once(lab: &Lab, cloud: &Cloud, swarm: &Swarm) {
    let operator = cloud.operator().expect("a person");
    let target = lab.endpoint.address().to_string();
    let waiting = operator.json(&["approvals"], 0).expect("what waits");
    let cases = cloud.cases().expect("cases");
    let case = cases.iter().find(|case| case.target.to_string() == target).expect("the case");
    let waiting = waiting.iter().find(|waiting| waiting["case_id"] == case.id.as_str());
    let waiting = waiting.unwrap_or_else(|| panic!("nothing is proposed: {:#?}", case.remediation));
    assert_eq!(waiting["evidence_sha256"], case.evidence.as_ref().expect("evidence").sha256.as_str());
    let measures = waiting["measures"].as_array().expect("measures");
    let client = measures.iter().find(|measure| measure["measure"]["image"] == swarm.client_image.as_str());
    let number = &client.unwrap_or_else(|| panic!("the client is not named: {waiting:#}"))["n"];
    let (named, n) =
        (number.to_string(), u32::try_from(number.as_u64().expect("a number")).expect("a small one"));
    assert!(swarm.connected(&lab.endpoint).expect("connections"), "nobody has approved it yet");

    // The first of two persons. Her own second word is no second person's.
    let anna = cloud.operator_as(&ANNA).expect("a person");
    anna.json(&["approve", &case.id, &named, "--yes"], 0).expect("an approval");
    anna.json(&["approve", &case.id, &named, "--yes"], 2).expect("a refusal");
    operator.json(&["approve", &case.id, &named, "--yes"], 2).expect("nobody whom the policy names");
    forged_words_are_refused(cloud, &cases, &case.id, n);
    let orders = what_is_written_into_the_table_orders_nothing(cloud, &case.id, n);
    assert!(swarm.connected(&lab.endpoint).expect("connections"), "it was done on a forged word");

    approving::a_link_out_of_a_mail_is_the_second_word(cloud, case);
    let stage =
        |case: &Case| case.remediation.as_ref().and_then(|kept| kept.measure(n)).map(|kept| kept.stage);
    let ended = |case: &Case| !matches!(stage(case), Some(Stage::Proposed | Stage::Ordered));
    let after = cloud.case_that("the measure has ended", LIMIT, |now| now.id == case.id && ended(now));
    let after = after.expect("an end");
    assert_eq!(stage(&after), Some(Stage::Done), "{after:#?}");
    assert!(!swarm.connected(&lab.endpoint).expect("connections"), "it is said to be stopped, and runs");
    assert!(cloud.orders_about(&case.id).expect("orders") > orders, "it was done without an order");
    // It is not done again, and cannot be.
    let bert = cloud.operator_as(&BERT).expect("a person");
    bert.json(&["approve", &case.id, &named, "--yes"], 2).expect("a refusal");
}

fn now(cloud: &Cloud, id: &str) -> Case {
    cloud.cases().expect("cases").into_iter().find(|case| case.id == id).expect("the case")
}

/// Messages that anybody can put on the queue who may send to it.
fn forged_words_are_refused(cloud: &Cloud, cases: &[Case], id: &str, n: u32) {
    let case = now(cloud, id);
    let signed =
        |id: &str, case: &Case, elsewhere| cloud.signed(id, case, &[n], &ANNA, elsewhere).expect("a word");
    let other = cases.iter().find(|other| other.id != id && other.evidence.is_some()).expect("another case");
    let of_other = signed("other-case", other, false);
    let forged = [
        Spoken { case_id: id.to_owned(), ..of_other },
        signed("other-place", &case, true),
        Spoken { word: Word::Undo, ..signed("other-word", &case, false) },
        Spoken { measures: vec![n, n + 1], ..signed("more-of-it", &case, false) },
    ];
    for spoken in &forged {
        cloud.say(spoken).expect("a message");
    }
    // A word of hers that came already, by another message of the same name: it is one, and she is told once.
    let replayed = signed("replayed", &case, false);
    for _ in 0..3 {
        cloud.say(&replayed).expect("a message");
    }
    let heard = wait_until("every word was heard", LIMIT, || {
        let case = now(cloud, id);
        let all = forged.iter().chain([&replayed]).all(|spoken| case.heard(&spoken.id).is_some());
        Ok(all.then_some(case))
    });
    let heard = heard.unwrap_or_else(|why| panic!("{why}: {:#?}", now(cloud, id).heard));
    for spoken in &forged {
        let heard = heard.heard(&spoken.id).expect("heard");
        let why = heard.refused.as_deref().unwrap_or("taken");
        assert!(heard.by.is_empty() && why.contains("SignatureDoesNotMatch"), "{}: {why}", spoken.id);
    }
    let twice = heard.heard(&replayed.id).expect("heard");
    assert_eq!(twice.by, ANNA.arn);
    assert!(twice.refused.as_deref().is_some_and(|why| why.contains("another person")), "{twice:?}");
    let kept = heard.remediation.as_ref().expect("measures");
    assert_eq!(kept.approvals.len(), 1, "{:?}", kept.approvals);
    assert!(heard.heard.iter().any(|heard| heard.by == MALLORY.arn), "{:?}", heard.heard);
    // A word about no case lies where a person finds it, without what vouched for it.
    let nowhere = Spoken { case_id: "ph-20260302-nothing".to_owned(), ..signed("nowhere", &case, false) };
    cloud.say(&nowhere).expect("a message");
    let aside = wait_until("a word about no case is set aside", LIMIT, || {
        let aside = cloud.messages(&cloud.deployment.decisions_dlq_url)?;
        Ok(aside.into_iter().find(|(body, _)| body.contains("ph-20260302-nothing")))
    });
    let (body, reason) = aside.expect("a dead letter");
    assert!(
        reason.is_some_and(|reason| reason.contains("there is no case")) && !body.contains("signature"),
        "{body}"
    );
}

/// The second approval, by whoever may write the table: the order is in the outbox, and does not go out. How many went
/// out about the case before.
fn what_is_written_into_the_table_orders_nothing(cloud: &Cloud, id: &str, n: u32) -> usize {
    let case = now(cloud, id);
    let orders = cloud.orders_about(id).expect("orders");
    assert_ne!(orders, 0, "what was collected was ordered");
    let forged = cloud.forge(&case, &[n], &BERT).expect("an approval in the table");
    assert_eq!(
        forged.remediation.as_ref().and_then(|kept| kept.measure(n)).map(|kept| kept.stage),
        Some(Stage::Ordered)
    );
    cloud.sweep().expect("a sweep");
    let back = cloud.case_that("the order is taken back", LIMIT, |case| {
        let kept = case.remediation.as_ref().filter(|_| case.id == id);
        kept.and_then(|kept| kept.measure(n)).is_some_and(|kept| kept.stage == Stage::Proposed)
    });
    let back = back.expect("the case");
    let told = |what: &str| what.contains(BERT.arn) && what.contains("carries no valid seal");
    assert!(back.history.iter().any(|entry| told(&entry.what)), "{:?}", back.history);
    let unsealed = |by: &str| {
        let kept = back.remediation.as_ref().expect("measures");
        kept.approvals.iter().filter(|approval| approval.by == by).all(|approval| approval.unsealed)
    };
    assert!(unsealed(BERT.arn) && !unsealed(ANNA.arn), "{:?}", back.remediation);
    assert_eq!(cloud.orders_about(id).expect("orders"), orders, "an order went out");
    orders
}
