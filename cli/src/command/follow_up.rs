//! `peerhound case forensics`, `hold` and `release`: what follows a case by a person's word. It is written on the case; on
//! this machine it is then carried out at once, on AWS the functions do that.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use casework::follow_up::{FollowUp, OrderError, order};
use casework::worker::{Pace, Resolution};
use investigation::case::{Case, ForensicStatus, HoldStatus};
use jiff::Timestamp;

use crate::args::{CaseCommand, Command, HoldArgs};
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, progress::Progress, safe};

/// What is asked for, of which case.
pub(super) struct Asked {
    case_id: String,
    what: FollowUp,
}

/// The command, if it is one of these.
pub(super) fn asked(command: Command) -> Result<Asked, Command> {
    let (case_id, what) = match command {
        Command::Case(CaseCommand::Forensics { case_id }) => (case_id, FollowUp::Forensics),
        Command::Case(CaseCommand::Hold(HoldArgs { case_id, reason })) => {
            (case_id, FollowUp::Hold { reason })
        }
        Command::Case(CaseCommand::Release(HoldArgs { case_id, reason })) => {
            (case_id, FollowUp::Release { reason })
        }
        other => return Err(other),
    };
    Ok(Asked { case_id, what })
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, asked: &Asked) -> Result<Exit> {
    let by = &setup.caller().await?;
    match &setup.deployment_file {
        None => here(setup, asked, by).await,
        #[cfg(feature = "aws")]
        Some(_) => on_aws(setup, asked, by).await,
        #[cfg(not(feature = "aws"))]
        Some(_) => Err(super::without_aws()),
    }
}

async fn here(setup: &Setup, asked: &Asked, by: &str) -> Result<Exit> {
    let progress = Arc::new(Progress::new(setup.json));
    let worker = setup.worker(setup.policy()?, progress.clone())?;
    let ordered = order(&worker.backend, &asked.case_id, &asked.what, by, Timestamp::now()).await;
    let case = ordered.map_err(refused)?;
    let case = match worker.drive(&case.id, Pace::WATCHED).await? {
        Resolution::Case(case) => *case,
        // A worker that stays has taken it up.
        Resolution::InOtherHands(_) | Resolution::Settled(_) => case,
    };
    Ok(tell(setup, asked, &case))
}

#[cfg(feature = "aws")]
async fn on_aws(setup: &Setup, asked: &Asked, by: &str) -> Result<Exit> {
    use casework::aws::queues;

    let deployed = setup.deployed().await?;
    let ordered = order(&deployed.store, &asked.case_id, &asked.what, by, Timestamp::now()).await;
    deployed.store.flush().await;
    let case = ordered.map_err(refused)?;
    let queue = &deployed.deployment.reports_queue_url;
    if let Err(error) = queues::go_on(deployed.clients.sqs(), queue, &case.id).await {
        show::note(&format!("peerhound: ordered, and carried out with the next sweep: {error}"));
    }
    if setup.json {
        show::json(&case);
    } else {
        show::lines(&[format!("ordered: see `peerhound case show {}` for what comes of it", case.id)]);
    }
    Ok(Exit::Done)
}

fn refused(error: OrderError) -> anyhow::Error {
    let exit = match &error {
        OrderError::NoCase(_) | OrderError::NotOrdered(_) => Exit::BadInput,
        OrderError::Busy(_) => Exit::Failed,
        OrderError::Store(_) => Exit::Storage,
    };
    anyhow!(error).context(WithExit(exit))
}

/// Says what came of it.
fn tell(setup: &Setup, asked: &Asked, case: &Case) -> Exit {
    let (line, done) = match &asked.what {
        FollowUp::Forensics => forensics(case),
        FollowUp::Hold { .. } | FollowUp::Release { .. } => hold(case),
    };
    if setup.json {
        show::json(case);
    } else {
        show::lines(&[line]);
    }
    if done { Exit::Done } else { Exit::Failed }
}

fn forensics(case: &Case) -> (String, bool) {
    let Some(forensics) = &case.forensics else { return ("nothing was ordered".to_owned(), false) };
    match (&forensics.status, &forensics.evidence) {
        (ForensicStatus::Sealed, Some(evidence)) => (
            format!("sealed {} ({} bytes), sha256 {}", evidence.location, evidence.size, evidence.sha256),
            true,
        ),
        (ForensicStatus::GivenUp, _) => (format!("given up: {}", safe(&forensics.detail)), false),
        _ => {
            let why = if forensics.detail.is_empty() { "it is being worked" } else { &forensics.detail };
            (format!("not done yet: {}; `peerhound sweep` or `watch` goes on with it", safe(why)), false)
        }
    }
}

fn hold(case: &Case) -> (String, bool) {
    let Some(hold) = &case.hold else { return ("nothing was ordered".to_owned(), false) };
    match hold.status {
        HoldStatus::Held => (format!("the evidence of case {} is under legal hold", case.id), true),
        HoldStatus::Released => {
            (format!("the legal hold on the evidence of case {} is lifted", case.id), true)
        }
        HoldStatus::Failed => (format!("failed: {}", safe(&hold.detail)), false),
        HoldStatus::Setting | HoldStatus::Releasing => {
            let last = case.history.last().map(|entry| entry.what.clone()).unwrap_or_default();
            (format!("not done yet: {}; `peerhound sweep` goes on with it", safe(&last)), false)
        }
    }
}
