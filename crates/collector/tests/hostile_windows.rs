//! Windows endpoints whose answers no Windows gives: without end, cut off, in no encoding, or refused. The contact ends
//! where nothing can be believed any more; otherwise only the artifact suffers that the answer is of.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use collector::{Collector, Config, ContactError, WinrmConfig};
use investigation::evidence::{ArtifactKind, ArtifactStatus, Collection, Process};
use investigation::order::{Limits, Task};
use investigation::policy::{Transport, Winrm};
use investigation::remediation::{MEASURES_PATH, Measure, MeasureOrder, MeasureOutcome, MeasureStatus};
use support::fleet::Fleet;
use support::{collect, config, no_ssh, parsed};

/// Endpoints of these kinds, with their addresses.
fn fleet(kinds: &[&'static str]) -> Option<(Fleet, Vec<(String, &'static str)>)> {
    let all: Vec<_> = (1..).zip(kinds).map(|(last, kind)| (format!("127.78.0.{last}"), *kind)).collect();
    let fleet = Fleet::start(&all.iter().cloned().collect::<BTreeMap<_, _>>())?;
    Some((fleet, all))
}

fn collector(fleet: &Fleet) -> Collector {
    let section: Winrm = serde_json::from_value(fleet.settings()).unwrap();
    let winrm = WinrmConfig::from_section(&section, |file| file.into());
    let networks = config(&["127.78.0.0/16"], no_ssh());
    Collector::new(Config { winrm, transports: vec![Transport::Winrm], ..networks }).unwrap()
}

async fn execute(
    collector: &Collector,
    address: &str,
    bytes: u64,
    into: &Path,
) -> Result<Collection, ContactError> {
    let mut order = collect(address, &[]);
    let limits = Limits { artifact_bytes: bytes, rows: 1000, ..Limits::default() };
    order.task = Task::Collect { artifacts: ArtifactKind::ALL.to_vec(), limits };
    collector.execute(&order, into, &|_| {}).await
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_gigabytes_and_no_end_stop_at_the_cap_and_take_no_memory() {
    let Some((fleet, all)) = fleet(&["normal", "bytes:10737418240", "endless"]) else { return };
    let collector = collector(&fleet);
    let folder = tempfile::tempdir().unwrap();
    let usual = execute(&collector, &all[0].0, 1 << 20, folder.path()).await.unwrap();
    let before = peak_memory();
    for ((address, kind), cap) in all[1..].iter().zip([12 << 20, 1 << 20]) {
        let collection = execute(&collector, address, cap, folder.path()).await.unwrap();
        for (outcome, usual) in collection.outcomes.iter().zip(&usual.outcomes) {
            if outcome.kind == ArtifactKind::Processes {
                assert_eq!(outcome.status, ArtifactStatus::Truncated, "{kind}: {outcome:?}");
                assert!(
                    outcome.reasons.iter().any(|reason| reason.contains(&cap.to_string())),
                    "{outcome:?}"
                );
            } else {
                assert_eq!((outcome.status, &outcome.reasons), (usual.status, &usual.reasons), "{kind}");
            }
        }
        let raw = folder.path().join("artifacts/raw/processes.stdout");
        assert_eq!(std::fs::metadata(raw).unwrap().len(), cap, "{kind}");
        let rows: Vec<Process> = parsed(folder.path(), ArtifactKind::Processes);
        assert!(!rows.is_empty(), "{kind}");
    }
    let grown = peak_memory() - before;
    println!("peak memory has grown by {} KiB", grown >> 10);
    // Other tests run beside this one, and take some of it.
    assert!(grown < 9 << 20, "{grown} bytes for 12 MiB that are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_cut_off_ends_the_contact_in_every_phase() {
    let kinds = [
        ("nonsense", "winrm_refused", "authentication"),
        ("malformed:Create", "disconnected", "opening a shell"),
        ("malformed:Command", "disconnected", "starting a command"),
        ("malformed:Send", "disconnected", "collection"),
        ("malformed:Receive", "disconnected", "collection"),
        // What follows it is not begun.
        ("malformed:Delete", "disconnected", "opening a shell"),
    ];
    let Some((fleet, all)) = fleet(&kinds.map(|(kind, ..)| kind)) else { return };
    let collector = collector(&fleet);
    for ((address, kind), (_, code, phase)) in all.iter().zip(kinds) {
        let folder = tempfile::tempdir().unwrap();
        let error = execute(&collector, address, 1 << 20, folder.path()).await.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(phase), "{kind}: {error}");
        assert!(!folder.path().join("collection.json").exists(), "{kind}: it does not look whole");
    }
    assert!(fleet.log().iter().all(|line| line["event"] == "logon"), "{:?}", fleet.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_artifact_is_refused_or_garbled_costs_no_other_one() {
    let kinds = ["normal", "denied", "forbidden", "utf16", "garbled"];
    let Some((fleet, all)) = fleet(&kinds) else { return };
    let collector = collector(&fleet);
    let folder = tempfile::tempdir().unwrap();
    let usual = execute(&collector, &all[0].0, 1 << 20, folder.path()).await.unwrap();
    for ((address, kind), (artifact, status, says)) in all[1..].iter().zip([
        (ArtifactKind::Firewall, ArtifactStatus::Failed, "Access is denied"),
        (ArtifactKind::Firewall, ArtifactStatus::Failed, "Access is denied"),
        (ArtifactKind::Processes, ArtifactStatus::Failed, "ran no script"),
        (ArtifactKind::Processes, ArtifactStatus::Partial, "1 line of the answer was no row"),
    ]) {
        let collection = execute(&collector, address, 1 << 20, folder.path()).await.unwrap();
        assert_eq!(collection.outcomes.len(), usual.outcomes.len(), "{kind}");
        for (outcome, usual) in collection.outcomes.iter().zip(&usual.outcomes) {
            if outcome.kind == artifact {
                assert_eq!(outcome.status, status, "{kind}: {outcome:?}");
                assert!(outcome.reasons.iter().any(|reason| reason.contains(says)), "{kind}: {outcome:?}");
                let parsed = folder.path().join(artifact.parsed_entry());
                assert_eq!(parsed.exists(), status != ArtifactStatus::Failed, "{kind}");
            } else {
                assert_eq!((outcome.status, &outcome.reasons), (usual.status, &usual.reasons), "{kind}");
            }
        }
    }
}

/// It answers every other script, and says rows of something else where it is asked for its connections.
#[tokio::test]
async fn an_endpoint_that_answers_no_measure_is_told_to_be_unchanged_and_never_isolated() {
    let Some((fleet, all)) = fleet(&["normal"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut order = collect(&all[0].0, &[]);
    let measures = [
        Measure::QuarantineFile { path: r"C:\Users\a\x.torrent".into(), path_hex: None, size: 1 },
        Measure::QuarantineFile { path: r"C:\Users\a\..\x.torrent".into(), path_hex: None, size: 1 },
        Measure::Isolate { seconds: 60, keep: Vec::new(), keep_hosts: Vec::new() },
    ];
    let measures = (1..).zip(measures).map(|(n, measure)| MeasureOrder { n, measure }).collect();
    order.task = Task::Remediate { host_name: "PC-07".into(), measures };
    let collection = collector(&fleet).execute(&order, folder.path(), &|_| {}).await.unwrap();
    let outcomes = std::fs::read(folder.path().join(MEASURES_PATH)).unwrap();
    let outcomes: Vec<MeasureOutcome> = serde_json::from_slice(&outcomes).unwrap();
    let status: Vec<_> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert_eq!(
        status,
        [MeasureStatus::Failed, MeasureStatus::Refused, MeasureStatus::Failed],
        "{outcomes:?}"
    );
    assert!(outcomes.iter().all(|outcome| outcome.undo.is_none()));
    let run: Vec<&str> = collection
        .commands
        .iter()
        .filter(|command| command.artifact.starts_with("Windows.Remediation."))
        .filter_map(|command| command.command.rsplit_once(" < ")?.1.split(' ').next())
        .collect();
    assert_eq!(run, ["move_away.ps1", "who_asks.ps1"], "{:?}", collection.commands);
}
