//! What the tests of formats share.

use super::{AlertFields, Content, Format, Record};

/// The first alert of a line that `format` has to know.
pub(super) fn of_line(format: &Format, text: &str) -> AlertFields {
    let record = Record { text: text.to_owned(), content: Content::Line };
    assert!((format.detects)(&record), "{text}");
    (format.parse)(&record).expect("alerts").remove(0)
}
