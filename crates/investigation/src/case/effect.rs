//! What a case wants done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Case;
use crate::act::ActionKind;
use crate::claim::ClaimKey;
use crate::order::{Order, Task};
use crate::policy::{Policy, Span};

/// One thing to do outside the core. Every effect may be performed more than once under the same key: who performs
/// it must make the second time harmless, or say that it cannot be known, see [`super::Delivery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Contact the endpoint and ask who it is.
    Identify,
    /// Look up which of these keys are in another case's hands.
    ReadUserClaims {
        /// The keys.
        keys: Vec<ClaimKey>,
    },
    /// Collect the artifacts into the staging area.
    Collect,
    /// Read the staged evidence and assess it.
    Assess,
    /// Seal the staged evidence.
    Seal,
    /// Look up the mail addresses and languages of these users, `domain\name`.
    LookUpUsers {
        /// The users.
        users: Vec<String>,
    },
    /// Look deeper into the machine: a second collection into the staging area.
    Forensics,
    /// Seal that collection next to the first.
    SealForensics,
    /// Put everything that is sealed under legal hold, or end that.
    Hold {
        /// Which of the two.
        on: bool,
    },
    /// Deliver a message or a ticket.
    Act {
        /// Which.
        kind: ActionKind,
        /// Addresses, for a mail.
        to: Vec<String>,
    },
    /// Add a comment to the case's ticket.
    Comment {
        /// What it says, in plain text.
        text: String,
    },
    /// Change something on the endpoint, as people approved.
    Remediate {
        /// Numbers of the measures.
        measures: Vec<u32>,
        /// Not from this moment on: an approval has run out by then.
        until: Timestamp,
    },
    /// Take changes back.
    Undo {
        /// Numbers of the measures.
        measures: Vec<u32>,
        /// Not from this moment on.
        until: Timestamp,
    },
    /// End proposals that nobody has approved. Nothing is performed: to begin it is all.
    ExpireProposals,
}

impl Effect {
    /// The word used in output and in the history.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Identify => "identify",
            Self::ReadUserClaims { .. } => "claim users",
            Self::Collect => "collect",
            Self::Assess => "assess",
            Self::Seal => "seal",
            Self::LookUpUsers { .. } => "look up users",
            Self::Forensics => "forensics",
            Self::SealForensics => "seal forensics",
            Self::Hold { on: true } => "legal hold",
            Self::Hold { on: false } => "release of the legal hold",
            Self::Act { kind, .. } => kind.as_str(),
            Self::Comment { .. } => ActionKind::TicketComment.as_str(),
            Self::Remediate { .. } => "remediate",
            Self::Undo { .. } => "undo",
            Self::ExpireProposals => "expire proposals",
        }
    }

    /// Whether it is a delivery: something that the other side may have got although nobody heard of it.
    pub fn is_delivery(&self) -> bool {
        matches!(self, Self::Act { .. } | Self::Comment { .. })
    }

    /// Whether performing it contacts the endpoint to investigate it. The claims are renewed before each contact, so that a case that
    /// was stopped for longer than its lease cannot touch a machine that another case has taken meanwhile.
    pub fn contacts_endpoint(&self) -> bool {
        matches!(self, Self::Identify | Self::Collect | Self::Forensics)
    }
}

/// An effect in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Number within the case.
    pub n: u32,
    /// What to do.
    #[serde(flatten)]
    pub effect: Effect,
    /// How often it was begun.
    pub attempts: u32,
    /// It was begun, and how it went is not known yet.
    pub started: bool,
    /// Not before this moment.
    pub not_before: Timestamp,
    /// To whom it was handed over, while nothing was heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_to: Option<String>,
    /// How often in a row it was begun and nothing was heard of it: the worker died, or nobody reported.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unheard: u32,
    /// Since when it fails on our own side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// A delivery of which an earlier try may have arrived, or an order of which one may have changed the machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_have_arrived: bool,
    /// It has its slots of every limit that it falls under.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admitted: bool,
}

impl Pending {
    /// An effect that nobody has begun.
    pub(super) fn new(n: u32, effect: Effect, not_before: Timestamp) -> Self {
        Self {
            n,
            effect,
            attempts: 0,
            started: false,
            not_before,
            handed_to: None,
            unheard: 0,
            failing_since: None,
            may_have_arrived: false,
            admitted: false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Effect {
    /// Time for the contact with the endpoint.
    pub fn contact_timeout(&self, policy: &Policy) -> Span {
        match self {
            Self::Identify => policy.collection.identify_timeout,
            Self::Forensics => policy.forensics.timeout,
            Self::Remediate { .. } | Self::Undo { .. } => policy.remediation.timeout,
            _ => policy.collection.collect_timeout,
        }
    }
}

impl Case {
    /// The order behind an effect that contacts the endpoint.
    pub fn order(&self, effect: &Effect, policy: &Policy) -> Option<Order> {
        let task = match effect {
            Effect::Identify => Task::Identify,
            Effect::Collect => Task::Collect {
                artifacts: policy.collection.artifacts.clone(),
                limits: policy.collection.limits.clone(),
            },
            Effect::Remediate { .. } | Effect::Undo { .. } => self.change(effect)?,
            Effect::Forensics => {
                Task::Collect { artifacts: policy.forensics.kinds(), limits: policy.forensics.limits.clone() }
            }
            Effect::ReadUserClaims { .. }
            | Effect::Assess
            | Effect::Seal
            | Effect::SealForensics
            | Effect::Hold { .. }
            | Effect::LookUpUsers { .. }
            | Effect::Act { .. }
            | Effect::Comment { .. }
            | Effect::ExpireProposals => return None,
        };
        Some(Order { case_id: self.id.clone(), target: self.target, task })
    }
}
