//! Deliberately broken systems, to check the checker. Each breaks one thing, as a wrapper around what works.

mod field;
mod store;

pub use field::BrokenField;
pub use store::Broken;

use crate::checker::Invariant;
use crate::scenario::Scenario;
use crate::world;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A case that fails keeps its claims.
    LeaseNeverReleased,
    /// A claim is in force as long as its row is there.
    ExpiryNotCompared,
    /// A claim is written although another case has it.
    ConditionIgnored,
    /// A cooldown is a day short.
    CooldownTooShort,
    /// Users are not looked up, and not claimed.
    UserClaimSkipped,
    /// Alerts that were suppressed for a user stay so when the case that claimed the user fails.
    NotRequeued,
    /// An alert that waits again has to wait for the lease that its own closed case left.
    LeftoverInTheWay,
    /// A case is opened for an alert that has got one meanwhile.
    CaseTwice,
    /// An alert is suppressed because of a user's claim that may be gone by then.
    ClaimNotConfirmed,
    /// A suppressed alert is counted again each time.
    CountedTwice,
    /// What became of the alert is not part of the step.
    DispositionLost,
    /// Some alerts are taken in without being written.
    TakenInNowhere,
    /// A message is acknowledged before it is stored.
    AcknowledgedTooEarly,
    /// A worker's death leaves its holds behind.
    HoldOutlivesWorker,
    /// Open cases are not continued.
    OutboxNotReplayed,
    /// A case that has to wait is never due again.
    DeadlineLost,
    /// Each try of a delivery has another key.
    KeyDropped,
    /// A delivery that may have arrived is taken for one that has not.
    UncertainDropped,
    /// What was begun before a crash is forgotten, so that a delivery is simply made again.
    BeganForgotten,
    /// Half a staging area passes for a whole one.
    HalfSealed,
    /// The machine that is collected is not compared with the one that was identified.
    IdentityNotCompared,
    /// Contacts are not ended in time.
    ContactUnbounded,
    /// Nothing is delivered, and it is said to be.
    SaidToBeDone,
    /// An answer comes that its case did not ask for.
    OutOfTurn,
    /// The scope is the world, and nothing is exempt.
    ScopeIgnored,
    /// What fails on our own side is given up within the hour.
    OutageNotBorne,
    /// One person's word is enough where two have to approve.
    OneWordIsEnough,
    /// What was done is forgotten, and is approved and ordered once more.
    DoneForgotten,
    /// A delivery that may have arrived ends as failed when its tries are used up.
    ArrivalForgotten,
    /// What people looked at is not held against what is sealed.
    EvidenceNotCompared,
    /// A word counts for days.
    ApprovalOutlives,
    /// Somebody may approve who should not.
    StrangerListed,
    /// A no is heard and not written down.
    NoForgotten,
    /// Every machine may be changed.
    NeverIgnored,
    /// The name of the machine that answers is not held against the order's.
    HostNotCompared,
    /// What an earlier try did is not found, and is done again.
    DoneNotFound,
    /// Nothing is taken back, and it is said to be.
    UndoForgotten,
    /// Nothing is changed, and it is said to be.
    SaidToBeChanged,
    /// Nothing on the machine ends its isolation.
    IsolationUnbounded,
    /// An isolation is not claimed, so that two cases order one.
    IsolationUnclaimed,
    /// No hold is set or lifted, and it is said to be.
    HoldForgotten,
    /// A hold is set on the first container alone.
    SecondNotHeld,
    /// A deeper look that is given up fails its case.
    LookFailsCase,
    /// Deliveries that wait are forgotten when the deeper look begins.
    LookDropsActions,
    /// Slots of limits are not claimed.
    LimitNotKept,
    /// An action that must not be done twice is repeated.
    RepeatedUnasked,
}

impl Variant {
    /// Every variant, with its word and the invariants one of which has to catch it.
    pub const ALL: [(Self, &'static str, &'static [Invariant]); 46] = [
        (Self::LeaseNeverReleased, "lease-never-released", &[Invariant::FailedSilences]),
        (Self::ExpiryNotCompared, "expiry-not-compared", &[Invariant::SilencedWithoutCause]),
        (Self::ConditionIgnored, "condition-ignored", &[Invariant::SealedTwice, Invariant::TwoContacts]),
        (Self::CooldownTooShort, "cooldown-too-short", &[Invariant::SealedTwice]),
        (Self::UserClaimSkipped, "user-claim-skipped", &[Invariant::UserTwice]),
        (Self::NotRequeued, "not-requeued", &[Invariant::FailedSilences]),
        (Self::LeftoverInTheWay, "leftover-in-the-way", &[Invariant::LookedAtLate]),
        (Self::CaseTwice, "case-twice", &[Invariant::AlertLost]),
        (Self::ClaimNotConfirmed, "claim-not-confirmed", &[Invariant::FailedSilences]),
        (Self::CountedTwice, "counted-twice", &[Invariant::CountWrong]),
        (Self::DispositionLost, "disposition-lost", &[Invariant::AlertLost]),
        (Self::TakenInNowhere, "taken-in-nowhere", &[Invariant::AlertLost]),
        (Self::AcknowledgedTooEarly, "acknowledged-too-early", &[Invariant::AlertLost]),
        (Self::HoldOutlivesWorker, "hold-outlives-worker", &[Invariant::LeftOpen]),
        (Self::OutboxNotReplayed, "outbox-not-replayed", &[Invariant::LeftOpen]),
        (Self::DeadlineLost, "deadline-lost", &[Invariant::NothingDue]),
        (Self::KeyDropped, "key-dropped", &[Invariant::ActionTwice]),
        (Self::UncertainDropped, "uncertain-dropped", &[Invariant::ActionTwice]),
        (Self::BeganForgotten, "began-forgotten", &[Invariant::ActionTwice]),
        (Self::HalfSealed, "half-sealed", &[Invariant::SealedNotWhole]),
        (Self::IdentityNotCompared, "identity-not-compared", &[Invariant::WrongMachine]),
        (Self::ContactUnbounded, "contact-unbounded", &[Invariant::TwoContacts]),
        (Self::SaidToBeDone, "said-to-be-done", &[Invariant::ActionLost]),
        (Self::OutOfTurn, "out-of-turn", &[Invariant::Broken]),
        (Self::ScopeIgnored, "scope-ignored", &[Invariant::OutOfScope]),
        (Self::OutageNotBorne, "outage-not-borne", &[Invariant::GivenUpEarly]),
        (Self::OneWordIsEnough, "one-word-is-enough", &[Invariant::ChangedUnapproved]),
        (Self::DoneForgotten, "done-forgotten", &[Invariant::ChangedTwice]),
        (Self::ArrivalForgotten, "arrival-forgotten", &[Invariant::ActionLost]),
        (Self::EvidenceNotCompared, "evidence-not-compared", &[Invariant::ChangedUnapproved]),
        (Self::ApprovalOutlives, "approval-outlives", &[Invariant::ChangedUnapproved]),
        (Self::StrangerListed, "stranger-listed", &[Invariant::ChangedUnapproved]),
        (Self::NoForgotten, "no-forgotten", &[Invariant::ChangedUnapproved]),
        (Self::NeverIgnored, "never-ignored", &[Invariant::ChangedElsewhere]),
        (Self::HostNotCompared, "host-not-compared", &[Invariant::ChangedElsewhere]),
        (Self::DoneNotFound, "done-not-found", &[Invariant::ChangedTwice]),
        (Self::UndoForgotten, "undo-forgotten", &[Invariant::NotRestored]),
        (Self::SaidToBeChanged, "said-to-be-changed", &[Invariant::NotRestored]),
        (Self::IsolationUnbounded, "isolation-unbounded", &[Invariant::IsolationStays]),
        (Self::IsolationUnclaimed, "isolation-unclaimed", &[Invariant::IsolationStays]),
        (Self::HoldForgotten, "hold-forgotten", &[Invariant::HoldLost]),
        (Self::SecondNotHeld, "second-not-held", &[Invariant::HoldLost]),
        (Self::LookFailsCase, "look-fails-case", &[Invariant::VerdictLost]),
        (Self::LookDropsActions, "look-drops-actions", &[Invariant::ActionLost]),
        (Self::LimitNotKept, "limit-not-kept", &[Invariant::ActionTooOften]),
        (Self::RepeatedUnasked, "repeated-unasked", &[Invariant::ActionTwice]),
    ];

    /// Whether it is met only where several rare things come together, see [`Scenario::contended`].
    pub fn is_rare(self) -> bool {
        matches!(self, Self::ClaimNotConfirmed | Self::CaseTwice | Self::ArrivalForgotten)
    }

    /// The variant of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == word).map(|(variant, ..)| *variant)
    }

    /// The policy that the workers get.
    pub fn policy(variant: Option<Self>, scenario: &Scenario) -> String {
        let sound = world::policy(scenario);
        match variant {
            Some(Self::ScopeIgnored) => sound
                .replace("['10.0.0.0/8']", "['10.0.0.0/8', '198.51.100.0/24']")
                .replace("'10.200.0.0/16'", "'10.250.0.0/16'"),
            Some(Self::OneWordIsEnough) => {
                sound.replace("two_persons = ['stop_process', 'isolate']", "two_persons = []")
            }
            Some(Self::ApprovalOutlives) => sound.replace("expires = '8h'", "expires = '5d'"),
            Some(Self::StrangerListed) => sound.replace("'carl']", "'carl', 'mallory']"),
            Some(Self::NeverIgnored) => sound.replace("'ws-*3'", "'nobody'").replace("guest0", "nobody"),
            Some(Self::RepeatedUnasked) => {
                sound.replace("per_hour = 1\n", "per_hour = 1\nidempotent = true\n")
            }
            Some(Self::OutageNotBorne) => format!("{sound}[collection]\nretry_for = '1h'\n"),
            _ => sound,
        }
    }
}
