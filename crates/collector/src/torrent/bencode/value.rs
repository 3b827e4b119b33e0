//! Looking at the values of a [`Document`].

use super::{Document, Node};

/// A value inside a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) index: usize,
}

impl<'d> Value<'d> {
    /// The bytes of the value exactly as the input spells it.
    pub fn raw(self) -> &'d [u8] {
        let node = self.node();
        &self.document.input[node.start as usize..node.end as usize]
    }

    /// Where the value begins in the input.
    pub fn offset(self) -> usize {
        self.node().start as usize
    }

    /// The content of a string.
    pub fn as_bytes(self) -> Option<&'d [u8]> {
        let node = self.node();
        self.raw()[0].is_ascii_digit().then(|| &self.document.input[node.body as usize..node.end as usize])
    }

    /// The value of an integer that fits 64 bits.
    pub fn as_int(self) -> Option<i64> {
        match self.raw() {
            [b'i', digits @ .., b'e'] => number(digits),
            _ => None,
        }
    }

    /// Whether this is a dictionary.
    pub fn is_dictionary(self) -> bool {
        self.raw()[0] == b'd'
    }

    /// The members of a list; none for anything else.
    pub fn items(self) -> Items<'d> {
        let end = if self.raw()[0] == b'l' { self.node().next as usize } else { self.index + 1 };
        Items { document: self.document, at: self.index + 1, end }
    }

    /// Keys and values of a dictionary in the input's order; none for anything else.
    pub fn entries(self) -> Entries<'d> {
        let end = if self.is_dictionary() { self.node().next as usize } else { self.index + 1 };
        Entries(Items { document: self.document, at: self.index + 1, end })
    }

    /// The first value under `key` in a dictionary.
    pub fn get(self, key: &[u8]) -> Option<Value<'d>> {
        self.entries().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    fn node(self) -> Node {
        self.document.nodes[self.index]
    }
}

/// Iterates over the members of a list.
#[derive(Clone, Debug)]
pub struct Items<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        (self.at < self.end).then(|| {
            let value = Value { document: self.document, index: self.at };
            self.at = value.node().next as usize;
            value
        })
    }
}

/// Iterates over keys and values of a dictionary.
#[derive(Clone, Debug)]
pub struct Entries<'d>(Items<'d>);

impl<'d> Iterator for Entries<'d> {
    type Item = (&'d [u8], Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?.as_bytes()?;
        Some((key, self.0.next()?))
    }
}

/// Optional sign and digits as a number, where it fits 64 bits. Leading zeros do not count against the size.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    digits.iter().try_fold(0_i64, |sum, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        let sum = sum.checked_mul(10)?;
        if negative { sum.checked_sub(digit) } else { sum.checked_add(digit) }
    })
}
