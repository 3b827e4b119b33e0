//! One entry of a container, after the whole of it was proven.

use std::io::{BufReader, Read, Seek, SeekFrom};

use investigation::evidence::manifest::{Entry, Manifest};

use super::layout::{self, Located};
use super::problem::VerifyError;
use super::unpack::{Content, unpack};
use super::{CHUNK, Report};

/// Why an entry is not given.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The container says nothing.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The container was not proven, or is another one by now.
    #[error("{0} is not what the manifest says")]
    Changed(String),
    /// Larger than whoever asks can take.
    #[error("{path} has {size} bytes; {most} at most are read")]
    TooLarge {
        /// The entry.
        path: String,
        /// Its size.
        size: u64,
        /// What is taken.
        most: u64,
    },
}

/// Reads an entry of a container that [`verify_in`](super::verify_in) has proven, at most `most` bytes into memory;
/// `None` where its manifest lists no such entry.
///
/// # Errors
/// Where it is too large, or not what the manifest of `report` says.
pub fn read_entry<F: Read + Seek>(
    file: &mut F,
    report: &Report,
    path: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, EntryError> {
    let listed = |manifest: &Manifest| manifest.entries.iter().find(|entry| entry.path == path).cloned();
    let Some(entry) = report.manifest.as_ref().and_then(listed) else { return Ok(None) };
    let changed = || EntryError::Changed(path.to_owned());
    if !report.is_intact() {
        return Err(changed());
    }
    if entry.size > most {
        return Err(EntryError::TooLarge { path: path.to_owned(), size: entry.size, most });
    }
    let located = layout::read(file, report.size, &mut Vec::new())?;
    let place = located.iter().find(|place| place.name == path).ok_or_else(changed)?;
    content(file, &entry, place)?.map(Some).ok_or_else(changed)
}

/// The content of an entry, proven once more: the file may have been exchanged since. `None` where it is not what the
/// manifest says.
pub(super) fn content<F: Read + Seek>(
    file: &mut F,
    entry: &Entry,
    place: &Located,
) -> Result<Option<Vec<u8>>, VerifyError> {
    file.seek(SeekFrom::Start(place.data_start))?;
    let packed = BufReader::with_capacity(CHUNK, file.take(place.packed));
    let mut bytes = Vec::new();
    Ok(match unpack(packed, place.packed, place.method, entry.size, &mut bytes)? {
        Content::Read { size, sha256, .. } if size == entry.size && sha256 == entry.sha256 => Some(bytes),
        _ => None,
    })
}
