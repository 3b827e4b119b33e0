//! Cases that are sealed as a worker seals them, and read again.

mod sealing;

use std::fs;
use std::path::PathBuf;

use investigation::assess::{RuleText, Verdict};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::container::{Sealed, VerifyError};
use sealing::seal_case;

/// A case that was assessed by the shipped rules.
struct Bench {
    folder: TempDir,
    sealed: Sealed,
}

impl Bench {
    /// `process` is the path of a program that runs on the machine.
    fn new(process: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let bare = folder.path().join("bare");
        seal_case(&bare, process, None);
        let first = reassess(&bare.join("case.zip"), None, Rulebook::shipped()).unwrap();
        assert!(first.before.is_none() && first.changed());
        let sealed = seal_case(folder.path(), process, Some(first.after));
        Self { folder, sealed }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("case.zip")
    }
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
    assert!(matches!(broken, ReassessError::Read(ReadError::Broken(_))), "{broken:?}");
    let no_zip = bench.folder.path().join("x.zip");
    fs::write(&no_zip, "x").unwrap();
    assert!(matches!(
        reassess(&no_zip, None, Rulebook::shipped()),
        Err(ReassessError::Read(ReadError::Verify(VerifyError::NotAZip)))
    ));
}

/// A container of an earlier version knows nothing of what has come since.
#[test]
fn an_assessment_of_an_earlier_version_is_read() {
    let old = json!({ "verdict": "false_positive", "confidence": "high", "summary": "s", "findings": [], "missing": [],
        "indicators_version": "2026.11.1" });
    let old: Assessment = serde_json::from_value(old).unwrap();
    assert_eq!(old.basis, Default::default());
}
