//! What cases say of their measures, held against what the machines have at the end; and isolations.

use std::collections::HashMap;

use super::{Court, Invariant, TOLERANCE, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::world::ISOLATED_FOR;

/// What is on a machine of one measure.
#[derive(Clone, Copy, Default)]
struct OnMachine {
    /// When it was last carried out.
    changed: Option<Moment>,
    /// When it was last taken back.
    restored: Option<Moment>,
    /// A worker that had been stopped did something of it past what was decided meanwhile.
    late: bool,
}

impl OnMachine {
    fn is_in_effect(&self) -> bool {
        self.changed > self.restored
    }
}

impl Court<'_> {
    pub(super) fn measures(&mut self) {
        let record = self.record;
        let mut on_machines: HashMap<(CaseNo, u32), OnMachine> = HashMap::new();
        for (at, fact) in &record.history.facts {
            let (of, by, changed) = match fact {
                Fact::Changed { case, measure, by, .. } => ((*case, *measure), *by, true),
                Fact::Restored { case, measure, by, .. } => ((*case, *measure), *by, false),
                _ => continue,
            };
            let decided = self.decided(by, *at);
            let there = on_machines.entry(of).or_default();
            there.late |= [there.changed, there.restored].into_iter().flatten().any(|last| decided <= last)
                && decided + TOLERANCE < *at;
            *if changed { &mut there.changed } else { &mut there.restored } = Some(*at);
        }
        for case in &record.dump.cases {
            let Some(number) = record.history.known(&case.id) else { continue };
            for (n, stage) in &case.measures {
                let there = on_machines.get(&(number, *n)).copied().unwrap_or_default();
                let fits = match *stage {
                    // It stays so where a try to take it back was not heard of.
                    "done" => there.changed.is_some(),
                    "undone" => there.changed.is_none_or(|_| !there.is_in_effect()),
                    // Whoever reads this takes the machine for untouched.
                    "proposed" | "expired" | "rejected" | "refused" | "gone" => there.changed.is_none(),
                    "failed" => true,
                    // At the end nothing is under way.
                    _ => false,
                };
                if !fits && !there.late {
                    let told = |at: Option<Moment>| at.map_or("never".to_owned(), when);
                    let facts = vec![format!(
                        "measure {n} of {} is {stage}; it was carried out {}, and taken back {}",
                        case.id,
                        told(there.changed),
                        told(there.restored)
                    )];
                    self.convict(Invariant::NotRestored, facts);
                }
            }
        }
    }

    /// Each isolation is as long as the policy says, and no second case isolates a machine meanwhile.
    pub(super) fn isolations(&mut self) {
        let record = self.record;
        let mut isolated: HashMap<u32, (CaseNo, Moment)> = HashMap::new();
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::Isolated { case, machine, until, by } => {
                    if *until > at + ISOLATED_FOR + TOLERANCE {
                        let facts = vec![format!(
                            "{}: machine {machine} was isolated for {} and does not end that in time",
                            when(*at),
                            self.id(*case)
                        )];
                        self.convict(Invariant::IsolationStays, facts);
                    }
                    let decided = self.decided(*by, *at);
                    let other = isolated.insert(*machine, (*case, *until));
                    let other = other.filter(|(other, until)| other != case && *until > decided + TOLERANCE);
                    if let Some((other, until)) = other {
                        let facts = vec![format!(
                            "{}: machine {machine} was isolated for {}, and is for {} until {}",
                            when(*at),
                            self.id(*case),
                            self.id(other),
                            when(until)
                        )];
                        self.convict(Invariant::IsolationStays, facts);
                    }
                }
                Fact::Restored { case, measure: crate::world::ISOLATES, machine, .. }
                    if isolated.get(machine).is_some_and(|(by, _)| by == case) =>
                {
                    isolated.remove(machine);
                }
                _ => {}
            }
        }
        // A claim that outlives every isolation would keep a machine from being isolated.
        for claim in record.dump.claims.iter().filter(|claim| claim.key.starts_with("isolated#")) {
            let expires = crate::life::moment(claim.expires_at);
            let began = crate::life::moment(claim.claimed_at);
            if expires > began + 8 * crate::scenario::HOUR + ISOLATED_FOR + TOLERANCE {
                let facts =
                    vec![format!("{} is claimed by {} until {}", claim.key, claim.case_id, when(expires))];
                self.convict(Invariant::IsolationStays, facts);
            }
        }
    }
}
