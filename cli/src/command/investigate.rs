//! `peerhound investigate`: every alert and address that is named, several at a time.

use std::sync::Arc;

use anyhow::Result;
use casework::backend::{AlertRow, Backend, Received};
use casework::worker::{Pace, Resolution};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};

use super::jobs::Jobs;
use crate::args::Investigate;
use crate::exit::Exit;
use crate::inputs::{self, Item};
use crate::setup::{Setup, Site};
use crate::show::outcome::Outcome;
use crate::show::printer::Printer;
use crate::show::progress::Progress;

/// Alerts that are stored in one write.
const BATCH: usize = 256;

/// Runs the command.
pub(super) async fn run(setup: &Setup, args: &Investigate) -> Result<Exit> {
    let policy = setup.policy()?;
    let jobs = args.jobs.jobs.map_or(policy.collection.jobs, usize::from);
    let progress = Arc::new(Progress::new(setup.json));
    let worker = Arc::new(setup.worker(policy, progress.clone())?);
    let mut printer = Printer::new(setup.json, progress);
    investigate(&worker, args.inputs.clone(), jobs, &mut printer).await?;
    printer.finish();
    Ok(printer.exit())
}

/// Reads the inputs on a thread of their own and works the alerts as they come. Memory does not grow with the input:
/// the reader waits while `BATCH` alerts wait.
pub(super) async fn investigate(
    worker: &Arc<Site>,
    inputs: Vec<String>,
    jobs: usize,
    printer: &mut Printer,
) -> Result<()> {
    let (sender, mut receiver) = mpsc::channel(BATCH);
    let now = Timestamp::now();
    let policy = Arc::clone(&worker.policy);
    std::thread::spawn(move || {
        inputs::read(&inputs, &policy.format, now, |item| sender.blocking_send(item).is_ok())
    });

    let permits = Arc::new(Semaphore::new(jobs));
    let mut running: Jobs<(AlertRow, Resolution)> = Jobs::new();
    let mut batch = Vec::with_capacity(BATCH);
    let taken_in = loop {
        tokio::select! {
            count = receiver.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    break Ok(());
                }
                let records = split(batch.drain(..), printer);
                let rows = match worker.backend.take_in(records, (worker.now)()).await {
                    Ok(rows) => rows,
                    // What is under way is finished first.
                    Err(error) => break Err(error),
                };
                for row in rows {
                    let permit = Arc::clone(&permits).acquire_owned().await?;
                    let worker = Arc::clone(worker);
                    running.start(async move {
                        let resolution = worker.resolve(&row, Pace::WATCHED).await?;
                        drop(permit);
                        Ok((row, resolution))
                    });
                    while let Some((row, resolution)) = running.try_next() {
                        printer.print(&Outcome::of(&row, &resolution));
                    }
                }
            }
            Some((row, resolution)) = running.next(), if !running.is_empty() => {
                printer.print(&Outcome::of(&row, &resolution));
            }
        }
    };
    while let Some((row, resolution)) = running.next().await {
        printer.print(&Outcome::of(&row, &resolution));
    }
    taken_in?;
    running.end()
}

/// Prints what could not even be opened, and keeps the rest.
fn split(items: impl Iterator<Item = Item>, printer: &mut Printer) -> Vec<Received> {
    let mut records = Vec::new();
    for item in items {
        match item {
            Item::Record(received) => records.push(*received),
            Item::Unopened { origin, reason } => printer.print(&Outcome::unopened(&origin, &reason)),
        }
    }
    records
}
