//! Alerts as a sensor writes them.

use std::net::IpAddr;

use serde_json::{Value, json};

/// What a sensor saw: a flow of a BitTorrent client.
#[derive(Debug, Clone, Copy)]
pub struct Alert {
    /// The inner address.
    pub source: IpAddr,
    /// Its port.
    pub source_port: u16,
    /// The outer address.
    pub destination: IpAddr,
    /// Its port.
    pub destination_port: u16,
    /// Tells one alert from another (`flow_id`).
    pub flow: u64,
}

impl Alert {
    /// An alert about a machine, with a peer that is a machine of nobody.
    #[must_use]
    pub fn about(source: impl Into<IpAddr>, flow: u64) -> Self {
        Self {
            source: source.into(),
            source_port: 51413,
            destination: [203, 0, 113, 9].into(),
            destination_port: 6881,
            flow,
        }
    }
}

/// One alert of Suricata's EVE log, one line, seen just now. Layout: Suricata's user guide, "EVE JSON Format".
#[must_use]
pub fn eve(alert: &Alert) -> String {
    let seen = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string();
    let event: Value = json!({
        "timestamp": seen,
        "flow_id": alert.flow,
        "in_iface": "eth1",
        "event_type": "alert",
        "src_ip": alert.source.to_string(),
        "src_port": alert.source_port,
        "dest_ip": alert.destination.to_string(),
        "dest_port": alert.destination_port,
        "proto": "TCP",
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": 2_000_334,
            "rev": 13,
            "signature": "ET P2P BitTorrent peer sync",
            "category": "Potential Corporate Privacy Violation",
            "severity": 1,
        },
    });
    format!("{event}\n")
}
