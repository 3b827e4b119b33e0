//! How a collection went: an outcome for each artifact, so that a partial collection never looks complete.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{
    AutostartEntry, DnsRecord, FirewallState, Identity, Neighbor, Prefetched, Process, Program, Socket,
    TorrentFile,
};

/// What an artifact is about. Catalogue entries of several systems share a kind; the parsed form follows the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// Host name, domain, sessions.
    Identity,
    /// Process list.
    Processes,
    /// Sockets joined to processes.
    Connections,
    /// Torrent-related files.
    Torrents,
    /// What starts by itself.
    Autostart,
    /// Firewall state.
    Firewall,
    /// Machines on the same link.
    Neighbors,
    /// What the resolver keeps.
    DnsCache,
    /// Which programs ran, by what Windows prefetches.
    Prefetch,
    /// What is installed.
    Programs,
    /// Sockets that see packets as they are.
    PacketSockets,
    /// Who logged in, and who tried to.
    Logins,
    /// What was loaded into the kernel.
    KernelModules,
    /// By which names and servers the endpoint finds others.
    NameResolution,
    /// What runs at its time, with the whole text of each.
    ScheduledTasks,
    /// Keys that let somebody in.
    AuthorizedKeys,
    /// That there are histories of shells, and since when; not what they hold.
    ShellHistories,
    /// Programs that came lately into folders that anybody can write into.
    RecentExecutables,
    /// Services, with their images.
    Services,
    /// What WMI does by itself when something happens.
    WmiSubscriptions,
    /// Other spots of the registry that load or start something.
    RegistryPersistence,
    /// Local accounts, and who is an administrator.
    Accounts,
    /// What is shared, with whom, and what is used of others.
    Shares,
    /// State, exclusions and detections of the virus scanner.
    Antivirus,
    /// Event logs, and that they were cleared.
    EventLogs,
    /// What is fetched in the background.
    TransferJobs,
    /// What the endpoint has in its memory.
    Memory,
}

impl ArtifactKind {
    /// Every kind that is collected for a verdict, in order of volatility (RFC 3227: the fastest-changing first). Those
    /// of [`Self::FORENSIC`] come after them.
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Connections,
        Self::Neighbors,
        Self::DnsCache,
        Self::Processes,
        Self::Prefetch,
        Self::Autostart,
        Self::Firewall,
        Self::Programs,
        Self::Torrents,
    ];

    /// What is collected besides from a machine that is compromised, in the same order. No rule reads it.
    pub const FORENSIC: [Self; 16] = [
        Self::PacketSockets,
        Self::Logins,
        Self::KernelModules,
        Self::NameResolution,
        Self::ScheduledTasks,
        Self::AuthorizedKeys,
        Self::ShellHistories,
        Self::RecentExecutables,
        Self::Services,
        Self::WmiSubscriptions,
        Self::RegistryPersistence,
        Self::Accounts,
        Self::Shares,
        Self::Antivirus,
        Self::EventLogs,
        Self::TransferJobs,
    ];

    /// Those of [`Self::FORENSIC`] that Linux has no such thing of, or is not asked for.
    pub const WINDOWS_ALONE: [Self; 8] = [
        Self::Services,
        Self::WmiSubscriptions,
        Self::RegistryPersistence,
        Self::Accounts,
        Self::Shares,
        Self::Antivirus,
        Self::EventLogs,
        Self::TransferJobs,
    ];

    /// Those of [`Self::FORENSIC`] that Windows keeps no list of.
    pub const LINUX_ALONE: [Self; 1] = [Self::PacketSockets];

    /// Whether it is collected from a machine that is compromised only. [`Self::Memory`] is, before everything else, and
    /// only where the policy names a tool for it; so it stands in neither list.
    pub fn is_forensic(self) -> bool {
        self == Self::Memory || Self::FORENSIC.contains(&self)
    }

    /// The word used in files, output and rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Processes => "processes",
            Self::Connections => "connections",
            Self::Torrents => "torrents",
            Self::Autostart => "autostart",
            Self::Firewall => "firewall",
            Self::Neighbors => "neighbors",
            Self::DnsCache => "dns_cache",
            Self::Prefetch => "prefetch",
            Self::Programs => "programs",
            Self::PacketSockets => "packet_sockets",
            Self::Logins => "logins",
            Self::KernelModules => "kernel_modules",
            Self::NameResolution => "name_resolution",
            Self::ScheduledTasks => "scheduled_tasks",
            Self::AuthorizedKeys => "authorized_keys",
            Self::ShellHistories => "shell_histories",
            Self::RecentExecutables => "recent_executables",
            Self::Services => "services",
            Self::WmiSubscriptions => "wmi_subscriptions",
            Self::RegistryPersistence => "registry_persistence",
            Self::Accounts => "accounts",
            Self::Shares => "shares",
            Self::Antivirus => "antivirus",
            Self::EventLogs => "event_logs",
            Self::TransferJobs => "transfer_jobs",
            Self::Memory => "memory",
        }
    }

    /// Where the parsed form lies inside the evidence container.
    pub fn parsed_entry(self) -> String {
        format!("artifacts/{}.json", self.as_str())
    }
}

/// How one artifact went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactStatus {
    /// Whole.
    Ok,
    /// Something of it could not be read; the reason says what.
    Partial,
    /// A cap on depth, time, size or number was reached; the reason says which.
    Truncated,
    /// Nothing of it could be had.
    Failed,
}

/// The outcome of one artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactOutcome {
    /// Id in the collector's catalogue, for example `Linux.Network.Connections`.
    pub artifact: String,
    /// What it is about.
    pub kind: ArtifactKind,
    /// How it went.
    pub status: ArtifactStatus,
    /// Why it is not `ok`, one line for each thing that is missing; and what else is to be known of how it was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Rows in the parsed form.
    pub items: u64,
    /// Container entries that belong to it: the parsed form first, then the raw outputs.
    pub entries: Vec<String>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Timestamp,
}

/// One command or query that was run on the endpoint: everything that touched it is on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Artifact that it was run for.
    pub artifact: String,
    /// What was run, as the catalogue spells it; never a secret.
    pub command: String,
    /// Exit code, where there is one.
    pub exit_code: Option<i32>,
    /// Bytes of standard output that came back.
    pub stdout_bytes: u64,
    /// First part of standard error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// The record of one collection: which order, which endpoint, by which way, and how each artifact went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// Case that ordered it.
    pub case_id: String,
    /// Address that was contacted.
    pub target: IpAddr,
    /// `local`, `winrm`, `ssh` or `smb`.
    pub transport: String,
    /// Fingerprint of the host key or certificate that the endpoint proved itself by, where the transport has one.
    pub endpoint_key: Option<String>,
    /// The host that collected.
    pub collector_host: String,
    /// Version of the collector.
    pub collector_version: String,
    /// Endpoint clock minus collector clock, in milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// When the collection was begun.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Timestamp,
    /// Outcome of each artifact, in the order of collection.
    pub outcomes: Vec<ArtifactOutcome>,
    /// Everything that was run on the endpoint.
    pub commands: Vec<CommandRecord>,
    /// The program that was sent to it, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<SentProgram>,
}

/// A program that was sent to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentProgram {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of what was sent, lower-case hex: only what is the same on the endpoint was run there.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it lay.
    pub path: String,
    /// What was read by it.
    pub read: Vec<ArtifactKind>,
    /// Whether it is gone again, its folder included, as far as the endpoint can be believed.
    pub removed: bool,
}

impl Collection {
    /// Whether every artifact is whole.
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.status == ArtifactStatus::Ok)
    }

    /// The outcome of one kind.
    pub fn outcome(&self, kind: ArtifactKind) -> Option<&ArtifactOutcome> {
        self.outcomes.iter().find(|outcome| outcome.kind == kind)
    }
}

/// The evidence of one case in parsed form: what the rules read. An artifact that failed, that the system does not have,
/// or that the version which collected it did not know, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who and what the endpoint is.
    pub identity: Option<Identity>,
    /// Process list.
    pub processes: Option<Vec<Process>>,
    /// Sockets.
    pub sockets: Option<Vec<Socket>>,
    /// Torrent-related files.
    pub torrents: Option<Vec<TorrentFile>>,
    /// What starts by itself.
    pub autostart: Option<Vec<AutostartEntry>>,
    /// Firewall.
    pub firewall: Option<FirewallState>,
    /// Machines on the same link.
    pub neighbors: Option<Vec<Neighbor>>,
    /// What the resolver keeps.
    pub dns_cache: Option<Vec<DnsRecord>>,
    /// Which programs ran.
    pub prefetch: Option<Vec<Prefetched>>,
    /// What is installed.
    pub programs: Option<Vec<Program>>,
    /// How each artifact went.
    pub outcomes: Vec<ArtifactOutcome>,
}
