//! A case that is sealed as a worker seals it, of a machine on which one program runs. The tests of the command line take
//! this file in as it is, so it knows the crate by its name alone.

use std::fs;
use std::path::Path;

use casework::container::{SealRequest, Sealed, seal};
use investigation::alert::Alert;
use investigation::assess::Assessment;
use investigation::case::{Case, Intake, intake};
use investigation::evidence::manifest::Tool;
use investigation::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection};
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const CASE: &str = "ph-20260302-aaaaaaaa";
const TARGET: &str = "10.20.0.5";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

/// Opened by an alert.
pub(crate) fn case() -> Case {
    let alert = json!({ "id": "a-1", "format": "peerhound", "event.original": "{}", "@timestamp": "2026-03-02T10:00:00Z",
        "source.ip": TARGET, "destination.ip": "203.0.113.7", "destination.port": 6881 });
    let alert: Alert = serde_json::from_value(alert).expect("an alert");
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n").expect("a policy");
    let mut case = match intake(&alert, &policy, at("2026-03-02T10:01:00Z")) {
        Intake::Open(step) => step.case,
        Intake::Settled(disposition) => panic!("{disposition:?}"),
    };
    case.id = CASE.to_owned();
    case
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
        target: TARGET.parse().expect("an address"),
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

/// What was read on the machine, by its kind. `process` is the path of the program.
fn artifact(kind: ArtifactKind, process: &str) -> Value {
    match kind {
        ArtifactKind::Identity => {
            json!({ "host_name": "ws-5", "domain": null, "os": null, "kernel": null, "users": [],
            "collected_as": null, "addresses": [TARGET], "endpoint_time": null, "boot_time": null })
        }
        ArtifactKind::Processes => json!([{ "pid": 7, "parent_pid": 1, "name": "p", "path": process,
            "command_line": null, "user": "alice", "start_time": "2026-03-02T08:00:00Z", "sha256": "b".repeat(64) }]),
        ArtifactKind::Firewall => json!({ "engines": [], "active": null, "rules": [] }),
        _ => json!([]),
    }
}

/// Seals it as `case.zip` in `folder`, which is made.
pub(crate) fn seal_case(folder: &Path, process: &str, assessment: Option<Assessment>) -> Sealed {
    let staging = folder.join("staging");
    for kind in ArtifactKind::ALL {
        let path = staging.join(kind.parsed_entry());
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, artifact(kind, process).to_string()).expect("written");
    }
    let mut case = case();
    case.assessment = assessment;
    let enclosed = [
        ("assessment.json", serde_json::to_vec(&case.assessment).expect("written")),
        ("case.json", serde_json::to_vec(&case).expect("written")),
    ];
    seal(&SealRequest {
        staging: &staging,
        extra: &enclosed.each_ref().map(|(name, bytes)| (*name, bytes.as_slice())),
        case_id: CASE,
        tool: &Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
        sealed_at: at("2026-03-02T10:05:00Z"),
        supplement: None,
        collection: &collection(),
        destination: &folder.join("case.zip"),
    })
    .expect("sealed")
}
