//! What a SIEM says: many spellings, one normalised alert with ECS names.
//!
//! ```text
//! input ─► framing ─► Record ─► envelope ─► Record ─► format ─► AlertFields ─► Alert
//! ```

mod envelope;
mod field;
mod fields;
mod format;
pub mod framing;
mod gunzip;
mod lookup;
mod mapping;
mod pairs;
mod reject;
mod site;
mod syslog;
mod time;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::TransportProtocol;

pub use field::Field;
pub use fields::AlertFields;
pub use format::{FORMATS, Format, Rejected, read, read_told_apart};
pub use gunzip::{GunzipError, gunzip};
pub use reject::Reject;
pub use site::{Detect, SiteFormat, SiteKind};

/// `event.kind`: whether the sender says that somebody should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something fired.
    #[default]
    Alert,
    /// Something happened: a flow, a look-up, a request. A sensor writes them by the million, and nobody is
    /// investigated for one.
    Event,
}

impl Kind {
    fn is_alert(&self) -> bool {
        *self == Self::Alert
    }
}

/// A normalised alert. Field names in serialised form are ECS names.
///
/// Addresses are folded (IPv4-mapped IPv6 becomes IPv4). Text is as the sender wrote it, capped, and hostile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Peerhound's id of this alert, derived from its content: the same bytes twice are the same alert.
    pub id: String,
    /// `event.kind`; left out where it is an alert.
    #[serde(rename = "event.kind", default, skip_serializing_if = "Kind::is_alert")]
    pub kind: Kind,
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
    /// `source.address`: what the sender wrote for the source, where that is no IP address.
    #[serde(rename = "source.address", default, skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,
    /// `source.port`.
    #[serde(rename = "source.port", default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// `source.nat.ip`: what the source was translated to. Never taken for the source itself.
    #[serde(rename = "source.nat.ip", default, skip_serializing_if = "Option::is_none")]
    pub source_nat_ip: Option<IpAddr>,
    /// `source.nat.port`.
    #[serde(rename = "source.nat.port", default, skip_serializing_if = "Option::is_none")]
    pub source_nat_port: Option<u16>,
    /// `destination.ip`.
    #[serde(rename = "destination.ip", default, skip_serializing_if = "Option::is_none")]
    pub destination_ip: Option<IpAddr>,
    /// `destination.address`: what the sender wrote for the destination, where that is no IP address.
    #[serde(rename = "destination.address", default, skip_serializing_if = "Option::is_none")]
    pub destination_address: Option<String>,
    /// `destination.port`.
    #[serde(rename = "destination.port", default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// `destination.nat.ip`: what the destination was translated to.
    #[serde(rename = "destination.nat.ip", default, skip_serializing_if = "Option::is_none")]
    pub destination_nat_ip: Option<IpAddr>,
    /// `destination.nat.port`.
    #[serde(rename = "destination.nat.port", default, skip_serializing_if = "Option::is_none")]
    pub destination_nat_port: Option<u16>,
    /// `network.forwarded_ip`: whom a proxy says it speaks for (X-Forwarded-For). Whoever sends a request can write it.
    #[serde(rename = "network.forwarded_ip", default, skip_serializing_if = "Option::is_none")]
    pub forwarded_ip: Option<IpAddr>,
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
    /// `host.name`: the host of the suspected end, or else the sensor itself, which then is `observer.name` too.
    #[serde(rename = "host.name", default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// `observer.name`: the sensor.
    #[serde(rename = "observer.name", default, skip_serializing_if = "Option::is_none")]
    pub observer_name: Option<String>,
    /// `event.severity`, as the sender spells it.
    #[serde(rename = "event.severity", default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Infohash seen on the wire, lower-case hex.
    #[serde(rename = "torrent.infohash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<String>,
    /// Which field of the sender's each value is from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<Field, String>,
    /// What was wrong with the record without spoiling it, one line each: a field that was dropped, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// `event.original`: the record as it came, capped.
    #[serde(rename = "event.original")]
    pub original: String,
}

impl Alert {
    /// The name of the host that the alert is about, where it gives one and it is not the sensor's own.
    pub fn suspect_host(&self) -> Option<&str> {
        self.host_name.as_deref().filter(|name| self.observer_name.as_deref() != Some(name))
    }
}

#[cfg(test)]
mod tests;
