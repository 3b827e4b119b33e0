//! Why a stretch of input is no record.

use std::io;

use super::{MAX_DEPTH, MAX_RECORD_BYTES, MAX_VALUES};
use crate::text::one_line;

/// Why a stretch of input could not be read as a record. Each shows as one line without the place: whoever opened
/// the input knows its name, and [`super::Framed::line`] the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The input holds no record.
    #[error("the input is empty: expected alerts as JSON or CEF, or IP addresses")]
    Empty,
    /// A JSON array without elements.
    #[error("the JSON array is empty: expected alerts in it")]
    EmptyList,
    /// Binary data.
    #[error("this is binary data and not text: pass the alerts as JSON, CEF or CSV, uncompressed")]
    NotText,
    /// Text in an encoding of one byte a character, most likely.
    #[error("this is not UTF-8 text: convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8`")]
    NotUtf8,
    /// What PowerShell's `>` writes.
    #[error("this is UTF-16 text: save it as UTF-8 (PowerShell: `Out-File -Encoding utf8`)")]
    Utf16,
    /// Over the cap.
    #[error("longer than {} KiB: no alert is that long, split or shorten it", MAX_RECORD_BYTES >> 10)]
    TooLong,
    /// Nested over the cap.
    #[error("JSON nested deeper than {MAX_DEPTH}: no alert is that deep, flatten it")]
    TooDeep,
    /// Too many values.
    #[error("JSON with more than {MAX_VALUES} values: no alert has that many, split it")]
    TooManyValues,
    /// The input or the line ends inside a JSON document.
    #[error("the JSON breaks off before its end: was the input cut?")]
    CutOff,
    /// Not JSON.
    #[error("broken JSON ({why}): check it with `jq .`")]
    Json {
        /// What is wrong and where.
        why: String,
    },
    /// Not a row of its table.
    #[error("broken row ({why}): check the quotes and the separators")]
    Row {
        /// What is wrong.
        why: String,
    },
    /// The input failed.
    #[error("reading stopped here ({why}): what follows was not read, pass it again")]
    Read {
        /// What the operating system said.
        why: String,
    },
}

impl Unreadable {
    pub(super) fn json(why: &str) -> Self {
        Self::Json { why: why.to_owned() }
    }

    pub(super) fn row(why: &str) -> Self {
        Self::Row { why: why.to_owned() }
    }

    pub(super) fn read(error: &io::Error) -> Self {
        Self::Read { why: one_line(&error.to_string(), 200) }
    }

    /// Stable short name, for counting and filtering.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::EmptyList => "empty_list",
            Self::NotText => "not_text",
            Self::NotUtf8 => "not_utf8",
            Self::Utf16 => "utf16",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::TooManyValues => "too_many_values",
            Self::CutOff => "cut_off",
            Self::Json { .. } => "broken_json",
            Self::Row { .. } => "broken_row",
            Self::Read { .. } => "read_failed",
        }
    }
}
