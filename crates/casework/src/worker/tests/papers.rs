//! What a case leaves for people and machines: the report in its container, and the finding for the SIEM.

use super::*;
use crate::container;
use crate::reassess::reassess;
use investigation::act::ActionKind;
use investigation::assess::Rulebook;
use investigation::evidence::{ArtifactKind, Identity};
use investigation::report::REPORT_HTML;
use serde_json::Value;

fn entry(zip: &Path, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut zip.by_name(name).unwrap(), &mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_lies_in_the_container_with_the_hashes_of_what_lies_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let case = case(resolve(&worker, "an-alert").await);
    let sealed = case.evidence.as_ref().unwrap();
    let zip = Path::new(&sealed.location);
    let report = entry(zip, REPORT_HTML);
    assert!(report.starts_with("<!doctype html>") && report.contains(&case.id), "{report:.300}");

    let manifest = verify(zip).unwrap().manifest.unwrap();
    let beside: Vec<_> = manifest.entries.iter().filter(|entry| entry.path != REPORT_HTML).collect();
    assert!(beside.len() > 8, "{beside:?}");
    for entry in beside {
        assert!(report.contains(&entry.sha256), "{} is not in the report", entry.path);
    }
    let own = manifest.entries.iter().find(|entry| entry.path == REPORT_HTML).unwrap();
    assert_eq!(own.media_type, "text/html");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_is_read_back_out_of_an_intact_container_and_of_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let worker = here(dir.path());
    let case = case(resolve(&worker, "an-alert").await);
    let sealed = case.evidence.as_ref().unwrap();
    let opened = container::open(Path::new(&sealed.location)).unwrap();
    assert_eq!(opened.sha256, sealed.sha256);
    // It was asked twice, at two times.
    let host = |identity: &Option<Identity>| identity.as_ref().map(|identity| identity.host_name.clone());
    assert_eq!(host(&opened.evidence.identity), host(&case.identity));
    assert_eq!(opened.evidence.outcomes, case.artifacts);
    let rows = |kind| opened.manifest.collection.outcome(kind).unwrap().items;
    assert_eq!(opened.evidence.processes.as_ref().unwrap().len() as u64, rows(ArtifactKind::Processes));
    assert_eq!(opened.evidence.sockets.as_ref().unwrap().len() as u64, rows(ArtifactKind::Connections));
    assert!(opened.evidence.torrents.is_none(), "it was not collected");
    // The same rules say the same of what is read back.
    let again = reassess(Path::new(&sealed.location), Some(&sealed.sha256), Rulebook::shipped()).unwrap();
    assert_eq!(
        (again.before.as_ref(), &again.after),
        (case.assessment.as_ref(), again.before.as_ref().unwrap())
    );

    let mut bytes = std::fs::read(&sealed.location).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    let other = dir.path().join("other.zip");
    std::fs::write(&other, bytes).unwrap();
    let error = container::open(&other).unwrap_err().to_string();
    assert!(error.contains("not intact") && !error.contains('\n'), "{error}");
    assert!(container::open(dir.path()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_becomes_one_line_for_the_siem() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("findings.ndjson");
    let mut worker = here(dir.path());
    let mut policy = Policy::clone(&worker.policy);
    policy.findings.file = Some("findings.ndjson".to_owned());
    worker.policy = Arc::new(policy);
    worker.performer.policy = Arc::clone(&worker.policy);
    worker.performer.findings = Some(file.clone());
    let case = case(resolve(&worker, "an-alert").await);
    let action = case.actions.iter().find(|action| action.kind == ActionKind::Finding).unwrap();
    assert_eq!(action.status, ActionStatus::Done, "{action:?}");

    // After a crash it is performed once more.
    let pending = Pending {
        n: action.effect.unwrap(),
        effect: Effect::Act { kind: ActionKind::Finding, to: Vec::new() },
        attempts: 2,
        started: true,
        not_before: Timestamp::now(),
        handed_to: None,
        unheard: 1,
        failing_since: None,
        may_have_arrived: false,
        admitted: false,
    };
    worker.performer.perform(&case, &pending).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let finding: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(finding["metadata"]["uid"], case.id.as_str());
    assert_eq!(finding["unmapped"]["peerhound"]["verdict"], case.verdict().unwrap().as_str());
    let container = finding["evidences"].as_array().unwrap().last().unwrap();
    assert_eq!(container["file"]["hashes"][0]["value"], case.evidence.unwrap().sha256.as_str());
}
