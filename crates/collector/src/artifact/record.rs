//! The framing of what the shell scripts print: `key NUL value NUL`, from a marker to an `end`.
//!
//! Nothing on Linux that a script prints as a value (file name, process name, link target, text file after `tr`) can
//! hold a NUL, so that no value can end early and pose as the next record, whatever newlines it holds.

use std::io::{self, BufRead};

/// What the scripts print first, between two NULs. What a login shell's start-up files print comes before it.
pub(crate) const MARKER: &[u8] = b"PEERHOUND-1";
/// Longest key.
const KEY_CAP: usize = 32;
/// Most bytes that are looked through for the marker.
const NOISE_CAP: usize = 1 << 20;

/// Reads records one after the other. Memory: one value, at most its cap.
pub(crate) struct Records<'a> {
    input: &'a mut dyn BufRead,
    value_cap: usize,
    key: Vec<u8>,
    value: Vec<u8>,
    ended: bool,
}

/// One record. `cut`: the value was longer than the cap, and its end is missing.
#[derive(Debug, PartialEq)]
pub(crate) struct Record<'r> {
    pub(crate) key: &'r [u8],
    pub(crate) value: &'r [u8],
    pub(crate) cut: bool,
}

impl<'a> Records<'a> {
    /// Skips to the marker. `None` where it never comes: no script of ours ran.
    pub(crate) fn open(input: &'a mut dyn BufRead, value_cap: usize) -> io::Result<Option<Self>> {
        let mut token = Vec::new();
        let mut looked_through = 0;
        loop {
            match read_token(input, MARKER.len() + 1, &mut token)? {
                Token::Unterminated => return Ok(None),
                Token::Whole | Token::Cut if token == MARKER => break,
                Token::Whole | Token::Cut => looked_through += token.len() + 1,
            }
            if looked_through > NOISE_CAP {
                return Ok(None);
            }
        }
        Ok(Some(Self { input, value_cap, key: Vec::new(), value: Vec::new(), ended: false }))
    }

    /// The next record; `None` after `end`, or where the output stops, which [`Self::is_whole`] tells apart.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.ended {
            return Ok(None);
        }
        if read_token(self.input, KEY_CAP, &mut self.key)? != Token::Whole {
            return Ok(None);
        }
        if self.key == b"end" {
            self.ended = true;
            return Ok(None);
        }
        match read_token(self.input, self.value_cap, &mut self.value)? {
            Token::Unterminated => Ok(None),
            token => Ok(Some(Record { key: &self.key, value: &self.value, cut: token == Token::Cut })),
        }
    }

    /// The next line of a list that follows a record: single values up to an empty one.
    pub(crate) fn line(&mut self) -> io::Result<Option<&[u8]>> {
        match read_token(self.input, self.value_cap, &mut self.value)? {
            Token::Unterminated => Ok(None),
            Token::Whole | Token::Cut if self.value.is_empty() => Ok(None),
            Token::Whole | Token::Cut => Ok(Some(&self.value)),
        }
    }

    /// Whether the script came to its end. Ask after [`Self::next`] has returned `None`.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Whole,
    Cut,
    Unterminated,
}

/// Reads to the next NUL, keeping at most `cap` bytes.
fn read_token(input: &mut dyn BufRead, cap: usize, token: &mut Vec<u8>) -> io::Result<Token> {
    token.clear();
    // One large value must not keep its memory for the rest.
    token.shrink_to(1 << 20);
    let mut cut = false;
    loop {
        let available = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if available.is_empty() {
            return Ok(Token::Unterminated);
        }
        let nul = available.iter().position(|&b| b == 0);
        let piece = &available[..nul.unwrap_or(available.len())];
        let kept = piece.len().min(cap - token.len());
        token.extend_from_slice(&piece[..kept]);
        cut |= kept < piece.len();
        let used = piece.len() + usize::from(nul.is_some());
        input.consume(used);
        if nul.is_some() {
            return Ok(if cut { Token::Cut } else { Token::Whole });
        }
    }
}

/// Decodes outside bytes, without the newline that tools end their answer with.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(b"\n").unwrap_or(value)).into_owned()
}

/// [`text`], and nothing where nothing was said.
pub(crate) fn some_text(value: &[u8]) -> Option<String> {
    Some(text(value)).filter(|text| !text.is_empty())
}

/// Cuts text at a length in bytes, at a character's border. True where something was cut.
pub(crate) fn cut_text(text: &mut String, cap: usize) -> bool {
    if text.len() <= cap {
        return false;
    }
    let end = (0..=cap).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    text.truncate(end);
    text.push('…');
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn noise_before_the_marker_is_skipped_and_values_keep_newlines() {
        let mut input: &[u8] = b"Welcome!\nmotd\0PEERHOUND-1\0name\0a\nb\0end\0\0name\0late\0";
        let mut records = Records::open(&mut input, 100).unwrap().unwrap();
        assert_eq!(records.next().unwrap().unwrap(), Record { key: b"name", value: b"a\nb", cut: false });
        assert!(records.next().unwrap().is_none());
        assert!(records.is_whole());
        assert!(records.next().unwrap().is_none());
    }

    #[test]
    fn an_output_that_stops_is_not_whole_and_its_half_record_is_dropped() {
        let mut input: &[u8] = b"\0PEERHOUND-1\0a\0whole\0b\0hal";
        let mut records = Records::open(&mut input, 100).unwrap().unwrap();
        assert_eq!(records.next().unwrap().unwrap().value, b"whole");
        assert!(records.next().unwrap().is_none());
        assert!(!records.is_whole());
    }

    #[test]
    fn a_long_value_is_cut_and_the_next_record_still_found() {
        let mut input: Vec<u8> = b"\0PEERHOUND-1\0a\0".to_vec();
        input.extend(std::iter::repeat_n(b'x', 100_000));
        input.extend(b"\0b\0short\0end\0\0");
        let mut reader = io::BufReader::with_capacity(512, input.as_slice());
        let mut records = Records::open(&mut reader, 10).unwrap().unwrap();
        assert_eq!(records.next().unwrap().unwrap(), Record { key: b"a", value: b"xxxxxxxxxx", cut: true });
        assert_eq!(records.next().unwrap().unwrap(), Record { key: b"b", value: b"short", cut: false });
    }

    #[test]
    fn without_the_marker_nothing_is_read() {
        for input in [&b""[..], b"This account is currently not available.\n", b"\0\0\0"] {
            assert!(Records::open(&mut &*input, 10).unwrap().is_none());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>, cap in 0usize..64) {
            let mut input = b"\0PEERHOUND-1\0".to_vec();
            input.extend(bytes);
            let mut input = input.as_slice();
            let mut records = Records::open(&mut input, cap).unwrap().unwrap();
            while let Some(record) = records.next().unwrap() {
                prop_assert!(record.value.len() <= cap);
            }
        }

        #[test]
        fn text_is_cut_at_a_character(text: String, cap in 0usize..40) {
            let mut cut = text.clone();
            cut_text(&mut cut, cap);
            prop_assert!(text.starts_with(cut.trim_end_matches('…')));
        }
    }
}
