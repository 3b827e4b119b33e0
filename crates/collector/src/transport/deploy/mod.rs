//! Sending the program to an endpoint: into a fresh folder that nobody can guess and that only the account may read, held
//! against its SHA-256 there before each run, and removed again whatever comes in between.
//!
//! Over SSH, a Linux endpoint holds the folder by itself for as long as the connection lasts ([`posix`]); a Windows
//! endpoint gets it by SFTP. Over WinRM, PowerShell writes it ([`windows`]). What is run is made of constants and of the
//! folder's name, which is ours: nothing that the endpoint says becomes part of it.

mod posix;
mod sftp;
pub(crate) mod windows;

use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use investigation::evidence::CommandRecord;
use investigation::text::one_line;
use jiff::Timestamp;

use super::{Ended, Run, Script, Session};
use crate::contact_error::ContactError;
use crate::program::{NAME, ProgramFile};
use crate::staging::RawOutput;

/// What the steps are recorded under.
const RECORD: &str = "Transport.Program";
/// Longest time for the way of the program to the endpoint.
const SENDING: Duration = Duration::from_secs(180);
/// Longest time for a look at it.
const LOOKING: Duration = Duration::from_secs(30);
/// Most bytes that a step prints.
const ANSWER_CAP: u64 = 16 << 10;
/// How often a removal is tried on one connection, and the wait in between: Windows removes nothing that still runs.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(400);

/// A program on an endpoint, or on its way there.
pub(crate) struct Deployed {
    /// Name of its folder.
    folder: String,
    sha256: String,
    size: usize,
    place: Place,
    /// Something of it may be there.
    landed: bool,
}

enum Place {
    /// In one of the folders that [`posix`] tries.
    Posix { holder: Option<posix::Holder>, base: Option<&'static str> },
    /// Below a Windows account's own folder.
    Windows,
}

/// What was done on the endpoint.
pub(crate) type Log = Vec<CommandRecord>;

impl Deployed {
    /// Nothing is sent yet. `windows`: the system that the endpoint turned out to be.
    pub(crate) fn new(program: &ProgramFile, windows: bool) -> Self {
        let place = if windows { Place::Windows } else { Place::Posix { holder: None, base: None } };
        let (sha256, size) = (program.sha256.clone(), program.bytes.len());
        Self { folder: format!("peerhound-{}", unguessable()), sha256, size, place, landed: false }
    }

    /// Whether anything of it may have come to lie there.
    pub(crate) fn landed(&self) -> bool {
        self.landed
    }

    /// Where it lies, as the endpoint spells it.
    pub(crate) fn path(&self) -> String {
        match &self.place {
            Place::Posix { base, .. } => format!("{}/{}/{NAME}", base.unwrap_or("/tmp"), self.folder),
            Place::Windows => format!(r"{}\{NAME}.exe", windows::folder(&self.folder)),
        }
    }

    /// Sends it. The error is one line; whatever has come to lie there then has to be removed all the same.
    pub(crate) async fn send(
        &mut self,
        session: &mut Session,
        program: &ProgramFile,
        log: &mut Log,
    ) -> Result<(), String> {
        let described = self.described();
        match (&mut self.place, &mut *session) {
            (Place::Posix { holder, base }, Session::Ssh(ssh)) => {
                let line = posix::hold(ssh.privilege(), &self.folder, self.size);
                let step = Step::begin(format!("{line} < {described}"));
                let sent = match posix::Holder::open(ssh, &line).await {
                    Ok((held, index)) => {
                        self.landed = true;
                        *base = posix::BASES.get(index).copied();
                        holder.insert(held).fill(&program.bytes, SENDING).await
                    }
                    Err(why) => Err(why),
                };
                step.end(log, None, sent.as_ref().err().map_or("", String::as_str));
                sent
            }
            (Place::Windows, Session::Ssh(ssh)) => {
                let (folder, file) = windows::over_sftp(&self.folder);
                let step = Step::begin(format!("sftp: mkdir {folder}; put {file} < {described}"));
                let sent = sftp::put(ssh, &folder, &file, &program.bytes, SENDING, &mut self.landed).await;
                step.end(log, None, sent.as_ref().err().map_or("", String::as_str));
                sent
            }
            (Place::Windows, Session::Winrm(_)) => {
                let line = windows::receive(&self.folder);
                let input = windows::lines(&program.bytes);
                self.landed = true;
                let script = Script::Line { line: &line, input: input.as_bytes(), hold_open: false };
                let (run, _) = step(session, script, SENDING, &described, log).await?;
                match run.exit_code {
                    Some(0) => Ok(()),
                    _ => Err(said("PowerShell did not write it", &run)),
                }
            }
            _ => Err("this way takes no programs".into()),
        }
    }

    /// Looks at what lies there, right before it is run. The error is one line.
    pub(crate) async fn check(&mut self, session: &mut Session, log: &mut Log) -> Result<(), String> {
        let found = match (&self.place, &mut *session) {
            // There it is part of what runs it.
            (Place::Posix { .. }, _) => return Ok(()),
            (Place::Windows, Session::Ssh(ssh)) => {
                let (_, file) = windows::over_sftp(&self.folder);
                let step = Step::begin(format!("sftp: get {file}"));
                let hash = sftp::sha256(ssh, &file, self.size as u64, SENDING).await;
                step.end(log, None, hash.as_ref().err().map_or("", String::as_str));
                hash?
            }
            (Place::Windows, _) => {
                let line = windows::hash(&self.folder);
                let script = Script::Line { line: &line, input: b"", hold_open: false };
                let (run, answer) = step(session, script, LOOKING, "", log).await?;
                windows::hash_in(&answer).ok_or_else(|| said("its SHA-256 there cannot be had", &run))?
            }
        };
        if found != self.sha256 {
            return Err(format!("it was changed on the endpoint, its SHA-256 there is {found}: not run"));
        }
        Ok(())
    }

    /// The command line that runs it.
    pub(crate) fn line(&self, session: &Session) -> String {
        match (&self.place, session) {
            (Place::Posix { .. }, Session::Ssh(ssh)) => {
                posix::run(ssh.privilege(), &self.folder, &self.sha256)
            }
            _ => session.command(Script::Command(&format!("\"{}\"", self.path()))),
        }
    }

    /// Removes it and its folder. True once nothing of it is there.
    pub(crate) async fn remove(&mut self, session: &mut Session, log: &mut Log) -> bool {
        if !self.landed {
            return true;
        }
        if let Place::Posix { holder, .. } = &mut self.place
            && let Some(holder) = holder.take()
        {
            let step = Step::begin("(end of its input: the endpoint removes it)".into());
            let gone = holder.release(LOOKING).await;
            step.end(log, None, if gone { "" } else { "it does not say that it is gone" });
            if gone {
                return true;
            }
        }
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            match self.remove_once(session, log).await {
                Ok(true) => return true,
                Ok(false) => {}
                // The connection is gone.
                Err(_) => return false,
            }
        }
        false
    }

    async fn remove_once(&self, session: &mut Session, log: &mut Log) -> Result<bool, String> {
        match (&self.place, &mut *session) {
            (Place::Posix { .. }, Session::Ssh(ssh)) => {
                let line = posix::remove(ssh.privilege(), &self.folder);
                let script = Script::Line { line: &line, input: b"", hold_open: false };
                let (_, answer) = step(session, script, LOOKING, "", log).await?;
                Ok(is_gone(&answer))
            }
            (Place::Windows, Session::Ssh(ssh)) => {
                let (folder, file) = windows::over_sftp(&self.folder);
                let step = Step::begin(format!("sftp: rm {file}; rmdir {folder}"));
                let gone = sftp::remove(ssh, &folder, &file, LOOKING).await;
                step.end(log, None, gone.as_ref().err().map_or("", String::as_str));
                gone
            }
            (Place::Windows, Session::Winrm(_)) => {
                let [remove, look] = windows::remove(&self.folder);
                step(session, Script::Command(&remove), LOOKING, "", log).await?;
                let (_, answer) = step(session, Script::Command(&look), LOOKING, "", log).await?;
                Ok(is_gone(&answer))
            }
            _ => Ok(true),
        }
    }

    /// Lets go of the connection that it was sent over.
    pub(crate) fn let_go(&mut self) {
        if let Place::Posix { holder, .. } = &mut self.place {
            *holder = None;
        }
    }

    /// The word for what is sent, in records.
    fn described(&self) -> String {
        format!("{NAME} ({} bytes, SHA-256 {})", self.size, self.sha256)
    }
}

/// What an endpoint says once nothing of it is there.
const GONE: &str = "PEERHOUND-GONE";

fn is_gone(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).lines().any(|line| line.trim() == GONE)
}

/// Runs one step, and puts it on record. `input` says what it reads.
async fn step(
    session: &mut Session,
    script: Script<'_>,
    limit: Duration,
    input: &str,
    log: &mut Log,
) -> Result<(Run, Vec<u8>), String> {
    let mut out = RawOutput::memory(ANSWER_CAP);
    let command = session.command(script);
    let command = if input.is_empty() { command } else { format!("{command} < {input}") };
    let step = Step::begin(command);
    match session.run(script, &mut out, limit).await {
        Ok(run) => {
            step.end(log, run.exit_code, &run.stderr);
            if let Some(record) = log.last_mut() {
                record.stdout_bytes = out.written();
            }
            match run.ended {
                Ended::ByItself => Ok((run, out.into_bytes())),
                Ended::TimeUp => Err(format!("no answer in {} s", limit.as_secs())),
                Ended::TooMuch => Err("it says more than there is to say".into()),
            }
        }
        Err(error) => {
            let why = in_short(&error);
            step.end(log, None, &why);
            Err(why)
        }
    }
}

/// A step while it is done.
struct Step {
    command: String,
    started_at: Timestamp,
    started: Instant,
}

impl Step {
    fn begin(command: String) -> Self {
        Self { command, started_at: Timestamp::now(), started: Instant::now() }
    }

    fn end(self, log: &mut Log, exit_code: Option<i32>, stderr: &str) {
        log.push(CommandRecord {
            artifact: RECORD.into(),
            command: self.command,
            exit_code,
            stdout_bytes: 0,
            stderr: stderr.to_owned(),
            started_at: self.started_at,
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

/// What an endpoint had to say about it, in one line.
fn said(what: &str, run: &Run) -> String {
    let code = run.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    match one_line(run.stderr.trim(), 160) {
        said if said.is_empty() => format!("{what}{code}"),
        said => format!("{what}{code}: {said}"),
    }
}

fn in_short(error: &ContactError) -> String {
    one_line(&error.to_string(), 300)
}

/// 128 bits of the system's own randomness.
pub(crate) fn unguessable() -> String {
    let mut bytes = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    if random.fill(&mut bytes).is_err() {
        // A folder of that name must not be there already, wherever it is made: a guess gains nothing but a refusal.
        bytes = fastrand::u128(..).to_le_bytes();
    }
    HEXLOWER.encode(&bytes)
}
