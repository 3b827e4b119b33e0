//! The parsed form of what is collected from a machine that is compromised. As in [`super::model`], one struct a row, and
//! strings are the endpoint's own: hostile, kept as they were, escaped where they are shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A socket that gets packets as they are on the wire: sniffers, some scanners and backdoors hold one; so do DHCP clients
/// and `ping`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketSocket {
    /// `packet` (below IP), `raw` (IPv4) or `raw6` (IPv6).
    pub family: String,
    /// EtherType of a packet socket, IP protocol number of a raw one.
    pub protocol: u32,
    /// Index of the only interface that it listens on, where it is one.
    pub interface: Option<u32>,
    /// Number of the socket, by which processes hold it.
    pub inode: u64,
    /// Numeric id, or name where it is known, of its owner.
    pub user: Option<String>,
    /// Processes that hold it.
    pub pids: Vec<u32>,
    /// Image of the first of them.
    pub path: Option<String>,
    /// Name of the first of them.
    pub process: Option<String>,
}

/// What a record of logins says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// Somebody logged in.
    Login,
    /// Somebody logged out.
    Logout,
    /// A try that failed.
    Failed,
    /// The machine was started.
    Boot,
    /// The machine was stopped, or changed its run level.
    RunLevel,
    /// The clock was set.
    ClockSet,
}

/// One record of who logged in, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// What happened.
    pub kind: LoginKind,
    /// When, by the endpoint's clock.
    pub at: Option<Timestamp>,
    /// Account.
    pub user: Option<String>,
    /// Terminal.
    pub session: Option<String>,
    /// Host or address that it came from.
    pub from: Option<String>,
    /// Process of the session.
    pub pid: Option<u32>,
    /// File that says so.
    pub source: String,
}

/// A module of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelModule {
    /// Name.
    pub name: String,
    /// Bytes in memory.
    pub size: u64,
    /// Modules that use it.
    pub used_by: Vec<String>,
    /// `Live`, `Loading` or `Unloading`.
    pub state: String,
    /// Letters that the kernel marks it with: `P` proprietary, `O` out of the tree, `E` unsigned, `F` forced.
    pub taint: Option<String>,
    /// The kernel shows it in one of its two lists and not in the other, as modules that hide do.
    pub only_in: Option<String>,
}

/// One entry by which the endpoint finds others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameEntry {
    /// File.
    pub source: String,
    /// `host`, `nameserver`, `search`, `hosts_order` or `option`.
    pub kind: String,
    /// Address, server, domain or text.
    pub value: String,
    /// Names that a host entry gives to its address.
    pub names: Vec<String>,
    /// When the file was last written.
    pub modified_at: Option<Timestamp>,
}

/// Something that runs at its time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledTask {
    /// `cron`, `cron_script`, `at` or `systemd_timer`.
    pub mechanism: String,
    /// File.
    pub path: String,
    /// Owner of the file.
    pub owner: Option<String>,
    /// When the file was last written.
    pub modified_at: Option<Timestamp>,
    /// Its text, up to 64 KiB.
    pub content: Option<String>,
    /// The text is longer than that.
    pub cut: bool,
}

/// A key that lets its owner in without a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizedKey {
    /// Account that it lets in, where the file is one account's.
    pub user: Option<String>,
    /// File.
    pub path: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Type of the key, for example `ssh-ed25519`.
    pub key_type: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// What is written behind the key.
    pub comment: Option<String>,
    /// What is written before it: forced commands and restrictions.
    pub options: Option<String>,
    /// When the file was last written.
    pub modified_at: Option<Timestamp>,
}

/// The history of a shell or a client, without what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryFile {
    /// File.
    pub path: String,
    /// Owner of the file.
    pub owner: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified_at: Option<Timestamp>,
    /// Where it leads, where it is a link: `/dev/null` keeps no history.
    pub target: Option<String>,
}

/// A program that came lately into a folder that its user, or anybody, can write into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentExecutable {
    /// File.
    pub path: String,
    /// Owner of the file.
    pub owner: Option<String>,
    /// Permissions, octal.
    pub mode: String,
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified_at: Option<Timestamp>,
    /// When its entry was last changed, which is harder to forge.
    pub changed_at: Option<Timestamp>,
    /// SHA-256 of its content, where it was small enough and could be read.
    pub sha256: Option<String>,
}

/// What a second container says in parsed form. None: it was not asked for, or could not be had; see the outcomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForensicEvidence {
    /// Sockets that get packets as they are on the wire.
    pub packet_sockets: Option<Vec<PacketSocket>>,
    /// Who logged in.
    pub logins: Option<Vec<Login>>,
    /// Modules of the kernel.
    pub kernel_modules: Option<Vec<KernelModule>>,
    /// How names are resolved.
    pub name_resolution: Option<Vec<NameEntry>>,
    /// What runs at its time.
    pub scheduled_tasks: Option<Vec<ScheduledTask>>,
    /// Keys that let somebody in.
    pub authorized_keys: Option<Vec<AuthorizedKey>>,
    /// Histories, without what they hold.
    pub shell_histories: Option<Vec<HistoryFile>>,
    /// Programs that came lately.
    pub recent_executables: Option<Vec<RecentExecutable>>,
}
