//! Orders that change something on simulated machines, or take that back.

use std::net::IpAddr;

use investigation::case::{Case, Effect, Event, Pending};
use investigation::remediation::{Measure, MeasureOutcome, MeasureStatus, Undo};

use super::contact::{Visit, wait};
use crate::broken::Variant;
use crate::history::{CaseNo, Contact, Fact};
use crate::life::stamp;
use crate::scenario::{SECOND, Trouble};
use crate::world::{ISOLATED_FOR, ISOLATES, Machine};

impl Visit {
    /// Carries out what was ordered, on the machine that has the address if it is the one that the order names. A second
    /// time finds the first one's work. `None` where the relay ended in the middle.
    pub(super) async fn change(&self, case: &Case, pending: &Pending) -> Option<Event> {
        let effect = pending.n;
        let not = |code: &str, retryable| {
            Some(Event::NotRemediated {
                effect,
                code: code.to_owned(),
                reason: "simulated".to_owned(),
                retryable,
            })
        };
        let (IpAddr::V4(ip), Some(kept)) = (case.target, &case.remediation) else {
            return not("scope", false);
        };
        let (Effect::Remediate { measures, .. } | Effect::Undo { measures, .. }) = &pending.effect else {
            return not("task", false);
        };
        let undoes = matches!(pending.effect, Effect::Undo { .. });
        let _going = self.begin(case, ip, Contact::Change);
        wait(self.shared.between(SECOND, 90 * SECOND)).await;
        self.running().await;
        let Some(machine) = self.shared.world().answering(ip, self.shared.now()) else {
            return not("unreachable", true);
        };
        if self.shared.strikes_early(Trouble::Interrupted, 60) {
            return not("interrupted", true);
        }
        let same =
            Machine::host_name(machine) == kept.host_name || self.variant == Some(Variant::HostNotCompared);
        let number = self.shared.history().case(&case.id);
        let mut outcomes = Vec::new();
        for n in measures {
            let (status, undo) = match (same, undoes) {
                (false, _) => (MeasureStatus::Refused, None),
                (true, false) => {
                    let status = self.carry_out(number, *n, effect, machine);
                    (status, kept.measure(*n).and_then(|proposed| undo(&proposed.measure)))
                }
                (true, true) => (self.take_back(number, *n, machine), None),
            };
            let at = stamp(self.shared.now());
            outcomes.push(MeasureOutcome { n: *n, status, detail: String::new(), undo, at });
            // Nothing is lost that was done: whoever is given the order again finds it.
            if self.by_relay && self.shared.strikes_early(Trouble::RelayRestart, 80) {
                return None;
            }
            if !self.by_relay {
                self.life.survive(super::DEATHS).await;
            }
            wait(self.shared.between(0, 20 * SECOND)).await;
        }
        if self.shared.strikes_early(Trouble::Interrupted, 60) {
            return not("interrupted", true);
        }
        Some(Event::Remediated { effect, outcomes })
    }

    fn carry_out(&self, case: CaseNo, measure: u32, effect: u32, machine: u32) -> MeasureStatus {
        if self.variant == Some(Variant::SaidToBeChanged) {
            return MeasureStatus::Done;
        }
        let (now, by) = (self.shared.now(), self.life.worker as u32);
        let forgets = self.variant == Some(Variant::DoneNotFound);
        let again = !self.shared.world().changed.insert((case, measure)) && !forgets;
        self.shared.record(|_| Fact::Changed { case, measure, effect, machine, again, by });
        if measure == ISOLATES {
            let until = match self.variant {
                Some(Variant::IsolationUnbounded) => i64::MAX,
                // The same order given again sets a new end.
                _ => now + ISOLATED_FOR,
            };
            self.shared.world().isolated.insert((machine, case), until);
            self.shared.record(|_| Fact::Isolated { case, machine, until, by });
        }
        if again { MeasureStatus::Already } else { MeasureStatus::Done }
    }

    fn take_back(&self, case: CaseNo, measure: u32, machine: u32) -> MeasureStatus {
        if self.variant == Some(Variant::UndoForgotten) {
            return MeasureStatus::Done;
        }
        if !self.shared.world().changed.remove(&(case, measure)) {
            return MeasureStatus::Already;
        }
        let by = self.life.worker as u32;
        self.shared.record(|_| Fact::Restored { case, measure, machine, by });
        if measure == ISOLATES {
            let until = self.shared.world().isolated.remove(&(machine, case));
            if until.is_none_or(|until| until <= self.shared.now()) {
                return MeasureStatus::Gone;
            }
        }
        MeasureStatus::Done
    }
}

/// How a measure is taken back.
fn undo(measure: &Measure) -> Option<Undo> {
    match measure {
        Measure::DisableAutostart { mechanism, location, name, .. } => Some(Undo::RestoreAutostart {
            mechanism: mechanism.clone(),
            location: location.clone(),
            name: name.clone(),
            content: None,
        }),
        Measure::Isolate { .. } => Some(Undo::EndIsolation),
        _ => None,
    }
}
