//! How things look: outcomes, progress, tables, the log.

pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod paint;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::Write;

use investigation::text::one_line;
use jiff::Timestamp;
use serde::Serialize;

/// A moment as people read it: UTC, to the minute.
pub(crate) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// Outside text, safe for a terminal and short enough for a line.
pub(crate) fn safe(text: &str) -> String {
    one_line(text, 160)
}

/// Prints lines. A reader that went away (`| head`) is no reason to fail or to stop the work.
pub(crate) fn lines(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all((lines.join("\n") + "\n").as_bytes()).and_then(|()| out.flush());
}

/// Prints a line on standard error. A reader that went away is no reason to fail.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints one JSON object on one line. A reader that went away is no reason to fail.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => lines(&[text]),
        Err(error) => tracing::error!(%error, "an outcome could not be written as JSON"),
    }
}
