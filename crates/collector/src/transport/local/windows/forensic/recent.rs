//! Programs and scripts that came lately into folders that users can write into.

use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use investigation::evidence::{ArtifactStatus, RecentExecutable};
use investigation::order::Limits;

use super::super::super::processes::{Stopped, hash};
use super::super::folders::moment;
use super::super::registry::Registry;
use super::super::root;
use super::profiles::{profiles, program_data};
use crate::artifact::forensic::{PATH_CAP, Rows, cut};
use crate::artifact::tally::Tally;
use crate::artifact::windows::forensic::recent_executables::{DAYS, ENDINGS, HASHED, letters};

/// Folders deeper than this are counted and not entered.
const DEPTH: usize = 64;
/// Files between two words about how far it is.
const STEP: u64 = 1000;

/// Where it is looked: every profile, and what is everybody's.
pub(crate) fn roots(registry: &dyn Registry, tally: &mut Tally) -> Vec<PathBuf> {
    let mut roots: Vec<String> =
        profiles(registry, tally).into_iter().map(|profile| profile.folder).collect();
    let (windows, drive) = (root::folder(registry), root::expanded(registry, "%SystemDrive%"));
    roots.extend([
        program_data(registry, tally),
        format!(r"{drive}\Users\Public"),
        format!(r"{windows}\Temp"),
        format!(r"{windows}\Tasks"),
        format!(r"{drive}\PerfLogs"),
        format!(r"{drive}\$Recycle.Bin"),
    ]);
    roots.sort_by_key(|root| root.to_lowercase());
    roots.dedup_by_key(|root| root.to_lowercase());
    roots.into_iter().map(PathBuf::from).collect()
}

/// Walks the folders, then hashes what was found until the time is up.
pub(crate) fn read(
    roots: Vec<PathBuf>,
    now: SystemTime,
    limits: &Limits,
    time: Duration,
    cancel: &AtomicBool,
    seen: impl Fn(u64),
) -> (Vec<RecentExecutable>, Tally) {
    let mut walk = Walk {
        since: now.checked_sub(Duration::from_secs(86_400 * DAYS.unsigned_abs())).unwrap_or(now),
        deadline: Instant::now() + time,
        cancel,
        limits,
        rows: Rows::new(limits),
        tally: Tally::default(),
        walked: 0,
    };
    walk.folders(roots, &seen);
    walk.describe();
    (walk.rows.rows, walk.tally)
}

struct Walk<'a> {
    since: SystemTime,
    deadline: Instant,
    cancel: &'a AtomicBool,
    limits: &'a Limits,
    rows: Rows<'a, RecentExecutable>,
    tally: Tally,
    walked: u64,
}

impl Walk<'_> {
    /// A stack, not a recursion. Links are not followed.
    fn folders(&mut self, roots: Vec<PathBuf>, seen: &impl Fn(u64)) {
        let mut stack: Vec<(PathBuf, usize)> = roots.into_iter().map(|root| (root, 0)).collect();
        while let Some((folder, depth)) = stack.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(_) => {
                    self.tally.count(ArtifactStatus::Partial, "folders are closed to this account");
                    continue;
                }
            };
            for entry in entries.flatten() {
                if self.walked >= self.limits.files {
                    self.tally.truncated("there are more files than are walked past");
                    return;
                }
                if self.is_over() {
                    self.tally.truncated("out of time: not every folder was walked");
                    return;
                }
                self.walked += 1;
                if self.walked.is_multiple_of(STEP) {
                    seen(self.walked);
                }
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    if is_link(&metadata) {
                        continue;
                    }
                    if depth < DEPTH {
                        stack.push((entry.path(), depth + 1));
                    } else {
                        self.tally.count(ArtifactStatus::Truncated, "folders lie deeper than is walked");
                    }
                } else if metadata.is_file() {
                    self.file(&entry.path(), &metadata);
                }
            }
        }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        if !ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            return;
        }
        // Copies keep the time of writing, and are made anew.
        let (modified, created) = (metadata.modified().ok(), metadata.created().ok());
        if ![modified, created].into_iter().flatten().any(|time| time >= self.since) {
            return;
        }
        let row = RecentExecutable {
            path: cut(path.to_string_lossy().into_owned(), PATH_CAP),
            mode: letters(attributes(metadata)),
            size: metadata.len(),
            modified_at: modified.and_then(moment),
            created_at: created.and_then(moment),
            ..RecentExecutable::default()
        };
        self.rows.push(row, &mut self.tally);
    }

    /// Hashes and marks, after the list itself: hashing is what may run into the time cap.
    fn describe(&mut self) {
        for row in &mut self.rows.rows {
            row.zone = zone(&row.path);
            // What lies in a cloud alone is fetched when it is opened.
            let is_away =
                fs::symlink_metadata(&row.path).is_ok_and(|metadata| attributes(&metadata) & AWAY != 0);
            if row.size > HASHED || is_away {
                self.tally.count(
                    ArtifactStatus::Truncated,
                    "programs are above 64 MiB, or lie in a cloud, and are not hashed",
                );
                continue;
            }
            let Ok(mut file) = File::open(&row.path) else {
                self.tally.count(ArtifactStatus::Partial, "programs could not be hashed");
                continue;
            };
            match hash(&mut file, self.deadline, self.cancel) {
                Ok(hash) => row.sha256 = hash,
                Err(Stopped) => {
                    self.tally.truncated("out of time: some programs are not hashed");
                    return;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

/// `FILE_ATTRIBUTE_OFFLINE`, `_RECALL_ON_OPEN` and `_RECALL_ON_DATA_ACCESS`.
const AWAY: u32 = 0x44_1000;
/// `FILE_ATTRIBUTE_REPARSE_POINT`: links, mounted folders.
#[cfg(windows)]
const REPARSE: u32 = 0x400;

#[cfg(windows)]
fn attributes(metadata: &Metadata) -> u32 {
    std::os::windows::fs::MetadataExt::file_attributes(metadata)
}

#[cfg(not(windows))]
fn attributes(_: &Metadata) -> u32 {
    0
}

#[cfg(windows)]
fn is_link(metadata: &Metadata) -> bool {
    attributes(metadata) & REPARSE != 0
}

#[cfg(not(windows))]
fn is_link(metadata: &Metadata) -> bool {
    metadata.is_symlink()
}

/// The mark of the web: a stream beside the content.
fn zone(path: &str) -> Option<u8> {
    let mut text = Vec::new();
    File::open(format!("{path}:Zone.Identifier")).ok()?.take(4096).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().find_map(|line| line.trim().strip_prefix("ZoneId=")?.parse().ok()).filter(|zone| *zone < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_lately_is_hashed_and_what_is_old_or_no_program_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/new.EXE"), "MZ").unwrap();
        // As a file system without streams shows one.
        fs::write(path("sub/new.EXE:Zone.Identifier"), "[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=x\r\n")
            .unwrap();
        fs::write(path("text.txt"), "no program").unwrap();
        let roots = || vec![folder.path().to_owned(), path("none")];
        let limits = Limits::default();
        let cancel = AtomicBool::new(false);
        let now = SystemTime::now();
        let (rows, tally) = read(roots(), now, &limits, Duration::from_secs(60), &cancel, |_| {});
        let (status, reasons) = tally.settle();
        assert_eq!((rows.len(), status), (1, ArtifactStatus::Ok), "{rows:?} {reasons:?}");
        let sum = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix("MZ"));
        assert_eq!(rows[0].sha256.as_deref(), Some(data_encoding::HEXLOWER.encode(&sum).as_str()));
        assert_eq!((rows[0].zone, rows[0].size, rows[0].path.ends_with("new.EXE")), (Some(3), 2, true));
        let later = now + Duration::from_secs(86_400 * 31);
        let (rows, _) = read(roots(), later, &limits, Duration::from_secs(60), &cancel, |_| {});
        assert!(rows.is_empty(), "{rows:?}");
        let few = Limits { files: 1, ..Limits::default() };
        let (_, tally) = read(roots(), now, &few, Duration::from_secs(60), &cancel, |_| {});
        assert_eq!(tally.settle().0, ArtifactStatus::Truncated);
        cancel.store(true, Ordering::Relaxed);
        let (rows, tally) = read(roots(), now, &limits, Duration::from_secs(60), &cancel, |_| {});
        assert_eq!((rows.len(), tally.settle().0), (0, ArtifactStatus::Truncated));
    }
}
