//! `peerhound reassess` over containers that were sealed as a worker seals them.

#[path = "../../crates/casework/src/reassess/tests/sealing.rs"]
mod sealing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use investigation::assess::Assessment;
use sealing::{CASE, seal_case};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a sealed case of a machine on which `/opt/seeder/seeder` runs, and rules beside it.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: TempDir::new().expect("a folder") };
        site.seal();
        site.put("rules/site.toml", "version = '9'\n[[client]]\nid = 'seeder'\nname = 'Seeder'\nimages = ['seeder']\nsource = 'in-house tool'\n");
        site.put("rules/sigma/bad.yml", "title: [");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("written");
    }

    fn seal(&self) {
        let before = json!({ "verdict": "false_positive", "confidence": "high", "summary": "s", "findings": [],
            "missing": [], "indicators_version": "2026.11.1" });
        let before: Assessment = serde_json::from_value(before).expect("an assessment");
        seal_case(self.folder.path(), "/opt/seeder/seeder", Some(before));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_peerhound"))
            .arg("reassess")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .output()
            .expect("it runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_shows_each_verdict_before_and_after_and_the_rules_behind_it() {
    let site = Site::new();
    let sealed = fs::read(site.path("case.zip")).expect("read");
    let output = site.run(&["--rules", "rules", "case.zip"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(
        out.contains(&format!("{CASE}: false positive (high) -> "))
            && out.contains("policy violation (medium)"),
        "{out}"
    );
    assert!(out.contains("p2p.client_running: nothing -> violation, medium"), "{out}");
    assert!(
        err.contains("sigma/bad.yml") && err.contains("1 assessed again, 1 with another verdict"),
        "{err}"
    );
    assert_eq!(fs::read(site.path("case.zip")).expect("read"), sealed, "evidence is never changed");
}

#[test]
fn json_has_both_assessments_whole() {
    let site = Site::new();
    let output = site.run(&["--json", "--rules", "rules", "case.zip"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(answer["changed"], true, "{answer:#}");
    assert_eq!(answer["before"]["verdict"], "false_positive");
    assert_eq!(answer["after"]["verdict"], "policy_violation");
    assert_eq!(answer["after"]["basis"]["rules_version"], "9");
    assert_eq!(answer["rules"][0]["rule"], "p2p.client_running");
    fs::write(site.path("rules/site.toml"), "version = '10'\n").expect("written");
    let output = site.run(&["--json", "--rules", "rules", "case.zip"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&answer["changed"], &answer["rules"]), (&json!(false), &json!([])), "{answer:#}");
}

#[test]
fn exit_codes_are_those_that_the_help_says() {
    let site = Site::new();
    let code = |arguments: &[&str]| site.run(arguments).status.code();
    assert_eq!(code(&["--rules", "rules", "nowhere.zip"]), Some(2));
    assert_eq!(code(&["--rules", "nowhere", "case.zip"]), Some(2));
    assert_eq!(code(&["--rules", "rules", "rules/site.toml"]), Some(2), "no evidence at all");
    assert_eq!(code(&["--rules", "rules", "--all"]), Some(3), "no policy says where the cases are");
    assert_eq!(code(&["--rules", "rules"]), Some(2), "neither a case nor --all");
    damage(&site.path("case.zip"));
    let output = site.run(&["--rules", "rules", "case.zip"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("not intact"), "{}", text(&output.stderr));
}

#[test]
fn all_means_the_cases_of_the_policys_store() {
    let site = Site::new();
    site.put(
        "peerhound.toml",
        "version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n[assessment]\nrules = 'rules'\n",
    );
    let output = site.run(&["--all"]);
    assert_eq!(output.status.code(), Some(2), "a store without cases: {}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no case has sealed evidence"), "{}", text(&output.stderr));
    let output = site.run(&["ph-20260302-bbbbbbbb"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("neither a file nor a case"), "{}", text(&output.stderr));
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("written");
}
