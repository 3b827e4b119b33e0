//! Running scripts and commands on the endpoint: into raw files, within what the artifact may use, and on record.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use investigation::evidence::CommandRecord;

use super::artifacts::Collecting;
use crate::artifact::tally::Tally;
use crate::artifact::windows::answers::{Answer, Answers, Output};
use crate::artifact::{Artifact, Command};
use crate::contact_error::ContactError;
use crate::staging::Staging;
use crate::transport::{Ended, Run, Script};

/// What commands came to.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) answers: Answers,
    pub(super) runs: Vec<(&'static str, Run)>,
    /// What was cut off.
    pub(super) tally: Tally,
}

impl Collecting<'_> {
    /// Runs one script into its raw file, and puts it on record.
    pub(super) async fn run_script(
        &mut self,
        artifact: &'static Artifact,
        script: Script<'_>,
    ) -> Result<(Run, PathBuf), ContactError> {
        let entry = Staging::raw_entry(artifact.kind);
        let (run, raw, _) = self.run(artifact, script, &entry, artifact.allowance(&self.limits)).await?;
        Ok((run, raw))
    }

    /// Runs commands one after the other, each into a raw file of its own, within what the artifact may use.
    pub(super) async fn run_commands(
        &mut self,
        artifact: &'static Artifact,
        commands: &'static [Command],
    ) -> Result<Answered, ContactError> {
        let (time, mut bytes) = artifact.allowance(&self.limits);
        let deadline = Instant::now() + time;
        let mut answered = Answered::default();
        let mut silent = 0;
        for Command { name, line, spare } in commands {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || bytes == 0 {
                answered
                    .tally
                    .truncated(format!("`{name}` and what follows were not run: the cap was reached"));
                break;
            }
            let entry = Staging::raw_entry_of(artifact.kind, name);
            let (run, raw, written) =
                self.run(artifact, Script::Command(line), &entry, (left, bytes)).await?;
            bytes -= written;
            match run.ended {
                Ended::ByItself => {}
                Ended::TimeUp => answered.tally.truncated(format!("`{name}` was stopped: its time was up")),
                Ended::TooMuch => {
                    answered.tally.truncated(format!("`{name}` was stopped: it printed more than is kept"));
                }
            }
            silent = if written == 0 { silent + 1 } else { 0 };
            answered.answers.push(Answer {
                name: name.clone(),
                output: Output::File(raw),
                exit_code: run.exit_code,
                stderr: run.stderr.clone(),
                spare: *spare,
            });
            answered.runs.push((name, run));
            // There is no cmd.exe there: the rest would say the same.
            if silent == 2 && answered.runs.len() == 2 {
                break;
            }
        }
        Ok(answered)
    }

    /// Runs one script within `(time, bytes)`, and puts it on record. With how many bytes it printed.
    pub(super) async fn run(
        &mut self,
        artifact: &'static Artifact,
        script: Script<'_>,
        entry: &str,
        (time, bytes): (Duration, u64),
    ) -> Result<(Run, PathBuf, u64), ContactError> {
        let mut out = self.staging.raw_output(entry, bytes)?;
        let run = self.session.run(script, &mut out, time).await?;
        let command = self.session.command(script);
        self.commands.push(CommandRecord {
            artifact: artifact.id.clone(),
            command: match script {
                Script::Command(_) | Script::Line { .. } => command,
                Script::Posix(_) | Script::PowerShell(_) => format!("{command} < {}", artifact.id),
            },
            exit_code: run.exit_code,
            stdout_bytes: out.written(),
            stderr: run.stderr.clone(),
            started_at: run.started_at,
            elapsed_ms: u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX),
        });
        let written = out.written();
        Ok((run, out.close()?, written))
    }
}
