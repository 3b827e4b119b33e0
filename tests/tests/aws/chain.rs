//! The whole way of one alert.

use acceptance::{ALICE, APPROVER_MAIL, Alert, Cloud, Lab, Swarm, artifact, eve, wait_until};
use investigation::act::ActionKind;
use investigation::case::{ActionStatus, Case};
use serde_json::json;

use crate::LIMIT;

pub(crate) fn from_alert_to_deliveries(lab: &Lab, cloud: &Cloud, swarm: &Swarm) {
    let alert = Alert {
        source: lab.endpoint.address().into(),
        source_port: swarm.local_port,
        destination: swarm.peer_address.into(),
        destination_port: swarm.peer_port,
        flow: 1,
    };
    let first = eve(&alert);
    // The queue gives a message twice now and then: the very same alert.
    cloud.alert(&[&first, &first]).expect("an alert");
    let of_the_machine = |case: &Case| case.target == lab.endpoint.address();
    let case = cloud
        .case_that("the case of the download is closed", LIMIT, |case| {
            of_the_machine(case) && case.is_closed()
        })
        .expect("a case");
    assert_eq!(case.verdict().map(|verdict| verdict.as_str()), Some("policy_violation"), "{case:#?}");
    assert_eq!(case.suspects(), [format!("laptop\\{ALICE}")]);

    let sealed = case.evidence.as_ref().expect("evidence");
    let container = cloud.download(&sealed.location).expect("the container");
    let peerhound = lab.peerhound().expect("peerhound");
    let verified = peerhound.run(&["verify", &container.to_string_lossy()]).expect("peerhound");
    assert_eq!(verified.code, Some(0), "{}", verified.told());
    assert!(
        verified.told().contains(&sealed.sha256) || verified.told().contains(&case.id),
        "{}",
        verified.told()
    );
    let torrents = artifact(&container.to_string_lossy(), "torrents").expect("torrents");
    assert!(torrents.to_string().contains(&swarm.infohash), "the torrent is not in the evidence: {torrents}");

    the_deliveries_arrived_once(lab, cloud, &case);
    the_siem_learns_the_result(cloud, &case);

    let second = eve(&Alert { flow: 2, ..alert });
    let contacts = lab.endpoint.connections();
    cloud.alert(&[&second]).expect("an alert");
    let counted = wait_until("the repeat is counted", LIMIT, || {
        let (count, listed) = cloud.runtime.block_on(acceptance::suppressed(&cloud.store, &case.id))?;
        Ok((count > 0).then_some((count, listed)))
    });
    let (count, listed) = counted.expect("a count");
    assert_eq!((count, listed.len()), (1, 1), "the message that came twice is no repeat: {listed:#?}");
    assert_eq!(lab.endpoint.connections(), contacts, "a suppressed alert contacts nobody");
    let cases = cloud.cases().expect("cases").into_iter().filter(of_the_machine).count();
    assert_eq!(cases, 1);
    the_deliveries_arrived_once(lab, cloud, &case);
}

fn the_deliveries_arrived_once(lab: &Lab, cloud: &Cloud, case: &Case) {
    let done: Vec<ActionKind> = case
        .actions
        .iter()
        // Approvers are asked besides: see the scenario of approving.
        .filter(|action| action.status == ActionStatus::Done && action.kind != ActionKind::MailApprover)
        .map(|action| action.kind)
        .collect();
    let all = [ActionKind::MailUser, ActionKind::MailSoc, ActionKind::Ticket, ActionKind::Finding];
    assert_eq!(done, all, "{:#?}", case.actions);
    let about = |text: &str| text.contains(&case.id);
    let of_the_case = |text: &str| about(text) && !text.contains(APPROVER_MAIL);
    let mails = cloud.ministack.mails().expect("mails");
    let mails: Vec<String> = mails.iter().map(ToString::to_string).filter(|mail| of_the_case(mail)).collect();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    for recipient in ["alice@corp.example", "soc@corp.example"] {
        assert_eq!(
            mails.iter().filter(|mail| mail.contains(recipient)).count(),
            1,
            "{recipient}: {mails:#?}"
        );
    }
    let tickets = lab.tickets.tickets().expect("tickets");
    let tickets: Vec<_> = tickets.iter().filter(|ticket| about(&ticket.body)).collect();
    assert_eq!(tickets.len(), 1, "{tickets:#?}");
}

/// A rule on the company's bus has sent the finding on.
fn the_siem_learns_the_result(cloud: &Cloud, case: &Case) {
    let event =
        wait_until("the finding arrives", LIMIT, || Ok(cloud.findings(&case.id)?.pop())).expect("a finding");
    assert_eq!(
        (&event["source"], &event["detail-type"]),
        (&json!("peerhound"), &json!("OCSF Detection Finding"))
    );
    let (finding, sealed) = (&event["detail"], case.evidence.as_ref().expect("evidence"));
    assert_eq!(
        (&finding["class_uid"], &finding["verdict"]),
        (&json!(2004), &json!("True Positive")),
        "{finding:#}"
    );
    assert_eq!(finding["device"]["ip"], case.target.to_string());
    let container =
        finding["evidences"].as_array().and_then(|evidences| evidences.last()).expect("the container");
    assert_eq!(container["file"]["hashes"][0]["value"], sealed.sha256.as_str(), "{finding:#}");
}

/// An alert that a SIEM POSTs is worked like one that it puts on the queue, under the id that it is told.
pub(crate) fn from_a_request_to_a_case(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = lab.network.address(43);
    let alert = eve(&Alert::about(target, 43));
    let (status, _) = cloud.knock(Some("another key that nobody ever gave out"), &alert).expect("an answer");
    assert_eq!(status, 401);
    let (status, answer) = cloud.knock(None, &alert).expect("an answer");
    assert_eq!(status, 202, "{answer}");
    let about = |case: &Case| case.target == std::net::IpAddr::from(target);
    let case = cloud.case_that("the request has a case", LIMIT, about).expect("a case");
    assert_eq!(answer["alert_ids"], serde_json::json!([case.alert.id]));
}
