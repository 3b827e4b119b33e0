//! The parsed form of what is collected from a machine that is compromised. As in [`super::model`], one struct a row, and
//! strings are the endpoint's own: hostile, kept as they were, escaped where they are shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::AutostartEntry;
use super::windows::{EventLog, LocalAccount, ProtectionFact, Service, Share, TransferJob, WmiSubscription};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// Somebody logged in.
    #[default]
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
    /// A session was given the rights of an administrator (Windows).
    Privileged,
    /// A process used the credentials of another account (Windows).
    ExplicitCredentials,
}

/// One record of who logged in, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// File or event log that says so.
    pub source: String,
    /// Number of the event, where a log of Windows says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
    /// Over what: `interactive`, `network`, `remote_interactive` (RDP) and so on, after Windows' logon types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Account that asked for it, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Program that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Server that credentials were used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A module of the kernel; on Windows a driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelModule {
    /// Name.
    pub name: String,
    /// Bytes in memory.
    pub size: u64,
    /// Modules that use it.
    pub used_by: Vec<String>,
    /// `Live`, `Loading` or `Unloading`; of a driver `Running` or `Stopped`.
    pub state: String,
    /// Letters that the kernel marks it with: `P` proprietary, `O` out of the tree, `E` unsigned, `F` forced.
    pub taint: Option<String>,
    /// The kernel shows it in one of its two lists and not in the other, as modules that hide do.
    pub only_in: Option<String>,
    /// When a driver starts: `boot`, `system`, `auto`, `manual` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Image of a driver, where the system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// SHA-256 of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What the system says of its signature: `Valid`, `NotSigned`, `HashMismatch` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Subject of the certificate that it is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// One entry by which the endpoint finds others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameEntry {
    /// File or registry key.
    pub source: String,
    /// `host`, `nameserver`, `search`, `hosts_order`, `option` or `proxy`.
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
    /// `cron`, `cron_script`, `at`, `systemd_timer` or `windows_task`.
    pub mechanism: String,
    /// File, or the task's own path on Windows.
    pub path: String,
    /// Owner of the file.
    pub owner: Option<String>,
    /// When the file was last written.
    pub modified_at: Option<Timestamp>,
    /// Its text, up to 64 KiB.
    pub content: Option<String>,
    /// The text is longer than that.
    pub cut: bool,
    /// Who a task says that it is by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Account that it runs as: a SID, or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    /// What it runs, one line an action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What it waits for, for example `LogonTrigger`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    /// Whether it is switched on, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// It asks not to be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// The one place that still tells of it, where the system does not list it: `registry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<String>,
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
    /// Permissions, octal; on Windows the letters of `attrib`.
    pub mode: String,
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified_at: Option<Timestamp>,
    /// When its entry was last changed, which is harder to forge.
    pub changed_at: Option<Timestamp>,
    /// SHA-256 of its content, where it was small enough and could be read.
    pub sha256: Option<String>,
    /// When it was made there (Windows).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Zone that it came from, by its mark of the web: 3 is the internet, 4 a site that is not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<u8>,
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
    /// Services (Windows, as what follows).
    pub services: Option<Vec<Service>>,
    /// What WMI does by itself.
    pub wmi_subscriptions: Option<Vec<WmiSubscription>>,
    /// Other spots of the registry that load something.
    pub registry_persistence: Option<Vec<AutostartEntry>>,
    /// Accounts of the machine.
    pub accounts: Option<Vec<LocalAccount>>,
    /// Shares, and who uses them.
    pub shares: Option<Vec<Share>>,
    /// What the virus scanner says, and is told.
    pub antivirus: Option<Vec<ProtectionFact>>,
    /// Event logs.
    pub event_logs: Option<Vec<EventLog>>,
    /// Transfers in the background.
    pub transfer_jobs: Option<Vec<TransferJob>>,
    /// An image of the memory.
    pub memory: Option<Box<MemoryImage>>,
}

/// An image of an endpoint's memory, and how it was taken. The image itself lies beside it as a file of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryImage {
    /// Entry of the container that holds it.
    pub entry: String,
    /// `lime`: ranges of physical memory, each behind a header (<https://github.com/504ensicsLabs/LiME>).
    pub format: String,
    /// Bytes of the image.
    pub size: u64,
    /// Its SHA-256, lower-case hex, taken while it came.
    pub sha256: String,
    /// Its last range is whole, and the tool said that it was done.
    pub whole: bool,
    /// Bytes of memory in it. The tool leaves out pieces of 16 MiB that hold nothing but zeros.
    pub memory_bytes: u64,
    /// Bytes of memory that the endpoint says it has.
    pub ram_bytes: u64,
    /// What memory is in it, by physical address; neighbours are one. At most 4,096.
    pub ranges: Vec<MemoryRange>,
    /// Where the tool read: `/proc/kcore`, `/dev/crash` or `/dev/mem`.
    pub source: String,
    /// The tool, as it lies on the endpoint.
    pub tool: String,
    /// SHA-256 of what was run there, as the endpoint counts it.
    pub tool_sha256: String,
    /// What the tool calls itself.
    pub tool_version: String,
    /// When it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its last byte had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// Physical memory from an address to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryRange {
    /// First byte.
    pub first: u64,
    /// Last byte.
    pub last: u64,
}
