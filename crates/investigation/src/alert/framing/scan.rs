//! Finds where a JSON value ends without recursion and without holding it.

use super::grammar::Grammar;
use super::{MAX_DEPTH, Unreadable};

/// What one more byte means.
#[derive(Debug, PartialEq)]
pub(super) enum Fed {
    /// It belongs to the value, and there is more.
    Inside,
    /// It is the value's last.
    Last,
    /// The value ended before it.
    Before,
    /// It opens a value where none can be: the document broke off earlier.
    Misplaced(Unreadable),
    /// It cannot be here.
    Broken(Unreadable),
}

/// Follows one JSON value. Its brackets and strings are followed to its end even where it is broken, so that it costs
/// nothing behind it.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Kinds of the open brackets, innermost in the lowest bit: 1 for an array.
    arrays: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The last byte that was no white space; 0 before the first.
    last: u8,
    values: u32,
    grammar: Grammar,
}

const _: () = assert!(MAX_DEPTH <= u64::BITS);

impl Scan {
    /// Values seen so far, counted by their separators.
    pub(super) fn values(&self) -> u32 {
        self.values
    }

    /// Brackets open so far.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether this can become no JSON value any more, whatever follows.
    pub(super) fn is_broken(&self) -> bool {
        self.grammar.is_broken()
    }

    /// Whether a string here is a key.
    pub(super) fn expects_key(&self) -> bool {
        self.grammar.expects_key()
    }

    /// Whether the next byte is inside a string.
    pub(super) fn in_string(&self) -> bool {
        self.in_string
    }

    /// Whether the next byte is inside a string and not escaped: then only a quote, a backslash and a line feed mean
    /// anything, and other bytes need not be fed.
    pub(super) fn in_text(&self) -> bool {
        self.in_string && !self.escaped
    }

    pub(super) fn feed(&mut self, byte: u8) -> Fed {
        if self.in_string {
            return self.feed_string(byte);
        }
        self.grammar.feed(byte, self.arrays & 1 == 1);
        let nothing_yet = self.last == 0;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return if self.depth == 0 { Fed::Before } else { Fed::Inside },
            b'{' | b'[' => {
                let value_may_start = nothing_yet
                    || matches!(self.last, b':' | b'[')
                    || self.last == b',' && self.arrays & 1 == 1;
                if !value_may_start {
                    return Fed::Misplaced(Unreadable::json("a bracket opens where no value can be"));
                }
                if self.depth == MAX_DEPTH {
                    return Fed::Broken(Unreadable::TooDeep);
                }
                self.depth += 1;
                self.arrays = self.arrays << 1 | u64::from(byte == b'[');
            }
            b'}' | b']' if self.depth == 0 => return Fed::Before,
            b'}' | b']' => {
                if (byte == b']') != (self.arrays & 1 == 1) {
                    return Fed::Broken(Unreadable::json("a bracket closes what another opened"));
                }
                self.depth -= 1;
                self.arrays >>= 1;
                self.last = byte;
                return if self.depth == 0 { Fed::Last } else { Fed::Inside };
            }
            b',' if self.depth == 0 => return Fed::Before,
            b',' | b':' => self.values = self.values.saturating_add(1),
            b'"' => self.in_string = true,
            _ => {}
        }
        self.last = byte;
        Fed::Inside
    }

    fn feed_string(&mut self, byte: u8) -> Fed {
        match byte {
            b'\n' => return Fed::Broken(Unreadable::json("a line ends inside a text")),
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                return if self.depth == 0 { Fed::Last } else { Fed::Inside };
            }
            _ => {}
        }
        Fed::Inside
    }
}
