//! A store that breaks its promises.

use std::net::IpAddr;
use std::sync::Arc;

use casework::backend::simulated::Simulated;
use casework::backend::{AlertRow, Backend, CaseRow, Committed, Hold, Received, Stored, SuppressedAlert};
use investigation::case::{Case, Disposition, Effect, ForensicStatus, Outcome, State, Step};
use investigation::claim::{Claim, ClaimKey, ClaimKind, ClaimOp};
use investigation::remediation::Stage;
use jiff::{SignedDuration, Timestamp};

use super::Variant;
use crate::life::Life;
use crate::random::purpose;
use crate::seam::Seam;

/// The store as a worker sees it, sound or broken.
pub struct Broken {
    variant: Option<Variant>,
    seam: Seam,
}

/// A hold that the worker's death does not free.
struct Outliving {
    hold: Option<Box<dyn Hold>>,
    life: Arc<Life>,
}

impl Hold for Outliving {}

impl Drop for Outliving {
    fn drop(&mut self) {
        if !self.life.is_alive() {
            std::mem::forget(self.hold.take());
        }
    }
}

impl Broken {
    /// The store of one life of a worker.
    pub fn new(variant: Option<Variant>, store: Simulated, life: Arc<Life>) -> Self {
        Self { variant, seam: Seam { store, life } }
    }

    fn is(&self, variant: Variant) -> bool {
        self.variant == Some(variant)
    }

    /// The step as the broken store writes it.
    fn spoiled(&self, step: &Step) -> Step {
        let mut step = step.clone();
        match self.variant {
            Some(Variant::LeaseNeverReleased) => {
                step.claims.retain(|op| !matches!(op, ClaimOp::Release(_)));
            }
            Some(Variant::UserClaimSkipped) => step.claims.retain(|op| match op {
                ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } => !claim.key.is_user(),
                ClaimOp::Release(_) | ClaimOp::Confirm(_) => true,
            }),
            Some(Variant::CooldownTooShort) => {
                for op in &mut step.claims {
                    if let ClaimOp::Take(claim) = op
                        && claim.kind == ClaimKind::Cooldown
                    {
                        let short = claim.expires_at.checked_sub(SignedDuration::from_hours(24));
                        claim.expires_at = short.unwrap_or(claim.expires_at);
                    }
                }
            }
            Some(Variant::ClaimNotConfirmed) => {
                step.claims.retain(|op| !matches!(op, ClaimOp::Confirm(_)));
            }
            Some(Variant::LeftoverInTheWay) => {
                for op in &mut step.claims {
                    if let ClaimOp::TakeOver { claim, .. } = op {
                        *op = ClaimOp::Take(claim.clone());
                    }
                }
            }
            Some(Variant::CaseTwice) => step.alert_was = None,
            Some(Variant::NotRequeued) => step.requeue.clear(),
            Some(Variant::DispositionLost) => step.alert = None,
            Some(Variant::DeadlineLost) if step.case.is_waiting() => {
                for pending in &mut step.case.pending {
                    pending.not_before = Timestamp::MAX;
                }
            }
            Some(Variant::ArrivalForgotten) => {
                for pending in &mut step.case.pending {
                    pending.may_have_arrived = false;
                }
            }
            Some(Variant::DoneForgotten) => {
                let closed = step.case.is_at_rest();
                if let Some(kept) = step.case.remediation.as_mut().filter(|_| !closed) {
                    for proposed in &mut kept.measures {
                        if proposed.stage == Stage::Done {
                            proposed.stage = Stage::Proposed;
                            kept.approvals.retain(|approval| !approval.measures.contains(&proposed.n));
                        }
                    }
                }
            }
            Some(Variant::LimitNotKept) => unclaim(&mut step, "limit#"),
            Some(Variant::LookFailsCase) => {
                let given_up = |case: &Case| {
                    case.forensics.as_ref().is_some_and(|look| look.status == ForensicStatus::GivenUp)
                };
                if step.case.is_closed() && given_up(&step.case) {
                    let (code, reason) = ("unreachable".to_owned(), "no deeper look".to_owned());
                    step.case.state =
                        State::Closed { outcome: Outcome::Failed { code, reason, retryable: true } };
                }
            }
            Some(Variant::LookDropsActions) => {
                let looks =
                    |case: &Case| case.pending.iter().any(|p| p.started && p.effect == Effect::Forensics);
                if looks(&step.case) {
                    step.case.pending.retain(|pending| !pending.effect.is_delivery());
                }
            }
            Some(Variant::BeganForgotten) => {
                for pending in &mut step.case.pending {
                    if matches!(pending.effect, Effect::Act { .. }) && pending.started {
                        pending.started = false;
                    }
                }
            }
            _ => {}
        }
        step
    }

    /// A row in the way, in force or not. Not a slot of a limit: that would be asked for again and again.
    fn any_row(&self, step: &Step) -> Option<Claim> {
        step.claims.iter().filter_map(ClaimOp::wanted).filter(|claim| !claim.key.is_limit()).find_map(
            |claim| self.seam.store.claim_row(&claim.key).filter(|row| row.case_id != claim.case_id),
        )
    }
}

/// Leaves out what a step takes of this kind.
fn unclaim(step: &mut Step, start: &str) {
    step.claims.retain(|op| !matches!(op, ClaimOp::Take(claim) if claim.key.as_str().starts_with(start)));
}

impl Backend for Broken {
    async fn take_in(&self, alerts: Vec<Received>, now: Timestamp) -> Stored<Vec<AlertRow>> {
        if self.is(Variant::TakenInNowhere)
            && let [one] = alerts.as_slice()
            && purpose(&one.id).is_multiple_of(5)
            && let Ok(alert) = &one.content
        {
            return Ok(vec![AlertRow {
                id: one.id.clone(),
                origin: one.origin.clone(),
                received_at: now,
                alert: Some(alert.clone()),
                original: None,
                disposition: Disposition::Waiting,
                settled_at: None,
            }]);
        }
        self.seam.take_in(alerts, now).await
    }

    async fn settle(&self, alert_id: &str, disposition: &Disposition, now: Timestamp) -> Stored<()> {
        if self.is(Variant::CountedTwice) {
            self.seam.settle(&format!("{alert_id}#again"), disposition, now).await?;
        }
        self.seam.settle(alert_id, disposition, now).await
    }

    async fn commit(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        let step = self.spoiled(step);
        if self.is(Variant::ExpiryNotCompared)
            && let Some(row) = self.any_row(&step)
        {
            return Ok(Committed::Held(row));
        }
        match self.seam.commit(&step, now).await? {
            Committed::Held(claim) if self.is(Variant::ConditionIgnored) => {
                self.seam.store.release(&claim.key, now).await?;
                self.seam.commit(&step, now).await
            }
            committed => Ok(committed),
        }
    }

    async fn case(&self, id: &str) -> Stored<Option<Case>> {
        self.seam.case(id).await
    }

    async fn cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        self.seam.cases(only_open, limit).await
    }

    async fn waiting_case(&self, target: IpAddr) -> Stored<Option<String>> {
        self.seam.waiting_case(target).await
    }

    async fn open_cases(&self) -> Stored<Vec<String>> {
        self.seam.open_cases().await
    }

    async fn alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        self.seam.alert(id).await
    }

    async fn waiting(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.seam.waiting(limit).await
    }

    async fn review(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.seam.review(limit).await
    }

    async fn claims_on(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        match self.variant {
            Some(Variant::UserClaimSkipped) => Ok(Vec::new()),
            Some(Variant::ExpiryNotCompared) => {
                Ok(keys.iter().filter_map(|key| self.seam.store.claim_row(key)).collect())
            }
            _ => self.seam.claims_on(keys, now).await,
        }
    }

    async fn claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        self.seam.claims(now).await
    }

    async fn release(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        self.seam.release(key, now).await
    }

    async fn suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        self.seam.suppressed(case_id).await
    }

    async fn hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        let hold = self.seam.hold(case_id).await?;
        if !self.is(Variant::HoldOutlivesWorker) {
            return Ok(hold);
        }
        let life = Arc::clone(&self.seam.life);
        Ok(hold.map(|hold| Box::new(Outliving { hold: Some(hold), life }) as Box<dyn Hold>))
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        self.seam.prune(before, now).await
    }
}
