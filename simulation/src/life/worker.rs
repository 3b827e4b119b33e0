//! One life of one worker: it may die or be stopped at any point that it passes.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use casework::backend::Hold;
use tokio::time::Duration;

use super::{News, Shared};
use crate::history::{Fact, Moment};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};

/// Alerts up to which points are as deadly as they say.
const CROWD: u64 = 20_000;

/// Stops at a point, in a hundred thousand.
const STOPS: u64 = 100;

/// One life of one worker.
pub struct Life {
    /// The worker.
    pub worker: usize,
    /// Which of its lives.
    pub number: u32,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    alive: AtomicBool,
    /// It does nothing before this moment.
    stopped_until: AtomicI64,
    /// The end of the last stop in which it lost its holds.
    lost_until: AtomicI64,
    holds: Mutex<Vec<Weak<Grip>>>,
    /// What it shares with all others.
    pub shared: Arc<Shared>,
}

/// A hold as its worker has it, which may run out under it.
struct Grip(Mutex<Option<Box<dyn Hold>>>);

impl Grip {
    fn open(&self) {
        // Outside the lock, as giving a hold up may come back here.
        let hold = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(hold);
    }
}

struct Gripped(Arc<Grip>);

impl Hold for Gripped {}

impl Drop for Gripped {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Life {
    /// A worker begins to live.
    pub fn begin(shared: &Arc<Shared>, worker: usize, number: u32) -> Arc<Self> {
        let mut random = shared.scenario.random("skew", &[worker as u64]);
        let skew = if shared.scenario.has(Trouble::Skew) {
            random.between(-crate::scenario::SKEW, crate::scenario::SKEW)
        } else {
            0
        };
        Arc::new(Self {
            worker,
            number,
            skew,
            alive: AtomicBool::new(true),
            stopped_until: AtomicI64::new(0),
            lost_until: AtomicI64::new(Moment::MIN),
            holds: Mutex::default(),
            shared: Arc::clone(shared),
        })
    }

    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// It dies. Whatever it does stops here.
    pub fn end(&self) {
        if self.alive.swap(false, Ordering::Relaxed) {
            let _ = self.shared.news.send(News::Died { worker: self.worker, life: self.number });
        }
    }

    /// Whether it is stopped now.
    pub fn is_stopped(&self) -> bool {
        self.shared.now() < self.stopped_until.load(Ordering::Relaxed)
    }

    /// It is stopped, for minutes or for hours, unless it is already.
    pub fn stop(&self) {
        if self.is_stopped() {
            return;
        }
        let (from, to) = match self.shared.between(0, 4) {
            0 => (10 * SECOND, 2 * MINUTE),
            1 | 2 => (2 * MINUTE, HOUR),
            _ => (HOUR, 8 * HOUR),
        };
        let until = self.shared.now() + self.shared.between(from, to);
        self.stopped_until.store(until, Ordering::Relaxed);
        let worker = self.worker as u32;
        self.shared.record(|_| Fact::Stopped { worker, until });
        let _ = self.shared.news.send(News::Stopped { worker: self.worker, life: self.number, until });
    }

    /// Waits while it is stopped.
    pub async fn running(&self) {
        while self.is_stopped() {
            let until = self.stopped_until.load(Ordering::Relaxed);
            tokio::time::sleep_until(self.shared.instant(until)).await;
        }
    }

    /// A point at which it may die, `per_hundred_thousand` times in that many, or be stopped. A dead worker never comes
    /// back from it. Where there is more to do in a day, a worker passes more such points, and each is less deadly.
    pub async fn survive(&self, per_hundred_thousand: u64) {
        self.running().await;
        if self.befalls(Trouble::Crash, per_hundred_thousand) {
            self.end();
        }
        self.may_stop(STOPS).await;
    }

    /// A point at which it may be stopped, so many times in a hundred thousand.
    pub async fn may_stop(&self, per_hundred_thousand: u64) {
        if self.is_alive() && self.befalls(Trouble::Suspended, per_hundred_thousand) {
            self.stop();
        }
        self.running().await;
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    fn befalls(&self, trouble: Trouble, per_hundred_thousand: u64) -> bool {
        let crowd = u64::from(self.shared.scenario.alerts).max(CROWD);
        self.shared.scenario.has(trouble)
            && !self.shared.calm.load(Ordering::Relaxed)
            && self.shared.random().below(100_000 * crowd) < per_hundred_thousand * CROWD
    }

    /// The store works on a call of this worker now.
    pub fn writes(&self) {
        self.shared.writes(self.worker);
    }

    /// The time that a call of the store takes.
    pub async fn latency(&self) {
        if self.shared.strikes(Trouble::Latency, 300) {
            let wait = self.shared.between(1, 120);
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        }
    }

    /// Keeps a hold as this worker has it: it is dropped with the worker, or runs out while the worker is stopped.
    pub fn grip(&self, hold: Box<dyn Hold>) -> Box<dyn Hold> {
        let grip = Arc::new(Grip(Mutex::new(Some(hold))));
        let mut holds = self.holds();
        if holds.len() >= 2 * holds.iter().filter(|held| held.strong_count() > 0).count().max(8) {
            holds.retain(|held| held.strong_count() > 0);
        }
        holds.push(Arc::downgrade(&grip));
        Box::new(Gripped(grip))
    }

    /// Its holds run out, as it has been stopped for too long.
    pub fn lose_holds(&self) {
        self.lost_until.store(self.stopped_until.load(Ordering::Relaxed), Ordering::Relaxed);
        let holds = std::mem::take(&mut *self.holds());
        holds.iter().filter_map(Weak::upgrade).for_each(|grip| grip.open());
    }

    /// Whether it lost its holds in a stop that ended after `since`, or just before.
    pub fn lost_holds(&self, since: Moment) -> bool {
        self.lost_until.load(Ordering::Relaxed) >= since - 5 * SECOND
    }

    fn holds(&self) -> MutexGuard<'_, Vec<Weak<Grip>>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
