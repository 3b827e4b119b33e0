//! Orders that change an endpoint, from their beginning to what was heard of them.

use jiff::{SignedDuration, Timestamp};

use super::super::{Case, Effect, Pending, Refused, Step};
use super::decide::enough;
use super::list;
use crate::claim::{Claim, ClaimKey, ClaimOp, later};
use crate::order::Task;
use crate::policy::Policy;
use crate::remediation::{
    Measure, MeasureOrder, MeasureOutcome, MeasureStatus, Proposed, Stage, Undo, UndoOrder,
};
use crate::text::one_line;

/// An order waits so long where another case has the machine.
pub(super) const TAKEN: SignedDuration = SignedDuration::from_mins(10);
/// How often an order may be begun without being heard of.
const MAX_UNHEARD: u32 = 8;
/// Begun this often without being heard of, it is not begun again at once.
const PATIENT_FROM: u32 = 3;
/// What ends a contact before anything is touched on the machine. After every other word it may have been.
const UNTOUCHED: [&str; 25] = [
    "account_rests",
    "authentication_failed",
    "busy",
    "certificate_refused",
    "host_key_changed",
    "host_key_unknown",
    "kerberos_failed",
    "known_hosts",
    "logon_refused",
    "no_transport",
    "not_carried_out",
    "not_sealed",
    "order_refused",
    "other_host",
    "out_of_scope",
    "relay_not_listed",
    "relay_offline",
    "relay_unknown",
    "remediation_not_allowed",
    "scope",
    "smb_file",
    "unexpected_host",
    "unreachable",
    "winrm_file",
    "wrong_machine",
];
/// What is added where an order ends and one of its tries was not heard to its end.
pub(super) const LOOK: &str = "an earlier try may have been carried out: look at the machine";
/// Characters of an outcome's line that are kept.
const DETAIL: usize = 400;
/// Characters of what is kept to put something back with. Twenty of them still fit into a case.
const MAX_CONTENT: usize = 16 << 10;

impl Effect {
    /// The moment from which an order may not go out any more.
    fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Remediate { until, .. } | Self::Undo { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl Case {
    /// The task behind an effect that changes the endpoint.
    pub(in super::super) fn change(&self, effect: &Effect) -> Option<Task> {
        let remediation = self.remediation.as_ref()?;
        let host_name = remediation.host_name.clone();
        let found = effect.measures().iter().filter_map(|n| remediation.measure(*n));
        match effect {
            Effect::Remediate { .. } => Some(Task::Remediate {
                host_name,
                measures: found
                    .map(|proposed| MeasureOrder { n: proposed.n, measure: proposed.measure.clone() })
                    .collect(),
            }),
            Effect::Undo { .. } => {
                let undo = |proposed: &Proposed| {
                    let undo = proposed.outcome.as_ref()?.undo.clone()?;
                    Some(UndoOrder { n: proposed.n, undo })
                };
                Some(Task::Undo { host_name, measures: found.filter_map(undo).collect() })
            }
            _ => None,
        }
    }
}

impl Step {
    /// Begins an order, if it may still go out: its approvals count, the policy has not changed its mind, and no other
    /// case has the machine.
    pub(in super::super) fn begin_change(
        &mut self,
        effect: u32,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?;
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        pending.unheard += u32::from(pending.started);
        pending.may_have_arrived |= pending.started;
        let (unheard, tried) = (pending.unheard, pending.attempts);
        if pending.effect.until().is_none_or(|until| now >= until) {
            let why = match (unheard, tried) {
                (0, 0) => "its approval ran out before it could be ordered".to_owned(),
                (0, _) => format!("its approval ran out after {tried} tries"),
                _ => "nothing was heard of it in its approval's life: look at the machine".to_owned(),
            };
            let stage = if unheard == 0 { Stage::Expired } else { Stage::Failed };
            return self.end_change(effect, stage, &why, now);
        }
        if unheard >= MAX_UNHEARD {
            let why =
                format!("it was begun {unheard} times and never finished: look at the log and the machine");
            return self.end_change(effect, Stage::Failed, &why, now);
        }
        let numbers = pending.effect.measures().to_vec();
        if let Some(why) = self.withdrawn(&numbers, undoes, policy, now) {
            return self.end_change(effect, Stage::Refused, &why, now);
        }
        let pending = self.case.pending_mut(effect)?;
        if pending.started && pending.handed_to.is_none() && unheard >= PATIENT_FROM {
            pending.started = false;
            let pause = 1_i64 << (2 * (unheard - PATIENT_FROM + 1)).min(12);
            pending.not_before = later(now, SignedDuration::from_secs(pause));
            return Ok(());
        }
        pending.started = true;
        pending.handed_to = None;
        pending.attempts += 1;
        self.claim_machine(policy, now);
        Ok(())
    }

    /// Why an order is not given that people ordered, by the policy of whoever would give it.
    fn withdrawn(&self, numbers: &[u32], undoes: bool, policy: &Policy, now: Timestamp) -> Option<String> {
        let remediation = self.case.remediation.as_ref()?;
        if let Some(n) = numbers.iter().find(|n| !enough(remediation, **n, undoes, policy, now)) {
            return Some(format!(
                "the approvals of measure {n} are not enough by the policy in force where it is ordered"
            ));
        }
        // To take something back restores it: that is wanted all the more.
        if undoes {
            return None;
        }
        if let Some(reason) = self.case.never_changed(policy) {
            return Some(format!("this machine is never changed: {reason}"));
        }
        let allowed =
            self.case.verdict().map(|verdict| policy.remediation.after(verdict)).unwrap_or_default();
        let unwanted = |n: &&u32| {
            remediation.measure(**n).is_none_or(|proposed| !allowed.contains(&proposed.measure.kind()))
        };
        match numbers.iter().find(unwanted) {
            Some(n) => Some(format!("the policy does not want measure {n} after this verdict any more")),
            None => policy.remediation.dry_run.then(|| "the policy says dry_run now".to_owned()),
        }
    }

    /// Holds the address for the contact. The cooldown does that where it lasts long enough; otherwise a lease is taken,
    /// and runs out by itself.
    fn claim_machine(&mut self, policy: &Policy, now: Timestamp) {
        let key = ClaimKey::ip(self.case.target);
        let lease = Claim::lease(key.clone(), &self.case.id, now, policy.cooldown.lease.signed());
        let claim = match self.case.claims.iter().find(|own| own.key == key) {
            Some(own) if own.expires_at >= lease.expires_at => own.clone(),
            _ => lease,
        };
        self.case.claims.retain(|own| own.key != key);
        self.case.claims.insert(0, claim.clone());
        self.claims.push(ClaimOp::Take(claim));
    }

    /// Takes in what an order came to. Only what was ordered counts, and each number once.
    pub(in super::super) fn changed(
        &mut self,
        effect: u32,
        outcomes: Vec<MeasureOutcome>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?.clone();
        let Some(remediation) = &mut self.case.remediation else { return Ok(()) };
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        let may_be_done = pending.may_have_arrived && !undoes;
        let mut notes = Vec::new();
        let mut lifted = false;
        for n in pending.effect.measures() {
            let Some(proposed) = remediation.measure_mut(*n) else { continue };
            let outcome = outcomes.iter().find(|outcome| outcome.n == *n);
            let outcome = outcome.map(|outcome| kept(outcome, &proposed.measure));
            let word = match (outcome, undoes) {
                (Some(outcome), false) if may_be_done && outcome.status == MeasureStatus::Refused => {
                    carried_out(proposed, outcome);
                    // That was this try. On the machine that it may have met before, it may be done.
                    proposed.stage = Stage::Failed;
                    proposed.detail = one_line(&format!("{}; {LOOK}", proposed.detail), DETAIL);
                    "failed"
                }
                (Some(outcome), false) => carried_out(proposed, outcome),
                (Some(outcome), true) => taken_back(proposed, outcome),
                (None, false) => {
                    proposed.stage = Stage::Failed;
                    "the collector said nothing of it: look at the machine".clone_into(&mut proposed.detail);
                    "failed"
                }
                (None, true) => {
                    proposed.stage = Stage::Done;
                    "the collector said nothing of taking it back".clone_into(&mut proposed.detail);
                    "still done"
                }
            };
            let isolates = matches!(proposed.measure, Measure::Isolate { .. });
            lifted |= isolates && proposed.stage != Stage::Done && !may_be_done;
            notes.push(format!("measure {n} ({}) {word}: {}", proposed.measure.as_str(), proposed.detail));
        }
        if lifted {
            self.claims.push(ClaimOp::Release(ClaimKey::isolation(&remediation.host_name)));
        }
        self.case.pending.retain(|pending| pending.n != effect);
        for note in notes {
            self.case.note(now, note);
        }
        Ok(())
    }

    /// An order did not reach the machine, or not its end. It is given again while its approvals count.
    pub(in super::super) fn not_changed(
        &mut self,
        effect: u32,
        code: &str,
        reason: &str,
        retryable: bool,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?;
        pending.may_have_arrived |= !UNTOUCHED.contains(&code);
        let wait = policy.collection.wait(pending.attempts).map(|wait| later(now, wait.signed()));
        let next = wait.filter(|_| retryable);
        let reason = one_line(&format!("{code}: {reason}"), DETAIL);
        match next.filter(|next| pending.effect.until().is_some_and(|until| *next < until)) {
            Some(next) => {
                put_off(pending, next);
                let numbers = list(pending.effect.measures());
                self.case.note(now, format!("measures {numbers} not done, next try {next:.0}: {reason}"));
                Ok(())
            }
            None => self.end_change(effect, Stage::Failed, &reason, now),
        }
    }

    /// A failure on our own side.
    pub(in super::super) fn retry_change(
        &mut self,
        effect: u32,
        reason: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let longest = SignedDuration::from_hours(1).min(policy.cooldown.lease.signed() / 2);
        let pending = self.case.pending_mut(effect)?;
        pending.may_have_arrived = true;
        let next = later(now, SignedDuration::from_secs(2 << pending.attempts.min(12)).min(longest));
        let reason = one_line(reason, DETAIL);
        if pending.effect.until().is_none_or(|until| next >= until) {
            return self.end_change(effect, Stage::Failed, &reason, now);
        }
        put_off(pending, next);
        let doing = pending.effect.as_str().to_owned();
        self.case.note(now, format!("{doing} failed, next try {next:.0}: {reason}"));
        Ok(())
    }

    /// Ends an order of which nothing more comes. What was to be taken back stays done, and can be asked for again.
    pub(super) fn end_change(
        &mut self,
        effect: u32,
        stage: Stage,
        why: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?.clone();
        self.case.pending.retain(|pending| pending.n != effect);
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        // Whoever reads that nobody was there, or that it was not wanted, takes the machine for untouched.
        let (stage, why) = match stage {
            Stage::Expired | Stage::Refused if pending.may_have_arrived && !undoes => {
                (Stage::Failed, format!("{why}; {LOOK}"))
            }
            stage => (stage, why.to_owned()),
        };
        let why = one_line(&why, DETAIL);
        let mut isolates = false;
        if let Some(remediation) = &mut self.case.remediation {
            for n in pending.effect.measures() {
                let Some(proposed) = remediation.measure_mut(*n) else { continue };
                proposed.stage = if undoes { Stage::Done } else { stage };
                proposed.detail.clone_from(&why);
                isolates |= matches!(proposed.measure, Measure::Isolate { .. });
            }
            // Where it is not known whether the host was cut off, the claim runs out with the isolation.
            if isolates && !undoes && stage != Stage::Failed {
                self.claims.push(ClaimOp::Release(ClaimKey::isolation(&remediation.host_name)));
            }
        }
        let (doing, numbers) = (pending.effect.as_str(), list(pending.effect.measures()));
        self.case.note(now, format!("{doing} of measures {numbers} ended: {why}"));
        Ok(())
    }
}

/// Not before `next`, and nobody has it.
pub(super) fn put_off(pending: &mut Pending, next: Timestamp) {
    pending.started = false;
    pending.handed_to = None;
    pending.unheard = 0;
    pending.not_before = next;
}

fn carried_out(proposed: &mut Proposed, outcome: MeasureOutcome) -> &'static str {
    proposed.stage = match outcome.status {
        MeasureStatus::Done | MeasureStatus::Already => Stage::Done,
        MeasureStatus::Gone => Stage::Gone,
        MeasureStatus::Refused => Stage::Refused,
        MeasureStatus::Failed => Stage::Failed,
    };
    proposed.detail.clone_from(&outcome.detail);
    proposed.outcome = Some(outcome);
    proposed.stage.as_str()
}

fn taken_back(proposed: &mut Proposed, outcome: MeasureOutcome) -> &'static str {
    let undone = matches!(outcome.status, MeasureStatus::Done | MeasureStatus::Already | MeasureStatus::Gone);
    proposed.stage = if undone { Stage::Undone } else { Stage::Done };
    proposed.detail.clone_from(&outcome.detail);
    proposed.undone = Some(outcome);
    if undone { "undone" } else { "not undone" }
}

/// An outcome as it is kept: its text cut to one safe line, and its undo only where it takes back this very measure. The
/// outcome comes from a machine that is suspected: an undo that names something else would be an order of its own.
fn kept(outcome: &MeasureOutcome, measure: &Measure) -> MeasureOutcome {
    let mut detail = one_line(&outcome.detail, DETAIL);
    let undo = outcome.undo.clone().filter(|undo| takes_back(undo, measure));
    if outcome.undo.is_some() && undo.is_none() {
        detail.push_str(" (what it says of taking it back does not fit, and is not kept)");
    }
    MeasureOutcome { n: outcome.n, status: outcome.status, detail, undo, at: outcome.at }
}

fn takes_back(undo: &Undo, measure: &Measure) -> bool {
    match (undo, measure) {
        (
            Undo::RestoreAutostart { mechanism, location, name, content },
            Measure::DisableAutostart { mechanism: was, location: at, name: called, .. },
        ) => {
            (mechanism, location, name) == (was, at, called)
                && content.as_ref().is_none_or(|content| content.len() <= MAX_CONTENT)
        }
        (Undo::UnblockTraffic, Measure::BlockTraffic { .. })
        | (Undo::EndIsolation, Measure::Isolate { .. }) => true,
        (
            Undo::RestoreFile { path, path_hex, sha256 },
            Measure::QuarantineFile { path: was, path_hex: spelled, .. },
        ) => {
            (path, path_hex) == (was, spelled)
                && sha256.len() == 64
                && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        }
        _ => false,
    }
}
