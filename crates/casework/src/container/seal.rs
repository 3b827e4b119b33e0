//! Writes a container: streams the staging folder into a zip under a temporary name, proves to itself that the bytes
//! are on the disk, and only then gives it its name.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use investigation::evidence::Collection;
use investigation::evidence::manifest::{
    Entry, MANIFEST_PATH, MAX_MANIFEST_BYTES, Manifest, ManifestFault, Preceding, Supplement, Tool,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::heading::{Heading, check, check_names, entry};
use super::problem::VerifyError;
use super::staging::{self, Staged};
use super::stream::LARGE;
use super::verify::{hash_into, verify};
use super::{CHUNK, UNIX_MODE, dos_time};
use crate::failpoint::failpoint;
use crate::partial;

/// From this size on, an entry is packed fast instead of small: images of memory have many GiB.
const FAST: u64 = 64 << 20;

/// What to seal, and where.
#[derive(Clone, Copy, Debug)]
pub struct SealRequest<'r> {
    /// Folder with what was collected; every file below it becomes an entry.
    pub staging: &'r Path,
    /// Further entries with their content: alert, assessment, report, case.
    pub extra: &'r [(&'r str, &'r [u8])],
    /// Case.
    pub case_id: &'r str,
    /// What seals.
    pub tool: &'r Tool,
    /// Time of sealing, also of every entry.
    pub sealed_at: Timestamp,
    /// What it adds to, where it is not the case's first container.
    pub supplement: Option<&'r Supplement>,
    /// How it was collected.
    pub collection: &'r Collection,
    /// The container to be. Its folder must exist.
    pub destination: &'r Path,
}

/// A sealed container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// It was there already, whole and of this case: sealed before an interruption.
    pub already_sealed: bool,
}

/// Why nothing was sealed. Nothing of it is left under the destination's name.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A staged file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Staged {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The container cannot be written: no space, no permission.
    #[error("{} cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something lies in the staging folder that is never evidence: a link, a device, a hostile name.
    #[error("{} cannot be sealed: {why}", path.display())]
    NotSealable {
        /// Which.
        path: PathBuf,
        /// Why, a few words.
        why: &'static str,
    },
    /// A staged file grew or shrank while it was read.
    #[error("{} changed while it was sealed", .0.display())]
    Changed(PathBuf),
    /// More files or folders than a container may hold.
    #[error("more files than a container may hold")]
    TooMuch,
    /// The manifest would break its own rules.
    #[error("the container would be refused when verified")]
    Manifest(#[source] ManifestFault),
    /// Something else lies under the destination's name; it is left as it is.
    #[error("{} exists and is not this case's evidence: {why}", path.display())]
    Taken {
        /// The destination.
        path: PathBuf,
        /// What is there.
        why: String,
    },
}

impl SealError {
    /// Whether the same may succeed later with nothing changed but the circumstances (space, permissions).
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Staged { .. } | Self::Write { .. } | Self::Changed(_))
    }
}

/// The entries that a staging folder will be, with their hashes. Sealing hashes them again: where a file changes between
/// the two, the manifest counts.
///
/// # Errors
/// As sealing: a file that cannot be read, or is never evidence.
pub fn staged_entries(staging: &Path) -> Result<Vec<Entry>, SealError> {
    let hashed = |staged: Staged| {
        let (mut file, size) = staging::open(&staged)?;
        let mut sha256 = Sha256::new();
        let failed = |source| SealError::Staged { path: staged.path.clone(), source };
        hash_into(&mut sha256, &mut file).map_err(failed)?;
        Ok(entry(&staged.name, size, HEXLOWER.encode(&sha256.finalize())))
    };
    staging::list(staging)?.into_iter().map(hashed).collect()
}

/// Seals a case's evidence. Blocking; hours are spent for terabytes only, memory for none.
///
/// Where the destination exists already, whole and of this case, it is returned as it is, so that sealing can be
/// repeated after an interruption, even when the staging folder is gone by then.
///
/// # Errors
/// See [`SealError`]. The destination is never overwritten.
pub fn seal(request: &SealRequest<'_>) -> Result<Sealed, SealError> {
    if let Some(sealed) = existing(request)? {
        return Ok(sealed);
    }
    let sources = sources(request)?;
    let written = |source| SealError::Write { path: request.destination.to_owned(), source };
    let folder = match request.destination.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let name = request.destination.file_name().ok_or_else(|| written(io::ErrorKind::InvalidInput.into()))?;
    let temporary = partial::begin(folder, name).map_err(written)?;
    failpoint("seal.temporary");

    let (sha256, size) = write_container(request, &sources, &temporary)?;
    failpoint("seal.written");
    temporary.as_file().sync_all().map_err(written)?;
    failpoint("seal.synced");
    match temporary.persist_noclobber(request.destination) {
        Ok(_) => {}
        // Another worker was faster; what it left must be this case's evidence, or it is an error.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return existing(request)?.ok_or_else(|| written(error.error));
        }
        Err(error) => return Err(written(error.error)),
    }
    failpoint("seal.named");
    sync_folder(folder).map_err(written)?;
    Ok(Sealed { path: request.destination.to_owned(), sha256, size, already_sealed: false })
}

/// What lies under the destination's name already.
fn existing(request: &SealRequest<'_>) -> Result<Option<Sealed>, SealError> {
    let path = request.destination.to_owned();
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SealError::Write { path, source }),
        Ok(found) if !found.file_type().is_file() => {
            return Err(SealError::Taken { path, why: "not a regular file".to_owned() });
        }
        Ok(_) => {}
    }
    match verify(&path) {
        Ok(report) => match report.problems.first() {
            None if report.manifest.as_ref().is_some_and(|manifest| is_this(manifest, request)) => {
                Ok(Some(Sealed { path, sha256: report.sha256, size: report.size, already_sealed: true }))
            }
            None => {
                let ours = report.manifest.as_ref().is_some_and(|found| found.case_id == request.case_id);
                let why = if ours { "another container of this case" } else { "evidence of another case" };
                Err(SealError::Taken { path, why: why.to_owned() })
            }
            Some(problem) => Err(SealError::Taken { path, why: problem.to_string() }),
        },
        Err(VerifyError::Io(source)) => Err(SealError::Write { path, source }),
        Err(error) => Err(SealError::Taken { path, why: error.to_string() }),
    }
}

/// Whether a container is the one that is asked for: this case's, and the first or the further one of it.
fn is_this(manifest: &Manifest, request: &SealRequest<'_>) -> bool {
    manifest.case_id == request.case_id && manifest.supplement.as_ref() == request.supplement
}

/// Where the content of an entry comes from.
enum Source<'r> {
    Staged(Staged),
    Bytes(&'r str, &'r [u8]),
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Staged(staged) => &staged.name,
            Self::Bytes(name, _) => name,
        }
    }
}

/// Everything that will be an entry, in the order of the names.
fn sources<'r>(request: &SealRequest<'r>) -> Result<Vec<Source<'r>>, SealError> {
    let mut sources: Vec<Source<'r>> =
        staging::list(request.staging)?.into_iter().map(Source::Staged).collect();
    sources.extend(request.extra.iter().map(|(name, bytes)| Source::Bytes(name, bytes)));
    sources.sort_by(|a, b| a.name().cmp(b.name()));
    check_names(sources.iter().map(Source::name), &heading(request)).map_err(SealError::Manifest)?;
    Ok(sources)
}

/// Writes the whole container and returns its SHA-256 and size.
fn write_container(
    request: &SealRequest<'_>,
    sources: &[Source<'_>],
    temporary: &NamedTempFile,
) -> Result<(String, u64), SealError> {
    let written = |source| SealError::Write { path: request.destination.to_owned(), source };
    let zip_written = |error: zip::result::ZipError| written(error.into());
    let (date, time) = dos_time(request.sealed_at);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(
            DateTime::try_from_msdos(date, time).map_err(|_| written(io::ErrorKind::InvalidInput.into()))?,
        )
        .unix_permissions(UNIX_MODE)
        .system(System::Unix);
    let mut zip = ZipWriter::new(temporary.as_file());
    let mut entries = Vec::with_capacity(sources.len());
    for source in sources {
        failpoint("seal.entry");
        entries.push(match source {
            Source::Bytes(name, bytes) => {
                zip.start_file(*name, options.large_file(bytes.len() as u64 >= LARGE))
                    .map_err(zip_written)?;
                zip.write_all(bytes).map_err(written)?;
                entry(name, bytes.len() as u64, HEXLOWER.encode(&Sha256::digest(bytes)))
            }
            Source::Staged(staged) => {
                let (mut file, size) = staging::open(staged)?;
                let options = if size >= FAST { options.compression_level(Some(1)) } else { options };
                zip.start_file(staged.name.as_str(), options.large_file(size >= LARGE))
                    .map_err(zip_written)?;
                let sha256 = copy(&mut file, size, &mut zip, staged, written)?;
                entry(&staged.name, size, sha256)
            }
        });
    }

    // Beginning the manifest's entry completes the header of the one before, so that what precedes it is final.
    let mut read_back = File::open(temporary.path()).map_err(written)?;
    zip.start_file(MANIFEST_PATH, options.compression_method(CompressionMethod::Stored))
        .map_err(zip_written)?;
    let header_bytes = 30 + MANIFEST_PATH.len() as u64;
    let preceding_bytes = read_back.seek(SeekFrom::End(0)).map_err(written)?.saturating_sub(header_bytes);
    read_back.seek(SeekFrom::Start(0)).map_err(written)?;
    let mut sha256 = Sha256::new();
    hash_into(&mut sha256, &mut (&mut read_back).take(preceding_bytes)).map_err(written)?;
    let preceding = Preceding { size: preceding_bytes, sha256: HEXLOWER.encode(&sha256.clone().finalize()) };

    let manifest = heading(request).manifest(entries, preceding);
    check(&manifest).map_err(SealError::Manifest)?;
    let bytes = manifest.to_bytes().map_err(|error| written(error.into()))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(SealError::TooMuch);
    }
    zip.write_all(&bytes).map_err(written)?;
    failpoint("seal.manifest");
    zip.finish().map_err(zip_written)?;

    hash_into(&mut sha256, &mut read_back).map_err(written)?;
    let size = read_back.stream_position().map_err(written)?;
    Ok((HEXLOWER.encode(&sha256.finalize()), size))
}

/// Copies one staged file into the zip and hashes it on the way. It must have exactly the size that it was opened with.
fn copy(
    file: &mut File,
    size: u64,
    zip: &mut impl Write,
    staged: &Staged,
    written: impl Fn(io::Error) -> SealError,
) -> Result<String, SealError> {
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0_u64;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(SealError::Staged { path: staged.path.clone(), source }),
        };
        copied += count as u64;
        if copied > size {
            break;
        }
        sha256.update(&buffer[..count]);
        zip.write_all(&buffer[..count]).map_err(&written)?;
    }
    if copied != size {
        return Err(SealError::Changed(staged.path.clone()));
    }
    Ok(HEXLOWER.encode(&sha256.finalize()))
}

fn heading<'r>(request: &SealRequest<'r>) -> Heading<'r> {
    Heading {
        case_id: request.case_id,
        tool: request.tool,
        sealed_at: request.sealed_at,
        supplement: request.supplement,
        collection: request.collection,
    }
}

/// Makes the new name itself survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
