//! One file for each command.

mod alert;
mod artifacts;
mod case;
mod cooldown;
mod demo;
mod digest;
#[cfg(feature = "aws")]
mod doctor;
mod explain;
mod follow_up;
mod init;
mod investigate;
mod jobs;
mod policy;
mod preview_ticket;
mod reassess;
#[cfg(feature = "aws")]
mod redrive;
mod remediation;
mod report;
mod review;
mod serve;
#[cfg(feature = "aws")]
mod submit;
mod sweep;
mod verify;
mod watch;

use anyhow::{Result, anyhow};
use casework::remediate::Word;

use crate::args::{Arguments, CaseCommand, Command};
use crate::environment::Environment;
use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::setup::Setup;

/// Runs the command.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<Exit> {
    let Arguments { policy, deployment, json, command, .. } = arguments;
    let named = deployment.is_some();
    let setup = Setup::new(policy, deployment, environment, json);
    let command = match follow_up::asked(command) {
        Ok(asked) => return follow_up::run(&setup, &asked).await,
        Err(command) => command,
    };
    match command {
        command if command.asks_records() => match &setup.deployment_file {
            None => ask(&setup.store(&setup.policy()?)?, &setup, command).await,
            #[cfg(feature = "aws")]
            Some(_) => ask(&setup.deployed().await?.store, &setup, command).await,
            #[cfg(not(feature = "aws"))]
            Some(_) => Err(without_aws()),
        },
        Command::Serve(args) => serve::run(&setup, &args).await,
        Command::Approve(args) => remediation::approve(&setup, &args, Word::Approve).await,
        Command::Undo(args) => remediation::approve(&setup, &args, Word::Undo).await,
        Command::Reject(args) => remediation::reject(&setup, &args).await,
        Command::Alert(command) => alert::run(&setup, &command),
        Command::Artifacts(command) => Ok(artifacts::run(&setup, &command)),
        Command::Verify { containers } => verify::run(&setup, &containers).await,
        Command::Reassess(args) => reassess::run(&setup, &args).await,
        #[cfg(feature = "aws")]
        Command::Submit(args) => submit::run(&setup, &args).await,
        #[cfg(feature = "aws")]
        Command::Redrive(command) => redrive::run(&setup, &command).await,
        #[cfg(feature = "aws")]
        Command::Doctor => doctor::run(&setup).await,
        #[cfg(not(feature = "aws"))]
        Command::Submit(_) | Command::Redrive(_) | Command::Doctor => Err(without_aws()),
        _ if named => {
            let text = "this command works on this machine alone: leave out --deployment, or use `submit` to hand \
                        alerts to a deployment";
            Err(anyhow!(text).context(WithExit(Exit::BadInput)))
        }
        Command::Investigate(args) => investigate::run(&setup, &args).await,
        Command::Watch(args) => watch::run(&setup, &args).await,
        Command::Sweep(jobs) => sweep::run(&setup, &jobs).await,
        Command::Demo { dir } => demo::run(&setup, &dir).await,
        Command::Init(args) => init::run(&setup, &args),
        Command::Policy(command) => policy::run(&setup, &command).await,
        Command::Case(_)
        | Command::Cooldown(_)
        | Command::Report(_)
        | Command::Review { .. }
        | Command::Explain { .. }
        | Command::Approvals => {
            unreachable!("these ask the records, see above")
        }
    }
}

/// Runs a command that asks what is on record, wherever that is.
async fn ask(store: &impl Records, setup: &Setup, command: Command) -> Result<Exit> {
    match command {
        Command::Case(CaseCommand::Report { case_id, out }) => {
            report::run(store, setup, &case_id, out.as_deref()).await
        }
        Command::Case(command) => case::run(store, &command, setup.json).await,
        Command::Cooldown(command) => cooldown::run(store, setup, &command).await,
        Command::Report(args) => digest::run(store, setup, &args).await,
        Command::Approvals => remediation::list(store, setup.json).await,
        Command::Review { limit } => review::run(store, limit, setup.json).await,
        Command::Explain { alert_id } => explain::run(store, &alert_id, setup.json).await,
        _ => Ok(Exit::Done),
    }
}

/// What to say where a deployment is asked for.
#[cfg(not(feature = "aws"))]
fn without_aws() -> anyhow::Error {
    anyhow!("this peerhound was built without AWS: cargo build --features aws")
        .context(WithExit(Exit::BadInput))
}
