//! The whole chain on AWS's services: an alert on a queue in, sealed evidence, mails and a ticket out. And what happens
//! when parts of it fail: each scenario has a machine and a relay of its own, so that all run over one deployment.
//!
//! What is real: the Terraform module, the functions behind event source mappings, the relay, its endpoints with sshd and
//! a BitTorrent client, the ticket receiver. What stands in: MiniStack for the services, and for Systems Manager a server
//! of the tests that runs the document's step.

mod chain;
mod crash;
mod faults;

use std::time::Duration;

use acceptance::{Cloud, Lab, PEER, PolicyText, Swarm, require_or_skip};
use emulator::ssm::Failure;

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
        .actions("false_positive = [\"mail_soc\", \"ticket\"]");
    let Some(cloud) = Cloud::deploy(&lab, policy).expect("a deployment") else { return };

    // Whichever cases come first find Systems Manager too busy: their orders are given again.
    cloud.ssm.fail_next("SendCommand", 2, Failure::Throttled);
    std::thread::scope(|scope| {
        let scenarios: [(&str, Scenario); 8] = [
            ("chain", chain::from_alert_to_deliveries),
            ("hangs", faults::a_command_that_is_never_picked_up_fails_and_is_tried_again),
            ("corrupt", faults::evidence_that_is_not_what_it_must_be_is_refused),
            ("silent", faults::evidence_that_never_arrives_is_missed),
            ("offline", faults::a_relay_that_was_offline_is_used_once_it_is_back),
            ("unknown", faults::a_relay_that_nobody_registered_is_told_from_one_that_is_off),
            ("door", chain::from_a_request_to_a_case),
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
    crash::functions_that_are_killed_lose_nothing_and_repeat_nothing(&lab, &cloud);
}
