//! What a person's word changes: approve, reject, undo.

use jiff::{SignedDuration, Timestamp};

use super::super::{Case, Effect, Refused, Step};
use super::{DAY, HOUR, NotDecided, list};
use crate::claim::{Claim, ClaimKey, ClaimOp, later};
use crate::policy::Policy;
use crate::remediation::{Approval, Decision, Measure, Proposed, Remediation, Stage};
use crate::text::one_line;

/// Longest name of a person that is kept.
const NAME: usize = 200;

impl Step {
    /// Takes an approval, and orders what has enough of them now. `held` are those of [`Case::order_keys`] that are in
    /// force, whoever owns them.
    pub(in super::super) fn approve(
        &mut self,
        decision: &Decision,
        held: &[Claim],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let approved = self.approval(decision, policy, now).map_err(|why| self.not_decided(why))?;
        let Some(remediation) = &mut self.case.remediation else {
            return Err(self.not_decided(NotDecided::Nothing));
        };
        let (numbers, by) = (approved.measures.clone(), approved.by.clone());
        remediation.approvals.push(approved);
        let ready: Vec<u32> =
            numbers.iter().copied().filter(|n| enough(remediation, *n, false, policy, now)).collect();
        self.case.note(
            now,
            format!(
                "{by} approved {} {}, on evidence {}",
                list(&numbers),
                decision.how.words(),
                decision.evidence_sha256
            ),
        );
        if ready.is_empty() {
            return Ok(());
        }
        self.order_measures(ready, held, policy, now).map_err(|why| self.not_decided(why))
    }

    /// Checks a person's word against everything that could speak against it.
    fn approval(&self, decision: &Decision, policy: &Policy, now: Timestamp) -> Result<Approval, NotDecided> {
        let (remediation, by) = self.entitled(decision, policy)?;
        if remediation.dry_run || policy.remediation.dry_run {
            return Err(NotDecided::Policy("dry_run shows proposals only".to_owned()));
        }
        if now >= remediation.expires_at {
            return Err(NotDecided::Expired(remediation.expires_at));
        }
        let allowed =
            self.case.verdict().map(|verdict| policy.remediation.after(verdict)).unwrap_or_default();
        let has_approved =
            |n: u32| remediation.approvers(n, false, now).iter().any(|approval| approval.by == by);
        let waiting: Vec<&Proposed> = remediation.waiting(now).collect();
        let measures: Vec<u32> = if decision.measures.is_empty() {
            let all: Vec<u32> = waiting.iter().map(|proposed| proposed.n).collect();
            let others: Vec<u32> = all.iter().copied().filter(|n| !has_approved(*n)).collect();
            if others.is_empty() && !all.is_empty() {
                return Err(NotDecided::Twice { by, measures: list(&all) });
            }
            others
        } else {
            decision.measures.clone()
        };
        if measures.is_empty() {
            return Err(NotDecided::NoneLeft("waits for an approval"));
        }
        for n in &measures {
            let proposed = remediation.measure(*n).ok_or(NotDecided::NoSuchMeasure(*n))?;
            if proposed.stage != Stage::Proposed {
                let (n, stage) = (*n, proposed.stage.as_str());
                return Err(NotDecided::Stage { n, stage, wanted: "proposed" });
            }
            if has_approved(*n) {
                return Err(NotDecided::Twice { by, measures: n.to_string() });
            }
            if !allowed.contains(&proposed.measure.kind()) {
                let word = proposed.measure.as_str();
                return Err(NotDecided::Policy(format!("names {word} for this verdict no more")));
            }
        }
        let mut measures = measures;
        measures.sort_unstable();
        measures.dedup();
        Ok(Approval {
            by,
            how: decision.how,
            at: now,
            evidence_sha256: decision.evidence_sha256.clone(),
            measures,
            expires_at: later(now, policy.remediation.expires.signed()),
            undoes: false,
            seal: None,
            unsealed: false,
        })
    }

    /// Whether a person may order anything here, on what that person saw.
    fn entitled(&self, decision: &Decision, policy: &Policy) -> Result<(&Remediation, String), NotDecided> {
        let remediation = self.case.remediation.as_ref().ok_or(NotDecided::Nothing)?;
        if remediation.evidence_sha256.is_empty() || !self.is_sealed() {
            return Err(NotDecided::NotSealed);
        }
        if decision.evidence_sha256 != remediation.evidence_sha256 {
            return Err(NotDecided::OtherEvidence {
                given: one_line(&decision.evidence_sha256, 64),
                sealed: remediation.evidence_sha256.clone(),
            });
        }
        let by = one_line(&policy.person(&decision.by), NAME);
        if by.is_empty() || !policy.is_approver(&by) {
            return Err(NotDecided::NotAnApprover(if by.is_empty() { "nobody".to_owned() } else { by }));
        }
        if let Some(reason) = self.case.never_changed(policy) {
            return Err(NotDecided::Never(reason));
        }
        Ok((remediation, by))
    }

    /// Puts the order for measures that have their approvals into the outbox, and takes what the limits ask for.
    fn order_measures(
        &mut self,
        numbers: Vec<u32>,
        held: &[Claim],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), NotDecided> {
        let Some(remediation) = &mut self.case.remediation else { return Err(NotDecided::Nothing) };
        let until = numbers
            .iter()
            .flat_map(|n| remediation.approvers(*n, false, now))
            .map(|approval| approval.expires_at)
            .min();
        let until = until.unwrap_or(now);
        let section = &policy.remediation;
        let hour = free_slot(HOUR, section.per_hour, held, now);
        let hour =
            hour.ok_or(NotDecided::Limit { limit: section.per_hour, span: "an hour", key: "per_hour" })?;
        let day = free_slot(DAY, section.per_day, held, now);
        let day = day.ok_or(NotDecided::Limit { limit: section.per_day, span: "a day", key: "per_day" })?;
        let (id, host) = (self.case.id.clone(), remediation.host_name.clone());
        let mut take = |key, hours| {
            let lasts = SignedDuration::from_hours(hours);
            self.claims.push(ClaimOp::Take(Claim::lease(key, &id, now, lasts)));
        };
        take(hour, 1);
        take(day, 24);
        for n in &numbers {
            let Some(proposed) = remediation.measure_mut(*n) else { continue };
            proposed.stage = Stage::Ordered;
            proposed.detail.clear();
            if let Measure::Isolate { seconds, .. } = proposed.measure {
                let key = ClaimKey::isolation(&host);
                let other = |claim: &&Claim| claim.key == key && claim.case_id != id && claim.in_force(now);
                if let Some(claim) = held.iter().find(other) {
                    return Err(NotDecided::Isolated(claim.case_id.clone()));
                }
                // The host lifts it by itself so long after the order, which may go out as late as `until`.
                let lasts = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                let claim = Claim { expires_at: later(until, lasts), ..Claim::lease(key, &id, now, lasts) };
                self.claims.push(ClaimOp::Take(claim));
            }
        }
        self.case.note(now, format!("measures {} are ordered, until {until:.0}", list(&numbers)));
        self.case.push(Effect::Remediate { measures: numbers, until }, now);
        self.let_expiry_go();
        Ok(())
    }

    /// Takes a no: what waits is not done, and what is ordered and not begun neither. Anybody may say no.
    pub(in super::super) fn reject(
        &mut self,
        decision: &Decision,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let numbers = self.rejectable(decision).map_err(|why| self.not_decided(why))?;
        let by = one_line(&policy.person(&decision.by), NAME);
        // A no comes too late for what a try that was not heard to its end has done.
        let tried = self.case.pending.iter().filter(|pending| pending.may_have_arrived);
        let tried: Vec<u32> = tried.flat_map(|pending| pending.effect.measures()).copied().collect();
        let Some(remediation) = &mut self.case.remediation else {
            return Err(self.not_decided(NotDecided::Nothing));
        };
        for n in &numbers {
            if let Some(proposed) = remediation.measure_mut(*n) {
                (proposed.stage, proposed.detail) = match tried.contains(n) {
                    false => (Stage::Rejected, format!("rejected by {by}")),
                    true => (Stage::Failed, format!("rejected by {by}; {}", super::order::LOOK)),
                };
            }
        }
        let measures = remediation.measures.clone();
        self.case.pending.retain_mut(|pending| match &mut pending.effect {
            Effect::Remediate { measures, .. } => {
                measures.retain(|n| !numbers.contains(n));
                !measures.is_empty()
            }
            _ => true,
        });
        self.let_expiry_go();
        // Where the host may be cut off, the claim runs out with that.
        let isolates = |proposed: &Proposed| {
            proposed.stage == Stage::Rejected
                && numbers.contains(&proposed.n)
                && matches!(proposed.measure, Measure::Isolate { .. })
        };
        if measures.iter().any(isolates)
            && let Some(remediation) = &self.case.remediation
        {
            self.claims.push(ClaimOp::Release(ClaimKey::isolation(&remediation.host_name)));
        }
        self.case.note(now, format!("{by} rejected measures {} {}", list(&numbers), decision.how.words()));
        Ok(())
    }

    /// Where no proposal waits any more, none can expire.
    fn let_expiry_go(&mut self) {
        let mut measures = self.case.remediation.iter().flat_map(|kept| &kept.measures);
        if !measures.any(|proposed| proposed.stage == Stage::Proposed) {
            self.case.pending.retain(|pending| !matches!(pending.effect, Effect::ExpireProposals));
        }
    }

    fn rejectable(&self, decision: &Decision) -> Result<Vec<u32>, NotDecided> {
        let remediation = self.case.remediation.as_ref().ok_or(NotDecided::Nothing)?;
        if remediation.evidence_sha256.is_empty() {
            return Err(NotDecided::NotSealed);
        }
        let begun = |n: u32| {
            let mut orders = self.case.pending.iter().filter(|pending| pending.effect.changes_endpoint());
            orders.any(|pending| pending.started && pending.effect.measures().contains(&n))
        };
        let stands = |proposed: &Proposed| match proposed.stage {
            Stage::Proposed => !remediation.dry_run,
            Stage::Ordered => !begun(proposed.n),
            _ => false,
        };
        if decision.measures.is_empty() {
            let all = remediation.measures.iter().filter(|proposed| stands(proposed));
            let all: Vec<u32> = all.map(|proposed| proposed.n).collect();
            return if all.is_empty() { Err(NotDecided::NoneLeft("can be rejected")) } else { Ok(all) };
        }
        for n in &decision.measures {
            let proposed = remediation.measure(*n).ok_or(NotDecided::NoSuchMeasure(*n))?;
            if proposed.stage == Stage::Ordered && begun(*n) {
                return Err(NotDecided::UnderWay(*n));
            }
            if !stands(proposed) {
                let (n, stage) = (*n, proposed.stage.as_str());
                return Err(NotDecided::Stage { n, stage, wanted: "proposed or ordered" });
            }
        }
        Ok(decision.measures.clone())
    }

    /// Orders that measures are taken back. One approver is enough: it only restores.
    pub(in super::super) fn undo(
        &mut self,
        decision: &Decision,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (numbers, by) = self.undoable(decision, policy).map_err(|why| self.not_decided(why))?;
        let until = later(now, policy.remediation.expires.signed());
        let Some(remediation) = &mut self.case.remediation else {
            return Err(self.not_decided(NotDecided::Nothing));
        };
        remediation.approvals.push(Approval {
            by: by.clone(),
            how: decision.how,
            at: now,
            evidence_sha256: decision.evidence_sha256.clone(),
            measures: numbers.clone(),
            expires_at: until,
            undoes: true,
            seal: None,
            unsealed: false,
        });
        for n in &numbers {
            if let Some(proposed) = remediation.measure_mut(*n) {
                proposed.stage = Stage::Undoing;
            }
        }
        let how = decision.how.words();
        self.case.note(now, format!("{by} ordered {how} that measures {} are taken back", list(&numbers)));
        self.case.push(Effect::Undo { measures: numbers, until }, now);
        Ok(())
    }

    fn undoable(&self, decision: &Decision, policy: &Policy) -> Result<(Vec<u32>, String), NotDecided> {
        let (remediation, by) = self.entitled(decision, policy)?;
        let mut numbers = decision.measures.clone();
        if numbers.is_empty() {
            let all = remediation.measures.iter().rev().filter(|proposed| proposed.undo().is_some());
            numbers = all.map(|proposed| proposed.n).collect();
            if numbers.is_empty() {
                return Err(NotDecided::NoneLeft("can be taken back"));
            }
        }
        for n in &numbers {
            let proposed = remediation.measure(*n).ok_or(NotDecided::NoSuchMeasure(*n))?;
            if proposed.stage != Stage::Done {
                let (n, stage) = (*n, proposed.stage.as_str());
                return Err(NotDecided::Stage { n, stage, wanted: "done" });
            }
            if proposed.undo().is_none() {
                return Err(NotDecided::NoUndo { n: *n, measure: proposed.measure.as_str() });
            }
        }
        // The last thing that was done is taken back first.
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        Ok((numbers, by))
    }

    fn not_decided(&self, why: NotDecided) -> Refused {
        Refused::NotDecided { case_id: self.case.id.clone(), why }
    }
}

impl Case {
    /// Why the policy says that this machine is never changed, if it does.
    pub(super) fn never_changed(&self, policy: &Policy) -> Option<String> {
        let identity = self.identity.as_ref()?;
        policy.never_changed(self.target, identity, &self.suspects()).map(|reason| one_line(reason, 200))
    }
}

/// Whether a measure has as many approvals as it needs, by the case and by the policy as it is now. Whoever brought the
/// decision may have had another policy than whoever carries it out, who therefore asks again.
pub(super) fn enough(
    remediation: &Remediation,
    n: u32,
    undoes: bool,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let Some(proposed) = remediation.measure(n) else { return false };
    let needs = match undoes {
        // To take back restores: one person's word is enough.
        true => 1,
        false => proposed.needs.max(policy.remediation.needs(proposed.measure.kind())),
    };
    let listed = |approval: &&&Approval| policy.is_approver(&approval.by);
    let there = remediation.approvers(n, undoes, now).iter().filter(listed).count();
    u32::try_from(there).unwrap_or(u32::MAX) >= needs
}

/// The first slot that nobody holds.
fn free_slot(span: &str, count: u32, held: &[Claim], now: Timestamp) -> Option<ClaimKey> {
    let is_free = |key: &ClaimKey| !held.iter().any(|claim| &claim.key == key && claim.in_force(now));
    (0..count).map(|n| ClaimKey::order_slot(span, n)).find(is_free)
}
