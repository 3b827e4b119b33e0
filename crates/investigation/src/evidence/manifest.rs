//! The manifest of an evidence container: what the container holds and how it came about.
//!
//! The rules here are about the manifest alone and need no container: whether it can be read, whether its paths
//! could lead out of a folder, whether it asks for absurd amounts. `casework::container` holds it against the bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Collection;

/// The newest format that this version reads. It writes the oldest that says what there is to say.
pub const FORMAT_VERSION: u32 = 2;
/// The format of a case's first container.
const FIRST: u32 = 1;
/// The first format that knows of further containers, see [`Supplement`].
const WITH_SUPPLEMENT: u32 = 2;
/// The manifest's own name inside the container.
pub const MANIFEST_PATH: &str = "manifest.json";

/// Longest path of an entry, in bytes.
pub const MAX_PATH_BYTES: usize = 512;
/// Most entries of one container, without the manifest.
pub const MAX_ENTRIES: usize = 10_000;
/// Largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// Largest single entry, in bytes: the image of a large workstation's memory. Versions before images had 16 GiB.
pub const MAX_ENTRY_BYTES: u64 = 64 << 30;
/// Most content of one container, in bytes: such an image, and as much of everything else.
pub const MAX_TOTAL_BYTES: u64 = 128 << 30;

/// `manifest.json`, the last entry of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`format_of`] what it holds.
    pub format_version: u32,
    /// The case that the evidence belongs to.
    pub case_id: String,
    /// What sealed it.
    pub tool: Tool,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// What it adds to, where it is not the case's first container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplement: Option<Supplement>,
    /// How it was collected.
    pub collection: Collection,
    /// Every entry but the manifest itself, in the order in which they lie in the container.
    pub entries: Vec<Entry>,
    /// Every byte of the container that comes before the manifest's own entry, headers and compressed form
    /// included. Two different compressed forms can unpack to the same content, so the entries' hashes alone
    /// would not prove that nothing was touched.
    pub preceding: Preceding,
}

/// Makes a container one that adds to its case's first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplement {
    /// What it is.
    pub kind: SupplementKind,
    /// SHA-256 of the first container as a file, lower-case hex.
    pub first_sha256: String,
}

/// What a further container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplementKind {
    /// The deeper look at a machine.
    Forensics,
}

/// The format that a container has to have.
pub fn format_of(supplement: Option<&Supplement>) -> u32 {
    if supplement.is_some() { WITH_SUPPLEMENT } else { FIRST }
}

/// Name and version of the program that sealed a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// For example `peerhound`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One entry of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative path with `/` between its parts, see [`check_path`].
    pub path: String,
    /// Size of the content in bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// Media type (RFC 6838) by the path's ending.
    pub media_type: String,
}

/// Size and hash of the container up to the manifest's entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preceding {
    /// Number of bytes.
    pub size: u64,
    /// Their SHA-256, lower-case hex.
    pub sha256: String,
}

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Over [`MAX_MANIFEST_BYTES`].
    #[error("the manifest has more than {MAX_MANIFEST_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or not of the shape.
    #[error("the manifest cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// Written by a version that knows more than this one.
    #[error("the manifest has format {0}, this version reads up to {FORMAT_VERSION}")]
    Newer(u32),
}

/// Something that a manifest must not say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// A path breaks the rules of [`check_path`].
    #[error("path {path:?} {fault}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// A path occurs twice, or differs from another by upper and lower case only.
    #[error("path {0:?} occurs twice")]
    Duplicate(String),
    /// A path is a file, and another path lies below it.
    #[error("path {0:?} is both a file and a folder")]
    FileAndFolder(String),
    /// A hash is not 64 lower-case hex digits.
    #[error("the hash of {0:?} is not a SHA-256")]
    BadHash(String),
    /// An entry is over [`MAX_ENTRY_BYTES`].
    #[error("{path:?} claims {size} bytes, more than {MAX_ENTRY_BYTES}")]
    EntryTooLarge {
        /// The entry.
        path: String,
        /// Claimed size.
        size: u64,
    },
    /// The entries together are over [`MAX_TOTAL_BYTES`].
    #[error("the entries claim more than {MAX_TOTAL_BYTES} bytes together")]
    TotalTooLarge,
    /// More than [`MAX_ENTRIES`].
    #[error("{0} entries, more than {MAX_ENTRIES}")]
    TooManyEntries(usize),
    /// The collection inside names another case.
    #[error("the collection inside belongs to case {0:?}")]
    OtherCase(String),
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PathFault {
    /// Nothing, or a part of nothing (`a//b`, `/a`, `a/`).
    #[error("has an empty part")]
    EmptyPart,
    /// Over [`MAX_PATH_BYTES`].
    #[error("is longer than 512 bytes")]
    TooLong,
    /// A part is `.` or `..`.
    #[error("has a part that names another folder")]
    Traversal,
    /// A character that is a separator, a drive or a stream somewhere, or a control character.
    #[error("has a character that is not allowed")]
    BadCharacter,
    /// A part ends in a dot or a space, which Windows drops.
    #[error("has a part that ends in a dot or a space")]
    TrailingDot,
    /// The manifest's own name.
    #[error("is the manifest's own name")]
    Reserved,
}

/// Whether a path may name an entry: relative, `/` between its parts, and safe to unpack on any system.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_path(path: &str) -> Result<(), PathFault> {
    if path.len() > MAX_PATH_BYTES {
        return Err(PathFault::TooLong);
    }
    if path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')) {
        return Err(PathFault::BadCharacter);
    }
    for part in path.split('/') {
        match part {
            "" => return Err(PathFault::EmptyPart),
            "." | ".." => return Err(PathFault::Traversal),
            part if part.ends_with(['.', ' ']) => return Err(PathFault::TrailingDot),
            _ => {}
        }
    }
    if path.eq_ignore_ascii_case(MANIFEST_PATH) {
        return Err(PathFault::Reserved);
    }
    Ok(())
}

/// The media type that a path's ending stands for.
pub fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => "application/json",
        Some("ndjson") => "application/x-ndjson",
        Some("md") => "text/markdown",
        Some("html") => "text/html",
        Some("txt") => "text/plain",
        Some("csv") => "text/csv",
        Some("xml") => "application/xml",
        Some("torrent") => "application/x-bittorrent",
        _ => "application/octet-stream",
    }
}

impl Manifest {
    /// Reads a manifest. The shape is checked here, what it says by [`Self::faults`].
    ///
    /// # Errors
    /// When it is too large, not JSON of the shape, or of a newer format.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        /// Read first and leniently: a newer format may have any other fields.
        #[derive(Deserialize)]
        struct Format {
            format_version: u32,
        }
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let format: Format = serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)?;
        if format.format_version > FORMAT_VERSION {
            return Err(ManifestError::Newer(format.format_version));
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)
    }

    /// Everything that the manifest must not say, in the order of its entries. Empty for every manifest that was
    /// written by this version.
    pub fn faults(&self) -> Vec<ManifestFault> {
        if self.entries.len() > MAX_ENTRIES {
            return vec![ManifestFault::TooManyEntries(self.entries.len())];
        }
        let mut faults = Vec::new();
        if self.collection.case_id != self.case_id {
            faults.push(ManifestFault::OtherCase(self.collection.case_id.clone()));
        }
        let mut total = 0_u64;
        for entry in &self.entries {
            if let Err(fault) = check_path(&entry.path) {
                faults.push(ManifestFault::BadPath { path: entry.path.clone(), fault });
            }
            if !is_sha256(&entry.sha256) {
                faults.push(ManifestFault::BadHash(entry.path.clone()));
            }
            if entry.size > MAX_ENTRY_BYTES {
                faults.push(ManifestFault::EntryTooLarge { path: entry.path.clone(), size: entry.size });
            }
            total = total.saturating_add(entry.size);
        }
        if total > MAX_TOTAL_BYTES {
            faults.push(ManifestFault::TotalTooLarge);
        }
        if self.supplement.as_ref().is_some_and(|supplement| !is_sha256(&supplement.first_sha256)) {
            faults.push(ManifestFault::BadHash("supplement".to_owned()));
        }
        if !is_sha256(&self.preceding.sha256) {
            faults.push(ManifestFault::BadHash("preceding".to_owned()));
        }
        faults.extend(path_clashes(self.entries.iter().map(|entry| entry.path.as_str())));
        faults
    }

    /// The manifest as it lies in the container: indented, so that a person can read it without a tool.
    ///
    /// # Errors
    /// None in practice; `serde_json`'s signature is kept so that nothing can panic.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Paths that cannot lie side by side in one folder on every system.
pub fn path_clashes<'p>(paths: impl Iterator<Item = &'p str> + Clone) -> Vec<ManifestFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        if seen.insert(path.to_lowercase(), path).is_some() {
            faults.push(ManifestFault::Duplicate(path.to_owned()));
        }
    }
    // What lies below a path follows its name with a slash, and sorts right behind that.
    for (lower, file) in &seen {
        let folder = format!("{lower}/");
        let mut behind = seen.range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded));
        if behind.next().is_some_and(|(below, _)| below.starts_with(&folder)) {
            faults.push(ManifestFault::FileAndFolder((*file).to_owned()));
        }
    }
    faults
}

/// 64 lower-case hex digits.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
