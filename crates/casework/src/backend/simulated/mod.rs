//! The store for simulations: in memory, deterministic, without a clock, and with faults on demand.
//!
//! It keeps the same promises as the others (see [`super`]) and passes the same contract. Handles are cheap clones of
//! one store. Before each call [`Faults::strike`] is asked whether something goes wrong with it; what it answers is
//! all that is random here, so that a simulation that draws it from a seed can be replayed.

mod dump;
mod ledger;
mod memory;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use investigation::case::{Case, Disposition, Step};
use investigation::claim::{Claim, ClaimKey};
use jiff::Timestamp;

pub use dump::{AlertDump, CaseDump, ClaimDump, Dump, SuppressedDump, action_name};
use memory::Memory;

use super::{AlertRow, Backend, CaseRow, Committed, Hold, Received, StoreError, Stored, SuppressedAlert};

/// A call of the store, for whoever decides about faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Backend::take_in`].
    TakeIn,
    /// [`Backend::settle`].
    Settle,
    /// [`Backend::commit`].
    Commit,
    /// [`Backend::hold`].
    Hold,
    /// [`Backend::release`] or [`Backend::prune`].
    Housekeeping,
    /// Any read.
    Read,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A conditional write collides with another and is refused: [`Committed::Stale`], nothing written. Another call
    /// than a commit is throttled instead.
    Conflict,
    /// The store has no capacity at the moment: a passing error, nothing written.
    Throttled,
    /// What was asked is done, and the answer is lost: an error all the same.
    AnswerLost,
}

/// Decides about faults, and is told what was written.
pub trait Faults: Send + Sync {
    /// What goes wrong with this call, if anything does.
    fn strike(&self, call: Call) -> Option<Fault>;

    /// A step was written, whether or not its answer arrives.
    fn written(&self, _step: &Step) {}

    /// An alert was settled, by itself or as part of a step, whether or not the answer arrives.
    fn settled(&self, _alert_id: &str, _disposition: &Disposition) {}

    /// A suppressed alert waits again as part of a step, whether or not the answer arrives.
    fn waits_again(&self, _alert_id: &str) {}
}

/// Nothing ever goes wrong.
impl Faults for () {
    fn strike(&self, _: Call) -> Option<Fault> {
        None
    }
}

/// A handle on a store in memory.
#[derive(Clone)]
pub struct Simulated {
    memory: Arc<Mutex<Memory>>,
    faults: Arc<dyn Faults>,
}

impl Simulated {
    /// An empty store.
    pub fn new(faults: Arc<dyn Faults>) -> Self {
        Self { memory: Arc::default(), faults }
    }

    /// Everything that is stored, as plain data. No fault strikes it.
    pub fn dump(&self) -> Dump {
        self.memory().dump()
    }

    /// Ids of the open cases that have something due at `now`. What a table with an index on the due time answers.
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        self.memory().due(now)
    }

    /// Every open case as plain data, the oldest first.
    pub fn open(&self) -> Vec<CaseDump> {
        self.memory().open()
    }

    /// The row of a claim, whether it is in force or not.
    pub fn claim_row(&self, key: &ClaimKey) -> Option<Claim> {
        self.memory().claim(key).cloned()
    }

    /// How many cases are open, and how many alerts wait.
    pub fn unfinished(&self) -> (usize, usize) {
        self.memory().unfinished()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call with whatever fault strikes it. `conflict` is what a collision answers.
    fn call<T>(&self, call: Call, conflict: Option<T>, run: impl FnOnce(&mut Memory) -> T) -> Stored<T> {
        match (self.faults.strike(call), conflict) {
            (None, _) => Ok(run(&mut self.memory())),
            (Some(Fault::Conflict), Some(answer)) => Ok(answer),
            (Some(Fault::AnswerLost), _) => {
                run(&mut self.memory());
                Err(StoreError::Other { place: PLACE.to_owned(), why: "the answer was lost".to_owned() })
            }
            (Some(Fault::Conflict | Fault::Throttled), _) => {
                Err(StoreError::Locked { place: PLACE.to_owned() })
            }
        }
    }
}

const PLACE: &str = "in memory";

/// A worker's right to a case. It ends when it is dropped, as everything of a worker is when it dies.
struct MemoryHold {
    memory: Arc<Mutex<Memory>>,
    case_id: String,
}

impl Hold for MemoryHold {}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).let_go(&self.case_id);
    }
}

impl Backend for Simulated {
    async fn take_in(&self, alerts: Vec<Received>, now: Timestamp) -> Stored<Vec<AlertRow>> {
        self.call(Call::TakeIn, None, |memory| memory.take_in(alerts, now))
    }

    async fn settle(&self, alert_id: &str, disposition: &Disposition, now: Timestamp) -> Stored<()> {
        self.call(Call::Settle, None, |memory| {
            memory.settle(alert_id, disposition, now);
            self.faults.settled(alert_id, disposition);
        })
    }

    async fn commit(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        self.call(Call::Commit, Some(Committed::Stale), |memory| {
            let mut again = Vec::new();
            let committed = memory.commit(step, now, &mut again);
            if committed == Committed::Done {
                self.faults.written(step);
                again.iter().for_each(|alert_id| self.faults.waits_again(alert_id));
                if let Some(disposition) = &step.alert {
                    self.faults.settled(&step.case.alert.id, disposition);
                }
            }
            committed
        })
    }

    async fn case(&self, id: &str) -> Stored<Option<Case>> {
        self.call(Call::Read, None, |memory| memory.case(id))
    }

    async fn cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        self.call(Call::Read, None, |memory| memory.cases(only_open, limit))
    }

    async fn waiting_case(&self, target: IpAddr) -> Stored<Option<String>> {
        self.call(Call::Read, None, |memory| memory.waiting_case(target))
    }

    async fn open_cases(&self) -> Stored<Vec<String>> {
        self.call(Call::Read, None, |memory| memory.open_cases())
    }

    async fn alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        self.call(Call::Read, None, |memory| memory.alert(id))
    }

    async fn waiting(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.call(Call::Read, None, |memory| memory.waiting(limit))
    }

    async fn review(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.call(Call::Read, None, |memory| memory.review(limit))
    }

    async fn claims_on(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        self.call(Call::Read, None, |memory| {
            let in_force = |key| memory.claim(key).filter(|claim| claim.in_force(now)).cloned();
            keys.iter().filter_map(in_force).collect()
        })
    }

    async fn claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        self.call(Call::Read, None, |memory| memory.claims(now))
    }

    async fn release(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        self.call(Call::Housekeeping, None, |memory| memory.release(key, now))
    }

    async fn suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        self.call(Call::Read, None, |memory| memory.suppressed(case_id))
    }

    async fn hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        if self.faults.strike(Call::Hold).is_some() {
            return Err(StoreError::Locked { place: PLACE.to_owned() });
        }
        let held = self.memory().hold(case_id);
        let hold = || MemoryHold { memory: Arc::clone(&self.memory), case_id: case_id.to_owned() };
        Ok(held.then(|| Box::new(hold()) as Box<dyn Hold>))
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        self.call(Call::Housekeeping, None, |memory| memory.prune(before, now))
    }
}
