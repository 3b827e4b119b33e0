//! Suricata's EVE JSON: `alert` events, and any other event that names a flow.
//!
//! Source: Suricata user guide, "Eve JSON Format".

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "suricata_eve",
    description: "Suricata EVE JSON (eve.json), bare or behind a syslog header",
    example: "alerts/suricata_eve-alert.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["flow_id"]),
    (Field::Timestamp, &["timestamp"]),
    (Field::RuleName, &["alert.signature"]),
    (Field::RuleId, &["alert.signature_id"]),
    (Field::Severity, &["alert.severity"]),
    (Field::SourcePort, &["src_port"]),
    (Field::DestinationPort, &["dest_port"]),
    (Field::Transport, &["proto"]),
    (Field::ForwardedIp, &["http.xff", "xff"]),
    (Field::HostName, &["host.name"]),
    (Field::Infohash, &["bittorrent_dht.request.info_hash"]),
];

/// Where a tracker's announce URL is.
const URLS: [&str; 1] = ["http.url"];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(event)) = &record.content else { return false };
    event.get("event_type").is_some_and(Value::is_string)
        && ["timestamp", "flow_id", "src_ip", "dest_ip"].iter().any(|key| event.contains_key(*key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(whole @ Value::Object(event)) = &record.content else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    let (source, destination) = (address(event, "src_ip")?, address(event, "dest_ip")?);
    fields.set_addresses(
        source.map(|value| ("src_ip", value)),
        destination.map(|value| ("dest_ip", value)),
        "src_ip and dest_ip",
    )?;
    let lookup = Lookup::Json(whole);
    fields.fill(lookup, MAPPING)?;
    for url in URLS {
        if let Some(value) = lookup.get(url) {
            fields.set_infohash_from_url((url, &value));
        }
    }
    Ok(vec![fields])
}

/// An address field is a text, or the alert is not what it says it is.
fn address<'a>(event: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Reject> {
    match event.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Reject::wrong_shape(field, "a text", other)),
    }
}
