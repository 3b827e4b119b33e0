//! An image of memory on its way to disk: hashed and walked through as it comes, in as much memory as one piece takes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::failed;
use crate::artifact::forensic::memory::lime::{Lime, NoImage};
use crate::artifact::record::MARKER;
use crate::contact_error::ContactError;

/// Most bytes that may come before the marker: what start-up files of a login shell print.
pub(crate) const NOISE: usize = 64 << 10;

/// The file, and what has been seen of it so far.
#[derive(Debug)]
pub(crate) struct ImageFile {
    path: PathBuf,
    file: BufWriter<File>,
    /// What came so far without the marker in it; nothing once it came.
    before: Option<Vec<u8>>,
    lime: Lime,
    sha256: Sha256,
    taken: Arc<AtomicU64>,
    fault: Option<Fault>,
}

/// Why it took no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What came is no image; the end of a sentence.
    NoImage(&'static str),
    /// Our own disk.
    Disk(String),
}

/// An image that has come, whole or not.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) path: PathBuf,
    /// Bytes on disk.
    pub(crate) size: u64,
    /// Of those, lower-case hex.
    pub(crate) sha256: String,
    pub(crate) lime: Lime,
    pub(crate) fault: Option<Fault>,
}

impl ImageFile {
    /// Begins one. Whoever watches reads how many bytes have come from `taken`.
    pub(crate) fn create(path: PathBuf, taken: Arc<AtomicU64>) -> Result<Self, ContactError> {
        let file = File::create(&path).map_err(|error| failed(&path, error))?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(256 << 10, file),
            before: Some(Vec::new()),
            lime: Lime::default(),
            sha256: Sha256::new(),
            taken,
            fault: None,
        })
    }

    /// Takes what comes next. False where it takes no more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        let Some(mut before) = self.before.take() else { return self.keep(bytes) };
        before.extend_from_slice(bytes);
        let marker = [b"\0", MARKER, b"\0"].concat();
        match before.windows(marker.len()).position(|window| window == marker) {
            Some(at) => self.keep(&before[at + marker.len()..]),
            None if before.len() > NOISE => {
                self.fault = Some(Fault::NoImage("no script of ours answers"));
                false
            }
            None => {
                self.before = Some(before);
                true
            }
        }
    }

    /// What is kept is what is of an image, up to the end of what is no header of one.
    fn keep(&mut self, mut bytes: &[u8]) -> bool {
        if self.fault.is_some() {
            return false;
        }
        if let Err(NoImage { why, seen }) = self.lime.take(bytes) {
            self.fault = Some(Fault::NoImage(why));
            bytes = &bytes[..seen];
        }
        if let Err(error) = self.file.write_all(bytes) {
            self.fault = Some(Fault::Disk(error.to_string()));
        } else {
            self.sha256.update(bytes);
            self.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.fault.is_none()
    }

    /// Hands all of it to the file system.
    pub(crate) fn finish(mut self) -> Taken {
        if let Err(error) = self.file.flush()
            && self.fault.is_none()
        {
            self.fault = Some(Fault::Disk(error.to_string()));
        }
        Taken {
            path: self.path,
            size: self.taken.load(Ordering::Relaxed),
            sha256: HEXLOWER.encode(&self.sha256.finalize()),
            lime: self.lime,
            fault: self.fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::forensic::memory::lime::tests::range;
    use crate::staging::RawOutput;

    fn take(pieces: &[&[u8]], cap: u64) -> (Vec<bool>, Taken, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let image = ImageFile::create(dir.path().join("i"), Arc::default()).unwrap();
        let mut out = RawOutput::image(image, cap, std::time::Duration::from_secs(1));
        let said = pieces.iter().map(|piece| out.write(piece).unwrap()).collect();
        let taken = out.into_image().unwrap().finish();
        let bytes = std::fs::read(&taken.path).unwrap();
        assert_eq!(taken.sha256, HEXLOWER.encode(&Sha256::digest(&bytes)));
        assert_eq!(taken.size, bytes.len() as u64);
        (said, taken, bytes)
    }

    #[test]
    fn the_image_is_what_comes_after_the_marker() {
        let image = range(0x1000, &[7; 1000]);
        let all = [b"motd\n\0PEERHOUND-1\0", &image[..]].concat();
        for piece in [1, 7, 17, 2000] {
            let pieces: Vec<&[u8]> = all.chunks(piece).collect();
            let (said, taken, bytes) = take(&pieces, 1 << 20);
            assert!(said.iter().all(|more| *more) && taken.fault.is_none() && taken.lime.is_whole());
            assert_eq!(bytes, image);
        }
    }

    #[test]
    fn no_image_is_taken_any_further() {
        let begin: &[u8] = b"\0PEERHOUND-1\0";
        let sound = range(0x1000, &[7; 10]);
        let (said, taken, bytes) = take(&[begin, &sound, &[0; 40], &sound], 1 << 20);
        assert_eq!(said, [true, true, false, false]);
        assert!(matches!(taken.fault, Some(Fault::NoImage(_))));
        assert_eq!(bytes, [&sound[..], &[0; 32]].concat(), "with what is no header");
        let noise = vec![b'x'; NOISE + 1];
        let (said, taken, bytes) = take(&[&noise], 1 << 20);
        assert_eq!((said, bytes.len()), (vec![false], 0));
        assert!(matches!(taken.fault, Some(Fault::NoImage(_))));
    }

    #[test]
    fn the_cap_cuts_it() {
        let all = [b"\0PEERHOUND-1\0", &range(0x1000, &[7; 1000])[..]].concat();
        let (said, taken, bytes) = take(&[&all], 500);
        assert_eq!((said, bytes.len()), (vec![false], 487));
        assert!(!taken.lime.is_whole());
    }
}
