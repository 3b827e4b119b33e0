//! `peerhound watch`: the worker that stays. The database is its queue: what is taken in is stored before its file is
//! moved, and what is open is continued, so that it may be killed at any point.

mod again;
mod door;
mod folder;
mod lists;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use casework::backend::{Backend, Received, StoreError};
use casework::digest;
use casework::records::{Reading, read_records};
use casework::worker::{Pace, WorkError};
use investigation::policy::Policy;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use again::Again;

use super::sweep::outcome_of_case;
use crate::args::Watch;
use crate::exit::{Exit, WithExit};
use crate::setup::{Setup, Site};
use crate::show;
use crate::show::outcome::Outcome;
use crate::show::printer::Printer;
use crate::show::progress::Progress;

/// How often folder and database are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often old rows are forgotten.
const PRUNE: Duration = Duration::from_secs(3600);
/// Lines from standard input that are stored in one write.
const BATCH: usize = 256;

/// Runs the command.
pub(super) async fn run(setup: &Setup, args: &Watch) -> Result<Exit> {
    let policy = setup.policy()?;
    if args.source.is_none() && args.listen.is_none() && policy.list.is_empty() {
        let text = "nothing to watch: name a folder or -, listen with --listen, or describe a [[list]] in the policy";
        return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
    }
    let jobs = args.jobs.jobs.map_or(policy.collection.jobs, usize::from);
    let keep = policy.storage.keep_alerts.signed();
    let progress = Arc::new(Progress::new(setup.json));
    let worker = Arc::new(setup.worker(policy, progress.clone())?);
    let mut source = Source::open(args.source.as_deref(), Arc::clone(&worker.policy))?;
    worker.tidy().await?;
    // Dropped with everything that they spawned when this ends.
    let mut beside = JoinSet::new();
    if let Some(address) = args.listen {
        beside.spawn(door::Listening::open(setup, &worker, address).await?.serve());
    }
    for list in worker.policy.list.clone() {
        let folder = setup.policy_folder();
        match args.once {
            true => drop(lists::look(&worker, &list, &folder, None).await),
            false => drop(beside.spawn(lists::look_again_and_again(Arc::clone(&worker), list, folder))),
        }
    }
    match args.once {
        true => drop(digest::look(&worker).await?),
        false => drop(beside.spawn(digest::look_again_and_again(Arc::clone(&worker)))),
    }
    let mut queue = Queue {
        worker: Arc::clone(&worker),
        jobs,
        running: JoinSet::new(),
        tasks: HashMap::new(),
        in_hand: HashSet::new(),
        again: Again::default(),
        printer: Printer::new(setup.json, progress),
    };
    let mut pruned: Option<Instant> = None;
    let stop = stopped();
    tokio::pin!(stop);
    loop {
        let turn = async {
            let more = source.take_in(&worker).await?;
            Ok((more, queue.fill().await?))
        };
        let (more, idle) = match turn.await {
            Ok(turn) => turn,
            Err(error) if is_passing(&error) => {
                tracing::warn!("{error:#}; trying again");
                (More::Later, false)
            }
            Err(error) => return Err(error),
        };
        if idle && (args.once || matches!(source, Source::Lines(_))) && more == More::No {
            break;
        }
        if pruned.is_none_or(|at| at.elapsed() > PRUNE) {
            let now = Timestamp::now();
            match worker.backend.prune(now.checked_sub(keep).unwrap_or(Timestamp::MIN), now).await {
                Ok(_) => {}
                // It decides nothing, so that it may as well be done the next time.
                Err(error) if error.is_passing() => tracing::warn!(%error, "old alerts stay for now"),
                Err(error) => return Err(error.into()),
            }
            pruned = Some(Instant::now());
        }
        if more == More::Waiting && queue.has_room() {
            continue;
        }
        tokio::select! {
            () = &mut stop => {
                queue.stop().await;
                break;
            }
            () = tokio::time::sleep(TICK) => {}
            Some(done) = queue.running.join_next_with_id(), if !queue.running.is_empty() => queue.done(done)?,
        }
    }
    queue.printer.finish();
    Ok(queue.printer.exit())
}

/// Says how many records of an input were no alerts.
fn say_passed_over(origin: &str, events: usize) {
    if events > 0 {
        let origin = show::safe(origin);
        show::note(&format!("peerhound: {origin}: {events} events that are no alerts were passed over"));
    }
}

/// Whether a failure of the store may be over in a moment.
fn is_passing(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_passing))
}

/// Whether a source has more to give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    /// There is more right now.
    Waiting,
    /// Not now.
    Later,
    /// Nothing, and nothing can come (until a folder gets new files).
    No,
}

/// Where alerts come from.
enum Source {
    Folder(PathBuf),
    Lines(mpsc::Receiver<Received>),
    /// The door and the lists alone.
    Elsewhere,
}

impl Source {
    fn open(source: Option<&str>, policy: Arc<Policy>) -> Result<Self> {
        let Some(source) = source else { return Ok(Self::Elsewhere) };
        if source != "-" {
            let dir = PathBuf::from(source);
            folder::prepare(&dir).with_context(|| format!("cannot watch {source}"))?;
            return Ok(Self::Folder(dir));
        }
        let (sender, receiver) = mpsc::channel(BATCH);
        let moment = Timestamp::now().to_string();
        std::thread::spawn(move || {
            let mut give = |item| sender.blocking_send(item).is_ok();
            let passed_over = std::cell::Cell::new(0);
            let reading = Reading {
                origin: "standard input",
                moment: &moment,
                formats: &policy.format,
                passed_over: Some(&passed_over),
                once: false,
            };
            read_records(reading, std::io::stdin().lock(), &mut give);
            say_passed_over("standard input", passed_over.get());
        });
        Ok(Self::Lines(receiver))
    }

    /// Stores what has come. Durable when it returns.
    async fn take_in(&mut self, worker: &Site) -> Result<More> {
        match self {
            Self::Elsewhere => Ok(More::No),
            Self::Folder(dir) => Ok(if folder::take_in(dir, &worker.policy.format, &worker.backend).await? {
                More::Later
            } else {
                More::No
            }),
            Self::Lines(receiver) => {
                let mut records: Vec<Received> = Vec::new();
                let ended = loop {
                    match receiver.try_recv() {
                        Ok(record) => records.push(record),
                        Err(mpsc::error::TryRecvError::Empty) => break false,
                        Err(mpsc::error::TryRecvError::Disconnected) => break true,
                    }
                    if records.len() == BATCH {
                        break false;
                    }
                };
                let full = records.len() == BATCH;
                if !records.is_empty() {
                    worker.backend.take_in(records, Timestamp::now()).await?;
                }
                Ok(match (full, ended) {
                    (true, _) => More::Waiting,
                    (false, true) => More::No,
                    (false, false) => More::Later,
                })
            }
        }
    }
}

/// What is being worked, bounded.
struct Queue {
    worker: Arc<Site>,
    jobs: usize,
    running: JoinSet<Result<Option<Outcome>, WorkError>>,
    /// What each task works on.
    tasks: HashMap<tokio::task::Id, Task>,
    /// Alerts and cases that are being worked.
    in_hand: HashSet<String>,
    /// What was worked and may be due all the same.
    again: Again,
    printer: Printer,
}

/// What a task works on.
#[derive(Clone, Default)]
struct Task {
    /// Of the alert or the case.
    id: String,
    is_alert: bool,
}

impl Queue {
    fn has_room(&self) -> bool {
        self.running.len() < self.jobs
    }

    /// Starts what is due, as far as there is room: open cases first, then waiting alerts. Returns whether nothing
    /// is running and nothing is left.
    async fn fill(&mut self) -> Result<bool> {
        while let Some(done) = self.running.try_join_next_with_id() {
            self.done(done)?;
        }
        let (now, moment) = (Timestamp::now(), Instant::now());
        let mut left = false;
        let open = self.worker.backend.open_cases().await?;
        // Those that rest are waited for beside the others, or they would take the others' places on the list.
        let listed = self.jobs * 2 + self.in_hand.len() + self.again.len();
        let waiting = self.worker.backend.waiting(listed).await?;
        let due: HashSet<&str> =
            open.iter().map(String::as_str).chain(waiting.iter().map(|row| row.id.as_str())).collect();
        self.again.forget_all_but(&due);
        for case_id in open {
            if self.in_hand.contains(&case_id) {
                continue;
            }
            if self.again.rests(&case_id, moment) {
                left = true;
                continue;
            }
            let Some(case) = self.worker.backend.case(&case_id).await? else { continue };
            left = true;
            // The alert's own task may be at work on it.
            if self.in_hand.contains(&case.alert.id) || case.next_due().is_some_and(|due| due > now) {
                continue;
            }
            if !self.has_room() {
                break;
            }
            let worker = Arc::clone(&self.worker);
            self.start(Task { id: case_id.clone(), is_alert: false }, async move {
                let resolution = worker.drive(&case_id, Pace::STEADY).await?;
                outcome_of_case(&worker.backend, &case_id, &resolution).await
            });
        }
        for row in waiting {
            if self.in_hand.contains(&row.id) {
                continue;
            }
            left = true;
            if self.again.rests(&row.id, moment) {
                continue;
            }
            if !self.has_room() {
                break;
            }
            let worker = Arc::clone(&self.worker);
            self.start(Task { id: row.id.clone(), is_alert: true }, async move {
                let resolution = worker.resolve(&row, Pace::STEADY).await?;
                Ok(Some(Outcome::of(&row, &resolution)))
            });
        }
        Ok(!left && self.running.is_empty())
    }

    fn start(
        &mut self,
        task: Task,
        work: impl Future<Output = Result<Option<Outcome>, WorkError>> + Send + 'static,
    ) {
        self.in_hand.insert(task.id.clone());
        self.tasks.insert(self.running.spawn(work).id(), task);
    }

    /// Prints an outcome. A store that is busy or full for a moment stops nothing, nor does a case that another program
    /// wrote meanwhile: the work is still there.
    fn done(
        &mut self,
        done: Result<(tokio::task::Id, Result<Option<Outcome>, WorkError>), JoinError>,
    ) -> Result<()> {
        let outcome = match done {
            Ok((task, outcome)) => {
                let task = self.tasks.remove(&task).unwrap_or_default();
                self.in_hand.remove(&task.id);
                // An alert that was worked is decided on, and a case goes on when something is due. What is left all
                // the same must not keep the worker from everything else.
                if task.is_alert || outcome.is_err() {
                    self.again.worked(task.id, Instant::now());
                } else {
                    self.again.forget(&task.id);
                }
                outcome
            }
            // A bug on one alert must not stop the others. It stays in hand, so that it is not tried again until the
            // next start.
            Err(error) => {
                let Task { id, .. } = self.tasks.remove(&error.id()).unwrap_or_default();
                tracing::error!(id, %error, "the work on this alert broke; please report it");
                return Ok(());
            }
        };
        match outcome {
            Ok(Some(outcome)) => self.printer.print(&outcome),
            Ok(None) => {}
            Err(WorkError::Store(error)) if error.is_passing() => {
                tracing::warn!(%error, "will be tried again");
            }
            Err(error @ WorkError::Stale(_)) => tracing::warn!(%error, "will be looked at again"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Lets go of everything. What was begun is continued by the next start.
    async fn stop(&mut self) {
        let left = self.running.len();
        self.running.shutdown().await;
        if left > 0 {
            show::note(&format!("peerhound: stopped; {left} investigations continue at the next start"));
        }
    }
}

/// Returns when the program is asked to end.
pub(super) async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
