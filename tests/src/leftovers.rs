//! Naming what a run makes after the process that made it, so that a later run can clear what a killed one left.

use std::fmt;
use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::run;
use crate::host::systemd;
use crate::requirements::find_tool;
use crate::wait::wait_until;
use crate::workspace;

const PREFIX: &str = "peerhound-test";

/// The name of one run: this process (PID and start time, since PIDs come again) and a number within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId {
    pid: u32,
    started: u64,
    number: u32,
}

impl RunId {
    /// The next number of this process.
    ///
    /// # Errors
    /// When `/proc` does not tell when this process started.
    pub fn next() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let pid = std::process::id();
        let started = start_time(pid).context("/proc does not tell when this process started")?;
        Ok(Self { pid, started, number: NUMBER.fetch_add(1, Ordering::Relaxed) })
    }

    /// Reads a name that this crate gave to a namespace or folder; `None` for anything else.
    fn of(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-').map(str::parse::<u64>);
        let mut next = || parts.next()?.ok();
        Some(Self { pid: next()?.try_into().ok()?, started: next()?, number: next()?.try_into().ok()? })
    }

    /// The first three numbers of the loopback network that is this run's own.
    pub(crate) fn loopback(&self) -> [u8; 3] {
        let [.., low] = self.pid.to_be_bytes();
        let [.., number] = self.number.to_be_bytes();
        [127, low.max(1), number]
    }

    fn alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}-{}-{}-{}", self.pid, self.started, self.number)
    }
}

/// When a process started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc(5)). `None` for one that has
/// ended, even when nobody has taken note of its end yet.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18)?.parse().ok()).flatten()
}

/// [`sweep`], once per process.
pub(crate) fn sweep_once() -> Result<()> {
    static SWEPT: Once = Once::new();
    let mut outcome = Ok(());
    SWEPT.call_once(|| outcome = sweep());
    outcome
}

/// Removes the namespaces, control groups and folders of runs whose process is dead.
///
/// # Errors
/// When something that is certainly a leftover cannot be removed.
pub fn sweep() -> Result<()> {
    for name in all_namespaces()? {
        if RunId::of(&name).is_some_and(|run| !run.alive()) {
            println!("removing the namespace {name}, left by a run that is dead");
            // Another test process may be at it too: what counts is that it is gone.
            let removed = remove_namespace(&name);
            if all_namespaces()?.contains(&name) {
                removed?;
            }
        }
    }
    for group in systemd::all_groups() {
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        if RunId::of(&name).is_some_and(|run| !run.alive()) {
            systemd::remove_group(&group)?;
        }
    }
    let Ok(runs) = fs::read_dir(workspace::runs()?) else { return Ok(()) };
    for entry in runs {
        let entry = entry?;
        if RunId::of(&entry.file_name().to_string_lossy()).is_some_and(|run| !run.alive()) {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Ends whatever still runs in a namespace of ours, then removes it.
pub(crate) fn remove_namespace(name: &str) -> Result<()> {
    wait_until(&format!("the processes in {name} end"), Duration::from_secs(10), || {
        let pids = pids_in(name);
        for pid in &pids {
            // One that is gone by now is what was wanted.
            let _ = run(&["kill", "-KILL", pid]);
        }
        Ok(pids.is_empty().then_some(()))
    })?;
    run(&["ip", "netns", "delete", name])?;
    Ok(())
}

fn pids_in(name: &str) -> Vec<String> {
    run(&["ip", "netns", "pids", name])
        .map(|output| output.stdout.split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default()
}

fn all_namespaces() -> Result<Vec<String>> {
    if find_tool("ip").is_none() {
        return Ok(Vec::new());
    }
    let listed = run(&["ip", "netns", "list"])?.stdout;
    Ok(listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// The network namespaces of a run.
///
/// # Errors
/// When `ip` cannot list them.
pub fn namespaces_of(run: &RunId) -> Result<Vec<String>> {
    let prefix = format!("{run}-");
    Ok(all_namespaces()?.into_iter().filter(|name| name.starts_with(&prefix)).collect())
}

/// The control groups whose names begin with that of a run.
#[must_use]
pub fn groups_of(run: &str) -> Vec<String> {
    let names = systemd::all_groups()
        .into_iter()
        .filter_map(|group| Some(group.file_name()?.to_string_lossy().into_owned()));
    names.filter(|name| name.starts_with(run)).collect()
}

/// The processes whose command line names a run or its folder, as `PID command line`.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn processes_of(run: &RunId) -> Result<Vec<String>> {
    let name = run.to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(command_line) = fs::read(entry.path().join("cmdline")) else { continue };
        let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
        if command_line.contains(&name) {
            found.push(format!("{} {command_line}", entry.file_name().to_string_lossy()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_others_are_not_ours() {
        let run = RunId::next().expect("a run id");
        assert_eq!(RunId::of(&format!("{run}-endpoint")), Some(run.clone()));
        assert!(run.alive());
        assert!(
            !RunId { started: run.started + 1, ..run }.alive(),
            "the same PID, started at another time, is another process"
        );
        for foreign in
            ["peerhound", "peerhound-test-", "peerhound-test-1-x-2", "docker0", "peerhound-tester-1-2-3"]
        {
            assert_eq!(RunId::of(foreign), None, "{foreign}");
        }
    }
}
