//! The torrent inventory: one parallel walk over folders that finds torrent-related files by name, then a look into
//! what was found.
//!
//! The walk itself stats and opens nothing, so that its cost is that of reading directories. Of more hits than the cap
//! allows the first by path are kept, whatever the threads' timing: the same tree gives the same inventory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use investigation::evidence::TorrentFile;
use serde::{Deserialize, Serialize};

use super::client_data;
use super::drives;

mod contents;
mod entry;
mod owners;
mod walk;

/// What an inventory may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Deepest folder that is entered, counted from a root.
    pub depth: usize,
    /// Most torrent-related files and folders that are listed.
    pub hits: usize,
    /// Most files and folders that are looked at.
    pub files: u64,
    /// Longest time, walk and reading together.
    pub time: Duration,
    /// Most bytes that are read of one file.
    pub file_bytes: u64,
    /// Most errors that are listed; all are counted.
    pub errors: usize,
    /// Threads that walk; 0 for as many as the machine has processors, at most 8.
    pub threads: usize,
}

impl Default for Caps {
    /// 64 levels, 20,000 hits, 50 million files, 15 minutes, 16 MiB a file, 50 errors.
    fn default() -> Self {
        Self {
            depth: 64,
            hits: 20_000,
            files: 50_000_000,
            time: Duration::from_secs(15 * 60),
            file_bytes: 16 << 20,
            errors: 50,
            threads: 0,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Files and other non-folders that were looked at.
    pub files_seen: u64,
    /// Folders that were looked at.
    pub directories_seen: u64,
    /// The roots that were walked.
    pub roots: Vec<String>,
    /// What was found, sorted by path. A resume file that tells of several torrents has one entry each.
    pub entries: Vec<TorrentFile>,
    /// Each cap that cut something off, one sentence each. Empty means complete, but for `errors`.
    pub truncated: Vec<String>,
    /// Folders that could not be read and roots that were not walked: the first by name, escaped.
    pub errors: Vec<String>,
    /// How many errors there were.
    pub error_count: u64,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// Walks the local file systems below `roots` and reads what it finds.
///
/// Symbolic links and reparse points are not followed, pseudo and network file systems not entered, each mount walked
/// once. Nothing fails as a whole: what could not be read is in `errors`, what was cut off in `truncated`.
/// `on_progress` is told now and then, from any thread, how many files were seen so far. Setting `cancel` ends the
/// inventory within moments, with what there is.
///
/// Blocks: call it where blocking is allowed.
pub fn inventory(
    roots: &[PathBuf],
    caps: &Caps,
    cancel: &AtomicBool,
    on_progress: impl Fn(u64) + Sync,
) -> Inventory {
    let started = Instant::now();
    let limit = Limit { deadline: started.checked_add(caps.time), cancel };
    let mut inventory = Inventory::default();
    let plan = match drives::plan_here(roots) {
        Ok(plan) => plan,
        Err(error) => {
            let refused = vec![format!("the mount table is unreadable, nothing is walked: {error}")];
            drives::WalkPlan { refused, ..drives::WalkPlan::default() }
        }
    };
    let found = walk::walk(&plan, caps, &limit, &on_progress);
    on_progress(found.files_seen);

    inventory.files_seen = found.files_seen;
    inventory.directories_seen = found.directories_seen;
    inventory.roots = plan.starts.iter().map(|p| entry::shown(p)).collect();
    inventory.error_count = found.error_count + plan.refused.len() as u64;
    inventory.errors = plan.refused.iter().map(|e| investigation::text::one_line(e, 1024)).collect();
    inventory.errors.extend(found.errors);
    inventory.errors.truncate(caps.errors);
    inventory.truncated = found.truncated;

    let mut reader = contents::Reader::new(caps.file_bytes);
    let mut owners = owners::Owners::default();
    let hits = found.hits.len();
    for (done, hit) in found.hits.into_iter().enumerate() {
        if let Some(why) = limit.reached() {
            inventory
                .truncated
                .push(format!("{why}: {} of {hits} found files were not looked into", hits - done));
            break;
        }
        inventory.entries.extend(entry::entries(&hit.path, hit.artifact, &mut reader, &mut owners));
    }
    inventory.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    inventory
}

/// One torrent-related file or folder, by its name.
struct Hit {
    path: PathBuf,
    artifact: &'static client_data::ClientArtifact,
}

/// When to stop.
struct Limit<'a> {
    deadline: Option<Instant>,
    cancel: &'a AtomicBool,
}

impl Limit<'_> {
    /// Why to stop, where it is time to.
    fn reached(&self) -> Option<&'static str> {
        if self.cancel.load(Ordering::Relaxed) {
            Some("cancelled")
        } else if self.deadline.is_some_and(|d| Instant::now() >= d) {
            Some("out of time")
        } else {
            None
        }
    }
}

/// The entries for one path that a remote listing named: what it is, and what its content says where the caller has
/// read it. Empty where the path is not torrent-related. Size, times and owner are the caller's to fill in.
pub fn entries_from_listing(path: &[u8], folder: bool, content: Option<&[u8]>) -> Vec<TorrentFile> {
    let Some(artifact) = client_data::classify_bytes(path, folder) else { return Vec::new() };
    let mut file = entry::bare(path, artifact);
    match content {
        Some(content) => contents::describe(file, path, artifact.content, content),
        None => {
            contents::name_tells(&mut file, path);
            vec![file]
        }
    }
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
mod tests;
