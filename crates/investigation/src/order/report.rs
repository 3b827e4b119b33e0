//! What became of one order: the first entry of the bundle that a relay uploads for it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{is_case_id, is_relay_name, is_sha256};
use crate::evidence::manifest::{
    Entry, MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_TOTAL_BYTES, ManifestFault, check_path, path_clashes,
};
use crate::text::one_line;

/// What the report calls itself.
pub const REPORT_FORMAT: &str = "peerhound-report/1";
/// The report's own name inside the bundle, whose first entry it is.
pub const REPORT_PATH: &str = "report.json";
/// Largest report, in bytes.
pub const MAX_REPORT_BYTES: u64 = 8 << 20;
/// The entry that a whole collection has.
const COLLECTION_PATH: &str = "collection.json";
const MAX_REASON_CHARS: usize = 1000;

/// `report.json`. Read by [`RelayReport::parse`], and to be believed only where [`RelayReport::faults`] is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayReport {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// Case of the order.
    pub case_id: String,
    /// Address that was to be contacted.
    pub target: IpAddr,
    /// Effect of the order.
    pub effect: u32,
    /// Which try of it.
    pub attempt: u32,
    /// The relay, by its own configuration's name.
    pub relay: String,
    /// Its version.
    pub relay_version: String,
    /// When it began with the order.
    pub started_at: Timestamp,
    /// When it was done with the endpoint.
    pub finished_at: Timestamp,
    /// How it went.
    pub result: RelayResult,
    /// Every other entry of the bundle, in the order in which they lie in it.
    pub entries: Vec<Entry>,
}

/// How an order went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", from = "Spelled")]
pub enum RelayResult {
    /// The endpoint answered; what was ordered lies in the bundle.
    Staged,
    /// The contact broke, or was not made. There are no other entries.
    Failed {
        /// A word for programs: a collector's `ContactError::code`, or one of the relay's own.
        code: String,
        /// What happened, one line.
        reason: String,
        /// Whether the same order can succeed later without anybody changing anything.
        retryable: bool,
    },
}

/// How a [`RelayResult`] is read, see the order's task: serde lets unknown fields pass beside the tag of a variant
/// without fields.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
enum Spelled {
    Staged {},
    Failed { code: String, reason: String, retryable: bool },
}

impl From<Spelled> for RelayResult {
    fn from(spelled: Spelled) -> Self {
        match spelled {
            Spelled::Staged {} => Self::Staged,
            Spelled::Failed { code, reason, retryable } => Self::Failed { code, reason, retryable },
        }
    }
}

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Over [`MAX_REPORT_BYTES`].
    #[error("the report has more than {MAX_REPORT_BYTES} bytes")]
    TooLarge,
    /// Another format.
    #[error("the report has the format {0:?}, this version reads {REPORT_FORMAT:?}")]
    Format(String),
    /// Not JSON, or not of the shape.
    #[error("the report cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Something that a report must not say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// A name, a code or a reason breaks the rules.
    #[error("the report's {0} is not one that a relay writes")]
    Field(&'static str),
    /// It is of another order.
    #[error("the report is of case {case_id}, effect {effect}, attempt {attempt}")]
    OtherOrder {
        /// Case.
        case_id: String,
        /// Effect.
        effect: u32,
        /// Attempt.
        attempt: u32,
    },
    /// It is done before it has begun.
    #[error("the report ends before it begins")]
    Times,
    /// Something was staged, and the record of the collection is not there.
    #[error("the report lists no collection.json although the endpoint answered")]
    NoCollection,
    /// A failure has evidence.
    #[error("the report lists entries although the contact failed")]
    EntriesOfNothing,
    /// The list of entries breaks the rules of a manifest.
    #[error("{0}")]
    Entries(ManifestFault),
}

impl RelayReport {
    /// Reads a report. The shape is checked here, what it says by [`Self::faults`].
    ///
    /// # Errors
    /// When it is too large, not JSON of the shape, or of another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        /// Read first and leniently: another format may have any other fields.
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        if bytes.len() as u64 > MAX_REPORT_BYTES {
            return Err(ReportError::TooLarge);
        }
        let Format { format } = serde_json::from_slice(bytes).map_err(ReportError::Unreadable)?;
        if format != REPORT_FORMAT {
            return Err(ReportError::Format(one_line(&format, 40)));
        }
        serde_json::from_slice(bytes).map_err(ReportError::Unreadable)
    }

    /// Everything that a report of this order must not say. Empty for every report that a relay wrote for it.
    pub fn faults(&self, case_id: &str, effect: u32, attempt: u32) -> Vec<ReportFault> {
        if self.entries.len() > MAX_ENTRIES {
            return vec![ReportFault::Entries(ManifestFault::TooManyEntries(self.entries.len()))];
        }
        let mut faults = Vec::new();
        if (self.case_id.as_str(), self.effect, self.attempt) != (case_id, effect, attempt) {
            let case_id = one_line(&self.case_id, 64);
            faults.push(ReportFault::OtherOrder { case_id, effect: self.effect, attempt: self.attempt });
        }
        let sound = [
            ("case_id", is_case_id(&self.case_id)),
            ("relay", is_relay_name(&self.relay)),
            ("relay_version", self.relay_version.len() <= 64 && is_one_line(&self.relay_version)),
        ];
        faults.extend(sound.iter().filter(|(_, sound)| !sound).map(|(field, _)| ReportFault::Field(field)));
        if self.finished_at < self.started_at {
            faults.push(ReportFault::Times);
        }
        match &self.result {
            RelayResult::Staged if !self.entries.iter().any(|entry| entry.path == COLLECTION_PATH) => {
                faults.push(ReportFault::NoCollection);
            }
            RelayResult::Staged => {}
            RelayResult::Failed { code, reason, .. } => {
                if !is_code(code) {
                    faults.push(ReportFault::Field("code"));
                }
                if reason.chars().count() > MAX_REASON_CHARS || !is_one_line(reason) {
                    faults.push(ReportFault::Field("reason"));
                }
                if !self.entries.is_empty() {
                    faults.push(ReportFault::EntriesOfNothing);
                }
            }
        }
        faults.extend(self.entry_faults().into_iter().map(ReportFault::Entries));
        faults
    }

    fn entry_faults(&self) -> Vec<ManifestFault> {
        let mut faults = Vec::new();
        let mut total = 0_u64;
        for Entry { path, size, sha256, .. } in &self.entries {
            if let Err(fault) = check_path(path) {
                faults.push(ManifestFault::BadPath { path: path.clone(), fault });
            }
            if !is_sha256(sha256) {
                faults.push(ManifestFault::BadHash(path.clone()));
            }
            if *size > MAX_ENTRY_BYTES {
                faults.push(ManifestFault::EntryTooLarge { path: path.clone(), size: *size });
            }
            total = total.saturating_add(*size);
        }
        if total > MAX_TOTAL_BYTES {
            faults.push(ManifestFault::TotalTooLarge);
        }
        // The report lies beside them.
        faults.extend(path_clashes(
            std::iter::once(REPORT_PATH).chain(self.entries.iter().map(|e| e.path.as_str())),
        ));
        faults
    }
}

fn is_code(code: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=40).contains(&code.len()) && code.bytes().all(fine)
}

fn is_one_line(text: &str) -> bool {
    one_line(text, usize::MAX) == text
}

#[cfg(test)]
mod tests;
