//! The digest for a spreadsheet: one value a line (RFC 4180), which a pivot table reads as it is.
//!
//! Host names, user names and what servers answer are outsiders' words, and a spreadsheet runs a cell that looks like a
//! formula. So a text that would be read as one begins with an apostrophe, which shows it as it is.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::figures::Digest;
use super::sections::Cell;
use crate::text::one_line;

/// Longest text of a cell, in characters.
const MAX_CELL: usize = 400;

/// The digest as comma-separated values in UTF-8: `section`, `row` (from 1), `name` (the row's first cell), `column`,
/// `value`. Lengths of time are in seconds, shares from 0 to 1, moments in RFC 3339, and what is not known is empty.
pub fn csv(digest: &Digest) -> String {
    // In memory, and every record has as many fields: writing cannot fail. Were it to, the lines so far would be there.
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::NonNumeric)
        .from_writer(Vec::new());
    let mut write = |fields: [&str; 5]| drop(writer.write_record(fields));
    write(["section", "row", "name", "column", "value"]);
    write(["period", "1", "from", "moment", &digest.from.to_string()]);
    write(["period", "2", "to", "moment", &digest.to.to_string()]);
    write(["period", "3", "written", "moment", &digest.written_at.to_string()]);
    for section in digest.sections() {
        for (number, row) in (1..).zip(&section.rows) {
            let name = row.first().map(value).unwrap_or_default();
            for (column, cell) in section.columns.iter().zip(row).skip(1) {
                write([section.id, &number.to_string(), &name, column, &value(cell)]);
            }
        }
    }
    for (number, note) in (1..).zip(&digest.notes) {
        write(["missing", &number.to_string(), "note", "text", &inert(note)]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn value(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => inert(text),
        Cell::Number(number) | Cell::Seconds(number) => number.to_string(),
        Cell::Time(at) => at.to_string(),
        Cell::Share(share) => share.to_string(),
        Cell::None => String::new(),
    }
}

/// Text that no spreadsheet takes for a formula. What begins a formula after spaces, after a quote, or in the full-width
/// spelling that some locales read as well counts as one.
fn inert(text: &str) -> String {
    let line = one_line(text, MAX_CELL);
    let first = line.chars().find(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
    let as_formula = first.is_some_and(|c| {
        matches!(
            c,
            '=' | '+'
                | '-'
                | '@'
                | '|'
                | '%'
                | '\u{ff1d}'
                | '\u{ff0b}'
                | '\u{ff0d}'
                | '\u{ff20}'
                | '\u{2212}'
        )
    });
    // Tabs and ends of lines are spelt out by now. A text of our own that began with one would show a backslash.
    if as_formula { format!("'{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\"=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{a0}=cmd|' /C calc'!A0",
        ] {
            let shown = inert(text);
            assert!(shown.starts_with('\'') || shown.starts_with('\\'), "{text:?} became {shown:?}");
        }
        assert_eq!(inert("ws-0317"), "ws-0317");
        assert_eq!(inert("corp\\alice"), "corp\\alice");
    }

    proptest! {
        #[test]
        fn whatever_a_name_holds_it_is_one_inert_field(text in any::<String>()) {
            let shown = inert(&text);
            prop_assert!(!shown.contains(['\r', '\n', '\t', '\0']));
            let first = shown.chars().next();
            prop_assert!(!first.is_some_and(|c| "=+-@＝＋－＠\t\r".contains(c)), "{}", shown);
        }
    }
}
