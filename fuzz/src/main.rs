//! `cargo run -p fuzz --release -- [TARGET|all] --seconds N [--seed S]`, and `-- TARGET --replay FILE`.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;
use fuzz::finding::{self, Finding};
use fuzz::run::{self, Budget, Summary};
use fuzz::targets::{self, TARGETS, Target};

/// Feeds hostile input to the parsers of outside data. Exit code 1: something was found.
#[derive(Debug, Parser)]
struct Arguments {
    /// A target, or `all`.
    #[arg(default_value = "all")]
    target: String,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Inputs follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Execute the input in this file, and nothing else: hexadecimal if its name ends in `.hex`.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Write the target's seeds into this folder, for another fuzzer.
    #[arg(long, value_name = "FOLDER")]
    seeds: Option<PathBuf>,
    /// Name the targets.
    #[arg(long)]
    list: bool,
    /// Fuzz in this very process, noting each input in this file.
    #[arg(long, value_name = "FILE", hide = true)]
    noting: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        TARGETS.iter().for_each(|target| println!("{:<12} {}", target.name, target.reads));
        return Ok(ExitCode::SUCCESS);
    }
    let targets: Vec<&'static Target> = match arguments.target.as_str() {
        "all" => TARGETS.iter().collect(),
        name => vec![targets::find(name).with_context(|| format!("no target {name:?}: see --list"))?],
    };
    if let Some(file) = &arguments.replay {
        return replay(&targets, file);
    }
    if let Some(folder) = &arguments.seeds {
        return write_seeds(&targets, folder);
    }
    if let Some(noted) = &arguments.noting {
        let [target] = targets[..] else { bail!("one target at a time") };
        return fuzz_here(target, &arguments, noted);
    }
    let mut found = false;
    for target in targets {
        found |= supervise(target, &arguments)?;
    }
    Ok(if found { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Inputs that break something.
fn findings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("findings")
}

/// Fuzzes in a process of its own: what ends that process is a finding too. True where there are any.
fn supervise(target: &'static Target, arguments: &Arguments) -> anyhow::Result<bool> {
    let noted = tempfile::NamedTempFile::new().context("no place for the current input")?;
    let status = Command::new(std::env::current_exe()?)
        .args([
            target.name,
            "--seconds",
            &arguments.seconds.to_string(),
            "--seed",
            &arguments.seed.to_string(),
        ])
        .arg("--noting")
        .arg(noted.path())
        .status()
        .context("the runner does not start")?;
    match status.code() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => {
            let input =
                run::noted(noted.path()).context("the runner ended, and its last input is not on record")?;
            report(&Finding { target: target.name, what: format!("ended the process ({status})"), input })?;
            Ok(true)
        }
    }
}

fn fuzz_here(target: &'static Target, arguments: &Arguments, noted: &Path) -> anyhow::Result<ExitCode> {
    run::quiet_panics();
    let checks = if cfg!(debug_assertions) { "with" } else { "without" };
    println!("{}: seed {}, {} s, {checks} overflow checks", target.name, arguments.seed, arguments.seconds);
    let budget = Budget::Time(Duration::from_secs(arguments.seconds));
    let mut reported = 0;
    let mut tell = |summary: &Summary| {
        show(target, summary);
        let new = &summary.findings[reported..];
        reported = summary.findings.len();
        new.iter().try_for_each(report)
    };
    let mut told = Ok(());
    let summary = run::fuzz(target, arguments.seed, budget, Some(noted), |summary| {
        if told.is_ok() {
            told = tell(summary);
        }
    })?;
    told.and_then(|()| tell(&summary))?;
    Ok(if summary.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(target: &Target, summary: &Summary) {
    let Summary { executions, elapsed, corpus, slowest, most_memory, findings } = summary;
    println!(
        "{}: {executions} executions in {:.0} s ({:.0}/s), corpus {corpus}, slowest {} ms, most memory {} KiB, \
         findings {}",
        target.name,
        elapsed.as_secs_f64(),
        *executions as f64 / elapsed.as_secs_f64().max(0.001),
        slowest.as_millis(),
        most_memory >> 10,
        findings.len()
    );
}

fn report(finding: &Finding) -> anyhow::Result<()> {
    let path = finding.write(&findings()).context("a finding cannot be written")?;
    println!("FOUND in {}: {}", finding.target, investigation::text::one_line(&finding.what, 500));
    println!("  replay: cargo run -p fuzz --release -- {} --replay {}", finding.target, path.display());
    Ok(())
}

fn write_seeds(targets: &[&'static Target], folder: &Path) -> anyhow::Result<ExitCode> {
    let [target] = targets else { bail!("which target: see --list") };
    std::fs::create_dir_all(folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn replay(targets: &[&'static Target], file: &Path) -> anyhow::Result<ExitCode> {
    let [target] = targets else { bail!("which target: see --list") };
    let input = finding::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    match run::once(target, &input) {
        Ok(executed) => {
            let (time, memory) = (executed.time.as_millis(), executed.memory >> 10);
            println!("{}: {} bytes, {time} ms, {memory} KiB: nothing is wrong", target.name, input.len());
            Ok(ExitCode::SUCCESS)
        }
        Err(what) => {
            println!("{}: {what}", target.name);
            Ok(ExitCode::FAILURE)
        }
    }
}
