//! What follows a case on this very machine: the second container, the legal hold, the site's own actions.

use investigation::assess::Rulebook;
use investigation::case::{ForensicStatus, HoldStatus};
use investigation::evidence::manifest::{Supplement, SupplementKind};
use investigation::evidence::{ArtifactKind, ArtifactStatus};

use super::*;
use crate::deliver::{CustomAction, What};
use crate::follow_up::{FollowUp, OrderError, order};
use crate::reassess::{ReassessError, reassess};

/// As [`here`], under a policy with more in it.
fn here_with(data: &Path, actions: &str, more: &str, custom: Vec<CustomAction>) -> Site {
    let text = POLICY.replace("['mail_soc', 'ticket']", &format!("[{actions}]"));
    let policy = Arc::new(Policy::parse(&format!("{text}{more}")).unwrap());
    let mut worker = here(data);
    worker.performer.policy = Arc::clone(&policy);
    worker.performer.actions = custom;
    Worker { policy, ..worker }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deeper_look_is_sealed_next_to_the_first_and_both_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let quick =
        "[forensics]\nartifacts = ['logins', 'kernel_modules', 'name_resolution', 'authorized_keys']\n";
    let worker = here_with(dir.path(), "'mail_soc'", quick, Vec::new());
    let first = case(resolve(&worker, "first-alert").await);
    assert!(first.is_closed() && first.forensics.is_none(), "{:?}", first.history);
    let sealed = first.evidence.clone().unwrap();

    let reason = "court order".to_owned();
    let at = Timestamp::now();
    order(&worker.backend, &first.id, &FollowUp::Hold { reason }, "ann", at).await.unwrap();
    let held = case(worker.drive(&first.id, Pace::STEADY).await.unwrap());
    assert_eq!(held.hold.as_ref().unwrap().status, HoldStatus::Held, "{:?}", held.history);
    assert!(std::fs::metadata(&sealed.location).unwrap().permissions().readonly());
    assert!(worker.performer.places.is_held(&first.id));

    order(&worker.backend, &first.id, &FollowUp::Forensics, "bob", at).await.unwrap();
    let done = case(worker.drive(&first.id, Pace::STEADY).await.unwrap());
    assert!(done.is_closed(), "{:?}", done.history);
    let forensics = done.forensics.clone().unwrap();
    assert_eq!(forensics.status, ForensicStatus::Sealed, "{:?}", done.history);
    assert_eq!(done.evidence.as_ref(), Some(&sealed), "the first container stays the first");
    assert_eq!(done.actions, first.actions, "nobody is told twice");
    let second = forensics.evidence.unwrap();
    assert!(second.location.ends_with(&format!("{}-forensics.zip", first.id)), "{}", second.location);
    let report = verify(Path::new(&second.location)).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    let manifest = report.manifest.unwrap();
    let expected = Supplement { kind: SupplementKind::Forensics, first_sha256: sealed.sha256.clone() };
    assert_eq!((manifest.supplement, report.sha256), (Some(expected), second.sha256.clone()));
    let again = reassess(Path::new(&second.location), None, Rulebook::shipped());
    assert!(matches!(again, Err(ReassessError::Second)), "no verdict rests on it");
    let kinds: Vec<_> = manifest.collection.outcomes.iter().map(|outcome| outcome.kind).collect();
    let wanted = [
        ArtifactKind::Identity,
        ArtifactKind::Logins,
        ArtifactKind::KernelModules,
        ArtifactKind::NameResolution,
        ArtifactKind::AuthorizedKeys,
    ];
    assert_eq!(kinds, wanted);
    let names = manifest.collection.outcome(ArtifactKind::NameResolution).unwrap();
    assert!(names.status != ArtifactStatus::Failed && names.items > 0, "{names:?}");
    let opened = crate::container::open_second(Path::new(&second.location)).unwrap();
    assert_eq!(opened.sha256, second.sha256);
    let rows = opened.evidence.name_resolution.as_ref().map_or(0, Vec::len) as u64;
    assert_eq!((rows, opened.evidence.recent_executables.is_none()), (names.items, true), "not asked for");
    // It is held as the first is.
    assert!(std::fs::metadata(&second.location).unwrap().permissions().readonly());
    let record = std::fs::read_to_string(worker.performer.places.hold_record(&first.id)).unwrap();
    assert!(record.contains("-forensics.zip") && record.contains("court order"), "{record}");
    assert!(worker.performer.places.staged_cases().is_empty());

    let again = order(&worker.backend, &first.id, &FollowUp::Forensics, "bob", at).await;
    assert!(matches!(again, Err(OrderError::NotOrdered(_))), "{again:?}");
    let none = order(&worker.backend, "ph-none", &FollowUp::Forensics, "bob", at).await;
    assert!(matches!(none, Err(OrderError::NoCase(_))), "{none:?}");
    let reason = "settled".to_owned();
    order(&worker.backend, &first.id, &FollowUp::Release { reason }, "ann", at).await.unwrap();
    let free = case(worker.drive(&first.id, Pace::STEADY).await.unwrap());
    assert_eq!(free.hold.unwrap().status, HoldStatus::Released);
    assert!(!worker.performer.places.is_held(&first.id));
    assert!(!std::fs::metadata(&sealed.location).unwrap().permissions().readonly());
    assert!(verify(Path::new(&sealed.location)).unwrap().is_intact());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_another_case_has_is_not_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let first = case(resolve(&worker, "first-alert").await);
    for claim in &first.claims {
        worker.backend.release(&claim.key, Timestamp::now()).await.unwrap();
    }
    let second = opened_until_collecting(&worker, "second-alert").await;
    order(&worker.backend, &first.id, &FollowUp::Forensics, "ann", Timestamp::now()).await.unwrap();
    let left = case(worker.drive(&first.id, Pace::STEADY).await.unwrap());
    let forensics = left.forensics.unwrap();
    assert_eq!(forensics.status, ForensicStatus::Ordered);
    assert!(forensics.detail.contains(&second.id), "{}", forensics.detail);
    let owner = worker.backend.claims_on(&[first.claims[0].key.clone()], Timestamp::now()).await.unwrap();
    assert_eq!(owner[0].case_id, second.id);
}

/// The worker dies after the second container has its name and before that is written down: it is taken over, and what was
/// staged may be gone by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_container_that_is_whole_is_not_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let quick = "[forensics]\nartifacts = ['logins']\n";
    let worker = here_with(dir.path(), "'mail_soc'", quick, Vec::new());
    let first = case(resolve(&worker, "first-alert").await);
    let mut open =
        order(&worker.backend, &first.id, &FollowUp::Forensics, "a", Timestamp::now()).await.unwrap();
    while open.pending[0].effect != Effect::SealForensics {
        let pending = open.pending[0].clone();
        open = worker.apply(&open, Event::Began { effect: pending.n }).await.unwrap();
        open = worker.perform(&open, &open.pending[0].clone()).await.unwrap();
    }
    let Performed::Done(Event::Sealed { evidence }) = worker.performer.perform(&open, &open.pending[0]).await
    else {
        panic!("not sealed")
    };
    let done = case(worker.drive(&first.id, Pace::STEADY).await.unwrap());
    assert_eq!(done.forensics.unwrap().evidence.unwrap().sha256, evidence.sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_tried_out_runs_no_action_of_the_site_and_says_which_it_would_have() {
    let dir = tempfile::tempdir().unwrap();
    let got = dir.path().join("got");
    let http = "[[action]]\nname = 'soar'\nkind = 'http'\nurl = 'https://soar.example/hook?key=s3cret'\n";
    let section = format!("[[action]]\nname = 'isolate'\nkind = 'program'\npath = '/usr/bin/touch'\n{http}");
    let program = What::Program { path: "/usr/bin/touch".into(), args: vec![got.display().to_string()] };
    let request =
        What::Http { url: "https://soar.example/hook?key=s3cret".to_owned(), put: false, header: None };
    let custom = |name: &str, what| CustomAction {
        name: name.to_owned(),
        what,
        idempotent: false,
        timeout: Duration::from_secs(20),
    };
    let both = vec![custom("isolate", program), custom("soar", request)];
    let data = dir.path().join("data");
    let mut worker = here_with(&data, "'action:isolate', 'action:soar'", &section, both);
    let mut policy = (*worker.policy).clone();
    policy.actions.dry_run = true;
    worker.policy = Arc::new(policy);
    worker.performer.policy = Arc::clone(&worker.policy);
    let done = case(resolve(&worker, "first-alert").await);
    assert!(done.is_closed(), "{:?}", done.history);
    let said: Vec<_> = done.actions.iter().map(|action| (action.status, action.detail.as_str())).collect();
    let expected = [
        (ActionStatus::DryRun, "would have given the case to /usr/bin/touch"),
        (ActionStatus::DryRun, "would have sent the case to soar.example"),
    ];
    assert_eq!(said, expected);
    assert!(!got.exists(), "the program was run");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_the_case_once_and_its_receipt_is_on_the_case() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("isolate");
    let script =
        format!("#!/bin/sh\ncat >>{0}/got; echo >>{0}/got; echo moved to vlan 9\n", dir.path().display());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let section = format!("[[action]]\nname = 'isolate'\nkind = 'program'\npath = '{}'\n", path.display());
    let custom = CustomAction {
        name: "isolate".to_owned(),
        what: What::Program { path, args: Vec::new() },
        idempotent: false,
        timeout: Duration::from_secs(20),
    };
    let data = dir.path().join("data");
    let worker = here_with(&data, "'action:isolate', 'action:isolate'", &section, vec![custom]);
    let done = case(resolve(&worker, "first-alert").await);
    let action = &done.actions[0];
    assert_eq!((action.kind.to_string().as_str(), action.status), ("action:isolate", ActionStatus::Done));
    assert!(action.detail.contains("moved to vlan 9"), "{action:?}");
    let got = std::fs::read_to_string(dir.path().join("got")).unwrap();
    let documents: Vec<serde_json::Value> =
        got.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 2, "once for each time that the policy lists it");
    assert_eq!(documents[0]["format"], "peerhound-case/1");
    assert_eq!(documents[0]["case_id"], done.id.as_str());
    let key = format!("{}.effect-{}", done.id, action.effect.unwrap());
    assert_eq!(documents[0]["idempotency_key"], key.as_str());
    assert_eq!(documents[0]["evidence"]["sha256"], done.evidence.unwrap().sha256.as_str());
}
