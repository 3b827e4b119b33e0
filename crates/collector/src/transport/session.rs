//! An open way to one endpoint, whichever it is, and what running something over it comes to.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{local, smb, ssh, winrm};
use crate::contact_error::ContactError;
use crate::staging::RawOutput;

/// Most of standard error that is kept.
const STDERR_CAP: usize = 4 << 10;

/// A script that writes more to standard error than this is ended.
const STDERR_MOST: usize = 1 << 20;

/// What is run on an endpoint: constant text, mostly of the catalogue, for one of the shells that endpoints have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script<'a> {
    /// A POSIX shell reads it from its standard input, which stays open: its end is the sign to stop.
    Posix(&'a str),
    /// PowerShell, 5.1 or later, reads it from its standard input to its end.
    PowerShell(&'a str),
    /// One command line for `cmd.exe`.
    Command(&'a str),
    /// One command line as it stands, made of constants and of names of our own, with what it reads. Where its input is
    /// held open, its end is the sign to stop.
    Line { line: &'a str, input: &'a [u8], hold_open: bool },
}

/// An open way to one endpoint.
pub(crate) enum Session {
    /// The endpoint is this machine.
    Local(local::LocalSession),
    /// Over SSH.
    Ssh(Box<ssh::SshSession>),
    /// Over WinRM.
    Winrm(winrm::WinrmSession),
    /// Over SMB, which runs nothing.
    Smb(Box<smb::SmbSession>),
}

impl Session {
    /// The word for it in records.
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Ssh(_) => "ssh",
            Self::Winrm(_) => "winrm",
            Self::Smb(_) => "smb",
        }
    }

    /// Whether a POSIX shell may answer there.
    pub(crate) fn speaks_posix(&self) -> bool {
        match self {
            Self::Local(_) => cfg!(target_os = "linux"),
            Self::Ssh(_) => true,
            Self::Winrm(_) | Self::Smb(_) => false,
        }
    }

    /// Whether PowerShell and `cmd.exe` may answer there.
    pub(crate) fn speaks_windows(&self) -> bool {
        match self {
            Self::Local(_) | Self::Smb(_) => false,
            Self::Ssh(_) | Self::Winrm(_) => true,
        }
    }

    /// Runs one script; its standard output goes into `out` as it comes.
    ///
    /// # Errors
    /// Only where the contact itself or our own disk breaks. What the script does is in the [`Run`].
    pub(crate) async fn run(
        &mut self,
        script: Script<'_>,
        out: &mut RawOutput,
        limit: Duration,
    ) -> Result<Run, ContactError> {
        match self {
            Self::Local(session) => session.run(script, out, limit).await,
            Self::Ssh(session) => session.run(script, out, limit).await,
            Self::Winrm(session) => session.run(script, out, limit).await,
            Self::Smb(session) => Err(session.runs_nothing()),
        }
    }

    /// What one command line would be that runs a script, for the record.
    pub(crate) fn command(&self, script: Script<'_>) -> String {
        match self {
            Self::Local(_) => local::command(script),
            Self::Ssh(session) => session.command(script),
            Self::Winrm(session) => session.command(script),
            Self::Smb(_) => "(nothing: SMB runs no commands)".to_owned(),
        }
    }

    /// Says good-bye, for at most a moment.
    pub(crate) async fn close(self) {
        match self {
            Self::Local(_) => {}
            Self::Ssh(session) => session.close().await,
            Self::Winrm(session) => session.close().await,
            Self::Smb(session) => session.close().await,
        }
    }
}

/// How one script went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit_code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) ended: Ended,
    pub(crate) started_at: Timestamp,
    pub(crate) elapsed: Duration,
    /// How long the first byte of the answer took.
    pub(crate) first_byte: Option<Duration>,
}

/// What ended a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Itself.
    ByItself,
    /// We, because its time was up.
    TimeUp,
    /// We, because it printed more than is kept.
    TooMuch,
}

/// Waits for a silence that is too long.
pub(crate) struct Silence {
    since: tokio::time::Instant,
    most: Option<Duration>,
}

impl Silence {
    pub(crate) fn before(out: &RawOutput) -> Self {
        Self { since: tokio::time::Instant::now(), most: out.stall() }
    }

    /// Something came.
    pub(crate) fn broken(&mut self) {
        self.since = tokio::time::Instant::now();
    }

    /// Ends when it is too long, which is never where there is no bound.
    pub(crate) async fn too_long(&self) {
        match self.most {
            Some(most) => tokio::time::sleep_until(self.since + most).await,
            None => std::future::pending().await,
        }
    }
}

/// Gathers a [`Run`] while output comes in.
pub(crate) struct Gathering {
    started_at: Timestamp,
    started: Instant,
    first_byte: Option<Duration>,
    stderr: Vec<u8>,
    stderr_seen: usize,
}

impl Gathering {
    pub(crate) fn start() -> Self {
        Self {
            started_at: Timestamp::now(),
            started: Instant::now(),
            first_byte: None,
            stderr: Vec::new(),
            stderr_seen: 0,
        }
    }

    /// Keeps standard output. False where that is enough.
    pub(crate) fn stdout(&mut self, bytes: &[u8], out: &mut RawOutput) -> Result<bool, ContactError> {
        self.first_byte.get_or_insert_with(|| self.started.elapsed());
        out.write(bytes)
    }

    /// Keeps the first part of standard error. False where it does not end.
    pub(crate) fn stderr(&mut self, bytes: &[u8]) -> bool {
        self.stderr_seen += bytes.len();
        let room = STDERR_CAP - self.stderr.len();
        self.stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.stderr_seen <= STDERR_MOST
    }

    pub(crate) fn finish(self, exit_code: Option<i32>, ended: Ended) -> Run {
        Run {
            exit_code,
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
            ended,
            started_at: self.started_at,
            elapsed: self.started.elapsed(),
            first_byte: self.first_byte,
        }
    }
}
