//! What all parts of a simulation share, and the lives of its workers.

mod worker;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use casework::backend::simulated::{Call, Fault, Faults};
use investigation::case::{Disposition, Event, Outcome, State, Step};
use investigation::claim::ClaimOp;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Duration, Instant};

use crate::history::{Fact, History, Moment, Settled, Writer};
use crate::random::Random;
use crate::scenario::{DAY, HOUR, Scenario, Trouble};
use crate::world::World;

pub use worker::Life;

/// 2026-03-02T09:00:00Z: when each simulation begins.
const BEGINNING: i64 = 1_772_442_000;

/// What all parts share.
pub struct Shared {
    /// The schedule.
    pub scenario: Scenario,
    world: Mutex<World>,
    history: Mutex<History>,
    random: Mutex<Random>,
    start: Instant,
    /// Whose call the store is working on.
    writer: AtomicU32,
    /// The troubles of workers, store and queue are over: what is left is to be brought to its end.
    pub calm: AtomicBool,
    /// To the conductor.
    pub news: UnboundedSender<News>,
}

/// What the conductor is told.
#[derive(Debug)]
pub enum News {
    /// A worker died.
    Died {
        /// Which.
        worker: usize,
        /// In which of its lives.
        life: u32,
    },
    /// A worker is stopped.
    Stopped {
        /// Which.
        worker: usize,
        /// In which of its lives.
        life: u32,
        /// When it goes on.
        until: Moment,
    },
    /// A relay has something to say.
    Report(Box<Report>),
}

/// A relay's report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The case.
    pub case_id: String,
    /// The effect.
    pub effect: u32,
    /// Which try of it.
    pub attempt: u32,
    /// What it says.
    pub event: Event,
    /// When it arrives.
    pub at: Moment,
}

impl Shared {
    /// A new world. Called inside the runtime, whose clock begins now.
    pub fn new(scenario: Scenario, news: UnboundedSender<News>) -> Arc<Self> {
        Arc::new(Self {
            scenario,
            world: Mutex::new(World::new(scenario)),
            history: Mutex::default(),
            random: Mutex::new(scenario.random("faults", &[])),
            start: Instant::now(),
            writer: AtomicU32::new(0),
            calm: AtomicBool::new(false),
            news,
        })
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> Moment {
        self.start.elapsed().as_millis() as Moment
    }

    /// The instant of a moment.
    pub fn instant(&self, at: Moment) -> Instant {
        self.start + Duration::from_millis(at.max(0).unsigned_abs())
    }

    /// The world.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The history.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a fact down.
    pub fn record(&self, fact: impl FnOnce(&mut History) -> Fact) {
        let now = self.now();
        let mut history = self.history();
        let fact = fact(&mut history);
        history.record(now, fact);
    }

    /// Whether a trouble strikes now, `per_mille` times in a thousand.
    pub fn strikes(&self, trouble: Trouble, per_mille: u64) -> bool {
        self.scenario.has(trouble) && self.random().chance(per_mille)
    }

    /// As [`Shared::strikes`], for troubles that end before the simulation does.
    pub fn strikes_early(&self, trouble: Trouble, per_mille: u64) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.strikes(trouble, per_mille)
    }

    /// Whether our own disk and store of evidence are out, for hours on end, once in some days.
    pub fn is_out(&self) -> bool {
        self.is_within(Trouble::OwnFailure, "outage", (2 * DAY, 400), (36 * HOUR, 12 * HOUR))
    }

    /// Whether now is within a time of trouble: `per_mille` of the periods have one, which begins before `latest` and lasts
    /// an hour to `longest`.
    fn is_within(
        &self,
        trouble: Trouble,
        name: &str,
        (every, per_mille): (i64, u64),
        (latest, longest): (i64, i64),
    ) -> bool {
        let now = self.now();
        let period = now.div_euclid(every);
        let mut random = self.scenario.random(name, &[period.unsigned_abs()]);
        let (out, from, lasts) =
            (random.chance(per_mille), random.between(0, latest), random.between(HOUR, longest));
        let since = now - period * every;
        self.scenario.has(trouble)
            && !self.calm.load(Ordering::Relaxed)
            && out
            && (from..from + lasts).contains(&since)
    }

    /// Whether no hold can be set or lifted, for hours on end, once in some days: longer than it is tried, at times.
    pub fn holds_fail(&self) -> bool {
        self.is_within(Trouble::HoldFailure, "no holds", (3 * DAY, 500), (36 * HOUR, 34 * HOUR))
    }

    /// A number of milliseconds.
    pub fn between(&self, from: i64, to: i64) -> i64 {
        self.random().between(from, to)
    }

    /// The store works on a call of this worker now.
    pub fn writes(&self, worker: usize) {
        self.writer.store(worker as u32, Ordering::Relaxed);
    }

    fn writer(&self) -> Writer {
        self.writer.load(Ordering::Relaxed)
    }

    fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A moment as workers and store spell it.
pub fn stamp(at: Moment) -> Timestamp {
    Timestamp::from_second(BEGINNING)
        .and_then(|beginning| beginning.checked_add(SignedDuration::from_millis(at)))
        .unwrap_or(Timestamp::MAX)
}

/// The moment that a time stamp spells.
pub fn moment(at: Timestamp) -> Moment {
    at.as_millisecond() - BEGINNING * 1000
}

impl Faults for Shared {
    fn strike(&self, call: Call) -> Option<Fault> {
        let rare = |trouble, per_mille| self.strikes_early(trouble, per_mille);
        match call {
            Call::Commit if rare(Trouble::Conflict, 10) => Some(Fault::Conflict),
            _ if rare(Trouble::Throttle, 10) => Some(Fault::Throttled),
            Call::Commit | Call::Settle | Call::TakeIn if rare(Trouble::AnswerLost, 10) => {
                Some(Fault::AnswerLost)
            }
            _ => None,
        }
    }

    fn written(&self, step: &Step) {
        let now = self.now();
        let mut history = self.history();
        let case = history.case(&step.case.id);
        for op in &step.claims {
            let fact = match op {
                // What limits orders and deliveries silences nobody.
                ClaimOp::Take(claim)
                    if ["order#", "isolated#", "limit#"]
                        .iter()
                        .any(|start| claim.key.as_str().starts_with(start)) =>
                {
                    continue;
                }
                ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } => {
                    Fact::Took { key: claim.key.as_str().to_owned(), case, by: self.writer() }
                }
                ClaimOp::Release(key) => Fact::Released { key: key.as_str().to_owned(), case },
                ClaimOp::Confirm(_) => continue,
            };
            history.record(now, fact);
        }
        if let State::Closed { outcome } = &step.case.state {
            if matches!(outcome, Outcome::Failed { code, .. } if code == "gave_up") {
                history.given_up += 1;
            }
            history.record(now, Fact::Closed { case });
        }
    }

    fn waits_again(&self, alert_id: &str) {
        self.record(|_| Fact::WaitsAgain { alert: alert_id.to_owned() });
    }

    fn settled(&self, alert_id: &str, disposition: &Disposition) {
        let (case_id, how, key) = match disposition {
            Disposition::Opened { case_id } => (case_id, Settled::Opened, None),
            Disposition::Suppressed { case_id, key, .. } => {
                (case_id, Settled::Suppressed, Some(key.as_str().to_owned()))
            }
            Disposition::Folded { case_id, .. } => (case_id, Settled::Folded, None),
            _ => return,
        };
        let (alert, by) = (alert_id.to_owned(), self.writer());
        self.record(|history| Fact::Settled { alert, how, key, case: history.case(case_id), by });
    }
}
