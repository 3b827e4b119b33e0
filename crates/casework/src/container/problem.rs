//! What can be wrong with a container.

use std::fmt;
use std::io;

use investigation::evidence::manifest::{ManifestError, ManifestFault};
use investigation::text::one_line;
use serde::Serialize;

/// One thing that is wrong with a container that could be read. Shown, it is one line, safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// The manifest names it, the container does not hold it.
    Missing {
        /// Entry.
        path: String,
    },
    /// The container holds it, the manifest does not name it.
    Extra {
        /// Entry.
        path: String,
    },
    /// Content of the right size and other bytes.
    Changed {
        /// Entry.
        path: String,
    },
    /// Content of another size.
    SizeDiffers {
        /// Entry.
        path: String,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes found; reading stopped one byte after the expected end.
        found: u64,
    },
    /// The content cannot be unpacked.
    Undecodable {
        /// Entry.
        path: String,
    },
    /// Two entries of one name.
    Duplicate {
        /// Entry.
        path: String,
    },
    /// More bytes than the compressed form can hold, or than any container may: not unpacked.
    Bomb {
        /// Entry.
        path: String,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes of the compressed form.
        compressed: u64,
    },
    /// A header is not as the writer writes it, or two places disagree.
    Structure {
        /// Entry, where it concerns one.
        path: Option<String>,
        /// What disagrees.
        what: &'static str,
    },
    /// The manifest says something that it must not.
    Manifest {
        /// What.
        what: String,
    },
    /// Bytes before the manifest were touched though every content is whole.
    Preceding,
    /// Bytes after the end of the zip.
    Trailing {
        /// How many.
        bytes: u64,
    },
}

impl From<ManifestFault> for Problem {
    fn from(fault: ManifestFault) -> Self {
        Self::Manifest { what: fault.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |path: &str| one_line(path, 200);
        match self {
            Self::Missing { path } => write!(f, "{}: missing", show(path)),
            Self::Extra { path } => write!(f, "{}: not in the manifest", show(path)),
            Self::Changed { path } => write!(f, "{}: changed", show(path)),
            Self::SizeDiffers { path, expected, found } if found > expected => {
                write!(f, "{}: longer than the {expected} bytes in the manifest", show(path))
            }
            Self::SizeDiffers { path, expected, found } => {
                write!(f, "{}: {found} bytes, {expected} in the manifest", show(path))
            }
            Self::Undecodable { path } => write!(f, "{}: damaged, cannot be unpacked", show(path)),
            Self::Duplicate { path } => write!(f, "{}: present twice", show(path)),
            Self::Bomb { path, expected, compressed } => {
                write!(f, "{}: claims {expected} bytes from {compressed} packed, not unpacked", show(path))
            }
            Self::Structure { path: Some(path), what } => write!(f, "{}: {what}", show(path)),
            Self::Structure { path: None, what } => write!(f, "container: {what}"),
            Self::Manifest { what } => write!(f, "manifest: {}", one_line(what, 600)),
            Self::Preceding => f.write_str("container: bytes outside the contents were changed"),
            Self::Trailing { bytes } => write!(f, "container: {bytes} bytes after its end"),
        }
    }
}

/// Why a file cannot be read as evidence at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be opened or read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// A folder, a device.
    #[error("not a regular file")]
    NotAFile,
    /// It does not begin as a zip.
    #[error("not a zip file")]
    NotAZip,
    /// It begins as a zip and has no readable directory at its end.
    #[error("the zip's directory is missing or damaged: the file is incomplete or was changed")]
    NoDirectory,
    /// A zip with more entries than any container has.
    #[error("more entries than any evidence container holds")]
    TooManyEntries,
    /// A zip that is no evidence container.
    #[error("no manifest.json inside: not an evidence container")]
    NoManifest,
    /// The manifest's own bytes cannot be had: packed, or out of bounds.
    #[error("the manifest's entry is damaged")]
    ManifestDamaged,
    /// The manifest is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}
