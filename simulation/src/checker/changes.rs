//! What was changed on machines, held against what people had said by then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Court, Invariant, TOLERANCE, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::scenario::HOUR;
use crate::world::{APPROVERS, approvals_needed};

/// How long a word counts, and how long an order lives after the first word that it rests on.
const LIFE: Moment = 8 * HOUR;
/// The longest that an order is on its way to a machine, and under way there.
const UNDER_WAY: Moment = HOUR;

impl Court<'_> {
    pub(super) fn changes(&mut self) {
        let record = self.record;
        let mut said: HashMap<CaseNo, Vec<(Moment, &str)>> = HashMap::new();
        let mut orders: BTreeMap<(CaseNo, u32), BTreeSet<u32>> = BTreeMap::new();
        let mut of: HashMap<CaseNo, u32> = HashMap::new();
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::Said { by, case } => said.entry(*case).or_default().push((*at, by)),
                Fact::Sealed { case, machine, .. } => drop(of.insert(*case, *machine)),
                Fact::Changed { case, measure, effect, machine, by } => {
                    orders.entry((*case, *measure)).or_default().insert(*effect);
                    // A worker that was stopped goes on with what it had decided.
                    let since = self.decided(*by, *at) - LIFE - UNDER_WAY - TOLERANCE;
                    let words = said.get(case).map_or(&[][..], Vec::as_slice);
                    let counted: BTreeSet<&str> = words
                        .iter()
                        .filter(|(then, by)| (since..=*at).contains(then) && APPROVERS.contains(by))
                        .map(|(_, by)| *by)
                        .collect();
                    if counted.len() < approvals_needed(*measure) {
                        let mut facts = vec![format!(
                            "{}: measure {measure} of {} was carried out by the word of {counted:?}",
                            when(*at),
                            self.id(*case)
                        )];
                        facts.extend(words.iter().map(|(then, by)| format!("{} {by} said yes", when(*then))));
                        self.convict(Invariant::ChangedUnapproved, facts);
                    }
                    if of.get(case) != Some(machine) {
                        let facts = vec![format!(
                            "{}: machine {machine} was changed for {}, whose evidence is of {:?}",
                            when(*at),
                            self.id(*case),
                            of.get(case)
                        )];
                        self.convict(Invariant::ChangedUnapproved, facts);
                    }
                }
                _ => {}
            }
        }
        for ((case, measure), effects) in orders {
            if effects.len() > 1 {
                let facts =
                    vec![format!("measure {measure} of {} was ordered by {effects:?}", self.id(case))];
                self.convict(Invariant::ChangedTwice, facts);
            }
        }
    }
}
