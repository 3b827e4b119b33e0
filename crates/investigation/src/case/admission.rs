//! When a message may go out, or an action of the site's own be done: within working hours, and within the limits.
//!
//! A limit of N is N slots, each a claim that runs out by itself. A message takes one free slot of each limit that it falls
//! under, in the very write that begins it, so that two workers can never take the same one. What finds no free slot
//! waits for the first that runs out, or is skipped, as the policy says. A mail takes its slots once, however often it is
//! tried; an action of the site's own takes one for each try.

use jiff::{SignedDuration, Timestamp};

use super::{ActionStatus, Case, Effect, Refused, Step};
use crate::act::ActionKind;
use crate::claim::{Claim, ClaimKey, ClaimKind, ClaimOp, later};
use crate::policy::{Policy, WhenReached};

/// One limit that an effect falls under.
struct Limit {
    /// For people: `3 mails to one user in 24 hours`.
    says: String,
    slots: Vec<ClaimKey>,
    /// How long a slot is taken up.
    lasts: SignedDuration,
}

impl Effect {
    /// Whether each try of it counts against its limit, and not only the first.
    pub(super) fn counts_each_try(&self) -> bool {
        matches!(self, Self::Act { kind: ActionKind::Custom(_), .. })
    }
}

impl Case {
    /// The slots that have to be looked up before an effect is begun. None where it falls under no limit, or has its
    /// slots already.
    pub fn limit_slots(&self, effect: u32, policy: &Policy) -> Vec<ClaimKey> {
        let pending = self.pending.iter().find(|pending| pending.n == effect);
        let Some(pending) = pending.filter(|pending| !pending.admitted && !pending.started) else {
            return Vec::new();
        };
        self.limits(&pending.effect, policy).into_iter().flat_map(|limit| limit.slots).collect()
    }

    fn limits(&self, effect: &Effect, policy: &Policy) -> Vec<Limit> {
        let Effect::Act { kind, to } = effect else { return Vec::new() };
        let (hour, day) = (SignedDuration::from_hours(1), SignedDuration::from_hours(24));
        let limits = &policy.actions.limits;
        let limit = |name: &str, who: &str, most: Option<u32>, lasts, says: &str| {
            let most = most.filter(|_| !policy.actions.dry_run)?;
            let slots = (0..most).map(|slot| ClaimKey::limit(name, who, slot)).collect();
            Some(Limit { says: format!("{most} {says}"), slots, lasts })
        };
        let of_all = |name, most, says| limit(name, "", most, hour, says);
        match kind {
            ActionKind::MailSoc => {
                of_all("mails", limits.mails_per_hour, "mails in an hour").into_iter().collect()
            }
            ActionKind::MailUser => {
                let host = self.identity.as_ref().map(|identity| identity.host_name.as_str());
                let host = host.filter(|name| !name.is_empty());
                let host = host.map_or_else(|| self.target.to_string(), str::to_owned);
                let to_one = |to: &String| {
                    limit("user", to, limits.per_user_a_day, day, "mails to one user in 24 hours")
                };
                let about = limits.per_host_a_day;
                of_all("mails", limits.mails_per_hour, "mails in an hour")
                    .into_iter()
                    .chain(to.iter().filter_map(to_one))
                    .chain(limit("host", &host, about, day, "mails about one machine in 24 hours"))
                    .collect()
            }
            ActionKind::Ticket => {
                of_all("tickets", limits.tickets_per_hour, "tickets in an hour").into_iter().collect()
            }
            ActionKind::Page => {
                of_all("pages", limits.pages_per_hour, "pages in an hour").into_iter().collect()
            }
            ActionKind::Chat => of_all("chats", limits.chats_per_hour, "messages to the chat in an hour")
                .into_iter()
                .collect(),
            ActionKind::Finding | ActionKind::TicketComment | ActionKind::MailApprover => Vec::new(),
            ActionKind::Custom(name) => {
                let most = policy.action(name).map(|action| action.per_hour);
                let says = format!("tries of {kind} in an hour");
                limit("action", name.name(), most, hour, &says).into_iter().collect()
            }
        }
    }

    /// What a person sees of what waits.
    fn waits(&mut self, effect: u32, until: Timestamp, why: &str, now: Timestamp) {
        let detail = format!("waits until {until:.0}: {why}");
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.n == effect) {
            pending.not_before = until;
        }
        let record = self.actions.iter_mut().find(|record| record.effect == Some(effect));
        let Some(record) = record.filter(|record| record.detail != detail) else { return };
        (record.detail, record.at) = (detail.clone(), now);
        let kind = record.kind;
        self.note(now, format!("{kind} {detail}"));
    }

    /// Ends a delivery that was not begun.
    fn skipped(&mut self, effect: u32, why: &str, now: Timestamp) {
        self.pending.retain(|pending| pending.n != effect);
        if let Some(record) = self.actions.iter_mut().find(|record| record.effect == Some(effect)) {
            (record.status, record.detail, record.at) = (ActionStatus::Skipped, why.to_owned(), now);
            let kind = record.kind;
            self.note(now, format!("{kind} skipped: {why}"));
        }
    }
}

impl Step {
    /// Whether an effect may be begun now, and takes the slots that it needs. `held` are the slots that are taken, as far
    /// as somebody looked: one that is taken nevertheless refuses the write.
    pub(super) fn admitted(
        &mut self,
        effect: u32,
        held: &[Claim],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let pending = self.case.pending_mut(effect)?;
        // Begun before and not heard of: whether it went out is not known, and asking again changes nothing.
        if pending.started || policy.actions.dry_run {
            return Ok(true);
        }
        let (admitted, wanted) = (pending.admitted, pending.effect.clone());
        if let (Effect::Act { kind, .. }, Some(hours)) = (&wanted, &policy.actions.hours)
            && hours.hold(*kind, self.case.verdict())
        {
            let next = hours.next(now);
            if next > now {
                self.case.waits(effect, next, "working hours begin then", now);
                return Ok(false);
            }
        }
        if admitted {
            return Ok(true);
        }
        let mut slots = Vec::new();
        let mut full: Option<(Timestamp, String)> = None;
        for limit in self.case.limits(&wanted, policy) {
            let taken = |key: &ClaimKey| held.iter().find(|claim| claim.key == *key && claim.in_force(now));
            match limit.slots.iter().find(|key| taken(key).is_none()) {
                Some(free) => slots.push(Claim {
                    key: free.clone(),
                    case_id: self.case.id.clone(),
                    kind: ClaimKind::Lease,
                    claimed_at: now,
                    expires_at: later(now, limit.lasts),
                }),
                None => {
                    let free_at = limit.slots.iter().filter_map(taken).map(|claim| claim.expires_at);
                    let free_at = free_at.min().unwrap_or(now).max(later(now, SignedDuration::from_secs(1)));
                    let why = format!("the limit of {} is reached", limit.says);
                    full = full.filter(|(other, _)| *other >= free_at).or(Some((free_at, why)));
                }
            }
        }
        let Some((free_at, why)) = full else {
            self.claims.extend(slots.into_iter().map(ClaimOp::Take));
            self.case.pending_mut(effect)?.admitted = true;
            return Ok(true);
        };
        let since = self.case.evidence.as_ref().map_or(now, |evidence| evidence.sealed_at);
        let last = later(since, policy.actions.limits.wait_at_most.signed());
        // A wave of cases must not be cut off where it is isolated: what counts each try waits for its turn.
        if policy.actions.limits.when_reached == WhenReached::Skip && !wanted.counts_each_try() {
            self.case.skipped(effect, &why, now);
        } else if free_at > last {
            let waited = policy.actions.limits.wait_at_most;
            self.case.skipped(
                effect,
                &format!("{why}, and [actions.limits] wait_at_most = {waited} is over"),
                now,
            );
        } else {
            self.case.waits(effect, free_at, &why, now);
        }
        self.close_if_done(now);
        Ok(false)
    }
}
