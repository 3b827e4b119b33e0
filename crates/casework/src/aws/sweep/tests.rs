use std::time::Duration;

use emulator::ssm::{Behaviour, Events};
use investigation::case::State;

use super::super::testing::{Site, alert};
use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_time_is_over_is_cancelled_before_its_order_is_given_again() {
    let Some(site) = Site::start().await else { return };
    let node = site.node("hq", Behaviour::Hangs);
    site.intake().handle(&[alert("a", "10.0.0.5")], soon()).await;
    let first = site.ssm.commands()[0].id.clone();
    site.pass(SignedDuration::from_mins(20));
    let swept = site.sweep().run(soon()).await;
    assert_eq!((swept.continued, swept.failed), (1, 0), "{swept:?}");
    assert_eq!(site.ssm.calls("CancelCommand"), 1);
    let ended = site.ssm.wait_for_end(&first, Duration::from_secs(10)).unwrap();
    assert_eq!(ended.invocations[0].status_details, "Cancelled");
    let commands = site.ssm.commands();
    assert_eq!(commands.len(), 2, "{commands:#?}");
    let handed = format!("ssm/{}/{node}", commands[1].id);
    assert_eq!(site.cases().await[0].pending[0].handed_to, Some(handed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_end_nobody_told_is_asked_after() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Undeliverable);
    site.ssm.set_events_queue(Some(&site.deployment.reports_queue_url));
    site.ssm.set_events(Events::Dropped);
    site.intake().handle(&[alert("a", "10.0.0.5")], soon()).await;
    let command = site.ssm.commands()[0].id.clone();
    site.ssm.wait_for_end(&command, Duration::from_secs(10)).unwrap();
    assert!(site.take(&site.deployment.reports_queue_url).await.is_empty(), "the news was dropped");

    let swept = site.sweep().run(soon()).await;
    assert_eq!(swept.asked, 0, "news gets its time before anybody asks");
    site.pass(SignedDuration::from_secs(100));
    let swept = site.sweep().run(soon()).await;
    assert_eq!((swept.asked, swept.failed), (1, 0), "{swept:?}");
    let case = &site.cases().await[0];
    let State::Waiting { code, reason, .. } = &case.state else { panic!("{case:#?}") };
    assert!(code == "relay_failed" && reason.contains("Undeliverable"), "{code} {reason}");
}
