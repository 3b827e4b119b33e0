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
    /// The WinRM settings cannot work, or would not be safe.
    #[error("WinRM settings: {0}")]
    Winrm(&'static str),
    /// The SMB settings cannot work, or would not be safe.
    #[error("SMB settings: {0}")]
    Smb(&'static str),
    /// The program that is to be sent to endpoints is not the one that was meant, or cannot be read.
    #[error("[program] {}: {detail}", file.display())]
    Program {
        /// Its file.
        file: PathBuf,
        /// What is wrong, and what to do.
        detail: String,
    },
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
        "{target} port {port} cannot be reached; check that the machine is up and this port is open to this host"
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
        /// `connection`, `key exchange`, `TLS handshake`, `authentication`, `channel`, `identity`, ….
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
    /// None of the ways that are configured finds anything that answers.
    #[error(
        "{target} answers on no port: {tried}; check that the machine is up and one of them is open to this host"
    )]
    NoneAnswers {
        /// The address.
        target: IpAddr,
        /// Each way, and why it was none.
        tried: String,
    },
    /// No way is configured.
    #[error("there is no way to {target}: set up [winrm], [ssh] or [smb], and list it in transports")]
    NoTransport {
        /// The address.
        target: IpAddr,
    },
    /// A file that WinRM works by cannot be used. It is read anew each time.
    #[error("cannot use {} for WinRM", file.display())]
    WinrmFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// The file of the password for SMB cannot be used. It is read anew each time.
    #[error("cannot use {} for SMB", file.display())]
    SmbFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// The endpoint's certificate proves nothing about it.
    #[error(
        "{target} shows a certificate that is not accepted: {detail}; see [winrm] ca_file and expected_hosts"
    )]
    CertificateRefused {
        /// The address.
        target: IpAddr,
        /// What is wrong with it.
        detail: String,
    },
    /// The endpoint calls itself by a name that none should have. It got no answer to its challenge.
    #[error(
        "{target} calls itself {host}, which is not among the expected_hosts; it is another machine, or the list lacks it"
    )]
    UnexpectedHost {
        /// The address.
        target: IpAddr,
        /// The name that it gives.
        host: String,
    },
    /// The account was refused. It is not tried again soon, so that it is not locked.
    #[error("{target} refuses {user}: {detail}; put it right before this account is used again")]
    LogonRefused {
        /// The address.
        target: IpAddr,
        /// The account.
        user: String,
        /// What that can mean.
        detail: String,
    },
    /// The KDC refuses the account. It is not tried again soon, so that it is not locked.
    #[error("the KDC {kdc} refuses {user}: {detail}; put it right before this account is used again")]
    AccountRefused {
        /// The KDC.
        kdc: String,
        /// The account.
        user: String,
        /// Why.
        detail: String,
    },
    /// Kerberos proves nothing to this endpoint, and nothing else may.
    #[error("{target} gets no logon by Kerberos: {detail}")]
    KerberosFailed {
        /// The address.
        target: IpAddr,
        /// Why, and what can be done.
        detail: String,
        /// It may be otherwise the next time: a KDC that did not answer.
        may_pass: bool,
    },
    /// The account was refused not long ago, here or elsewhere. Nothing of it was sent.
    #[error(
        "{target} gets no logon: {user} was refused not long ago, and is not tried with the same password for another {minutes} min, so that it is not locked"
    )]
    AccountRests {
        /// The address.
        target: IpAddr,
        /// The account.
        user: String,
        /// Minutes that are left.
        minutes: u64,
    },
    /// An answer did not come from who holds the key of this session, or was changed on the way.
    #[error(
        "{target} sent an answer that is not sealed with the key of this session ({detail}); it was changed on the way, or somebody else answers"
    )]
    NotSealed {
        /// The address.
        target: IpAddr,
        /// What is wrong with it.
        detail: String,
    },
    /// WinRM answered that it does not do what was asked.
    #[error("{target} refuses WinRM during {phase}: {detail}")]
    WinrmRefused {
        /// The address.
        target: IpAddr,
        /// What was being done.
        phase: &'static str,
        /// Its reason.
        detail: String,
        /// It may be otherwise the next time: a quota, a service that starts.
        may_pass: bool,
    },
    /// SMB is spoken there in no way that is spoken here, or what was asked is switched off.
    #[error("{target} refuses SMB during {phase}: {detail}")]
    SmbRefused {
        /// The address.
        target: IpAddr,
        /// What was being done.
        phase: &'static str,
        /// Its reason, and what to do.
        detail: String,
        /// It may be otherwise the next time.
        may_pass: bool,
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
    /// Another host answered than the one whose evidence the order is about. Nothing on it was touched.
    #[error(
        "{target} is {host} now, and what is to be changed was found on {expected}: nothing was touched; investigate it anew"
    )]
    OtherHost {
        /// The address.
        target: IpAddr,
        /// Host name that the order names.
        expected: String,
        /// Host name that the machine gives.
        host: String,
    },
    /// What is to be changed cannot be ordered like this. Nothing was contacted.
    #[error("the order for {target} {fault}; nothing was touched")]
    OrderRefused {
        /// The address.
        target: IpAddr,
        /// What is wrong with it.
        fault: String,
    },
    /// The endpoint has no shell to run the catalogue in.
    #[error("{target} has no shell that the catalogue runs in: {detail}")]
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
        /// What the layer below said.
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
            | Self::NoneAnswers { .. }
            | Self::AccountRests { .. }
            | Self::Staging { .. } => true,
            Self::WinrmRefused { may_pass, .. }
            | Self::SmbRefused { may_pass, .. }
            | Self::KerberosFailed { may_pass, .. } => *may_pass,
            // Trying a refused key or password again only locks the account, and a host key does not mend itself.
            Self::OutOfScope { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::KnownHosts { .. }
            | Self::AuthenticationFailed { .. }
            | Self::NoTransport { .. }
            | Self::WinrmFile { .. }
            | Self::SmbFile { .. }
            | Self::CertificateRefused { .. }
            | Self::UnexpectedHost { .. }
            | Self::LogonRefused { .. }
            | Self::AccountRefused { .. }
            | Self::NotSealed { .. }
            | Self::WrongMachine { .. }
            | Self::OtherHost { .. }
            | Self::OrderRefused { .. }
            | Self::Unsupported { .. } => false,
        }
    }

    /// A word for programs, stable over versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfScope { .. } => "out_of_scope",
            Self::Unreachable { .. } | Self::NoneAnswers { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::HostKeyUnknown { .. } => "host_key_unknown",
            Self::HostKeyChanged { .. } => "host_key_changed",
            Self::KnownHosts { .. } => "known_hosts",
            Self::AuthenticationFailed { .. } => "authentication_failed",
            Self::NoTransport { .. } => "no_transport",
            Self::WinrmFile { .. } => "winrm_file",
            Self::SmbFile { .. } => "smb_file",
            Self::CertificateRefused { .. } => "certificate_refused",
            Self::UnexpectedHost { .. } => "unexpected_host",
            Self::LogonRefused { .. } | Self::AccountRefused { .. } => "logon_refused",
            Self::KerberosFailed { .. } => "kerberos_failed",
            Self::AccountRests { .. } => "account_rests",
            Self::NotSealed { .. } => "not_sealed",
            Self::WinrmRefused { .. } => "winrm_refused",
            Self::SmbRefused { .. } => "smb_refused",
            Self::WrongMachine { .. } => "wrong_machine",
            Self::OtherHost { .. } => "other_host",
            Self::OrderRefused { .. } => "order_refused",
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
