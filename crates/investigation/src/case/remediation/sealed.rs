//! What a seal of an approval is over, and what becomes of approvals that carry none.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::{Case, Effect, Pending, Refused, Step};
use super::decide::enough;
use super::list;
use super::order::put_off;
use crate::policy::Policy;
use crate::remediation::{Approval, Measure, Stage, Undo, Way};
use crate::text::one_line;

/// What a seal is for. A seal of the same key for something else is none.
const PURPOSE: &str = "peerhound-approval/1";

/// One measure as a person was shown it.
#[derive(Serialize)]
struct Planned<'a> {
    n: u32,
    measure: &'a Measure,
    undo: Option<&'a Undo>,
}

#[derive(Serialize)]
struct Plan<'a> {
    case_id: &'a str,
    target: std::net::IpAddr,
    host_name: &'a str,
    evidence_sha256: &'a str,
    measures: Vec<Planned<'a>>,
}

#[derive(Serialize)]
struct Sealed<'a> {
    purpose: &'static str,
    deployment: &'a str,
    case_id: &'a str,
    evidence_sha256: &'a str,
    plan: String,
    measures: &'a [u32],
    by: &'a str,
    how: Way,
    at: Timestamp,
    expires_at: Timestamp,
    undoes: bool,
}

impl Case {
    /// Names what these measures are (all, where none is named): which machine, on what evidence, and what each of them
    /// does; with `undoes` also how each is taken back. SHA-256, lower-case hex; empty where nothing was proposed. Whoever
    /// says yes says it to this.
    pub fn plan_sha256(&self, numbers: &[u32], undoes: bool) -> String {
        let Some(remediation) = &self.remediation else { return String::new() };
        let named = |n: u32| numbers.is_empty() || numbers.contains(&n);
        let measures = remediation.measures.iter().filter(|proposed| named(proposed.n));
        let planned = measures.map(|proposed| Planned {
            n: proposed.n,
            measure: &proposed.measure,
            undo: proposed.outcome.as_ref().filter(|_| undoes).and_then(|outcome| outcome.undo.as_ref()),
        });
        let plan = Plan {
            case_id: &self.id,
            target: self.target,
            host_name: &remediation.host_name,
            evidence_sha256: &remediation.evidence_sha256,
            measures: planned.collect(),
        };
        serde_json::to_vec(&plan).map(|bytes| HEXLOWER.encode(&Sha256::digest(bytes))).unwrap_or_default()
    }

    /// What the seal of an approval of this case is over: the approval, and what the case says that it is about. `deployment`
    /// names whose seal it is.
    pub fn seal_text(&self, approval: &Approval, deployment: &str) -> String {
        let sealed = Sealed {
            purpose: PURPOSE,
            deployment,
            case_id: &self.id,
            evidence_sha256: &approval.evidence_sha256,
            plan: self.plan_sha256(&approval.measures, approval.undoes),
            measures: &approval.measures,
            by: &approval.by,
            how: approval.how,
            at: approval.at,
            expires_at: approval.expires_at,
            undoes: approval.undoes,
        };
        serde_json::to_string(&sealed).unwrap_or_default()
    }

    /// The approvals that an order rests on, by their position: each of them has to carry its seal, wherever approvals are
    /// sealed.
    pub fn rests_on(&self, pending: &Pending, now: Timestamp) -> Vec<usize> {
        let Some(remediation) = &self.remediation else { return Vec::new() };
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        let numbers = pending.effect.measures();
        let counts = |approval: &Approval| {
            approval.undoes == undoes
                && !approval.unsealed
                && now < approval.expires_at
                && approval.measures.iter().any(|n| numbers.contains(n))
        };
        let all = remediation.approvals.iter().enumerate();
        all.filter(|(_, approval)| counts(approval)).map(|(position, _)| position).collect()
    }

    /// Lets approvals, by their position, count for nothing from now on: they carry no valid seal. Says so in the history.
    pub fn unseal(&mut self, positions: &[usize], now: Timestamp) {
        let Some(remediation) = &mut self.remediation else { return };
        let mut notes = Vec::new();
        for position in positions {
            let approval = remediation.approvals.get_mut(*position).filter(|approval| !approval.unsealed);
            let Some(approval) = approval else { continue };
            approval.unsealed = true;
            let (numbers, by) = (list(&approval.measures), &approval.by);
            notes.push(format!(
                "the approval of {numbers} by {by} carries no valid seal of this deployment and counts for nothing: it was \
                 forged, it or what it is about was changed, or it is older than seals"
            ));
        }
        for note in notes {
            self.note(now, one_line(&note, 600));
        }
    }
}

impl Step {
    /// Approvals that an order rests on carry no valid seal, by their position. They count for nothing from now on; where the
    /// others are not enough, the order is taken back before anything was done, and its measures wait for people again.
    pub(in super::super) fn not_sealed(
        &mut self,
        effect: u32,
        positions: &[usize],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let pending = self.case.pending_mut(effect)?;
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        let numbers = pending.effect.measures().to_vec();
        let Some(remediation) = &self.case.remediation else {
            return self.end_change(effect, Stage::Refused, "nothing was proposed", now);
        };
        let open_until = remediation.expires_at;
        self.case.unseal(positions, now);
        let kept = self.case.remediation.as_ref();
        let stands = kept.is_some_and(|kept| numbers.iter().all(|n| enough(kept, *n, undoes, policy, now)));
        if stands && !positions.is_empty() {
            put_off(self.case.pending_mut(effect)?, now);
            return Ok(());
        }
        let stage = if now < open_until { Stage::Proposed } else { Stage::Expired };
        self.end_change(effect, stage, "approvals without a valid seal do not count", now)?;
        let expires = |pending: &Pending| matches!(pending.effect, Effect::ExpireProposals);
        if stage == Stage::Proposed && !undoes && !self.case.pending.iter().any(expires) {
            self.case.push(Effect::ExpireProposals, open_until);
        }
        Ok(())
    }
}
