//! Seals a bundle in one direction: into anything that takes bytes in order, such as an upload. The result is the
//! container that [`seal()`](super::seal()) makes of a staging folder, in the same format.
//!
//! It goes over the bundle twice. [`measure`] unpacks and hashes every entry and works out the container's own size and
//! hash, without keeping it; [`write_sealed`] then only copies the packed forms, and what it writes must have that very
//! hash. So nothing is sealed that was not proven, even where the bundle is replaced between the two.

use std::io::{self, Read, Seek, Write};

use data_encoding::HEXLOWER;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use investigation::evidence::manifest::{
    Entry, MANIFEST_PATH, MAX_MANIFEST_BYTES, ManifestFault, Preceding, Supplement, Tool,
};
use investigation::order::REPORT_PATH;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::bundle::{Bundle, BundleError, Copying};
use super::heading::{Heading, check, check_names, entry, entry_of};
use super::stream::{Packed, StreamedZip};

/// What the relay's report is called in the container.
pub const RELAY_REPORT_PATH: &str = "relay.json";

/// What to seal a bundle with.
#[derive(Clone, Copy, Debug)]
pub struct SealBundle<'r> {
    /// Further entries with their content: alert, assessment, report, case. They are packed in memory.
    pub extra: &'r [(&'r str, &'r [u8])],
    /// Case.
    pub case_id: &'r str,
    /// What seals.
    pub tool: &'r Tool,
    /// Time of sealing, also of every entry.
    pub sealed_at: Timestamp,
    /// What it adds to, where it is not the case's first container.
    pub supplement: Option<&'r Supplement>,
}

/// A container that was measured and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// SHA-256 of the container, lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a bundle is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealBundleError {
    /// The bundle is not what it must be, or cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is no collection in it.
    #[error("the bundle holds no collection")]
    NoCollection,
    /// The container cannot be written.
    #[error("the container cannot be written")]
    Write(#[source] io::Error),
    /// The manifest would break its own rules.
    #[error("the container would be refused when verified")]
    Manifest(#[source] ManifestFault),
    /// The manifest would be too large.
    #[error("more files than a container may hold")]
    TooMuch,
    /// The second pass over the bundle gave other bytes than the first.
    #[error("the bundle changed while it was sealed")]
    Changed,
}

impl SealBundleError {
    /// Whether the same may succeed later with nothing changed but the circumstances.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Bundle(error) => error.is_retryable(),
            Self::Write(_) | Self::Changed => true,
            Self::NoCollection | Self::Manifest(_) | Self::TooMuch => false,
        }
    }
}

/// Proves the bundle and says what its container will be. Blocking.
///
/// # Errors
/// See [`SealBundleError`].
pub fn measure<R: Read + Seek>(
    request: &SealBundle<'_>,
    bundle: &mut Bundle<R>,
) -> Result<Measured, SealBundleError> {
    write(request, bundle, Pass::Proving, io::sink()).map(|(measured, _)| measured)
}

/// Writes the container that was measured. Blocking.
///
/// # Errors
/// See [`SealBundleError`]. What was written by then is to be thrown away: the last of it may be missing, or, after
/// [`SealBundleError::Changed`], all of it is there and wrong.
pub fn write_sealed<R: Read + Seek, W: Write>(
    request: &SealBundle<'_>,
    bundle: &mut Bundle<R>,
    measured: &Measured,
    sink: W,
) -> Result<W, SealBundleError> {
    let (written, sink) = write(request, bundle, Pass::Copying, sink)?;
    if written == *measured { Ok(sink) } else { Err(SealBundleError::Changed) }
}

/// What is done with the bundle's entries beside copying them.
#[derive(Clone, Copy)]
enum Pass {
    Proving,
    Copying,
}

/// Where the content of an entry comes from.
enum Source<'r> {
    Bundled(usize),
    Bytes(&'r [u8]),
}

fn write<R: Read + Seek, W: Write>(
    request: &SealBundle<'_>,
    bundle: &mut Bundle<R>,
    pass: Pass,
    sink: W,
) -> Result<(Measured, W), SealBundleError> {
    let collection = bundle.collection().ok_or(SealBundleError::NoCollection)?.clone();
    let heading = Heading {
        case_id: request.case_id,
        tool: request.tool,
        sealed_at: request.sealed_at,
        supplement: request.supplement,
        collection: &collection,
    };
    let sources = sources(request, bundle);
    check_names(sources.iter().map(|(entry, _)| entry.path.as_str()), &heading)
        .map_err(SealBundleError::Manifest)?;

    let mut zip = StreamedZip::new(Hashing { sink, sha256: Sha256::new() }, request.sealed_at);
    for (entry, source) in &sources {
        match source {
            Source::Bytes(bytes) => {
                let (packed, headers) = pack(bytes).map_err(SealBundleError::Write)?;
                zip.begin(&entry.path, &headers).map_err(SealBundleError::Write)?;
                zip.write_all(&packed).map_err(SealBundleError::Write)?;
            }
            Source::Bundled(index) => {
                zip.begin(&entry.path, &bundle.packed(*index)).map_err(SealBundleError::Write)?;
                match pass {
                    Pass::Proving => bundle.unpack(*index, &mut zip, &mut io::sink())?,
                    Pass::Copying => bundle.copy_packed(*index, &mut zip).map_err(|error| match error {
                        Copying::Bundle(error) => error.into(),
                        Copying::Output(error) => SealBundleError::Write(error),
                    })?,
                }
            }
        }
    }

    let preceding =
        Preceding { size: zip.position(), sha256: HEXLOWER.encode(&zip.sink().sha256.clone().finalize()) };
    let manifest = heading.manifest(sources.into_iter().map(|(entry, _)| entry).collect(), preceding);
    check(&manifest).map_err(SealBundleError::Manifest)?;
    let bytes = manifest.to_bytes().map_err(|error| SealBundleError::Write(error.into()))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(SealBundleError::TooMuch);
    }
    let mut crc = Crc::new();
    crc.update(&bytes);
    let size = bytes.len() as u64;
    let headers = Packed { method: 0, crc32: crc.sum(), packed: size, size };
    zip.begin(MANIFEST_PATH, &headers).map_err(SealBundleError::Write)?;
    zip.write_all(&bytes).map_err(SealBundleError::Write)?;
    let (Hashing { sink, sha256 }, size) = zip.finish().map_err(SealBundleError::Write)?;
    Ok((Measured { sha256: HEXLOWER.encode(&sha256.finalize()), size }, sink))
}

/// The entries that a bundle will be in a container, with the hashes that the relay gives them: each is proven when it is
/// sealed.
pub fn sealed_entries<R: Read + Seek>(bundle: &Bundle<R>) -> Vec<Entry> {
    bundle.entries().map(|(_, listed)| sealed_entry(listed)).collect()
}

fn sealed_entry(listed: &Entry) -> Entry {
    let path = if listed.path == REPORT_PATH { RELAY_REPORT_PATH } else { &listed.path };
    entry(path, listed.size, listed.sha256.clone())
}

/// Everything that will be an entry, in the order of the names.
fn sources<'r, R: Read + Seek>(request: &SealBundle<'r>, bundle: &Bundle<R>) -> Vec<(Entry, Source<'r>)> {
    let mut sources: Vec<_> =
        bundle.entries().map(|(index, listed)| (sealed_entry(listed), Source::Bundled(index))).collect();
    sources.extend(request.extra.iter().map(|(name, bytes)| (entry_of(name, bytes), Source::Bytes(bytes))));
    sources.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    sources
}

/// The packed form of a small entry.
fn pack(bytes: &[u8]) -> io::Result<(Vec<u8>, Packed)> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    let packed = encoder.finish()?;
    let mut crc = Crc::new();
    crc.update(bytes);
    let headers =
        Packed { method: 8, crc32: crc.sum(), packed: packed.len() as u64, size: bytes.len() as u64 };
    Ok((packed, headers))
}

/// Hashes what goes by.
struct Hashing<W> {
    sink: W,
    sha256: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.sha256.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
