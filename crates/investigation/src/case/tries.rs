//! Effects that are begun, perhaps again and again: what dies on the way is counted, and what fails on our own side is
//! timed.

use jiff::{SignedDuration, Timestamp};

use super::follow_up::borne;
use super::{Effect, Refused, Step};
use crate::claim::{Claim, ClaimOp, later};
use crate::policy::Policy;

/// How often in a row an effect may be begun without being heard of again before it is given up: an endpoint, a
/// container or a server that stops the worker every time must not do so for ever.
const MAX_UNHEARD: u32 = 8;

/// The longest pause after a failure on our own side. Whoever frees the disk does not wait longer for the cases.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// A failure on our own side is borne at least this long, however soon the policy gives machines up.
const BORNE_AT_LEAST: SignedDuration = SignedDuration::from_mins(10);

/// Begun this often without being heard of, an effect is not begun again at once: what stops the worker, or the store
/// under it, gets time to pass.
const PATIENT_FROM: u32 = 3;

impl Step {
    /// Marks an effect as begun, renews the leases before a contact, and settles a delivery that was begun before
    /// and never heard of again.
    pub(super) fn begin(
        &mut self,
        effect: u32,
        held: &[Claim],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?;
        if matches!(pending.effect, Effect::ExpireProposals) {
            self.expire_proposals(effect, now);
            return Ok(());
        }
        if pending.effect.changes_endpoint() {
            return self.begin_change(effect, policy, now);
        }
        if pending.started && self.unheard(effect, policy, now)? {
            return Ok(());
        }
        if !self.admitted(effect, held, policy, now)? {
            return Ok(());
        }
        let pending = self.case.pending_mut(effect)?;
        pending.started = true;
        pending.handed_to = None;
        pending.attempts += 1;
        // The first try of an effect that contacts nobody comes right after the write before it.
        let again = pending.attempts > 1 && matches!(pending.effect, Effect::Assess | Effect::Seal);
        let contacts = pending.effect.contacts_endpoint();
        if pending.effect == Effect::Forensics {
            self.claims.extend(self.case.claims_for_forensics(policy, now).into_iter().map(ClaimOp::Take));
            return Ok(());
        }
        if contacts {
            self.case.claim_again(policy, now);
        }
        if contacts || again {
            for claim in &mut self.case.claims {
                *claim = claim.renewed(now, policy.cooldown.lease.signed());
                self.claims.push(ClaimOp::Take(claim.clone()));
            }
        }
        Ok(())
    }

    /// An effect was begun, and how it went was never heard: its worker died, or nobody reported in time. Returns
    /// whether that decides something else than to begin it again.
    fn unheard(&mut self, effect: u32, policy: &Policy, now: Timestamp) -> Result<bool, Refused> {
        let pending = self.case.pending_mut(effect)?;
        pending.unheard += 1;
        let (doing, unheard) = (pending.effect.as_str().to_owned(), pending.unheard);
        let is_delivery = pending.effect.is_delivery();
        pending.may_have_arrived |= is_delivery;
        let mut uncertain = (is_delivery && !pending.effect.may_repeat(policy))
            .then(|| "the worker stopped while this delivery was under way".to_owned());
        if unheard >= MAX_UNHEARD {
            let never = format!("{doing} was begun {unheard} times and never finished");
            if matches!(pending.effect, Effect::LookUpUsers { .. }) {
                self.case.looked_up(Vec::new(), vec![never], false, policy, now);
                self.close_if_done(now);
                return Ok(true);
            }
            if !is_delivery {
                let reason = format!("{never}; look at the log, then submit the alert again");
                self.give_up(effect, "gave_up", &reason, now);
                return Ok(true);
            }
            uncertain.get_or_insert(never);
        }
        if let Some(why) = uncertain {
            self.case.deliver_no_more(effect, why, policy, now)?;
            self.close_if_done(now);
            return Ok(true);
        }
        let counts = pending.effect.counts_each_try();
        pending.admitted &= !counts;
        // What the last try made, if it made something, may not be found yet.
        let findable = pending.effect.searchable_after(policy);
        if is_delivery && findable > SignedDuration::ZERO {
            pending.started = false;
            pending.not_before = later(now, findable);
            return Ok(true);
        }
        if pending.handed_to.is_none() && unheard >= PATIENT_FROM {
            pending.started = false;
            let pause = 1_i64 << (2 * (unheard - PATIENT_FROM + 1)).min(12);
            pending.not_before = later(now, SignedDuration::from_secs(pause));
            return Ok(true);
        }
        if counts {
            // The slots have to be read before there is another.
            pending.started = false;
            return Ok(true);
        }
        Ok(false)
    }

    /// A failure on our own side, as a full disk or a store out of reach: tried again for as long as a machine is that
    /// does not answer. The pauses stay shorter than a lease, so that nobody begins the same work meanwhile.
    pub(super) fn retry_own_failure(
        &mut self,
        effect: u32,
        reason: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let longest = LONGEST_PAUSE.min(policy.cooldown.lease.signed() / 2);
        let pending = self.case.pending_mut(effect)?;
        if pending.effect.changes_endpoint() {
            return self.retry_change(effect, reason, policy, now);
        }
        let borne = borne(&pending.effect, policy).max(BORNE_AT_LEAST);
        pending.started = false;
        // Whoever had it has said what became of it.
        pending.handed_to = None;
        pending.unheard = 0;
        let since = *pending.failing_since.get_or_insert(now);
        let pause = SignedDuration::from_secs(2 << pending.attempts.min(12)).min(longest);
        pending.not_before = later(now, pause);
        let (doing, next) = (pending.effect.as_str().to_owned(), pending.not_before);
        if next > later(since, borne) {
            self.give_up(effect, "own_failure", &format!("{doing}: {reason}"), now);
        } else {
            self.case.note(now, format!("{doing} failed, next try {next:.0}: {reason}"));
        }
        Ok(())
    }
}
