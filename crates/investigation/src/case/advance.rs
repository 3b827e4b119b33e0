//! The one function that decides what a case does next.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Case, Disposition, Effect, Event, Outcome, Refused, State, Step};
use crate::claim::{Claim, ClaimKey, ClaimOp, later};
use crate::evidence::Identity;
use crate::policy::Policy;

/// Users of one machine that are claimed. A machine with more of them is a server that many share, and belongs on the
/// list of exempt ones; every store can write so many claims at once.
const MAX_USERS: usize = 40;

impl Case {
    /// Decides what `event` means for this case. Time is an argument, and nothing outside is read.
    pub fn advance(&self, event: Event, policy: &Policy, now: Timestamp) -> Result<Step, Refused> {
        let mut step = self.decided(event, policy, now)?;
        step.tell_news(self, policy, now);
        Ok(step)
    }

    /// What the event means for the case itself.
    fn decided(&self, event: Event, policy: &Policy, now: Timestamp) -> Result<Step, Refused> {
        let mut step = self.next_step(now);
        let name = event.name();
        match (&self.state, event) {
            (State::Closed { outcome: Outcome::Investigated { .. } }, Event::Repeated { count }) => {
                step.case.tell_repeats(count, policy, now);
            }
            (State::Closed { .. }, event) if !self.expects_of_remediation(&event) => {
                return Err(Refused::Closed { case_id: self.id.clone(), event: name });
            }
            (_, Event::Began { effect }) => step.begin(effect, &[], policy, now)?,
            (_, Event::SlotsRead { effect, held }) => step.begin(effect, &held, policy, now)?,
            (_, Event::Dispatched { effect, until, to }) => {
                let pending = step.case.pending_mut(effect)?;
                pending.not_before = until;
                pending.handed_to = Some(to);
            }
            (_, Event::Reported { effect, attempt, event }) => {
                let pending = step.case.pending_mut(effect)?;
                let tried = pending.attempts;
                let event = match (*event, pending.effect.changes_endpoint()) {
                    // A relay does not know what its contact was for.
                    (Event::ContactFailed { code, reason, retryable }, true) => {
                        Event::NotRemediated { effect, code, reason, retryable }
                    }
                    (event, _) => event,
                };
                // What was found is found, whichever try found it. A failure of an earlier try says nothing about
                // the one that is under way.
                if attempt != tried && !event.is_success() {
                    return Err(Refused::NoSuchEffect { case_id: self.id.clone(), effect });
                }
                return self.decided(event, policy, now);
            }
            (_, Event::Approved { decision, held }) => step.approve(&decision, &held, policy, now)?,
            (_, Event::Rejected { decision }) => step.reject(&decision, policy, now)?,
            (_, Event::UndoAsked { decision }) => step.undo(&decision, policy, now)?,
            (_, Event::Remediated { effect, outcomes }) => step.changed(effect, outcomes, now)?,
            (_, Event::NotRemediated { effect, code, reason, retryable }) => {
                step.not_changed(effect, &code, &reason, retryable, policy, now)?;
            }
            (_, Event::NotSealed { effect, approvals }) => {
                step.not_sealed(effect, &approvals, policy, now)?;
            }
            (_, Event::ClaimLost { held }) if step.is_sealed() => {
                step.machine_taken(&held, now);
                step.look_in_the_way(&held, policy, now)?;
            }
            (_, Event::ClaimLost { held }) => {
                let lost =
                    step.case.claims.iter().any(|claim| claim.key == held.key).then(|| held.key.clone());
                step.suppress(held, now);
                let confirm = std::mem::take(&mut step.claims);
                step.release_all();
                step.claims.extend(confirm);
                // What was suppressed because of the claim that is lost has to be held against its new owner.
                step.requeue.extend(lost.filter(ClaimKey::is_user));
            }
            (_, Event::EffectFailed { effect, reason }) => {
                step.retry_own_failure(effect, &reason, policy, now)?
            }
            (State::Identifying | State::Collecting, Event::ContactFailed { code, reason, retryable }) => {
                step.contact_failed(code, reason, retryable, policy, now);
            }
            (State::Waiting { tried_at, .. }, Event::Nudged { now: at_once }) => {
                let pause = policy.collection.wait(1).map_or(SignedDuration::ZERO, |wait| wait.signed());
                if at_once || now >= later(*tried_at, pause) {
                    step.make_due(now);
                }
            }
            (State::Identifying, Event::Identified { identity }) => step.identified(identity, policy, now),
            (State::ClaimingUsers, Event::UserClaims { held }) => step.claim_users(held, policy, now),
            (State::Collecting, Event::Collected { outcomes, staged }) => {
                step.case.artifacts = outcomes;
                step.case.staged = staged;
                step.to(State::Assessing, Effect::Assess, now);
            }
            (State::Assessing, Event::Assessed { assessment, proposal }) => {
                step.keep_proposal(proposal.map(|proposal| *proposal), policy, now);
                step.case.note(now, format!("verdict {}", assessment.verdict.as_str()));
                step.case.assessment = Some(*assessment);
                step.to(State::Sealing, Effect::Seal, now);
            }
            (State::Assessing | State::Sealing, Event::EvidenceGone { reason }) => {
                step.fail("evidence_gone".to_owned(), reason, true, now);
            }
            (State::Sealing, Event::Sealed { evidence }) => {
                step.case.note(now, format!("evidence sealed, sha256 {}", evidence.sha256));
                step.case.evidence = Some(evidence);
                step.cool_down(policy);
                step.case.pending.clear();
                step.case.state = State::Acting;
                step.case.plan_actions(policy, now);
                step.offer(policy, now);
                step.case.plan_follow_up(policy, now);
                step.close_if_done(now);
            }
            (State::Acting, Event::LookedUp { people, faults, again }) => {
                step.case.looked_up(people, faults, again, policy, now);
                step.case.follow_up_goes_last();
                step.close_if_done(now);
            }
            (State::Acting, Event::Collected { outcomes, staged }) => {
                step.looked_deeper(outcomes, staged, now)?;
            }
            (State::Acting, Event::Sealed { evidence }) => step.sealed_deeper(evidence, now)?,
            (State::Acting, Event::ContactFailed { code, reason, retryable }) => {
                step.not_looked_deeper((code, reason, retryable), policy, now)?;
            }
            (State::Acting, Event::EvidenceGone { reason }) => step.deeper_gone(&reason, now)?,
            (State::Acting, Event::Held { effect, detail }) => step.held(effect, &detail, now)?,
            (State::Acting, Event::Delivered { effect, delivery }) => {
                step.case.delivered(effect, delivery, policy, now)?;
                step.close_if_done(now);
            }
            (state, _) => {
                return Err(Refused::Unexpected {
                    case_id: self.id.clone(),
                    state: state.as_str(),
                    event: name,
                });
            }
        }
        Ok(step)
    }
}

impl Step {
    /// Waits for a machine that may answer later, as the policy says, and frees everything meanwhile: a machine that
    /// nobody could look at is not silenced.
    fn contact_failed(
        &mut self,
        code: String,
        reason: String,
        retryable: bool,
        policy: &Policy,
        now: Timestamp,
    ) {
        self.case.failed_tries += 1;
        let wait = policy.collection.wait(self.case.failed_tries).filter(|_| retryable);
        let end = later(self.case.opened_at, policy.collection.retry_for.signed());
        let next = wait.map(|wait| later(now, wait.signed())).filter(|next| *next <= end);
        let Some(next) = next else { return self.fail(code, reason, retryable, now) };
        self.case.note(now, format!("not reached, next try {next:.0}: {reason}"));
        self.release_all();
        self.case.identity = None;
        self.case.state = State::Waiting { code, reason, tried_at: now };
        self.case.pending.clear();
        self.case.push(Effect::Identify, next);
    }

    fn make_due(&mut self, now: Timestamp) {
        for pending in &mut self.case.pending {
            pending.not_before = pending.not_before.min(now);
        }
    }

    fn identified(&mut self, identity: Identity, policy: &Policy, now: Timestamp) {
        let suspects = suspects(&self.case, &identity, policy);
        let exempt: Vec<_> = suspects.iter().map(|key| policy.user_exemption(key)).collect();
        let who = if suspects.is_empty() { "nobody logged in".to_owned() } else { list(&suspects) };
        let host = crate::text::one_line(&identity.host_name, 80);
        self.case.note(now, format!("endpoint is {host}; {who}"));
        self.case.identity = Some(identity);
        if let Some(Some(first)) = exempt.first()
            && exempt.iter().all(Option::is_some)
        {
            let (what, reason) = (list(&suspects), first.reason.clone());
            self.release_all();
            self.alert = Some(Disposition::Exempt { what, reason: reason.clone() });
            self.close(Outcome::Exempt { reason }, now);
            return;
        }
        let keys: Vec<ClaimKey> = suspects
            .into_iter()
            .zip(exempt)
            .filter(|(_, exempt)| exempt.is_none())
            .map(|(key, _)| key)
            .take(MAX_USERS)
            .collect();
        if keys.is_empty() {
            self.to(State::Collecting, Effect::Collect, now);
        } else {
            self.to(State::ClaimingUsers, Effect::ReadUserClaims { keys }, now);
        }
    }

    /// Takes the claims of the users that are free. If none is, the case ends here: every suspect was already
    /// looked at. The lease on the address is then left to run out, so that repeats of the alert do not each
    /// contact the machine again.
    fn claim_users(&mut self, held: Vec<Claim>, policy: &Policy, now: Timestamp) {
        let wanted: Vec<ClaimKey> = match self.case.pending.first().map(|pending| &pending.effect) {
            Some(Effect::ReadUserClaims { keys }) => keys.clone(),
            _ => Vec::new(),
        };
        let in_the_way = |key: &&ClaimKey| {
            held.iter().any(|claim| &claim.key == *key && !Claim::admits(Some(claim), &self.case.id, now))
        };
        let free: Vec<ClaimKey> = wanted.iter().filter(|key| !in_the_way(key)).cloned().collect();
        if free.is_empty()
            && let Some(by) = held.into_iter().find(|claim| wanted.contains(&claim.key))
        {
            self.suppress(by, now);
            return;
        }
        for key in free {
            let claim = Claim::lease(key, &self.case.id, now, policy.cooldown.lease.signed());
            self.case.note(now, format!("{} claimed", claim.key));
            self.claims.push(ClaimOp::Take(claim.clone()));
            self.case.claims.push(claim);
        }
        self.to(State::Collecting, Effect::Collect, now);
    }

    fn suppress(&mut self, by: Claim, now: Timestamp) {
        self.case
            .note(now, format!("suppressed: {} belongs to {} until {}", by.key, by.case_id, by.expires_at));
        self.alert = Some(Disposition::Suppressed {
            key: by.key.clone(),
            case_id: by.case_id.clone(),
            until: by.expires_at,
        });
        self.case.claims.retain(|claim| claim.key != by.key);
        // If that case gives the claim up in this very moment, nobody looks: then this is not written.
        self.claims.push(ClaimOp::Confirm(by.clone()));
        self.close(Outcome::Suppressed { by }, now);
    }

    pub(super) fn fail(&mut self, code: String, reason: String, retryable: bool, now: Timestamp) {
        self.case.note(now, format!("failed: {reason}"));
        // Nothing may be changed without sealed evidence.
        self.case.remediation = None;
        self.release_all();
        self.close(Outcome::Failed { code, reason, retryable }, now);
    }

    /// Leases become cooldowns, counted from when they were taken.
    fn cool_down(&mut self, policy: &Policy) {
        for claim in &mut self.case.claims {
            *claim = claim.cooldown(policy.cooldown.window.signed());
            self.claims.push(ClaimOp::Take(claim.clone()));
        }
    }

    /// Gives every claim up without evidence.
    fn release_all(&mut self) {
        let keys: Vec<ClaimKey> = self.case.claims.drain(..).map(|claim| claim.key).collect();
        self.requeue = keys.iter().filter(|key| key.is_user()).cloned().collect();
        self.claims = keys.into_iter().map(ClaimOp::Release).collect();
    }

    fn to(&mut self, state: State, effect: Effect, now: Timestamp) {
        self.case.state = state;
        self.case.pending.clear();
        self.case.push(effect, now);
    }

    fn close(&mut self, outcome: Outcome, now: Timestamp) {
        self.case.pending.clear();
        self.case.state = State::Closed { outcome };
        self.case.updated_at = now;
    }

    pub(super) fn close_if_done(&mut self, now: Timestamp) {
        // Nobody waits for the people who think about the remediation.
        if self.case.pending.iter().all(|pending| pending.effect.is_remediation())
            && !self.case.is_closed()
            && let Some(verdict) = self.case.verdict()
        {
            self.case.note(now, "closed");
            self.case.state = State::Closed { outcome: Outcome::Investigated { verdict } };
        }
    }
}

impl Case {
    /// Takes the address again, for a case that waited without any claim.
    pub(super) fn claim_again(&mut self, policy: &Policy, now: Timestamp) {
        if !self.is_waiting() {
            return;
        }
        let claim = Claim::lease(ClaimKey::ip(self.target), &self.id, now, policy.cooldown.lease.signed());
        self.note(now, format!("trying again; {} claimed", claim.key));
        self.claims.push(claim);
        self.state = State::Identifying;
    }
}

/// The users under suspicion: the one that the alert names if that user is logged in, else everyone who is.
fn suspects(case: &Case, identity: &Identity, policy: &Policy) -> Vec<ClaimKey> {
    let logged_in: BTreeSet<ClaimKey> = identity
        .users
        .iter()
        .filter_map(|user| policy.user_key(user.domain.as_deref(), &user.name))
        .collect();
    let named = case.alert.user_name.as_deref().and_then(|name| {
        let key = policy.user_key(case.alert.user_domain.as_deref(), name)?;
        logged_in.contains(&key).then_some(key)
    });
    named.map_or_else(|| logged_in.into_iter().collect(), |key| vec![key])
}

fn list(keys: &[ClaimKey]) -> String {
    keys.iter().map(|key| crate::text::one_line(key.as_str(), 80)).collect::<Vec<_>>().join(", ")
}
