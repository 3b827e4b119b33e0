//! A whole case whose ticket, at a ticket system, is told what came after the verdict.

use investigation::assess::Verdict;
use investigation::case::HoldStatus;

use super::*;
use crate::deliver::tests::products::forges::github_at_work;
use crate::follow_up::{FollowUp, note_verdict, order};

async fn ordered(worker: &Site, case: &Case, what: FollowUp) -> Case {
    order(&worker.backend, &case.id, &what, "ann", Timestamp::now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_case_is_one_comment_and_a_dead_worker_makes_no_second_one() {
    let dir = tempfile::tempdir().unwrap();
    let (section, config, github) = github_at_work().await;
    let quick = "[forensics]\nartifacts = ['logins', 'authorized_keys']\n";
    let mut worker = worker_with(dir.path(), &format!("{POLICY}{quick}[ticket]\n{section}\n"));
    worker.performer.collector = worker.performer.collector.with_loopback_as_local();
    worker.performer.desks.ticket = config;
    let done = case(resolve(&worker, "first-alert").await);
    assert!(done.is_closed() && done.ticket.is_some(), "{:?}", done.history);

    // Two orders at once: one comment on what came of both.
    ordered(&worker, &done, FollowUp::Hold { reason: "order 17 <b>".to_owned() }).await;
    ordered(&worker, &done, FollowUp::Forensics).await;
    let done = case(worker.drive(&done.id, Pace::STEADY).await.unwrap());
    assert!(done.is_closed(), "{:?}", done.history);
    let told = github.comments();
    assert_eq!(told.len(), 1, "{told:?}");
    let second = done.forensics.as_ref().unwrap().evidence.as_ref().unwrap();
    let text = &told[0].1;
    for there in ["under legal hold, by ann: order 17 &lt;b>", &second.sha256, "covers the second container"]
    {
        assert!(text.contains(there), "{there}: {text}");
    }

    // The comment arrives, and the worker dies before it writes that down.
    ordered(&worker, &done, FollowUp::Release { reason: "settled".to_owned() }).await;
    let mut open = worker.backend.case(&done.id).await.unwrap().unwrap();
    while !open.pending.iter().any(|pending| matches!(pending.effect, Effect::Comment { .. })) {
        let effect = open.pending[0].n;
        open = worker.apply(&open, Event::Began { effect }).await.unwrap();
        open = worker.perform(&open, &open.pending[0].clone()).await.unwrap();
    }
    assert_eq!(open.hold.as_ref().unwrap().status, HoldStatus::Released);
    let effect = open.pending[0].n;
    open = worker.apply(&open, Event::Began { effect }).await.unwrap();
    let _lost = worker.performer.perform(&open, &open.pending[0]).await;
    assert_eq!(github.comments().len(), 2);
    let after = case(worker.drive(&done.id, Pace::STEADY).await.unwrap());
    assert!(after.is_closed(), "{:?}", after.history);
    let told = github.comments();
    assert_eq!(told.len(), 2, "{told:?}");
    let last = after.actions.last().unwrap();
    assert_eq!((last.kind, last.status), (ActionKind::TicketComment, ActionStatus::Done), "{last:?}");
    assert!(last.detail.contains("found from an earlier try"), "{last:?}");

    // Another verdict by the rules of today, noted and told once.
    let now = Timestamp::now();
    for noted in [true, false] {
        let verdict = Verdict::Compromised;
        let case =
            note_verdict(&worker.backend, &done.id, verdict, "ann", &worker.policy, now).await.unwrap();
        assert_eq!(case.is_some(), noted);
        worker.drive(&done.id, Pace::STEADY).await.unwrap();
    }
    let told = github.comments();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].1.contains("compromised instead of"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_tried_out_tells_the_ticket_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (section, config, github) = github_at_work().await;
    let mut worker = worker_with(dir.path(), &format!("{POLICY}[ticket]\n{section}\n"));
    worker.performer.collector = worker.performer.collector.with_loopback_as_local();
    worker.performer.desks.ticket = config;
    let done = case(resolve(&worker, "first-alert").await);
    let mut policy = (*worker.policy).clone();
    policy.actions.dry_run = true;
    worker.policy = Arc::new(policy);
    ordered(&worker, &done, FollowUp::Hold { reason: "x".to_owned() }).await;
    let held = case(worker.drive(&done.id, Pace::STEADY).await.unwrap());
    let last = held.actions.last().unwrap();
    assert_eq!((last.kind, last.status), (ActionKind::TicketComment, ActionStatus::DryRun), "{last:?}");
    assert!(last.detail.contains("under legal hold"), "{last:?}");
    assert!(github.comments().is_empty() && held.is_closed());
}
