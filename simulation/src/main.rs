//! `cargo run -p simulation --release -- --seeds N`: schedules by seed, each checked.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use simulation::broken::Variant;
use simulation::checker::check;
use simulation::conductor::run;
use simulation::scenario::{Scenario, Trouble};
use simulation::shrink::shrink;

/// Simulates Peerhound over whole fleets under faults, and checks its promises.
#[derive(Debug, Parser)]
struct Arguments {
    /// Schedules to run, one a seed.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Machines; by the seed if not given.
    #[arg(long)]
    endpoints: Option<u32>,
    /// Alerts; by the seed if not given.
    #[arg(long)]
    alerts: Option<u32>,
    /// Days in which the alerts come; by the seed if not given.
    #[arg(long)]
    days: Option<u32>,
    /// Workers; by the seed if not given.
    #[arg(long)]
    workers: Option<u32>,
    /// With as much contention for users as there can be; by the seed if not given.
    #[arg(long)]
    contended: bool,
    /// Troubles to leave out, separated by commas.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Do not look for a smaller schedule that fails.
    #[arg(long)]
    no_shrink: bool,
    /// Breaks the system in this way, to see it caught.
    #[arg(long)]
    broken: Option<String>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let variant = match &arguments.broken {
        Some(word) => Some(Variant::named(word).with_context(|| {
            let known: Vec<_> = Variant::ALL.iter().map(|(_, name, _)| *name).collect();
            format!("no broken variant {word:?}; there are {}", known.join(", "))
        })?),
        None => None,
    };
    let mut failed = 0_u32;
    let began = Instant::now();
    let (mut alerts, mut events) = (0_u64, 0_u64);
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        let scenario = scenario(&arguments, seed)?;
        let started = Instant::now();
        let large = scenario.alerts > 20_000;
        let record = run(scenario, variant, &mut |day| {
            if large {
                eprint!("\rseed {seed}: day {day} after {:.0} s ", started.elapsed().as_secs_f64());
                let _ = std::io::stderr().flush();
            }
        });
        let ran = started.elapsed();
        let violations = check(&record);
        alerts += u64::from(scenario.alerts);
        events += record.history.facts.len() as u64;
        println!(
            "seed {seed}: {} endpoints, {} alerts in {} days, {} workers; {} messages, {} cases ({} sealed, {} given up), {} deaths, {} facts; ran {:.1} s, checked {:.1} s: {}",
            scenario.endpoints,
            scenario.alerts,
            scenario.days,
            scenario.workers,
            record.deliveries,
            record.dump.cases.len(),
            record.dump.cases.iter().filter(|case| case.sealed).count(),
            record.history.given_up,
            record.deaths,
            record.history.facts.len(),
            ran.as_secs_f64(),
            (started.elapsed() - ran).as_secs_f64(),
            if violations.is_empty() { "kept" } else { "BROKEN" }
        );
        let Some(first) = violations.first() else { continue };
        failed += 1;
        for violation in &violations {
            println!("  {violation}");
        }
        if !large && !arguments.no_shrink {
            println!("  shrinking…");
            let smallest = shrink(scenario, variant, first.invariant);
            let record = run(smallest, variant, &mut |_| {});
            for violation in check(&record).iter().filter(|v| v.invariant == first.invariant).take(1) {
                println!("  smallest schedule found: {smallest:?}\n  {violation}");
            }
            let broken = arguments.broken.as_ref().map_or(String::new(), |word| format!(" --broken {word}"));
            println!("  again: {}{broken}", smallest.command());
        } else {
            println!("  again: {}", scenario.command());
        }
    }
    println!(
        "{} schedules, {alerts} alerts, {events} facts in {:.1} s: {failed} broken",
        arguments.seeds,
        began.elapsed().as_secs_f64()
    );
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn scenario(arguments: &Arguments, seed: u64) -> Result<Scenario> {
    let drawn = Scenario::small(seed);
    let mut troubles = drawn.troubles;
    for word in &arguments.without {
        let known = || Trouble::ALL.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
        let trouble =
            Trouble::named(word).with_context(|| format!("no trouble {word:?}; there are {}", known()))?;
        troubles = troubles.without(trouble);
    }
    Ok(Scenario {
        endpoints: arguments.endpoints.unwrap_or(drawn.endpoints).max(1),
        alerts: arguments.alerts.unwrap_or(drawn.alerts),
        days: arguments.days.unwrap_or(drawn.days).max(1),
        workers: arguments.workers.unwrap_or(drawn.workers).max(1),
        contended: arguments.contended || (drawn.contended && arguments.alerts.is_none()),
        troubles,
        ..drawn
    })
}
