//! Tables: bounded in rows and bytes, with headers that a screen reader finds and a narrow screen repeats in each cell.

use jiff::Timestamp;

use super::html::Html;
use super::words::{instant, number};

/// Most bytes of one table's rows: a row more may follow, and no further one.
const MAX_BYTES: usize = 400_000;

/// How a column is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// Text.
    Text,
    /// A number, to the right.
    Number,
    /// A word or two of our own, which are not broken.
    Word,
    /// A path, a hash, a command: in a fixed width.
    Code,
    /// The same with room for an IPv4 address and a port.
    Address,
}

/// What a table is.
pub(super) struct Table<'t> {
    /// What its rows are, said above it.
    pub caption: &'t str,
    /// Heading and setting of each column. The first one names the row.
    pub columns: &'static [(&'static str, Set)],
    /// Most rows.
    pub rows: usize,
    /// Where the rows are that are not shown.
    pub rest_in: &'t str,
}

/// One row that is being written.
pub(super) struct Row<'p> {
    page: &'p mut Html,
    columns: &'static [(&'static str, Set)],
    next: usize,
}

impl Row<'_> {
    /// The next cell.
    pub(super) fn cell(&mut self, inside: impl FnOnce(&mut Html)) {
        let (label, set) = self.columns.get(self.next).copied().unwrap_or(("", Set::Text));
        let class = match set {
            Set::Text => "",
            Set::Number => "number",
            Set::Word => "word",
            Set::Code => "code",
            Set::Address => "code address",
        };
        if self.next == 0 {
            self.page.tag("th", &[("scope", "row"), ("role", "rowheader"), ("class", class)], inside);
        } else {
            self.page.tag("td", &[("role", "cell"), ("class", class), ("data-label", label)], inside);
        }
        self.next += 1;
    }

    /// A cell with text of our own.
    pub(super) fn text(&mut self, text: &str) {
        self.cell(|page| page.text(text));
    }

    /// A cell with text from outside.
    pub(super) fn outside(&mut self, text: &str) {
        self.cell(|page| page.outside(text));
    }

    /// A cell with text from outside, where there is any.
    pub(super) fn maybe(&mut self, text: Option<&str>) {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.outside(text),
            None => self.unknown(),
        }
    }

    /// A cell of which nothing is known.
    pub(super) fn unknown(&mut self) {
        self.cell(|page| page.say("span", &[("class", "muted")], "–"));
    }

    /// A cell with a number.
    pub(super) fn number(&mut self, value: u64) {
        self.text(&number(value));
    }

    /// A cell with a number, where there is one.
    pub(super) fn maybe_number(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.number(value),
            None => self.unknown(),
        }
    }

    /// A cell with a time.
    pub(super) fn time(&mut self, at: Option<Timestamp>) {
        match at {
            Some(at) => self.cell(|page| instant(page, at)),
            None => self.unknown(),
        }
    }
}

/// Writes a table; nothing where it has no rows.
pub(super) fn table<T>(
    page: &mut Html,
    table: &Table,
    rows: impl ExactSizeIterator<Item = T>,
    mut write: impl FnMut(&mut Row<'_>, T),
) {
    let all = rows.len();
    if all == 0 {
        return;
    }
    let mut shown = 0;
    page.tag("table", &[("role", "table")], |page| {
        page.say("caption", &[], table.caption);
        page.tag("thead", &[("role", "rowgroup")], |page| {
            page.tag("tr", &[("role", "row")], |page| {
                for (label, set) in table.columns {
                    let class = if *set == Set::Number { "number" } else { "" };
                    page.say("th", &[("scope", "col"), ("role", "columnheader"), ("class", class)], label);
                }
            });
        });
        page.tag("tbody", &[("role", "rowgroup")], |page| {
            let start = page.len();
            for row in rows.take(table.rows) {
                if page.len() - start > MAX_BYTES {
                    break;
                }
                page.tag("tr", &[("role", "row")], |page| {
                    write(&mut Row { page, columns: table.columns, next: 0 }, row);
                });
                shown += 1;
            }
        });
    });
    rest(page, all - shown, table.rest_in);
}

/// Says what was left out.
pub(super) fn rest(page: &mut Html, left_out: usize, rest_in: &str) {
    if left_out > 0 {
        page.tag("p", &[("class", "rest")], |page| {
            page.text(&format!("… and {} more in ", number(left_out as u64)));
            page.say("code", &[], rest_in);
        });
    }
}
