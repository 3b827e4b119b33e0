//! What lies in a staging folder: the files that a collection left to be sealed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use investigation::evidence::manifest::{MAX_ENTRIES, MAX_PATH_BYTES};

use super::seal::SealError;

/// One staged file.
#[derive(Debug)]
pub(super) struct Staged {
    /// Path inside the container.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// Every file below `root`, without opening any. Order is the directory's own.
///
/// # Errors
/// A symbolic link, a device, a pipe or a name that is not UTF-8; a folder that cannot be read.
pub(super) fn list(root: &Path) -> Result<Vec<Staged>, SealError> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let unreadable = |source| SealError::Staged { path: folder.clone(), source };
        for item in fs::read_dir(&folder).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let path = item.path();
            let Some(name) = item.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                return Err(SealError::NotSealable { path, why: "its name is not UTF-8" });
            };
            // The type of the entry itself: a link is not followed.
            let kind = item.file_type().map_err(|source| SealError::Staged { path: path.clone(), source })?;
            if kind.is_dir() {
                if name.len() > MAX_PATH_BYTES {
                    return Err(SealError::NotSealable { path, why: "its path is too long" });
                }
                folders.push((path, format!("{name}/")));
            } else if kind.is_file() {
                files.push(Staged { name, path });
            } else {
                return Err(SealError::NotSealable { path, why: "it is not a regular file" });
            }
            if files.len() > MAX_ENTRIES || folders.len() > MAX_ENTRIES {
                return Err(SealError::TooMuch);
            }
        }
    }
    Ok(files)
}

/// Opens a staged file and makes sure that what was opened is what was listed: a regular file, not a link that was
/// put in its place meanwhile. Returns it with its size in bytes.
///
/// # Errors
/// When it is something else by now, or cannot be read.
pub(super) fn open(staged: &Staged) -> Result<(File, u64), SealError> {
    let failed = |source| SealError::Staged { path: staged.path.clone(), source };
    let listed = fs::symlink_metadata(&staged.path).map_err(failed)?;
    if !listed.file_type().is_file() {
        return Err(SealError::NotSealable { path: staged.path.clone(), why: "it is not a regular file" });
    }
    let file = File::open(&staged.path).map_err(failed)?;
    let opened = file.metadata().map_err(failed)?;
    if !same_file(&listed, &opened) {
        return Err(failed(io::Error::other("it was replaced while it was read")));
    }
    Ok((file, opened.len()))
}

#[cfg(unix)]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}
