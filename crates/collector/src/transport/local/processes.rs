//! This machine's processes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use data_encoding::HEXLOWER;
use investigation::evidence::{ArtifactStatus, Process};
use investigation::order::Limits;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::artifact::processes::COMMAND_LINE_CAP;
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;

/// Reads all processes, then hashes each distinct image once until `deadline`.
pub(crate) fn read(limits: &Limits, deadline: Instant, cancel: &AtomicBool) -> (Vec<Process>, Tally) {
    let mut tally = Tally::default();
    let mut system = match System::new() {
        Ok(system) => system,
        Err(error) => {
            tally.failed(format!("the process list is closed: {error}"));
            return (Vec::new(), tally);
        }
    };
    let what = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let owners = Owners::read();

    let mut processes: Vec<Process> = Vec::new();
    for (pid, seen) in system.processes() {
        if processes.len() as u64 >= limits.rows {
            tally.count(ArtifactStatus::Truncated, "processes beyond the cap on rows were left out");
            continue;
        }
        let process = describe(pid.as_u32(), seen, &owners, &mut tally);
        // Kernel threads and zombies have neither image nor command line.
        if process.path.is_none() && process.command_line.is_some() {
            tally.count(ArtifactStatus::Partial, "processes do not let this account see their image");
        }
        processes.push(process);
    }
    processes.sort_by_key(|process| process.pid);
    #[cfg(target_os = "linux")]
    read_open_files(&mut processes, &mut tally);
    hash_images(&mut processes, limits, deadline, cancel, &mut tally);
    (processes, tally)
}

fn describe(pid: u32, seen: &sysinfo::Process, owners: &Owners, tally: &mut Tally) -> Process {
    let mut process = Process {
        pid,
        parent_pid: seen.parent().map(|parent| parent.as_u32()).filter(|&parent| parent != 0),
        name: seen.name().to_string_lossy().into_owned(),
        start_time: i64::try_from(seen.start_time()).ok().and_then(|s| Timestamp::from_second(s).ok()),
        ..Process::default()
    };
    process.user = seen.user_id().map(|id| owners.name(id));
    set_path(&mut process, image_link(pid, seen));
    let arguments: Vec<_> = seen.cmd().iter().map(|argument| argument.to_string_lossy()).collect();
    let mut line = arguments.join(" ");
    line.truncate(line.trim_end().len());
    if cut_text(&mut line, COMMAND_LINE_CAP) {
        tally.count(ArtifactStatus::Truncated, "command lines were longer than 32 KiB and were cut");
    }
    process.command_line = (!line.is_empty()).then_some(line);
    process
}

/// Names of the accounts that processes run as.
#[cfg(not(windows))]
struct Owners(Option<sysinfo::Users>);

#[cfg(not(windows))]
impl Owners {
    /// Without the list, owners are numbers.
    fn read() -> Self {
        Self(sysinfo::Users::new_with_refreshed_list().ok())
    }

    fn name(&self, id: &sysinfo::Uid) -> String {
        match self.0.as_ref().and_then(|users| users.get_user_by_id(id)) {
            Some(user) => user.name().to_owned(),
            None => id.to_string(),
        }
    }
}

/// Names of the accounts that processes run as.
#[cfg(windows)]
struct Owners(super::windows::accounts::Accounts);

#[cfg(windows)]
impl Owners {
    fn read() -> Self {
        Self(super::windows::accounts::here())
    }

    fn name(&self, id: &sysinfo::Uid) -> String {
        self.0.name(&id.to_string())
    }
}

/// Sets path and name by the image.
#[cfg(not(windows))]
fn set_path(process: &mut Process, image: Option<String>) {
    crate::artifact::processes::set_image(process, image);
}

/// The system's name of a process is that of its image already, and its paths mark nothing.
#[cfg(windows)]
fn set_path(process: &mut Process, image: Option<String>) {
    process.path = image.map(|mut path| {
        cut_text(&mut path, crate::artifact::processes::PATH_CAP);
        path
    });
}

/// Linux marks a deleted image in the link itself.
fn image_link(pid: u32, seen: &sysinfo::Process) -> Option<String> {
    let link = if cfg!(target_os = "linux") {
        std::fs::read_link(format!("/proc/{pid}/exe")).ok()
    } else {
        seen.exe().map(Path::to_owned)
    };
    link.map(|path| path.to_string_lossy().into_owned()).filter(|path| !path.is_empty())
}

/// Names of what they have open, as far as it is read: link targets are not followed, and whoever may not see a process's
/// image may not see these either, which is counted there.
#[cfg(target_os = "linux")]
fn read_open_files(processes: &mut [Process], tally: &mut Tally) {
    let mut open = crate::artifact::open_files::OpenFiles::default();
    for process in processes.iter() {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", process.pid)) else { continue };
        for entry in entries.flatten() {
            if let Ok(target) = std::fs::read_link(entry.path()) {
                open.add(process.pid, target.to_string_lossy().into_owned(), tally);
            }
        }
    }
    open.finish(processes, tally);
}

fn hash_images(
    processes: &mut [Process],
    limits: &Limits,
    deadline: Instant,
    cancel: &AtomicBool,
    tally: &mut Tally,
) {
    let mut known: HashMap<(u64, u64, String), Option<String>> = HashMap::new();
    for process in processes.iter_mut() {
        let Some(path) = &process.path else { continue };
        let image =
            if cfg!(target_os = "linux") { format!("/proc/{}/exe", process.pid) } else { path.clone() };
        let Ok(mut file) = File::open(&image) else { continue };
        let Ok(metadata) = file.metadata() else { continue };
        if metadata.len() > limits.hash_bytes {
            tally.count(ArtifactStatus::Truncated, "processes have images above the size that is hashed");
            continue;
        }
        let key = same_image(&metadata, path);
        if let Some(hash) = known.get(&key) {
            process.sha256.clone_from(hash);
            continue;
        }
        match hash(&mut file, deadline, cancel) {
            Ok(hash) => {
                process.sha256.clone_from(&hash);
                known.insert(key, hash);
            }
            Err(Stopped) => {
                tally.truncated("out of time: some images are not hashed");
                return;
            }
        }
    }
}

#[cfg(unix)]
fn same_image(metadata: &std::fs::Metadata, _: &str) -> (u64, u64, String) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), String::new())
}

#[cfg(not(unix))]
fn same_image(metadata: &std::fs::Metadata, path: &str) -> (u64, u64, String) {
    (0, metadata.len(), path.to_owned())
}

/// The time was up, or nobody waits any more.
pub(super) struct Stopped;

/// SHA-256 in lower-case hex; nothing where the file cannot be read to its end.
pub(super) fn hash(
    file: &mut File,
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<Option<String>, Stopped> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        if cancel.load(Ordering::Relaxed) || Instant::now() >= deadline {
            return Err(Stopped);
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(HEXLOWER.encode(&hasher.finalize()))),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
}
