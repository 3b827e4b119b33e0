//! Suricata's EVE JSON: `alert` events, and any other event that names a flow; also with the fields that a shipper
//! (Filebeat, Logstash) adds beside Suricata's own.
//!
//! Source: Suricata user guide, "Eve JSON Format", and its `etc/schema.json`.

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Kind, Reject};

pub(super) const FORMAT: Format = Format {
    name: "suricata_eve",
    description: "Suricata EVE JSON (eve.json), bare or behind a syslog header",
    example: "alerts/suricata_eve-alert.json",
    detects,
    parse,
};

pub(super) const MAPPING: Mapping = &[
    (Field::EventId, &["flow_id"]),
    (Field::Timestamp, &["timestamp", "@timestamp"]),
    // A flow has no signature: why it ended is what is known of it.
    (Field::RuleName, &["alert.signature", "anomaly.event", "flow.reason"]),
    (Field::RuleId, &["alert.signature_id"]),
    (Field::Severity, &["alert.severity"]),
    (Field::SourcePort, &["src_port", "sp"]),
    (Field::DestinationPort, &["dest_port", "dp"]),
    (Field::Transport, &["proto"]),
    // Of the request that the rule fired on, or of the transaction.
    (Field::ForwardedIp, &["xff", "http.xff"]),
    // `sensor-name` of suricata.yaml; `host` as an object is the shipper's own machine, which reads the sensor's file.
    (Field::ObserverName, &["host", "sensor_name", "host.name", "host.hostname"]),
    (
        Field::Infohash,
        &["bittorrent_dht.request.info_hash", "bittorrent-dht.request.info_hash", "bittorrent.info_hash"],
    ),
];

/// Where a tracker's announce URL is.
pub(super) const URLS: [&str; 3] = ["http.url", "http.http_refer", "fileinfo.filename"];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(event)) = &record.content else { return false };
    let told = event.get("event_type").is_some_and(Value::is_string);
    // Old versions and some collectors leave the type out.
    let fired = event.get("alert").is_some_and(|alert| alert.get("signature_id").is_some());
    (told || fired)
        && ["timestamp", "flow_id", "src_ip", "dest_ip"].iter().any(|key| event.contains_key(*key))
        // Sensors that embed Suricata add fields of their own, and name their own formats.
        && !super::is_known_before(FORMAT.name, record)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(whole @ Value::Object(event)) = &record.content else { return Ok(Vec::new()) };
    // Counters of the engine, its own log, and what else is about no flow.
    if !["src_ip", "dest_ip", "alert", "anomaly", "arp"].iter().any(|key| event.contains_key(*key)) {
        return Ok(Vec::new());
    }
    let mut fields = AlertFields::default();
    let (source, destination) = (address(event, "src_ip")?, address(event, "dest_ip")?);
    // A rule may fire on a packet that is too broken to have addresses.
    if source.or(destination).and_then(super::fields::text).is_some() {
        fields.set_addresses(
            source.map(|value| ("src_ip", value)),
            destination.map(|value| ("dest_ip", value)),
            "src_ip and dest_ip",
        )?;
    }
    let lookup = Lookup::Json(whole);
    if let Some(arp) = event.get("arp").filter(|_| source.is_none()) {
        let arp = Lookup::Json(arp);
        fields.fill(arp, &[(Field::SourceIp, &["src_ip"]), (Field::DestinationIp, &["dest_ip"])])?;
    }
    fields.fill(lookup, MAPPING)?;
    set_infohash_from_urls(&mut fields, lookup, &URLS);
    // A sensor logs every flow and look-up beside its alerts. BitTorrent's own protocols are what this is about.
    let torrent =
        event.get("event_type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("bittorrent"));
    if !event.contains_key("alert") && !torrent && fields.infohash.is_none() {
        fields.kind = Kind::Event;
    }
    Ok(vec![fields])
}

/// Takes an infohash from the first of the URLs that spells one.
pub(super) fn set_infohash_from_urls(fields: &mut AlertFields, lookup: Lookup<'_>, urls: &[&str]) {
    for url in urls {
        if fields.infohash.is_none()
            && let Some(value) = lookup.get(url)
        {
            fields.set_infohash_from_url((url, &value));
        }
    }
}

/// An address field is a text, or the alert is not what it says it is.
fn address<'a>(event: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Reject> {
    match event.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Reject::wrong_shape(field, "a text", other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alerts(event: Value) -> Result<Vec<AlertFields>, Reject> {
        let record = Record { text: event.to_string(), content: Content::Json(event) };
        assert!(detects(&record), "{}", record.text);
        parse(&record)
    }

    #[test]
    fn what_is_about_no_flow_is_no_alert_and_a_broken_packet_is_one() {
        let stats = json!({ "timestamp": "2026-03-04T05:06:07Z", "event_type": "stats", "stats": {} });
        assert_eq!(alerts(stats), Ok(Vec::new()));
        let broken = json!({ "timestamp": "2026-03-04T05:06:07Z", "event_type": "alert", "host": "ids-01",
            "alert": { "signature": "EXAMPLE truncated packet" } });
        let alert = alerts(broken).expect("alerts").remove(0);
        assert_eq!(alert.rule_name.as_deref(), Some("EXAMPLE truncated packet"));
        assert_eq!((alert.source_ip, alert.observer_name.as_deref()), (None, Some("ids-01")));
    }

    #[test]
    fn whom_a_proxy_speaks_for_is_no_source() {
        let event = json!({ "event_type": "http", "src_ip": "10.20.0.9", "dest_ip": "203.0.113.5",
            "http": { "xff": "10.20.4.17, 10.20.0.9", "url": "/" } });
        let alert = alerts(event).expect("alerts").remove(0);
        assert_eq!(alert.forwarded_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.4.17"));
        assert_eq!(alert.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.0.9"));
    }
}
