//! What a SIEM says: many spellings, one normalised alert with ECS names.
//!
//! ```text
//! input ─► framing ─► Record ─► formats::read ─► Alert
//! ```

mod address;
mod arcsight_cef;
mod cef;
mod fields;
mod formats;
pub mod framing;
mod peerhound_json;
mod reject;
mod suricata_eve;
mod time;

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::TransportProtocol;

pub use fields::AlertFields;
pub use formats::{FORMATS, Format, read};
pub use reject::Reject;

/// A normalised alert. Field names in serialised form are ECS names.
///
/// Addresses are folded (IPv4-mapped IPv6 becomes IPv4). Text is as the sender wrote it, capped, and hostile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Peerhound's id of this alert, derived from its content: the same bytes twice are the same alert.
    pub id: String,
    /// `event.id`: what the sender calls it. Not trusted to be unique.
    #[serde(rename = "event.id", default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// `@timestamp`: when the sensor saw it.
    #[serde(rename = "@timestamp", default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// Name of the format it was read as.
    pub format: String,
    /// `rule.name`.
    #[serde(rename = "rule.name", default, skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// `rule.id`.
    #[serde(rename = "rule.id", default, skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<String>,
    /// `source.ip`.
    #[serde(rename = "source.ip", default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<IpAddr>,
    /// `source.port`.
    #[serde(rename = "source.port", default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// `destination.ip`.
    #[serde(rename = "destination.ip", default, skip_serializing_if = "Option::is_none")]
    pub destination_ip: Option<IpAddr>,
    /// `destination.port`.
    #[serde(rename = "destination.port", default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// `network.transport`.
    #[serde(rename = "network.transport", default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<TransportProtocol>,
    /// `user.name`.
    #[serde(rename = "user.name", default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// `user.domain`.
    #[serde(rename = "user.domain", default, skip_serializing_if = "Option::is_none")]
    pub user_domain: Option<String>,
    /// `user.email`.
    #[serde(rename = "user.email", default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// `host.name`.
    #[serde(rename = "host.name", default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// `event.severity`, as the sender spells it.
    #[serde(rename = "event.severity", default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Infohash seen on the wire, lower-case hex.
    #[serde(rename = "torrent.infohash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<String>,
    /// What was wrong with the record without spoiling it, one line each: a field that was dropped, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// `event.original`: the record as it came, capped.
    #[serde(rename = "event.original")]
    pub original: String,
}

#[cfg(test)]
mod tests;
