//! `Windows.System.Processes`: which programs run, whose they are, the hash of each image and who signed it.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, Process};
use investigation::order::Limits;
use jiff::Timestamp;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::processes::COMMAND_LINE_CAP;
use super::super::record::cut_text;
use super::super::tally::Tally;
use super::answers::Answers;
use super::rows::{self, Row};
use super::{image_path, named, some, tasklist, wmic};

/// Longest row: a command line of 32,767 characters, each as an escape.
const ROW_CAP: usize = 256 << 10;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut images: HashMap<String, Image> = HashMap::new();
    let list = List::new(limits);
    let (list, mut tally) = rows::read(input, ROW_CAP, list, |list, row, tally| match row.kind() {
        "process" => {
            if let Some(process) = process(&row, tally) {
                list.push(process, tally);
            }
        }
        "image" if (images.len() as u64) < limits.rows => {
            if let Some(path) = image_path(row.text("path")) {
                images.insert(path.to_lowercase(), Image::of(&row));
            }
        }
        _ => {}
    })?;
    let mut processes = list.finish(&mut tally);
    for process in &mut processes {
        let Some(image) = process.path.as_deref().and_then(|path| images.get(&path.to_lowercase())) else {
            continue;
        };
        process.signer.clone_from(&image.signer);
        if image.size > limits.hash_bytes {
            tally.count(ArtifactStatus::Truncated, "processes have images above the size that is hashed");
        } else {
            process.sha256.clone_from(&image.sha256);
        }
        if image.unread {
            tally.count(
                ArtifactStatus::Partial,
                "processes have images that this account may not read, or that are gone",
            );
        }
    }
    Ok((Parsed::Processes(processes), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    // A command line may hold newlines, and so what looks like the fields of another process. What is said of one
    // process twice is believed neither time.
    let mut details: HashMap<u32, Option<wmic::Record>> = HashMap::new();
    let (list, mut tally) = answers
        .read(List::new(limits), |list, tally| gather(answers, facts.code_page, list, &mut details, tally))?;
    let mut processes = list.finish(&mut tally);
    for process in &mut processes {
        if let Some(Some(record)) = details.get(&process.pid) {
            *process = described(std::mem::take(process), record);
        }
    }
    if !tally.is_failed() {
        tally.partial("commands give neither hashes nor signatures of images");
    }
    Ok((Parsed::Processes(processes), tally))
}

fn gather(
    answers: &Answers,
    code_page: Option<u16>,
    list: &mut List<'_>,
    details: &mut HashMap<u32, Option<wmic::Record>>,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut tasks = 0;
    answers.lines("tasklist", code_page, tally, |line, tally| {
        if let Some(task) = tasklist::task(line) {
            tasks += 1;
            let process = Process { pid: task.pid, name: task.image, user: task.user, ..Process::default() };
            list.push(process, tally);
        }
    })?;
    answers.expect("tasklist", tasks, tally);
    let mut records = wmic::Records::default();
    let mut take = |record: wmic::Record, tally: &mut Tally| {
        let Some(pid) = record.get("ProcessId").and_then(|pid| pid.parse().ok()) else {
            tally.count(ArtifactStatus::Partial, "records of `wmic` name no process");
            return;
        };
        if details.len() as u64 >= list.limits.rows {
            return;
        }
        details.entry(pid).and_modify(|known| *known = None).or_insert(Some(record));
    };
    answers.lines("wmic", code_page, tally, |line, tally| {
        if let Some(record) = records.line(line) {
            take(record, tally);
        }
    })?;
    if let Some(record) = records.finish() {
        take(record, tally);
    }
    answers.expect("wmic", details.len() as u64, tally);
    let tasks_known = tasks > 0;
    for (pid, record) in details.iter() {
        match record {
            None => tally.count(
                ArtifactStatus::Partial,
                "processes are described twice by `wmic`, which is believed neither time",
            ),
            Some(record) if !tasks_known => {
                list.push(described(Process { pid: *pid, ..Process::default() }, record), tally)
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn process(row: &Row, tally: &mut Tally) -> Option<Process> {
    let line = some(row.text("line"));
    Some(Process {
        pid: row.number("pid")?,
        parent_pid: row.number("parent").filter(|&parent: &u32| parent != 0),
        name: named(row.text("name").to_owned()),
        path: image_path(row.text("path")),
        command_line: line.map(|line| cut_line(line, tally)),
        user: some(row.text("user")).map(named),
        start_time: row.time("start"),
        ..Process::default()
    })
}

fn described(mut process: Process, record: &wmic::Record) -> Process {
    if process.name.is_empty() {
        process.name = record.get("Name").map(|name| named(name.to_owned())).unwrap_or_default();
    }
    process.parent_pid =
        record.get("ParentProcessId").and_then(|pid| pid.parse().ok()).filter(|&pid| pid != 0);
    process.path = record.get("ExecutablePath").and_then(image_path);
    process.command_line =
        record.get("CommandLine").map(|line| cut_line(line.to_owned(), &mut Tally::default()));
    process.start_time = record.time("CreationDate");
    process
}

fn cut_line(mut line: String, tally: &mut Tally) -> String {
    if cut_text(&mut line, COMMAND_LINE_CAP) {
        tally.count(ArtifactStatus::Truncated, "command lines were longer than 32 KiB and were cut");
    }
    line
}

/// What is known of an image.
struct Image {
    size: u64,
    sha256: Option<String>,
    signer: Option<String>,
    unread: bool,
}

impl Image {
    fn of(row: &Row) -> Self {
        let sha256 = row.text("sha256").to_ascii_lowercase();
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        let valid = row.text("signature") == "Valid";
        Self {
            size: row.number("size").unwrap_or(0),
            sha256: is_hash.then_some(sha256),
            // Whose certificate it is says nothing where the signature does not hold.
            signer: some(row.text("signer")).filter(|_| valid).map(named),
            unread: row.flag("unread"),
        }
    }
}

/// Processes up to the cap on rows, each once.
struct List<'a> {
    limits: &'a Limits,
    rows: Vec<Process>,
    pids: HashSet<u32>,
}

impl<'a> List<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new(), pids: HashSet::new() }
    }

    fn push(&mut self, process: Process, tally: &mut Tally) {
        // The idle process is none, and the start of a new one may show its number twice.
        if process.pid == 0 || self.pids.contains(&process.pid) {
            return;
        }
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "processes beyond the cap on rows were left out");
            return;
        }
        self.pids.insert(process.pid);
        self.rows.push(process);
    }

    fn finish(mut self, tally: &mut Tally) -> Vec<Process> {
        let start: fn(&Process) -> Option<Timestamp> = |process| process.start_time;
        // Protected ones hide their image from everybody; many without an owner mean an account of few rights.
        let closed =
            self.rows.iter().filter(|p| p.path.is_none() && p.user.is_none() && start(p).is_some()).count();
        if closed > 0 && closed * 2 > self.rows.len() {
            tally.partial(format!(
                "{closed} processes do not let this account see image and owner: it is not elevated"
            ));
        }
        self.rows.sort_by_key(|process| process.pid);
        self.rows
    }
}
