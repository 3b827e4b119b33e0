//! WinRM: the remote shell of Windows, over HTTP sealed by Kerberos or NTLM, or over HTTPS. Never with a password in the clear, and
//! never with a body that anybody on the way could read.
//!
//! From the bottom up: a [`connection`], the [`channel`] on which we have proven who we are, and the [`shell`] that
//! runs one command line after the other.

mod answer;
mod binding;
mod channel;
mod config;
mod connection;
mod envelope;
mod logon;
mod sealed;
mod shell;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::account::accounts::Accounts;
use super::ssh::POWERSHELL;
use super::{Ended, Gathering, Run, Script};
use crate::contact_error::ContactError;
use crate::staging::RawOutput;
use answer::Output;
use channel::Channel;
pub use config::WinrmConfig;
use connection::PATH;
use envelope::Envelopes;
use shell::{Event, Job};

/// An endpoint on which we have proven who we are.
pub(crate) struct WinrmSession {
    target: IpAddr,
    port: u16,
    jobs: mpsc::Sender<Job>,
    server: JoinHandle<()>,
    endpoint: Option<String>,
    patience: Duration,
}

impl WinrmSession {
    /// Connects and authenticates: one try, and no other with the same password.
    pub(crate) async fn connect(
        target: IpAddr,
        config: &WinrmConfig,
        accounts: &Accounts,
    ) -> Result<Self, ContactError> {
        let (channel, endpoint) = Channel::open(target, config, accounts).await?;
        let scheme = if config.https { "https" } else { "http" };
        let address = SocketAddr::new(target, config.port);
        let envelopes = Envelopes::new(format!("{scheme}://{address}{PATH}"));
        let (jobs, waiting) = mpsc::channel(1);
        // It ends by itself, soon after this session does.
        let server = tokio::spawn(shell::serve(target, channel, envelopes, waiting));
        Ok(Self { target, port: config.port, jobs, server, endpoint, patience: config.connect_timeout })
    }

    /// The address and the port that were contacted.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.target, self.port)
    }

    /// Who the endpoint is: the service whose key it holds (Kerberos), or else the fingerprint of its certificate, or else
    /// the name in its NTLM challenge.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    pub(crate) fn command(&self, script: Script<'_>) -> String {
        match script {
            Script::PowerShell(_) => POWERSHELL.to_owned(),
            // The remote shell is cmd.exe itself.
            Script::Command(line) | Script::Line { line, .. } => line.to_owned(),
            Script::Posix(_) => "(nothing: Windows has no POSIX shell)".to_owned(),
        }
    }

    pub(crate) async fn run(
        &mut self,
        script: Script<'_>,
        out: &mut RawOutput,
        limit: Duration,
    ) -> Result<Run, ContactError> {
        let target = self.target;
        let (stdin, hold_open) = match script {
            Script::PowerShell(text) => (text.as_bytes(), false),
            Script::Command(_) => (&[][..], false),
            Script::Line { input, hold_open, .. } => (input, hold_open),
            Script::Posix(_) => {
                let detail = "WinRM runs PowerShell and cmd.exe".to_owned();
                return Err(ContactError::Unsupported { target, detail });
            }
        };
        let lost = || ContactError::disconnected(target, "collection", &"it was lost before");
        let (events, mut told) = mpsc::channel(4);
        let (finished, gone) = oneshot::channel();
        let deadline = Instant::now() + limit;
        let mut gathering = Gathering::start();
        let job =
            Job { line: self.command(script), stdin: stdin.to_vec(), hold_open, deadline, events, finished };
        self.jobs.send(job).await.map_err(|_| lost())?;

        let time_up = tokio::time::sleep(limit);
        tokio::pin!(time_up);
        let mut exit_code = None;
        let ended = loop {
            let event = tokio::select! {
                event = told.recv() => event,
                () = &mut time_up => break Ended::TimeUp,
            };
            match event.ok_or_else(lost)?? {
                // Opening the shell is no part of the command's own time.
                Event::Started => gathering = Gathering::start(),
                Event::Output(Output::Stdout(bytes)) => {
                    if !gathering.stdout(&bytes, out)? {
                        break Ended::TooMuch;
                    }
                }
                Event::Output(Output::Stderr(bytes)) => {
                    if !gathering.stderr(&bytes) {
                        break Ended::TooMuch;
                    }
                }
                Event::Ended(code) => {
                    exit_code = code;
                    break Ended::ByItself;
                }
            }
        };
        drop(told);
        // The next command waits for this one's end anyway, and whoever reads that it was stopped may rely on it.
        if ended != Ended::ByItself && timeout(self.patience + shell::POLL, gone).await.is_err() {
            tracing::warn!(%target, "a command that was given up may go on until the endpoint ends its idle shell");
        }
        Ok(gathering.finish(exit_code, ended))
    }

    pub(crate) async fn close(self) {
        drop(self.jobs);
        let _ = timeout(Duration::from_secs(2), self.server).await;
    }
}

#[cfg(test)]
mod tests;
