//! Comma-separated values with a header that names an address column, and logs with a `#fields` header.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::sync::Arc;

use csv_core::ReadRecordResult;

use super::bytes::Bytes;
use super::{Content, Record, Unreadable};
use crate::alert::format::address;
use crate::scope::parse_address;

/// Most columns of a table.
const MAX_COLUMNS: usize = 512;

#[derive(Debug)]
pub(super) struct Table {
    delimiter: u8,
    header: Arc<[String]>,
    /// Whether a cell in quotes may hold what would end it.
    quotes: bool,
}

impl Table {
    /// Recognises a header by an address column's name. Spreadsheets separate by `;` where the comma is the decimal
    /// point.
    pub(super) fn from_header(line: &str) -> Option<Self> {
        let count = |delimiter: u8| line.bytes().filter(|&b| b == delimiter).count();
        let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter))?;
        // AWS puts its flow logs into files between blanks; any other such line is a sentence.
        let of_aws =
            count(delimiter) == 0 && [" srcaddr ", " dstaddr "].iter().all(|name| line.contains(name));
        let delimiter = if of_aws { b' ' } else { delimiter };
        let cells = split(line, delimiter).filter(|cells| cells.len() <= MAX_COLUMNS)?;
        let cells: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let named = cells.iter().any(|cell| address::is_address_column(cell));
        let is_row = cells.iter().any(|cell| parse_address(cell).is_some());
        (named && !is_row).then(|| Self { delimiter, header: cells.into(), quotes: true })
    }

    /// Recognises the line of a log, as Zeek writes them, that names its fields: the separator follows the word. A blank
    /// is none, since texts hold blanks, and would push an address into another column.
    pub(super) fn from_fields(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("#fields")?;
        let delimiter = *rest.as_bytes().first().filter(|delimiter| b"\t,;|".contains(delimiter))?;
        let cells: Vec<String> = rest[1..].split(char::from(delimiter)).map(str::to_owned).collect();
        (cells.len() <= MAX_COLUMNS).then(|| Self { delimiter, header: cells.into(), quotes: false })
    }

    /// The table that goes on behind `line`, where that names fields anew: logs are joined head to tail.
    pub(super) fn renamed(&self, line: &str) -> Option<Self> {
        if self.quotes { None } else { Self::from_fields(line.trim_end_matches(['\r', '\n'])) }
    }

    /// Takes the bytes of one row: one line, or several where a quoted cell holds line ends.
    pub(super) fn read_row<R: BufRead>(
        &self,
        bytes: &mut Bytes<R>,
    ) -> io::Result<Result<Vec<u8>, Unreadable>> {
        let mut raw = Vec::new();
        let mut cell = Cell::Start;
        loop {
            let before = raw.len();
            if !bytes.read_line(&mut raw)? {
                return Ok(Err(Unreadable::TooLong));
            }
            if !self.quotes {
                return Ok(Ok(raw));
            }
            cell = raw[before..].iter().fold(cell, |cell, &byte| cell.feed(byte, self.delimiter));
            if cell != Cell::Quoted {
                return Ok(Ok(raw));
            }
            if raw.len() == before {
                return Ok(Err(Unreadable::row("a quoted cell is never closed")));
            }
        }
    }

    /// The cells of one row; nothing for a blank line or a comment.
    pub(super) fn split(&self, text: &str) -> Result<Option<Record>, Unreadable> {
        if text.trim().is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let cells = match self.quotes {
            true => split(text, self.delimiter),
            false => Some(text.split(char::from(self.delimiter)).map(str::to_owned).collect()),
        };
        let cells = cells.ok_or_else(|| Unreadable::row("it is not one row"))?;
        let filled = cells.len() - cells.iter().rev().take_while(|cell| cell.trim().is_empty()).count();
        if filled > self.header.len() {
            let (cells, columns) = (filled, self.header.len());
            return Err(Unreadable::row(&format!("it has {cells} cells and the header names {columns}")));
        }
        let cells = cells.into_iter().take(filled).collect();
        let content = Content::Row { header: Arc::clone(&self.header), cells };
        Ok(Some(Record { text: text.to_owned(), content }))
    }
}

/// Splits one line at `delimiter`, honouring quotes. `None` unless it is exactly one row.
pub(in crate::alert) fn split(line: &str, delimiter: u8) -> Option<Vec<String>> {
    thread_local! {
        /// Making a reader costs as much as reading a thousand cells (and a copy of one does not read right): the
        /// last one is used again, as rows of one table follow each other.
        static LAST: RefCell<(u8, csv_core::Reader)> = RefCell::new((b',', reader(b',')));
    }
    LAST.with_borrow_mut(|(of, last)| {
        if *of != delimiter {
            (*of, *last) = (delimiter, reader(delimiter));
        }
        last.reset();
        one_row(line, delimiter, last)
    })
}

fn reader(delimiter: u8) -> csv_core::Reader {
    let mut builder = csv_core::ReaderBuilder::new();
    builder.delimiter(delimiter).terminator(csv_core::Terminator::Any(b'\n')).build()
}

fn one_row(line: &str, delimiter: u8, reader: &mut csv_core::Reader) -> Option<Vec<String>> {
    // The reader asks for room before it knows whether it needs any.
    let mut text = vec![0; line.len() + 1];
    let mut ends = vec![0; line.bytes().filter(|&b| b == delimiter).count() + 2];
    let (mut result, read, written, mut cells) = reader.read_record(line.as_bytes(), &mut text, &mut ends);
    if result == ReadRecordResult::InputEmpty {
        let (at_end, _, _, more) = reader.read_record(b"", &mut text[written..], &mut ends[cells..]);
        (result, cells) = (at_end, cells + more);
    }
    // Line ends alone are no second row.
    if result != ReadRecordResult::Record || line.as_bytes()[read..].iter().any(|&b| b != b'\n') {
        return None;
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let cell =
        |(start, &end): (usize, &usize)| std::str::from_utf8(&text[start..end]).ok().map(str::to_owned);
    starts.zip(&ends[..cells]).map(cell).collect()
}

/// Where in a cell the reading is.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Start,
    Bare,
    Quoted,
    /// Behind a quote inside a quoted cell: its end, or half of a quoted quote.
    Quote,
}

impl Cell {
    fn feed(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) | (Self::Quote | Self::Start, b'"') => Self::Quoted,
            (_, b'\n') => Self::Start,
            (_, byte) if byte == delimiter => Self::Start,
            _ => Self::Bare,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The `csv` crate's own reading.
    fn expected(line: &str, delimiter: u8) -> Option<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(line.as_bytes());
        let mut rows = reader.records();
        let row = rows.next()?.ok()?;
        rows.next().is_none().then(|| row.iter().map(str::to_owned).collect())
    }

    #[test]
    fn one_row_is_split_and_two_are_none() {
        let some = |cells: &[&str]| Some(cells.iter().map(|cell| (*cell).to_owned()).collect());
        assert_eq!(split("a;\"b;\"\"c\"\"\n\";;d", b';'), some(&["a", "b;\"c\"\n", "", "d"]));
        assert_eq!(split("a,b\nc,d", b','), None);
        assert_eq!(split("", b','), None);
    }

    proptest! {
        #[test]
        fn cells_are_those_of_the_csv_crate(line in "[ab\u{e4},;\t\"\n\r ]{0,24}", at in 0..4usize) {
            let delimiter = b",;\t|"[at];
            prop_assert_eq!(split(&line, delimiter), expected(&line, delimiter));
        }
    }
}
