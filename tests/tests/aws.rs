//! The whole chain on AWS's services: an alert on a queue in, sealed evidence, mails and a ticket out.

use std::time::Duration;

use acceptance::{Alert, Cloud, Lab, PolicyText, eve};

/// From an alert to a closed case, on a busy machine.
const LIMIT: Duration = Duration::from_mins(3);

#[test]
fn an_alert_on_the_queue_becomes_sealed_evidence_mails_and_a_ticket() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let policy = PolicyText::new(&lab.network);
    let Some(cloud) = Cloud::deploy(&lab, policy).expect("a deployment") else { return };
    cloud.alert(&[&eve(&Alert::about(lab.endpoint.address(), 1))]).expect("an alert");
    let case = cloud.case_that("the case is closed", LIMIT, |case| case.is_closed()).expect("a case");
    println!("{case:#?}");
}
