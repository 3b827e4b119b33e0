//! The checker is checked: each broken variant is caught by the invariant that it breaks, within a few schedules that
//! the unbroken system passes (the same seeds, see `seeds.rs`).

use simulation::broken::Variant;
use simulation::checker::{Invariant, check};
use simulation::conductor::run;
use simulation::scenario::Scenario;

/// Schedules that a variant may take to be caught.
const WITHIN: u64 = 24;

fn caught(variants: impl Iterator<Item = usize>) {
    for index in variants {
        let (variant, name, expected) = Variant::ALL[index];
        let found = (1..=WITHIN).find_map(|seed| {
            let scenario = if variant.is_rare() { Scenario::contended(seed) } else { Scenario::small(seed) };
            let record = run(scenario, Some(variant), &mut |_| {});
            check(&record).into_iter().find(|violation| expected.contains(&violation.invariant))
        });
        assert!(found.is_some(), "{name} was not caught by {expected:?} within {WITHIN} schedules");
    }
}

#[test]
fn each_invariant_has_a_broken_variant_that_it_catches() {
    for invariant in Invariant::ALL {
        let caught = Variant::ALL.iter().any(|(.., expected)| expected.contains(invariant));
        assert!(caught, "nothing shows that {invariant:?} catches anything");
    }
}

#[test]
fn each_broken_variant_of_the_first_half_is_caught() {
    caught((0..Variant::ALL.len()).step_by(2));
}

#[test]
fn each_broken_variant_of_the_second_half_is_caught() {
    caught((1..Variant::ALL.len()).step_by(2));
}
