//! What the PowerShell scripts print: a marker, one flat JSON object a line, and an end.
//!
//! JSON escapes newlines, so that no name can end its line early and pose as the next row. An output that is cut keeps
//! its whole rows, and shows that it is cut by its missing end.

mod row;

use std::io::{self, BufRead};

use investigation::evidence::ArtifactStatus;
use investigation::text::one_line;

use super::super::tally::Tally;

pub(super) use row::Row;

/// First and last line.
const MARKER: &[u8] = b"PEERHOUND-1";
const END: &[u8] = b"PEERHOUND-END";
/// Most bytes that are looked through for the marker.
const NOISE_CAP: usize = 1 << 20;

/// Reads every row into `reading`. That no script of ours ran is a failure; what the script itself could not do, and
/// what is missing at the end, is said as well.
pub(super) fn read<R>(
    input: &mut dyn BufRead,
    cap: usize,
    mut reading: R,
    mut take: impl FnMut(&mut R, Row, &mut Tally),
) -> io::Result<(R, Tally)> {
    let mut tally = Tally::default();
    let Some(mut rows) = Rows::open(input, cap)? else {
        tally.failed("the endpoint ran no script");
        return Ok((reading, tally));
    };
    while let Some(row) = rows.next()? {
        match row.kind() {
            "problem" => problem(&row, &mut tally),
            _ => take(&mut reading, row, &mut tally),
        }
    }
    for _ in 0..rows.odd.min(1_000_000) {
        tally.count(
            ArtifactStatus::Partial,
            "lines of the answer were no row, or too long, and were left out",
        );
    }
    if !rows.is_whole() {
        tally.truncated("the answer stopped before its end: rows are missing");
    }
    Ok((reading, tally))
}

fn problem(row: &Row, tally: &mut Tally) {
    let what = one_line(row.text("what"), 80);
    let why = one_line(row.text("why"), 200);
    tally.partial(format!("{what} could not be asked: {why}"));
}

/// Reads rows one after the other. Memory: one line and its row.
struct Rows<'a> {
    input: &'a mut dyn BufRead,
    cap: usize,
    line: Vec<u8>,
    /// How many lines were no rows.
    odd: u64,
    ended: bool,
}

impl<'a> Rows<'a> {
    /// Skips to the marker. `None` where it never comes: no script of ours ran. Lines above `cap` bytes are no rows.
    fn open(input: &'a mut dyn BufRead, cap: usize) -> io::Result<Option<Self>> {
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
    fn next(&mut self) -> io::Result<Option<Row>> {
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

    /// Whether the script came to its end. Ask after [`Self::next`] has returned `None`.
    fn is_whole(&self) -> bool {
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
        Some((list, rows.odd, rows.is_whole()))
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
