//! Splits an input into records: JSON documents one a line, over several lines, one after another or in one array;
//! lines of text; rows of a CSV with a header, or of a log whose `#fields` line is its header.
//!
//! An input is read as it comes, so a pipe that stays open gives each record when it is complete. No more than
//! twice [`MAX_RECORD_BYTES`] of it are held, however long a line or an array is. What cannot be read is one error, and
//! reading goes on behind it; only an input that is no text at all ends there. A document that was cut off costs only
//! itself: where a later line looks like a record and the document breaks, reading goes on at that line.

mod bytes;
mod document;
mod grammar;
mod layout;
mod scan;
mod table;
mod unreadable;
mod wrapped;

use std::io::{self, BufRead};
use std::sync::Arc;

use serde_json::Value;

use bytes::{Bytes, Place};
use table::Table;
pub(super) use table::split as split_cells;
pub use unreadable::Unreadable;

/// Longest record that is read, in bytes: a JSON document, one element of an array, a line, a row.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// Deepest nesting of a JSON record. Half of what `serde_json` would follow.
pub const MAX_DEPTH: u32 = 64;
/// Most values in one JSON record: a parsed value takes some forty times the bytes of its shortest spelling.
pub const MAX_VALUES: u32 = 50_000;

/// One record of an input, or why it could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed {
    /// Line that it starts on, counted from 1.
    pub line: u64,
    /// The record.
    pub content: Result<Record, Unreadable>,
}

/// One record, not yet understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The record as it came, without the white space and separators around it.
    pub text: String,
    /// What kind of text it is.
    pub content: Content,
}

/// What kind of text a record is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A JSON document or element of an array; also one behind a syslog header.
    Json(Value),
    /// A row of a table with a header.
    Row {
        /// Names of the columns, as written.
        header: Arc<[String]>,
        /// The row's cells, unquoted. At most as many as the header has.
        cells: Vec<String>,
    },
    /// Any other line.
    Line,
}

/// The records of one input, in order.
///
/// Every input gives at least one item: an empty one gives [`Unreadable::Empty`]. After a failed read there are no
/// more.
#[derive(Debug)]
pub struct Framing<R> {
    bytes: Bytes<R>,
    mode: Mode,
    started: bool,
    ended: bool,
    yielded: bool,
    /// A record or something that looks like JSON was seen: this is no binary file.
    looks_like_text: bool,
    /// What was found too early, behind a record that it is no part of.
    found_early: Option<Framed>,
}

#[derive(Debug)]
enum Mode {
    /// Between records. Of what the last one may have left behind, these bytes are passed over.
    Between { passed_over: &'static [u8] },
    /// Inside an array, which opened on the line of `start`.
    Array { start: Place, empty: bool },
    /// In the rows of a table.
    Rows(Table),
}

const AFTER_TEXT: &[u8] = b"";
/// The lines of an array, without its brackets.
const AFTER_DOCUMENT: &[u8] = b",";
/// The end of a document or of an array whose start was not understood.
const AFTER_BROKEN: &[u8] = b",]}";

type Step = Option<Framed>;

impl<R: BufRead> Framing<R> {
    /// Reads records from `input`, whose start has not been touched.
    pub fn new(input: R) -> Self {
        Self {
            bytes: Bytes::new(input),
            mode: Mode::Between { passed_over: AFTER_TEXT },
            started: false,
            ended: false,
            yielded: false,
            looks_like_text: false,
            found_early: None,
        }
    }

    /// One step: a record, an error, or nothing yet.
    fn step(&mut self) -> io::Result<Step> {
        if !self.started {
            self.started = true;
            if let Some(failure) = self.start()? {
                return Ok(Some(failure));
            }
        }
        if let Some(framed) = self.found_early.take() {
            return Ok(Some(framed));
        }
        match &self.mode {
            Mode::Between { .. } => self.between(),
            Mode::Array { .. } => self.element(),
            Mode::Rows(_) => self.row(),
        }
    }

    /// Takes the byte order mark away, and recognises the encoding of most other text.
    fn start(&mut self) -> io::Result<Step> {
        match self.bytes.peek()? {
            Some(0xef) => self.bytes.skip_mark()?,
            Some(first @ (0xfe | 0xff)) => {
                self.bytes.next()?;
                let utf16 = self.bytes.peek()?.is_some_and(|second| first ^ second == 1);
                return Ok(Some(self.stop(if utf16 { Unreadable::Utf16 } else { Unreadable::NotText })));
            }
            _ => {}
        }
        Ok(None)
    }

    fn between(&mut self) -> io::Result<Step> {
        let Mode::Between { passed_over } = self.mode else { return Ok(None) };
        let line = self.bytes.line();
        match self.bytes.peek()? {
            None => return Ok(self.end()),
            Some(b' ' | b'\t' | b'\r' | b'\n') => {
                self.bytes.next()?;
            }
            Some(byte) if passed_over.contains(&byte) => {
                self.bytes.next()?;
            }
            Some(b'{') => {
                self.looks_like_text = true;
                if passed_over.is_empty() {
                    self.mode = Mode::Between { passed_over: AFTER_DOCUMENT };
                }
                return self.document().map(Some);
            }
            Some(b'[') => {
                self.looks_like_text = true;
                self.mode = Mode::Array { start: self.bytes.place(), empty: true };
                self.bytes.next()?;
            }
            Some(_) => return self.text(line),
        }
        Ok(None)
    }

    /// One element of an array. A comma that is missing or doubled changes no element's meaning, and is let pass.
    fn element(&mut self) -> io::Result<Step> {
        let Mode::Array { start: Place { line, .. }, empty } = &mut self.mode else { return Ok(None) };
        let line = *line;
        match self.bytes.peek()? {
            None => {
                self.mode = Mode::Between { passed_over: AFTER_DOCUMENT };
                return Ok(Some(Framed { line, content: Err(Unreadable::CutOff) }));
            }
            Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => {
                self.bytes.next()?;
            }
            Some(b']') => {
                let empty = *empty;
                self.bytes.next()?;
                self.mode = Mode::Between { passed_over: AFTER_DOCUMENT };
                return Ok(empty.then_some(Framed { line, content: Err(Unreadable::EmptyList) }));
            }
            Some(_) => {
                *empty = false;
                return self.document().map(Some);
            }
        }
        Ok(None)
    }

    /// A line of text: a comment, a table's header, or a record.
    fn text(&mut self, line: u64) -> io::Result<Step> {
        self.mode = Mode::Between { passed_over: AFTER_TEXT };
        let mut raw = Vec::new();
        if !self.bytes.read_line(&mut raw)? {
            return Ok(Some(Framed { line, content: Err(Unreadable::TooLong) }));
        }
        let text = match self.decode(raw) {
            Ok(text) => self.unwrap_lines(text),
            Err(unreadable) if self.looks_like_text => {
                return Ok(Some(Framed { line, content: Err(unreadable) }));
            }
            Err(unreadable) => return Ok(Some(Framed { line, ..self.stop(unreadable) })),
        };
        let text = text.trim_end();
        // Not every blank is an ASCII one.
        if text.is_empty() || text.starts_with('#') {
            if let Some(table) = Table::from_fields(text) {
                self.looks_like_text = true;
                self.mode = Mode::Rows(table);
            }
            return Ok(None);
        }
        if !self.yielded
            && let Some(table) = Table::from_header(text)
        {
            self.looks_like_text = true;
            self.mode = Mode::Rows(table);
            return Ok(None);
        }
        let content = document::behind_a_header(text).map_or(Content::Line, Content::Json);
        Ok(Some(Framed { line, content: Ok(Record { text: text.to_owned(), content }) }))
    }

    fn row(&mut self) -> io::Result<Step> {
        let line = self.bytes.line();
        if self.bytes.peek()?.is_none() {
            return Ok(self.end());
        }
        let Mode::Rows(table) = &self.mode else { return Ok(None) };
        let text = table.read_row(&mut self.bytes)?.and_then(|raw| self.decode(raw));
        if let Some(renamed) = text.as_ref().ok().and_then(|text| table.renamed(text)) {
            self.mode = Mode::Rows(renamed);
            return Ok(None);
        }
        let content = text.and_then(|text| table.split(text.trim_end_matches(['\r', '\n'])));
        Ok(content.transpose().map(|content| Framed { line, content }))
    }

    /// Bytes as text. Before anything readable has been seen, control characters count as binary too.
    fn decode(&self, raw: Vec<u8>) -> Result<String, Unreadable> {
        let binary = |b: &u8| match b {
            0 => true,
            b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b => false,
            b => *b < 0x20 && !self.looks_like_text,
        };
        if raw.iter().any(binary) {
            return Err(Unreadable::NotText);
        }
        String::from_utf8(raw).map_err(|_| Unreadable::NotUtf8)
    }

    fn stop(&mut self, unreadable: Unreadable) -> Framed {
        self.ended = true;
        Framed { line: self.bytes.line(), content: Err(unreadable) }
    }

    fn end(&mut self) -> Step {
        self.ended = true;
        (!self.yielded).then_some(Framed { line: 1, content: Err(Unreadable::Empty) })
    }
}

impl<R: BufRead> Iterator for Framing<R> {
    type Item = Framed;

    fn next(&mut self) -> Option<Framed> {
        while !self.ended {
            let framed = match self.step() {
                Ok(None) => continue,
                Ok(Some(framed)) => framed,
                Err(error) => self.stop(Unreadable::read(&error)),
            };
            self.yielded = true;
            self.looks_like_text |= framed.content.is_ok();
            return Some(framed);
        }
        None
    }
}

#[cfg(test)]
mod tests;
