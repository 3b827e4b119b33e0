//! An order: what a collector is told to do with one endpoint. Typed, and never shell text: a collector runs only
//! its own compiled-in catalogue. Orders for endpoints behind a relay travel in an [`OrderBatch`], named to the relay
//! by an [`OrderLink`]; what became of each comes back as a [`RelayReport`].

mod batch;
mod link;
mod report;

use std::net::IpAddr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::evidence::ArtifactKind;
use crate::remediation::{MeasureOrder, UndoOrder};

pub use batch::{
    BATCH_FORMAT, BatchError, BatchFault, MAX_BATCH_BYTES, MAX_ORDERS, OrderBatch, OrderFault, RelayOrder,
    Upload, is_relay_name,
};
pub use link::{LinkError, MAX_LINK_CHARS, OrderLink, UrlFault, check_url};
pub use report::{
    MAX_REPORT_BYTES, REPORT_FORMAT, REPORT_PATH, RelayReport, RelayResult, ReportError, ReportFault,
};

/// How long an order is on its way to a relay that is online, at most.
pub const DELIVERY: SignedDuration = SignedDuration::from_mins(5);
/// Time for the upload after the contact, and for the news of it to come.
pub const UPLOAD: SignedDuration = SignedDuration::from_mins(10);

/// One order for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Case that the order belongs to.
    pub case_id: String,
    /// Address to contact; the collector checks it against the scope again.
    pub target: IpAddr,
    /// What to do.
    pub task: Task,
}

/// What to do with the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", from = "Spelled")]
pub enum Task {
    /// Contact it, and say who it is and who is logged in.
    Identify,
    /// Collect these kinds of artifacts.
    Collect {
        /// Kinds, collected in order of volatility whatever their order here.
        artifacts: Vec<ArtifactKind>,
        /// Caps of this collection.
        limits: Limits,
    },
    /// Change something on it, one measure after the other; needs an approval.
    Remediate {
        /// The host name that it gave when the evidence was collected. Another host is left alone.
        host_name: String,
        /// What to do.
        measures: Vec<MeasureOrder>,
    },
    /// Take changes back.
    Undo {
        /// As above.
        host_name: String,
        /// What to take back.
        measures: Vec<UndoOrder>,
    },
}

impl Task {
    /// What it changes on the endpoint: the words of its measures, or of those that it takes back.
    pub fn changes(&self) -> Vec<&'static str> {
        match self {
            Self::Identify | Self::Collect { .. } => Vec::new(),
            Self::Remediate { measures, .. } => measures.iter().map(|order| order.measure.as_str()).collect(),
            Self::Undo { measures, .. } => measures.iter().map(|order| order.undo.of()).collect(),
        }
    }
}

/// How a [`Task`] is read. serde lets unknown fields pass beside the tag of a variant without fields, and refuses them
/// beside that of one with braces.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Spelled {
    Identify {},
    Collect { artifacts: Vec<ArtifactKind>, limits: Limits },
    Remediate { host_name: String, measures: Vec<MeasureOrder> },
    Undo { host_name: String, measures: Vec<UndoOrder> },
}

impl From<Spelled> for Task {
    fn from(spelled: Spelled) -> Self {
        match spelled {
            Spelled::Identify {} => Self::Identify,
            Spelled::Collect { artifacts, limits } => Self::Collect { artifacts, limits },
            Spelled::Remediate { host_name, measures } => Self::Remediate { host_name, measures },
            Spelled::Undo { host_name, measures } => Self::Undo { host_name, measures },
        }
    }
}

/// Caps of one collection. Reaching one marks the artifact `truncated`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds for one artifact.
    pub artifact_seconds: u64,
    /// Bytes of raw output kept for one artifact.
    pub artifact_bytes: u64,
    /// Rows kept in one artifact's parsed form.
    pub rows: u64,
    /// Depth of folders in the file inventory.
    pub depth: u32,
    /// Files visited by the file inventory.
    pub files: u64,
    /// Bytes of one `.torrent` that are read.
    pub torrent_bytes: u64,
    /// Images above this size are not hashed.
    pub hash_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifact_seconds: 300,
            artifact_bytes: 256 << 20,
            rows: 20_000,
            depth: 64,
            files: 20_000_000,
            torrent_bytes: 16 << 20,
            hash_bytes: 512 << 20,
        }
    }
}

/// 64 lower-case hex digits.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a case may be called where its id becomes part of a path, a key or a name on an endpoint.
pub fn is_case_id(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(task: &str) -> Result<Task, serde_json::Error> {
        let text = format!(r#"{{"case_id":"c","target":"10.0.0.5","task":{task}}}"#);
        serde_json::from_str::<Order>(&text).map(|order| order.task)
    }

    #[test]
    fn nothing_rides_along_with_an_order() {
        assert_eq!(read(r#"{"kind":"identify"}"#).unwrap(), Task::Identify);
        let collect = Task::Collect { artifacts: vec![ArtifactKind::Identity], limits: Limits::default() };
        assert_eq!(read(r#"{"kind":"collect","artifacts":["identity"],"limits":{}}"#).unwrap(), collect);
        for task in [
            r#"{"kind":"remediate","host_name":"h","measures":[],"command":"id"}"#,
            r#"{"kind":"undo","host_name":"h","measures":[{"n":1,"undo":{"undo":"end_isolation"},"command":"id"}]}"#,
            r#"{"kind":"identify","command":"id"}"#,
            r#"{"kind":"identify","artifacts":[]}"#,
            r#"{"kind":"collect","artifacts":[],"limits":{},"command":"id"}"#,
            r#"{"kind":"collect","artifacts":[],"limits":{"command":"id"}}"#,
        ] {
            assert!(read(task).is_err(), "{task}");
        }
    }

    #[test]
    fn an_order_is_read_as_it_is_written() {
        let task = Task::Collect { artifacts: ArtifactKind::ALL.to_vec(), limits: Limits::default() };
        let undo = UndoOrder { n: 1, undo: crate::remediation::Undo::UnblockTraffic };
        let undo = Task::Undo { host_name: "laptop".to_owned(), measures: vec![undo] };
        assert_eq!(undo.changes(), ["block_traffic"]);
        for task in [Task::Identify, task, undo] {
            assert_eq!(read(&serde_json::to_string(&task).unwrap()).unwrap(), task);
        }
    }
}
