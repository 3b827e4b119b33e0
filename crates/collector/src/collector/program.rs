//! The program in place of scripts, for what it tells better: sent once the endpoint has proven who it is, run for one
//! artifact after the other, and removed at the end whatever came in between. Where it does not run, the scripts are,
//! and the outcomes say why.

use std::collections::BTreeMap;
use std::time::Duration;

use investigation::evidence::{ArtifactKind, SentProgram};
use investigation::text::one_line;
use tokio::runtime::Handle;

use super::artifacts::{Collecting, open_raw};
use super::identify::joined;
use super::reach::Again;
use crate::artifact::tally::Tally;
use crate::artifact::{Artifact, Parsed, System};
use crate::contact_error::ContactError;
use crate::program::reading::{self, Reading};
use crate::program::{Ask, NAME, ProgramFile};
use crate::staging::Staging;
use crate::transport::deploy::{Deployed, Log};
use crate::transport::{Ended, Run, Script, Session};

/// What it is asked for: that which the system tells a program and no script. The rest is as good by scripts, or better:
/// they know of scheduled tasks.
const LINUX: [ArtifactKind; 3] = [ArtifactKind::Connections, ArtifactKind::Processes, ArtifactKind::Torrents];
const WINDOWS: [ArtifactKind; 5] = [
    ArtifactKind::Connections,
    ArtifactKind::Processes,
    ArtifactKind::Firewall,
    ArtifactKind::Torrents,
    ArtifactKind::RecentExecutables,
];

/// After its own time is up the program says what it has. It is given this much longer before it is ended.
const GRACE: Duration = Duration::from_secs(15);
/// What was cancelled is ended before it can be removed: a WinRM command within some seconds. Waits between the tries.
const ENDING: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// The program of one collection.
pub(super) struct Sending {
    guard: Guard,
    file: Option<ProgramFile>,
    /// What it is to read.
    wanted: &'static [ArtifactKind],
    record: Option<SentProgram>,
    /// Why something that it was to read was read by scripts.
    refusals: BTreeMap<ArtifactKind, String>,
}

impl Sending {
    pub(super) fn new(again: Again) -> Self {
        let guard = Guard { deployed: None, again };
        Self { guard, file: None, wanted: &[], record: None, refusals: BTreeMap::new() }
    }

    /// Why the scripts were taken.
    pub(super) fn refusal(&self, kind: ArtifactKind) -> Option<String> {
        let why = self.refusals.get(&kind)?;
        Some(format!("the program was not used ({why}): read by scripts"))
    }

    /// It is of no use any more.
    fn refuse(&mut self, why: &str) {
        let read = self.record.as_ref().map_or(&[][..], |record| &record.read);
        for kind in self.wanted.iter().filter(|kind| !read.contains(kind)) {
            self.refusals.entry(*kind).or_insert_with(|| why.to_owned());
        }
        self.file = None;
    }
}

impl Collecting<'_> {
    /// Sends the program, where the settings have one for this endpoint and there is something for it to read.
    pub(super) async fn send_program(&mut self, kinds: &[ArtifactKind]) -> Result<(), ContactError> {
        let programs = &self.program.guard.again.config.programs;
        let (file, wanted, windows) = match (&self.session, self.system) {
            (Session::Local(_), _) => return Ok(()),
            (_, System::Windows) => (programs.windows.clone(), &WINDOWS[..], true),
            _ => (programs.linux.clone(), &LINUX[..], false),
        };
        let Some(file) = file.filter(|_| kinds.iter().any(|kind| wanted.contains(kind))) else {
            return Ok(());
        };
        self.program.wanted = wanted;
        // Known before anything is sent, so that whatever ends this also removes it.
        let deployed = self.program.guard.deployed.insert(Deployed::new(&file, windows));
        let sent = deployed.send(&mut self.session, &file, &mut self.commands).await;
        self.program.record = deployed.landed().then(|| SentProgram {
            name: NAME.into(),
            version: file.version.clone(),
            sha256: file.sha256.clone(),
            size: file.bytes.len() as u64,
            path: deployed.path(),
            read: Vec::new(),
            removed: false,
        });
        self.program.file = Some(file);
        if let Err(why) = sent {
            self.give_up(&why).await;
        }
        Ok(())
    }

    /// Reads an artifact by the program. Nothing where it is not there for that, or not any more.
    pub(super) async fn by_program(
        &mut self,
        artifact: &'static Artifact,
    ) -> Result<Option<(Parsed, Tally)>, ContactError> {
        let Some(file) = self.program.file.clone().filter(|_| self.program.wanted.contains(&artifact.kind))
        else {
            return Ok(None);
        };
        match self.run_program(artifact, &file).await? {
            Ok((_, tally)) if tally.is_failed() => {
                let (_, reasons) = tally.settle();
                let why = reasons.first().map_or("it could read nothing", String::as_str);
                self.program.refusals.insert(artifact.kind, one_line(why, 200));
                Ok(None)
            }
            Ok(read) => {
                if let Some(record) = &mut self.program.record {
                    record.read.push(artifact.kind);
                }
                Ok(Some(read))
            }
            Err(why) => {
                self.give_up(&why).await;
                Ok(None)
            }
        }
    }

    /// The inner error says why it is of no use. Only our own disk breaks the collection: where the connection is
    /// broken, the scripts say so.
    async fn run_program(
        &mut self,
        artifact: &'static Artifact,
        file: &ProgramFile,
    ) -> Result<Result<(Parsed, Tally), String>, ContactError> {
        let Some(deployed) = &mut self.program.guard.deployed else { return Ok(Err("it is gone".into())) };
        if let Err(why) = deployed.check(&mut self.session, &mut self.commands).await {
            return Ok(Err(why));
        }
        let line = deployed.line(&self.session);
        let (time, bytes) = artifact.allowance(&self.limits);
        let mut limits = self.limits.clone();
        limits.artifact_seconds = time.as_secs();
        let ask = serde_json::to_string(&Ask { kind: artifact.kind, limits: limits.clone() });
        let ask = ask.unwrap_or_default() + "\n";
        let script = Script::Line { line: &line, input: ask.as_bytes(), hold_open: true };
        let entry = Staging::raw_entry(artifact.kind);
        let (run, raw, _) = match self.run(artifact, script, &entry, (time + GRACE, bytes)).await {
            Ok(ran) => ran,
            Err(error @ ContactError::Staging { .. }) => return Err(error),
            Err(error) => return Ok(Err(one_line(&error.to_string(), 200))),
        };
        let (kind, version) = (artifact.kind, file.version.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut input = open_raw(&raw)?;
            reading::read(&mut input, kind, &version, &limits)
                .map_err(|source| ContactError::Staging { path: raw, source })
        });
        let reading = joined(read.await)?;
        Ok(believe(reading, &run, time))
    }

    /// Removes the program before its time. The scripts are taken from now on.
    async fn give_up(&mut self, why: &str) {
        self.program.refuse(why);
        self.remove_program().await;
    }

    /// Removes the program, over another connection where this one does not do.
    pub(super) async fn remove_program(&mut self) {
        let guard = &mut self.program.guard;
        let Some(deployed) = &mut guard.deployed else { return };
        let mut gone = deployed.remove(&mut self.session, &mut self.commands).await;
        if !gone {
            gone = guard.again.remove(deployed, &mut self.commands).await;
        }
        if !gone {
            tracing::warn!(target = %guard.again.target, path = deployed.path(), "the program could not be removed");
        }
        guard.deployed = None;
        if let Some(record) = &mut self.program.record {
            record.removed = gone;
        }
    }

    /// The record of it, for the collection; it says in the outcomes where something was left.
    pub(super) fn finish_program(&mut self) -> Option<SentProgram> {
        let record = self.program.record.take()?;
        if !record.removed {
            let left = format!("{} could not be removed from the endpoint: remove it there", record.path);
            let about = |kind: &ArtifactKind| self.program.wanted.contains(kind);
            for outcome in self.outcomes.iter_mut().filter(|outcome| about(&outcome.kind)) {
                outcome.reasons.push(left.clone());
            }
        }
        Some(record)
    }
}

/// What an answer is worth, by how it ended.
fn believe(reading: Reading, run: &Run, time: Duration) -> Result<(Parsed, Tally), String> {
    match (reading, run.ended) {
        (Reading::Whole(parsed, tally), _) => Ok((parsed, tally)),
        (Reading::Cut(parsed, mut tally), Ended::TimeUp) => {
            tally.truncated(format!("the program was stopped after {} s", (time + GRACE).as_secs()));
            Ok((parsed, tally))
        }
        (Reading::Cut(parsed, mut tally), Ended::TooMuch) => {
            tally.truncated("the program was stopped: it said more than is kept");
            Ok((parsed, tally))
        }
        (reading, _) => {
            let why = match reading {
                Reading::None(why) => why,
                _ => "it ended before its end".into(),
            };
            let code = run.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            match one_line(run.stderr.trim(), 160) {
                said if said.is_empty() => Err(format!("{why}{code}")),
                said => Err(format!("{why}{code}: {said}")),
            }
        }
    }
}

impl Again {
    /// Removes a program over a connection of its own. True once nothing of it is there.
    async fn remove(&self, deployed: &mut Deployed, log: &mut Log) -> bool {
        deployed.let_go();
        match self.connect().await {
            Ok(mut session) => {
                let gone = deployed.remove(&mut session, log).await;
                session.close().await;
                gone
            }
            Err(error) => {
                tracing::debug!(target = %self.target, %error, "no second connection");
                false
            }
        }
    }
}

/// Removes the program where the collection was given up while it was on the endpoint.
struct Guard {
    deployed: Option<Deployed>,
    again: Again,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(mut deployed) = self.deployed.take().filter(Deployed::landed) else { return };
        // The connection ends with the rest of the collection, and with it what runs on it.
        deployed.let_go();
        let again = self.again.clone();
        // Without a runtime the process itself ends.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            for wait in ENDING {
                tokio::time::sleep(wait).await;
                if again.remove(&mut deployed, &mut Log::new()).await {
                    return;
                }
            }
            let (target, path) = (again.target, deployed.path());
            tracing::warn!(%target, path, "a collection was given up, and its program could not be removed");
        });
    }
}
