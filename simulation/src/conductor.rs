//! Runs one schedule: the queue in front, the workers, their deaths, the sweep, the moves of machines.

mod operator;
mod people;
mod queue;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casework::backend::Received;
use casework::backend::simulated::{AlertDump, Dump, Simulated};
use casework::worker::Worker;
use investigation::policy::Policy;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::broken::{Broken, BrokenField, Variant};
use crate::field::clock;
use crate::history::{Fact, History, Moment};
use crate::life::{Life, News, Report, Shared, moment};
use crate::scenario::{DAY, HOUR, MINUTE, SECOND, Scenario, Trouble};
use crate::world::{self, Drawn, Machine, Truth};

/// The hold of a worker that has been stopped for this long runs out, where holds do.
pub const HOLD: i64 = 5 * MINUTE;
/// Settled alerts are forgotten when they are this old. Longer than a case can be open.
const KEEP: i64 = 6 * DAY;
/// How long what is left may take to come to its end when all troubles are over.
const PATIENCE: i64 = 12 * DAY;

type Peerhound = Worker<Broken, BrokenField>;

/// What a checker gets to see of a run.
pub struct Record {
    /// The schedule.
    pub scenario: Scenario,
    /// What happened.
    pub history: History,
    /// What is stored at the end.
    pub dump: Dump,
    /// Alerts that were forgotten, as they were stored then.
    pub forgotten: Vec<AlertDump>,
    /// The alerts that were sent.
    pub sent: Vec<Option<Truth>>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// What kept the run from its end, if anything did.
    pub unfinished: Option<String>,
    /// Deaths of workers.
    pub deaths: u32,
    /// Messages that were given to workers.
    pub deliveries: u64,
}

/// Runs a schedule to its end, with the system as it is or broken in one way. `progress` is told the day.
pub fn run(scenario: Scenario, variant: Option<Variant>, progress: &mut dyn FnMut(i64)) -> Record {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(async { Conductor::new(scenario, variant).run(progress).await }),
        Err(error) => panic!("no runtime: {error}"),
    }
}

enum Happening {
    /// A message becomes visible.
    Deliver {
        message: u64,
    },
    Report(Box<Report>, u32),
    Crash,
    Restart {
        worker: usize,
    },
    /// Some worker is stopped.
    Stop,
    /// The holds of a worker run out, if it is still stopped.
    LoseHolds {
        worker: usize,
        life: u32,
    },
    /// An operator gives a claim up.
    Release,
    /// Somebody says yes or no to what was proposed, or wants it taken back.
    Decide,
    /// Somebody orders what follows a case.
    Order,
    Prune,
    Sweep {
        worker: usize,
    },
    Move {
        nth: u64,
    },
    Snapshot,
}

struct Message {
    received: Received,
}

struct Slot {
    life: u32,
    living: Option<(Arc<Life>, Arc<Peerhound>)>,
    tasks: JoinSet<()>,
}

impl Slot {
    /// Whether there is a worker that lives and is not stopped.
    fn works(&self) -> bool {
        self.living.as_ref().is_some_and(|(life, _)| !life.is_stopped())
    }
}

struct Conductor {
    shared: Arc<Shared>,
    store: Simulated,
    policy: Arc<Policy>,
    variant: Option<Variant>,
    news: UnboundedReceiver<News>,
    slots: Vec<Slot>,
    agenda: BinaryHeap<Reverse<(Moment, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next: u64,
    messages: Arc<std::sync::Mutex<BTreeMap<u64, Message>>>,
    to_send: Vec<(u32, Drawn)>,
    deaths: u32,
    deliveries: u64,
    forgotten: Vec<AlertDump>,
    sweep_every: i64,
}

impl Conductor {
    fn new(scenario: Scenario, variant: Option<Variant>) -> Self {
        let (to_conductor, news) = unbounded_channel();
        let shared = Shared::new(scenario, to_conductor);
        let policy = match Policy::parse(&Variant::policy(variant, &scenario)) {
            Ok(policy) => Arc::new(policy),
            Err(error) => panic!("the simulation's own policy: {error}"),
        };
        let mut to_send: Vec<(u32, Drawn)> =
            (0..scenario.alerts).map(|number| (number, world::drawn(&scenario, number))).collect();
        to_send.sort_by_key(|(number, drawn)| Reverse((drawn.at, *number)));
        let slot = || Slot { life: 0, living: None, tasks: JoinSet::new() };
        Self {
            store: Simulated::new(Arc::clone(&shared) as _),
            shared,
            policy,
            variant,
            news,
            slots: (0..scenario.workers).map(|_| slot()).collect(),
            agenda: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next: 0,
            messages: Arc::default(),
            to_send,
            deaths: 0,
            deliveries: 0,
            forgotten: Vec::new(),
            sweep_every: if scenario.alerts > 20_000 { 5 * MINUTE } else { 2 * MINUTE },
        }
    }

    async fn run(mut self, progress: &mut dyn FnMut(i64)) -> Record {
        let scenario = self.shared.scenario;
        for worker in 0..self.slots.len() {
            self.restart(worker);
            self.at(worker as i64 * 7 * SECOND, Happening::Sweep { worker });
        }
        if scenario.has(Trouble::Dhcp) {
            self.at(HOUR, Happening::Move { nth: 0 });
        }
        self.at(HOUR, Happening::Crash);
        self.at(HOUR, Happening::Stop);
        self.at(HOUR, Happening::Release);
        self.at(HOUR, Happening::Decide);
        self.at(HOUR, Happening::Order);
        self.at(7 * DAY, Happening::Prune);
        self.at(6 * HOUR, Happening::Snapshot);
        let end = i64::from(scenario.days) * DAY + 4 * DAY + HOUR;
        let mut day = 0;
        let unfinished = loop {
            let now = self.shared.now();
            if now / DAY > day {
                day = now / DAY;
                progress(day);
            }
            if now >= end {
                self.shared.calm.store(true, Ordering::Relaxed);
                match self.left() {
                    None => break None,
                    left if now > end + PATIENCE => break left,
                    _ => {}
                }
            }
            let agenda = self.agenda.peek().map_or(Moment::MAX, |Reverse((at, _))| *at);
            let send = self.to_send.last().map_or(Moment::MAX, |(_, drawn)| drawn.at);
            let next = agenda.min(send).min(now + DAY);
            tokio::select! {
                biased;
                Some(news) = self.news.recv() => self.hear(news),
                () = tokio::time::sleep_until(self.shared.instant(next)) => self.happen(next),
            }
        };
        self.shared.history().ended = self.shared.now();
        for slot in &mut self.slots {
            slot.tasks.shutdown().await;
        }
        let mut world = self.shared.world();
        Record {
            scenario,
            history: std::mem::take(&mut *self.shared.history()),
            dump: self.store.dump(),
            forgotten: self.forgotten,
            sent: std::mem::take(&mut world.sent),
            machines: std::mem::take(&mut world.machines),
            unfinished,
            deaths: self.deaths,
            deliveries: self.deliveries,
        }
    }

    /// What is still to be done, if anything is.
    fn left(&self) -> Option<String> {
        let (open, waiting) = self.store.unfinished();
        let messages = self.messages().len();
        let done = open == 0 && waiting == 0 && messages == 0 && self.to_send.is_empty();
        (!done).then(|| {
            format!("{open} cases are open, {waiting} alerts wait, {messages} messages are not acknowledged")
        })
    }

    fn messages(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Message>> {
        self.messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn at(&mut self, at: Moment, happening: Happening) {
        self.next += 1;
        self.agenda.push(Reverse((at, self.next)));
        self.happenings.insert(self.next, happening);
    }

    fn after(&mut self, wait: i64, happening: Happening) {
        self.at(self.shared.now() + wait, happening);
    }

    fn happen(&mut self, now: Moment) {
        while self.to_send.last().is_some_and(|(_, drawn)| drawn.at <= now) {
            if let Some((number, drawn)) = self.to_send.pop() {
                self.send(number, &drawn);
            }
        }
        while self.agenda.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, id))) = self.agenda.pop() else { break };
            if let Some(happening) = self.happenings.remove(&id) {
                self.one(happening);
            }
        }
    }

    fn one(&mut self, happening: Happening) {
        let early = !self.shared.calm.load(Ordering::Relaxed);
        match happening {
            Happening::Deliver { message } => self.deliver(message),
            Happening::Report(report, tries) => self.report(report, tries),
            Happening::Crash => {
                let victim = self.shared.between(0, self.slots.len() as i64) as usize;
                if self.shared.strikes_early(Trouble::Crash, 1000)
                    && let Some((life, _)) = &self.slots[victim].living
                {
                    life.end();
                }
                let pause = self.shared.between(10 * MINUTE, 10 * HOUR);
                self.after(pause, Happening::Crash);
            }
            Happening::Restart { worker } => self.restart(worker),
            Happening::Stop => {
                let victim = self.shared.between(0, self.slots.len() as i64) as usize;
                if self.shared.strikes_early(Trouble::Suspended, 1000)
                    && let Some((life, _)) = &self.slots[victim].living
                {
                    life.stop();
                }
                let pause = self.shared.between(HOUR, 20 * HOUR);
                self.after(pause, Happening::Stop);
            }
            Happening::LoseHolds { worker, life: number } => {
                if let Some((life, _)) = &self.slots[worker].living
                    && life.number == number
                    && life.is_stopped()
                {
                    life.lose_holds();
                }
            }
            Happening::Release => {
                if early && self.shared.scenario.has(Trouble::Release) {
                    self.release();
                }
                let pause = self.shared.between(HOUR, 16 * HOUR);
                self.after(pause, Happening::Release);
            }
            Happening::Decide => {
                self.decide();
                let pause = self.shared.between(5 * MINUTE, 40 * MINUTE);
                self.after(pause, Happening::Decide);
            }
            Happening::Order => {
                if early && self.shared.scenario.has(Trouble::Order) {
                    self.order();
                }
                let pause = self.shared.between(HOUR, 8 * HOUR);
                self.after(pause, Happening::Order);
            }
            Happening::Prune => {
                if self.shared.scenario.has(Trouble::Prune) {
                    self.prune();
                }
                // In a large schedule each costs a look at everything.
                let often = if self.shared.scenario.alerts > 20_000 { 5 * DAY } else { 6 * HOUR };
                self.after(often, Happening::Prune);
            }
            Happening::Sweep { worker } => self.sweep(worker),
            Happening::Move { nth } => {
                let pause =
                    self.shared.between(0, 4 * DAY / i64::from(self.shared.scenario.endpoints.max(1)));
                if early {
                    self.shared.world().move_one(nth);
                }
                self.after(pause.max(SECOND), Happening::Move { nth: nth + 1 });
            }
            Happening::Snapshot => {
                let open = self.store.open();
                let now = self.shared.now();
                let mut history = self.shared.history();
                let open =
                    open.iter().map(|case| (history.case(&case.id), case.next_due.map(moment))).collect();
                history.snapshots.push((now, open));
                drop(history);
                self.after(6 * HOUR, Happening::Snapshot);
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Died { worker, life } if self.slots[worker].life == life => {
                self.shared.record(|_| Fact::Died { worker: worker as u32 });
                let slot = &mut self.slots[worker];
                slot.living = None;
                // Everything that it did is dropped, and with it every hold and every contact.
                slot.tasks = JoinSet::new();
                self.deaths += 1;
                let long = self.shared.between(0, 10) == 0;
                let away = if long {
                    self.shared.between(HOUR, 5 * HOUR)
                } else {
                    self.shared.between(SECOND, 5 * MINUTE)
                };
                self.after(away, Happening::Restart { worker });
            }
            News::Died { .. } => {}
            News::Stopped { worker, life, until } => {
                let runs_out = self.shared.now() + HOLD;
                if self.shared.scenario.holds_expire() && runs_out < until {
                    self.at(runs_out, Happening::LoseHolds { worker, life });
                }
            }
            News::Report(report) if report.at < 0 => {
                let tries = report.at.unsigned_abs() as u32;
                self.after(30 * SECOND, Happening::Report(report, tries));
            }
            News::Report(report) => self.at(report.at, Happening::Report(report, 0)),
        }
    }

    fn restart(&mut self, worker: usize) {
        self.shared.record(|_| Fact::Restarted { worker: worker as u32 });
        let slot = &mut self.slots[worker];
        slot.life += 1;
        let life = Life::begin(&self.shared, worker, slot.life);
        let peerhound = Worker {
            backend: Broken::new(self.variant, self.store.clone(), Arc::clone(&life)),
            performer: BrokenField::new(self.variant, Arc::clone(&self.shared), Arc::clone(&life)),
            policy: Arc::clone(&self.policy),
            observer: Arc::new(()),
            now: clock(&self.shared, &life),
        };
        slot.living = Some((life, Arc::new(peerhound)));
    }
}
