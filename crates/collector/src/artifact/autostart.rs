//! `Linux.Persistence.Autostart`: what starts by itself (ATT&CK T1053.003, T1543.002, T1547.013, T1037.004,
//! T1546.004).

mod crontab;

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, AutostartEntry};
use investigation::order::Limits;

use super::facts::Facts;
use super::record::{Records, cut_text, some_text, text};
use super::tally::Tally;
use super::{Parsed, script, unit_file};

/// Longest value; the script cuts files at 64 KiB.
const VALUE_CAP: usize = 128 << 10;
/// Longest command that is kept, in bytes.
const COMMAND_CAP: usize = 4096;
/// Longest path that is kept, in bytes: it is repeated at each job of the file.
const PATH_CAP: usize = 1024;
/// Longest name of an account, a job or a mechanism that is kept, in bytes.
const NAME_CAP: usize = 255;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/autostart.sh")
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Autostart(Vec::new()), tally));
    };
    let mut reading = Reading::default();
    let mut file = Entry::default();
    while let Some(record) = records.next()? {
        match record.key {
            b"entry" => {
                reading.take(std::mem::take(&mut file), limits, &mut tally);
                file.mechanism = text(record.value);
            }
            b"path" => {
                file.path = text(record.value);
                if cut_text(&mut file.path, PATH_CAP) {
                    tally.count(ArtifactStatus::Truncated, "paths were longer than 1024 bytes and were cut");
                }
            }
            b"target" => file.target = some_text(record.value),
            b"executable" => file.executable = true,
            b"content" => file.content = text(record.value),
            b"unreadable" => {
                tally.count(ArtifactStatus::Partial, "files that start something are closed to this account");
            }
            b"closed" => {
                tally.count(
                    ArtifactStatus::Partial,
                    "folders with crontabs or home folders are closed to this account",
                );
            }
            _ => {}
        }
    }
    reading.take(file, limits, &mut tally);
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end");
    }
    Ok((Parsed::Autostart(reading.finish()), tally))
}

/// One file that the script found.
#[derive(Debug, Default)]
struct Entry {
    mechanism: String,
    path: String,
    target: Option<String>,
    executable: bool,
    content: String,
}

/// What one file starts, as a collection says it: `found_as` is the script's word for where it was found, `target` what a
/// link leads to.
pub(crate) fn entries(
    found_as: &str,
    path: &str,
    content: &str,
    target: Option<String>,
    executable: bool,
) -> Vec<AutostartEntry> {
    let mut reading = Reading::default();
    let (mechanism, path, content) = (found_as.to_owned(), path.to_owned(), content.to_owned());
    let entry = Entry { mechanism, path, target, executable, content };
    reading.take(entry, &Limits::default(), &mut Tally::default());
    reading.rows
}

#[derive(Default)]
struct Reading {
    rows: Vec<AutostartEntry>,
    /// Names of the systemd units that something wants.
    enabled: BTreeSet<String>,
}

impl Reading {
    fn take(&mut self, file: Entry, limits: &Limits, tally: &mut Tally) {
        let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut row = AutostartEntry {
            mechanism: file.mechanism.clone(),
            location: file.path.clone(),
            name: name.clone(),
            command: None,
            user: None,
            enabled: Some(true),
        };
        match file.mechanism.as_str() {
            "systemd_enabled" | "systemd_unit" => {
                row.mechanism = "systemd".into();
                row.command = unit_file::value(&file.content, "Service", "ExecStart").or_else(|| {
                    unit_file::value(&file.content, "Timer", "OnCalendar").map(|at| format!("at {at}"))
                });
                row.user = unit_file::value(&file.content, "Service", "User");
                if file.mechanism == "systemd_enabled" {
                    self.enabled.insert(name);
                } else {
                    row.enabled = Some(false);
                }
            }
            "xdg" => {
                let entry = |key| unit_file::value(&file.content, "Desktop Entry", key);
                row.command = entry("Exec");
                row.enabled = Some(entry("Hidden").as_deref() != Some("true"));
            }
            "crontab" | "user_crontab" => {
                let owner = (file.mechanism == "user_crontab").then_some(name.as_str());
                for job in crontab::jobs(&file.content, owner, name == "anacrontab") {
                    let name = job.schedule;
                    self.push(
                        AutostartEntry {
                            mechanism: "cron".into(),
                            name,
                            command: Some(job.command),
                            user: job.user,
                            ..row.clone()
                        },
                        limits,
                        tally,
                    );
                }
                return;
            }
            "cron_script" => {
                row.mechanism = "cron".into();
                row.user = Some("root".into());
                row.enabled = Some(file.executable);
            }
            "rc_local" => {
                row.user = Some("root".into());
                row.enabled = Some(file.executable);
                let lines = file.content.lines().map(str::trim);
                let run: Vec<_> =
                    lines.filter(|l| !l.is_empty() && !l.starts_with('#') && *l != "exit 0").collect();
                row.command = Some(run.join("; ")).filter(|command| !command.is_empty());
            }
            "sysv" => row.command = file.target,
            "profile" => {}
            _ => return,
        }
        self.push(row, limits, tally);
    }

    fn push(&mut self, mut row: AutostartEntry, limits: &Limits, tally: &mut Tally) {
        if self.rows.len() as u64 >= limits.rows {
            tally.count(ArtifactStatus::Truncated, "entries beyond the cap on rows were left out");
            return;
        }
        if row.command.as_mut().is_some_and(|command| cut_text(command, COMMAND_CAP)) {
            tally.count(ArtifactStatus::Truncated, "commands were longer than 4096 bytes and were cut");
        }
        cut_text(&mut row.name, NAME_CAP);
        if let Some(user) = &mut row.user {
            cut_text(user, NAME_CAP);
        }
        self.rows.push(row);
    }

    /// A unit's own file says nothing new where a link that wants it is listed, and is not enabled where none is.
    fn finish(self) -> Vec<AutostartEntry> {
        let Self { mut rows, enabled } = self;
        rows.retain(|row| {
            row.mechanism != "systemd" || row.enabled == Some(true) || !enabled.contains(&row.name)
        });
        rows
    }
}

#[cfg(test)]
mod tests;
