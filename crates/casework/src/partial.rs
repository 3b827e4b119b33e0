//! Files that get their name only once they are whole. Until then they lie beside it under a hidden, temporary name,
//! locked, so that what a killed worker left can be told from what another one is writing.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// Ending of the temporary name.
const PARTIAL: &str = ".partial";

/// Begins the file that will be `name` in `folder`, and removes what killed workers left of it.
pub(crate) fn begin(folder: &Path, name: &OsStr) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    remove_leftovers(folder, &prefix);
    let temporary = tempfile::Builder::new().prefix(&prefix).suffix(PARTIAL).tempfile_in(folder)?;
    temporary.as_file().lock()?;
    Ok(temporary)
}

/// Removes what a killed worker left of the same file. Whoever still writes one holds its lock.
fn remove_leftovers(folder: &Path, prefix: &OsStr) {
    let Ok(items) = fs::read_dir(folder) else { return };
    for item in items.flatten() {
        let name = item.file_name();
        let (name, prefix) = (name.as_encoded_bytes(), prefix.as_encoded_bytes());
        if name.starts_with(prefix)
            && name.ends_with(PARTIAL.as_bytes())
            && item.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::open(item.path())
            && file.try_lock().is_ok()
            && let Err(error) = fs::remove_file(item.path())
        {
            tracing::warn!(path = %item.path().display(), %error, "a leftover cannot be removed");
        }
    }
}
