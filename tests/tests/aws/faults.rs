//! What goes wrong, and what comes of it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use acceptance::{Alert, Cloud, Endpoint, Host, Lab, ODD, Swarm, eve, suppressed, wait_until};
use emulator::ssm::Ping;
use investigation::case::{Case, State};

use crate::LIMIT;

fn address(lab: &Lab, relay: &str) -> Ipv4Addr {
    let odd = ODD.iter().find(|(name, _)| *name == relay);
    lab.network.address(odd.expect("a relay of the policy").1)
}

/// The code with which a case waits for its machine.
fn waits_with(case: &Case, target: Ipv4Addr, codes: &[&str]) -> bool {
    let State::Waiting { code, .. } = &case.state else { return false };
    case.target == IpAddr::from(target) && codes.contains(&code.as_str())
}

fn alert_about(cloud: &Cloud, target: Ipv4Addr, flow: u64) {
    cloud.alert(&[&eve(&Alert::about(target, flow))]).expect("an alert");
}

pub(crate) fn a_command_that_is_never_picked_up_fails_and_is_tried_again(
    lab: &Lab,
    cloud: &Cloud,
    _: &Swarm,
) {
    let target = address(lab, "hangs");
    alert_about(cloud, target, 31);
    let waits = |case: &Case| waits_with(case, target, &["relay_failed"]);
    let case = cloud.case_that("the command is given up", LIMIT, waits).expect("a case");
    let State::Waiting { reason, .. } = &case.state else { unreachable!() };
    assert!(reason.contains("DeliveryTimedOut") || reason.contains("TimedOut"), "{reason}");
    assert!(case.claims.is_empty(), "a machine that nobody could look at is not silenced: {:?}", case.claims);
    assert!(case.next_due().is_some());
}

pub(crate) fn evidence_that_is_not_what_it_must_be_is_refused(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = address(lab, "corrupt");
    alert_about(cloud, target, 32);
    // Its relay does nothing, so that what lies under the bundle's name is what somebody else put there.
    let dispatched = |case: &Case| {
        case.target == IpAddr::from(target) && case.pending.iter().any(|pending| pending.handed_to.is_some())
    };
    let case = cloud.case_that("the order is on its way", LIMIT, dispatched).expect("a case");
    let pending = &case.pending[0];
    let key = format!("staging/{}/{}-{}/bundle.zip", case.id, pending.n, pending.attempts);
    cloud.stage(&key, b"PK\x03\x04 and then nothing that a relay would write").expect("an object");
    let waits = |case: &Case| waits_with(case, target, &["evidence_corrupt"]);
    let case = cloud.case_that("the bundle is refused", LIMIT, waits).expect("a case");
    assert!(case.evidence.is_none() && case.identity.is_none());
}

pub(crate) fn evidence_that_never_arrives_is_missed(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = address(lab, "silent");
    alert_about(cloud, target, 33);
    let waits = |case: &Case| waits_with(case, target, &["relay_failed"]);
    // The command went well, so only the sweep asks where the evidence is. It is asked to look more often than it would.
    let missed = wait_until("the evidence is missed", Duration::from_mins(4), || {
        cloud.sweep()?;
        std::thread::sleep(Duration::from_secs(5));
        Ok(cloud.cases()?.into_iter().find(&waits))
    });
    let case = missed.expect("a case");
    let State::Waiting { reason, .. } = &case.state else { unreachable!() };
    assert!(reason.contains("Success"), "{reason}");
}

pub(crate) fn a_relay_that_was_offline_is_used_once_it_is_back(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = address(lab, "offline");
    let endpoint = Endpoint::start(&lab.network, "desktop", 34).expect("an endpoint");
    alert_about(cloud, target, 34);
    let waits = |case: &Case| waits_with(case, target, &["relay_offline"]);
    let case = cloud.case_that("the case waits for the relay", LIMIT, waits).expect("a case");
    let State::Waiting { reason, .. } = &case.state else { unreachable!() };
    assert!(reason.contains("relay offline is offline"), "{reason}");
    assert_eq!(endpoint.connections(), 0);
    // Meanwhile the sensor goes on: all of it belongs to the case that waits.
    let more: Vec<String> = (340..346).map(|flow| eve(&Alert::about(target, flow))).collect();
    cloud.alert_batch(&more.iter().map(String::as_str).collect::<Vec<_>>()).expect("a batch");
    let counted = wait_until("the repeats are counted on the waiting case", LIMIT, || {
        let (count, _) = cloud.runtime.block_on(suppressed(&cloud.store, &case.id))?;
        Ok((count >= 6).then_some(count))
    });
    assert_eq!(counted.expect("a count"), 6);

    cloud.ssm.set_ping(&cloud.odd["offline"], Ping::Online);
    let closed = wait_until("the case goes on", Duration::from_mins(4), || {
        cloud.sweep()?;
        std::thread::sleep(Duration::from_secs(5));
        let found = cloud.cases()?.into_iter().find(|case| case.target == IpAddr::from(target));
        Ok(found.filter(Case::is_closed))
    });
    let closed = closed.expect("a closed case");
    assert_eq!(closed.id, case.id, "it is the same case");
    assert!(closed.evidence.is_some(), "{closed:#?}");
    assert_eq!(closed.identity.as_ref().map(|identity| identity.host_name.as_str()), Some("desktop"));
}

pub(crate) fn a_relay_that_nobody_registered_is_passed_over(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = address(lab, "unknown");
    // The relay that serves the lab lists this address too: it is asked in its place, and finds nobody there.
    alert_about(cloud, target, 35);
    let waits = |case: &Case| waits_with(case, target, &["unreachable", "timed_out"]);
    let case = cloud.case_that("the other relay was asked", LIMIT, waits).expect("a case");
    assert_eq!(case.failed_tries, 1);
}

pub(crate) fn a_relay_that_nobody_registered_is_told_from_one_that_is_off(
    lab: &Lab,
    cloud: &Cloud,
    _: &Swarm,
) {
    let target = address(lab, "nobody");
    alert_about(cloud, target, 36);
    let waits = |case: &Case| waits_with(case, target, &["relay_unknown"]);
    let case = cloud.case_that("the case waits for a relay", LIMIT, waits).expect("a case");
    let State::Waiting { reason, .. } = &case.state else { unreachable!() };
    assert!(reason.contains("relay nobody is not registered"), "{reason}");
}

pub(crate) fn a_relay_that_takes_too_long_is_stopped_and_its_case_goes_on(
    lab: &Lab,
    cloud: &Cloud,
    _: &Swarm,
) {
    let target = address(lab, "stalls");
    let _mute = mute(lab, 37);
    alert_about(cloud, target, 37);
    let waits = |case: &Case| waits_with(case, target, &["relay_failed"]);
    let case = cloud.case_that("the command is stopped", LIMIT, waits).expect("a case");
    let State::Waiting { reason, .. } = &case.state else { unreachable!() };
    assert!(reason.contains("TimedOut"), "{reason}");
    // It ran, and was not merely never picked up.
    let node = &cloud.odd["stalls"];
    let commands = cloud.ssm.commands();
    let stopped = commands.iter().find(|command| command.invocations[0].node == *node).expect("a command");
    let invocation = &stopped.invocations[0];
    assert_eq!((invocation.status_details, invocation.code), ("ExecutionTimedOut", 137), "{invocation:?}");
    assert!(case.claims.is_empty() && case.next_due().is_some(), "{case:#?}");
}

/// A host that takes connections on the endpoints' port and never says a word.
fn mute(lab: &Lab, number: u8) -> Host {
    let mut host = Host::start(&lab.network, &format!("mute{number}"), number).expect("a host");
    std::fs::write(host.outside("/srv/mute.py"), include_str!("../../receivers/mute.py"))
        .expect("the program");
    let port = lab.endpoint.port().to_string();
    host.service(&["python3", "/srv/mute.py", "0.0.0.0", &port], None, "mute.log").expect("a listener");
    wait_until("the mute host listens", Duration::from_secs(10), || {
        Ok(host.log("mute.log").contains("up").then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {}", host.log("mute.log")));
    host
}

pub(crate) fn what_cannot_be_worked_goes_behind_its_own_queue_at_once(_: &Lab, cloud: &Cloud, _: &Swarm) {
    for (queue, dead) in [
        (&cloud.deployment.reports_queue_url, &cloud.deployment.reports_dlq_url),
        (&cloud.deployment.actions_queue_url, &cloud.deployment.actions_dlq_url),
    ] {
        cloud.send(queue, "{\"continue\":\"ph-20260302-nothing\"}").expect("a message");
        let found = wait_until("it is set aside", LIMIT, || {
            Ok(cloud.messages(dead)?.into_iter().find(|(body, _)| body.contains("ph-20260302-nothing")))
        });
        let (_, reason) = found.expect("a message");
        assert_eq!(reason.as_deref(), Some("there is no case ph-20260302-nothing"));
    }
}

pub(crate) fn a_record_that_cannot_be_read_is_set_aside_alone(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let (first, second) = (lab.network.address(41), lab.network.address(42));
    let [one, two] = [(first, 41), (second, 42)].map(|(target, flow)| eve(&Alert::about(target, flow)));
    cloud.alert_batch(&[&one, "{\"this is\": not an alert", &two]).expect("a batch");
    let set_aside = wait_until("the poison is set aside", LIMIT, || {
        let dead = cloud.messages(&cloud.deployment.alerts_dlq_url)?;
        Ok(dead.into_iter().find(|(body, _)| body.contains("this is")))
    });
    let (_, reason) = set_aside.expect("a message");
    assert!(reason.as_deref().is_some_and(|reason| !reason.is_empty()), "no reason: {reason:?}");
    for target in [first, second] {
        let opened = |case: &Case| case.target == IpAddr::from(target);
        cloud.case_that("its batch mates are worked", LIMIT, opened).expect("a case");
    }
    // Nothing of the batch is left or comes again.
    let dead = cloud.messages(&cloud.deployment.alerts_dlq_url).expect("messages");
    assert_eq!(dead.len(), 1, "{dead:#?}");
}
