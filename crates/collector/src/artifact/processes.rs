//! `Linux.System.Processes`: which programs run, whose they are, the hash of each image, and the data files that they have
//! open.

use std::collections::HashMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, Process};
use investigation::order::Limits;

use super::facts::Facts;
use super::open_files::OpenFiles;
use super::record::{Records, cut_text, some_text, text};
use super::tally::Tally;
use super::{Parsed, script};

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/processes.sh")
}

/// Longest value; the script cuts command lines at 128 KiB.
const VALUE_CAP: usize = 256 << 10;
/// Longest command line that is kept, in bytes.
pub(crate) const COMMAND_LINE_CAP: usize = 32 << 10;
/// Longest path: Linux itself has no longer ones.
pub(crate) const PATH_CAP: usize = 4096;
/// What Linux puts behind the path of an image that is no longer there.
const DELETED: &str = " (deleted)";

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut reading = Reading::new(facts, limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Processes(Vec::new()), tally));
    };
    while let Some(record) = records.next()? {
        if record.cut {
            tally.count(ArtifactStatus::Truncated, "values were longer than 256 KiB and were cut");
        }
        match record.key {
            b"mounts" => hidden_processes(&text(record.value), facts, &mut tally),
            b"no_sha256sum" => tally.partial("the endpoint has no sha256sum: images are not hashed"),
            key => reading.take(key, record.value, &mut tally),
        }
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end: images or whole processes are missing");
    }
    Ok((Parsed::Processes(reading.finish(&mut tally)), tally))
}

/// The process that is being read, and those that were.
struct Reading<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    rows: Vec<Row>,
    current: Option<Row>,
    /// SHA-256 by `device:inode:size`.
    hashes: HashMap<String, String>,
    open: OpenFiles,
}

#[derive(Default)]
struct Row {
    process: Process,
    image: Option<String>,
    /// `/proc/PID/stat` could be read: the process was still there.
    seen: bool,
}

impl<'a> Reading<'a> {
    fn new(facts: &'a Facts, limits: &'a Limits) -> Self {
        let (rows, hashes) = (Vec::new(), HashMap::new());
        Self { facts, limits, rows, current: None, hashes, open: OpenFiles::default() }
    }

    fn take(&mut self, key: &[u8], value: &[u8], tally: &mut Tally) {
        if key == b"pid" {
            self.push(tally);
            let pid = text(value).parse().ok();
            self.current =
                pid.map(|pid| Row { process: Process { pid, ..Process::default() }, ..Row::default() });
            return;
        }
        if key == b"sha256" {
            let value = text(value);
            let mut words = value.split_ascii_whitespace();
            if let (Some(image), Some(hash)) = (words.next(), words.next())
                && hash.len() == 64
                && (self.hashes.len() as u64) < self.limits.rows
                && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            {
                self.hashes.insert(image.to_owned(), hash.to_owned());
            }
            return;
        }
        if key == b"open" {
            let value = text(value);
            let open = value.split_once(' ').and_then(|(folder, path)| {
                let pid = folder.strip_prefix("/proc/")?.strip_suffix("/fd")?.parse().ok()?;
                Some((pid, path.to_owned()))
            });
            if let Some((pid, path)) = open {
                self.open.add(pid, path, tally);
            }
            return;
        }
        let Some(Row { process, image, seen }) = &mut self.current else { return };
        match key {
            b"stat" => {
                if let Some(stat) = Stat::parse(&text(value)) {
                    *seen = true;
                    process.name = stat.comm;
                    process.parent_pid = Some(stat.parent).filter(|&parent| parent != 0);
                    process.start_time = self.facts.after_boot(stat.start);
                }
            }
            b"uid" => process.user = text(value).parse().ok().map(|uid| self.facts.account(uid)),
            b"exe" => set_image(process, some_text(value)),
            b"image" => *image = some_text(value),
            b"cmdline" => process.command_line = command_line(value, tally),
            _ => {}
        }
    }

    /// Ends the current process. One that ended while it was read is left out.
    fn push(&mut self, tally: &mut Tally) {
        let Some(row) = self.current.take().filter(|row| row.seen) else { return };
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "processes beyond the cap on rows were left out");
            return;
        }
        // Kernel threads and zombies have neither image nor command line.
        if row.process.path.is_none() && row.process.command_line.is_some() {
            tally.count(ArtifactStatus::Partial, "processes do not let this account see their image");
        }
        self.rows.push(row);
    }

    fn finish(mut self, tally: &mut Tally) -> Vec<Process> {
        self.push(tally);
        let size = |image: &str| image.rsplit(':').next().and_then(|size| size.parse::<u64>().ok());
        let mut processes = Vec::with_capacity(self.rows.len());
        for Row { mut process, image, .. } in self.rows {
            if let Some(image) = image {
                if size(&image).is_some_and(|size| size > self.limits.hash_bytes) {
                    tally.count(
                        ArtifactStatus::Truncated,
                        "processes have images above the size that is hashed",
                    );
                } else {
                    process.sha256 = self.hashes.get(&image).cloned();
                }
            }
            processes.push(process);
        }
        processes.sort_by_key(|process| process.pid);
        self.open.finish(&mut processes, tally);
        processes
    }
}

/// Sets path and name by the image, where there is one.
pub(crate) fn set_image(process: &mut Process, link: Option<String>) {
    let Some(mut path) = link else { return };
    if let Some(before) = path.strip_suffix(DELETED) {
        process.image_deleted = true;
        path.truncate(before.len());
    }
    cut_text(&mut path, PATH_CAP);
    if let Some(name) = path.rsplit('/').next().filter(|name| !name.is_empty()) {
        process.name = name.to_owned();
    }
    process.path = Some(path);
}

/// Arguments, parted by 0x1f, as one line.
fn command_line(value: &[u8], tally: &mut Tally) -> Option<String> {
    let mut line = String::from_utf8_lossy(value).replace('\u{1f}', " ");
    line.truncate(line.trim_end().len());
    if cut_text(&mut line, COMMAND_LINE_CAP) {
        tally.count(ArtifactStatus::Truncated, "command lines were longer than 32 KiB and were cut");
    }
    (!line.is_empty()).then_some(line)
}

/// proc(5) lets an administrator hide the processes of others.
fn hidden_processes(mountinfo: &str, facts: &Facts, tally: &mut Tally) {
    let hides = |line: &str| {
        let here = line.split(' ').nth(4) == Some("/proc");
        here && line
            .split([' ', ','])
            .any(|option| option.strip_prefix("hidepid=").is_some_and(|level| !matches!(level, "0" | "off")))
    };
    if !facts.privileged() && mountinfo.lines().any(hides) {
        tally.partial(
            "/proc is mounted with hidepid: processes of other accounts are not visible to this one",
        );
    }
}

/// `/proc/PID/stat`.
struct Stat {
    comm: String,
    parent: u32,
    start: u64,
}

impl Stat {
    /// The name stands in parentheses and may itself hold any character: it ends at the last one.
    fn parse(stat: &str) -> Option<Self> {
        let open = stat.find('(')?;
        let close = stat.rfind(')').filter(|&close| close > open)?;
        let mut fields = stat[close + 1..].split_ascii_whitespace();
        // Fields from the third on: state, ppid, …, and starttime as the 22nd.
        let parent = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(17)?.parse().ok()?;
        let mut comm = stat[open + 1..close].to_owned();
        cut_text(&mut comm, PATH_CAP);
        Some(Self { comm, parent, start })
    }
}

#[cfg(test)]
mod tests;
