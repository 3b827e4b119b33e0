//! Small files of text.

use std::fs::File;
use std::io::{self, Read as _};

use investigation::evidence::ArtifactStatus;
use jiff::Timestamp;

use super::super::folders::moment;
use crate::artifact::tally::Tally;

/// Most bytes of one file that are read.
const CAP: u64 = 4 << 20;

/// What is in a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) content: String,
    pub(crate) modified: Option<Timestamp>,
    /// There is more.
    pub(crate) cut: bool,
}

/// Where files are read.
pub(crate) trait Texts {
    /// One file, up to the cap.
    fn text(&self, path: &str) -> io::Result<Text>;
}

/// The disks of this machine.
#[derive(Debug)]
pub(crate) struct ThisDisk;

impl Texts for ThisDisk {
    fn text(&self, path: &str) -> io::Result<Text> {
        // A folder, a pipe or a device under that name would not be read to an end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.take(CAP).read_to_end(&mut bytes)?;
        Ok(Text {
            content: decoded(&bytes),
            modified: metadata.modified().ok().and_then(moment),
            cut: metadata.len() > CAP,
        })
    }
}

/// Editors of Windows write UTF-16 and UTF-8 with their marks.
fn decoded(bytes: &[u8]) -> String {
    let (text, _, _) = encoding_rs::UTF_8.decode(bytes);
    text.into_owned()
}

/// Asks, and notes what was not to be had. What is not there is no failure.
pub(super) fn read(texts: &dyn Texts, path: &str, tally: &mut Tally) -> Option<Text> {
    match texts.text(path) {
        Ok(text) => Some(text),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(_) => {
            tally.count(ArtifactStatus::Partial, "files are closed to this account");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_cap_in_either_encoding() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("wide"), [0xff, 0xfe, b'a', 0, 0xe4, 0]).unwrap();
        std::fs::write(path("long"), "x".repeat(5 << 20)).unwrap();
        let wide = ThisDisk.text(&path("wide")).unwrap();
        assert_eq!((wide.content.as_str(), wide.cut, wide.modified.is_some()), ("aä", false, true));
        let long = ThisDisk.text(&path("long")).unwrap();
        assert_eq!((long.content.len(), long.cut), (4 << 20, true));
        let mut tally = Tally::default();
        assert!(read(&ThisDisk, &path("none"), &mut tally).is_none());
        assert!(read(&ThisDisk, &folder.path().to_string_lossy(), &mut tally).is_none());
        assert_eq!(tally.settle().0, ArtifactStatus::Ok);
    }
}
