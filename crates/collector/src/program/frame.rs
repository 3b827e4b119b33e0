//! The lines of an answer: a word, a length, and as many bytes of JSON.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _, Write};

use serde::Serialize;

use super::{FRAME_CAP, MARK};

/// Most bytes that are looked through for the first line: what a login shell prints comes before it.
const NOISE_CAP: u64 = 1 << 20;
/// Longest line before the first one that is looked at as a whole.
const NOISE_LINE: u64 = 4 << 10;
/// Longest version.
const VERSION_CAP: usize = 32;
/// Longest word and number before the JSON, with their spaces.
const HEAD_CAP: usize = 20;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Begin,
    Row,
    /// What an artifact says beside its rows.
    State,
    Done,
}

impl Word {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Begin, "begin"), (Self::Row, "row"), (Self::State, "state"), (Self::Done, "done")];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(word, _)| *word == self).map_or("", |(_, text)| text)
    }
}

/// Writes one line. False, and nothing is written, where it is longer than lines may be.
pub(super) fn write(out: &mut impl Write, word: Word, value: &impl Serialize) -> io::Result<bool> {
    let json = ascii(&serde_json::to_string(value)?);
    if json.len() > FRAME_CAP {
        return Ok(false);
    }
    writeln!(out, "{} {} {json}", word.as_str(), json.len())?;
    Ok(true)
}

/// The same JSON without a byte that a code page could change. What is not ASCII stands within strings only.
fn ascii(json: &str) -> String {
    if json.is_ascii() {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len() + json.len() / 2);
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// Why an answer cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("it ends before its end")]
    Cut,
    #[error("line {0} is not one that the program writes")]
    Broken(u64),
    #[error("our own file cannot be read")]
    Io(#[from] io::Error),
}

/// Reads an answer line by line. Memory: one line.
pub(super) struct Frames<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
    json: Vec<u8>,
}

impl<'a> Frames<'a> {
    /// Skips to the first line; with the version that it names. `None` where it never comes.
    pub(super) fn open(input: &'a mut dyn BufRead) -> io::Result<Option<(Self, String)>> {
        let mut line = Vec::new();
        let mut seen = 0;
        while seen < NOISE_CAP {
            line.clear();
            let read = (&mut *input).take(NOISE_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            seen += read as u64;
            let Some(rest) = line.strip_prefix(MARK.as_bytes()) else { continue };
            let Some(version) = version(rest) else { continue };
            return Ok(Some((Self { input, number: 1, json: Vec::new() }, version)));
        }
        Ok(None)
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<(Word, &[u8]), FrameError> {
        self.number += 1;
        let broken = FrameError::Broken(self.number);
        let Some((word, length)) = self.head()? else { return Err(broken) };
        self.json.clear();
        // One long line must not keep its memory for the rest.
        self.json.shrink_to(1 << 16);
        (&mut *self.input).take(length).read_to_end(&mut self.json)?;
        if (self.json.len() as u64) < length {
            return Err(FrameError::Cut);
        }
        match self.byte()? {
            b'\n' => {}
            b'\r' if self.byte()? == b'\n' => {}
            _ => return Err(broken),
        }
        Ok((word, &self.json))
    }

    /// Whether there is nothing more.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }

    fn head(&mut self) -> Result<Option<(Word, u64)>, FrameError> {
        let mut head = String::new();
        let mut spaces = 0;
        while head.len() < HEAD_CAP {
            let byte = self.byte()?;
            spaces += usize::from(byte == b' ');
            if spaces == 2 {
                break;
            }
            head.push(char::from(byte));
        }
        let Some((word, length)) = head.split_once(' ') else { return Ok(None) };
        let word = Word::ALL.iter().find(|(_, text)| *text == word).map(|(word, _)| *word);
        // What reads numbers would take a sign as well.
        let length = Some(length).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let length = length.and_then(|text| text.parse().ok()).filter(|length| *length <= FRAME_CAP as u64);
        Ok(word.zip(length))
    }

    fn byte(&mut self) -> Result<u8, FrameError> {
        let mut byte = [0];
        match self.input.read_exact(&mut byte) {
            Ok(()) => Ok(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(FrameError::Cut),
            Err(error) => Err(error.into()),
        }
    }
}

/// The version at the end of a first line, where it is one.
pub(super) fn version(rest: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(rest).ok()?.strip_suffix('\n')?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    ((1..=VERSION_CAP).contains(&text.len()) && text.bytes().all(fine)).then(|| text.to_owned())
}
