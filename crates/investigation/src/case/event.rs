//! What happened to a case.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Person, SealedEvidence};
use crate::assess::Assessment;
use crate::claim::Claim;
use crate::evidence::{ArtifactOutcome, Identity};
use crate::remediation::{Decision, MeasureOutcome, Proposal};
use crate::ticketing::TicketReference;

/// How one try of a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delivery", rename_all = "snake_case")]
pub enum Delivery {
    /// The other side has it.
    Accepted {
        /// What it answered, or where the file lies.
        receipt: String,
    },
    /// The same, and it is a ticket that can be commented on.
    Filed {
        /// What it answered.
        receipt: String,
        /// The ticket.
        ticket: TicketReference,
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
    /// Nothing was sent, as the policy is tried out ([`crate::policy::Actions::dry_run`]).
    Withheld {
        /// What would have been.
        what: String,
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
    /// The slots of the limits that an effect falls under ([`super::Case::limit_slots`]) were looked up, and it is about to
    /// be performed if each limit has a free one.
    SlotsRead {
        /// The effect.
        effect: u32,
        /// The slots that are taken.
        held: Vec<Claim>,
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
        /// What could be done about it, where the policy wants proposals for the verdict.
        proposal: Option<Box<Proposal>>,
    },
    /// The container is written, whole and in its place.
    Sealed {
        /// Where.
        evidence: SealedEvidence,
    },
    /// The users were looked up.
    LookedUp {
        /// What was found of them.
        people: Vec<Person>,
        /// What could not be asked or read, each in one line.
        faults: Vec<String>,
        /// Whether a later try may find more.
        again: bool,
    },
    /// Alerts were counted on it since it was closed.
    Repeated {
        /// How many by now.
        count: u64,
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
    /// A person approved measures.
    Approved {
        /// Who, how, on which evidence, and which measures.
        decision: Decision,
        /// Those of [`super::Case::order_keys`] that are in force.
        held: Vec<Claim>,
    },
    /// A person said no to measures.
    Rejected {
        /// Who, how, and which measures.
        decision: Decision,
    },
    /// A person ordered that measures are taken back.
    UndoAsked {
        /// Who, how, on which evidence, and which measures.
        decision: Decision,
    },
    /// An order to change something, or to take it back, was carried out.
    Remediated {
        /// The effect.
        effect: u32,
        /// What became of each measure, as the collector says.
        outcomes: Vec<MeasureOutcome>,
    },
    /// An order to change something did not reach the machine, or not its end.
    NotRemediated {
        /// The effect.
        effect: u32,
        /// Stable word.
        code: String,
        /// One line.
        reason: String,
        /// Whether later may be better.
        retryable: bool,
    },
    /// Approvals that an order was to rest on carry no valid seal of the deployment.
    NotSealed {
        /// The effect.
        effect: u32,
        /// Their positions among the case's approvals.
        approvals: Vec<usize>,
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
            Self::Identified { .. }
                | Self::Collected { .. }
                | Self::Assessed { .. }
                | Self::Sealed { .. }
                | Self::Remediated { .. }
        )
    }

    /// The event's name, for refusals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Began { .. } => "began",
            Self::SlotsRead { .. } => "slots_read",
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
            Self::LookedUp { .. } => "looked_up",
            Self::Repeated { .. } => "repeated",
            Self::Held { .. } => "held",
            Self::Delivered { .. } => "delivered",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::UndoAsked { .. } => "undo_asked",
            Self::Remediated { .. } => "remediated",
            Self::NotRemediated { .. } => "not_remediated",
            Self::NotSealed { .. } => "not_sealed",
            Self::EffectFailed { .. } => "effect_failed",
        }
    }
}
