//! Comma-separated values with a header that names an address column.

use std::io::{self, BufRead};
use std::sync::Arc;

use super::bytes::Bytes;
use super::{Content, Record, Unreadable};
use crate::alert::address;
use crate::scope::parse_address;

/// Most columns of a table.
const MAX_COLUMNS: usize = 512;

#[derive(Debug)]
pub(super) struct Table {
    delimiter: u8,
    header: Arc<[String]>,
}

impl Table {
    /// Recognises a header by an address column's name. Spreadsheets separate by `;` where the comma is the decimal
    /// point.
    pub(super) fn from_header(line: &str) -> Option<Self> {
        let count = |delimiter: u8| line.bytes().filter(|&b| b == delimiter).count();
        let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter))?;
        let cells = split(line, delimiter).filter(|cells| cells.len() <= MAX_COLUMNS)?;
        let cells: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let named = cells.iter().any(|cell| address::is_address_column(cell));
        let is_row = cells.iter().any(|cell| parse_address(cell).is_some());
        (named && !is_row).then(|| Self { delimiter, header: cells.into() })
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
        let cells = split(text, self.delimiter).ok_or_else(|| Unreadable::row("it is not one row"))?;
        let filled = cells.len() - cells.iter().rev().take_while(|cell| cell.trim().is_empty()).count();
        if filled > self.header.len() {
            let (cells, columns) = (filled, self.header.len());
            return Err(Unreadable::row(&format!("it has {cells} cells and the header names {columns}")));
        }
        let cells = cells.iter().take(filled).map(str::to_owned).collect();
        let content = Content::Row { header: Arc::clone(&self.header), cells };
        Ok(Some(Record { text: text.to_owned(), content }))
    }
}

/// Splits one line at `delimiter`, honouring quotes. `None` unless it is exactly one row.
pub(in crate::alert) fn split(line: &str, delimiter: u8) -> Option<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(line.as_bytes());
    let mut rows = reader.records();
    let row = rows.next()?.ok()?;
    rows.next().is_none().then_some(row)
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
