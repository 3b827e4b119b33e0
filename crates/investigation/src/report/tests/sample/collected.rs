//! How it was collected.

use jiff::SignedDuration;

use super::{at, ip};
use crate::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection, CommandRecord};

pub(super) fn collection() -> Collection {
    let outcome = |artifact: &str, kind: ArtifactKind, items, status, reasons: &[&str]| ArtifactOutcome {
        artifact: format!("Linux.{artifact}"),
        kind,
        status,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        items,
        entries: vec![kind.parsed_entry()],
        started_at: at("09:01:00"),
        finished_at: at("09:01:00") + SignedDuration::from_millis(1_340),
    };
    let command = |artifact: &str, command: &str| CommandRecord {
        artifact: format!("Linux.{artifact}"),
        command: command.to_owned(),
        exit_code: Some(0),
        stdout_bytes: 18_204,
        stderr: String::new(),
        started_at: at("09:01:01"),
        elapsed_ms: 41,
    };
    Collection {
        program: None,
        case_id: "ph-20260302-kq3v7a2m".to_owned(),
        target: ip("10.20.0.5"),
        transport: "ssh".to_owned(),
        endpoint_key: Some("SHA256:Pz3d0f2l0mJZ1uY8yq1mN6u0H7i3Tq5e7fO1w0l9kRk".to_owned()),
        collector_host: "soc-collector-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(-2_400),
        started_at: at("09:01:00"),
        finished_at: at("09:03:12"),
        outcomes: vec![
            outcome("System.Identity", ArtifactKind::Identity, 1, ArtifactStatus::Ok, &[]),
            outcome("Network.Connections", ArtifactKind::Connections, 21, ArtifactStatus::Ok, &[]),
            outcome("System.Processes", ArtifactKind::Processes, 184, ArtifactStatus::Ok, &[]),
            outcome("Persistence.Autostart", ArtifactKind::Autostart, 4, ArtifactStatus::Ok, &[]),
            outcome(
                "Network.Firewall",
                ArtifactKind::Firewall,
                1,
                ArtifactStatus::Partial,
                &["iptables could not be read: permission denied"],
            ),
            outcome("Files.Torrents", ArtifactKind::Torrents, 3, ArtifactStatus::Ok, &[]),
        ],
        commands: vec![
            command("System.Identity", "identity.sh"),
            command("Network.Connections", "connections.sh"),
        ],
    }
}
