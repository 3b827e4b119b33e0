//! Workers that were stopped, and operators: what they are a cause of.

use std::collections::HashMap;

use super::{Court, GRACE, LEASE};
use crate::conductor::{HOLD, Record};
use crate::history::{Fact, Moment, Writer};
use crate::scenario::MINUTE;

/// The longest that a contact takes from the write before it, with an order's way to a relay.
const CONTACT: Moment = 40 * MINUTE;

pub(super) fn stops(record: &Record) -> HashMap<Writer, Vec<(Moment, Moment)>> {
    let mut stops: HashMap<Writer, Vec<(Moment, Moment)>> = HashMap::new();
    for (at, fact) in &record.history.facts {
        if let Fact::Stopped { worker, until } = fact {
            stops.entry(*worker).or_default().push((*at, *until));
        }
    }
    stops
}

pub(super) fn by_hand(record: &Record) -> HashMap<&str, Vec<Moment>> {
    let mut by_hand: HashMap<&str, Vec<Moment>> = HashMap::new();
    for (at, fact) in &record.history.facts {
        if let Fact::ReleasedByHand { key, .. } = fact {
            by_hand.entry(key).or_default().push(*at);
        }
    }
    by_hand
}

impl Court<'_> {
    /// When what a worker wrote at `at` was decided at the earliest: a little before, and a worker that was stopped in
    /// that time may have decided before the stop.
    pub(super) fn decided(&self, by: Writer, at: Moment) -> Moment {
        let mut earliest = at - GRACE;
        for (from, until) in self.stops.get(&by).into_iter().flatten().rev() {
            if *from <= at && *until >= earliest {
                earliest = earliest.min(from - GRACE);
            }
        }
        earliest
    }

    /// Whether a worker was stopped between these moments for so long that its right to contact a machine may have gone
    /// to another: its hold ran out, or its lease.
    pub(super) fn stopped_for_long(&self, by: Writer, since: Moment, until: Moment) -> bool {
        let enough = if self.record.scenario.holds_expire() { HOLD } else { LEASE - CONTACT };
        let stops = self.stops.get(&by).into_iter().flatten();
        let within = stops.map(|(from, to)| (to.min(&until) - from.max(&since)).max(0));
        within.sum::<Moment>() >= enough
    }

    /// Whether an operator gave this key up between these moments.
    pub(super) fn given_up_by_hand(&self, key: &str, since: Moment, until: Moment) -> bool {
        self.by_hand.get(key).is_some_and(|moments| moments.iter().any(|at| (since..=until).contains(at)))
    }
}
