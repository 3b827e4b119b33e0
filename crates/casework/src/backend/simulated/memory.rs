//! What is stored, and the writes. Each method is one call of the seam, all or nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use investigation::case::{Case, Disposition, Outcome, State, Step};
use investigation::claim::{Claim, ClaimKey, ClaimOp};
use investigation::digest::daily::Mailing;
use jiff::Timestamp;

use super::super::{AlertRow, CaseRow, Committed, Received, SuppressedAlert};

/// Suppressed alerts returned with a case.
const SHOWN: usize = 20;

/// The whole store. Maps that are walked are ordered, so that the same calls always give the same answers.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) alerts: BTreeMap<String, AlertRow>,
    pub(super) cases: BTreeMap<String, Stored>,
    pub(super) claims: HashMap<ClaimKey, Claim>,
    /// Alerts that wait, the oldest first.
    waiting: BTreeSet<(Timestamp, String)>,
    /// Open cases, the oldest first.
    open: BTreeSet<(Timestamp, String)>,
    /// Open cases by when something is due.
    due: BTreeSet<(Timestamp, String)>,
    /// Cases that wait for a machine.
    waits_for: BTreeSet<(IpAddr, Timestamp, String)>,
    held: HashSet<String>,
    /// Digests by their day.
    pub(super) mailings: BTreeMap<String, Mailing>,
}

/// A case with what is counted on it.
pub(super) struct Stored {
    pub(super) case: Case,
    pub(super) suppressed: Vec<SuppressedAlert>,
    counted: HashSet<String>,
}

impl Memory {
    pub(super) fn take_in(&mut self, alerts: Vec<Received>, now: Timestamp) -> Vec<AlertRow> {
        alerts.into_iter().map(|received| self.take_in_one(received, now)).collect()
    }

    fn take_in_one(&mut self, received: Received, now: Timestamp) -> AlertRow {
        if let Some(known) = self.alerts.get(&received.id) {
            return known.clone();
        }
        let (alert, original, disposition, settled_at) = match received.content {
            Ok(alert) => (Some(alert), None, Disposition::Waiting, None),
            Err(unread) => {
                (None, Some(unread.original), Disposition::Unreadable { reason: unread.reason }, Some(now))
            }
        };
        let id = received.id;
        let origin = received.origin;
        let row = AlertRow { id, origin, received_at: now, alert, original, disposition, settled_at };
        if row.disposition == Disposition::Waiting {
            self.waiting.insert((now, row.id.clone()));
        }
        self.alerts.insert(row.id.clone(), row.clone());
        row
    }

    pub(super) fn settle(&mut self, alert_id: &str, disposition: &Disposition, now: Timestamp) {
        let is = counted_on(disposition);
        if let Some(AlertRow { disposition: Disposition::Opened { case_id }, .. }) = self.alerts.get(alert_id)
            && !matches!(disposition, Disposition::Opened { .. })
            && let Some(Stored { case, .. }) = self.cases.get(case_id)
            && (!case.is_closed() || case.evidence.is_some())
        {
            return;
        }
        if let Some(row) = self.alerts.get_mut(alert_id) {
            if row.disposition == Disposition::Waiting {
                self.waiting.remove(&(row.received_at, row.id.clone()));
            }
            row.settled_at = Some(now);
            let before = std::mem::replace(&mut row.disposition, disposition.clone());
            let was = counted_on(&before);
            if was.as_ref().map(|(case_id, _)| case_id) == is.as_ref().map(|(case_id, _)| case_id) {
                return;
            }
            // It has one outcome, and that is another now.
            if let Some((case_id, _)) = was
                && let Some(owner) = self.cases.get_mut(case_id)
                && owner.counted.remove(alert_id)
            {
                owner.suppressed.retain(|listed| listed.alert_id != alert_id);
            }
        }
        if let Some((case_id, key)) = is
            && let Some(owner) = self.cases.get_mut(case_id)
            && owner.counted.insert(alert_id.to_owned())
        {
            owner.suppressed.push(SuppressedAlert { alert_id: alert_id.to_owned(), key, at: now });
        }
    }

    /// Writes a step. The ids of alerts that wait again by it are added to `again`.
    pub(super) fn commit(&mut self, step: &Step, now: Timestamp, again: &mut Vec<String>) -> Committed {
        let case = &step.case;
        for op in &step.claims {
            match op {
                ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } => match self.claims.get(&claim.key) {
                    Some(existing) if !op.admits(Some(existing), now) => {
                        return Committed::Held(existing.clone());
                    }
                    _ => {}
                },
                ClaimOp::Confirm(claim) if !op.admits(self.claims.get(&claim.key), now) => {
                    return Committed::Freed(claim.key.clone());
                }
                ClaimOp::Confirm(_) | ClaimOp::Release(_) => {}
            }
        }
        let alert = self.alerts.get(&case.alert.id).map(|row| &row.disposition);
        if step.alert_was.is_some() && step.alert_was.as_ref() != alert {
            return Committed::Stale;
        }
        let stored = self.cases.get(&case.id).map(|stored| stored.case.version);
        let fits = match stored {
            None => case.version == 0,
            Some(version) => version + 1 == case.version,
        };
        if !fits {
            return Committed::Stale;
        }
        for op in &step.claims {
            match op {
                ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } => {
                    drop(self.claims.insert(claim.key.clone(), claim.clone()));
                }
                ClaimOp::Release(key) if self.claims.get(key).is_some_and(|c| c.case_id == case.id) => {
                    self.claims.remove(key);
                }
                ClaimOp::Release(_) | ClaimOp::Confirm(_) => {}
            }
        }
        self.put(case.clone());
        for key in &step.requeue {
            self.requeue(&case.id, key, again);
        }
        if let Some(disposition) = &step.alert {
            self.settle(&case.alert.id, disposition, now);
        }
        Committed::Done
    }

    /// Stores a case and keeps the indexes on it.
    fn put(&mut self, case: Case) {
        if let Some(old) = self.cases.get(&case.id) {
            let old = &old.case;
            self.due.remove(&(old.next_due().unwrap_or(Timestamp::MAX), old.id.clone()));
            if old.is_waiting() {
                self.waits_for.remove(&(old.target, old.opened_at, old.id.clone()));
            }
        }
        let opened = (case.opened_at, case.id.clone());
        if case.is_at_rest() {
            self.open.remove(&opened);
        } else {
            self.open.insert(opened);
            self.due.insert((case.next_due().unwrap_or(Timestamp::MAX), case.id.clone()));
        }
        if case.is_waiting() {
            self.waits_for.insert((case.target, case.opened_at, case.id.clone()));
        }
        match self.cases.get_mut(&case.id) {
            Some(stored) => stored.case = case,
            None => {
                let stored = Stored { case, suppressed: Vec::new(), counted: HashSet::new() };
                self.cases.insert(stored.case.id.clone(), stored);
            }
        }
    }

    fn requeue(&mut self, case_id: &str, key: &ClaimKey, again: &mut Vec<String>) {
        let Some(stored) = self.cases.get_mut(case_id) else { return };
        let gone: Vec<_> = stored.suppressed.extract_if(.., |listed| &listed.key == key).collect();
        for listed in gone {
            stored.counted.remove(&listed.alert_id);
            if let Some(row) = self.alerts.get_mut(&listed.alert_id)
                && matches!(row.disposition, Disposition::Suppressed { .. })
            {
                row.disposition = Disposition::Waiting;
                row.settled_at = None;
                self.waiting.insert((row.received_at, row.id.clone()));
                again.push(listed.alert_id);
            }
        }
    }

    pub(super) fn release(&mut self, key: &ClaimKey, now: Timestamp) -> Option<Claim> {
        self.claims.remove(key).filter(|claim| claim.in_force(now))
    }

    pub(super) fn hold(&mut self, case_id: &str) -> bool {
        self.held.insert(case_id.to_owned())
    }

    pub(super) fn let_go(&mut self, case_id: &str) {
        self.held.remove(case_id);
    }

    pub(super) fn prune(&mut self, before: Timestamp, now: Timestamp) -> u64 {
        let of_open: HashSet<&str> = self
            .open
            .iter()
            .filter_map(|(_, id)| self.cases.get(id))
            .map(|stored| stored.case.alert.id.as_str())
            .collect();
        let old = |row: &AlertRow| {
            row.disposition != Disposition::Waiting
                && row.received_at < before
                && !of_open.contains(row.id.as_str())
        };
        let gone: Vec<String> =
            self.alerts.values().filter(|row| old(row)).map(|row| row.id.clone()).collect();
        for id in &gone {
            self.alerts.remove(id);
        }
        self.claims.retain(|_, claim| claim.in_force(now));
        gone.len() as u64
    }
}

/// The case that an alert of this outcome is counted on, with the claim in its way.
fn counted_on(disposition: &Disposition) -> Option<(&String, ClaimKey)> {
    match disposition {
        Disposition::Suppressed { key, case_id, .. } => Some((case_id, key.clone())),
        Disposition::Folded { case_id, .. } => Some((case_id, ClaimKey::stored(String::new()))),
        _ => None,
    }
}

/// The reads.
impl Memory {
    pub(super) fn case(&self, id: &str) -> Option<Case> {
        self.cases.get(id).map(|stored| stored.case.clone())
    }

    pub(super) fn cases(&self, only_open: bool, limit: usize) -> Vec<CaseRow> {
        let mut cases: Vec<&Stored> =
            self.cases.values().filter(|stored| !only_open || !stored.case.is_closed()).collect();
        cases.sort_by_key(|stored| std::cmp::Reverse(stored.case.opened_at));
        cases.into_iter().take(limit).map(brief).collect()
    }

    pub(super) fn waiting_case(&self, target: IpAddr) -> Option<String> {
        let from = (target, Timestamp::MIN, String::new());
        let found = self.waits_for.range(from..).next();
        found.filter(|(ip, ..)| *ip == target).map(|(.., id)| id.clone())
    }

    pub(super) fn open_cases(&self) -> Vec<String> {
        self.open.iter().map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn due(&self, now: Timestamp) -> Vec<String> {
        self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn unfinished(&self) -> (usize, usize) {
        (self.open.len(), self.waiting.len())
    }

    pub(super) fn alert(&self, id: &str) -> Vec<AlertRow> {
        if let Some(row) = self.alerts.get(id) {
            return vec![row.clone()];
        }
        let named = self.alerts.values().filter(|row| {
            let event_id = row.alert.as_ref().and_then(|alert| alert.event_id.as_deref());
            event_id == Some(id) || (id.len() >= 8 && row.id.starts_with(id))
        });
        named.take(SHOWN).cloned().collect()
    }

    pub(super) fn waiting(&self, limit: usize) -> Vec<AlertRow> {
        self.waiting.iter().take(limit).filter_map(|(_, id)| self.alerts.get(id)).cloned().collect()
    }

    pub(super) fn review(&self, limit: usize) -> Vec<AlertRow> {
        let for_review = |row: &&AlertRow| {
            matches!(
                row.disposition,
                Disposition::Unreadable { .. } | Disposition::Review { .. } | Disposition::Refused { .. }
            )
        };
        let mut rows: Vec<&AlertRow> = self.alerts.values().filter(for_review).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.received_at));
        rows.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn claim(&self, key: &ClaimKey) -> Option<&Claim> {
        self.claims.get(key)
    }

    pub(super) fn claims(&self, now: Timestamp) -> Vec<Claim> {
        let mut claims: Vec<Claim> =
            self.claims.values().filter(|c| c.in_force(now) && !c.key.is_limit()).cloned().collect();
        claims.sort_by(|a, b| (a.expires_at, &a.key).cmp(&(b.expires_at, &b.key)));
        claims
    }

    pub(super) fn suppressed(&self, case_id: &str) -> (u64, Vec<SuppressedAlert>) {
        let Some(stored) = self.cases.get(case_id) else { return (0, Vec::new()) };
        let listed = stored.suppressed.iter().rev().take(SHOWN).cloned().collect();
        (stored.suppressed.len() as u64, listed)
    }
}

fn brief(stored: &Stored) -> CaseRow {
    let case = &stored.case;
    CaseRow {
        id: case.id.clone(),
        target: case.target,
        status: status(case).to_owned(),
        verdict: case.verdict().map(|verdict| verdict.as_str().to_owned()),
        host_name: case.identity.as_ref().map(|identity| identity.host_name.clone()),
        users: case.suspects(),
        opened_at: case.opened_at,
        updated_at: case.updated_at,
        suppressed: stored.suppressed.len() as u64,
        approvals_until: case.remediation.as_ref().and_then(|kept| kept.waits_until()),
    }
}

/// State or, once closed, how it ended.
pub(super) fn status(case: &Case) -> &'static str {
    match &case.state {
        State::Closed { outcome } => match outcome {
            Outcome::Investigated { .. } => "investigated",
            Outcome::Suppressed { .. } => "suppressed",
            Outcome::Exempt { .. } => "exempt",
            Outcome::Failed { .. } => "failed",
        },
        open => open.as_str(),
    }
}
