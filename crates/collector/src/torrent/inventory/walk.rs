//! The walk: names only.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ignore::{DirEntry, WalkBuilder, WalkState};
use investigation::text::one_line;

use super::super::client_data::classify_bytes;
use super::super::drives::WalkPlan;
use super::entry::is_elsewhere;
use super::{Caps, Hit, Limit, bytes_of};

/// Files between two looks at the clock, and between two reports of progress.
const CHUNK: u64 = 1024;

pub(super) struct Found {
    pub(super) files_seen: u64,
    pub(super) directories_seen: u64,
    pub(super) hits: Vec<Hit>,
    pub(super) truncated: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) error_count: u64,
}

pub(super) fn walk(
    plan: &WalkPlan,
    caps: &Caps,
    limit: &Limit<'_>,
    on_progress: &(dyn Fn(u64) + Sync),
) -> Found {
    let shared = Shared {
        caps,
        limit,
        on_progress,
        files: AtomicU64::new(0),
        directories: AtomicU64::new(0),
        too_deep: AtomicU64::new(0),
        hits: Mutex::new(Smallest::new(caps.hits)),
        errors: Mutex::new(Smallest::new(caps.errors)),
        stopped: Mutex::new(None),
    };
    if let Some(walker) = walker(plan, caps) {
        walker.build_parallel().run(|| {
            let mut local = Local { shared: &shared, files: 0, directories: 0 };
            Box::new(move |entry| local.visit(entry))
        });
    }
    shared.into_found()
}

fn walker(plan: &WalkPlan, caps: &Caps) -> Option<WalkBuilder> {
    let (first, rest) = plan.starts.split_first()?;
    let mut builder = WalkBuilder::new(first);
    for start in rest {
        builder.add(start);
    }
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    builder
        .standard_filters(false)
        .follow_links(false)
        .max_depth(Some(caps.depth))
        .threads(if caps.threads == 0 { processors.min(8) } else { caps.threads });
    // On Windows a folder may have to be fetched from a cloud service before it is read. The listing itself says so
    // there; elsewhere each folder would have to be asked.
    if !plan.skip.is_empty() || cfg!(windows) {
        let skip = plan.skip.clone();
        let elsewhere = |entry: &DirEntry| cfg!(windows) && entry.metadata().is_ok_and(|m| is_elsewhere(&m));
        builder.filter_entry(move |entry| {
            entry.depth() == 0 || !is_folder(entry) || !(skip.contains(entry.path()) || elsewhere(entry))
        });
    }
    Some(builder)
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|t| t.is_dir())
}

/// What the threads share.
struct Shared<'a> {
    caps: &'a Caps,
    limit: &'a Limit<'a>,
    on_progress: &'a (dyn Fn(u64) + Sync),
    files: AtomicU64,
    directories: AtomicU64,
    too_deep: AtomicU64,
    hits: Mutex<Smallest<(PathBuf, bool)>>,
    errors: Mutex<Smallest<String>>,
    stopped: Mutex<Option<String>>,
}

/// One thread's counts, handed in by the chunk.
struct Local<'a> {
    shared: &'a Shared<'a>,
    files: u64,
    directories: u64,
}

impl Local<'_> {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                lock(&self.shared.errors).add(one_line(&error.to_string(), 1024));
                return WalkState::Continue;
            }
        };
        let folder = is_folder(&entry);
        if folder {
            self.directories += 1;
            if entry.depth() >= self.shared.caps.depth {
                self.shared.too_deep.fetch_add(1, Ordering::Relaxed);
            }
        } else {
            self.files += 1;
        }
        if classify_bytes(bytes_of(entry.path()), folder).is_some() {
            lock(&self.shared.hits).add((entry.into_path(), folder));
        }
        if self.files + self.directories >= CHUNK { self.hand_in() } else { WalkState::Continue }
    }

    fn hand_in(&mut self) -> WalkState {
        let shared = self.shared;
        let files = shared.files.fetch_add(self.files, Ordering::Relaxed) + self.files;
        let directories =
            shared.directories.fetch_add(self.directories, Ordering::Relaxed) + self.directories;
        (self.files, self.directories) = (0, 0);
        (shared.on_progress)(files);
        let why = if files + directories >= shared.caps.files {
            format!("more than {} files: the walk stopped", shared.caps.files)
        } else if let Some(why) = shared.limit.reached() {
            format!("{why}: the walk stopped")
        } else {
            return WalkState::Continue;
        };
        lock(&shared.stopped).get_or_insert(why);
        WalkState::Quit
    }
}

impl Drop for Local<'_> {
    fn drop(&mut self) {
        self.shared.files.fetch_add(self.files, Ordering::Relaxed);
        self.shared.directories.fetch_add(self.directories, Ordering::Relaxed);
    }
}

impl Shared<'_> {
    fn into_found(self) -> Found {
        let (hits, hit_count) = self.hits.into_inner().unwrap_or_else(|e| e.into_inner()).finish();
        let (errors, error_count) = self.errors.into_inner().unwrap_or_else(|e| e.into_inner()).finish();
        let mut truncated: Vec<String> = lock(&self.stopped).take().into_iter().collect();
        let too_deep = self.too_deep.into_inner();
        if too_deep > 0 {
            truncated.push(format!("{too_deep} folders at depth {} were not entered", self.caps.depth));
        }
        if hit_count > hits.len() as u64 {
            truncated.push(format!("{hit_count} hits, the first {} by path are listed", hits.len()));
        }
        let hits = hits.into_iter().filter_map(|(path, folder)| {
            let artifact = classify_bytes(bytes_of(&path), folder)?;
            Some(Hit { path, artifact })
        });
        Found {
            files_seen: self.files.into_inner(),
            directories_seen: self.directories.into_inner(),
            hits: hits.collect(),
            truncated,
            errors,
            error_count,
        }
    }
}

/// A thread that panicked has left whole values behind: they are counts and lists.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Keeps the smallest of what is added, so that which are kept does not depend on the order; counts all.
struct Smallest<T> {
    cap: usize,
    kept: BinaryHeap<T>,
    count: u64,
}

impl<T: Ord> Smallest<T> {
    fn new(cap: usize) -> Self {
        Self { cap, kept: BinaryHeap::new(), count: 0 }
    }

    fn add(&mut self, value: T) {
        self.count += 1;
        if self.kept.len() < self.cap {
            self.kept.push(value);
        } else if let Some(mut largest) = self.kept.peek_mut()
            && value < *largest
        {
            *largest = value;
        }
    }

    /// What was kept, in order, and how many there were.
    fn finish(self) -> (Vec<T>, u64) {
        (self.kept.into_sorted_vec(), self.count)
    }
}

/// So that a path is not shown to a terminal as it is.
pub(super) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy(), 1024)
}
