//! One file for each command.

mod case;
mod cooldown;
mod demo;
mod explain;
mod init;
mod investigate;
mod policy;
mod review;
mod sweep;
mod verify;
mod watch;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::setup::Setup;

/// Runs the command.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<Exit> {
    let json = arguments.json;
    let setup = Setup::new(arguments.policy, environment, json);
    match arguments.command {
        Command::Investigate(args) => investigate::run(&setup, &args).await,
        Command::Watch(args) => watch::run(&setup, &args).await,
        Command::Sweep(jobs) => sweep::run(&setup, &jobs).await,
        Command::Case(command) => case::run(&setup, &command).await,
        Command::Cooldown(command) => cooldown::run(&setup, &command).await,
        Command::Review { limit } => review::run(&setup, limit).await,
        Command::Explain { alert_id } => explain::run(&setup, &alert_id).await,
        Command::Verify { files } => verify::run(&files, json).await,
        Command::Demo { dir } => demo::run(&setup, &dir).await,
        Command::Init(args) => init::run(&setup, &args),
        Command::Policy(command) => policy::run(&setup, &command),
    }
}
