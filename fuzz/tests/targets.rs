//! Every target holds on its seeds and on a few hundred inputs made of them. One test, since it measures memory.

use std::time::Duration;

use fuzz::TARGETS;
use fuzz::run::{Budget, fuzz, quiet_panics};

/// Mutated inputs for each target.
const INPUTS: u64 = 500;

#[test]
fn every_target_holds() {
    quiet_panics();
    for target in TARGETS {
        let summary = fuzz(target, 1, Budget::Executions(INPUTS), None, |_| {}).expect("a run");
        assert_eq!(summary.findings, [], "{}", target.name);
        assert!(summary.executions >= INPUTS + 5, "{}: {} executions", target.name, summary.executions);
        assert!(
            summary.corpus > (target.seeds)().iter().filter(|seed| seed.len() < 1000).count(),
            "{}",
            target.name
        );
        assert!(summary.elapsed > Duration::ZERO);
    }
}
