//! How a change to an endpoint went, and how it is taken back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where the outcomes lie in what a collector stages and a relay packs: a JSON list of [`MeasureOutcome`].
pub const MEASURES_PATH: &str = "measures.json";

/// How one measure, or one undo, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureStatus {
    /// It is done.
    Done,
    /// It was done before, by an earlier try of the same order.
    Already,
    /// What it is about is not there any more: there is nothing to do.
    Gone,
    /// What is there is not what was seen, or this system or transport cannot do it: nothing was touched.
    Refused,
    /// It was tried, and did not work.
    Failed,
}

/// One measure or undo, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureOutcome {
    /// Number within the case.
    pub n: u32,
    /// How it ended.
    pub status: MeasureStatus,
    /// One line for people: what was done, or why not.
    pub detail: String,
    /// How it is taken back, where it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// When it ended, by the collector's clock.
    pub at: Timestamp,
}

/// The inverse of a measure that was done. What it needs beyond this lies on the endpoint, under a name that is made of the
/// case and the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case", deny_unknown_fields)]
pub enum Undo {
    /// Put an entry that starts by itself back as it was.
    RestoreAutostart {
        /// `systemd`, `cron`, `xdg`, `run_key`, …
        mechanism: String,
        /// File or key that held the entry.
        location: String,
        /// Name of the unit, job or value.
        name: String,
        /// What stood there, in base64, where it is put back from here; kept small.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
    },
    /// Take the firewall's rules away again.
    UnblockTraffic,
    /// Put a file back to where it was.
    RestoreFile {
        /// Where it was.
        path: String,
        /// The exact bytes of the path in hex, where it was not UTF-8.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path_hex: Option<String>,
        /// SHA-256 of what was moved, lower-case hex.
        sha256: String,
    },
    /// Let the host back on the network.
    EndIsolation,
}

impl Undo {
    /// The word of the measure that it takes back.
    pub fn of(&self) -> &'static str {
        match self {
            Self::RestoreAutostart { .. } => "disable_autostart",
            Self::UnblockTraffic => "block_traffic",
            Self::RestoreFile { .. } => "quarantine_file",
            Self::EndIsolation => "isolate",
        }
    }
}

/// An undo with the number of the measure that it takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoOrder {
    /// Number within the case.
    pub n: u32,
    /// What to do.
    pub undo: Undo,
}
