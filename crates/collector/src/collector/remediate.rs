//! Changing an endpoint: one measure after the other, each ending by itself, and each command on record.
//!
//! The endpoint has proven who it is by then, as for a collection, and its host name is held against that of the
//! evidence before anything is touched. Where the connection breaks, what was done until then is told all the same, and
//! what was not begun is told to be so: the same order, given again, finds what was done.

mod windows;

use std::path::PathBuf;
use std::time::Duration;

use investigation::evidence::{CommandRecord, TorrentKind};
use investigation::order::Task as Ordered;
use investigation::remediation::{
    Measure, MeasureFault, MeasureOutcome, Undo, UndoOrder, measures_fault, undos_fault,
};
use investigation::text::one_line;
use jiff::Timestamp;

use super::artifacts::Collecting;
use crate::artifact::System;
use crate::contact_error::ContactError;
use crate::remediation::answer::Answer;
use crate::remediation::entry::{self, Kind, Plan, Wanted};
use crate::remediation::script::{Shell, Step};
use crate::remediation::{Ending, OwnConnection, Task, Work, posix};
use crate::staging::RawOutput;
use crate::torrent::client_data::classify_bytes;
use crate::transport::{Ended, Run, Script, Session};

/// Longest time for one step: a unit may take a minute and a half to stop.
const STEP: Duration = Duration::from_secs(150);
/// Longest time for asking where the connection comes from.
const ASKING: Duration = Duration::from_secs(30);
/// Most bytes that one step prints.
const ANSWER_CAP: u64 = 256 << 10;

/// What an order changes: its pieces of work, in the order in which they are done.
pub(super) fn work(case_id: &str, ordered: &Ordered) -> Vec<Task> {
    let task = |n, work| Task { case_id: case_id.to_owned(), n, work };
    let mut tasks: Vec<Task> = match ordered {
        Ordered::Identify | Ordered::Collect { .. } => Vec::new(),
        Ordered::Remediate { measures, .. } => {
            measures.iter().map(|order| task(order.n, Work::Measure(order.measure.clone()))).collect()
        }
        Ordered::Undo { measures, .. } => {
            measures.iter().map(|UndoOrder { n, undo }| task(*n, Work::Undo(undo.clone()))).collect()
        }
    };
    tasks.sort_by_key(|task| task.work.turn());
    tasks
}

/// Whether an order changes something, and what keeps it from being carried out at all.
pub(super) fn fault(ordered: &Ordered) -> Option<MeasureFault> {
    match ordered {
        Ordered::Identify | Ordered::Collect { .. } => None,
        Ordered::Remediate { host_name, measures } => measures_fault(host_name, measures),
        Ordered::Undo { host_name, measures } => undos_fault(host_name, measures),
    }
}

/// The host whose evidence the order is about.
pub(super) fn expected_host(ordered: &Ordered) -> Option<&str> {
    match ordered {
        Ordered::Identify | Ordered::Collect { .. } => None,
        Ordered::Remediate { host_name, .. } | Ordered::Undo { host_name, .. } => Some(host_name),
    }
}

impl Collecting<'_> {
    /// Does all of it. An outcome for each, in the order of their numbers.
    ///
    /// # Errors
    /// Only where our own side breaks.
    pub(super) async fn change(&mut self, tasks: Vec<Task>) -> Result<Vec<MeasureOutcome>, ContactError> {
        if let Some(refused) = &self.sudo_refused {
            // With less, only some of it could be done, and what is kept for an undo would lie somewhere else.
            let why = format!("sudo -n was refused there ({refused}), and nothing is changed without it");
            return Ok(tasks.iter().map(|task| outcome(task.n, Ending::refused(&why))).collect());
        }
        let mut broken = false;
        let mut outcomes = Vec::new();
        let own = self.own_connection(&tasks, &mut broken).await?;
        for task in tasks {
            let ending = if broken {
                Ending::failed("not begun: the connection was broken by then; order it again")
            } else {
                match self.carry_out(&task, &own).await {
                    Ok(ending) => ending,
                    Err(error @ ContactError::Staging { .. }) => return Err(error),
                    Err(error) => {
                        broken = true;
                        let why = one_line(&error.to_string(), 200);
                        Ending::failed(format!(
                            "it is not known whether it was done ({why}); order it again, it finds what was done"
                        ))
                    }
                }
            };
            outcomes.push(outcome(task.n, ending));
        }
        outcomes.sort_by_key(|outcome| outcome.n);
        Ok(outcomes)
    }

    /// Where our own connection comes from, where that matters.
    async fn own_connection(
        &mut self,
        tasks: &[Task],
        broken: &mut bool,
    ) -> Result<OwnConnection, ContactError> {
        let Session::Ssh(_) = self.session else { return Ok(OwnConnection::default()) };
        let matters = tasks.iter().any(|task| task.work.is_about_the_network());
        if !matters || self.system != System::Linux {
            return Ok(OwnConnection { remote: true, ..OwnConnection::default() });
        }
        let script = Script::Line { line: posix::WHO_ASKS, input: b"", hold_open: false };
        let asked =
            self.run_change(script, RawOutput::memory(4096), ASKING, "Linux.Remediation.Connection", "");
        match asked.await {
            Ok((_, out)) => Ok(posix::own_connection(&String::from_utf8_lossy(&out.into_bytes()))),
            Err(error @ ContactError::Staging { .. }) => Err(error),
            Err(_) => {
                *broken = true;
                Ok(OwnConnection { remote: true, ..OwnConnection::default() })
            }
        }
    }

    async fn carry_out(&mut self, task: &Task, own: &OwnConnection) -> Result<Ending, ContactError> {
        match (&self.session, self.system) {
            (Session::Smb(_), _) => Ok(Ending::refused("SMB changes nothing: WinRM or SSH would")),
            (Session::Ssh(_) | Session::Local(_), System::Linux) => self.on_linux(task, own).await,
            (Session::Ssh(_) | Session::Winrm(_), System::Windows) => self.on_windows(task).await,
            _ => Ok(Ending::refused("nothing is changed on this operating system")),
        }
    }

    async fn on_linux(&mut self, task: &Task, own: &OwnConnection) -> Result<Ending, ContactError> {
        let step = match &task.work {
            Work::Measure(Measure::StopProcess { pid, image, start_time }) => {
                posix::stop(task, *pid, image, *start_time)
            }
            Work::Measure(Measure::DisableAutostart { mechanism, location, name, command }) => {
                let wanted = Wanted { mechanism, location, name, command: command.as_deref() };
                return self.disable(task, wanted).await;
            }
            Work::Measure(Measure::BlockTraffic { ports, .. }) => {
                if ports.is_empty() {
                    return Ok(Ending::refused("this system's firewall goes by ports, and none is named"));
                }
                if let Some(port) = ports.iter().find(|port| own.ports.contains(port)) {
                    return Ok(Ending::refused(format!(
                        "port {port} is the one that this very order comes over"
                    )));
                }
                if own.remote && own.ports.is_empty() {
                    return Ok(Ending::refused("the endpoint does not say which port this order comes over"));
                }
                let answered = self.perform(task, posix::block(task, ports)).await?;
                return Ok(answered.ending().with_undo(Undo::UnblockTraffic));
            }
            Work::Measure(Measure::QuarantineFile { path, path_hex, size }) => {
                let bytes = posix::path_bytes(path, path_hex.as_deref());
                let Some(known) = classify_bytes(&bytes, false) else {
                    return Ok(Ending::refused(
                        "by its name it is neither a torrent nor a record of a client",
                    ));
                };
                // A client writes these anew when it is ended, which comes first.
                let changes = known.kind == TorrentKind::Resume;
                let answered = self.perform(task, posix::quarantine(task, &bytes, *size, changes)).await?;
                let ending = answered.ending();
                let Some(sha256) = answered.sha256() else { return Ok(ending) };
                let (path, path_hex) = (path.clone(), path_hex.clone());
                return Ok(ending.with_undo(Undo::RestoreFile { path, path_hex, sha256 }));
            }
            Work::Measure(measure @ Measure::Isolate { .. }) => {
                if own.remote && own.peer.is_none() {
                    let why = "the endpoint does not say where this order comes from: isolated, it could not be reached";
                    return Ok(Ending::refused(why));
                }
                let Some(step) = posix::isolate(task, measure, own) else {
                    return Ok(Ending::refused("it is no isolation"));
                };
                return Ok(self.perform(task, step).await?.ending().with_undo(Undo::EndIsolation));
            }
            Work::Undo(Undo::RestoreAutostart { mechanism, location, name, .. }) => {
                match Kind::of(mechanism, location) {
                    Some(kind) => posix::restore_entry(task, kind, location, name),
                    None => {
                        return Ok(Ending::refused("nothing that starts by itself is collected from there"));
                    }
                }
            }
            Work::Undo(Undo::UnblockTraffic) => posix::unblock(task),
            Work::Undo(Undo::RestoreFile { path, path_hex, sha256 }) => {
                posix::restore_file(task, &posix::path_bytes(path, path_hex.as_deref()), sha256)
            }
            Work::Undo(Undo::EndIsolation) => posix::end_isolation(task),
        };
        Ok(self.perform(task, step).await?.ending())
    }

    /// Looks at what starts something, and switches it off if it is still the same.
    async fn disable(&mut self, task: &Task, wanted: Wanted<'_>) -> Result<Ending, ContactError> {
        let Wanted { mechanism, location, name, .. } = wanted;
        let Some(kind) = Kind::of(mechanism, location) else {
            return Ok(Ending::refused("nothing that starts by itself is collected from there"));
        };
        let undo = Undo::RestoreAutostart {
            mechanism: mechanism.to_owned(),
            location: location.to_owned(),
            name: name.to_owned(),
            content: None,
        };
        let found = self.perform(task, posix::look(task, location)).await?;
        if !found.is_done() {
            return Ok(found.ending());
        }
        let plan = entry::judge(kind, wanted, &found, task);
        if let Plan::Nothing(ending) = plan {
            return Ok(ending.with_undo(undo));
        }
        let Some(step) = posix::disable(task, kind, location, name, &plan) else {
            return Ok(Ending::failed("there is no way to do that"));
        };
        Ok(self.perform(task, step).await?.ending().with_undo(undo))
    }

    /// Runs one step, and reads what it says.
    async fn perform(&mut self, task: &Task, step: Step) -> Result<Answer, ContactError> {
        let script = match step.shell {
            Shell::Posix => Script::Posix(&step.text),
            Shell::PowerShell => Script::PowerShell(&step.text),
        };
        let (run, raw) = self.run_step(task, script, &step).await?;
        let mut opened = super::artifacts::open_raw(&raw)?;
        let answer = match step.shell {
            Shell::Posix => Answer::read(&mut opened),
            Shell::PowerShell => Answer::read_rows(&mut opened),
        };
        let answer = answer.map_err(|source| ContactError::Staging { path: raw, source })?;
        Ok(answer.unwrap_or_else(|| Answer::failed(no_end(&run))))
    }

    /// Runs one step into a raw file of its own.
    async fn run_step(
        &mut self,
        task: &Task,
        script: Script<'_>,
        step: &Step,
    ) -> Result<(Run, PathBuf), ContactError> {
        let name = step.name.split('.').next().unwrap_or_default().replace('_', "-");
        let entry = format!("artifacts/raw/measure-{}-{name}.stdout", task.n);
        let out = self.staging.raw_output(&entry, ANSWER_CAP)?;
        let artifact = format!("{}.Remediation.{}", step.shell.system(), task.work.word());
        let (run, out) = self.run_change(script, out, STEP, &artifact, &step.described).await?;
        Ok((run, out.close()?))
    }

    async fn run_change(
        &mut self,
        script: Script<'_>,
        mut out: RawOutput,
        limit: Duration,
        artifact: &str,
        described: &str,
    ) -> Result<(Run, RawOutput), ContactError> {
        let command = self.session.command(script);
        let command = if described.is_empty() { command } else { format!("{command} < {described}") };
        let started_at = Timestamp::now();
        let ran = self.session.run(script, &mut out, limit).await;
        // What was begun is on record, however it ended.
        self.commands.push(CommandRecord {
            artifact: artifact.to_owned(),
            command,
            exit_code: ran.as_ref().ok().and_then(|run| run.exit_code),
            stdout_bytes: out.written(),
            stderr: match &ran {
                Ok(run) => run.stderr.clone(),
                Err(error) => one_line(&error.to_string(), 300),
            },
            started_at: ran.as_ref().map_or(started_at, |run| run.started_at),
            elapsed_ms: ran
                .as_ref()
                .map_or(0, |run| u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX)),
        });
        ran.map(|run| (run, out))
    }
}

fn outcome(n: u32, Ending { status, detail, undo }: Ending) -> MeasureOutcome {
    MeasureOutcome { n, status, detail, undo, at: Timestamp::now() }
}

/// Why a step that was run has no answer.
fn no_end(run: &Run) -> String {
    match run.ended {
        Ended::ByItself => {
            let said = one_line(run.stderr.trim(), 160);
            format!("it came to no end ({said}); it may be half done: order it again")
        }
        Ended::TimeUp | Ended::TooMuch => {
            format!("it was stopped after {} s; it may be half done: order it again", run.elapsed.as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use investigation::remediation::MeasureOrder;

    #[test]
    fn what_would_start_a_process_again_is_switched_off_first_and_the_network_last() {
        let isolate = Measure::Isolate { seconds: 1, keep: Vec::new(), keep_hosts: Vec::new() };
        let stop = Measure::StopProcess { pid: 7, image: "/x".into(), start_time: None };
        let block = Measure::BlockTraffic { image: None, ports: vec![1] };
        let disable = |mechanism: &str| Measure::DisableAutostart {
            mechanism: mechanism.into(),
            location: "/x/y".into(),
            name: "y".into(),
            command: None,
        };
        let measures = [isolate, block, disable("cron"), stop, disable("systemd")];
        let measures: Vec<MeasureOrder> =
            (1..).zip(measures).map(|(n, measure)| MeasureOrder { n, measure }).collect();
        let ordered = Ordered::Remediate { host_name: "laptop".into(), measures };
        assert_eq!(fault(&ordered), None);
        let turns: Vec<u32> = work("c", &ordered).iter().map(|task| task.n).collect();
        assert_eq!(turns, [5, 4, 3, 2, 1]);
        assert!(work("c", &Ordered::Identify).is_empty());
    }
}
