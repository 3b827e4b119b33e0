//! What the PowerShell scripts print: a marker, one flat JSON object a line, and an end.
//!
//! JSON escapes newlines, so that no name can end its line early and pose as the next row. An output that is cut keeps
//! its whole rows, and shows that it is cut by its missing end.

use std::fmt;
use std::io::{self, BufRead};

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// First and last line.
const MARKER: &[u8] = b"PEERHOUND-1";
const END: &[u8] = b"PEERHOUND-END";
/// Most bytes that are looked through for the marker.
const NOISE_CAP: usize = 1 << 20;
/// Most fields of a row: scripts print half as many.
const FIELD_CAP: usize = 24;

/// Reads rows one after the other. Memory: one line and its row.
pub(super) struct Rows<'a> {
    input: &'a mut dyn BufRead,
    cap: usize,
    line: Vec<u8>,
    odd: u64,
    ended: bool,
}

impl<'a> Rows<'a> {
    /// Skips to the marker. `None` where it never comes: no script of ours ran. Lines above `cap` bytes are no rows.
    pub(super) fn open(input: &'a mut dyn BufRead, cap: usize) -> io::Result<Option<Self>> {
        let mut rows = Self { input, cap: 256, line: Vec::new(), odd: 0, ended: false };
        let mut looked_through = 0;
        while looked_through <= NOISE_CAP {
            match rows.read_line()? {
                None => return Ok(None),
                Some(length) => looked_through += length + 1,
            }
            if rows.line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&rows.line) == MARKER {
                rows.cap = cap;
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }

    /// The next row; `None` after the end, or where the output stops, which [`Self::is_whole`] tells apart.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        while !self.ended {
            let Some(length) = self.read_line()? else { return Ok(None) };
            if self.line == END {
                self.ended = true;
            } else if length > self.line.len() {
                self.odd += 1;
            } else if let Some(row) = Row::parse(&self.line) {
                return Ok(Some(row));
            } else if !self.line.is_empty() {
                self.odd += 1;
            }
        }
        Ok(None)
    }

    /// How many lines were no rows.
    pub(super) fn odd(&self) -> u64 {
        self.odd
    }

    /// Whether the script came to its end. Ask after [`Self::next`] has returned `None`.
    pub(super) fn is_whole(&self) -> bool {
        self.ended
    }

    /// Reads one line without its end, keeping at most the cap; returns how long it was. A last line without an end is
    /// a row that was cut.
    fn read_line(&mut self) -> io::Result<Option<usize>> {
        self.line.clear();
        // One large value must not keep its memory for the rest.
        self.line.shrink_to(1 << 20);
        let mut length = 0;
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                // What follows the last newline: only an end needs none.
                return Ok((self.line == END || self.line == MARKER).then_some(length));
            }
            let end = available.iter().position(|&b| b == b'\n');
            let piece = &available[..end.unwrap_or(available.len())];
            let kept = piece.len().min(self.cap - self.line.len());
            self.line.extend_from_slice(&piece[..kept]);
            length += piece.len();
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                while self.line.last() == Some(&b'\r') {
                    self.line.pop();
                    length -= 1;
                }
                return Ok(Some(length));
            }
        }
    }
}

/// One row: fields by name, in the order of the line. Fields that hold lists or objects are passed over.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Row(Vec<(String, Scalar)>);

#[derive(Debug, PartialEq)]
enum Scalar {
    Flag(bool),
    Number(i64),
    Text(String),
    Nothing,
}

impl Row {
    fn parse(line: &[u8]) -> Option<Self> {
        if line.first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(line).ok().or_else(|| serde_json::from_slice(&mended(line)?).ok())
    }

    /// What the row is about.
    pub(super) fn kind(&self) -> &str {
        self.text("k")
    }

    /// A text; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Scalar::Text(text)) => text,
            _ => "",
        }
    }

    /// A number, also where it is spelled as text.
    pub(super) fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        match self.get(name)? {
            Scalar::Number(number) => T::try_from(*number).ok(),
            Scalar::Text(text) => text.parse().ok().and_then(|number| T::try_from(number).ok()),
            _ => None,
        }
    }

    /// Whether something is said to be so.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Scalar::Flag(true)))
    }

    /// A moment as ISO 8601 spells it.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name).parse().ok()
    }

    /// Takes a text out of the row.
    pub(super) fn take(&mut self, name: &str) -> String {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, Scalar::Text(text))) => std::mem::take(text),
            _ => String::new(),
        }
    }

    fn get(&self, name: &str) -> Option<&Scalar> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut row = Row::default();
                while let Some(field) = map.next_entry()? {
                    if row.0.len() == FIELD_CAP {
                        return Err(serde::de::Error::custom("too many fields"));
                    }
                    row.0.push(field);
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(i64::try_from(number).map_or(Scalar::Nothing, Scalar::Number))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// The line with U+FFFD for each half of a surrogate pair: names on Windows need not be Unicode, and JSON has no other
/// way to spell them. `None` where there is none.
fn mended(line: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = line.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out = Vec::with_capacity(line.len());
    let (mut at, mut changed) = (0, false);
    while at < line.len() {
        let step = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(b"\\ufffd");
                changed = true;
                at += 6;
                continue;
            }
            // An escaped backslash is not the beginning of another escape.
            _ if line[at] == b'\\' => 2.min(line.len() - at),
            _ => 1,
        };
        out.extend_from_slice(&line[at..at + step]);
        at += step;
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(mut input: &[u8], cap: usize) -> Option<(Vec<Row>, u64, bool)> {
        let mut rows = Rows::open(&mut input, cap).unwrap()?;
        let mut list = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            list.push(row);
        }
        Some((list, rows.odd(), rows.is_whole()))
    }

    #[test]
    fn noise_is_skipped_rows_are_read_and_the_end_is_seen() {
        let text = "Welcome\r\n#< CLIXML\r\nPEERHOUND-1\r\n{\"k\":\"a\",\"n\":7,\"t\":\"x\\ny\",\"b\":true,\"l\":[1,{}]}\r\nno row\r\n\r\nPEERHOUND-END\r\n{\"k\":\"late\"}\r\n";
        let (rows, odd, whole) = all(text.as_bytes(), 1000).unwrap();
        assert_eq!((rows.len(), odd, whole), (1, 1, true));
        let row = &rows[0];
        assert_eq!(
            (row.kind(), row.number::<u32>("n"), row.text("t"), row.flag("b")),
            ("a", Some(7), "x\ny", true)
        );
        assert_eq!((row.text("l"), row.text("n"), row.number::<u8>("t")), ("", "", None));
    }

    #[test]
    fn an_answer_that_is_cut_keeps_its_rows_and_shows_it() {
        let (rows, odd, whole) = all(b"PEERHOUND-1\n{\"k\":\"a\"}\n{\"k\":\"b", 1000).unwrap();
        assert_eq!((rows.len(), odd, whole), (1, 0, false));
        let (rows, odd, whole) =
            all(b"PEERHOUND-1\n{\"k\":\"aaaaaaaaaaaaaaaa\"}\n{}\nPEERHOUND-END", 20).unwrap();
        assert_eq!((rows.len(), odd, whole), (1, 1, true));
        assert!(all(b"no script ran\r\n", 1000).is_none());
    }

    #[test]
    fn names_that_are_not_unicode_are_mended() {
        let row = Row::parse(br#"{"k":"a","t":"\\ud800 \ud800x \ud83d\ude00 \udc00"}"#).unwrap();
        assert_eq!(row.text("t"), "\\ud800 \u{fffd}x \u{1f600} \u{fffd}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>, cap in 13usize..64) {
            let input = [b"PEERHOUND-1\n", bytes.as_slice()].concat();
            prop_assert!(all(&input, cap).is_some());
        }

        #[test]
        fn any_text_survives(text: String) {
            let line = serde_json::json!({ "k": "a", "t": text }).to_string();
            let row = Row::parse(line.as_bytes()).unwrap();
            prop_assert_eq!(row.text("t"), text);
        }
    }
}
