//! `peerhound sweep`: continues what is open, once. For a timer, where `watch` does not run.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use casework::backend::{AlertRow, Backend};
use casework::worker::{Pace, Resolution, WorkError};
use tokio::sync::Semaphore;

use super::jobs::Jobs as Running;
use crate::args::Jobs;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::show::outcome::Outcome;
use crate::show::printer::Printer;
use crate::show::progress::Progress;

/// Waiting alerts that are taken up at a time.
const TAKEN: usize = 1024;

/// Runs the command.
pub(super) async fn run(setup: &Setup, jobs: &Jobs) -> Result<Exit> {
    let policy = setup.policy()?;
    let permits = Arc::new(Semaphore::new(jobs.jobs.map_or(policy.collection.jobs, usize::from)));
    let progress = Arc::new(Progress::new(setup.json));
    let worker = Arc::new(setup.worker(policy, progress.clone())?);
    let mut printer = Printer::new(setup.json, progress);
    worker.tidy().await?;

    let mut running: Running<Option<Outcome>> = Running::new();
    for case_id in worker.backend.open_cases().await? {
        let (worker, permits) = (Arc::clone(&worker), Arc::clone(&permits));
        running.start(async move {
            let _permit = permits.acquire_owned().await?;
            let resolution = worker.drive(&case_id, Pace::WATCHED).await?;
            Ok(outcome_of_case(&worker.backend, &case_id, &resolution).await?)
        });
    }
    while let Some(outcome) = running.next().await {
        outcome.iter().for_each(|outcome| printer.print(outcome));
    }
    // One whose work failed still waits, and is left to the next sweep.
    let (mut tried, mut still_there) = (HashSet::new(), 0);
    loop {
        let waiting = worker.backend.waiting(TAKEN + still_there).await?;
        let whole = waiting.len() < TAKEN + still_there;
        let found = waiting.len();
        let fresh: Vec<AlertRow> = waiting.into_iter().filter(|row| tried.insert(row.id.clone())).collect();
        still_there = found - fresh.len();
        if fresh.is_empty() && whole {
            break;
        }
        for row in fresh {
            let (worker, permits) = (Arc::clone(&worker), Arc::clone(&permits));
            running.start(async move {
                let _permit = permits.acquire_owned().await?;
                let resolution = worker.resolve(&row, Pace::WATCHED).await?;
                Ok(Some(Outcome::of(&row, &resolution)))
            });
        }
        while let Some(outcome) = running.next().await {
            outcome.iter().for_each(|outcome| printer.print(outcome));
        }
    }
    printer.finish();
    running.end()?;
    Ok(printer.exit())
}

/// The outcome of a case that was continued, under the alert that opened it.
pub(super) async fn outcome_of_case<B: Backend>(
    backend: &B,
    case_id: &str,
    resolution: &Resolution,
) -> Result<Option<Outcome>, WorkError> {
    let Some(case) = backend.case(case_id).await? else { return Ok(None) };
    let row = backend.alert(&case.alert.id).await?.into_iter().find(|row| row.id == case.alert.id);
    Ok(row.map(|row| Outcome::of(&row, resolution)))
}
