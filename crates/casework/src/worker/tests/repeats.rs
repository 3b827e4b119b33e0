//! A whole case whose alerts go on, with its ticket at a ticket system.

use super::*;
use crate::deliver::tests::products::forges::github_at_work;

#[tokio::test(flavor = "multi_thread")]
async fn the_ticket_of_a_case_is_told_once_that_its_alerts_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (section, config, github) = github_at_work().await;
    let mut worker = worker_with(dir.path(), &format!("{POLICY}[ticket]\n{section}\n"));
    worker.performer.collector = worker.performer.collector.with_loopback_as_local();
    worker.performer.desks.ticket = config;

    let done = case(resolve(&worker, "first-alert").await);
    assert!(done.is_closed(), "{:?}", done.history);
    let ticket = done.ticket.as_ref().expect("its ticket is known");
    assert_eq!(ticket.reference.url.as_deref(), Some("https://github.com/corp/soc/issues/7"));
    assert_eq!(github.made().len(), 1);

    for n in 1..=25 {
        let settled = resolve(&worker, &format!("repeat-{n:02}")).await;
        assert!(matches!(settled, Resolution::Settled(Disposition::Suppressed { .. })), "{settled:?}");
        let told = github.comments().len();
        assert_eq!(told, usize::from(n >= 10), "after {n} repeats");
    }
    let told = github.comments();
    assert!(told[0].1.contains("10 further alerts") && told[0].1.contains(&done.id), "{told:?}");
    let after = worker.backend.case(&done.id).await.unwrap().unwrap();
    assert!(after.is_closed() && after.evidence == done.evidence && after.claims == done.claims);
    let last = after.actions.last().unwrap();
    assert_eq!((last.kind, last.status), (ActionKind::TicketComment, ActionStatus::Done), "{last:?}");
    assert_eq!(worker.backend.suppressed(&done.id).await.unwrap().0, 25);
}
