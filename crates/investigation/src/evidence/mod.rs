//! What is collected from an endpoint, how each artifact went, and the container it is sealed in.

pub mod forensic;
pub mod manifest;
pub mod model;
pub mod outcome;
pub mod windows;

pub use forensic::{
    AuthorizedKey, ForensicEvidence, HistoryFile, KernelModule, Login, LoginKind, MemoryImage, MemoryRange,
    NameEntry, PacketSocket, RecentExecutable, ScheduledTask,
};
pub use model::{
    AutostartEntry, DnsRecord, FirewallRule, FirewallState, Identity, Neighbor, NeighborState, Prefetched,
    Process, Program, SessionUser, Socket, SocketState, TorrentFile, TorrentKind, TransportProtocol,
};
pub use outcome::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection, CommandRecord, Evidence, SentProgram,
};
pub use windows::{EventLog, LocalAccount, ProtectionFact, Service, Share, TransferJob, WmiSubscription};
