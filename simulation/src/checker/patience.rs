//! How long alerts wait that are to be looked at again, and how long cases bear our own failures.

use std::collections::{BTreeMap, HashMap};

use super::{Court, Invariant, TOLERANCE, when};
use crate::history::{Fact, Moment, Writer};
use crate::scenario::{DAY, HOUR, MINUTE};

/// An alert that waits again is looked at within this much time in which some worker works. Workers look every few
/// minutes; a contact of another machine that comes first may take half an hour.
const SOON: Moment = HOUR;
/// What fails on our own side is tried for this long, as the policy says.
const BORNE: Moment = 3 * DAY;

impl Court<'_> {
    /// A case lasts longer than the failure that it is given up for.
    pub(super) fn given_up(&mut self) {
        for case in &self.record.dump.cases {
            let closed = self.record.history.known(&case.id).and_then(|number| self.closed.get(&number));
            let lasted = closed.map_or(0, |closed| closed - crate::life::moment(case.opened_at));
            if case.failed.as_deref() == Some("own_failure") && lasted < BORNE - TOLERANCE {
                let facts = vec![format!(
                    "{} is given up for a failure on our own side {} minutes after it was opened",
                    case.id,
                    lasted / MINUTE
                )];
                self.convict(Invariant::GivenUpEarly, facts);
            }
        }
    }

    pub(super) fn waiting_again(&mut self) {
        let record = self.record;
        let idle = self.idle();
        let mut waits: HashMap<&str, Moment> = HashMap::new();
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::WaitsAgain { alert } => drop(waits.insert(alert, *at)),
                Fact::Settled { alert, .. } => {
                    if let Some(since) = waits.remove(alert.as_str()) {
                        self.looked_at(alert, since, *at, &idle);
                    }
                }
                _ => {}
            }
        }
        let mut never: Vec<_> = waits.into_iter().collect();
        never.sort_unstable();
        for (alert, since) in never {
            self.looked_at(alert, since, record.history.ended, &idle);
        }
    }

    fn looked_at(&mut self, alert: &str, since: Moment, until: Moment, idle: &[(Moment, Moment)]) {
        let nobody: Moment = idle.iter().map(|(from, to)| (until.min(*to) - since.max(*from)).max(0)).sum();
        let waited = until - since - nobody;
        if waited > SOON {
            let facts = vec![format!(
                "alert {alert} waits again from {} and is looked at {}, after {} minutes in which workers worked",
                when(since),
                when(until),
                waited / MINUTE
            )];
            self.convict(Invariant::LookedAtLate, facts);
        }
    }

    /// When no worker was at work: each was dead, or stopped.
    fn idle(&self) -> Vec<(Moment, Moment)> {
        // What each worker does from each moment on: whether it lives, and until when it is stopped.
        let mut working: BTreeMap<Writer, bool> = BTreeMap::new();
        let mut changes: Vec<(Moment, Writer, bool)> = Vec::new();
        for (at, fact) in &self.record.history.facts {
            match fact {
                Fact::Restarted { worker } => changes.push((*at, *worker, true)),
                Fact::Died { worker } => changes.push((*at, *worker, false)),
                _ => {}
            }
        }
        for (worker, stops) in &self.stops {
            for (from, until) in stops {
                // A worker that is killed while it is stopped comes back at work.
                let killed = changes.iter().any(|(at, of, _)| of == worker && at > from && at <= until);
                changes.push((*from, *worker, false));
                if !killed {
                    changes.push((*until, *worker, true));
                }
            }
        }
        changes.sort_by_key(|(at, ..)| *at);
        let (mut idle, mut since) = (Vec::new(), Some(0));
        for (at, worker, works) in changes {
            working.insert(worker, works);
            match (working.values().any(|works| *works), since) {
                (true, Some(from)) => {
                    idle.push((from, at));
                    since = None;
                }
                (false, None) => since = Some(at),
                _ => {}
            }
        }
        idle.extend(since.map(|from| (from, Moment::MAX)));
        idle
    }
}
