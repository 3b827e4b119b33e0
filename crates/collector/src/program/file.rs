//! The files of the program, as they are sent: read once, and used only where they are the very ones that were meant.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use investigation::policy::{PinnedFile, Program};
use sha2::{Digest as _, Sha256};

use super::{MARK, frame};
use crate::contact_error::SetupError;

/// Largest file, in bytes.
const FILE_CAP: u64 = 64 << 20;

/// What is sent to endpoints, by their system.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    pub(crate) windows: Option<ProgramFile>,
    pub(crate) linux: Option<ProgramFile>,
}

impl Programs {
    /// Reads what a policy or a relay's configuration names. `path` makes a path absolute.
    ///
    /// # Errors
    /// Where a file cannot be read, has another hash, or is no program of that system.
    pub fn load(section: &Program, path: impl Fn(&str) -> PathBuf) -> Result<Self, SetupError> {
        let load = |pinned: &Option<PinnedFile>, kind| {
            pinned
                .as_ref()
                .map(|pinned| ProgramFile::load(&path(&pinned.file), &pinned.sha256, kind))
                .transpose()
        };
        Ok(Self {
            windows: load(&section.windows, Executable::Windows)?,
            linux: load(&section.linux, Executable::Linux)?,
        })
    }
}

/// One program, as it is sent.
#[derive(Clone)]
pub struct ProgramFile {
    pub(crate) bytes: Arc<[u8]>,
    /// Lower-case hex.
    pub(crate) sha256: String,
    pub(crate) version: String,
}

impl fmt::Debug for ProgramFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, sha256, version } = self;
        f.debug_struct("ProgramFile")
            .field("bytes", &bytes.len())
            .field("sha256", sha256)
            .field("version", version)
            .finish()
    }
}

/// What the system that it is for runs.
#[derive(Clone, Copy)]
enum Executable {
    Windows,
    Linux,
}

impl ProgramFile {
    fn load(file: &Path, sha256: &str, kind: Executable) -> Result<Self, SetupError> {
        let wrong = |detail: String| SetupError::Program { file: file.to_owned(), detail };
        let mut bytes = Vec::new();
        let read = std::fs::File::open(file).and_then(|open| open.take(FILE_CAP + 1).read_to_end(&mut bytes));
        read.map_err(|error| wrong(format!("cannot be read ({error}); name a file that is there")))?;
        if bytes.len() as u64 > FILE_CAP {
            return Err(wrong(format!("is larger than {} MiB, which no such program is", FILE_CAP >> 20)));
        }
        let found = HEXLOWER.encode(&Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(wrong(format!(
                "has the SHA-256 {found}, which is not the one that is named; find out who changed it, or name the new one"
            )));
        }
        if !kind.fits(&bytes) {
            return Err(wrong(format!("is no {} for x86_64", kind.name())));
        }
        let version = version(&bytes)
            .ok_or_else(|| wrong(format!("is no {} of a version that is understood here", super::NAME)))?;
        Ok(Self { bytes: bytes.into(), sha256: found, version })
    }
}

impl Executable {
    fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows program",
            Self::Linux => "Linux program",
        }
    }

    /// Whether a file begins as such a program does (PE/COFF 3.3, ELF 1.2).
    fn fits(self, bytes: &[u8]) -> bool {
        let number = |at: usize| {
            let bytes = bytes.get(at..at.checked_add(2)?)?;
            Some(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        match self {
            Self::Windows => {
                let header = number(0x3c).map_or(0, usize::from);
                bytes.starts_with(b"MZ")
                    && bytes.get(header..).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
                    && number(header + 4) == Some(0x8664)
            }
            Self::Linux => bytes.starts_with(b"\x7fELF\x02\x01") && number(18) == Some(62),
        }
    }
}

/// The version that the program will call itself by: its first line lies in its file as it is.
fn version(bytes: &[u8]) -> Option<String> {
    let mark = MARK.as_bytes();
    let places = bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    let mut versions = places.filter_map(|(at, _)| {
        let rest = &bytes[at + mark.len()..];
        let end = rest.iter().take(64).position(|&b| b == b'\n')?;
        frame::version(&rest[..=end])
    });
    versions.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], sha256: Option<&str>, kind: Executable) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("program");
        std::fs::write(&file, bytes).unwrap();
        let own = HEXLOWER.encode(&Sha256::digest(bytes));
        ProgramFile::load(&file, sha256.unwrap_or(&own), kind).map(|_| ()).unwrap_err().to_string()
    }

    fn elf(tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([62, 0]);
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn only_the_very_file_that_was_meant_is_taken() {
        let bytes = elf(b"....peerhound-collect/1 .peerhound-collect/1 9.8.7\n....");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("program");
        std::fs::write(&file, &bytes).unwrap();
        let hash = HEXLOWER.encode(&Sha256::digest(&bytes));
        let section = Program {
            linux: Some(PinnedFile { file: "program".into(), sha256: hash.to_uppercase() }),
            windows: None,
        };
        let programs = Programs::load(&section, |name| dir.path().join(name)).unwrap();
        let loaded = programs.linux.unwrap();
        assert_eq!((loaded.version.as_str(), &loaded.sha256), ("9.8.7", &hash));
        assert!(programs.windows.is_none());
        // One bit, and it is another program.
        let mut changed = bytes;
        changed[20] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        let error = Programs::load(&section, |name| dir.path().join(name)).unwrap_err().to_string();
        assert!(error.contains("not the one that is named") && error.contains("program"), "{error}");
    }

    #[test]
    fn what_is_no_such_program_is_refused_with_a_line() {
        let mark = b"peerhound-collect/1 0.1.0\n";
        assert!(refused(mark, None, Executable::Linux).contains("no Linux program"));
        assert!(refused(&elf(mark), None, Executable::Windows).contains("no Windows program"));
        assert!(refused(b"MZ", None, Executable::Windows).contains("no Windows program"));
        assert!(refused(&elf(b""), None, Executable::Linux).contains("understood"));
        assert!(
            refused(&elf(b"peerhound-collect/2 0.1.0\n"), None, Executable::Linux).contains("understood")
        );
        assert!(refused(&elf(mark), Some(&"0".repeat(64)), Executable::Linux).contains("SHA-256"));
        let missing = ProgramFile::load(Path::new("/nonexistent"), "", Executable::Linux).unwrap_err();
        assert!(missing.to_string().contains("cannot be read"), "{missing}");
    }
}
