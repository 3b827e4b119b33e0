//! The program that may be sent to an endpoint and is run there in place of scripts: what it is told, and what it
//! answers.
//!
//! It gets an [`Ask`] on its standard input, one line of JSON, and nothing else: no arguments, no paths, no commands. It
//! answers on its standard output, in ASCII and in lines, so that no shell, code page or line end on the way changes it:
//!
//! ```text
//! peerhound-collect/1 0.1.0                 who it is
//! begin 20 {"kind":"processes"}             what it answers to
//! row 153 {"pid":4711,…}                    as often as there are rows
//! done 44 {"status":"ok","reasons":[],"rows":311}
//! ```
//!
//! The number is the length of the JSON in bytes. Whatever is cut shows by the missing last line, and by its count of
//! rows. Nothing of it is believed before [`reading`] has looked at it: the endpoint is a suspect, and may have put
//! anything in the program's place.

mod answer;
#[cfg(feature = "remote")]
mod file;
mod frame;
#[cfg(feature = "remote")]
pub(crate) mod reading;
#[cfg(any(feature = "remote", test))]
mod tidy;

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;
use serde::{Deserialize, Serialize};

pub use answer::{AskError, answer, read_ask};
#[cfg(feature = "remote")]
pub use file::{ProgramFile, Programs};

/// What the program calls itself, in records and on the endpoint.
pub const NAME: &str = "peerhound-collect";

/// The first line of its answer, up to its version.
pub(crate) const MARK: &str = "peerhound-collect/1 ";

/// The first line of its answer. One text in the program's file, so that its version can be read from there.
pub(crate) const HELLO: &str = concat!("peerhound-collect/1 ", env!("CARGO_PKG_VERSION"), "\n");

/// Longest order, in bytes.
pub const ASK_CAP: usize = 16 << 10;

/// Longest JSON of one line of the answer, in bytes. The longest is a torrent with all its trackers.
pub(crate) const FRAME_CAP: usize = 4 << 20;

/// What the program is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What to read.
    pub kind: ArtifactKind,
    /// Within what.
    pub limits: Limits,
}

/// Says what an answer is about.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    kind: ArtifactKind,
}

/// Ends an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    status: ArtifactStatus,
    reasons: Vec<String>,
    rows: u64,
}

#[cfg(test)]
mod tests;
