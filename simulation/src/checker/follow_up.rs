//! What follows a case: that its verdict and its actions stand, the second container, and the hold.

use std::collections::HashMap;

use super::{Court, Invariant, TOLERANCE, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::world::{COMPROMISED, PARTS};

/// The last thing that was done to a container.
#[derive(Clone, Copy)]
struct Lock {
    on: bool,
    /// A worker that had been stopped did it past what was decided meanwhile.
    late: bool,
}

/// What is known of a case's evidence.
#[derive(Default)]
struct Evidence {
    machine: Option<u32>,
    second: Option<u32>,
    /// Whether it is meant to be held, and since when.
    wanted: Option<(bool, Moment)>,
    locks: HashMap<u8, Lock>,
}

impl Court<'_> {
    pub(super) fn follow_ups(&mut self) {
        let mut all: HashMap<CaseNo, Evidence> = HashMap::new();
        for (at, fact) in &self.record.history.facts {
            match fact {
                Fact::Sealed { case, machine, .. } => {
                    let evidence = all.entry(*case).or_default();
                    evidence.machine.get_or_insert(*machine);
                    if self.is_compromised(*machine) {
                        evidence.wanted.get_or_insert((true, *at));
                    }
                }
                Fact::SealedDeeper { case, parts, machine } => {
                    let evidence = all.entry(*case).or_default();
                    let wrong = match (evidence.machine, evidence.second) {
                        (None, _) => Some((Invariant::SealedNotWhole, "before its first")),
                        (_, Some(_)) => Some((Invariant::SealedNotWhole, "twice")),
                        _ if *parts < PARTS => Some((Invariant::SealedNotWhole, "half")),
                        (Some(first), _) if first != *machine => {
                            Some((Invariant::WrongMachine, "of another machine"))
                        }
                        _ => None,
                    };
                    evidence.second = Some(*machine);
                    if let Some((invariant, what)) = wrong {
                        let facts = vec![format!(
                            "{}: {} sealed its second container {what}",
                            when(*at),
                            self.id(*case)
                        )];
                        self.convict(invariant, facts);
                    }
                }
                Fact::HoldOrdered { case, on } => {
                    all.entry(*case).or_default().wanted = Some((*on, *at));
                }
                Fact::Held { case, container, on, by } => {
                    let decided = self.decided(*by, *at);
                    let evidence = all.entry(*case).or_default();
                    let past =
                        evidence.wanted.is_some_and(|(wanted, since)| wanted != *on && decided <= since);
                    let late = past && decided + TOLERANCE < *at;
                    evidence.locks.insert(*container, Lock { on: *on, late });
                }
                _ => {}
            }
        }
        let record = self.record;
        for case in record.dump.cases.iter().filter(|case| case.sealed) {
            let Some(number) = record.history.known(&case.id) else { continue };
            let evidence = all.remove(&number).unwrap_or_default();
            let Some(machine) = evidence.machine else { continue };
            let compromised = self.is_compromised(machine);
            self.verdict_stands(case, compromised);
            if compromised && !matches!(case.forensics, Some("sealed" | "given_up")) {
                let facts = vec![format!("the deeper look of {} is {:?}", case.id, case.forensics)];
                self.convict(Invariant::VerdictLost, facts);
            }
            if case.forensics == Some("sealed") && evidence.second.is_none() {
                let facts =
                    vec![format!("{} says that it has a second container, and there is none", case.id)];
                self.convict(Invariant::SealedNotWhole, facts);
            }
            self.is_held(case, &evidence);
        }
    }

    fn is_compromised(&self, machine: u32) -> bool {
        self.record.machines.get(machine as usize).is_some_and(|machine| machine.compromised)
    }

    /// A case with evidence ends with the verdict that this proves, and with everybody told.
    fn verdict_stands(&mut self, case: &casework::backend::simulated::CaseDump, compromised: bool) {
        let planned = |name: &str| case.actions.iter().any(|(_, action, _)| action == name);
        let wrong = if case.closed && case.status != "investigated" {
            Some(format!("{} has sealed evidence and ends as {}", case.id, case.status))
        } else if compromised != (case.verdict == Some("compromised")) {
            Some(format!(
                "{} ends with {:?}; its machine is compromised: {compromised}",
                case.id, case.verdict
            ))
        } else if compromised && !COMPROMISED.iter().all(|name| planned(name)) {
            Some(format!("{} is compromised, and its actions are {:?}", case.id, case.actions))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            self.convict(Invariant::VerdictLost, vec![wrong]);
        }
    }

    /// What was last ordered of the hold is so, or is said to have failed.
    fn is_held(&mut self, case: &casework::backend::simulated::CaseDump, evidence: &Evidence) {
        let wanted = evidence.wanted.map(|(on, _)| on);
        let said = match (wanted, case.hold) {
            (None, None) | (Some(_), Some("failed")) => return,
            (Some(true), Some("held")) => true,
            (Some(false), Some("released")) => false,
            (wanted, status) => {
                let facts =
                    vec![format!("{} is to be held: {wanted:?}, and its hold is {status:?}", case.id)];
                return self.convict(Invariant::HoldLost, facts);
            }
        };
        let containers = 1..=1 + u8::from(case.forensics == Some("sealed"));
        for container in containers {
            let lock = evidence.locks.get(&container);
            let is = lock.is_some_and(|lock| lock.on);
            if is != said && !lock.is_some_and(|lock| lock.late) {
                let facts = vec![format!(
                    "{} says that its evidence is held: {said}; container {container} is: {is}",
                    case.id
                )];
                self.convict(Invariant::HoldLost, facts);
            }
        }
    }
}
