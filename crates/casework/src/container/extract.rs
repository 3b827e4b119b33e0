//! Takes entries out of a container that was proven, and proves them again: the file may have been changed since.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use super::entry::content;
use super::problem::VerifyError;
use super::{Report, layout};

/// Why entries cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The report says that something is wrong.
    #[error("the container is not intact: {0}")]
    NotIntact(String),
    /// The file cannot be read as evidence any more.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// An entry is larger than it may be.
    #[error("{path} has {size} bytes, more than {cap}")]
    TooLarge {
        /// The entry.
        path: String,
        /// Its size.
        size: u64,
        /// What may be.
        cap: u64,
    },
    /// Not what the report was about.
    #[error("{0} is not what was proven: the file was changed meanwhile")]
    Changed(String),
}

impl From<io::Error> for ExtractError {
    fn from(error: io::Error) -> Self {
        Self::Verify(error.into())
    }
}

/// The contents of the entries that are wanted, each of at most `cap` bytes, by their paths. Those that are not there are
/// left out.
///
/// # Errors
/// Where `report` is not of an intact container, or an entry is too large or not what the report proved.
pub fn extract(
    path: &Path,
    report: &Report,
    wanted: impl Fn(&str) -> bool,
    cap: u64,
) -> Result<BTreeMap<String, Vec<u8>>, ExtractError> {
    let manifest = report.manifest.as_ref().filter(|_| report.is_intact()).ok_or_else(|| {
        let problem = report.problems.first().map(ToString::to_string);
        ExtractError::NotIntact(problem.unwrap_or_else(|| "it has no manifest".to_owned()))
    })?;
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let located = layout::read(&mut file, size, &mut Vec::new())?;
    let mut contents = BTreeMap::new();
    for entry in manifest.entries.iter().filter(|entry| wanted(&entry.path)) {
        if entry.size > cap {
            return Err(ExtractError::TooLarge { path: entry.path.clone(), size: entry.size, cap });
        }
        let changed = || ExtractError::Changed(entry.path.clone());
        let place = located.iter().find(|place| place.name == entry.path).ok_or_else(changed)?;
        contents.insert(entry.path.clone(), content(&mut file, entry, place)?.ok_or_else(changed)?);
    }
    Ok(contents)
}
