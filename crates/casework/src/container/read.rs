//! Reads the evidence back out of a container, which is proven first.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use investigation::evidence::manifest::{Entry, Manifest};
use investigation::evidence::{ArtifactKind, Evidence};
use serde::de::DeserializeOwned;

use super::Report;
use super::entry::content;
use super::layout::{self, Located};
use super::problem::{Problem, VerifyError};
use super::verify::verify_in;

/// Largest parsed artifact that is read, in bytes: as large as a collection may stage.
const PARSED: u64 = 256 << 20;

/// What an intact container says of its case.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The manifest.
    pub manifest: Manifest,
    /// The evidence in parsed form.
    pub evidence: Evidence,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
}

/// Why a container gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read as a container.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is not as it was sealed.
    #[error("it is not intact: {0}")]
    Broken(Problem),
    /// A parsed artifact is larger than any collection makes.
    #[error("{0} is larger than {PARSED} bytes")]
    TooLarge(String),
    /// A parsed artifact is not of the form that this version knows.
    #[error("{path} is not of a form that this version reads")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Verify(VerifyError::Io(error))
    }
}

/// Proves a container and reads its evidence. Blocking.
///
/// # Errors
/// See [`ReadError`]. Nothing is read of a container that is not as it was sealed.
pub fn open(path: &Path) -> Result<Opened, ReadError> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(VerifyError::NotAFile.into());
    }
    open_in(&mut file, metadata.len())
}

/// [`open`] for a container of `size` bytes that lies anywhere.
///
/// # Errors
/// As [`open`].
pub fn open_in<F: Read + Seek>(file: &mut F, size: u64) -> Result<Opened, ReadError> {
    let Report { manifest, sha256, problems, .. } = verify_in(file, size)?;
    if let Some(problem) = problems.into_iter().next() {
        return Err(ReadError::Broken(problem));
    }
    let manifest = manifest.ok_or(VerifyError::NoManifest)?;
    let located = layout::read(file, size, &mut Vec::new())?;
    let mut artifacts = Artifacts { file, manifest: &manifest, located: &located };
    let evidence = Evidence {
        identity: artifacts.parse(ArtifactKind::Identity)?,
        processes: artifacts.parse(ArtifactKind::Processes)?,
        sockets: artifacts.parse(ArtifactKind::Connections)?,
        torrents: artifacts.parse(ArtifactKind::Torrents)?,
        autostart: artifacts.parse(ArtifactKind::Autostart)?,
        firewall: artifacts.parse(ArtifactKind::Firewall)?,
        neighbors: artifacts.parse(ArtifactKind::Neighbors)?,
        dns_cache: artifacts.parse(ArtifactKind::DnsCache)?,
        prefetch: artifacts.parse(ArtifactKind::Prefetch)?,
        programs: artifacts.parse(ArtifactKind::Programs)?,
        outcomes: manifest.collection.outcomes.clone(),
    };
    Ok(Opened { evidence, manifest, sha256 })
}

struct Artifacts<'a, F> {
    file: &'a mut F,
    manifest: &'a Manifest,
    located: &'a [Located],
}

impl<F: Read + Seek> Artifacts<'_, F> {
    /// One artifact in parsed form; `None` where the container has none.
    fn parse<T: DeserializeOwned>(&mut self, kind: ArtifactKind) -> Result<Option<T>, ReadError> {
        let path = kind.parsed_entry();
        let entry = self.manifest.entries.iter().find(|entry| entry.path == path);
        let place = self.located.iter().find(|place| place.name == path);
        let (Some(entry), Some(place)) = (entry, place) else { return Ok(None) };
        let bytes = read_entry(self.file, entry, place)?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|source| ReadError::Unreadable { path, source })
    }
}

/// The content of an entry, proven once more: the file may have been exchanged since.
fn read_entry<F: Read + Seek>(file: &mut F, entry: &Entry, place: &Located) -> Result<Vec<u8>, ReadError> {
    if entry.size > PARSED {
        return Err(ReadError::TooLarge(entry.path.clone()));
    }
    let changed = || ReadError::Broken(Problem::Changed { path: entry.path.clone() });
    content(file, entry, place)?.ok_or_else(changed)
}
