//! One JSON document, taken from the input as its brackets close.

use std::io::{self, BufRead};

use serde_json::Value;

use super::bytes::Place;
use super::layout::{Layout, Restart};
use super::scan::{Fed, Scan};
use super::{AFTER_BROKEN, Content, Framed, Framing, MAX_RECORD_BYTES, MAX_VALUES, Mode, Record, Unreadable};

/// Where to read on behind a document that could not be read.
enum Behind {
    /// At the next byte, as if it had been a good one.
    Whole,
    /// At the next byte, which may be anything.
    Broken,
    /// After what still looks like more of it.
    Rest,
}

impl<R: BufRead> Framing<R> {
    /// Takes the document that starts at the next byte. One that breaks off ends where the next begins, so that a
    /// cut-off line of NDJSON costs no other line.
    pub(super) fn document(&mut self) -> io::Result<Framed> {
        let mut layout = self.layout()?;
        let mut scan = Scan::default();
        let mut raw = Raw::default();
        let (unreadable, behind) = loop {
            let byte = match self.bytes.peek() {
                Ok(Some(byte)) => byte,
                Ok(None) => break (Unreadable::CutOff, Behind::Broken),
                Err(error) if layout.restart().is_some() => {
                    self.bytes.fail_later(error);
                    break (Unreadable::CutOff, Behind::Broken);
                }
                Err(error) => return Err(error),
            };
            let here = Restart { at: raw.bytes.len(), place: self.bytes.place() };
            let ends_before = !scan.in_string() && layout.note(byte, here, &scan);
            let fed = scan.feed(byte);
            if layout.is_doubtful() && (ends_before || scan.is_broken() || raw.too_long) {
                let unreadable = if raw.too_long { Unreadable::TooLong } else { Unreadable::CutOff };
                break (unreadable, Behind::Broken);
            }
            if matches!(fed, Fed::Inside | Fed::Last) {
                if raw.room() == 0 {
                    if layout.restart().is_some() {
                        break (Unreadable::TooLong, Behind::Broken);
                    }
                    raw = Raw { bytes: Vec::new(), too_long: true };
                    layout.forget();
                }
                self.bytes.next()?;
                raw.keep(&[byte]);
            }
            if matches!(fed, Fed::Inside) && scan.in_text() {
                self.take_text(&layout, &mut raw)?;
            }
            match fed {
                Fed::Inside => {}
                Fed::Last | Fed::Before if raw.too_long => break (Unreadable::TooLong, Behind::Whole),
                Fed::Last | Fed::Before if scan.values() > MAX_VALUES => {
                    break (Unreadable::TooManyValues, Behind::Whole);
                }
                Fed::Last | Fed::Before => {
                    let bytes = raw.copy_if(layout.restart().is_some());
                    let content = self.decode(bytes).and_then(|text| parse(text, layout.start().line));
                    match content {
                        Ok(record) => return Ok(Framed { line: layout.start().line, content: Ok(record) }),
                        Err(unreadable) if matches!(fed, Fed::Before) => break (unreadable, Behind::Rest),
                        Err(unreadable) => break (unreadable, Behind::Whole),
                    }
                }
                Fed::Misplaced(_) | Fed::Broken(_) if layout.restart().is_some() => {
                    break (Unreadable::CutOff, Behind::Broken);
                }
                Fed::Misplaced(_) if self.bytes.at_indent() && self.bytes.line() > layout.start().line => {
                    break (Unreadable::CutOff, Behind::Broken);
                }
                Fed::Misplaced(unreadable) | Fed::Broken(unreadable) => break (unreadable, Behind::Rest),
            }
        };
        if let Some(Restart { at, place }) = layout.restart() {
            self.bytes.give_back(&raw.bytes[at.min(raw.bytes.len())..], place);
            self.mode = Mode::Between { passed_over: AFTER_BROKEN };
            return Ok(Framed { line: layout.blamed(), content: Err(unreadable) });
        }
        match behind {
            Behind::Whole => {}
            Behind::Broken => self.mode = Mode::Between { passed_over: AFTER_BROKEN },
            Behind::Rest => self.skip_rest(layout.start())?,
        }
        Ok(Framed { line: layout.start().line, content: Err(unreadable) })
    }

    /// The layout of the document that starts at the next byte. In an array that was cut off, a line of text would be
    /// an element.
    fn layout(&mut self) -> io::Result<Layout> {
        let start = self.bytes.place();
        let may_be_text =
            self.bytes.at_indent() && !matches!(self.bytes.peek()?, Some(b'{' | b'[' | b'"' | b'}'));
        Ok(match self.mode {
            Mode::Array { start: array, .. }
                if may_be_text && start.line > array.line && start.indentation <= array.indentation =>
            {
                Layout::with_array(start, array.line)
            }
            _ => Layout::new(start),
        })
    }

    /// Takes what lies ready of a string. A failure shows again at the next byte, where it is handled.
    fn take_text(&mut self, layout: &Layout, raw: &mut Raw) -> io::Result<()> {
        let room = raw.room();
        match self.bytes.take_text(room, |text| raw.keep(text)) {
            Err(error) if layout.restart().is_some() => {
                self.bytes.fail_later(error);
                Ok(())
            }
            taken => taken,
        }
    }

    /// Skips what is left of a broken document that began at `start`: the rest of this line, and where the document
    /// has several, the lines that look like more of it.
    fn skip_rest(&mut self, start: Place) -> io::Result<()> {
        let several = self.bytes.line() > start.line;
        self.mode = Mode::Between { passed_over: AFTER_BROKEN };
        self.bytes.skip_line()?;
        if !several {
            return Ok(());
        }
        loop {
            match self.bytes.peek()? {
                None => return Ok(()),
                Some(b' ' | b'\t' | b'\r' | b'\n' | b'}' | b']' | b',') => {
                    self.bytes.next()?;
                }
                Some(byte) if byte != b'"' && self.bytes.place().indentation <= start.indentation => {
                    return Ok(());
                }
                Some(_) => self.bytes.skip_line()?,
            }
        }
    }
}

/// A document's bytes, dropped once there are too many.
#[derive(Default)]
struct Raw {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Raw {
    /// How many more bytes can be kept. Any number where none are.
    fn room(&self) -> usize {
        if self.too_long { usize::MAX } else { MAX_RECORD_BYTES - self.bytes.len() }
    }

    /// Keeps `bytes`, for which there is room.
    fn keep(&mut self, bytes: &[u8]) {
        if !self.too_long {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn copy_if(&mut self, needed_later: bool) -> Vec<u8> {
        if needed_later { self.bytes.clone() } else { std::mem::take(&mut self.bytes) }
    }
}

fn parse(text: String, line: u64) -> Result<Record, Unreadable> {
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Record { text, content: Content::Json(value) }),
        Err(error) => {
            let said = error.to_string();
            let why = said.rsplit_once(" at line ").map_or(said.as_str(), |(why, _)| why);
            let (line, column) = (line + (error.line() as u64).saturating_sub(1), error.column());
            Err(Unreadable::Json { why: format!("{why} on line {line}, column {column}") })
        }
    }
}

/// The JSON object at the end of a line that starts otherwise: syslog puts its header before what a sensor wrote.
pub(super) fn behind_a_header(text: &str) -> Option<Value> {
    /// Longest header that is looked behind.
    const HEADER: usize = 512;
    let at = text.find("{\"").or_else(|| text.find("{ \""))?;
    let (header, json) = text.split_at(at);
    let behind = header.ends_with([' ', ':', '\t']) && header.len() <= HEADER && !header.contains("EF:");
    if !behind || !json.ends_with('}') {
        return None;
    }
    let mut scan = Scan::default();
    let last = json.bytes().position(|byte| !matches!(scan.feed(byte), Fed::Inside))?;
    (last + 1 == json.len() && scan.values() <= MAX_VALUES).then(|| serde_json::from_str(json).ok())?
}
