//! A case: one alert being investigated, from the claim on the address to the last delivery.
//!
//! [`intake`] decides what becomes of an alert, [`Case::advance`] decides what a case does next. Both only decide.
//! What has to be done lies in [`Case::pending`], the outbox that is stored in the same write as the state, so that
//! a case that is found open after a crash is continued exactly as one that is merely slow.
//!
//! ```text
//! intake ─► Identifying ─► ClaimingUsers ─► Collecting ─► Assessing ─► Sealing ─► Acting ─► Closed
//!    ▲           │               │              │                         │
//!    └─ Waiting ◄┴─ suppressed ◄─┘              │                         └ leases become cooldowns
//!          ▲ └─► failed                         │
//!          └────────────────────────────────────┘
//! ```
//!
//! What may be changed on the machine goes beside that, and may go on after it, see [`Case::is_at_rest`].
//!
//! `Acting` also looks deeper into a machine that is compromised and puts its evidence under legal hold. A person may ask
//! for either later: the case is then acting once more, and its evidence and verdict stay what they are.
//!
//! Every state but `Closed` has something pending, with a time before which it is not due: whoever looks at the open
//! cases now and then needs nothing else to bring each to its end.

mod address;
mod admission;
mod advance;
mod deliveries;
mod effect;
mod event;
mod follow_up;
mod heard;
mod intake;
mod news;
mod people;
mod remediation;
mod repeats;
mod returned;
#[cfg(test)]
mod tests;
mod tries;

use std::net::IpAddr;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use address::{Address, addresses};
pub use deliveries::{ActionRecord, ActionStatus};
pub use effect::{Effect, Pending};
pub use event::{Delivery, Event};
pub use follow_up::{ForensicStatus, Forensics, HoldStatus, LegalHold, NotOrdered};
pub use heard::Heard;
pub use intake::{Disposition, Intake, intake};
pub use people::Person;
pub use remediation::{CodeGiven, CodeRefused, NotDecided};
pub use repeats::CaseTicket;
pub use returned::Returned;

use crate::alert::Alert;
use crate::assess::{Assessment, Verdict};
use crate::claim::{Claim, ClaimKey, ClaimOp};
use crate::evidence::{ArtifactOutcome, Identity};
use crate::remediation::Remediation;
use crate::text::one_line;

/// Entries kept in a case's history.
const HISTORY: usize = 200;
/// Longest name of a person in a case's history, in characters.
const NAME: usize = 80;

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The address is claimed; the endpoint is asked who it is.
    Identifying,
    /// It could not be reached or read. Every claim was given up; it is tried again at a time.
    Waiting {
        /// Stable word, for example `unreachable`.
        code: String,
        /// One line: what, where, what to do.
        reason: String,
        /// When it was last tried.
        tried_at: Timestamp,
    },
    /// The users are known; their claims are looked up and taken.
    ClaimingUsers,
    /// Artifacts are being collected.
    Collecting,
    /// The evidence is being read.
    Assessing,
    /// The evidence is being sealed.
    Sealing,
    /// Messages and tickets are being delivered, and what else follows the verdict is done.
    Acting,
    /// Done.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
}

impl State {
    /// The word used in output.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Identifying => "identifying",
            Self::Waiting { .. } => "waiting",
            Self::ClaimingUsers => "claiming_users",
            Self::Collecting => "collecting",
            Self::Assessing => "assessing",
            Self::Sealing => "sealing",
            Self::Acting => "acting",
            Self::Closed { .. } => "closed",
        }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Evidence is sealed, and every action is done, given up or left to a person: see the actions.
    Investigated {
        /// The verdict.
        verdict: Verdict,
    },
    /// The user, or the address after a long stop, is another case's.
    Suppressed {
        /// The claim that stands in the way.
        by: Claim,
    },
    /// Every user on the machine is exempt.
    Exempt {
        /// The reason that the policy gives.
        reason: String,
    },
    /// It could not be done. Every claim was given up.
    Failed {
        /// Stable word, for example `unreachable`.
        code: String,
        /// One line: what, where, what to do.
        reason: String,
        /// Whether the same alert may succeed later without anything being changed.
        retryable: bool,
    },
}

/// The sealed container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedEvidence {
    /// Where it lies.
    pub location: String,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// One line of a case's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// `ph-<date>-<8 characters>`, see [`case_id`].
    pub id: String,
    /// Counts the writes; a store refuses a write that is based on an older one.
    pub version: u64,
    /// The alert that opened it.
    pub alert: Alert,
    /// The suspected machine.
    pub target: IpAddr,
    /// The suspect's port in the alert.
    pub target_port: Option<u16>,
    /// The other end of the alert's flow.
    pub peer_ip: Option<IpAddr>,
    /// The other end's port.
    pub peer_port: Option<u16>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// Claims that it holds.
    pub claims: Vec<Claim>,
    /// Who the endpoint said it is.
    pub identity: Option<Identity>,
    /// How each artifact went.
    pub artifacts: Vec<ArtifactOutcome>,
    /// Where the collection lies that is assessed and sealed, see [`Event::Collected`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<String>,
    /// What the evidence means.
    pub assessment: Option<Assessment>,
    /// The container.
    pub evidence: Option<SealedEvidence>,
    /// What directories say of the suspects, where they were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// The deeper look at the machine, where one was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forensics: Option<Forensics>,
    /// The legal hold on what is sealed, where one was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<LegalHold>,
    /// Every action with how it went.
    pub actions: Vec<ActionRecord>,
    /// What was proposed for the machine, who approved it, and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
    /// What became of words that people sent from elsewhere, oldest first, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<Heard>,
    /// Effects still to be performed: the outbox.
    pub pending: Vec<Pending>,
    /// Number of the next effect.
    pub next_effect: u32,
    /// Tries to reach and read the endpoint that failed.
    pub failed_tries: u32,
    /// What its ticket is to be told, while there is none yet; a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<String>,
    /// Its ticket, where the ticket system named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<CaseTicket>,
    /// What happened, oldest first, bounded.
    pub history: Vec<HistoryEntry>,
}

/// What `advance` decided: the case as it is now, and what must be part of the same write. What must be performed
/// afterwards lies in [`Case::pending`].
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The case after the event.
    pub case: Case,
    /// Changes of claims, all or nothing.
    pub claims: Vec<ClaimOp>,
    /// What has become of the alert, where this step decides it.
    pub alert: Option<Disposition>,
    /// What the alert has to be at the moment of the write, where the step rests on it. A worker that was slow must not
    /// open a second case for an alert that has got one, or an end, meanwhile.
    pub alert_was: Option<Disposition>,
    /// Users whose claims are given up without evidence. Alerts about other machines that were suppressed because of
    /// them wait again: nobody has looked for them.
    pub requeue: Vec<ClaimKey>,
}

/// Why an event was refused. The case is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The case is closed.
    #[error("case {case_id} is closed; the event {event} changes nothing")]
    Closed {
        /// The case.
        case_id: String,
        /// The event's name.
        event: &'static str,
    },
    /// The event does not belong to this state.
    #[error("case {case_id} is {state} and expects no {event}")]
    Unexpected {
        /// The case.
        case_id: String,
        /// The state's name.
        state: &'static str,
        /// The event's name.
        event: &'static str,
    },
    /// The event names an effect that is not pending.
    #[error("case {case_id} has no pending effect {effect}")]
    NoSuchEffect {
        /// The case.
        case_id: String,
        /// The effect's number.
        effect: u32,
    },
    /// A person's decision is not taken.
    #[error("case {case_id}: {why}")]
    NotDecided {
        /// The case.
        case_id: String,
        /// Why.
        why: NotDecided,
    },
}

impl Case {
    /// Whether its investigation is over. Its remediation may go on, see [`Case::is_at_rest`].
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// The idempotency key of an effect: the same on every try.
    pub fn effect_key(&self, effect: u32) -> String {
        format!("{}/effect-{effect}", self.id)
    }

    /// The first effect that may be performed at `now`.
    pub fn due(&self, now: Timestamp) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.not_before <= now)
    }

    /// The earliest moment at which an effect may be performed.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.pending.iter().map(|pending| pending.not_before).min()
    }

    /// Whether it waits for its machine, and a new alert about that machine belongs to it.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// The users that this case claims, as `domain\name`.
    pub fn suspects(&self) -> Vec<String> {
        let user = |claim: &Claim| claim.key.user_name().map(str::to_owned);
        self.claims.iter().filter_map(user).collect()
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.assessment.as_ref().map(|assessment| assessment.verdict)
    }

    /// The step by which a person gives up this case's claim on `key`: the claim goes, and the history says who took it
    /// away. Fits a case in any state, also a closed one. Whoever writes it holds the case, or the case is closed.
    pub fn released(&self, key: &ClaimKey, by: &str, now: Timestamp) -> Step {
        let mut step = self.next_step(now);
        let by = one_line(by, NAME);
        step.case.note(now, format!("{key} was released by {by}: the next alert about it is investigated"));
        step.claims.push(ClaimOp::Release(key.clone()));
        step
    }

    /// A step after which the case is as it is, but for its version and the time of its last change.
    fn next_step(&self, now: Timestamp) -> Step {
        let case = Case { version: self.version + 1, updated_at: now, ..self.clone() };
        Step { case, claims: Vec::new(), alert: None, alert_was: None, requeue: Vec::new() }
    }

    fn pending_mut(&mut self, effect: u32) -> Result<&mut Pending, Refused> {
        let case_id = self.id.clone();
        let found = self.pending.iter_mut().find(|pending| pending.n == effect);
        found.ok_or(Refused::NoSuchEffect { case_id, effect })
    }

    pub(super) fn note(&mut self, at: Timestamp, what: impl Into<String>) {
        if self.history.len() == HISTORY {
            self.history.remove(1);
        }
        self.history.push(HistoryEntry { at, what: what.into() });
    }

    pub(super) fn push(&mut self, effect: Effect, not_before: Timestamp) -> u32 {
        let n = self.next_effect;
        self.next_effect += 1;
        self.pending.push(Pending::new(n, effect, not_before));
        n
    }
}

/// The id of the case that an alert opens at `now`: the date, and 40 bits of a hash over both, in letters and digits
/// that are not mistaken for one another when read aloud.
pub fn case_id(alert_id: &str, now: Timestamp) -> String {
    let mut hash = Sha256::new();
    hash.update(alert_id.as_bytes());
    hash.update([0]);
    hash.update(now.as_nanosecond().to_be_bytes());
    let code = BASE32_NOPAD.encode(&hash.finalize()[..5]).to_lowercase();
    let date: String = now.to_string().chars().take(10).filter(|c| *c != '-').collect();
    format!("ph-{date}-{code}")
}
