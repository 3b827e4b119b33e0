//! Makes a failing schedule smaller while it still fails in the same way.

use crate::broken::Variant;
use crate::checker::{Invariant, check};
use crate::conductor::run;
use crate::scenario::{Scenario, Trouble};

/// Runs that shrinking may cost.
const RUNS: u32 = 80;

/// The smallest schedule found that still breaks `invariant`.
pub fn shrink(scenario: Scenario, variant: Option<Variant>, invariant: Invariant) -> Scenario {
    let mut runs = 0;
    let mut fails = |candidate: &Scenario| {
        runs += 1;
        runs <= RUNS && check(&run(*candidate, variant, &mut |_| {})).iter().any(|v| v.invariant == invariant)
    };
    let mut smallest = scenario;
    for (trouble, _) in Trouble::ALL {
        let without = Scenario { troubles: smallest.troubles.without(trouble), ..smallest };
        if fails(&without) {
            smallest = without;
        }
    }
    let calmer = Scenario { contended: false, ..smallest };
    if smallest.contended && fails(&calmer) {
        smallest = calmer;
    }
    loop {
        let Scenario { endpoints, alerts, days, workers, .. } = smallest;
        let candidates = [
            Scenario { alerts: alerts / 2, ..smallest },
            Scenario { alerts: alerts - alerts / 4, ..smallest },
            Scenario { endpoints: endpoints / 2, ..smallest },
            Scenario { days: days / 2, ..smallest },
            Scenario { workers: workers / 2, ..smallest },
        ];
        let possible = |candidate: &Scenario| {
            *candidate != smallest
                && candidate.alerts > 0
                && candidate.endpoints > 0
                && candidate.days > 0
                && candidate.workers > 0
        };
        match candidates.into_iter().filter(possible).find(|candidate| fails(candidate)) {
            Some(candidate) => smallest = candidate,
            None => return smallest,
        }
    }
}
