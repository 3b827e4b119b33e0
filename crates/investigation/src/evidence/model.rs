//! The parsed form of each artifact. One struct a row, the same for every transport and operating system.
//!
//! Strings come from the endpoint and are hostile: they are kept as they were (lossily decoded where they were not
//! UTF-8) and escaped where they are shown, see [`crate::text`].

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Who the endpoint says it is and who is logged in to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The endpoint's own host name, as it reports it.
    pub host_name: String,
    /// The directory or DNS domain that the machine belongs to, where it has one.
    pub domain: Option<String>,
    /// For example `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// Kernel release or build number.
    pub kernel: Option<String>,
    /// Users with a session now, without the collector's own session.
    pub users: Vec<SessionUser>,
    /// The account that the collector worked as.
    pub collected_as: Option<String>,
    /// The addresses that the endpoint itself holds: the proof that the right machine answered.
    pub addresses: Vec<IpAddr>,
    /// The endpoint's clock when it was asked.
    pub endpoint_time: Option<Timestamp>,
    /// When the endpoint was started.
    pub boot_time: Option<Timestamp>,
}

/// One logged-in session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// Account name without its domain.
    pub name: String,
    /// Domain of the account; the host name for an account that is local to the machine.
    pub domain: Option<String>,
    /// Terminal or session name (`tty1`, `pts/0`, `:0`, `console`).
    pub session: Option<String>,
    /// Where a remote session comes from.
    pub from: Option<String>,
    /// Start of the session.
    pub since: Option<Timestamp>,
}

/// One running process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// `process.pid`.
    pub pid: u32,
    /// `process.parent.pid`.
    pub parent_pid: Option<u32>,
    /// `process.name`: the image's name, or the name that the process gave itself.
    pub name: String,
    /// `process.executable`: full path of the image, where it could be read.
    pub path: Option<String>,
    /// `process.command_line`.
    pub command_line: Option<String>,
    /// `user.name` of the owner.
    pub user: Option<String>,
    /// `process.start`.
    pub start_time: Option<Timestamp>,
    /// `process.hash.sha256` of the image, lower-case hex, where it was readable.
    pub sha256: Option<String>,
    /// `process.code_signature.subject_name`: the subject of the certificate that signed the image (`CN=…, O=…`), where
    /// the endpoint says that the signature holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The image was deleted or replaced after the process started.
    #[serde(default)]
    pub image_deleted: bool,
    /// Data files that it has open, by their full paths (Linux): those whose place or name matters, unfinished downloads
    /// first, 64 at most. Linux ends the path of one that was deleted with ` (deleted)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_files: Vec<String>,
}

/// Transport of a socket or a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// State of a socket, folded over operating systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketState {
    /// Waiting for connections (TCP) or bound without a peer (UDP).
    Listening,
    /// Connected to a peer.
    Established,
    /// Opening (SYN sent or received).
    Opening,
    /// Closing or waiting to be forgotten.
    Closing,
    /// Anything else, for example a TCP socket that is bound and nothing more.
    Other,
}

/// One socket, joined to its process where the join was possible. A row without a process is kept: it is evidence
/// that something was there and could not be attributed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Socket {
    /// `network.transport`.
    pub transport: TransportProtocol,
    /// Local address; IPv4-mapped IPv6 is folded to IPv4.
    pub local_ip: IpAddr,
    /// Local port.
    pub local_port: u16,
    /// Peer address, absent for a listener.
    pub remote_ip: Option<IpAddr>,
    /// Peer port, absent for a listener.
    pub remote_port: Option<u16>,
    /// State, folded.
    pub state: SocketState,
    /// Owner, where the join was possible.
    pub pid: Option<u32>,
    /// Name of the owning process.
    pub process: Option<String>,
    /// Image path of the owning process.
    pub path: Option<String>,
    /// Account that owns the socket, where the system says.
    pub user: Option<String>,
}

/// How much a system knows of a neighbour, folded over operating systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighborState {
    /// It answered lately.
    Reachable,
    /// It was there once, and has not been asked since.
    Stale,
    /// Set by the system or by hand, without asking.
    Permanent,
    /// Asked for, and silent so far.
    Incomplete,
}

/// One machine on the same link, as the ARP and neighbour tables know it (RFC 826, RFC 4861).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    /// Its address.
    pub ip: IpAddr,
    /// Its link-layer address as `00:11:22:aa:bb:cc`, where it is known.
    pub mac: Option<String>,
    /// Interface that it is behind: its name, or the interface's own address or number where that is all that is said.
    pub interface: Option<String>,
    /// How much is known of it, where the system says.
    pub state: Option<NeighborState>,
}

/// One answer that the resolver keeps, or a name that was asked for and has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// The name that was asked for (`dns.question.name`), as the system keeps it.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, `PTR`, … or the type's number; absent where there is no answer.
    pub kind: Option<String>,
    /// The answer: an address or a name.
    pub data: Option<String>,
    /// Seconds that it is kept for.
    pub ttl: Option<u64>,
}

/// One program or package that is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// As the installer or the package calls it.
    pub name: String,
    /// `uninstall_key`, `dpkg`, `rpm`, `apk`, `pacman`, `flatpak`, `snap`.
    pub source: String,
    /// Version, as it is spelled.
    pub version: Option<String>,
    /// Who made it, as it says.
    pub publisher: Option<String>,
    /// Registry key (Windows) or application id (Flatpak) that it was read off.
    pub key: Option<String>,
    /// Program file that stands for it, where one is named.
    pub image: Option<String>,
    /// Folder that it is in.
    pub folder: Option<String>,
    /// Day of the installation, in the system's own time.
    pub installed: Option<Date>,
    /// Account that it is installed for, where it is not for everybody.
    pub user: Option<String>,
}

/// One file of Windows' Prefetch folder: a program that ran (evidence of execution). Read off the file's name and
/// times alone; what is in it is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefetched {
    /// Name of the file, for example `QBITTORRENT.EXE-1A2B3C4D.pf`.
    pub file: String,
    /// Name of the program that ran, in capitals and without its path. Windows cuts it at 29 characters.
    pub program: String,
    /// When the file was made: the first of the runs that Windows remembers.
    pub created: Option<Timestamp>,
    /// When it was last written: about ten seconds after the start of the last run.
    pub modified: Option<Timestamp>,
}

/// What kind of torrent-related file an entry of the inventory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TorrentKind {
    /// A `.torrent` metainfo file.
    Metainfo,
    /// A download that is not finished (`.!qB`, `.aria2`, …).
    PartialDownload,
    /// A client's resume record (`.fastresume`, `resume.dat`, …).
    Resume,
    /// Other data of a client (settings, state, DHT cache).
    ClientData,
}

/// One torrent-related file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TorrentFile {
    /// Full path, lossily decoded.
    pub path: String,
    /// The exact bytes of the path in hex, where it was not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// What it is.
    pub kind: TorrentKind,
    /// The client that keeps such a file, where the name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Size of this file in bytes.
    pub size: u64,
    /// Last modification.
    pub modified: Option<Timestamp>,
    /// Creation, where the file system keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Last access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessed: Option<Timestamp>,
    /// Owner's account name, or the numeric id where it has no name.
    pub owner: Option<String>,
    /// Owner's numeric id, where the system has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<u32>,
    /// The torrent's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BitTorrent v1 infohash, 40 lower-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infohash_v1: Option<String>,
    /// BitTorrent v2 infohash, 64 lower-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infohash_v2: Option<String>,
    /// Announce URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trackers: Vec<String>,
    /// Sum of the sizes of the files that the torrent describes, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_size: Option<u64>,
    /// Number of files that the torrent describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_count: Option<u64>,
    /// Whether the torrent is bound to its trackers (BEP 27), where the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// Program that made the torrent, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When the torrent was made, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<Timestamp>,
    /// Other software leaves files of this name as well (a browser's `.part`), and nothing in it says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak: bool,
    /// What could not be read or looked odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Something that starts by itself (ATT&CK T1053, T1543, T1547).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutostartEntry {
    /// `systemd`, `cron`, `xdg`, `profile`, `run_key`, `startup_folder`, …
    pub mechanism: String,
    /// File or key that holds the entry.
    pub location: String,
    /// Name of the unit, job or value.
    pub name: String,
    /// What is run.
    pub command: Option<String>,
    /// Account that it runs as, where the entry says.
    pub user: Option<String>,
    /// Whether it is enabled, where that is known.
    pub enabled: Option<bool>,
}

/// The endpoint's firewall.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FirewallState {
    /// `nftables`, `iptables`, `ufw`, `windows`, …; empty where none answered.
    pub engines: Vec<String>,
    /// Whether any rule is loaded; unknown where it could not be read.
    pub active: Option<bool>,
    /// Rules, as far as the caps allow.
    pub rules: Vec<FirewallRule>,
}

/// One firewall rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Engine that holds it.
    pub engine: String,
    /// Chain, profile or zone.
    pub chain: Option<String>,
    /// `accept`, `drop`, …, where it could be read off.
    pub action: Option<String>,
    /// Program that the rule is bound to (Windows).
    pub program: Option<String>,
    /// Destination ports named by the rule.
    pub ports: Vec<u16>,
    /// The rule as the endpoint spells it.
    pub text: String,
}
