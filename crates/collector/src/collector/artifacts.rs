//! One artifact after the other. What goes wrong with one is its own outcome's; only a broken contact ends it all.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use investigation::evidence::{ArtifactKind, ArtifactOutcome, CommandRecord, SentProgram};
use investigation::order::Limits;
use investigation::policy::MemoryTool;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::identify::{joined, note_end};
use super::program::Sending;
use super::reach::Again;
use super::{Progress, Watcher};
use crate::artifact::facts::Facts;
use crate::artifact::forensic::memory;
use crate::artifact::tally::Tally;
use crate::artifact::{self, Artifact, Command, Parsed, Reader, System, Way};
use crate::contact_error::ContactError;
use crate::staging::Staging;
use crate::transport::local::{CancelOnDrop, native};
use crate::transport::{Script, Session};

/// A collection under way.
pub(super) struct Collecting<'a> {
    pub(super) session: Session,
    pub(super) staging: &'a Staging,
    pub(super) limits: Limits,
    pub(super) progress: Watcher<'a>,
    pub(super) facts: Facts,
    /// The host name that the endpoint gives.
    pub(super) host_name: String,
    /// What the endpoint turned out to be.
    pub(super) system: System,
    /// The way that it answered by when it was identified, where there are several.
    pub(super) way: Option<Way>,
    pub(super) clock_skew_ms: Option<i64>,
    /// Holds for every artifact of this collection.
    pub(super) remark: Option<String>,
    /// What `sudo` said where it was to be used and refused.
    pub(super) sudo_refused: Option<String>,
    pub(super) outcomes: Vec<ArtifactOutcome>,
    pub(super) commands: Vec<CommandRecord>,
    /// Leave to hold a parsed form in memory; all collections share a few.
    readers: Arc<Semaphore>,
    reading: Option<OwnedSemaphorePermit>,
    pub(super) program: Sending,
    /// What images of memory are taken by, where they are.
    pub(super) memory_tool: Option<Arc<MemoryTool>>,
}

/// What a collection came to.
pub(super) struct Done {
    pub(super) transport: &'static str,
    pub(super) endpoint_key: Option<String>,
    pub(super) clock_skew_ms: Option<i64>,
    pub(super) outcomes: Vec<ArtifactOutcome>,
    pub(super) commands: Vec<CommandRecord>,
    pub(super) program: Option<SentProgram>,
}

impl<'a> Collecting<'a> {
    pub(super) fn new(
        session: Session,
        staging: &'a Staging,
        limits: Limits,
        progress: Watcher<'a>,
        again: Again,
        readers: Arc<Semaphore>,
    ) -> Self {
        let mut collecting = Self {
            session,
            staging,
            limits,
            progress,
            facts: Facts::default(),
            host_name: String::new(),
            system: System::Linux,
            way: None,
            clock_skew_ms: None,
            remark: None,
            sudo_refused: None,
            outcomes: Vec::new(),
            commands: Vec::new(),
            readers,
            reading: None,
            program: Sending::new(again),
            memory_tool: None,
        };
        collecting.record_new_key();
        collecting
    }

    pub(super) fn transport(&self) -> &'static str {
        self.session.transport()
    }

    /// Collects one artifact by the best way that there is to this endpoint.
    pub(super) async fn artifact(&mut self, kind: ArtifactKind) -> Result<(), ContactError> {
        let native = match self.session {
            Session::Local(_) => native::find(kind),
            Session::Ssh(_) | Session::Winrm(_) | Session::Smb(_) => None,
        };
        let known = || artifact::find(kind, self.system).filter(|_| self.is_remote());
        match native.or_else(known) {
            Some(artifact) => match self.read(artifact).await {
                Err(refused @ ContactError::WinrmRefused { .. }) => self.refused(artifact, &refused),
                other => other,
            },
            // The system has no such thing, which makes the collection no poorer.
            None if self.is_remote() && !kind.is_forensic() => Ok(()),
            None if self.is_foreign(kind) => Ok(()),
            None if self.is_remote() => {
                let system = if self.system == System::Windows { "Windows" } else { "Linux" };
                let artifact = format!("{system}.{}", kind.as_str());
                self.not_collected(
                    artifact,
                    kind,
                    "the catalogue has no way to collect this from such a system",
                )
            }
            None => self.missing(kind),
        }
    }

    /// Whether only the other kind of system has such a thing.
    fn is_foreign(&self, kind: ArtifactKind) -> bool {
        let here = matches!(self.session, Session::Local(_));
        let windows = if here { cfg!(windows) } else { self.system == System::Windows };
        if windows {
            ArtifactKind::LINUX_ALONE.contains(&kind)
        } else {
            ArtifactKind::WINDOWS_ALONE.contains(&kind)
        }
    }

    /// Whether what is collected is what the endpoint's system has in the catalogue.
    fn is_remote(&self) -> bool {
        let reads = matches!(self.session, Session::Smb(_));
        reads || self.session.speaks_posix() || self.session.speaks_windows()
    }

    /// Reads an artifact by its ways, from the one on that the endpoint answered by when it was identified, until one
    /// gives something.
    async fn read(&mut self, artifact: &'static Artifact) -> Result<(), ContactError> {
        let started_at = Timestamp::now();
        if let Some((parsed, tally)) = self.by_program(artifact).await? {
            return self.settle(artifact, &parsed, tally, started_at);
        }
        let reads = matches!(self.session, Session::Smb(_));
        let fits = |reader: &&Reader| (reader.way() == Way::Smb) == reads;
        let all: Vec<&Reader> = artifact.readers.iter().filter(fits).collect();
        let known = self.way.and_then(|way| all.iter().position(|reader| reader.way() == way)).unwrap_or(0);
        let ways = &all[known..];
        let mut failures = Tally::default();
        for (index, reader) in ways.iter().enumerate() {
            let (parsed, mut tally) = match reader {
                Reader::Native => self.native(artifact).await?,
                Reader::Smb => self.over_smb(artifact).await?,
                Reader::Tool => self.memory(artifact).await?,
                Reader::Shell { script, parse } => {
                    self.script(artifact, Script::Posix(script), *parse).await?
                }
                Reader::PowerShell { script, parse } => {
                    self.script(artifact, Script::PowerShell(script), *parse).await?
                }
                Reader::Commands { commands, parse } => self.commands(artifact, commands, *parse).await?,
            };
            if tally.is_failed() && index + 1 < ways.len() {
                self.reading = None;
                failures.extend(tally);
                continue;
            }
            if tally.is_failed() {
                tally.extend(std::mem::take(&mut failures));
            } else if index > 0 {
                tally.partial("PowerShell did not answer: read by commands, which tell less");
            }
            let settled = self.settle(artifact, &parsed, tally, started_at);
            drop(parsed);
            self.reading = None;
            return settled;
        }
        if reads {
            let why = "SMB does not tell of it: WinRM or SSH would";
            return self.not_collected(artifact.id.clone(), artifact.kind, why);
        }
        self.missing(artifact.kind)
    }

    /// The endpoint did not do what this artifact needs, and still answers: the others may well be had.
    fn refused(&mut self, artifact: &'static Artifact, error: &ContactError) -> Result<(), ContactError> {
        let mut tally = Tally::default();
        tally.failed(error.to_string());
        self.settle(artifact, &artifact::nothing(artifact.kind), tally, Timestamp::now())
    }

    /// Waits for leave to parse: what is parsed lies in memory as a whole, and many endpoints may send much at once.
    async fn begin_reading(&mut self) {
        self.reading = None;
        // It is never closed; without it, memory would only be less certain.
        self.reading = Arc::clone(&self.readers).acquire_owned().await.ok();
    }

    async fn script(
        &mut self,
        artifact: &'static Artifact,
        script: Script<'_>,
        parse: artifact::Parse,
    ) -> Result<(Parsed, Tally), ContactError> {
        let (run, raw) = self.run_script(artifact, script).await?;
        self.begin_reading().await;
        let (facts, limits) = (self.facts.clone(), self.limits.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut input = open_raw(&raw)?;
            parse(&mut input, &facts, &limits).map_err(|source| ContactError::Staging { path: raw, source })
        });
        let (parsed, mut tally) = joined(read.await)?;
        note_end(&run, artifact, &self.limits, &mut tally);
        Ok((parsed, tally))
    }

    async fn commands(
        &mut self,
        artifact: &'static Artifact,
        commands: &'static [Command],
        parse: artifact::ParseAnswers,
    ) -> Result<(Parsed, Tally), ContactError> {
        let answered = self.run_commands(artifact, commands).await?;
        self.begin_reading().await;
        let (facts, limits) = (self.facts.clone(), self.limits.clone());
        let root = self.staging_root();
        let read = tokio::task::spawn_blocking(move || {
            let read = parse(&answered.answers, &facts, &limits);
            read.map(|read| (read, answered.tally))
                .map_err(|source| ContactError::Staging { path: root, source })
        });
        let ((parsed, mut tally), cut) = joined(read.await)?;
        tally.extend(cut);
        Ok((parsed, tally))
    }

    async fn native(&mut self, artifact: &'static Artifact) -> Result<(Parsed, Tally), ContactError> {
        let (time, _) = artifact.allowance(&self.limits);
        let (facts, limits, kind) = (self.facts.clone(), self.limits.clone(), artifact.kind);
        let guard = CancelOnDrop::default();
        let cancel = guard.flag();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut work = tokio::task::spawn_blocking(move || {
            native::read(kind, &facts, &limits, time, &cancel, |seen| {
                let _ = tell.send(seen);
            })
        });
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                Some(seen) = told.recv() => (self.progress)(Progress::Files { seen }),
            }
        };
        joined(result.map(Ok))
    }

    /// A kind that nothing in the catalogue collects from this system says so instead of being left out.
    fn missing(&mut self, kind: ArtifactKind) -> Result<(), ContactError> {
        let artifact = format!("ThisMachine.{}", kind.as_str());
        self.not_collected(artifact, kind, "not collected from this operating system")
    }

    fn not_collected(&mut self, artifact: String, kind: ArtifactKind, why: &str) -> Result<(), ContactError> {
        let now = Timestamp::now();
        let mut tally = Tally::default();
        tally.failed(why);
        let (status, reasons) = tally.settle();
        self.outcomes.push(ArtifactOutcome {
            artifact,
            kind,
            status,
            reasons,
            items: 0,
            entries: Vec::new(),
            started_at: now,
            finished_at: now,
        });
        Ok(())
    }

    /// The folder that is written into.
    pub(super) fn staging_root(&self) -> PathBuf {
        self.staging.path("")
    }

    /// Goes on without `sudo`. False where it was not used.
    pub(super) fn renounce_privilege(&mut self) -> bool {
        match &mut self.session {
            Session::Local(_) | Session::Winrm(_) | Session::Smb(_) => false,
            Session::Ssh(session) => session.renounce_privilege(),
        }
    }

    /// Writes the parsed form and the outcome.
    pub(super) fn settle(
        &mut self,
        artifact: &Artifact,
        parsed: &Parsed,
        mut tally: Tally,
        started_at: Timestamp,
    ) -> Result<(), ContactError> {
        if let Some(remark) = &self.remark {
            tally.partial(remark.clone());
        }
        let kind = artifact.kind;
        if let Some(refusal) = self.program.refusal(kind) {
            tally.note(refusal);
        }
        let (status, reasons) = tally.settle();
        let mut entries = Vec::new();
        if status != investigation::evidence::ArtifactStatus::Failed {
            self.staging.write_parsed(kind, parsed)?;
            entries.push(kind.parsed_entry());
        }
        entries.extend(raw_entries(artifact).filter(|raw| self.staging.path(raw).exists()));
        self.outcomes.push(ArtifactOutcome {
            artifact: artifact.id.clone(),
            kind,
            status,
            reasons,
            items: if entries.is_empty() { 0 } else { parsed.items() },
            entries,
            started_at,
            finished_at: Timestamp::now(),
        });
        Ok(())
    }

    /// A key that was trusted on first use is on record like everything else that was done.
    fn record_new_key(&mut self) {
        let Session::Ssh(session) = &self.session else { return };
        if session.accepted_new_key() {
            self.commands.push(CommandRecord {
                artifact: "Transport.Ssh".into(),
                command: format!(
                    "trust the unknown host key {} on first use, and pin it",
                    session.fingerprint()
                ),
                exit_code: None,
                stdout_bytes: 0,
                stderr: String::new(),
                started_at: Timestamp::now(),
                elapsed_ms: 0,
            });
        }
    }

    /// Ends the contact, and makes the record.
    pub(super) async fn finish<T>(mut self, record: impl FnOnce(Done) -> T) -> T {
        self.remove_program().await;
        let program = self.finish_program();
        let endpoint_key = match &self.session {
            Session::Local(_) => None,
            Session::Ssh(session) => Some(session.fingerprint().to_owned()),
            Session::Winrm(session) => session.endpoint().map(str::to_owned),
            Session::Smb(session) => session.endpoint(),
        };
        let done = Done {
            transport: self.session.transport(),
            endpoint_key,
            clock_skew_ms: self.clock_skew_ms,
            outcomes: self.outcomes,
            commands: self.commands,
            program,
        };
        self.session.close().await;
        record(done)
    }
}

/// Where the raw outputs of an artifact lie, whatever way it was read by.
fn raw_entries(artifact: &Artifact) -> impl Iterator<Item = String> {
    let kind = artifact.kind;
    let commands = artifact.readers.iter().flat_map(|reader| match reader {
        Reader::Commands { commands, .. } => commands.as_slice(),
        Reader::Shell { .. } | Reader::PowerShell { .. } | Reader::Native | Reader::Smb | Reader::Tool => &[],
    });
    let commands = commands.map(move |command| Staging::raw_entry_of(kind, &command.name));
    let tool = artifact.readers.iter().filter(|reader| matches!(reader, Reader::Tool));
    let image =
        tool.flat_map(move |_| [memory::IMAGE_ENTRY.to_owned(), Staging::raw_entry_of(kind, memory::LOOK)]);
    std::iter::once(Staging::raw_entry(kind)).chain(commands).chain(image)
}

/// Opens what a script printed.
pub(super) fn open_raw(path: &Path) -> Result<BufReader<File>, ContactError> {
    let file = File::open(path).map_err(|source| ContactError::Staging { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(64 << 10, file))
}
