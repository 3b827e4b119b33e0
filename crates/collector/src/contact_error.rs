//! Why an endpoint could not be worked on.

use std::net::IpAddr;
use std::path::PathBuf;

use investigation::text::one_line;
use thiserror::Error;

/// Why a collector cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The SSH settings cannot work.
    #[error("ssh settings: {0}")]
    Ssh(&'static str),
    /// This machine's own addresses cannot be listed.
    #[error("cannot list this machine's own network addresses")]
    Interfaces(#[source] std::io::Error),
}

/// What broke the contact with one endpoint. Each says in one line what happened, where, and what to do.
#[derive(Debug, Error)]
pub enum ContactError {
    /// The scope does not admit the address. Nothing was sent.
    #[error("{target} is not contacted: {reason}; only networks that the policy lists are")]
    OutOfScope {
        /// The address.
        target: IpAddr,
        /// The scope's refusal or exemption.
        reason: String,
    },
    /// Nothing accepts a connection there.
    #[error(
        "{target} port {port} cannot be reached; check that the machine is up and its SSH port is open to this host"
    )]
    Unreachable {
        /// The address.
        target: IpAddr,
        /// TCP port that was tried.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A phase took longer than it may.
    #[error("{target} did not answer in {seconds} s during {phase}; it may be overloaded or filtered")]
    TimedOut {
        /// The address.
        target: IpAddr,
        /// `connection`, `key exchange`, `authentication`, `channel`, `identity`.
        phase: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The host key is in no known_hosts entry for this address.
    #[error(
        "{target} shows the unknown host key {fingerprint} ({algorithm}); compare it on the machine itself, then add it to {file}"
    )]
    HostKeyUnknown {
        /// The address.
        target: IpAddr,
        /// SHA-256 fingerprint of the key, as OpenSSH spells it.
        fingerprint: String,
        /// Algorithm of the key.
        algorithm: String,
        /// The known_hosts file.
        file: PathBuf,
    },
    /// Another host key is pinned for this address, or this one is revoked.
    #[error(
        "{target} shows host key {got} where {file} line {line} has {expected}; the machine was reinstalled, has another address now, or is impersonated: find out before changing the line"
    )]
    HostKeyChanged {
        /// The address.
        target: IpAddr,
        /// Fingerprint that is pinned (`revoked …` where this very key is revoked).
        expected: String,
        /// Fingerprint that was shown.
        got: String,
        /// The known_hosts file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// known_hosts exists and cannot be used: nothing can be verified.
    #[error("cannot use known_hosts {file}; no host key can be verified without it")]
    KnownHosts {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// None of the keys was accepted.
    #[error("{target} accepts none of the keys for {user}: {detail}; authorise one there, or name another")]
    AuthenticationFailed {
        /// The address.
        target: IpAddr,
        /// The account.
        user: String,
        /// Which keys were offered, which could not be used, and what the endpoint would accept.
        detail: String,
    },
    /// Another machine answered.
    #[error(
        "{target} was answered by {host}, whose own addresses ({addresses}) do not hold it: the address is translated (NAT, load balancer) or stale; investigate the machine behind it by its own address"
    )]
    WrongMachine {
        /// The address.
        target: IpAddr,
        /// Host name that the machine gives.
        host: String,
        /// The first of the addresses that it holds.
        addresses: String,
    },
    /// The endpoint speaks SSH and has no POSIX shell to run the catalogue in.
    #[error("{target} has no POSIX shell behind its SSH server: {detail}")]
    Unsupported {
        /// The address.
        target: IpAddr,
        /// What came back instead.
        detail: String,
    },
    /// The connection broke after it had been made.
    #[error("{target} broke the connection during {phase}: {detail}")]
    Disconnected {
        /// The address.
        target: IpAddr,
        /// What was being done.
        phase: String,
        /// What the SSH layer said.
        detail: String,
    },
    /// Our own side cannot keep what comes back.
    #[error("cannot write the collected evidence to {path}; check its file system")]
    Staging {
        /// File or folder.
        path: PathBuf,
        /// What the system said, for example that the disk is full.
        #[source]
        source: std::io::Error,
    },
}

impl ContactError {
    /// Whether the same order can succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Disconnected { .. }
            | Self::Staging { .. } => true,
            // Trying a refused key again only locks the account, and a host key does not mend itself.
            Self::OutOfScope { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::KnownHosts { .. }
            | Self::AuthenticationFailed { .. }
            | Self::WrongMachine { .. }
            | Self::Unsupported { .. } => false,
        }
    }

    /// A word for programs, stable over versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfScope { .. } => "out_of_scope",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::HostKeyUnknown { .. } => "host_key_unknown",
            Self::HostKeyChanged { .. } => "host_key_changed",
            Self::KnownHosts { .. } => "known_hosts",
            Self::AuthenticationFailed { .. } => "authentication_failed",
            Self::WrongMachine { .. } => "wrong_machine",
            Self::Unsupported { .. } => "unsupported",
            Self::Disconnected { .. } => "disconnected",
            Self::Staging { .. } => "staging",
        }
    }

    /// What the other side said is outside text: it becomes one short line here, before it enters a message.
    pub(crate) fn disconnected(
        target: IpAddr,
        phase: impl Into<String>,
        detail: &dyn std::fmt::Display,
    ) -> Self {
        Self::Disconnected { target, phase: phase.into(), detail: one_line(&detail.to_string(), 200) }
    }
}
