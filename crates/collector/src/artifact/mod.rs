//! What is collected: the catalogue, and a file for each artifact with its parser.
//!
//! A new artifact is one file here, one entry in a file of [`catalogue`], and one row in the catalogue's table of
//! parsers. How an endpoint is reached is no concern of this module: a way is constant text and a parser, and any
//! transport that can run such text runs it.

pub(crate) mod autostart;
mod catalogue;
pub(crate) mod connections;
pub(crate) mod facts;
pub(crate) mod firewall;
pub(crate) mod forensic;
pub(crate) mod identity;
pub(crate) mod neighbors;
pub(crate) mod open_files;
pub(crate) mod processes;
pub(crate) mod programs;
pub(crate) mod record;
pub(crate) mod tally;
pub(crate) mod torrents;
mod unit_file;
mod utmp;
pub(crate) mod windows;

use std::io::{self, BufRead};
use std::time::Duration;

use investigation::evidence::{
    ArtifactKind, AuthorizedKey, AutostartEntry, DnsRecord, EventLog, FirewallState, HistoryFile, Identity,
    KernelModule, LocalAccount, Login, MemoryImage, NameEntry, Neighbor, PacketSocket, Prefetched, Process,
    Program, ProtectionFact, RecentExecutable, ScheduledTask, Service, Share, Socket, TorrentFile,
    TransferJob, WmiSubscription,
};
use investigation::order::Limits;
use serde::{Deserialize, Serialize};

pub use catalogue::catalogue;

use facts::Facts;
use tally::Tally;
use windows::answers::Answers;

/// One entry of the catalogue: one artifact of one kind of system.
#[derive(Debug)]
pub struct Artifact {
    /// Name in records and reports, for example `Linux.System.Processes`. Stable over versions.
    pub id: String,
    /// What it is about; its parsed form follows from it.
    pub kind: ArtifactKind,
    /// The systems that it is for.
    pub system: System,
    /// Place in the order of collection (RFC 3227): what changes fastest comes first, from 0.
    pub volatility: usize,
    /// What it proves or refutes.
    pub purpose: String,
    /// What it costs the endpoint.
    pub cost: Cost,
    /// Most that one collection may spend on it, whatever the order allows.
    pub caps: Caps,
    pub(crate) readers: Vec<Reader>,
}

impl Artifact {
    /// The ways that it is read by, best first.
    pub fn ways(&self) -> impl Iterator<Item = Way> {
        self.readers.iter().map(Reader::way)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// A Linux endpoint, through its shell.
    Linux,
    /// A Windows endpoint, through PowerShell or commands, or over SMB.
    Windows,
    /// The machine that the collector runs on, through the system's own interfaces.
    ThisMachine,
    /// The same where it is a Windows, which has no shell for the scripts of the rest.
    ThisWindows,
}

/// How an artifact is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A POSIX shell script.
    Shell,
    /// A PowerShell script, 5.1 or later.
    PowerShell,
    /// Command lines for `cmd.exe`.
    Command,
    /// The system's own interfaces.
    Native,
    /// Shares and remote services, without running anything.
    Smb,
    /// A tool that lies on the endpoint and is pinned by its hash; its output is kept as it is.
    Tool,
}

/// What an artifact costs the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Below a second.
    Light,
    /// Seconds: many processes or much reading.
    Moderate,
    /// Minutes of disk work.
    Heavy,
}

/// Caps of one artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Seconds.
    pub seconds: u64,
    /// Bytes of raw output.
    pub bytes: u64,
}

/// How an artifact is read, with what reads it.
#[derive(Debug)]
pub(crate) enum Reader {
    /// A constant POSIX shell script (made of nothing but what is compiled in), and what reads its output.
    Shell { script: &'static str, parse: Parse },
    /// A constant PowerShell script, and what reads its output.
    PowerShell { script: &'static str, parse: Parse },
    /// Constant command lines, and what reads their outputs.
    Commands { commands: Vec<Command>, parse: ParseAnswers },
    /// Interfaces of this very system; see [`crate::transport::local`].
    Native,
    /// Shares and remote services; see [`crate::transport::smb`].
    Smb,
    /// A tool on the endpoint that writes an image; see [`forensic::memory`].
    Tool,
}

impl Reader {
    /// Which way it is.
    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Shell { .. } => Way::Shell,
            Self::PowerShell { .. } => Way::PowerShell,
            Self::Commands { .. } => Way::Command,
            Self::Native => Way::Native,
            Self::Smb => Way::Smb,
            Self::Tool => Way::Tool,
        }
    }
}

/// One command line for `cmd.exe`.
#[derive(Debug)]
pub(crate) struct Command {
    /// Tells its raw output from those of the same artifact's others.
    pub(crate) name: String,
    /// Constant text.
    pub(crate) line: String,
    /// Nothing is missing where it fails.
    pub(crate) spare: bool,
}

/// Reads the raw output of one script. Errors are those of reading our own disk; what is wrong with the content
/// goes into the tally.
pub(crate) type Parse = fn(&mut dyn BufRead, &Facts, &Limits) -> io::Result<(Parsed, Tally)>;

/// As [`Parse`], for the raw outputs of several commands.
pub(crate) type ParseAnswers = fn(&Answers, &Facts, &Limits) -> io::Result<(Parsed, Tally)>;

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
    Neighbors(Vec<Neighbor>),
    DnsCache(Vec<DnsRecord>),
    Prefetch(Vec<Prefetched>),
    Programs(Vec<Program>),
    PacketSockets(Vec<PacketSocket>),
    Logins(Vec<Login>),
    KernelModules(Vec<KernelModule>),
    NameResolution(Vec<NameEntry>),
    ScheduledTasks(Vec<ScheduledTask>),
    AuthorizedKeys(Vec<AuthorizedKey>),
    ShellHistories(Vec<HistoryFile>),
    RecentExecutables(Vec<RecentExecutable>),
    Services(Vec<Service>),
    WmiSubscriptions(Vec<WmiSubscription>),
    RegistryPersistence(Vec<AutostartEntry>),
    Accounts(Vec<LocalAccount>),
    Shares(Vec<Share>),
    Antivirus(Vec<ProtectionFact>),
    EventLogs(Vec<EventLog>),
    TransferJobs(Vec<TransferJob>),
    Memory(Box<MemoryImage>),
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
            Self::Neighbors(rows) => rows.len(),
            Self::DnsCache(rows) => rows.len(),
            Self::Prefetch(rows) => rows.len(),
            Self::Programs(rows) => rows.len(),
            Self::PacketSockets(rows) => rows.len(),
            Self::Logins(rows) => rows.len(),
            Self::KernelModules(rows) => rows.len(),
            Self::NameResolution(rows) => rows.len(),
            Self::ScheduledTasks(rows) => rows.len(),
            Self::AuthorizedKeys(rows) => rows.len(),
            Self::ShellHistories(rows) => rows.len(),
            Self::RecentExecutables(rows) => rows.len(),
            Self::Services(rows) => rows.len(),
            Self::WmiSubscriptions(rows) => rows.len(),
            Self::RegistryPersistence(rows) => rows.len(),
            Self::Accounts(rows) => rows.len(),
            Self::Shares(rows) => rows.len(),
            Self::Antivirus(rows) => rows.len(),
            Self::EventLogs(rows) => rows.len(),
            Self::TransferJobs(rows) => rows.len(),
            Self::Memory(image) => image.ranges.len(),
        };
        items as u64
    }
}

/// The parsed form of a kind of which nothing could be had.
pub(crate) fn nothing(kind: ArtifactKind) -> Parsed {
    match kind {
        ArtifactKind::Identity => Parsed::Identity(Box::default()),
        ArtifactKind::Processes => Parsed::Processes(Vec::new()),
        ArtifactKind::Connections => Parsed::Sockets(Vec::new()),
        ArtifactKind::Torrents => Parsed::Torrents(Vec::new()),
        ArtifactKind::Autostart => Parsed::Autostart(Vec::new()),
        ArtifactKind::Firewall => Parsed::Firewall(FirewallState::default()),
        ArtifactKind::Neighbors => Parsed::Neighbors(Vec::new()),
        ArtifactKind::DnsCache => Parsed::DnsCache(Vec::new()),
        ArtifactKind::Prefetch => Parsed::Prefetch(Vec::new()),
        ArtifactKind::Programs => Parsed::Programs(Vec::new()),
        ArtifactKind::PacketSockets => Parsed::PacketSockets(Vec::new()),
        ArtifactKind::Logins => Parsed::Logins(Vec::new()),
        ArtifactKind::KernelModules => Parsed::KernelModules(Vec::new()),
        ArtifactKind::NameResolution => Parsed::NameResolution(Vec::new()),
        ArtifactKind::ScheduledTasks => Parsed::ScheduledTasks(Vec::new()),
        ArtifactKind::AuthorizedKeys => Parsed::AuthorizedKeys(Vec::new()),
        ArtifactKind::ShellHistories => Parsed::ShellHistories(Vec::new()),
        ArtifactKind::RecentExecutables => Parsed::RecentExecutables(Vec::new()),
        ArtifactKind::Services => Parsed::Services(Vec::new()),
        ArtifactKind::WmiSubscriptions => Parsed::WmiSubscriptions(Vec::new()),
        ArtifactKind::RegistryPersistence => Parsed::RegistryPersistence(Vec::new()),
        ArtifactKind::Accounts => Parsed::Accounts(Vec::new()),
        ArtifactKind::Shares => Parsed::Shares(Vec::new()),
        ArtifactKind::Antivirus => Parsed::Antivirus(Vec::new()),
        ArtifactKind::EventLogs => Parsed::EventLogs(Vec::new()),
        ArtifactKind::TransferJobs => Parsed::TransferJobs(Vec::new()),
        ArtifactKind::Memory => Parsed::Memory(Box::default()),
    }
}

/// Puts a script between what opens and what ends every answer.
macro_rules! script {
    ($file:literal) => {
        concat!(include_str!("sh/prologue.sh"), include_str!($file), include_str!("sh/epilogue.sh"))
    };
}
pub(crate) use script;

/// The artifact of a kind for a system.
pub(crate) fn find(kind: ArtifactKind, system: System) -> Option<&'static Artifact> {
    catalogue().iter().find(|artifact| artifact.kind == kind && artifact.system == system)
}
