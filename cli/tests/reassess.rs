//! `peerhound reassess` over containers that were sealed as a worker seals them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use casework::container::{SealRequest, seal};
use investigation::alert::Alert;
use investigation::case::{Intake, intake};
use investigation::evidence::manifest::Tool;
use investigation::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection};
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

const CASE: &str = "ph-20260302-aaaaaaaa";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

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
        let put = |name: &str, value: Value| self.put(&format!("staging/{name}"), &value.to_string());
        put(
            "artifacts/identity.json",
            json!({ "host_name": "ws-5", "domain": null, "os": null, "kernel": null, "users": [], "collected_as": null,
                "addresses": ["10.20.0.5"], "endpoint_time": null, "boot_time": null }),
        );
        put(
            "artifacts/processes.json",
            json!([{ "pid": 7, "parent_pid": 1, "name": "seeder", "path": "/opt/seeder/seeder", "command_line": null,
                "user": "alice", "start_time": "2026-03-02T08:00:00Z", "sha256": null }]),
        );
        for name in ["connections", "torrents", "autostart", "neighbors", "dns_cache", "prefetch", "programs"]
        {
            put(&format!("artifacts/{name}.json"), json!([]));
        }
        put("artifacts/firewall.json", json!({ "engines": [], "active": null, "rules": [] }));
        let alert = json!({ "id": "a-1", "format": "peerhound", "event.original": "{}", "@timestamp": "2026-03-02T10:00:00Z",
            "source.ip": "10.20.0.5", "destination.ip": "203.0.113.7", "destination.port": 6881 });
        let alert: Alert = serde_json::from_value(alert).expect("an alert");
        let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n").expect("a policy");
        let mut case = match intake(&alert, &policy, at("2026-03-02T10:01:00Z")) {
            Intake::Open(step) => step.case,
            Intake::Settled(disposition) => panic!("{disposition:?}"),
        };
        case.id = CASE.to_owned();
        let assessment = json!({ "verdict": "false_positive", "confidence": "high", "summary": "s", "findings": [],
            "missing": [], "indicators_version": "2026.11.1" });
        let case = serde_json::to_vec(&case).expect("written");
        seal(&SealRequest {
            staging: &self.path("staging"),
            extra: &[("case.json", &case), ("assessment.json", assessment.to_string().as_bytes())],
            case_id: CASE,
            tool: &Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
            sealed_at: at("2026-03-02T10:05:00Z"),
            supplement: None,
            collection: &collection(),
            destination: &self.path("case.zip"),
        })
        .expect("sealed");
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
        case_id: CASE.to_owned(),
        target: "10.20.0.5".parse().expect("an address"),
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
