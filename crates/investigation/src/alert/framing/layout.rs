//! Whether a later line of a document may be a record of its own: then the document was cut off before it.
//!
//! Lines inside a document laid out by a program are indented, or are closing brackets; where a program indents
//! nothing, the opening bracket stands alone on its line. So a line that is indented no deeper than its document and
//! begins like a record is kept in mind. It is read anew once the document turns out broken, or at once where it is
//! a whole JSON value and nothing joins it to the document.

use super::bytes::Place;
use super::scan::Scan;

#[derive(Debug)]
pub(super) struct Layout {
    start: Place,
    /// Line that is told when the document breaks off.
    blamed: u64,
    /// Whether the first line holds an opening bracket and nothing else.
    alone: bool,
    /// Whether the document is one without indentation. Nothing before its second line.
    flat: Option<bool>,
    line_start: LineStart,
    /// A string that begins a line: a key of the document, unless no colon follows.
    quoted: Option<Restart>,
    restart: Option<Restart>,
    /// The restart counts only on its line: what ends as a number there was one.
    passing: bool,
    joined: Joined,
}

/// Where reading begins anew when the document breaks off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restart {
    /// Bytes of the document before it.
    pub(super) at: usize,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum LineStart {
    /// Only white space so far.
    Blank,
    /// White space and commas.
    Commas,
    Over,
}

/// Whether lines that are values are part of the document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Joined {
    Unknown,
    /// The line's value is over when the scan is back at this depth: what follows it will tell.
    After(u32),
    Yes,
}

impl Layout {
    /// The layout of a document that starts at `start`.
    pub(super) fn new(start: Place) -> Self {
        Self {
            start,
            blamed: start.line,
            alone: true,
            flat: None,
            line_start: LineStart::Over,
            quoted: None,
            restart: None,
            passing: false,
            joined: Joined::Unknown,
        }
    }

    /// Of an element that may be no element, because its array, which began on `array_line`, broke off before it.
    pub(super) fn with_array(start: Place, array_line: u64) -> Self {
        Self { blamed: array_line, restart: Some(Restart { at: 0, place: start }), ..Self::new(start) }
    }

    pub(super) fn start(&self) -> Place {
        self.start
    }

    pub(super) fn blamed(&self) -> u64 {
        self.blamed
    }

    /// Where to read on if the document breaks off here.
    pub(super) fn restart(&self) -> Option<Restart> {
        self.restart.or(self.quoted)
    }

    /// Whether a line of the document can be a record of its own.
    pub(super) fn is_doubtful(&self) -> bool {
        self.restart.is_some()
    }

    /// Only lines from here on can be read anew.
    pub(super) fn forget(&mut self) {
        self.flat = Some(true);
        self.quoted = None;
    }

    /// Notes `byte`, which comes next and is outside of strings. True if it proves that the document broke off.
    /// `scan` has not seen it yet.
    pub(super) fn note(&mut self, byte: u8, here: Restart, scan: &Scan) -> bool {
        let depth = scan.depth();
        if byte == b'\n' {
            self.line_start = LineStart::Blank;
            if self.passing {
                (self.restart, self.passing) = (None, false);
            }
            return matches!(self.joined, Joined::After(outside) if depth <= outside);
        }
        if matches!(byte, b' ' | b'\t' | b'\r') {
            return false;
        }
        if matches!(self.joined, Joined::After(outside) if depth <= outside) {
            self.joined = Joined::Yes;
        }
        if let Some(quoted) = self.quoted.take()
            && byte != b':'
        {
            self.restart.get_or_insert(quoted);
        }
        if here.place.line == self.start.line {
            self.alone &= here.at == 0;
        } else if self.line_start != LineStart::Over {
            self.note_line(byte, here, scan);
        }
        false
    }

    /// Notes the first byte of a later line.
    fn note_line(&mut self, byte: u8, here: Restart, scan: &Scan) {
        let deeper = here.place.indentation > self.start.indentation;
        let flat = *self.flat.get_or_insert(self.alone && !deeper);
        let after_comma = self.line_start == LineStart::Commas;
        self.line_start = if byte == b',' { LineStart::Commas } else { LineStart::Over };
        match byte {
            _ if deeper => {}
            b',' | b'}' | b']' => {}
            b'"' if flat && !scan.expects_key() => {}
            b'"' => self.quoted = Some(here),
            b'{' | b'[' => {
                self.restart.get_or_insert(here);
                if !flat && !after_comma && self.joined != Joined::Yes {
                    self.joined = Joined::After(scan.depth());
                }
            }
            _ if self.restart.is_none() => (self.restart, self.passing) = (Some(here), flat),
            _ => {}
        }
    }
}
