//! What is simulated: how much, and which troubles. Everything else follows from the seed.

use crate::random::{Random, purpose};

/// A second, minute, hour and day in milliseconds, the unit of time here.
pub const SECOND: i64 = 1000;
/// See [`SECOND`].
pub const MINUTE: i64 = 60 * SECOND;
/// See [`SECOND`].
pub const HOUR: i64 = 60 * MINUTE;
/// See [`SECOND`].
pub const DAY: i64 = 24 * HOUR;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Workers die: between any two calls, in the middle of a contact or a delivery, at any time.
    Crash,
    /// The queue gives a message twice.
    Duplicate,
    /// The queue keeps a message for hours.
    Delay,
    /// The queue gives messages in another order.
    Reorder,
    /// Acknowledgements are lost, so that messages come again after the visibility time-out.
    Redeliver,
    /// A conditional write collides.
    Conflict,
    /// The store has no capacity.
    Throttle,
    /// The store writes, and the answer is lost.
    AnswerLost,
    /// Calls of the store take their time, so that workers interleave.
    Latency,
    /// Workers' clocks differ by up to [`SKEW`] either way.
    Skew,
    /// Endpoints are off, for hours or days.
    Offline,
    /// Endpoints take nearly as long as the policy allows.
    Slow,
    /// Endpoints answer and then say nothing.
    Hung,
    /// Connections to endpoints break in the middle.
    Interrupted,
    /// Endpoints change addresses.
    Dhcp,
    /// Several users on a machine.
    SharedMachine,
    /// One user on several machines.
    RoamingUser,
    /// Orders go to a relay, which reports.
    Relay,
    /// Reports come twice.
    ReportTwice,
    /// Reports come hours late.
    ReportLate,
    /// Reports never come.
    ReportLost,
    /// Artifacts fail.
    Partial,
    /// Our own disk is full now and then, and for hours once in some days.
    OwnFailure,
    /// Servers refuse, for good or for now.
    Refusal,
    /// Servers accept and answer 500, or answer 500 and did not accept.
    Answer500,
    /// Servers accept and the connection breaks.
    AcceptedAndLost,
    /// Workers are stopped for minutes or hours between any two calls, and go on as if nothing had been: a frozen
    /// machine, or a signal. Their holds are kept meanwhile, or run out, see [`Scenario::holds_expire`].
    Suspended,
    /// An operator gives claims up, whoever has them.
    Release,
    /// Old alerts and claims are forgotten now and then.
    Prune,
    /// Relays end in the middle of an order to change something.
    RelayRestart,
    /// Holds cannot be set or lifted, for hours once in some days.
    HoldFailure,
    /// The site's own actions do not come to an end in their time.
    ActionHangs,
    /// People order holds, their ends and deeper looks at odd times.
    Order,
}

/// How far a worker's clock may be off, either way.
pub const SKEW: i64 = 30 * SECOND;

impl Trouble {
    /// Every kind, with the word that the command line knows it by.
    pub const ALL: [(Self, &'static str); 33] = [
        (Self::Crash, "crash"),
        (Self::Duplicate, "duplicate"),
        (Self::Delay, "delay"),
        (Self::Reorder, "reorder"),
        (Self::Redeliver, "redeliver"),
        (Self::Conflict, "conflict"),
        (Self::Throttle, "throttle"),
        (Self::AnswerLost, "answer-lost"),
        (Self::Latency, "latency"),
        (Self::Skew, "skew"),
        (Self::Offline, "offline"),
        (Self::Slow, "slow"),
        (Self::Hung, "hung"),
        (Self::Interrupted, "interrupted"),
        (Self::Dhcp, "dhcp"),
        (Self::SharedMachine, "shared-machine"),
        (Self::RoamingUser, "roaming-user"),
        (Self::Relay, "relay"),
        (Self::ReportTwice, "report-twice"),
        (Self::ReportLate, "report-late"),
        (Self::ReportLost, "report-lost"),
        (Self::Partial, "partial"),
        (Self::OwnFailure, "own-failure"),
        (Self::Refusal, "refusal"),
        (Self::Answer500, "answer-500"),
        (Self::AcceptedAndLost, "accepted-and-lost"),
        (Self::Suspended, "suspended"),
        (Self::Release, "release"),
        (Self::Prune, "prune"),
        (Self::RelayRestart, "relay-restart"),
        (Self::HoldFailure, "hold-failure"),
        (Self::ActionHangs, "action-hangs"),
        (Self::Order, "order"),
    ];

    /// The trouble of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(trouble, _)| *trouble)
    }

    fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// A set of troubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Troubles(u64);

impl Troubles {
    /// All of them.
    pub const ALL: Self = Self((1 << Trouble::ALL.len()) - 1);

    /// Whether this one is among them.
    pub fn has(self, trouble: Trouble) -> bool {
        self.0 & trouble.bit() != 0
    }

    /// The same without one.
    pub fn without(self, trouble: Trouble) -> Self {
        Self(self.0 & !trouble.bit())
    }

    /// The words of those that are left out.
    pub fn left_out(self) -> Vec<&'static str> {
        Trouble::ALL.iter().filter(|(trouble, _)| !self.has(*trouble)).map(|(_, name)| *name).collect()
    }
}

/// One schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What everything is drawn from.
    pub seed: u64,
    /// Machines.
    pub endpoints: u32,
    /// Alerts.
    pub alerts: u32,
    /// Days in which they come.
    pub days: u32,
    /// Workers.
    pub workers: u32,
    /// Users work on two machines each, contacts take long and often break, and workers are stopped where it hurts
    /// most: what needs several rare things at once is met here.
    pub contended: bool,
    /// What may go wrong.
    pub troubles: Troubles,
}

impl Scenario {
    /// A small schedule, dense enough that things meet.
    pub fn small(seed: u64) -> Self {
        let mut random = Random::of(&[seed, purpose("scenario")]);
        Self {
            seed,
            endpoints: 6 + random.below(20) as u32,
            alerts: 100 + random.below(200) as u32,
            days: 7 + random.below(4) as u32,
            workers: 2 + random.below(3) as u32,
            contended: random.chance(250),
            troubles: Troubles::ALL,
        }
    }

    /// A small schedule with as much contention for users as there can be.
    pub fn contended(seed: u64) -> Self {
        Self { endpoints: 40, alerts: 800, contended: true, ..Self::small(seed) }
    }

    /// Whether a kind of trouble is on.
    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.has(trouble)
    }

    /// Whether the ticket server folds requests with the same key. The policy says the same.
    pub fn folds_tickets(&self) -> bool {
        Random::of(&[self.seed, purpose("folds")]).chance(500)
    }

    /// Whether the hold of a worker that is stopped runs out, as a row with a time does. A lock on a file is kept.
    pub fn holds_expire(&self) -> bool {
        Random::of(&[self.seed, purpose("holds expire")]).chance(500)
    }

    /// A stream for one purpose.
    pub fn random(&self, name: &str, more: &[u64]) -> Random {
        let mut parts = vec![self.seed, purpose(name)];
        parts.extend(more);
        Random::of(&parts)
    }

    /// The command that runs it again.
    pub fn command(&self) -> String {
        let left_out = self.troubles.left_out();
        let without =
            if left_out.is_empty() { String::new() } else { format!(" --without {}", left_out.join(",")) };
        let contended = if self.contended { " --contended" } else { "" };
        format!(
            "cargo run -p simulation --release -- --from {} --seeds 1 --endpoints {} --alerts {} --days {} --workers {}{contended}{without}",
            self.seed, self.endpoints, self.alerts, self.days, self.workers
        )
    }
}
