use std::time::Duration;

use emulator::ssm::{Behaviour, Events};
use investigation::case::State;

use super::super::performer::Role;
use super::super::progress::Undone;
use super::super::testing::{Site, alert};
use super::*;
use crate::backend::ledger::Ledger;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_digest_of_a_day_is_mailed_once_however_many_see_that_it_is_due() {
    let Some(site) = Site::start().await else { return };
    let to = format!("{}@corp.example", site.deployment.cases_table);
    let site = site.with(&format!(
        "[mail]\nfrom = 'peerhound@corp.example'\n[digest]\nat = '00:00'\nto = ['{to}']\ncsv = true\n"
    ));
    site.clients.ses().create_email_identity().email_identity("corp.example").send().await.unwrap();
    site.node("hq", Behaviour::Hangs);
    site.intake().handle(&[alert("a", "10.0.0.5"), alert("b", "10.0.0.5")], soon()).await;
    // So that the day of the alerts is over.
    site.pass(SignedDuration::from_hours(24));
    let (one, two) = (site.sweep(), site.sweep());
    tokio::join!(one.run(soon()), two.run(soon()));
    let asked: Vec<String> =
        site.take(&site.deployment.actions_queue_url).await.into_iter().map(|m| m.0).collect();
    let asked: Vec<&String> = asked.iter().filter(|body| body.contains("digest")).collect();
    assert_eq!(asked.len(), 2, "each sweep says what it sees: {asked:?}");
    let refused = site.progress(Role::Progress).handle(asked[0], soon()).await;
    assert!(matches!(refused, Err(Undone::Reject(_))), "{refused:?}");
    let (one, two) = (site.progress(Role::Act), site.progress(Role::Act));
    let both = tokio::join!(one.handle(asked[0], soon()), two.handle(asked[1], soon()));
    assert_eq!(both, (Ok(()), Ok(())));
    // A queue may give a message once more.
    assert_eq!(site.progress(Role::Act).handle(asked[0], soon()).await, Ok(()));
    let mails = site.mails_to(&to);
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert!(mails[0].contains("2 alerts, 1 case"), "{}", mails[0]);
    let sent = site.store.last_mailing().await.unwrap().unwrap();
    assert_eq!(sent.shown().status, "sent");
    site.sweep().run(soon()).await;
    let again = site.take(&site.deployment.actions_queue_url).await;
    assert!(again.iter().all(|(body, _)| !body.contains("digest")), "{again:?}");
}
