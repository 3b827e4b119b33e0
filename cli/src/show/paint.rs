//! Colour, where standard output is a terminal that wants it.

use std::io::IsTerminal;
use std::sync::OnceLock;

static COLOUR: OnceLock<bool> = OnceLock::new();

/// Settles whether to use colour. The first call counts.
pub(crate) fn allow(no_color: bool) {
    COLOUR.get_or_init(|| !no_color && std::io::stdout().is_terminal());
}

fn paint(code: &str, text: &str) -> String {
    if *COLOUR.get().unwrap_or(&false) { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Something that wants attention.
pub(crate) fn red(text: &str) -> String {
    paint("31;1", text)
}

/// Something doubtful.
pub(crate) fn yellow(text: &str) -> String {
    paint("33", text)
}

/// Something good.
pub(crate) fn green(text: &str) -> String {
    paint("32", text)
}

/// Something beside the point.
pub(crate) fn dim(text: &str) -> String {
    paint("2", text)
}

/// A heading.
pub(crate) fn bold(text: &str) -> String {
    paint("1", text)
}
