//! Proves a container: offline, streaming, and without trusting any number in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use data_encoding::HEXLOWER;
use flate2::Crc;
use investigation::evidence::manifest::{
    Entry, MANIFEST_PATH, MAX_ENTRY_BYTES, MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestFault,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::layout::{self, Located};
use super::problem::{Problem, VerifyError};
use super::unpack::{Content, DEFLATE_RATIO, unpack};
use super::{CHUNK, dos_time};

/// What a container is and everything that is wrong with it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The manifest, to be believed as far as `problems` allow; `None` where it was damaged beyond reading.
    pub manifest: Option<Manifest>,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the whole file, lower-case hex: what tickets and mails quote.
    pub sha256: String,
    /// Bytes of content that were unpacked and hashed.
    pub checked: u64,
    /// Everything that is wrong. Empty: the container is as it was sealed.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing at all is wrong.
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Proves a container against its own manifest.
///
/// Whoever can rewrite the whole file can also rewrite the manifest: that it is *the* file which was sealed is shown
/// by [`Report::sha256`] against the case, the ticket or the mail.
///
/// # Errors
/// When the file cannot be read as evidence at all; everything short of that is in [`Report::problems`].
pub fn verify(path: &Path) -> Result<Report, VerifyError> {
    let (mut file, size) = open_file(path)?;
    verify_in(&mut file, size)
}

/// Opens a regular file; opening a pipe would wait for its writer. With its size in bytes.
pub(super) fn open_file(path: &Path) -> Result<(File, u64), VerifyError> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(VerifyError::NotAFile);
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// [`verify`] for a container of `size` bytes that lies anywhere. Every byte is read twice, and memory does not grow.
///
/// # Errors
/// As [`verify`]; [`VerifyError::Io`] is whatever `file` fails with.
pub fn verify_in<F: Read + Seek>(file: &mut F, size: u64) -> Result<Report, VerifyError> {
    let mut problems = Vec::new();
    let located = layout::read(file, size, &mut problems)?;
    let manifest_at =
        located.iter().rposition(|entry| entry.name == MANIFEST_PATH).ok_or(VerifyError::NoManifest)?;
    let manifest = read_manifest(file, &located[manifest_at], &mut problems)?;
    let (sha256, preceding) = hash_file(file, located[manifest_at].header_start)?;
    let mut report = Report { manifest: None, size, sha256, checked: 0, problems };
    let Some(manifest) = manifest else { return Ok(report) };

    let problems = &mut report.problems;
    if manifest_at + 1 != located.len() {
        problems
            .push(Problem::Structure { path: Some(MANIFEST_PATH.to_owned()), what: "is not the last entry" });
    }
    let faults = manifest.faults();
    let absurd = faults.iter().any(|fault| {
        matches!(
            fault,
            ManifestFault::TotalTooLarge
                | ManifestFault::TooManyEntries(_)
                | ManifestFault::EntryTooLarge { .. }
        )
    });
    problems.extend(faults.into_iter().map(Problem::from));
    compare_listings(&manifest, &located, problems);
    if !absurd {
        report.checked = check_contents(file, &manifest, &located, problems)?;
    }
    let as_sealed = manifest.preceding.size == located[manifest_at].header_start
        && manifest.preceding.sha256 == preceding;
    if !as_sealed && problems.is_empty() {
        problems.push(Problem::Preceding);
    }
    report.manifest = Some(manifest);
    Ok(report)
}

/// Reads and parses the manifest, which lies unpacked in the container. `None` where it cannot be read because its
/// bytes are not those that were written; one that was written like that is an error.
fn read_manifest<F: Read + Seek>(
    file: &mut F,
    entry: &Located,
    problems: &mut Vec<Problem>,
) -> Result<Option<Manifest>, VerifyError> {
    if entry.packed > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge.into());
    }
    if entry.method != 0 || entry.packed != entry.size {
        return Err(VerifyError::ManifestDamaged);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(entry.data_start))?;
    file.by_ref().take(entry.packed).read_to_end(&mut bytes)?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    if crc.sum() == entry.crc32 {
        return Ok(Some(Manifest::parse(&bytes)?));
    }
    problems.push(Problem::Changed { path: MANIFEST_PATH.to_owned() });
    Ok(Manifest::parse(&bytes).ok())
}

/// Names against names, and what the headers say of each against what follows from the manifest.
fn compare_listings(manifest: &Manifest, located: &[Located], problems: &mut Vec<Problem>) {
    let listed: BTreeSet<&str> = manifest.entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut held = BTreeSet::new();
    let time = dos_time(manifest.sealed_at);
    for entry in located {
        let path = || entry.name.clone();
        if !held.insert(entry.name.as_str()) {
            problems.push(Problem::Duplicate { path: path() });
        }
        if entry.name != MANIFEST_PATH && !listed.contains(entry.name.as_str()) {
            problems.push(Problem::Extra { path: path() });
        }
        if entry.dos_time != time {
            problems
                .push(Problem::Structure { path: Some(path()), what: "its time is not that of the sealing" });
        }
    }
    for entry in &manifest.entries {
        if !held.contains(entry.path.as_str()) {
            problems.push(Problem::Missing { path: entry.path.clone() });
        }
    }
    let in_order = located.iter().map(|entry| &entry.name).filter(|name| *name != MANIFEST_PATH);
    if problems.is_empty() && !in_order.eq(manifest.entries.iter().map(|entry| &entry.path)) {
        problems.push(Problem::Structure { path: None, what: "the entries are not in the manifest's order" });
    }
}

/// Unpacks and hashes every entry that the manifest names; returns the number of bytes.
fn check_contents<F: Read + Seek>(
    file: &mut F,
    manifest: &Manifest,
    located: &[Located],
    problems: &mut Vec<Problem>,
) -> Result<u64, VerifyError> {
    // Of entries with one name the last counts, as it does for most programs that unpack.
    let by_name: BTreeMap<&str, &Located> =
        located.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let mut checked = 0;
    for entry in &manifest.entries {
        let Some(place) = by_name.get(entry.path.as_str()) else { continue };
        let path = || entry.path.clone();
        let compressed = place.packed;
        if entry.size > MAX_ENTRY_BYTES || entry.size / DEFLATE_RATIO > compressed {
            problems.push(Problem::Bomb { path: path(), expected: entry.size, compressed });
            continue;
        }
        match content(file, entry, place)? {
            Content::Read { size, .. } if size != entry.size => {
                problems.push(Problem::SizeDiffers { path: path(), expected: entry.size, found: size });
            }
            Content::Read { sha256, .. } if sha256 != entry.sha256 => {
                problems.push(Problem::Changed { path: path() });
            }
            Content::Read { size, crc32, whole, .. } => {
                if crc32 != place.crc32 || size != place.size || !whole {
                    let what = "its headers do not fit its content";
                    problems.push(Problem::Structure { path: Some(path()), what });
                }
            }
            Content::Undecodable => problems.push(Problem::Undecodable { path: path() }),
        }
        checked += entry.size;
    }
    Ok(checked)
}

/// Unpacks one entry, at most one byte more than the manifest says.
fn content<F: Read + Seek>(file: &mut F, entry: &Entry, place: &Located) -> io::Result<Content> {
    file.seek(SeekFrom::Start(place.data_start))?;
    let packed = BufReader::with_capacity(CHUNK, file.take(place.packed));
    unpack(packed, place.packed, place.method, entry.size, &mut io::sink())
}

/// SHA-256 of the whole file and of its first `split` bytes, lower-case hex, in one pass.
fn hash_file<F: Read + Seek>(file: &mut F, split: u64) -> io::Result<(String, String)> {
    file.seek(SeekFrom::Start(0))?;
    let mut sha256 = Sha256::new();
    hash_into(&mut sha256, &mut file.by_ref().take(split))?;
    let preceding = HEXLOWER.encode(&sha256.clone().finalize());
    hash_into(&mut sha256, file)?;
    Ok((HEXLOWER.encode(&sha256.finalize()), preceding))
}

/// Feeds everything that can be read into a hash.
pub(super) fn hash_into(sha256: &mut Sha256, from: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => sha256.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
