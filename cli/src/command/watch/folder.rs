//! A folder that alerts are dropped into.

use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use casework::backend::local::Local;
use casework::backend::{Backend, Received};
use casework::failpoint::failpoint;
use casework::records::{Reading, read_records};
use investigation::alert::SiteFormat;
use investigation::text::one_line;
use jiff::Timestamp;

/// A file is taken once it has not changed for this long: a writer that does not rename into place is waited for.
const SETTLED: Duration = Duration::from_secs(1);
/// Alerts that are stored in one write.
const BATCH: usize = 256;
/// Where files go whose every record could be read.
const DONE: &str = "done";
/// Where files go of which something could not be read.
const REVIEW: &str = "review";

/// Makes the folder and its two.
pub(super) fn prepare(dir: &Path) -> io::Result<()> {
    for dir in [dir.to_owned(), dir.join(DONE), dir.join(REVIEW)] {
        fs::create_dir_all(dir)?;
    }
    Ok(())
}

/// Stores every file that is ready and moves it away. Returns whether files are left that are not ready yet. A crash
/// between the two stores nothing twice: an alert's id follows from its content, and an address's from its file.
pub(super) async fn take_in(dir: &Path, formats: &[SiteFormat], store: &Local) -> Result<bool> {
    let mut left = false;
    for (path, ready) in files(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        if !ready {
            left = true;
            continue;
        }
        if let Err(error) = take_file(dir, &path, formats, store).await {
            if error.chain().any(|cause| cause.is::<casework::backend::StoreError>()) {
                return Err(error);
            }
            tracing::warn!("{error:#}; left where it is");
        }
    }
    Ok(left)
}

/// Files with whether each is ready, oldest name first.
fn files(dir: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".part") {
            continue;
        }
        // A link could lead anywhere, and a writer of alerts is not trusted to say which file is read.
        if !entry.file_type()?.is_file() {
            continue;
        }
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
        files.push((entry.path(), age.is_some_and(|age| age >= SETTLED)));
    }
    files.sort();
    Ok(files)
}

async fn take_file(dir: &Path, path: &Path, formats: &[SiteFormat], store: &Local) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let changed = file.metadata()?.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let moment = format!("{name}@{}", changed.as_nanos());
    let (sender, mut receiver) = tokio::sync::mpsc::channel(BATCH);
    let origin = one_line(&name, 200);
    let formats = formats.to_vec();
    let reader = tokio::task::spawn_blocking(move || {
        let mut give = |item| sender.blocking_send(item).is_ok();
        let passed_over = std::cell::Cell::new(0);
        let reading = Reading {
            origin: &origin,
            moment: &moment,
            formats: &formats,
            passed_over: Some(&passed_over),
            once: false,
        };
        read_records(reading, BufReader::new(file), &mut give);
        super::say_passed_over(&origin, passed_over.get());
    });
    let mut items = Vec::new();
    let mut all_read = true;
    while receiver.recv_many(&mut items, BATCH).await > 0 {
        let records: Vec<Received> = std::mem::take(&mut items);
        all_read &= records.iter().all(|record| record.content.is_ok());
        failpoint("inbox.read");
        store.take_in(records, Timestamp::now()).await?;
        failpoint("inbox.stored");
    }
    reader.await?;
    let to = free_name(&dir.join(if all_read { DONE } else { REVIEW }), &name);
    fs::rename(path, &to).with_context(|| format!("cannot move {} to {}", path.display(), to.display()))?;
    failpoint("inbox.moved");
    Ok(())
}

/// A name that nothing has yet: a file of the same name came before.
fn free_name(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    if !plain.exists() {
        return plain;
    }
    let numbered = (2..u32::MAX).map(|number| dir.join(format!("{name}.{number}")));
    numbered.into_iter().find(|path| !path.exists()).unwrap_or(plain)
}
