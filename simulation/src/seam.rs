//! The store as a worker sees it: each call takes its time, and the worker may die before or after it.

use std::net::IpAddr;
use std::sync::Arc;

use casework::backend::simulated::Simulated;
use casework::backend::{AlertRow, Backend, CaseRow, Committed, Hold, Received, Stored, SuppressedAlert};
use investigation::case::{Case, Disposition, Step};
use investigation::claim::{Claim, ClaimKey, ClaimKind};
use jiff::Timestamp;

use crate::life::Life;

/// Deaths at one side of one call, in a hundred thousand.
const DEATHS: u64 = 120;

/// Stops between reading that a user is another case's at the moment and deciding on it, in a hundred thousand. Little
/// time passes there, and much depends on it. The second is for contended schedules.
const STOPS: [u64; 2] = [20_000, 100_000];

/// In contended schedules, stops between deciding that an alert opens a case and writing it, in a hundred thousand.
const STOPS_BEFORE_OPENING: u64 = 5000;

/// A worker's way to the store.
pub struct Seam {
    /// The store.
    pub store: Simulated,
    /// The worker.
    pub life: Arc<Life>,
}

impl Seam {
    async fn call<T>(&self, call: impl Future<Output = Stored<T>>) -> Stored<T> {
        self.life.latency().await;
        self.life.survive(DEATHS).await;
        self.life.writes();
        let answer = call.await;
        self.life.latency().await;
        self.life.survive(DEATHS).await;
        answer
    }
}

impl Backend for Seam {
    async fn take_in(&self, alerts: Vec<Received>, now: Timestamp) -> Stored<Vec<AlertRow>> {
        self.call(self.store.take_in(alerts, now)).await
    }

    async fn settle(&self, alert_id: &str, disposition: &Disposition, now: Timestamp) -> Stored<()> {
        self.call(self.store.settle(alert_id, disposition, now)).await
    }

    async fn commit(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        self.call(self.store.commit(step, now)).await
    }

    async fn case(&self, id: &str) -> Stored<Option<Case>> {
        self.call(self.store.case(id)).await
    }

    async fn cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        self.call(self.store.cases(only_open, limit)).await
    }

    async fn waiting_case(&self, target: IpAddr) -> Stored<Option<String>> {
        let waiting = self.call(self.store.waiting_case(target)).await?;
        if waiting.is_none() && self.life.shared.scenario.contended {
            self.life.may_stop(STOPS_BEFORE_OPENING).await;
        }
        Ok(waiting)
    }

    async fn open_cases(&self) -> Stored<Vec<String>> {
        self.call(self.store.open_cases()).await
    }

    async fn alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        self.call(self.store.alert(id)).await
    }

    async fn waiting(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.call(self.store.waiting(limit)).await
    }

    async fn review(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.call(self.store.review(limit)).await
    }

    async fn claims_on(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        let held = self.call(self.store.claims_on(keys, now)).await?;
        if held.iter().any(|claim| claim.kind == ClaimKind::Lease) {
            self.life.may_stop(STOPS[usize::from(self.life.shared.scenario.contended)]).await;
        }
        Ok(held)
    }

    async fn claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        self.call(self.store.claims(now)).await
    }

    async fn release(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        self.call(self.store.release(key, now)).await
    }

    async fn suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        self.call(self.store.suppressed(case_id)).await
    }

    async fn hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        let hold = self.call(self.store.hold(case_id)).await?;
        Ok(hold.map(|hold| self.life.grip(hold)))
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        self.call(self.store.prune(before, now)).await
    }
}
