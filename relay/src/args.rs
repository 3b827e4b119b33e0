//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use relay::order_source::OrderSource;

const AFTER_HELP: &str = "\
Exit codes:
  0  every order's bundle is uploaded (also those that say that an endpoint was not reached); a check found nothing
  1  some order's bundle is not uploaded
  2  the orders cannot be used: not set, not readable, expired, not the file that was sent, for another relay
  3  the configuration is missing or wrong; a check found something
  4  the staging folder cannot be used
  5  the orders could not be fetched for now
  6  it was told to stop

Environment: SSM_Order (set by Systems Manager), PEERHOUND_RELAY_CONFIG (configuration file), SSH_AUTH_SOCK (agent).";

/// Carries out Peerhound's orders inside a network: contacts the endpoints that its own configuration admits, and uploads
/// what they say. Systems Manager starts it for each batch of orders.
#[derive(Debug, Parser)]
#[command(name = "peerhound-relay", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Configuration file [default: /etc/peerhound/relay.toml, C:\ProgramData\Peerhound\relay.toml on Windows]
    #[arg(long, short = 'c', global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Log more on standard error (-v: info, -vv: debug)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Work through one batch of orders, and print one line for each
    Run(Run),
    /// Say whether this relay could do its work now, and what to do where it could not
    Check,
    /// The configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where the orders are named: env:NAME, a file, or - for standard input. A file may also hold the batch itself.
    #[arg(long, value_name = "SOURCE", default_value = "env:SSM_Order")]
    pub(crate) order_from: OrderSource,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration and say what is wrong or doubtful in it
    Check,
}
