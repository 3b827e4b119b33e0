//! The input that runs just now, kept outside the process: one that ends the process (a stack that overflows, memory
//! that is not there, a loop without end) is found there afterwards.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Bytes of the length in front of the input.
const LENGTH: usize = 8;

/// An open black box.
#[derive(Debug)]
pub(crate) struct BlackBox(File);

impl BlackBox {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Self(file))
    }

    /// Notes the input that runs next. What an earlier, longer one left behind it does not count.
    pub(crate) fn note(&mut self, input: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(LENGTH + input.len());
        bytes.extend_from_slice(&(input.len() as u64).to_le_bytes());
        bytes.extend_from_slice(input);
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&bytes)
    }
}

/// The input that ran last.
pub(crate) fn last(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut length = [0; LENGTH];
    file.read_exact(&mut length)?;
    let mut input = Vec::new();
    file.take(u64::from_le_bytes(length)).read_to_end(&mut input)?;
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_input_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("box");
        let mut noted = BlackBox::create(&path).expect("a file");
        for input in [&b"a longer one"[..], b"short", b""] {
            noted.note(input).expect("written");
            assert_eq!(last(&path).expect("read"), input);
        }
    }
}
