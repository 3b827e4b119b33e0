use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use emulator::ssm::{Behaviour, Failure, Ping};
use investigation::case::State;

use super::super::testing::{Site, alert};
use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// The node that has a case's order.
fn node_of(case: &Case) -> &str {
    let handed = case.pending.iter().find_map(|pending| pending.handed_to.as_deref());
    handed.and_then(|handed| handed.rsplit('/').next()).unwrap_or_else(|| panic!("{case:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_sent_to_its_own_node_of_a_relay_whatever_else_leaves_with_it() {
    let Some(site) = Site::start().await else { return };
    let mut nodes = [site.node("hq", Behaviour::Hangs), site.node("hq", Behaviour::Hangs)];
    nodes.sort();
    let messages: Vec<_> = (1..=24).map(|n| alert(&format!("a{n}"), &format!("10.0.0.{n}"))).collect();
    assert_eq!(site.intake().handle(&messages, soon()).await, Vec::<String>::new());
    let cases = site.cases().await;
    assert_eq!(cases.len(), 24);
    for case in &cases {
        assert_eq!(node_of(case), nodes[turn(&case.id) % 2], "{}", case.id);
    }
    let commands = site.ssm.commands();
    let asked: BTreeSet<&str> = commands.iter().map(|command| command.invocations[0].node.as_str()).collect();
    assert_eq!(asked.len(), 2, "24 cases and all of them on one node");
    assert!(commands.len() < 24, "orders for one node travel together: {} commands", commands.len());
    // The next order of each goes the same way.
    for case in &cases {
        let handed = case.pending.iter().find_map(|pending| pending.handed_to.as_deref()).unwrap();
        let id = handed.split('/').nth(1).unwrap();
        let command = commands.iter().find(|command| command.id == id).unwrap();
        assert_eq!(command.invocations[0].node, node_of(case));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_answer_was_lost_counts_as_sent() {
    let Some(site) = Site::start().await else { return };
    let node = site.node("hq", Behaviour::Hangs);
    site.ssm.fail_next("SendCommand", 1, Failure::AnswerLost);
    assert_eq!(site.intake().handle(&[alert("a", "10.0.0.5")], soon()).await, Vec::<String>::new());
    let case = &site.cases().await[0];
    assert_eq!(case.pending[0].handed_to, Some(format!("ssm/unknown/{node}")), "{case:#?}");
    assert_eq!((site.ssm.calls("SendCommand"), site.ssm.commands().len()), (1, 1));
    // Not while a relay may be at it: it has five minutes to be delivered, one for the contact, and ten to upload.
    site.pass(SignedDuration::from_mins(15));
    site.sweep().run(soon()).await;
    assert_eq!(site.ssm.commands().len(), 1, "a command that may be under way was given again");
    site.pass(SignedDuration::from_mins(2));
    site.sweep().run(soon()).await;
    assert_eq!(site.ssm.commands().len(), 2, "an order whose time is over is given again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_was_refused_is_given_again_soon() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Hangs);
    site.ssm.fail_next("SendCommand", 1, Failure::Throttled);
    site.intake().handle(&[alert("a", "10.0.0.5")], soon()).await;
    assert_eq!(site.ssm.commands().len(), 0);
    assert_eq!(site.cases().await[0].pending[0].handed_to, None);
    site.pass(SignedDuration::from_mins(2));
    site.sweep().run(soon()).await;
    assert_eq!((site.ssm.calls("SendCommand"), site.ssm.commands().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_nobody_registered_is_told_from_one_that_is_off() {
    let Some(site) = Site::start().await else { return };
    let node = site.node("hq", Behaviour::Hangs);
    site.ssm.set_ping(&node, Ping::ConnectionLost);
    site.intake().handle(&[alert("a", "10.0.0.5"), alert("b", "10.200.0.5")], soon()).await;
    for (target, expected, says) in [
        ("10.0.0.5", "relay_offline", "relay hq is offline"),
        ("10.200.0.5", "relay_unknown", "relay plant is not registered"),
    ] {
        let cases = site.cases().await;
        let case = cases.iter().find(|case| case.target.to_string() == target).unwrap();
        let State::Waiting { code, reason, .. } = &case.state else { panic!("{case:#?}") };
        assert!(code == expected && reason.contains(says), "{target}: {code} {reason}");
    }
    assert_eq!(site.ssm.calls("SendCommand"), 0);
}
