//! Gatewatcher AIONIQ (and Trackwatch before it): the GCenter's own JSON, whose engines write what Suricata's EVE
//! does and more, and the ECS form that newer versions export.
//!
//! Source: GCenter documentation, "Export of logs", and its field lists of each engine (Sigflow, Malcore,
//! Codebreaker, Machine learning, Active CTI).

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::{self, Mapping};
use super::suricata_eve::set_infohash_from_urls;
use super::{AlertFields, Field, Format, Reject, ecs};

pub(super) const FORMAT: Format = Format {
    name: "gatewatcher",
    description: "Gatewatcher AIONIQ alerts, as the GCenter's own JSON or in its ECS form",
    example: "alerts/gatewatcher-sigflow.json",
    detects,
    parse,
};

/// The GCenter's own.
const NATIVE: Mapping = &[
    (Field::EventId, &["uuid", "flow_id"]),
    // When the probe saw it; analysis takes minutes.
    (Field::Timestamp, &["timestamp_detected", "timestamp", "timestamp_analyzed", "@timestamp"]),
    (Field::RuleName, &["alert.signature", "signature", "detail_threat_found"]),
    (Field::RuleId, &["alert.signature_id", "signature_id", "ioc_id"]),
    (Field::Severity, &["severity", "alert.severity"]),
    (Field::SourceIp, &["src_ip"]),
    (Field::SourcePort, &["src_port"]),
    (Field::DestinationIp, &["dest_ip"]),
    (Field::DestinationPort, &["dest_port"]),
    (Field::Transport, &["proto"]),
    (Field::ForwardedIp, &["xff", "http.xff"]),
    (Field::ObserverName, &["gcap", "host", "gcenter"]),
    (Field::Infohash, &["bittorrent_dht.request.info_hash"]),
];

/// What the ECS form has beside ECS.
const EXTENDED: Mapping = &[
    (Field::EventId, &["event.id"]),
    (Field::Timestamp, &["@timestamp", "event.created"]),
    (
        Field::RuleName,
        &["sigflow.signature", "nba.signature", "ioc.signature", "rule.name", "malcore.detail_threat_found"],
    ),
    (Field::RuleId, &["sigflow.signature_id", "nba.signature_id", "ioc.id", "rule.id"]),
    (Field::Severity, &["event.severity"]),
];

const URLS: [&str; 2] = ["http.url", "url.path"];

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(event)) = &record.content else { return false };
    let native = event.get("gcenter").is_some_and(Value::is_string)
        && ["event_type", "type"].iter().any(|key| event.contains_key(*key));
    let vendor = || Lookup::Json(value).get("observer.vendor");
    native || vendor().is_some_and(|vendor| vendor.eq_ignore_ascii_case("gatewatcher"))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value @ Value::Object(event)) = &record.content else { return Ok(Vec::new()) };
    let lookup = Lookup::Json(value);
    let mut alerts = match event.contains_key("gcenter") {
        true => mapping::read(lookup, NATIVE)?,
        false => ecs::read(lookup, &[EXTENDED])?,
    };
    for fields in &mut alerts {
        set_infohash_from_urls(fields, lookup, &URLS);
        // The engines that have no signatures say by their name what they saw; what Suricata logs says nothing.
        let logged = lookup.get("type").is_some_and(|kind| kind == "suricata");
        if fields.rule_name.is_none()
            && !logged
            && lookup.get("event.kind").is_none_or(|kind| kind == "alert")
        {
            fields.fill_one(lookup, Field::RuleName, &["event_type", "event.module"])?;
        }
    }
    Ok(alerts)
}
