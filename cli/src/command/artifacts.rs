//! `peerhound artifacts`: what is collected from endpoints, and how.

use collector::artifact::{Artifact, Cost, System, Way, catalogue};
use serde::Serialize;

use crate::args::ArtifactsCommand;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::show::{self, table};

/// One artifact, as it is printed with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    system: System,
    kind: &'static str,
    purpose: &'a str,
    cost: Cost,
    /// Seconds that one collection may spend on it.
    seconds: u64,
    /// Bytes of raw output that are kept.
    bytes: u64,
    /// Best first.
    ways: Vec<Way>,
}

/// Runs the command.
pub(super) fn run(setup: &Setup, command: &ArtifactsCommand) -> Exit {
    match command {
        ArtifactsCommand::List => list(setup.json),
    }
    Exit::Done
}

fn list(json: bool) {
    let mut artifacts: Vec<&Artifact> = catalogue().iter().collect();
    // Stable: of one system in the order of collection.
    artifacts.sort_by_key(|artifact| (place(artifact.system), artifact.volatility));
    let listed = artifacts.into_iter().map(|artifact| Listed {
        id: &artifact.id,
        system: artifact.system,
        kind: artifact.kind.as_str(),
        purpose: &artifact.purpose,
        cost: artifact.cost,
        seconds: artifact.caps.seconds,
        bytes: artifact.caps.bytes,
        ways: artifact.ways().collect(),
    });
    let listed: Vec<_> = listed.collect();
    if json {
        return listed.iter().for_each(show::json);
    }
    let row = |artifact: &Listed<'_>| {
        let ways: Vec<_> = artifact.ways.iter().map(|way| word(*way)).collect();
        let cost = match artifact.cost {
            Cost::Light => "light",
            Cost::Moderate => "moderate",
            Cost::Heavy => "heavy",
        };
        vec![
            artifact.id.to_owned(),
            artifact.kind.to_owned(),
            cost.to_owned(),
            format!("{} s, {} MiB", artifact.seconds, artifact.bytes >> 20),
            ways.join(", "),
            artifact.purpose.to_owned(),
        ]
    };
    let header = ["artifact", "kind", "cost", "at most", "ways", "what it is for"];
    table::print(&header, &listed.iter().map(row).collect::<Vec<_>>());
}

fn place(system: System) -> u8 {
    match system {
        System::Linux => 0,
        System::Windows => 1,
        System::ThisMachine | System::ThisWindows => 2,
    }
}

fn word(way: Way) -> &'static str {
    match way {
        Way::Shell => "shell",
        Way::PowerShell => "powershell",
        Way::Command => "command",
        Way::Native => "native",
        Way::Smb => "smb",
        Way::Tool => "tool",
    }
}
