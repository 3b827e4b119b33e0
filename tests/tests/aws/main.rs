//! The whole chain on AWS's services: an alert on a queue in, sealed evidence, mails and a ticket out. And what happens
//! when parts of it fail: each scenario has a machine and a relay of its own, so that all run over one deployment.
//!
//! What is real: the Terraform module, the functions behind event source mappings, the relay, its endpoints with sshd and
//! a BitTorrent client, the ticket receiver. What stands in: MiniStack for the services; for Systems Manager a server
//! of the tests that runs the document's step, and for the Security Token Service one that checks signatures.

mod approving;
mod chain;
mod compromised;
mod crash;
mod faults;
mod live;
mod remediation;

use std::time::Duration;

use acceptance::{
    ANNA, APPROVER, APPROVER_MAIL, BERT, Cloud, Lab, PEER, PolicyText, RELAY, Swarm, require_or_skip,
};
use emulator::ssm::Failure;
use investigation::case::Case;

/// From an alert to a closed case, on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// What happens to one machine.
type Scenario = fn(&Lab, &Cloud, &Swarm);

#[test]
fn everything_that_a_deployment_promises() {
    let Some(mut lab) = Lab::start_isolated().expect("a lab") else { return };
    if !require_or_skip(Swarm::TOOLS) {
        return;
    }
    let swarm = Swarm::start(&lab.network, &mut lab.endpoint, PEER).expect("a swarm");
    let policy = PolicyText::new(&lab.network)
        .section("[collection]\nretry = [\"1m\"]")
        .section(&format!(
            "[remediation]\npolicy_violation = [\"stop_process\"]\napprovals = 2\nservers = true\n\
             approvers = [\"{}\", \"{}\", \"{APPROVER}\"]\n\
             [remediation.link]\nmail = {{ \"{APPROVER}\" = \"{APPROVER_MAIL}\" }}",
            ANNA.arn, BERT.arn
        ))
        .section(&compromised::sections(&lab))
        .actions(compromised::ACTIONS)
        .actions("false_positive = [\"mail_soc\", \"ticket\"]");
    let Some(cloud) = Cloud::deploy(&lab, policy).expect("a deployment") else { return };

    the_doctor_finds_it_in_order(&cloud);
    // Whichever cases come first find Systems Manager too busy: their orders are given again.
    cloud.ssm.fail_next("SendCommand", 2, Failure::Throttled);
    std::thread::scope(|scope| {
        let scenarios: [(&str, Scenario); 13] = [
            ("chain", chain::from_alert_to_deliveries),
            ("hangs", faults::a_command_that_is_never_picked_up_fails_and_is_tried_again),
            ("corrupt", faults::evidence_that_is_not_what_it_must_be_is_refused),
            ("silent", faults::evidence_that_never_arrives_is_missed),
            ("offline", faults::a_relay_that_was_offline_is_used_once_it_is_back),
            ("unknown", faults::a_relay_that_nobody_registered_is_passed_over),
            ("nobody", faults::a_relay_that_nobody_registered_is_told_from_one_that_is_off),
            ("stalls", faults::a_relay_that_takes_too_long_is_stopped_and_its_case_goes_on),
            ("rejects", faults::what_cannot_be_worked_goes_behind_its_own_queue_at_once),
            ("door", chain::from_a_request_to_a_case),
            ("person", live::a_person_needs_the_command_line_alone),
            ("compromised", compromised::what_follows_is_sealed_held_and_handed_on_once),
            ("poison", faults::a_record_that_cannot_be_read_is_set_aside_alone),
        ];
        for (name, scenario) in scenarios {
            let (lab, cloud, swarm) = (&lab, &cloud, &swarm);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn_scoped(scope, move || scenario(lab, cloud, swarm))
                .expect("a thread");
        }
    });
    busy_calls_were_repeated(&cloud);
    remediation::what_is_approved_is_done_once(&lab, &cloud, &swarm);
    crash::functions_that_are_killed_lose_nothing_and_repeat_nothing(&lab, &cloud);
}

/// What Terraform made is what the command line expects.
fn the_doctor_finds_it_in_order(cloud: &Cloud) {
    let checks = cloud.doctor().expect("the doctor");
    for what in [
        "queue peerhound-alerts",
        "queue peerhound-reports",
        "queue peerhound-actions",
        "queue peerhound-decisions",
        "queue peerhound-alerts-dlq",
        "queue peerhound-reports-dlq",
        "queue peerhound-actions-dlq",
        "queue peerhound-decisions-dlq",
        &format!("table {}: TTL", cloud.deployment.cases_table),
        &format!("table {}: TTL", cloud.deployment.cooldowns_table),
        &format!("bucket {}: Object Lock", cloud.deployment.evidence_bucket),
        "approving by a link",
        "secret of the links' key",
        "secret of the approvers' codes",
        "document peerhound-orders-linux",
        "document peerhound-orders-windows",
        &format!("relay {RELAY} {}", cloud.node),
    ] {
        let check = checks.iter().find(|(part, _)| part == what);
        assert!(check.is_some_and(|(_, found)| found.starts_with("ok: ")), "{what}: {checks:#?}");
    }
    // And it does not say so of everything.
    let unknown = checks.iter().find(|(part, _)| part == "relay nobody");
    assert!(unknown.is_some_and(|(_, found)| found.starts_with("wrong: is not registered")), "{checks:#?}");
}

/// Systems Manager was too busy for two commands, and all the same every case came to its end: see the scenarios.
fn busy_calls_were_repeated(cloud: &Cloud) {
    let (calls, accepted) = (cloud.ssm.calls("SendCommand"), cloud.ssm.commands().len() as u64);
    assert!(calls >= accepted + 2, "{calls} calls, {accepted} of them accepted: nobody met a busy service");
    let cases = cloud.cases().expect("cases");
    // A case that met it, and went on after it.
    let went_on = |case: &&Case| {
        let refused = |what: &str| what.contains("next try") && what.contains("Throttling");
        case.history.iter().skip_while(|entry| !refused(&entry.what)).count() > 1
    };
    assert!(cases.iter().any(|case| went_on(&case)), "no case notes that its order was refused: {cases:#?}");
}
