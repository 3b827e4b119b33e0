//! What follows a case with sealed evidence: the deeper look at a machine that is compromised, and the legal hold on what
//! was sealed. Both are ordered by the policy's word after `compromised`, or by a person's after any verdict, and both
//! are effects of [`State::Acting`] beside the deliveries: what comes of them never undoes what is sealed already.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Case, Effect, Outcome, Pending, Refused, SealedEvidence, State, Step};
use crate::assess::Verdict;
use crate::claim::{Claim, later};
use crate::evidence::ArtifactOutcome;
use crate::order::{DELIVERY, UPLOAD};
use crate::policy::Policy;
use crate::text::one_line;

/// Longest name of who ordered something, in characters.
const MAX_NAME: usize = 80;
/// Longest reason, in characters.
const MAX_REASON: usize = 400;
/// Who it was, where it was nobody.
const BY_POLICY: &str = "the policy";

/// How the deeper look stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForensicStatus {
    /// The machine is to be looked into.
    Ordered,
    /// It was, and what was found is to be sealed.
    Collected,
    /// What was found is sealed.
    Sealed,
    /// It could not be done: see the detail.
    GivenUp,
}

/// The deeper look at a machine: a second collection, sealed next to the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forensics {
    /// How it stands.
    pub status: ForensicStatus,
    /// Who ordered it.
    pub ordered_by: String,
    /// When.
    pub ordered_at: Timestamp,
    /// Tries to reach and read the machine that failed.
    pub failed_tries: u32,
    /// How each artifact went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactOutcome>,
    /// Where the collection lies until it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<String>,
    /// The second container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<SealedEvidence>,
    /// Why it is not done, where it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How a legal hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldStatus {
    /// To be set.
    Setting,
    /// In force: what is sealed is not deleted.
    Held,
    /// To be lifted.
    Releasing,
    /// Lifted.
    Released,
    /// It could not be set or lifted: see the detail.
    Failed,
}

/// A legal hold on everything that is sealed of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    /// How it stands.
    pub status: HoldStatus,
    /// Who set it, or lifted it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When that was ordered.
    pub at: Timestamp,
    /// What was done, or why it could not be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl LegalHold {
    /// Whether the evidence is meant to be kept, whether or not that is done already.
    pub fn is_wanted(&self) -> bool {
        matches!(self.status, HoldStatus::Setting | HoldStatus::Held)
    }
}

/// Why something was not ordered. The case is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOrdered {
    /// Nothing is sealed: there is nothing that could be looked into deeper, or held.
    #[error("case {0} has no sealed evidence yet: see `peerhound case show {0}`")]
    NoEvidence(String),
    /// It is under way.
    #[error("case {0} has this under way already: see `peerhound case show {0}`")]
    UnderWay(String),
    /// There is a second container.
    #[error("case {0} has its second container: see `peerhound case show {0}`")]
    Done(String),
    /// It is held.
    #[error("the evidence of case {0} is under legal hold already")]
    Held(String),
    /// It is not held.
    #[error("the evidence of case {0} is under no legal hold")]
    NotHeld(String),
    /// The reason is empty.
    #[error("say why, in a few words: the reason goes into the case's history")]
    NoReason,
}

impl Case {
    /// Puts what follows a verdict into the outbox, behind the deliveries: whoever has to know is told first.
    pub(super) fn plan_follow_up(&mut self, policy: &Policy, now: Timestamp) {
        if self.verdict() != Some(Verdict::Compromised) {
            return;
        }
        if policy.forensics.legal_hold {
            self.want_hold(true, BY_POLICY, "the machine is compromised", now);
        }
        if policy.forensics.enabled {
            self.want_forensics(BY_POLICY, now);
        }
    }

    /// The step by which a person orders the deeper look. Whoever writes it holds the case, or the case is closed.
    ///
    /// # Errors
    /// Where there is nothing to follow up, or it is followed up already.
    pub fn forensics_ordered(&self, by: &str, now: Timestamp) -> Result<Step, NotOrdered> {
        let mut step = self.reopened(now)?;
        match self.forensics.as_ref().map(|forensics| forensics.status) {
            Some(ForensicStatus::Ordered | ForensicStatus::Collected) => {
                return Err(NotOrdered::UnderWay(self.id.clone()));
            }
            Some(ForensicStatus::Sealed) => return Err(NotOrdered::Done(self.id.clone())),
            Some(ForensicStatus::GivenUp) | None => {}
        }
        step.case.want_forensics(&one_line(by, MAX_NAME), now);
        Ok(step)
    }

    /// The step by which a person orders a legal hold, or its end. Whoever writes it holds the case, or the case is
    /// closed.
    ///
    /// # Errors
    /// Where nothing is sealed, no reason is given, or it is so already.
    pub fn hold_ordered(&self, on: bool, by: &str, reason: &str, now: Timestamp) -> Result<Step, NotOrdered> {
        let mut step = self.reopened(now)?;
        if reason.trim().is_empty() {
            return Err(NotOrdered::NoReason);
        }
        match (self.hold.as_ref().map(|hold| hold.status), on) {
            (Some(HoldStatus::Setting | HoldStatus::Releasing), _) => {
                return Err(NotOrdered::UnderWay(self.id.clone()));
            }
            (Some(HoldStatus::Held), true) => return Err(NotOrdered::Held(self.id.clone())),
            (None | Some(HoldStatus::Released), false) => return Err(NotOrdered::NotHeld(self.id.clone())),
            _ => {}
        }
        step.case.want_hold(on, &one_line(by, MAX_NAME), &one_line(reason.trim(), MAX_REASON), now);
        Ok(step)
    }

    /// A case that is closed with evidence, or acting upon it, ready for one more effect.
    fn reopened(&self, now: Timestamp) -> Result<Step, NotOrdered> {
        let fits = match &self.state {
            State::Acting => true,
            State::Closed { outcome } => matches!(outcome, Outcome::Investigated { .. }),
            _ => false,
        };
        if !fits || self.evidence.is_none() {
            return Err(NotOrdered::NoEvidence(self.id.clone()));
        }
        let mut step = self.next_step(now);
        step.case.state = State::Acting;
        Ok(step)
    }

    fn want_forensics(&mut self, by: &str, now: Timestamp) {
        self.note(now, format!("a deeper look at the machine was ordered by {by}"));
        self.forensics = Some(Forensics {
            status: ForensicStatus::Ordered,
            ordered_by: by.to_owned(),
            ordered_at: now,
            failed_tries: 0,
            artifacts: Vec::new(),
            staged: None,
            evidence: None,
            detail: String::new(),
        });
        self.push(Effect::Forensics, now);
    }

    fn want_hold(&mut self, on: bool, by: &str, reason: &str, now: Timestamp) {
        let what = if on { "legal hold" } else { "the end of the legal hold" };
        self.note(now, format!("{what} was ordered by {by}: {reason}"));
        self.hold = Some(LegalHold {
            status: if on { HoldStatus::Setting } else { HoldStatus::Releasing },
            by: by.to_owned(),
            reason: reason.to_owned(),
            at: now,
            detail: String::new(),
        });
        self.push(Effect::Hold { on }, now);
    }

    /// Puts what follows behind mails that were planned after it: whoever has to know is told first.
    pub(super) fn follow_up_goes_last(&mut self) {
        self.pending.sort_by_key(|pending| pending.effect.is_follow_up());
    }

    /// The number of the pending effect of this kind.
    fn pending_follow_up(&self, effect: &Effect, event: &'static str) -> Result<u32, Refused> {
        let found = self.pending.iter().find(|pending| pending.effect == *effect).map(|pending| pending.n);
        found.ok_or_else(|| Refused::Unexpected {
            case_id: self.id.clone(),
            state: self.state.as_str(),
            event,
        })
    }

    fn settle_pending(&mut self, effect: u32) {
        self.pending.retain(|pending| pending.n != effect);
    }

    /// How long the claims must last when the machine is contacted once more: they may be cooldowns that run out, or
    /// have run out, and the machine is not to be another case's meanwhile.
    pub(super) fn claims_for_forensics(&mut self, policy: &Policy, now: Timestamp) -> Vec<Claim> {
        let work = policy.forensics.timeout.signed() + DELIVERY + UPLOAD;
        let until = later(now, work.max(policy.cooldown.lease.signed()));
        for claim in &mut self.claims {
            *claim = claim.at_least_until(until);
        }
        self.claims.clone()
    }
}

impl Step {
    /// The second collection is whole.
    pub(super) fn looked_deeper(
        &mut self,
        outcomes: Vec<ArtifactOutcome>,
        staged: Option<String>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let effect = self.case.pending_follow_up(&Effect::Forensics, "collected")?;
        self.case.settle_pending(effect);
        if let Some(forensics) = &mut self.case.forensics {
            forensics.status = ForensicStatus::Collected;
            forensics.artifacts = outcomes;
            forensics.staged = staged;
        }
        self.case.push(Effect::SealForensics, now);
        Ok(())
    }

    /// The second container is in its place. Where the case is held, it is held as well.
    pub(super) fn sealed_deeper(&mut self, evidence: SealedEvidence, now: Timestamp) -> Result<(), Refused> {
        let effect = self.case.pending_follow_up(&Effect::SealForensics, "sealed")?;
        self.case.settle_pending(effect);
        self.case.note(now, format!("second container sealed, sha256 {}", evidence.sha256));
        if let Some(forensics) = &mut self.case.forensics {
            forensics.status = ForensicStatus::Sealed;
            forensics.staged = None;
            forensics.detail.clear();
            forensics.evidence = Some(evidence);
        }
        if let Some(hold) = &mut self.case.hold
            && hold.status == HoldStatus::Held
        {
            hold.status = HoldStatus::Setting;
            self.case.push(Effect::Hold { on: true }, now);
        }
        self.close_if_done(now);
        Ok(())
    }

    /// The machine was not reached or read this time. What is sealed stays sealed, and the cooldowns stay in force.
    pub(super) fn not_looked_deeper(
        &mut self,
        (code, reason, retryable): (String, String, bool),
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let effect = self.case.pending_follow_up(&Effect::Forensics, "contact_failed")?;
        let Some(forensics) = &mut self.case.forensics else { return Ok(()) };
        forensics.failed_tries += 1;
        let wait = policy.collection.wait(forensics.failed_tries).filter(|_| retryable);
        let end = later(forensics.ordered_at, policy.forensics.retry_for.signed());
        let next = wait.map(|wait| later(now, wait.signed())).filter(|next| *next <= end);
        let Some(next) = next else {
            self.give_up(effect, &code, &reason, now);
            return Ok(());
        };
        forensics.detail = one_line(&reason, MAX_REASON);
        self.case.note(now, format!("not looked into deeper, next try {next:.0}: {reason}"));
        // Another effect, so that nothing of this try can be taken for the next one's.
        self.case.settle_pending(effect);
        self.case.push(Effect::Forensics, next);
        Ok(())
    }

    /// A claim that the deeper look wanted went to another case. An order for the machine may have wanted it instead:
    /// then no look is due, and none is put off.
    pub(super) fn look_in_the_way(
        &mut self,
        held: &Claim,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let wanted = self.case.claims.iter().any(|claim| claim.key == held.key);
        let is_due = |pending: &Pending| pending.effect == Effect::Forensics && pending.not_before <= now;
        if !wanted || !self.case.pending.iter().any(is_due) {
            return Ok(());
        }
        let reason = format!("{} is case {}'s until {:.0}", held.key, held.case_id, held.expires_at);
        self.not_looked_deeper(("claim_held".to_owned(), reason, true), policy, now)
    }

    /// The staged collection is not there any more.
    pub(super) fn deeper_gone(&mut self, reason: &str, now: Timestamp) -> Result<(), Refused> {
        let effect = self.case.pending_follow_up(&Effect::SealForensics, "evidence_gone")?;
        self.give_up(effect, "evidence_gone", reason, now);
        Ok(())
    }

    /// The hold is set, or lifted.
    pub(super) fn held(&mut self, effect: u32, detail: &str, now: Timestamp) -> Result<(), Refused> {
        let on = match self.case.pending_mut(effect)?.effect {
            Effect::Hold { on } => on,
            _ => return Err(Refused::NoSuchEffect { case_id: self.case.id.clone(), effect }),
        };
        self.case.settle_pending(effect);
        let detail = one_line(detail, MAX_REASON);
        let what = if on { "legal hold set" } else { "legal hold lifted" };
        self.case.note(now, format!("{what}: {detail}"));
        if let Some(hold) = &mut self.case.hold {
            hold.status = if on { HoldStatus::Held } else { HoldStatus::Released };
            hold.detail = detail;
        }
        self.close_if_done(now);
        Ok(())
    }

    /// Gives up an effect that cannot be performed: the whole case, or what followed it.
    pub(super) fn give_up(&mut self, effect: u32, code: &str, reason: &str, now: Timestamp) {
        let what = self.case.pending.iter().find(|pending| pending.n == effect);
        match what.map(|pending| &pending.effect) {
            Some(Effect::Forensics | Effect::SealForensics) => {
                self.case.note(now, format!("the deeper look was given up ({code}): {reason}"));
                if let Some(forensics) = &mut self.case.forensics {
                    forensics.status = ForensicStatus::GivenUp;
                    forensics.detail = one_line(reason, MAX_REASON);
                    forensics.staged = None;
                }
            }
            Some(Effect::Hold { on }) => {
                let on = *on;
                let what = if on { "set" } else { "lifted" };
                self.case.note(now, format!("the legal hold could not be {what}: {reason}"));
                if let Some(hold) = &mut self.case.hold {
                    hold.status = HoldStatus::Failed;
                    hold.detail = one_line(reason, MAX_REASON);
                }
            }
            _ => return self.fail(code.to_owned(), reason.to_owned(), true, now),
        }
        self.case.settle_pending(effect);
        self.close_if_done(now);
    }
}

impl Effect {
    /// Whether it belongs to what follows a case.
    pub(super) fn is_follow_up(&self) -> bool {
        matches!(self, Self::Forensics | Self::SealForensics | Self::Hold { .. })
    }
}

/// The longest time that is borne for what follows a case, where its own side fails.
pub(super) fn borne(effect: &Effect, policy: &Policy) -> SignedDuration {
    match effect {
        effect if effect.is_follow_up() => policy.forensics.retry_for.signed(),
        _ => policy.collection.retry_for.signed(),
    }
}
