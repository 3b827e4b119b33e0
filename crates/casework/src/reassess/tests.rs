//! Cases that are sealed as a worker seals them, and read again.

use std::fs;
use std::path::PathBuf;

use investigation::alert::Alert;
use investigation::assess::{Question, RuleText, Verdict};
use investigation::case::{Intake, intake};
use investigation::evidence::manifest::Tool;
use investigation::evidence::{ArtifactOutcome, ArtifactStatus};
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::container::{SealRequest, Sealed, seal};

const TARGET: &str = "10.20.0.5";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A case as its performer has it when it seals: opened by an alert, collected, assessed by the shipped rules.
struct Bench {
    folder: TempDir,
    sealed: Sealed,
}

impl Bench {
    /// `process` is the path of a program that runs on the machine.
    fn new(process: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let staging = folder.path().join("staging");
        let put = |name: &str, value: serde_json::Value| {
            let path = staging.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
        };
        put(
            "artifacts/identity.json",
            json!({ "host_name": "ws-5", "domain": null, "os": null, "kernel": null, "users": [], "collected_as": null,
                "addresses": [TARGET], "endpoint_time": null, "boot_time": null }),
        );
        put(
            "artifacts/processes.json",
            json!([{ "pid": 7, "parent_pid": 1, "name": "p", "path": process, "command_line": null, "user": "alice",
                "start_time": "2026-03-02T08:00:00Z", "sha256": "b".repeat(64) }]),
        );
        for name in ["connections", "torrents", "autostart", "neighbors", "dns_cache", "prefetch", "programs"]
        {
            put(&format!("artifacts/{name}.json"), json!([]));
        }
        put("artifacts/firewall.json", json!({ "engines": [], "active": null, "rules": [] }));
        let collection = collection();
        let mut case = case();
        case.assessment =
            Some(assess(&question_of(&case), &evidence_of(&staging, &collection), Rulebook::shipped()));
        let enclosed = [
            ("case.json", serde_json::to_vec(&case).unwrap()),
            ("assessment.json", serde_json::to_vec(&case.assessment).unwrap()),
        ];
        let extra: Vec<(&str, &[u8])> =
            enclosed.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let sealed = seal(&SealRequest {
            staging: &staging,
            extra: &extra,
            case_id: &case.id,
            tool: &Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
            sealed_at: at("2026-03-02T10:05:00Z"),
            supplement: None,
            collection: &collection,
            destination: &folder.path().join("case.zip"),
        })
        .unwrap();
        Self { folder, sealed }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("case.zip")
    }
}

fn collection() -> Collection {
    let outcome = |kind: ArtifactKind| ArtifactOutcome {
        artifact: format!("Linux.{}", kind.as_str()),
        kind,
        status: ArtifactStatus::Ok,
        reasons: Vec::new(),
        items: 1,
        entries: vec![kind.parsed_entry()],
        started_at: at("2026-03-02T10:02:00Z"),
        finished_at: at("2026-03-02T10:03:00Z"),
    };
    Collection {
        program: None,
        case_id: "ph-20260302-aaaaaaaa".to_owned(),
        target: TARGET.parse().unwrap(),
        transport: "ssh".to_owned(),
        endpoint_key: None,
        collector_host: "soc-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: None,
        started_at: at("2026-03-02T10:02:00Z"),
        finished_at: at("2026-03-02T10:03:00Z"),
        outcomes: ArtifactKind::ALL.into_iter().map(outcome).collect(),
        commands: Vec::new(),
    }
}

fn case() -> Case {
    let alert = json!({ "id": "a-1", "format": "peerhound", "event.original": "{}", "@timestamp": "2026-03-02T10:00:00Z",
        "source.ip": TARGET, "destination.ip": "203.0.113.7", "destination.port": 6881 });
    let alert: Alert = serde_json::from_value(alert).unwrap();
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n").unwrap();
    let mut case = match intake(&alert, &policy, at("2026-03-02T10:01:00Z")) {
        Intake::Open(step) => step.case,
        Intake::Settled(disposition) => panic!("{disposition:?}"),
    };
    case.id = "ph-20260302-aaaaaaaa".to_owned();
    case
}

fn question_of(case: &Case) -> Question<'_> {
    question(case, collection().started_at)
}

fn evidence_of(staging: &Path, collection: &Collection) -> Evidence {
    let entries = ArtifactKind::ALL.into_iter().map(ArtifactKind::parsed_entry);
    let entries = entries.map(|entry| (entry.clone(), fs::read(staging.join(entry)).unwrap())).collect();
    evidence(&entries, collection).unwrap()
}

fn book(text: &str) -> Rulebook {
    let (book, faults) = Rulebook::with_site(&[RuleText { file: "site.toml", text }]);
    assert!(faults.is_empty(), "{faults:?}");
    book
}

#[test]
fn the_same_rules_give_the_same_verdict() {
    let bench = Bench::new("/usr/bin/qbittorrent-nox");
    let again = reassess(&bench.path(), Some(&bench.sealed.sha256), Rulebook::shipped()).unwrap();
    assert_eq!(again.before.as_ref(), Some(&again.after));
    assert!(!again.changed() && again.rules.is_empty());
    assert_eq!(again.after.verdict, Verdict::PolicyViolation);
}

#[test]
fn other_rules_change_the_verdict_and_are_named() {
    let bench = Bench::new("/opt/seeder/seeder");
    let rules = book(
        "version = '9'\n[[client]]\nid = 'seeder'\nname = 'Seeder'\nimages = ['seeder']\nsource = 'in-house tool'\n",
    );
    let again = reassess(&bench.path(), None, &rules).unwrap();
    let verdicts = (again.before.as_ref().map(|before| before.verdict), again.after.verdict);
    assert_eq!(verdicts, (Some(Verdict::FalsePositive), Verdict::PolicyViolation));
    assert!(again.changed());
    let found = Difference {
        rule: "p2p.client_running".into(),
        before: None,
        after: Some("violation, medium".into()),
    };
    assert_eq!(again.rules, [found]);
    assert_eq!(again.after.basis.rules_version.as_deref(), Some("9"));
    let hash = "b".repeat(64);
    let bad = book(&format!("version = '1'\n[[known_bad]]\nsha256 = '{hash}'\nreason = 'stealer'\n"));
    assert_eq!(reassess(&bench.path(), None, &bad).unwrap().after.verdict, Verdict::Compromised);
    let off = book("version = '1'\n[[rule]]\nid = 'p2p.client_running'\nmode = 'shadow'\n");
    let shadowed = reassess(&Bench::new("/usr/bin/qbittorrent-nox").path(), None, &off).unwrap();
    assert_eq!(shadowed.after.verdict, Verdict::FalsePositive);
    assert_eq!(shadowed.rules[0].after.as_deref(), Some("shadow, medium"));
}

#[test]
fn evidence_that_is_not_what_was_sealed_is_not_assessed() {
    let bench = Bench::new("/usr/bin/x");
    let other = reassess(&bench.path(), Some(&"0".repeat(64)), Rulebook::shipped()).unwrap_err();
    assert!(matches!(other, ReassessError::Other { .. }), "{other}");
    let mut bytes = fs::read(bench.path()).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(bench.path(), bytes).unwrap();
    let broken = reassess(&bench.path(), None, Rulebook::shipped()).unwrap_err();
    assert!(broken.to_string().contains("not intact"), "{broken}");
    let no_zip = bench.folder.path().join("x.zip");
    fs::write(&no_zip, "x").unwrap();
    assert!(matches!(reassess(&no_zip, None, Rulebook::shipped()), Err(ReassessError::Verify(_))));
}

/// A container of an earlier version knows nothing of what has come since.
#[test]
fn an_assessment_of_an_earlier_version_is_read() {
    let old = json!({ "verdict": "false_positive", "confidence": "high", "summary": "s", "findings": [], "missing": [],
        "indicators_version": "2026.11.1" });
    let old: Assessment = serde_json::from_value(old).unwrap();
    assert_eq!(old.basis, Default::default());
}
