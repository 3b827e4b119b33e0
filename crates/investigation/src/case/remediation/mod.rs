//! The remediation of a case: proposed from its evidence, approved by people, ordered, and taken back.
//!
//! ```text
//!            enough approvals          heard of                     asked for
//! proposed ───────────────────► ordered ───────► done, gone, … ───► undoing ───► undone
//!    │                             │                                   │
//!    ├► expired, rejected          └► failed, expired, rejected        └► done (it did not work)
//! ```
//!
//! It lives beside the case's own state and may outlast it: a case is closed while people still think. What has to be
//! done lies in the same outbox, so that a worker that dies is made up for by the next one; each approval leads to one
//! order at most, which may be carried out again within its life, as measures are harmless the second time.

mod code;
mod decide;
mod order;
mod refused;
mod sealed;

use jiff::Timestamp;

use super::{Case, Effect, Event, State, Step};
use crate::claim::{Claim, ClaimKey, later};
use crate::policy::Policy;
use crate::remediation::{Proposal, Proposed, Remediation, Stage};

pub use code::{CodeGiven, CodeRefused};
pub use refused::NotDecided;

/// Slots are looked up under these words.
const HOUR: &str = "hour";
const DAY: &str = "day";

impl Effect {
    /// Whether it changes an endpoint, or takes a change back.
    pub fn changes_endpoint(&self) -> bool {
        matches!(self, Self::Remediate { .. } | Self::Undo { .. })
    }

    /// The numbers of the measures that it is about.
    pub(super) fn measures(&self) -> &[u32] {
        match self {
            Self::Remediate { measures, .. } | Self::Undo { measures, .. } => measures,
            _ => &[],
        }
    }

    /// Whether it belongs to the remediation, and stays when the case is closed.
    pub(super) fn is_remediation(&self) -> bool {
        self.changes_endpoint() || matches!(self, Self::ExpireProposals)
    }
}

impl Case {
    /// Whether it is closed, and nothing of its remediation is left to do either.
    pub fn is_at_rest(&self) -> bool {
        self.is_closed() && self.pending.is_empty()
    }

    /// The claims that decide whether an order may go out now: the slots of the policy's limits, and the isolation of
    /// this host. Whoever brings a decision tells which of them are in force.
    pub fn order_keys(&self, policy: &Policy) -> Vec<ClaimKey> {
        let slots = |span, count| (0..count).map(move |n| ClaimKey::order_slot(span, n));
        let mut keys: Vec<ClaimKey> = slots(HOUR, policy.remediation.per_hour).collect();
        keys.extend(slots(DAY, policy.remediation.per_day));
        keys.extend(self.remediation.as_ref().map(|remediation| ClaimKey::isolation(&remediation.host_name)));
        keys
    }

    /// Whether an event belongs to the remediation, and so to a closed case as well.
    pub(super) fn expects_of_remediation(&self, event: &Event) -> bool {
        let has = |effect: &u32| {
            self.pending.iter().any(|pending| pending.n == *effect && pending.effect.is_remediation())
        };
        match event {
            Event::Approved { .. } | Event::Rejected { .. } | Event::UndoAsked { .. } => true,
            Event::ClaimLost { .. } => self.pending.iter().any(|pending| pending.effect.changes_endpoint()),
            Event::Began { effect }
            | Event::Dispatched { effect, .. }
            | Event::Reported { effect, .. }
            | Event::EffectFailed { effect, .. }
            | Event::Remediated { effect, .. }
            | Event::NotRemediated { effect, .. }
            | Event::NotSealed { effect, .. } => has(effect),
            _ => false,
        }
    }
}

impl Step {
    /// Keeps what could be done, to be put before people once the evidence is sealed.
    pub(super) fn keep_proposal(&mut self, proposal: Option<Proposal>, policy: &Policy, now: Timestamp) {
        let Some(Proposal { host_name, measures, left_out }) = proposal else { return };
        let measures = (1..).zip(measures).map(|(n, suggestion)| Proposed {
            n,
            needs: policy.remediation.needs(suggestion.measure.kind()),
            measure: suggestion.measure,
            why: suggestion.why,
            stage: Stage::Proposed,
            detail: String::new(),
            outcome: None,
            undone: None,
        });
        self.case.remediation = Some(Remediation {
            evidence_sha256: String::new(),
            host_name,
            proposed_at: now,
            expires_at: now,
            dry_run: policy.remediation.dry_run,
            measures: measures.collect(),
            left_out,
            approvals: Vec::new(),
        });
    }

    /// Puts the proposals before people: from now on they can be approved, on this very evidence.
    pub(super) fn offer(&mut self, policy: &Policy, now: Timestamp) {
        let sha256 = self.case.evidence.as_ref().map(|evidence| evidence.sha256.clone()).unwrap_or_default();
        let Some(remediation) = &mut self.case.remediation else { return };
        let until = later(now, policy.remediation.expires.signed());
        remediation.evidence_sha256 = sha256;
        remediation.proposed_at = now;
        remediation.expires_at = until;
        let (count, preview) = (remediation.measures.len(), remediation.dry_run);
        if count == 0 {
            return;
        }
        if preview {
            let what = if count == 1 { "measure" } else { "measures" };
            self.case.note(now, format!("{count} {what} would be proposed (dry_run)"));
            return;
        }
        let wait = if count == 1 { "measure waits" } else { "measures wait" };
        self.case.note(now, format!("{count} {wait} for approval until {until:.0}"));
        self.case.push(Effect::ExpireProposals, until);
        self.case.ask_approvers(policy, now);
    }

    /// Ends what nobody has approved.
    pub(super) fn expire_proposals(&mut self, effect: u32, now: Timestamp) {
        self.case.pending.retain(|pending| pending.n != effect);
        let Some(remediation) = &mut self.case.remediation else { return };
        let mut numbers = Vec::new();
        for proposed in &mut remediation.measures {
            if proposed.stage == Stage::Proposed {
                proposed.stage = Stage::Expired;
                "nobody approved it in time".clone_into(&mut proposed.detail);
                numbers.push(proposed.n);
            }
        }
        if !numbers.is_empty() {
            self.case.note(now, format!("measures {} expired: not approved in time", list(&numbers)));
        }
    }

    /// The address went to another case between the decision and the contact. That one is left to its work.
    pub(super) fn machine_taken(&mut self, held: &Claim, now: Timestamp) {
        // An order takes the machine and no user: what was lost is somebody's whom the deeper look wanted as well.
        if held.key.is_user() {
            return;
        }
        let retry = later(now, order::TAKEN);
        let mut put_off = false;
        for pending in &mut self.case.pending {
            if pending.effect.changes_endpoint() && pending.not_before <= now {
                pending.unheard += u32::from(pending.started);
                pending.may_have_arrived |= pending.started;
                pending.started = false;
                pending.handed_to = None;
                pending.not_before = retry;
                put_off = true;
            }
        }
        if put_off {
            let (key, owner) = (&held.key, &held.case_id);
            self.case
                .note(now, format!("{key} belongs to {owner} now; the order is put off until {retry:.0}"));
        }
    }

    /// Whether the case's own work is over, so that only the remediation can want something.
    pub(super) fn is_sealed(&self) -> bool {
        matches!(self.case.state, State::Acting | State::Closed { .. }) && self.case.evidence.is_some()
    }
}

/// Numbers for people.
fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
