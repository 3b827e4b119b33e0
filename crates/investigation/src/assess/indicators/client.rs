//! One program of the table, and whether a process of its name is it.

use serde::Deserialize;

use super::{PortRange, image};
use crate::assess::places::{Place, place};
use crate::evidence::{Process, Socket, TransportProtocol};

/// One program. See the head of `data/indicators.toml` for what each field means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Stable id, for example `qbittorrent`.
    pub id: String,
    /// Name to show.
    pub name: String,
    /// Has honest uses at work: never proof by itself.
    #[serde(default)]
    pub dual_use: bool,
    /// Whether it can join a BitTorrent swarm.
    #[serde(default = "yes")]
    pub bittorrent: bool,
    /// Names of the program file.
    #[serde(default)]
    pub images: Vec<String>,
    /// Scripts or main classes that an interpreter runs.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// Default ports for peers.
    #[serde(default)]
    pub ports: Vec<PortRange>,
    /// Default ports of its own user interface.
    #[serde(default)]
    pub control_ports: Vec<PortRange>,
    /// Where it keeps its data.
    #[serde(default)]
    pub folders: Vec<String>,
    /// Speaks to peers of its own maker's network by design: what its own sockets show is no breach of policy.
    #[serde(default)]
    pub own_network: bool,
    /// Parts of a path, one of which must be in the image's.
    #[serde(default)]
    pub within: Vec<String>,
    /// Words, one of which must be on the command line.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Parts of the subject of the certificate that its maker signs with.
    #[serde(default)]
    pub signers: Vec<String>,
    /// SHA-256 of its images, in hex.
    #[serde(default)]
    pub sha256: Vec<String>,
    /// Where the names were looked up.
    pub source: String,
    /// Whether the source confirms them.
    #[serde(default = "yes")]
    pub verified: bool,
}

impl Client {
    /// Whether the port is one that it listens on for peers by default.
    pub fn peers_on(&self, transport: TransportProtocol, port: u16) -> bool {
        self.ports.iter().any(|range| range.holds(transport, port))
    }

    /// Whether either end of a socket is on a port that it talks to its peers by.
    pub fn is_own_port(&self, socket: &Socket) -> bool {
        self.peers_on(socket.transport, socket.local_port)
            || socket.remote_port.is_some_and(|port| self.peers_on(socket.transport, port))
    }

    /// Whether a process of its name is the maker's: signed by it, or, where no signature is known, at a place that
    /// takes an administrator to write to or that the table names.
    pub fn is_genuine(&self, process: &Process) -> bool {
        let Some(path) = process.path.as_deref() else { return false };
        match &process.signer {
            Some(signer) if !self.signers.is_empty() => self.signed_by(signer),
            _ => place(path) == Place::System || self.lies_within(path),
        }
    }

    pub(super) fn signed_by(&self, signer: &str) -> bool {
        let signer = signer.to_lowercase();
        self.signers.iter().any(|name| signer.contains(&name.to_lowercase()))
    }

    fn lies_within(&self, path: &str) -> bool {
        let path = image::clean(path);
        self.within.iter().any(|part| path.contains(&part.to_lowercase()))
    }

    /// Whether what the table asks for besides the name is there.
    pub(super) fn fits(&self, process: &Process) -> bool {
        let argued = || {
            let line = process.command_line.as_deref().unwrap_or_default().to_lowercase();
            self.arguments.iter().any(|word| line.contains(&word.to_lowercase()))
        };
        let placed = || process.path.as_deref().is_some_and(|path| self.lies_within(path));
        (self.arguments.is_empty() || argued()) && (self.within.is_empty() || placed())
    }

    /// Whether the port is one of its own user interface.
    pub fn is_control(&self, transport: TransportProtocol, port: u16) -> bool {
        self.control_ports.iter().any(|range| range.holds(transport, port))
    }
}

fn yes() -> bool {
    true
}
