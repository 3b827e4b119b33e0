//! What is collected: the catalogue, and a file for each artifact with its parser.
//!
//! A new artifact is one file here and one row in [`CATALOGUE`]. How an endpoint is reached is no concern of this
//! module: a shell reader is constant text and a parser, and any transport that can run a POSIX shell runs it.

pub(crate) mod autostart;
pub(crate) mod connections;
pub(crate) mod facts;
pub(crate) mod firewall;
pub(crate) mod identity;
pub(crate) mod processes;
pub(crate) mod record;
pub(crate) mod tally;
pub(crate) mod torrents;
mod unit_file;
mod utmp;

use std::io::{self, BufRead};
use std::time::Duration;

use investigation::evidence::{
    ArtifactKind, AutostartEntry, FirewallState, Identity, Process, Socket, TorrentFile,
};
use investigation::order::Limits;
use serde::Serialize;

use facts::Facts;
use tally::Tally;

/// One row of the catalogue: one artifact of one kind of system.
#[derive(Debug)]
pub struct Artifact {
    /// Name in records and reports, for example `Linux.System.Processes`. Stable over versions.
    pub id: &'static str,
    /// What it is about; its parsed form follows from it.
    pub kind: ArtifactKind,
    /// The systems that it is for.
    pub system: System,
    /// What it proves or refutes.
    pub purpose: &'static str,
    /// What it costs the endpoint.
    pub cost: Cost,
    /// Most that one collection may spend on it, whatever the order allows.
    pub caps: Caps,
    pub(crate) reader: Reader,
}

impl Artifact {
    /// Place in the order of collection (RFC 3227): what changes fastest comes first, from 0.
    pub fn volatility(&self) -> usize {
        ArtifactKind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or(ArtifactKind::ALL.len())
    }

    /// Seconds and bytes that this artifact may use under an order's limits.
    pub(crate) fn allowance(&self, limits: &Limits) -> (Duration, u64) {
        (
            Duration::from_secs(self.caps.seconds.min(limits.artifact_seconds)),
            self.caps.bytes.min(limits.artifact_bytes),
        )
    }
}

/// Which systems an artifact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// A Linux endpoint, through its shell.
    Linux,
    /// The machine that the collector runs on, through the system's own interfaces.
    ThisMachine,
}

/// What an artifact costs the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Below a second.
    Light,
    /// Seconds: many processes or much reading.
    Moderate,
    /// Minutes of disk work.
    Heavy,
}

/// Caps of one artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Seconds.
    pub seconds: u64,
    /// Bytes of raw output.
    pub bytes: u64,
}

/// How an artifact is read.
#[derive(Debug)]
pub(crate) enum Reader {
    /// A constant POSIX shell script (made of nothing but what is compiled in), and what reads its output.
    Shell { script: fn() -> &'static str, parse: Parse },
    /// Interfaces of this very system; see [`crate::transport::local`].
    Native,
}

/// Reads the raw output of one script. Errors are those of reading our own disk; what is wrong with the content
/// goes into the tally.
pub(crate) type Parse = fn(&mut dyn BufRead, &Facts, &Limits) -> io::Result<(Parsed, Tally)>;

/// The parsed form of an artifact.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Parsed {
    Identity(Box<Identity>),
    Processes(Vec<Process>),
    Sockets(Vec<Socket>),
    Torrents(Vec<TorrentFile>),
    Autostart(Vec<AutostartEntry>),
    Firewall(FirewallState),
}

impl Parsed {
    /// Rows.
    pub(crate) fn items(&self) -> u64 {
        let items = match self {
            Self::Identity(_) => 1,
            Self::Processes(rows) => rows.len(),
            Self::Sockets(rows) => rows.len(),
            Self::Torrents(rows) => rows.len(),
            Self::Autostart(rows) => rows.len(),
            Self::Firewall(state) => state.rules.len(),
        };
        items as u64
    }
}

/// Puts a script between what opens and what ends every answer.
macro_rules! script {
    ($file:literal) => {
        concat!(include_str!("sh/prologue.sh"), include_str!($file), include_str!("sh/epilogue.sh"))
    };
}
pub(crate) use script;

/// Everything that can be collected.
pub static CATALOGUE: &[Artifact] = &[
    Artifact {
        id: "Linux.System.Identity",
        kind: ArtifactKind::Identity,
        system: System::Linux,
        purpose: "which machine answered, whose it is, and who is logged in",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 8 << 20 },
        reader: Reader::Shell { script: identity::script, parse: identity::parse },
    },
    Artifact {
        id: "Linux.Network.Connections",
        kind: ArtifactKind::Connections,
        system: System::Linux,
        purpose: "which process holds the alert's connection, in every network namespace",
        cost: Cost::Moderate,
        caps: Caps { seconds: 120, bytes: 64 << 20 },
        reader: Reader::Shell { script: connections::script, parse: connections::parse },
    },
    Artifact {
        id: "ThisMachine.Network.Connections",
        kind: ArtifactKind::Connections,
        system: System::ThisMachine,
        purpose: "which process holds the alert's connection",
        cost: Cost::Light,
        caps: Caps { seconds: 120, bytes: 64 << 20 },
        reader: Reader::Native,
    },
    Artifact {
        id: "Linux.System.Processes",
        kind: ArtifactKind::Processes,
        system: System::Linux,
        purpose: "which programs run, whose they are, and the hash of each image",
        cost: Cost::Moderate,
        caps: Caps { seconds: 300, bytes: 128 << 20 },
        reader: Reader::Shell { script: processes::script, parse: processes::parse },
    },
    Artifact {
        id: "ThisMachine.System.Processes",
        kind: ArtifactKind::Processes,
        system: System::ThisMachine,
        purpose: "which programs run, whose they are, and the hash of each image",
        cost: Cost::Moderate,
        caps: Caps { seconds: 300, bytes: 128 << 20 },
        reader: Reader::Native,
    },
    Artifact {
        id: "Linux.Persistence.Autostart",
        kind: ArtifactKind::Autostart,
        system: System::Linux,
        purpose: "what starts a client, or worse, again after the machine is cleaned",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 32 << 20 },
        reader: Reader::Shell { script: autostart::script, parse: autostart::parse },
    },
    Artifact {
        id: "Linux.Network.Firewall",
        kind: ArtifactKind::Firewall,
        system: System::Linux,
        purpose: "whether ports were opened for a client",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 32 << 20 },
        reader: Reader::Shell { script: firewall::script, parse: firewall::parse },
    },
    Artifact {
        id: "Linux.Files.Torrents",
        kind: ArtifactKind::Torrents,
        system: System::Linux,
        purpose: "which torrents were fetched, and by which client, on every local drive",
        cost: Cost::Heavy,
        caps: Caps { seconds: 3600, bytes: 1 << 30 },
        reader: Reader::Shell { script: torrents::script, parse: torrents::parse },
    },
    Artifact {
        id: "ThisMachine.Files.Torrents",
        kind: ArtifactKind::Torrents,
        system: System::ThisMachine,
        purpose: "which torrents were fetched, and by which client, on every local drive",
        cost: Cost::Heavy,
        caps: Caps { seconds: 3600, bytes: 1 << 30 },
        reader: Reader::Native,
    },
];

/// The artifact of a kind for a system.
pub(crate) fn find(kind: ArtifactKind, system: System) -> Option<&'static Artifact> {
    CATALOGUE.iter().find(|artifact| artifact.kind == kind && artifact.system == system)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_is_whole_and_its_ids_are_unique() {
        let ids: BTreeSet<_> = CATALOGUE.iter().map(|a| a.id).collect();
        assert_eq!(ids.len(), CATALOGUE.len());
        for kind in ArtifactKind::ALL {
            assert!(find(kind, System::Linux).is_some(), "{kind:?} for Linux");
        }
    }

    #[test]
    fn scripts_are_framed_and_small_enough_for_one_channel_window() {
        for artifact in CATALOGUE {
            let Reader::Shell { script, .. } = artifact.reader else { continue };
            let script = script();
            assert!(script.starts_with("{\n") && script.ends_with("exit 0\n}\n"), "{}", artifact.id);
            assert!(script.len() < 16 << 10, "{}: {} bytes", artifact.id, script.len());
            assert!(script.is_ascii() && !script.contains('\0'), "{}", artifact.id);
        }
    }
}
