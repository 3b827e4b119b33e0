//! A short, fixed set of schedules. Longer runs: `cargo run -p simulation --release -- --seeds 1000`.

use simulation::checker::check;
use simulation::conductor::run;
use simulation::scenario::Scenario;

fn holds(scenarios: impl Iterator<Item = Scenario>) {
    for scenario in scenarios {
        let seed = scenario.seed;
        let record = run(scenario, None, &mut |_| {});
        let violations = check(&record);
        assert!(
            violations.is_empty(),
            "seed {seed} (shrink and replay it with `{}`):\n{}",
            scenario.command(),
            violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
        assert!(record.deaths > 0 && record.dump.cases.iter().any(|case| case.sealed), "nothing happened");
    }
}

#[test]
fn the_promises_hold_in_twelve_schedules() {
    holds((1..13).map(Scenario::small));
}

#[test]
fn the_promises_hold_in_twelve_more() {
    holds((13..25).map(Scenario::small));
}

#[test]
fn the_promises_hold_where_users_are_contended_for() {
    holds((1..4).map(Scenario::contended));
}

#[test]
fn a_schedule_replays_to_the_letter() {
    let facts = |()| format!("{:?}", run(Scenario::small(3), None, &mut |_| {}).history.facts);
    assert_eq!(facts(()), facts(()));
}
