//! One JSON document, taken from the input as its brackets close.

use std::io::{self, BufRead};

use serde_json::Value;

use super::scan::{Fed, Scan};
use super::{AFTER_BROKEN, Content, Framed, Framing, MAX_RECORD_BYTES, MAX_VALUES, Mode, Record, Unreadable};

impl<R: BufRead> Framing<R> {
    /// Takes the document that starts at the next byte. One that breaks off ends where the next begins, so that a
    /// cut-off line of NDJSON costs no other line.
    pub(super) fn document(&mut self) -> io::Result<Framed> {
        let line = self.bytes.line();
        let mut scan = Scan::default();
        let mut raw = Raw::default();
        let unreadable = loop {
            let Some(byte) = self.bytes.peek()? else {
                self.mode = Mode::Between { passed_over: AFTER_BROKEN };
                break Unreadable::CutOff;
            };
            let fed = scan.feed(byte);
            if matches!(fed, Fed::Inside | Fed::Last) {
                self.bytes.next()?;
                raw.keep(&[byte]);
            }
            if matches!(fed, Fed::Inside) && scan.in_text() {
                self.bytes.take_text(|text| raw.keep(text))?;
            }
            match fed {
                Fed::Inside => {}
                Fed::Last | Fed::Before if raw.too_long => break Unreadable::TooLong,
                Fed::Last | Fed::Before if scan.values() > MAX_VALUES => break Unreadable::TooManyValues,
                Fed::Last | Fed::Before => {
                    let content = self.decode(raw.bytes).and_then(|text| parse(text, line));
                    if matches!(fed, Fed::Before) && content.is_err() {
                        self.recover(line)?;
                    }
                    return Ok(Framed { line, content });
                }
                Fed::Misplaced(_) if self.bytes.at_indent() && self.bytes.line() > line => {
                    self.mode = Mode::Between { passed_over: AFTER_BROKEN };
                    break Unreadable::CutOff;
                }
                Fed::Misplaced(unreadable) | Fed::Broken(unreadable) => {
                    self.recover(line)?;
                    break unreadable;
                }
            }
        };
        Ok(Framed { line, content: Err(unreadable) })
    }

    /// Skips what is left of a broken document that began on `line`: the rest of this line, and where the document
    /// has several, the lines that look like more of it.
    fn recover(&mut self, line: u64) -> io::Result<()> {
        let several = self.bytes.line() > line;
        self.mode = Mode::Between { passed_over: AFTER_BROKEN };
        self.bytes.skip_line()?;
        while several
            && let Some(b' ' | b'\t' | b'\r' | b'\n' | b'}' | b']' | b'"' | b',') = self.bytes.peek()?
        {
            self.bytes.skip_line()?;
        }
        Ok(())
    }
}

/// A document's bytes, dropped once there are too many.
#[derive(Default)]
struct Raw {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Raw {
    fn keep(&mut self, bytes: &[u8]) {
        if self.too_long || self.bytes.len() + bytes.len() > MAX_RECORD_BYTES {
            *self = Self { bytes: Vec::new(), too_long: true };
        } else {
            self.bytes.extend_from_slice(bytes);
        }
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
