//! The seam: what a store of cases has to promise. Everything above it is the same on one machine and on AWS.
//!
//! Three promises carry all the others, and each is one write:
//!
//! 1. [`Backend::commit`] writes a case's new state, its outbox, the claims it takes or gives up, what became of its
//!    alert and which suppressed alerts wait again ([`Step::requeue`]), all or nothing, and refuses a write that is
//!    based on an old version, or on another state of its alert ([`Step::alert_was`]), wants a claim that is in force for another case ([`Claim::admits`]), or rests on
//!    another case's claim that is not in force any more ([`Claim::stands`]).
//! 2. [`Backend::settle`] counts a suppressed alert on its owner once, however often it is told.
//! 3. [`Backend::hold`] lets one worker at a time perform a case's effects, and lets go when that worker dies.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(test)]
pub(crate) mod contract;
pub mod ledger;
pub mod local;
pub mod simulated;

use std::future::Future;
use std::net::IpAddr;

use investigation::alert::Alert;
use investigation::case::{Case, Disposition, Step};
use investigation::claim::{Claim, ClaimKey};
use jiff::Timestamp;
use serde::Serialize;

/// An alert as it is taken in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its id, see [`Alert::id`].
    pub id: String,
    /// Where it came from, for people: `alerts.json, line 3`.
    pub origin: String,
    /// The alert, or why the record could not be read.
    pub content: Result<Alert, Unread>,
}

/// A record that could not be read, kept for a person to look at.
#[derive(Clone, Debug)]
pub struct Unread {
    /// One line.
    pub reason: String,
    /// The record, capped.
    pub original: String,
}

/// An alert as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct AlertRow {
    /// Its id.
    pub id: String,
    /// Where it came from.
    pub origin: String,
    /// When it was first taken in.
    pub received_at: Timestamp,
    /// The alert, unless it could not be read.
    pub alert: Option<Alert>,
    /// The start of a record that could not be read, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub disposition: Disposition,
    /// When that was decided.
    pub settled_at: Option<Timestamp>,
}

/// A case without its bulk, for lists.
#[derive(Clone, Debug, Serialize)]
pub struct CaseRow {
    /// Its id.
    pub id: String,
    /// The machine.
    pub target: IpAddr,
    /// State or, once closed, how it ended.
    pub status: String,
    /// The verdict, once there is one.
    pub verdict: Option<String>,
    /// The endpoint's host name, once it is known.
    pub host_name: Option<String>,
    /// The users that it claims.
    pub users: Vec<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Alerts that were folded into it.
    pub suppressed: u64,
    /// Until when measures of it wait for an approval, where some do; it may have passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_until: Option<Timestamp>,
}

/// One suppressed or folded alert on its owner's list.
#[derive(Clone, Debug, Serialize)]
pub struct SuppressedAlert {
    /// The alert.
    pub alert_id: String,
    /// The claim that stood in its way.
    pub key: ClaimKey,
    /// When it came.
    pub at: Timestamp,
}

/// How a commit ended.
#[derive(Debug, PartialEq)]
pub enum Committed {
    /// Written.
    Done,
    /// Nothing was written: this claim is in force for another case.
    Held(Claim),
    /// Nothing was written: the claim of another case that the step rests on ([`ClaimOp::Confirm`]) is not in force
    /// any more.
    ///
    /// [`ClaimOp::Confirm`]: investigation::claim::ClaimOp::Confirm
    Freed(ClaimKey),
    /// Nothing was written: the case was written by someone else meanwhile.
    Stale,
}

/// Why a store could not do its work. None of them says that anything was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program keeps it locked.
    #[error("the database {place} is locked by another program; stop it or try again")]
    Locked {
        /// Its path.
        place: String,
    },
    /// Written by a later version.
    #[error(
        "the database {place} has layout {found}, this Peerhound knows {known}: use the newer Peerhound, or another [storage] data_dir"
    )]
    Newer {
        /// Its path.
        place: String,
        /// Its layout.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// The disk is full.
    #[error(
        "no space is left for the database {place}; free some and run the command again, nothing is lost"
    )]
    Full {
        /// Its path.
        place: String,
    },
    /// Damaged, or no database at all.
    #[error(
        "{place} is not a sound Peerhound database ({why}); restore it from a backup, or use another [storage] data_dir"
    )]
    Damaged {
        /// Its path.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A service did not answer, or has too much to do.
    #[error("the database {place} is too busy or out of reach ({why}); nothing is lost, try again")]
    Unavailable {
        /// Its tables.
        place: String,
        /// What it said.
        why: String,
    },
    /// More than fits into one item of the store.
    #[error("{what} takes {bytes} bytes, and the database {place} takes {limit} at most")]
    TooLarge {
        /// Its tables.
        place: String,
        /// The case or alert.
        what: String,
        /// Its size as it would be stored.
        bytes: usize,
        /// What fits.
        limit: usize,
    },
    /// Anything else.
    #[error("the database {place} failed: {why}")]
    Other {
        /// Its path.
        place: String,
        /// What is wrong.
        why: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Full { .. } | Self::Unavailable { .. })
    }
}

/// Result of a store.
pub type Stored<T> = Result<T, StoreError>;

/// The right to perform one case's effects. Dropping it gives it up, and so does dying.
pub trait Hold: Send {}

/// A store of alerts, cases and claims.
pub trait Backend: Send + Sync + 'static {
    /// Takes alerts in as waiting, unless they are known already. Durable once it returns.
    fn take_in(
        &self,
        alerts: Vec<Received>,
        now: Timestamp,
    ) -> impl Future<Output = Stored<Vec<AlertRow>>> + Send;

    /// Records what became of an alert that opened no case. A suppressed alert is counted on the claim's owner. An
    /// alert whose own case is open or has sealed evidence stays with that case: another worker had it in hand too.
    fn settle(
        &self,
        alert_id: &str,
        disposition: &Disposition,
        now: Timestamp,
    ) -> impl Future<Output = Stored<()>> + Send;

    /// Writes a step, see the module's first promise. A case with version 0 is inserted.
    fn commit(&self, step: &Step, now: Timestamp) -> impl Future<Output = Stored<Committed>> + Send;

    /// One case.
    fn case(&self, id: &str) -> impl Future<Output = Stored<Option<Case>>> + Send;

    /// Cases, the latest first. `only_open`: those that are not closed.
    fn cases(&self, only_open: bool, limit: usize) -> impl Future<Output = Stored<Vec<CaseRow>>> + Send;

    /// The case that waits for this machine, the oldest if there are several.
    fn waiting_case(&self, target: IpAddr) -> impl Future<Output = Stored<Option<String>>> + Send;

    /// Ids of the cases with something left to do, the oldest first: those that are not closed, and closed ones whose
    /// remediation goes on ([`Case::is_at_rest`]).
    fn open_cases(&self) -> impl Future<Output = Stored<Vec<String>>> + Send;

    /// An alert by its id, by the start of it (8 characters or more), or by the sender's own `event.id`.
    fn alert(&self, id: &str) -> impl Future<Output = Stored<Vec<AlertRow>>> + Send;

    /// Alerts that wait, the oldest first.
    fn waiting(&self, limit: usize) -> impl Future<Output = Stored<Vec<AlertRow>>> + Send;

    /// Alerts that a person has to look at (unreadable, unclear or refused), the latest first.
    fn review(&self, limit: usize) -> impl Future<Output = Stored<Vec<AlertRow>>> + Send;

    /// The claims on these keys that are in force, whoever owns them.
    fn claims_on(&self, keys: &[ClaimKey], now: Timestamp)
    -> impl Future<Output = Stored<Vec<Claim>>> + Send;

    /// Every claim in force on a machine or a user, the first to expire first. The slots of limits are not among them.
    fn claims(&self, now: Timestamp) -> impl Future<Output = Stored<Vec<Claim>>> + Send;

    /// Gives up a claim by an operator's word. Returns it, if there was one.
    fn release(&self, key: &ClaimKey, now: Timestamp) -> impl Future<Output = Stored<Option<Claim>>> + Send;

    /// How many alerts were suppressed on a case, exactly, and the latest of them.
    fn suppressed(&self, case_id: &str) -> impl Future<Output = Stored<(u64, Vec<SuppressedAlert>)>> + Send;

    /// The right to perform a case's effects, or `None` while another worker has it.
    fn hold(&self, case_id: &str) -> impl Future<Output = Stored<Option<Box<dyn Hold>>>> + Send;

    /// Forgets settled alerts from before `before` and claims that ran out. Decides nothing.
    fn prune(&self, before: Timestamp, now: Timestamp) -> impl Future<Output = Stored<u64>> + Send;
}
