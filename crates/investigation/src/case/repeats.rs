//! What a case tells its ticket when it grows after it was closed. What else came after the verdict, see `news`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ActionRecord, ActionStatus, Case, Effect, State};
use crate::act::{ActionKind, repeats_comment};
use crate::policy::Policy;
use crate::ticketing::TicketReference;

/// Numbers of repeats that the ticket is told of.
const TOLD_AT: [u64; 3] = [10, 100, 1000];

/// The ticket of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTicket {
    /// As its system knows it.
    #[serde(flatten)]
    pub reference: TicketReference,
    /// Repeats that it was told of, or is about to be.
    #[serde(default)]
    pub repeats_told: u64,
    /// Comments on it that told what came after the verdict.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub news_told: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl CaseTicket {
    pub(super) fn new(reference: TicketReference) -> Self {
        Self { reference, repeats_told: 0, news_told: 0 }
    }
}

impl Case {
    /// Whether so many repeats are worth a word to the ticket that it was not told yet. Cheap: for whoever counts.
    pub fn tells_repeats(&self, count: u64, policy: &Policy) -> bool {
        self.is_closed() && self.worth_telling(count, policy).is_some()
    }

    /// The least number of repeats that a ticket is told of.
    pub const FEWEST_TOLD: u64 = TOLD_AT[0];

    /// The number that the ticket is told, if there is one that it was not told yet.
    fn worth_telling(&self, count: u64, policy: &Policy) -> Option<u64> {
        let ticket = self.ticket.as_ref().filter(|_| policy.comments_repeats())?;
        TOLD_AT.into_iter().rev().find(|at| *at <= count && *at > ticket.repeats_told)
    }

    /// Plans a comment where a further number of repeats is reached.
    pub(super) fn tell_repeats(&mut self, count: u64, policy: &Policy, now: Timestamp) {
        let Some(at) = self.worth_telling(count, policy) else { return };
        if let Some(ticket) = &mut self.ticket {
            ticket.repeats_told = at;
        }
        self.comment(repeats_comment(count), now, now);
    }

    /// Plans a comment on the ticket. The case is at work again until it is delivered, as after its sealing, so that
    /// whatever drives open cases drives it too.
    pub(super) fn comment(&mut self, text: String, not_before: Timestamp, now: Timestamp) {
        let effect = self.push(Effect::Comment { text }, not_before);
        self.actions.push(ActionRecord {
            effect: Some(effect),
            kind: ActionKind::TicketComment,
            to: Vec::new(),
            status: ActionStatus::Pending,
            detail: String::new(),
            attempts: 0,
            at: now,
        });
        self.state = State::Acting;
        self.note(now, "a comment on the ticket is due");
    }
}
