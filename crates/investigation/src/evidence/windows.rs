//! The parsed form of what only Windows has of a machine that is compromised. As in [`super::forensic`], one struct a row,
//! and strings are the endpoint's own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Its command line, as it is registered.
    pub command: Option<String>,
    /// Library that it runs inside a host (`ServiceDll`).
    pub library: Option<String>,
    /// `boot`, `system`, `auto`, `manual` or `disabled`.
    pub start: Option<String>,
    /// `Running`, `Stopped` and so on.
    pub state: Option<String>,
    /// Account that it runs as.
    pub account: Option<String>,
    /// The file that is run: the library where there is one.
    pub path: Option<String>,
    /// SHA-256 of that file.
    pub sha256: Option<String>,
    /// What the system says of its signature: `Valid`, `NotSigned`, `HashMismatch` and so on.
    pub signature: Option<String>,
    /// Subject of the certificate that it is signed with.
    pub signer: Option<String>,
}

/// A part of what WMI does by itself: a filter says when, a consumer what, and a binding joins the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WmiSubscription {
    /// `filter`, `consumer` or `binding`.
    pub kind: String,
    /// Namespace that it is in.
    pub namespace: String,
    /// Class of a consumer, for example `CommandLineEventConsumer`.
    pub class: Option<String>,
    /// Name; of a binding, the filter's.
    pub name: String,
    /// Query of a filter, command line or script of a consumer, name of a binding's consumer.
    pub text: Option<String>,
    /// SID of the account that made it.
    pub creator: Option<String>,
}

/// A local account, or another that is a member of a local group that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalAccount {
    /// Name, with its domain where it is none of this machine.
    pub name: String,
    /// SID.
    pub sid: Option<String>,
    /// It is an account of this machine itself.
    pub local: bool,
    /// Whether it can log in, where that is known.
    pub enabled: Option<bool>,
    /// It needs no password.
    pub no_password: bool,
    /// SIDs of the groups that it is a direct member of: administrators (`S-1-5-32-544`), remote desktop (`-555`), remote
    /// management (`-580`), backup operators (`-551`).
    pub groups: Vec<String>,
    /// When it last logged in, as the machine itself knows.
    pub last_login: Option<Timestamp>,
    /// When its password was set.
    pub password_set: Option<Timestamp>,
}

/// A share, somebody who uses one, or a share of another machine that this one uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// `share`, `session` or `connection`.
    pub kind: String,
    /// Name of the share; of a session the machine that it comes from; of a connection `\\server\share`.
    pub name: String,
    /// Folder that is shared.
    pub path: Option<String>,
    /// Account of a session or a connection.
    pub user: Option<String>,
    /// Seconds since a session was begun.
    pub seconds: Option<u64>,
}

/// Something that the virus scanner says or is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionFact {
    /// `product`, `state`, `setting`, `exclusion` or `detection`.
    pub kind: String,
    /// Product, property, kind of exclusion, or threat.
    pub name: String,
    /// What it is set to; of a detection the file.
    pub value: Option<String>,
    /// Account that a detection happened under.
    pub user: Option<String>,
    /// Program that brought what was detected.
    pub program: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// An event log, or that one was cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLog {
    /// Name of the log.
    pub log: String,
    /// `log`, or `cleared`.
    pub kind: String,
    /// Whether it is kept, where that is known.
    pub enabled: Option<bool>,
    /// Events in it.
    pub records: Option<u64>,
    /// Bytes that it may grow to.
    pub max_bytes: Option<u64>,
    /// Time of its oldest event, or when it was cleared.
    pub at: Option<Timestamp>,
    /// Who cleared it.
    pub user: Option<String>,
}

/// A transfer in the background (BITS).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferJob {
    /// `job`, or `event`: that one began, as the log says.
    pub kind: String,
    /// Id.
    pub id: Option<String>,
    /// Name.
    pub name: String,
    /// Account that it is of.
    pub owner: Option<String>,
    /// Its state.
    pub state: Option<String>,
    /// What is fetched, or sent.
    pub url: Option<String>,
    /// Where it is put.
    pub path: Option<String>,
    /// Program that is run when it is done: the way in which intruders stay.
    pub command: Option<String>,
    /// When it was made, or began.
    pub at: Option<Timestamp>,
}
