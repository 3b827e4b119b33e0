//! Every target holds on its seeds and on a few hundred inputs made of them. One test, since it measures memory.

use std::time::Duration;

use fuzz::TARGETS;
use fuzz::run::{Budget, fuzz, quiet_panics};

/// Mutated inputs for each target.
const INPUTS: u64 = 500;

#[test]
fn every_target_holds() {
    quiet_panics();
    let mut wrong = Vec::new();
    for target in TARGETS {
        let summary = fuzz(target, 1, Budget::Executions(INPUTS), None, |_| {}).expect("a run");
        let short = (target.seeds)().iter().filter(|seed| seed.len() < 1000).count();
        if !summary.findings.is_empty() {
            wrong.push(format!("{}: {:?}", target.name, summary.findings));
        }
        if summary.executions < INPUTS + 5 || summary.corpus < short || summary.elapsed == Duration::ZERO {
            let (executions, corpus) = (summary.executions, summary.corpus);
            wrong.push(format!(
                "{}: {executions} executions, {corpus} kept, {short} short seeds",
                target.name
            ));
        }
    }
    // What this test says itself is to be read.
    drop(std::panic::take_hook());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
