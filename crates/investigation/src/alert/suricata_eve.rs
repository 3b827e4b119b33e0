//! Suricata's EVE JSON: `alert` events, and any other event that names a flow.
//!
//! Source: Suricata user guide, "Eve JSON Format".

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::{AlertFields, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "suricata_eve",
    description: "Suricata EVE JSON (eve.json), bare or behind a syslog header",
    example: "alerts/suricata_eve-alert.json",
    detects,
    parse,
};

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(event)) = &record.content else { return false };
    event.get("event_type").is_some_and(Value::is_string)
        && ["timestamp", "flow_id", "src_ip", "dest_ip"].iter().any(|key| event.contains_key(*key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(Value::Object(event)) = &record.content else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    let (source, destination) = (address(event, "src_ip")?, address(event, "dest_ip")?);
    fields.set_addresses(
        source.map(|value| ("src_ip", value)),
        destination.map(|value| ("dest_ip", value)),
        "src_ip and dest_ip",
    )?;
    let scalar = |path: &[&str]| scalar(event, path);
    if let Some(port) = scalar(&["src_port"]) {
        fields.source_port = fields.port(("src_port", &port));
    }
    if let Some(port) = scalar(&["dest_port"]) {
        fields.destination_port = fields.port(("dest_port", &port));
    }
    if let Some(at) = scalar(&["timestamp"]) {
        fields.timestamp = fields.time(("timestamp", &at));
    }
    fields.transport = scalar(&["proto"]).as_deref().and_then(AlertFields::transport);
    fields.event_id = kept(scalar(&["flow_id"]));
    fields.rule_name = kept(scalar(&["alert", "signature"]));
    fields.rule_id = kept(scalar(&["alert", "signature_id"]));
    fields.severity = kept(scalar(&["alert", "severity"]));
    if let Some(url) = scalar(&["http", "url"]) {
        fields.set_infohash_from_url(&url);
    }
    if let Some(hash) = scalar(&["bittorrent_dht", "request", "info_hash"]) {
        fields.set_infohash(("bittorrent_dht.request.info_hash", &hash));
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

/// The text or the number at `path`.
fn scalar(event: &Map<String, Value>, path: &[&str]) -> Option<String> {
    let (last, groups) = path.split_last()?;
    let group = groups.iter().try_fold(event, |object, key| object.get(*key)?.as_object())?;
    match group.get(*last)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn kept(value: Option<String>) -> Option<String> {
    value.as_deref().and_then(super::fields::text)
}
