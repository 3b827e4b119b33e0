//! Checks the promises from what was recorded, with a logic of its own: nothing here asks the code under test what it
//! thinks. What a claim, a cooldown or a suspect is, is said here a second time, on purpose.

mod actions;
mod alerts;
mod changes;
mod claims;
mod contacts;
mod evidence;
mod follow_up;
mod measures;
mod patience;
mod stops;

use std::collections::HashMap;
use std::fmt;

use casework::backend::simulated::CaseDump;

use crate::conductor::Record;
use crate::history::{CaseNo, Fact, Moment, Writer};
use crate::scenario::{DAY, HOUR, MINUTE, SECOND, SKEW};
use crate::world::Truth;

/// The cooldown that the policy says, from the claim.
const WINDOW: Moment = 3 * DAY;
/// The lease that the policy says.
const LEASE: Moment = 2 * HOUR;
/// A decision is written this long after it was made at most: calls of the store take their time. A worker that was
/// stopped in between takes longer, see [`Court::decided`].
const GRACE: Moment = 5 * SECOND;
/// Two clocks may be this far apart; a call may take this long on top.
const TOLERANCE: Moment = 2 * SKEW + 5 * SECOND;

/// Writes the enum down together with the list of all its members, so that none can be missing from the list.
macro_rules! invariants {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// What has to hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $($(#[$meta])* $name,)*
        }

        impl Invariant {
            /// Every invariant.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

invariants! {
    /// Each alert has exactly one final outcome, and one that fits it.
    AlertLost,
    /// Each case comes to its end.
    LeftOpen,
    /// An alert is only put down to a claim that is in force, or to a case that waits.
    SilencedWithoutCause,
    /// A case without evidence silences nobody.
    FailedSilences,
    /// No case is given up for a failure on our own side before that has lasted for three days.
    GivenUpEarly,
    /// An alert that waits again is looked at within an hour in which workers work.
    LookedAtLate,
    /// One sealed collection per address and window.
    SealedTwice,
    /// One sealed collection per user and window.
    UserTwice,
    /// Two cases are never in contact with one address.
    TwoContacts,
    /// Nothing outside the scope is contacted, and nobody exempt is collected.
    OutOfScope,
    /// No action is seen twice.
    ActionTwice,
    /// Each action comes to its end, what is said to be done was seen, and what is said to have failed was not.
    ActionLost,
    /// Nothing is changed on a machine, or taken back, without the words of as many listed persons as it needs, no older than
    /// they count, on the evidence of that case, and nothing after a no that was heard.
    ChangedUnapproved,
    /// No other machine is changed than that of the evidence, and none that is never changed.
    ChangedElsewhere,
    /// Each approved measure is ordered once and carried out once.
    ChangedTwice,
    /// What is said of a measure is what the machine has, and what is taken back is as it was.
    NotRestored,
    /// An isolation ends by itself, and a machine is in one at a time.
    IsolationStays,
    /// What is to be held is held, both containers, or the case says that it could not be.
    HoldLost,
    /// Sealed evidence has the verdict that it proves and is told of, whatever becomes of the deeper look.
    VerdictLost,
    /// No action of the site's own is tried more often than the policy says.
    ActionTooOften,
    /// Evidence is sealed only when it is whole, and nothing is said before.
    SealedNotWhole,
    /// What is sealed comes from the machine that was identified.
    WrongMachine,
    /// The suppressed alerts of each case are counted exactly.
    CountWrong,
    /// Each open case has something due within a day.
    NothingDue,
    /// The program keeps its own rules: no refused event, no panic, no effect that never ends.
    Broken,
}

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// The facts that prove it.
    pub facts: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.invariant)?;
        for fact in &self.facts {
            write!(f, "\n    {fact}")?;
        }
        Ok(())
    }
}

/// Violations that are kept of each invariant; one is enough to fail.
const KEPT: usize = 5;

/// Everything that was not kept.
pub fn check(record: &Record) -> Vec<Violation> {
    let mut court = Court::new(record);
    court.alerts();
    court.waiting_again();
    court.given_up();
    court.claims();
    court.contacts();
    court.evidence();
    court.actions();
    court.tries();
    court.changes();
    court.measures();
    court.isolations();
    court.follow_ups();
    court.broken();
    court.violations
}

/// The record with what is looked up often.
struct Court<'a> {
    record: &'a Record,
    /// Cases in the store at the end, by number.
    cases: HashMap<CaseNo, &'a CaseDump>,
    /// Alerts that were sent, by id.
    truths: HashMap<&'a str, &'a Truth>,
    /// When each case was closed.
    closed: HashMap<CaseNo, Moment>,
    /// When each worker was stopped, and until when.
    stops: HashMap<Writer, Vec<(Moment, Moment)>>,
    /// When an operator gave up which key.
    by_hand: HashMap<&'a str, Vec<Moment>>,
    violations: Vec<Violation>,
}

impl<'a> Court<'a> {
    fn new(record: &'a Record) -> Self {
        let number = |case: &'a CaseDump| Some((record.history.known(&case.id)?, case));
        let closed = record.history.facts.iter().filter_map(|(at, fact)| match fact {
            Fact::Closed { case } => Some((*case, *at)),
            _ => None,
        });
        // A case that is closed is written again when its remediation goes on: what counts is the first time.
        let mut first: HashMap<CaseNo, Moment> = HashMap::new();
        for (case, at) in closed {
            first.entry(case).or_insert(at);
        }
        Self {
            record,
            cases: record.dump.cases.iter().filter_map(number).collect(),
            truths: record.sent.iter().flatten().map(|truth| (truth.id.as_str(), truth)).collect(),
            closed: first,
            stops: stops::stops(record),
            by_hand: stops::by_hand(record),
            violations: Vec::new(),
        }
    }

    fn convict(&mut self, invariant: Invariant, facts: Vec<String>) {
        if self.violations.iter().filter(|known| known.invariant == invariant).count() < KEPT {
            self.violations.push(Violation { invariant, facts });
        }
    }

    fn id(&self, case: CaseNo) -> &'a str {
        self.record.history.case_ids.get(case as usize).map_or("?", String::as_str)
    }

    fn sealed(&self, case: CaseNo) -> bool {
        self.cases.get(&case).is_some_and(|case| case.sealed)
    }

    /// The alert that opened a case.
    fn alert_of(&self, case: CaseNo) -> Option<&'a Truth> {
        self.truths.get(self.cases.get(&case)?.alert_id.as_str()).copied()
    }

    /// Who is suspected on a machine by a case: the user that its alert names if that one is logged in, else all who
    /// are; without those whom the policy leaves alone.
    fn suspects(&self, case: CaseNo, machine: u32) -> Vec<&'a str> {
        let machine = &self.record.machines[machine as usize];
        let named = self.alert_of(case).and_then(|truth| truth.named.as_deref());
        match named.filter(|named| machine.users.iter().any(|user| user == named)) {
            Some(named) if named == crate::world::EXEMPT_USER => Vec::new(),
            Some(named) => vec![named],
            None => machine.suspects(),
        }
    }

    /// Rules that the program itself says were broken.
    fn broken(&mut self) {
        for (at, fact) in &self.record.history.facts {
            if let Fact::Broken { what } = fact {
                self.convict(Invariant::Broken, vec![format!("{}: {what}", when(*at))]);
            }
        }
        for (at, open) in &self.record.history.snapshots {
            for (case, due) in open {
                if due.is_none_or(|due| due > at + DAY + TOLERANCE) {
                    let due = due.map_or("nothing is due".to_owned(), |due| format!("due {}", when(due)));
                    let facts = vec![format!("{}: {} is open, {due}", when(*at), self.id(*case))];
                    self.convict(Invariant::NothingDue, facts);
                }
            }
        }
    }
}

/// A moment for people.
fn when(at: Moment) -> String {
    let (day, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (hour, minute) = (rest / HOUR, rest % HOUR / MINUTE);
    format!("day {day} {hour:02}:{minute:02}:{:06.3}", (rest % MINUTE) as f64 / SECOND as f64)
}
