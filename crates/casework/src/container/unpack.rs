//! Unpacks one entry within what it claims to hold, and says what came out. Shared by everything that reads a zip.

use std::io::{self, BufRead, Read, Write};

use data_encoding::HEXLOWER;
use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use sha2::{Digest, Sha256};

use super::CHUNK;

/// Deflate holds at most 1032 bytes in one (RFC 1951: 258 bytes in two bits), and a little for its framing.
pub(super) const DEFLATE_RATIO: u64 = 1032;

/// What unpacking one entry gave.
pub(super) enum Content {
    /// It could be read, at least up to the byte after its claimed size.
    Read {
        /// Bytes of content, at most one more than it claims.
        size: u64,
        /// Of what was read, lower-case hex.
        sha256: String,
        /// Of what was read.
        crc32: u32,
        /// The packed form ended exactly with the content.
        whole: bool,
    },
    /// The packed form is damaged, or of a method that no writer of ours uses.
    Undecodable,
}

/// Unpacks `packed`, which has `length` bytes and is read no further than the byte after `expected` bytes of content,
/// into `out`.
///
/// # Errors
/// What `packed` or `out` fail with. A packed form that cannot be unpacked is no error but [`Content::Undecodable`].
pub(super) fn unpack(
    packed: impl BufRead,
    length: u64,
    method: u16,
    expected: u64,
    out: &mut impl Write,
) -> io::Result<Content> {
    let mut packed = Watched { inner: packed, failed: None, consumed: 0 };
    match method {
        0 => {
            let digest = Digested::of(&mut packed, expected, out)?;
            Ok(digest.content(packed.consumed == length))
        }
        8 => {
            let mut unpacked = DeflateDecoder::new(&mut packed);
            let digest = Digested::of(&mut unpacked, expected, out);
            let whole = unpacked.total_in() == length;
            match (digest, packed.failed) {
                (Ok(digest), _) => Ok(digest.content(whole)),
                // What lies below the decoder, or takes its output, says nothing about the data.
                (Err(_), Some(error)) | (Err(Failure::Output(error)), None) => Err(error),
                (Err(Failure::Input(_)), None) => Ok(Content::Undecodable),
            }
        }
        _ => Ok(Content::Undecodable),
    }
}

/// Which side failed.
enum Failure {
    Input(io::Error),
    Output(io::Error),
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Input(error) | Failure::Output(error) => error,
        }
    }
}

struct Digested {
    size: u64,
    sha256: String,
    crc32: u32,
}

impl Digested {
    /// Hashes what can be read and passes it on, and stops one byte after `expected`.
    fn of(from: &mut impl Read, expected: u64, out: &mut impl Write) -> Result<Self, Failure> {
        let mut sha256 = Sha256::new();
        let mut crc = Crc::new();
        let mut size = 0;
        let mut from = from.take(expected.saturating_add(1));
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Input(error)),
            };
            sha256.update(&buffer[..count]);
            crc.update(&buffer[..count]);
            out.write_all(&buffer[..count]).map_err(Failure::Output)?;
            size += count as u64;
        }
        Ok(Self { size, sha256: HEXLOWER.encode(&sha256.finalize()), crc32: crc.sum() })
    }

    fn content(self, whole: bool) -> Content {
        Content::Read { size: self.size, sha256: self.sha256, crc32: self.crc32, whole }
    }
}

/// Remembers what the reader itself failed with, which a decoder above it passes on like damage that it found.
struct Watched<R> {
    inner: R,
    failed: Option<io::Error>,
    consumed: u64,
}

impl<R: BufRead> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.inner.fill_buf() {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.inner.consume(count);
    }
}
