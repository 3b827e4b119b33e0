//! A bencode reader (BEP 3) for files that an attacker may have written.
//!
//! It never recurses, never allocates by a length that the input claims, and stops at caps on size, depth and number of
//! values. What BEP 3 forbids but readers in the field let pass (unsorted or repeated keys, leading zeros, bytes after
//! the end) is read and noted, because a torrent that a client accepted is evidence however untidy it is.
//!
//! A [`Document`] borrows its input and keeps 16 bytes a value: values are spans of the input, so that the exact bytes
//! of one (the `info` dictionary, which the infohash is taken over) are always at hand.

mod scan;
mod value;

use std::fmt;

use thiserror::Error;

pub use value::{Entries, Items, Value};

/// What a document may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest input in bytes. Never more than `u32::MAX` has effect, since spans are kept as `u32`.
    pub bytes: usize,
    /// Deepest nesting of lists and dictionaries.
    pub depth: usize,
    /// Most values, dictionary keys included.
    pub items: usize,
}

impl Default for Limits {
    /// 16 MiB, 64 levels, 1,000,000 values: a torrent of about 120,000 files, at 16 MB of memory.
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 64, items: 1_000_000 }
    }
}

/// Why an input is not bencode, or more of it than the caps allow. Offsets are in bytes from the start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BencodeError {
    /// The input is longer than [`Limits::bytes`].
    #[error("{size} bytes, more than the {cap} that are read")]
    TooLarge {
        /// Length of the input.
        size: usize,
        /// The cap.
        cap: usize,
    },
    /// The input ends inside a value.
    #[error("ends at byte {offset} where {expected} should follow")]
    UnexpectedEnd {
        /// Length of the input.
        offset: usize,
        /// What should have come.
        expected: &'static str,
    },
    /// A byte that cannot stand where it stands.
    #[error("byte 0x{byte:02x} at {offset} where {expected} should be")]
    UnexpectedByte {
        /// Where it is.
        offset: usize,
        /// What it is.
        byte: u8,
        /// What should have been there.
        expected: &'static str,
    },
    /// A string claims more bytes than the input still has.
    #[error("string at byte {offset} claims {claimed} bytes where {remaining} remain")]
    StringTooLong {
        /// Where the string's length begins.
        offset: usize,
        /// The claimed length; `u64::MAX` stands for anything above.
        claimed: u64,
        /// What there is.
        remaining: usize,
    },
    /// Nested deeper than [`Limits::depth`].
    #[error("nested deeper than {cap} levels at byte {offset}")]
    TooDeep {
        /// Where the level too many begins.
        offset: usize,
        /// The cap.
        cap: usize,
    },
    /// More values than [`Limits::items`].
    #[error("more than {cap} values at byte {offset}")]
    TooManyItems {
        /// Where the value too many begins.
        offset: usize,
        /// The cap.
        cap: usize,
    },
}

/// What kind of untidiness a [`Note`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A dictionary's keys are not in byte order.
    UnsortedKeys,
    /// A dictionary has a key twice; the first is used.
    DuplicateKey,
    /// Leading zeros or `-0`.
    NonCanonicalInteger,
    /// An integer that does not fit 64 bits; it reads as no number.
    IntegerOutOfRange,
    /// A string length with leading zeros.
    NonCanonicalLength,
    /// Bytes after the end of the value.
    TrailingBytes,
}

const ODDITIES: [Oddity; 6] = [
    Oddity::UnsortedKeys,
    Oddity::DuplicateKey,
    Oddity::NonCanonicalInteger,
    Oddity::IntegerOutOfRange,
    Oddity::NonCanonicalLength,
    Oddity::TrailingBytes,
];

/// One kind of untidiness, with how often it occurs and where first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is.
    pub oddity: Oddity,
    /// Byte offset of the first.
    pub offset: usize,
    /// How many; for [`Oddity::TrailingBytes`], how many bytes.
    pub count: usize,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oddity, offset, count } = self;
        match oddity {
            Oddity::TrailingBytes => {
                return write!(f, "{count} bytes after the end of the value at byte {offset}");
            }
            Oddity::UnsortedKeys => write!(f, "dictionary keys out of order")?,
            Oddity::DuplicateKey => write!(f, "repeated dictionary key, the first is used")?,
            Oddity::NonCanonicalInteger => write!(f, "integer with leading zeros or negative zero")?,
            Oddity::IntegerOutOfRange => write!(f, "integer beyond 64 bits, left out")?,
            Oddity::NonCanonicalLength => write!(f, "string length with leading zeros")?,
        }
        write!(f, " ({count} times, first at byte {offset})")
    }
}

/// A parsed input. See [`Document::root`].
#[derive(Debug)]
pub struct Document<'a> {
    input: &'a [u8],
    nodes: Vec<Node>,
    notes: [Option<Note>; ODDITIES.len()],
}

/// One value. Its descendants follow it directly; `next` is the index after the last of them.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    next: u32,
    /// For a string, the offset of its bytes; else the start.
    body: u32,
}

impl<'a> Document<'a> {
    /// Reads one value from the start of `input`.
    ///
    /// # Errors
    /// A [`BencodeError`] where the input is not bencode or exceeds `limits`.
    pub fn parse(input: &'a [u8], limits: &Limits) -> Result<Self, BencodeError> {
        scan::scan(input, limits)
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    /// What was untidy, each kind once.
    pub fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        self.notes.iter().flatten().copied()
    }

    fn note(&mut self, oddity: Oddity, offset: usize, count: usize) {
        let slot = &mut self.notes[oddity as usize];
        match slot {
            Some(note) => note.count += count,
            None => *slot = Some(Note { oddity, offset, count }),
        }
    }
}

#[cfg(test)]
mod tests;
