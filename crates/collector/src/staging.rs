//! The folder that a collection is written into: raw outputs under caps, parsed forms, and last of all
//! `collection.json`, so that a folder that has it is whole.

mod image;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use investigation::evidence::{ArtifactKind, Collection};
use investigation::remediation::{MEASURES_PATH, MeasureOutcome};
use serde::Serialize;

use crate::contact_error::ContactError;

pub(crate) use image::{Fault, ImageFile, NOISE, Taken};

/// Name of the file whose presence says that the folder is whole.
pub const COLLECTION_ENTRY: &str = "collection.json";
const PARTIAL_ENTRY: &str = "collection.json.partial";
const ARTIFACTS: &str = "artifacts";
const RAW: &str = "artifacts/raw";

/// A staging folder.
#[derive(Clone, Debug)]
pub(crate) struct Staging {
    root: PathBuf,
}

impl Staging {
    /// Takes over `root`, which must exist. An earlier, half-done try in it is discarded; nothing else in it is
    /// touched.
    pub(crate) fn open(root: &Path) -> Result<Self, ContactError> {
        let staging = Self { root: root.to_owned() };
        for file in [COLLECTION_ENTRY, PARTIAL_ENTRY, MEASURES_PATH] {
            let path = root.join(file);
            absent_is_fine(fs::remove_file(&path)).map_err(|e| failed(&path, e))?;
        }
        let artifacts = root.join(ARTIFACTS);
        absent_is_fine(fs::remove_dir_all(&artifacts)).map_err(|e| failed(&artifacts, e))?;
        let raw = root.join(RAW);
        fs::create_dir(&artifacts).and_then(|()| fs::create_dir(&raw)).map_err(|e| failed(&raw, e))?;
        Ok(staging)
    }

    /// Entry name of the raw output of one kind, as the container spells it.
    pub(crate) fn raw_entry(kind: ArtifactKind) -> String {
        format!("{RAW}/{}.stdout", kind.as_str())
    }

    /// As [`Self::raw_entry`], for one of several commands that a kind is read by.
    pub(crate) fn raw_entry_of(kind: ArtifactKind, command: &str) -> String {
        format!("{RAW}/{}-{command}.stdout", kind.as_str())
    }

    /// Opens a raw output for writing, with a cap in bytes.
    pub(crate) fn raw_output(&self, entry: &str, cap: u64) -> Result<RawOutput, ContactError> {
        let path = self.path(entry);
        let file = File::create(&path).map_err(|e| failed(&path, e))?;
        let to = To::Disk(BufWriter::with_capacity(64 << 10, file), path);
        Ok(RawOutput { to, written: 0, cap, stall: None })
    }

    /// Writes one parsed form.
    pub(crate) fn write_parsed(
        &self,
        kind: ArtifactKind,
        parsed: &impl Serialize,
    ) -> Result<(), ContactError> {
        let path = self.path(&kind.parsed_entry());
        write_json(&path, parsed).map(drop).map_err(|e| failed(&path, e))
    }

    /// Writes what became of measures.
    pub(crate) fn write_measures(&self, outcomes: &[MeasureOutcome]) -> Result<(), ContactError> {
        let path = self.path(MEASURES_PATH);
        let written = write_json(&path, &outcomes).and_then(|file| file.sync_all());
        written.map_err(|e| failed(&path, e))
    }

    /// Makes the folder whole.
    pub(crate) fn finish(&self, collection: &Collection) -> Result<(), ContactError> {
        let partial = self.path(PARTIAL_ENTRY);
        let whole = self.path(COLLECTION_ENTRY);
        let write = || {
            write_json(&partial, collection)?.sync_all()?;
            fs::rename(&partial, &whole)?;
            // The rename itself is only safe once the folder is.
            #[cfg(unix)]
            File::open(&self.root)?.sync_all()?;
            Ok(())
        };
        write().map_err(|e| failed(&whole, e))
    }

    /// Full path of an entry.
    pub(crate) fn path(&self, entry: &str) -> PathBuf {
        self.root.join(entry)
    }
}

/// The raw output of one artifact on its way to disk; or an answer that is no evidence, which stays in memory.
#[derive(Debug)]
pub(crate) struct RawOutput {
    to: To,
    written: u64,
    cap: u64,
    stall: Option<Duration>,
}

#[derive(Debug)]
enum To {
    Disk(BufWriter<File>, PathBuf),
    Memory(Vec<u8>),
    Image(Box<ImageFile>),
}

impl RawOutput {
    /// In memory, with a cap in bytes.
    pub(crate) fn memory(cap: u64) -> Self {
        Self { to: To::Memory(Vec::new()), written: 0, cap, stall: None }
    }

    /// Into an image, with a cap in bytes, and given up after so long a silence.
    pub(crate) fn image(image: ImageFile, cap: u64, stall: Duration) -> Self {
        Self { to: To::Image(Box::new(image)), written: 0, cap, stall: Some(stall) }
    }

    /// The image that it goes into.
    pub(crate) fn into_image(self) -> Option<ImageFile> {
        match self.to {
            To::Image(image) => Some(*image),
            To::Disk(..) | To::Memory(_) => None,
        }
    }

    /// How long nothing may come before that is the end of it.
    pub(crate) fn stall(&self) -> Option<Duration> {
        self.stall
    }

    /// What is kept in memory.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self.to {
            To::Memory(bytes) => bytes,
            To::Disk(..) | To::Image(_) => Vec::new(),
        }
    }

    /// Keeps as much of `bytes` as the cap allows. False once the cap is reached and something was left out.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<bool, ContactError> {
        let room = usize::try_from(self.cap - self.written).unwrap_or(usize::MAX);
        let kept = &bytes[..bytes.len().min(room)];
        match &mut self.to {
            To::Disk(file, path) => file.write_all(kept).map_err(|e| failed(path, e))?,
            To::Memory(bytes) => bytes.extend_from_slice(kept),
            To::Image(image) => {
                if !image.write(kept) {
                    return Ok(false);
                }
            }
        }
        self.written += kept.len() as u64;
        Ok(kept.len() == bytes.len())
    }

    /// Bytes kept.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Hands everything to the file system; returns where it is, which is nowhere for what is in memory.
    pub(crate) fn close(self) -> Result<PathBuf, ContactError> {
        match self.to {
            To::Disk(mut file, path) => {
                file.flush().map_err(|e| failed(&path, e))?;
                Ok(path)
            }
            To::Memory(_) | To::Image(_) => Ok(PathBuf::new()),
        }
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<File> {
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(path: &Path, source: io::Error) -> ContactError {
    ContactError::Staging { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_try_is_discarded_and_strangers_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("artifacts/raw/deep")).unwrap();
        fs::write(dir.path().join("artifacts/raw/deep/old"), "old").unwrap();
        fs::write(dir.path().join("collection.json"), "{}").unwrap();
        fs::write(dir.path().join("alert.json"), "{}").unwrap();
        Staging::open(dir.path()).unwrap();
        assert!(!dir.path().join("collection.json").exists());
        assert!(!dir.path().join("artifacts/raw/deep").exists());
        assert!(dir.path().join("alert.json").exists());
    }

    #[test]
    fn the_cap_cuts_the_raw_output_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path()).unwrap();
        let mut out = staging.raw_output(&Staging::raw_entry(ArtifactKind::Processes), 5).unwrap();
        assert!(out.write(b"abc").unwrap());
        assert!(!out.write(b"defg").unwrap());
        assert!(!out.write(b"h").unwrap());
        assert_eq!(out.written(), 5);
        assert_eq!(fs::read(out.close().unwrap()).unwrap(), b"abcde");
    }

    #[test]
    fn a_missing_folder_is_our_own_failure() {
        let error = Staging::open(Path::new("/nonexistent/staging")).unwrap_err();
        assert_eq!(error.code(), "staging");
        assert!(error.retryable());
    }
}
