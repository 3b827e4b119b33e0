//! Why a bundle is not taken.

use std::io;

use investigation::order::{ReportError, ReportFault};
use investigation::text::one_line;

/// Why a bundle is not taken. Shown, it is one line, safe for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read just now: the network, the disk, or somebody replaced it meanwhile.
    #[error("the bundle cannot be read")]
    Read(#[from] io::Error),
    /// It is no zip of a relay, or was cut.
    #[error("not a relay's bundle: {0}")]
    NotABundle(&'static str),
    /// More entries than allowed.
    #[error("the bundle has more than {0} entries")]
    TooMany(usize),
    /// Something is larger than allowed.
    #[error("{} has more than {limit} bytes", one_line(what, 200))]
    TooLarge {
        /// The bundle, an entry, or a sum.
        what: String,
        /// The cap in bytes.
        limit: u64,
    },
    /// The parsed artifacts are short as texts and would be large in memory.
    #[error("the parsed artifacts together hold more than {0} values")]
    TooManyValues(u64),
    /// The report cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The report says something that it must not, or answers another order.
    #[error("{}", one_line(&.0.to_string(), 600))]
    Fault(ReportFault),
    /// The bundle holds something that the report does not list, or lists something that it does not hold.
    #[error("the bundle does not hold exactly the entries that its report lists")]
    OtherEntries,
    /// One entry is not what it must be.
    #[error("{}: {what}", one_line(path, 200))]
    Entry {
        /// Which.
        path: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The record of the collection is about something else.
    #[error("the collection in the bundle is of another case or target")]
    OtherCollection,
    /// A parsed artifact does not parse.
    #[error("{} cannot be read", one_line(path, 200))]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl BundleError {
    /// Whether the same bundle may be read later. Everything else stays as it is, and wants a new collection.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Read(_))
    }
}
