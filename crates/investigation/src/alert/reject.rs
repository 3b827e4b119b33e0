//! Why a record is no alert that can be worked.

use super::framing::Unreadable;
use crate::text::one_line;

/// Why a record cannot be worked. Each shows as one line that says what is wrong, where, and what to do; text from
/// the record is escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// No address at all.
    #[error(
        "the alert names no source address: none of {looked_at} has one, so no machine can be found from it"
    )]
    NoSource {
        /// The fields that were looked at.
        looked_at: &'static str,
    },
    /// A field of another type than the format's.
    #[error("wrong shape: {field} must be {expected} and is {found}")]
    WrongShape {
        /// The field, quoted, or what stands for it.
        field: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An address field that holds no address.
    #[error(
        "`{field}` is `{value}`, which is no IP address: write one like 10.0.0.5 or fd12::5, without port, prefix, \
         zone or leading zeros"
    )]
    BadAddress {
        /// The field.
        field: String,
        /// Its text.
        value: String,
    },
    /// The same field twice. Text that an attacker chose may hold what looks like a field.
    #[error(
        "`{field}` is given twice, as `{first}` and as `{second}`: decide which and investigate that address"
    )]
    Ambiguous {
        /// The field.
        field: String,
        /// What it is first.
        first: String,
        /// What it is then.
        second: String,
    },
    /// More of something than one alert has.
    #[error(
        "more than {most} {what} in one alert: find out which machine is meant and investigate its address"
    )]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        most: usize,
    },
    /// Of a known format, and broken.
    #[error("broken {format} ({why}): check how the sender writes it")]
    Malformed {
        /// The format's name.
        format: &'static str,
        /// What is broken.
        why: &'static str,
    },
    /// Of no known format.
    #[error(
        "unknown format: `{start}` is none of the {known} that are read: `peerhound alert formats` lists them, and \
         `[[format]]` in the policy describes one more"
    )]
    UnknownFormat {
        /// How the record starts.
        start: String,
        /// How many formats are known.
        known: usize,
    },
    /// Of a known format, and about nothing that is to be looked at.
    #[error("{format} without an alert in it: send alerts only, or investigate the address that is meant")]
    NoAlert {
        /// The format's name.
        format: String,
    },
    /// Envelopes around envelopes.
    #[error("more than {most} envelopes around each other: send the alert itself")]
    TooDeep {
        /// How many are opened.
        most: usize,
    },
    /// Unpacks to more than is read.
    #[error("unpacks to more than {most} MiB: send less at a time")]
    TooLarge {
        /// How much is read, in MiB.
        most: usize,
    },
    /// No record.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Reject {
    /// Stable short name, for counting and filtering.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSource { .. } => "no_source",
            Self::WrongShape { .. } => "wrong_shape",
            Self::BadAddress { .. } => "bad_address",
            Self::Ambiguous { .. } => "ambiguous",
            Self::TooMany { .. } => "too_many",
            Self::Malformed { .. } => "malformed",
            Self::UnknownFormat { .. } => "unknown_format",
            Self::NoAlert { .. } => "no_alert",
            Self::TooDeep { .. } => "too_deep",
            Self::TooLarge { .. } => "too_large",
            Self::Unreadable(_) => "unreadable",
        }
    }

    pub(super) fn bad_address(field: &str, value: &str) -> Self {
        Self::BadAddress { field: one_line(field, 80), value: one_line(value, 80) }
    }

    pub(super) fn ambiguous(field: &str, first: &str, second: &str) -> Self {
        Self::Ambiguous {
            field: one_line(field, 80),
            first: one_line(first, 80),
            second: one_line(second, 80),
        }
    }

    pub(super) fn wrong_shape(field: &str, expected: &'static str, found: &serde_json::Value) -> Self {
        let field = format!("`{}`", one_line(field, 80));
        Self::WrongShape { field, expected, found: kind(found) }
    }
}

/// What a JSON value is, in words.
pub(super) fn kind(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
