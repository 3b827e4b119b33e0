//! Running command lines. A task of its own holds the channel, so that whoever waits for it may go away at any time: an
//! exchange that has begun is brought to its end, and then nothing is left running on the endpoint.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::answer::{Answer, Fault, Id, Malformed, Output};
use super::channel::Channel;
use super::envelope::Envelopes;
use crate::contact_error::ContactError;

/// How long the endpoint may keep us waiting for output: as long may a command go on that was given up.
pub(super) const POLL: Duration = Duration::from_secs(5);

/// The shortest wait for output that is asked for.
const SHORTEST: Duration = Duration::from_millis(500);

/// A piece of standard input. In base64 it fits into every endpoint's largest envelope.
const PIECE: usize = 64 << 10;

/// One command line to run.
pub(super) struct Job {
    pub(super) line: String,
    /// The whole standard input.
    pub(super) stdin: Vec<u8>,
    /// Whether it goes on without an end: its end is the sign to stop.
    pub(super) hold_open: bool,
    /// When nobody waits for it any more.
    pub(super) deadline: Instant,
    /// Hears what happens. Once nobody listens, the command is ended.
    pub(super) events: mpsc::Sender<Result<Event, ContactError>>,
    /// Dropped once nothing runs on the endpoint, or there is no way left to see to it.
    pub(super) finished: oneshot::Sender<()>,
}

/// What happens to a command.
#[derive(Debug)]
pub(super) enum Event {
    Started,
    Output(Output),
    Ended(Option<i32>),
}

/// Works on one job after the other, until there will be no more.
pub(super) async fn serve(
    target: IpAddr,
    channel: Channel,
    envelopes: Envelopes,
    mut jobs: mpsc::Receiver<Job>,
) {
    let mut shell = Shell { target, channel, envelopes };
    while let Some(job) = jobs.recv().await {
        if let Err(error) = shell.perform(&job).await {
            let _ = job.events.send(Err(error)).await;
        }
        drop(job.finished);
    }
}

struct Shell {
    target: IpAddr,
    channel: Channel,
    envelopes: Envelopes,
}

impl Shell {
    /// A shell for each command: ending the shell ends whatever the command has started in it.
    async fn perform(&mut self, job: &Job) -> Result<(), ContactError> {
        let answer = self.ask(self.envelopes.create(), "opening a shell").await?;
        let shell = answer.shell().map_err(|error| self.malformed("opening a shell", &error))?;
        let result = self.command(&shell, job).await;
        self.clean_up(self.envelopes.delete(&shell)).await;
        result
    }

    async fn command(&mut self, shell: &Id, job: &Job) -> Result<(), ContactError> {
        if job.events.is_closed() {
            return Ok(());
        }
        let answer = self.ask(self.envelopes.command(shell, &job.line), "starting a command").await?;
        let command = answer.command().map_err(|error| self.malformed("starting a command", &error))?;
        let result = self.follow(shell, &command, job).await;
        if !matches!(result, Ok(true)) {
            self.clean_up(self.envelopes.terminate(shell, &command)).await;
        }
        result.map(drop)
    }

    /// True once the command has ended by itself.
    async fn follow(&mut self, shell: &Id, command: &Id, job: &Job) -> Result<bool, ContactError> {
        if job.events.send(Ok(Event::Started)).await.is_err() {
            return Ok(false);
        }
        let mut pieces = job.stdin.chunks(PIECE).peekable();
        if pieces.peek().is_none() && !job.hold_open {
            self.ask(self.envelopes.send(shell, command, &[], true), "collection").await?;
        }
        while let Some(piece) = pieces.next() {
            if job.events.is_closed() {
                return Ok(false);
            }
            let is_last = pieces.peek().is_none() && !job.hold_open;
            self.ask(self.envelopes.send(shell, command, piece, is_last), "collection").await?;
        }
        loop {
            if job.events.is_closed() {
                return Ok(false);
            }
            let left = job.deadline.saturating_duration_since(Instant::now());
            let wait = left.clamp(SHORTEST, POLL);
            let envelope = self.envelopes.receive(shell, command, wait);
            let answer = self.channel.exchange(envelope, "collection", wait).await?;
            match &answer.fault {
                Some(fault) if fault.is_timeout() => continue,
                Some(fault) => return Err(self.refused("collection", fault)),
                None => {}
            }
            for output in answer.output {
                if job.events.send(Ok(Event::Output(output))).await.is_err() {
                    return Ok(false);
                }
            }
            if answer.is_done {
                let _ = job.events.send(Ok(Event::Ended(answer.exit_code))).await;
                return Ok(true);
            }
        }
    }

    async fn ask(&mut self, envelope: String, phase: &'static str) -> Result<Answer, ContactError> {
        let answer = self.channel.exchange(envelope, phase, POLL).await?;
        match &answer.fault {
            Some(fault) => Err(self.refused(phase, fault)),
            None => Ok(answer),
        }
    }

    /// What is to be ended may have ended already. Where it cannot be, the endpoint ends it once it has been idle.
    async fn clean_up(&mut self, envelope: String) {
        if let Err(error) = self.ask(envelope, "cleaning up").await {
            tracing::debug!(target = %self.target, %error, "a command or a shell was not ended in order");
        }
    }

    fn refused(&self, phase: &'static str, fault: &Fault) -> ContactError {
        let code = fault.code.map(|code| format!(" (error {code})")).unwrap_or_default();
        let said = if fault.said.is_empty() { "it gives no reason" } else { &fault.said };
        let detail = match fault.is_denied() {
            true => format!("the account may not use WinRM there{code}: {said}"),
            false => format!("{said}{code}"),
        };
        ContactError::WinrmRefused { target: self.target, phase, detail, may_pass: !fault.is_denied() }
    }

    fn malformed(&self, phase: &'static str, error: &Malformed) -> ContactError {
        ContactError::disconnected(self.target, phase, error)
    }
}
