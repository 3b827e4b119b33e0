//! The digest as plain text, for a terminal, a file and the mail.

use std::fmt::Write as _;

use super::figures::Digest;
use super::sections::{Section, minute};
use crate::text::one_line;

/// Widest cell of a table, in characters.
const MAX_CELL: usize = 90;

/// The digest in plain text: no control characters but the ends of lines.
pub fn text(digest: &Digest) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", title(digest));
    let _ = writeln!(out, "{}", digest.period());
    for section in digest.sections() {
        let _ = writeln!(out, "\n{}", section.heading);
        table(&mut out, &section);
    }
    if !digest.notes.is_empty() {
        let _ = writeln!(out, "\nWhat is missing");
        for note in &digest.notes {
            let _ = writeln!(out, "  {note}");
        }
    }
    let _ = writeln!(out, "\n{}", one_line(&digest.last_sent_words(), 400));
    let _ = writeln!(out, "Written at {}. All times are in UTC.", minute(digest.written_at));
    out
}

/// What it is called.
pub(super) fn title(digest: &Digest) -> String {
    match &digest.organisation {
        Some(name) => format!("Peer-to-peer alerts at {name}"),
        None => "Peer-to-peer alerts".to_owned(),
    }
}

fn table(out: &mut String, section: &Section) {
    let rows: Vec<Vec<(String, bool)>> = section
        .telling()
        .map(|row| row.iter().map(|cell| (one_line(&cell.words(), MAX_CELL), cell.is_number())).collect())
        .collect();
    if rows.is_empty() {
        let _ = writeln!(out, "  {}", section.empty);
        return;
    }
    let header: Vec<(String, bool)> = section
        .columns
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let number = rows.iter().all(|row| row.get(column).is_some_and(|(_, number)| *number));
            ((*name).to_owned(), number)
        })
        .collect();
    let width = |column: usize| {
        let cells = std::iter::once(&header).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(
                |((text, number), width)| {
                    if *number { format!("{text:>width$}") } else { format!("{text:width$}") }
                },
            )
            .collect();
        let _ = writeln!(out, "  {}", cells.join("  ").trim_end());
    }
    if let Some(rest) = &section.rest {
        let _ = writeln!(out, "  … {rest}");
    }
}
