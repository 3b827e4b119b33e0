//! Plain tables: columns as wide as they need, two spaces between.

use super::paint;

/// Prints a table with a header. Cells must be safe text. Nothing is printed where there are no rows.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let header = paint::bold(&line(&mut header.iter().copied()));
    let rows = rows.iter().map(|row| line(&mut row.iter().map(String::as_str)));
    super::lines(&[header].into_iter().chain(rows).collect::<Vec<_>>());
}
