//! What the servers saw.

use std::collections::{HashMap, HashSet};

use super::{Court, GRACE, Invariant, TOLERANCE, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::scenario::HOUR;
use crate::world::OWN_ACTIONS;

impl Court<'_> {
    pub(super) fn actions(&mut self) {
        let record = self.record;
        let mut seen: HashMap<(CaseNo, &str), Vec<(Moment, &str)>> = HashMap::new();
        for (at, fact) in &record.history.facts {
            if let Fact::Accepted { case, action, key, .. } = fact {
                seen.entry((*case, action.as_str())).or_default().push((*at, key));
            }
        }
        let mut twice: Vec<_> = seen.iter().filter(|(_, seen)| seen.len() > 1).collect();
        twice.sort_by_key(|(of, _)| **of);
        for ((case, action), seen) in twice {
            let mut facts = vec![format!("{action} of {} was accepted {} times", self.id(*case), seen.len())];
            facts.extend(seen.iter().map(|(at, key)| format!("{} under {key}", when(*at))));
            self.convict(Invariant::ActionTwice, facts);
        }
        let mut planned: HashSet<(CaseNo, &str)> = HashSet::new();
        for case in &record.dump.cases {
            let number = record.history.known(&case.id);
            for (_, kind, status) in &case.actions {
                let kind = kind.as_str();
                let accepted = number.is_some_and(|number| seen.contains_key(&(number, kind)));
                let wrong = match *status {
                    "pending" => case.closed,
                    "done" => !accepted,
                    // Whoever reads that it failed may do it by hand.
                    "failed" => accepted,
                    _ => false,
                };
                if wrong {
                    let facts =
                        vec![format!("{kind} of {} is {status}; a server accepted it: {accepted}", case.id)];
                    self.convict(Invariant::ActionLost, facts);
                }
            }
            planned.extend(case.actions.iter().filter_map(|(_, kind, _)| Some((number?, kind.as_str()))));
        }
        let mut unplanned: Vec<_> = seen.keys().filter(|of| !planned.contains(*of)).copied().collect();
        unplanned.sort_unstable();
        for (case, kind) in unplanned {
            let facts = vec![format!("{kind} of {} was accepted and is not on the case", self.id(case))];
            self.convict(Invariant::ActionLost, facts);
        }
    }

    /// The site's own actions are tried no more often than the policy says.
    pub(super) fn tries(&mut self) {
        for (name, most) in OWN_ACTIONS {
            // What a worker does late that was stopped had its turn before.
            let tried = self.record.history.facts.iter().filter_map(|(at, fact)| match fact {
                Fact::Tried { action, by } if action == name && self.decided(*by, *at) == at - GRACE => {
                    Some(*at)
                }
                _ => None,
            });
            let tried: Vec<Moment> = tried.collect();
            for pair in tried.windows(most + 1) {
                if pair[most] - pair[0] < HOUR - TOLERANCE {
                    let mut facts = vec![format!("{name} was tried {} times in an hour", most + 1)];
                    facts.extend(pair.iter().map(|at| when(*at)));
                    self.convict(Invariant::ActionTooOften, facts);
                }
            }
        }
    }
}
