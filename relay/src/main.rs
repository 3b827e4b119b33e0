//! `peerhound-relay`: carries out Peerhound's orders inside a network. Systems Manager starts it for each batch; there
//! is no service.
//!
//! The environment is read here and nowhere else; everything below gets values.
#![forbid(unsafe_code)]

mod args;
mod exit;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use clap::error::ErrorKind;
use relay::check::check;
use relay::config::{DEFAULT_PATH, RelayConfig, Site};
use relay::order_source::OrderSource;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Arguments, Command, ConfigCommand};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are what was asked for, and belong on standard output.
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print();
            return if asked_for { ExitCode::SUCCESS } else { Exit::BadOrders.into() };
        }
    };
    start_log(arguments.verbose);
    let config = arguments.config.clone().or_else(|| variable("PEERHOUND_RELAY_CONFIG").map(PathBuf::from));
    let config = config.unwrap_or_else(|| DEFAULT_PATH.into());
    let done = match &arguments.command {
        Command::Run(run) => work(config, &run.order_from),
        Command::Check => look(config),
        Command::Config { command: ConfigCommand::Check } => remark(config),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report().into(),
    }
}

/// One environment variable. An empty one counts as unset.
#[allow(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn site(config: &std::path::Path) -> Result<Site, Failure> {
    let ssh_agent = variable("SSH_AUTH_SOCK").map(PathBuf::from);
    Site::load(config, ssh_agent).map_err(|error| Failure::config(config, error))
}

/// `run`.
fn work(config: PathBuf, from: &OrderSource) -> Result<Exit, Failure> {
    let site = site(&config)?;
    let orders = from.read(variable)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)?;
    let tally =
        runtime.block_on(relay::run(&site, orders, told_to_stop(), |outcome| say(&outcome.to_string())));
    // What still blocks (a walk of a dead disk) must not keep the program from ending.
    runtime.shutdown_background();
    let tally = tally?;
    Ok(if tally.not_uploaded == 0 { Exit::Done } else { Exit::NotUploaded })
}

/// `check`.
fn look(config: PathBuf) -> Result<Exit, Failure> {
    let findings = check(&site(&config)?, &config, SystemTime::now());
    findings.iter().for_each(|finding| say(&finding.to_string()));
    Ok(if findings.iter().all(|finding| finding.is_fine) { Exit::Done } else { Exit::BadConfig })
}

/// `config check`.
fn remark(config: PathBuf) -> Result<Exit, Failure> {
    let site = site(&config)?;
    let RelayConfig { name, scope, .. } = &site.config;
    site.config.remarks().iter().for_each(|remark| say(&format!("remark: {remark}")));
    say(&format!("{} reads: relay {name}, {} networks", config.display(), scope.networks.len()));
    Ok(Exit::Done)
}

/// One line of standard output. Nobody may be there to read it, which changes nothing.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// The log on standard error. Only what this project's own code says: libraries may say a URL.
fn start_log(verbose: u8) {
    let most = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let ours = tracing_subscriber::filter::filter_fn(move |event| {
        let of = event.target().split("::").next().unwrap_or_default();
        matches!(of, "relay" | "peerhound_relay" | "collector") && *event.level() <= most
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_filter(ours);
    // There is one already only if this is called twice.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Ready when the system or a person wants the program to end.
#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
}

/// Ready when the system or a person wants the program to end.
#[cfg(not(unix))]
async fn told_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
