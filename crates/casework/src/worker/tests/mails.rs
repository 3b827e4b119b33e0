//! Mails of a worker that works a real case, on this machine.

use super::*;

fn changed(worker: &mut Site, change: impl Fn(&mut Policy)) {
    let mut policy = (*worker.policy).clone();
    change(&mut policy);
    worker.policy = Arc::new(policy);
    worker.performer.policy = Arc::clone(&worker.policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_tried_out_sends_nothing_and_says_what_it_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = here(dir.path());
    changed(&mut worker, |policy| policy.actions.dry_run = true);
    let case = case(resolve(&worker, "first-alert").await);
    assert!(
        matches!(case.state, State::Closed { outcome: Outcome::Investigated { .. } }),
        "{:?}",
        case.history
    );
    assert!(!case.actions.is_empty());
    for action in &case.actions {
        assert_eq!(action.status, ActionStatus::DryRun, "{action:?}");
        assert!(action.detail.starts_with("would have "), "{action:?}");
    }
    assert!(case.actions.iter().any(|action| action.detail.contains(&case.id)), "{:?}", case.actions);
    assert_eq!(std::fs::read_dir(&worker.performer.places.outbox).unwrap().count(), 0, "something was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_back_the_second_mail_of_the_hour_and_the_case_says_until_when() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = here(dir.path());
    changed(&mut worker, |policy| {
        policy.actions.limits.mails_per_hour = Some(1);
        policy.actions.inconclusive = vec![ActionKind::MailSoc, ActionKind::MailSoc];
        policy.actions.false_positive = policy.actions.inconclusive.clone();
        policy.actions.policy_violation = policy.actions.inconclusive.clone();
        policy.actions.compromised = policy.actions.inconclusive.clone();
    });
    let case = case(resolve(&worker, "first-alert").await);
    let statuses: Vec<ActionStatus> = case.actions.iter().map(|action| action.status).collect();
    assert_eq!(statuses, [ActionStatus::Done, ActionStatus::Pending], "{:?}", case.actions);
    assert!(case.actions[1].detail.starts_with("waits until "), "{:?}", case.actions);
    assert_eq!(std::fs::read_dir(&worker.performer.places.outbox).unwrap().count(), 1);
}
