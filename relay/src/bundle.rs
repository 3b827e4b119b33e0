//! Packs what an order left into one zip: the report first, then every staged file, listed in the report with size and
//! SHA-256. Memory does not grow with the evidence.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use collector::COLLECTION_ENTRY;
use data_encoding::HEXLOWER;
use investigation::evidence::manifest::{Entry, MAX_ENTRIES, check_path, media_type};
use investigation::order::{REPORT_PATH, RelayReport};
use investigation::remediation::MEASURES_PATH;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, System, ZipWriter};

/// Bytes moved at a time.
const CHUNK: usize = 64 << 10;
/// From this size on an entry gets 64-bit sizes. Below 4 GiB, as the packed form can be a little larger.
const LARGE: u64 = 0xF000_0000;
/// From this size on, an entry is packed fast instead of small: images of memory have GiB.
const FAST: u64 = 64 << 20;
/// Permissions of every entry: a regular file, readable by all. Those of the staging folder mean nothing elsewhere.
const UNIX_MODE: u32 = 0o100_644;
/// Where everything but the records lies.
const ARTIFACTS: &str = "artifacts/";

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// A staged file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Staged {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something lies in the staging folder that no collector puts there: a link, a device, another name.
    #[error("{} is not packed: {why}", path.display())]
    Stranger {
        /// Which.
        path: PathBuf,
        /// Why, a few words.
        why: &'static str,
    },
    /// A staged file changed while it was packed.
    #[error("{} changed while it was packed", .0.display())]
    Changed(PathBuf),
    /// The bundle cannot be written.
    #[error("the bundle cannot be written")]
    Write(#[source] io::Error),
    /// It came out larger than may be uploaded.
    #[error("the bundle has {size} bytes, more than [transfer] bundle_bytes = {most}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The most.
        most: u64,
    },
    /// Nobody waits for it any more.
    #[error("stopped")]
    Stopped,
}

impl PackError {
    /// Whether the same order can succeed later without anybody changing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. } | Self::Stranger { .. })
    }
}

/// One staged file.
struct Staged {
    name: String,
    path: PathBuf,
}

/// Packs a staging folder behind its report, whose `entries` are filled in. Returns the size of the bundle.
///
/// # Errors
/// See [`PackError`]. What was written by then is left where it is.
pub(crate) fn pack(
    staging: &Path,
    mut report: RelayReport,
    destination: &Path,
    most: u64,
    stopped: &AtomicBool,
) -> Result<u64, PackError> {
    let staged = list(staging)?;
    // What comes first must say what follows, so that everything is read twice.
    report.entries = staged.iter().map(|file| describe(file, stopped)).collect::<Result<_, _>>()?;
    let out = File::create_new(destination).map_err(PackError::Write)?;
    let mut zip = begin(out, &report)?;
    for (file, entry) in staged.iter().zip(&report.entries) {
        let options = options().large_file(entry.size >= LARGE);
        let options = if entry.size >= FAST { options.compression_level(Some(1)) } else { options };
        zip.start_file(file.name.as_str(), options).map_err(zip_written)?;
        let (mut from, _) = open(file)?;
        let again = copy(&mut from, file, &mut zip, stopped)?;
        if again != (entry.size, entry.sha256.clone()) {
            return Err(PackError::Changed(file.path.clone()));
        }
    }
    let out = zip.finish().map_err(zip_written)?;
    let size = out.metadata().map_err(PackError::Write)?.len();
    if size > most { Err(PackError::TooLarge { size, most }) } else { Ok(size) }
}

/// Packs a report alone, in memory: a full disk must not keep it from being sent.
///
/// # Errors
/// None in practice.
pub(crate) fn pack_report(report: &RelayReport) -> Result<Vec<u8>, PackError> {
    let zip = begin(Cursor::new(Vec::new()), report)?;
    Ok(zip.finish().map_err(zip_written)?.into_inner())
}

/// A zip with the report in it.
fn begin<W: Write + Seek>(out: W, report: &RelayReport) -> Result<ZipWriter<W>, PackError> {
    let mut zip = ZipWriter::new(out);
    let mut bytes = serde_json::to_vec_pretty(report).map_err(|error| PackError::Write(error.into()))?;
    bytes.push(b'\n');
    zip.start_file(REPORT_PATH, options()).map_err(zip_written)?;
    zip.write_all(&bytes).map_err(PackError::Write)?;
    Ok(zip)
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(UNIX_MODE)
        .system(System::Unix)
}

/// Every file that the collector left, its record first, then by name.
fn list(root: &Path) -> Result<Vec<Staged>, PackError> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let unreadable = |source| PackError::Staged { path: folder.clone(), source };
        for item in fs::read_dir(&folder).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let path = item.path();
            let stranger = |why| PackError::Stranger { path: path.clone(), why };
            let name = item.file_name();
            let name = name.to_str().ok_or_else(|| stranger("its name is not UTF-8"))?;
            let name = format!("{prefix}{name}");
            check_path(&name).map_err(|_| stranger("its name is not one of an entry"))?;
            // The type of the entry itself: a link is not followed.
            let kind = item.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                folders.push((path, format!("{name}/")));
            } else if !kind.is_file() {
                return Err(stranger("it is not a regular file"));
            } else if ![COLLECTION_ENTRY, MEASURES_PATH].contains(&name.as_str())
                && !name.starts_with(ARTIFACTS)
            {
                return Err(stranger("no collector makes it"));
            } else {
                files.push(Staged { name, path });
            }
            if files.len() + folders.len() > MAX_ENTRIES {
                return Err(PackError::Stranger { path: root.to_owned(), why: "it holds too many files" });
            }
        }
    }
    files.sort_by(|a, b| (a.name != COLLECTION_ENTRY, &a.name).cmp(&(b.name != COLLECTION_ENTRY, &b.name)));
    Ok(files)
}

/// Size and hash of one file.
fn describe(file: &Staged, stopped: &AtomicBool) -> Result<Entry, PackError> {
    let (mut from, size) = open(file)?;
    let (read, sha256) = copy(&mut from, file, &mut io::sink(), stopped)?;
    if read != size {
        return Err(PackError::Changed(file.path.clone()));
    }
    Ok(Entry { path: file.name.clone(), size, sha256, media_type: media_type(&file.name).to_owned() })
}

/// Opens a staged file and makes sure that it is a regular file and not a link that was put in its place meanwhile.
fn open(file: &Staged) -> Result<(File, u64), PackError> {
    let failed = |source| PackError::Staged { path: file.path.clone(), source };
    let listed = fs::symlink_metadata(&file.path).map_err(failed)?;
    if !listed.file_type().is_file() {
        return Err(PackError::Stranger { path: file.path.clone(), why: "it is not a regular file" });
    }
    let opened = File::open(&file.path).map_err(failed)?;
    let found = opened.metadata().map_err(failed)?;
    if !is_same(&listed, &found) {
        return Err(PackError::Changed(file.path.clone()));
    }
    Ok((opened, found.len()))
}

#[cfg(unix)]
fn is_same(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}

/// Copies one file and hashes it on the way. Returns how much that was.
fn copy(
    from: &mut File,
    file: &Staged,
    to: &mut impl Write,
    stopped: &AtomicBool,
) -> Result<(u64, String), PackError> {
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0_u64;
    loop {
        if stopped.load(Ordering::Relaxed) {
            return Err(PackError::Stopped);
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(PackError::Staged { path: file.path.clone(), source }),
        };
        copied += count as u64;
        sha256.update(&buffer[..count]);
        to.write_all(&buffer[..count]).map_err(PackError::Write)?;
    }
    Ok((copied, HEXLOWER.encode(&sha256.finalize())))
}

fn zip_written(error: zip::result::ZipError) -> PackError {
    PackError::Write(error.into())
}

#[cfg(test)]
pub(crate) mod tests;
