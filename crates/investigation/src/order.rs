//! An order: what a collector is told to do with one endpoint. Typed, and never shell text: a collector runs only
//! its own compiled-in catalogue.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::evidence::ArtifactKind;

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
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
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
