//! What happened to a case.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SealedEvidence;
use crate::assess::Assessment;
use crate::claim::Claim;
use crate::evidence::{ArtifactOutcome, Identity};

/// How one try of a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delivery", rename_all = "snake_case")]
pub enum Delivery {
    /// The other side has it.
    Accepted {
        /// What it answered, or where the file lies.
        receipt: String,
    },
    /// The other side surely does not have it; worth another try.
    NotAccepted {
        /// One line.
        why: String,
        /// Seconds that the other side asked to wait.
        retry_after: Option<u64>,
    },
    /// The other side refused it for good.
    Rejected {
        /// One line.
        why: String,
    },
    /// It may have arrived: the answer was lost.
    Uncertain {
        /// One line.
        why: String,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An effect is about to be performed. Written before it is, so that a crash in the middle is seen afterwards.
    Began {
        /// The effect.
        effect: u32,
    },
    /// An effect was handed to someone who reports later.
    Dispatched {
        /// The effect.
        effect: u32,
        /// It is performed again if nothing was heard by then.
        until: Timestamp,
        /// To whom, in the words of whoever handed it over.
        to: String,
    },
    /// A report came, perhaps late, twice, or from an earlier try.
    Reported {
        /// The effect that it is about.
        effect: u32,
        /// Which try of it: [`super::Pending::attempts`] when it was handed over.
        attempt: u32,
        /// What it says.
        event: Box<Event>,
    },
    /// The endpoint answered.
    Identified {
        /// What it said.
        identity: Identity,
    },
    /// Another alert about the machine that the case waits for, or a person who asks for a try now.
    Nudged {
        /// Do not wait at all.
        now: bool,
    },
    /// The user claims were looked up.
    UserClaims {
        /// Those that are in force and belong to other cases.
        held: Vec<Claim>,
    },
    /// A claim that the last write wanted is in another case's hands.
    ClaimLost {
        /// That claim.
        held: Claim,
    },
    /// The endpoint could not be reached, asked or read.
    ContactFailed {
        /// Stable word.
        code: String,
        /// One line.
        reason: String,
        /// Whether later may be better.
        retryable: bool,
    },
    /// Everything that could be had is in the staging area.
    Collected {
        /// How each artifact went.
        outcomes: Vec<ArtifactOutcome>,
        /// Where it lies, where there is more than one place that it could lie in.
        staged: Option<String>,
    },
    /// What was staged is not there any more, so that it cannot be had by trying again.
    EvidenceGone {
        /// One line.
        reason: String,
    },
    /// The evidence was read.
    Assessed {
        /// What it means.
        assessment: Box<Assessment>,
    },
    /// The container is written, whole and in its place.
    Sealed {
        /// Where.
        evidence: SealedEvidence,
    },
    /// The legal hold is set, or lifted.
    Held {
        /// The effect.
        effect: u32,
        /// What was done.
        detail: String,
    },
    /// A try of a delivery ended.
    Delivered {
        /// The effect.
        effect: u32,
        /// How.
        delivery: Delivery,
    },
    /// Something on our own side failed, for example a full disk.
    EffectFailed {
        /// The effect.
        effect: u32,
        /// One line.
        reason: String,
    },
}

impl Event {
    /// Whether it says that something was found or done.
    pub(super) fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Identified { .. } | Self::Collected { .. } | Self::Assessed { .. } | Self::Sealed { .. }
        )
    }

    /// The event's name, for refusals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Began { .. } => "began",
            Self::Dispatched { .. } => "dispatched",
            Self::Reported { .. } => "reported",
            Self::Identified { .. } => "identified",
            Self::Nudged { .. } => "nudged",
            Self::UserClaims { .. } => "user_claims",
            Self::ClaimLost { .. } => "claim_lost",
            Self::ContactFailed { .. } => "contact_failed",
            Self::Collected { .. } => "collected",
            Self::EvidenceGone { .. } => "evidence_gone",
            Self::Assessed { .. } => "assessed",
            Self::Sealed { .. } => "sealed",
            Self::Held { .. } => "held",
            Self::Delivered { .. } => "delivered",
            Self::EffectFailed { .. } => "effect_failed",
        }
    }
}
