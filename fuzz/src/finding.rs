//! An input that breaks a promise, on disk and back.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Hexadecimal digits in one line of a file.
const WIDTH: usize = 96;

/// One input and what it broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The target.
    pub target: &'static str,
    /// What went wrong, and where.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

impl Finding {
    /// Writes the input as hexadecimal text into `folder`; the file's name follows from the input.
    ///
    /// # Errors
    /// Where the folder or the file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let digest = HEXLOWER.encode(&Sha256::digest(&self.input)[..6]);
        let path = folder.join(format!("{}-{digest}.hex", self.target));
        let mut text = String::new();
        for line in self.what.lines().take(20) {
            let _ = writeln!(text, "# {}", investigation::text::one_line(line, 300));
        }
        let digits = HEXLOWER.encode(&self.input);
        for line in digits.as_bytes().chunks(WIDTH) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Reads an input: hexadecimal text where the file's name ends in `.hex`, else the bytes as they are.
///
/// # Errors
/// Where it cannot be read, or is not hexadecimal.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    if path.extension().is_none_or(|ending| ending != "hex") {
        return Ok(bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let digits: String =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_ascii_whitespace).collect();
    HEXLOWER.decode(digits.as_bytes()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let input: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let finding = Finding { target: "alert", what: "panicked\n# \u{1b}[2J".to_owned(), input };
        let path = finding.write(folder.path()).expect("written");
        assert_eq!(read(&path).expect("read"), finding.input);
        let text = fs::read_to_string(path).expect("text");
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
    }
}
