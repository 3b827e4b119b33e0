//! This machine's torrent-related files.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use investigation::evidence::TorrentFile;
use investigation::order::Limits;

use crate::artifact::tally::Tally;
use crate::torrent::inventory::inventory;
use crate::torrent::{Caps, local_drives};

/// Walks all local drives. `on_progress` is told now and then, from any thread, how many files were seen.
pub(crate) fn read(
    limits: &Limits,
    time: Duration,
    cancel: &AtomicBool,
    on_progress: impl Fn(u64) + Sync,
) -> (Vec<TorrentFile>, Tally) {
    let mut tally = Tally::default();
    let roots = match local_drives() {
        Ok(roots) => roots,
        Err(error) => {
            tally.failed(format!("the list of drives is unreadable: {error}"));
            return (Vec::new(), tally);
        }
    };
    if roots.is_empty() {
        // Nothing walked is not the same as nothing found.
        tally.failed("the system names no local drive: nothing was walked");
        return (Vec::new(), tally);
    }
    let caps = Caps {
        depth: usize::try_from(limits.depth).unwrap_or(usize::MAX),
        hits: usize::try_from(limits.rows).unwrap_or(usize::MAX),
        files: limits.files,
        time,
        file_bytes: limits.torrent_bytes,
        ..Caps::default()
    };
    let mut found = inventory(&roots, &caps, cancel, on_progress);
    found.truncated.into_iter().for_each(|reason| tally.truncated(reason));
    if let Some(first) = found.errors.first() {
        let count = found.error_count;
        tally.partial(format!("{count} folders or drives could not be read, the first: {first}"));
    }
    let rows = usize::try_from(limits.rows).unwrap_or(usize::MAX);
    if found.entries.len() > rows {
        tally.truncated(format!("{} files beyond the cap on rows were left out", found.entries.len() - rows));
        found.entries.truncate(rows);
    }
    (found.entries, tally)
}
