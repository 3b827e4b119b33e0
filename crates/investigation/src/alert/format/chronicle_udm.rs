//! Google Security Operations (Chronicle): events in its Unified Data Model, and detections with the events that they
//! were made of. Its API writes names in camelCase, exports in snake_case.
//!
//! Source: Google SecOps documentation, "UDM field list", and the detection engine's API reference.

use std::net::IpAddr;

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::{self, Lookup};
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "chronicle_udm",
    description: "Google SecOps (Chronicle) UDM events, and detections with their events",
    example: "alerts/chronicle_udm-detection.json",
    detects,
    parse,
};

/// Most events of one detection that are looked at.
const MAX_EVENTS: usize = 256;

const EVENT: Mapping = &[
    (Field::EventId, &["metadata.id", "metadata.productLogId", "metadata.product_log_id"]),
    (
        Field::Timestamp,
        &[
            "metadata.eventTimestamp",
            "metadata.event_timestamp",
            "metadata.collectedTimestamp",
            "metadata.collected_timestamp",
        ],
    ),
    (
        Field::RuleName,
        &[
            "securityResult.ruleName",
            "security_result.rule_name",
            "securityResult.threatName",
            "security_result.threat_name",
            "securityResult.summary",
            "security_result.summary",
            "metadata.description",
        ],
    ),
    (Field::RuleId, &["securityResult.ruleId", "security_result.rule_id"]),
    (Field::Severity, &["securityResult.severity", "security_result.severity"]),
    (Field::SourceIp, &["principal.ip", "src.ip", "principal.asset.ip"]),
    (Field::SourcePort, &["principal.port", "src.port"]),
    (Field::SourceNatIp, &["principal.natIp", "principal.nat_ip"]),
    (Field::SourceNatPort, &["principal.natPort", "principal.nat_port"]),
    (Field::DestinationIp, &["target.ip", "target.asset.ip"]),
    (Field::DestinationPort, &["target.port"]),
    (Field::DestinationNatIp, &["target.natIp", "target.nat_ip"]),
    (Field::DestinationNatPort, &["target.natPort", "target.nat_port"]),
    (Field::Transport, &["network.ipProtocol", "network.ip_protocol"]),
    (Field::UserName, &["principal.user.userid"]),
    (Field::UserEmail, &["principal.user.emailAddresses", "principal.user.email_addresses"]),
    (Field::HostName, &["principal.hostname", "principal.asset.hostname"]),
    (Field::ObserverName, &["observer.hostname", "intermediary.hostname"]),
];

const DETECTION: Mapping = &[
    (Field::EventId, &["id"]),
    (Field::RuleName, &["detection.ruleName", "detection.rule_name"]),
    (Field::RuleId, &["detection.ruleId", "detection.rule_id"]),
    (Field::Severity, &["detection.severity"]),
];

/// Where an event is in what carries it, from the outside.
const CARRIED: [&str; 7] = [
    "event.idm.readOnlyUdm",
    "event.idm.read_only_udm",
    "idm.readOnlyUdm",
    "idm.read_only_udm",
    "udm",
    "event",
    "",
];
const REFERENCES: [&str; 2] = ["collectionElements.references", "collection_elements.references"];

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    is_detection(value) || event(value).is_some()
}

fn is_detection(value: &Value) -> bool {
    let lookup = Lookup::Json(value);
    ["detection.ruleName", "detection.rule_name"].iter().any(|key| lookup.has(key))
        && ["collectionElements", "collection_elements", "timeWindow", "detectionTime", "createdTime"]
            .iter()
            .any(|key| lookup.has(key))
}

/// The event that `value` is or carries.
fn event(value: &Value) -> Option<&Value> {
    CARRIED.iter().find_map(|path| {
        let event = if path.is_empty() { value } else { lookup::value(value, path)? };
        let lookup = Lookup::Json(event);
        let is_event = (lookup.has("metadata.eventType") || lookup.has("metadata.event_type"))
            && ["principal", "target", "metadata.productName", "metadata.product_name"]
                .iter()
                .any(|key| lookup.has(key));
        is_event.then_some(event)
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return Ok(Vec::new()) };
    if !is_detection(value) {
        return event(value).map_or(Ok(Vec::new()), read);
    }
    // One alert for each machine: a detection may be of a hundred flows of the same one.
    let mut alerts: Vec<AlertFields> = Vec::new();
    for reference in REFERENCES.iter().flat_map(|path| lookup::values(value, path)).take(MAX_EVENTS) {
        for fields in event(reference).map_or(Ok(Vec::new()), read)? {
            let whose = |fields: &AlertFields| {
                (fields.source_ip, fields.source_ip.is_none().then(|| fields.host_name.clone()))
            };
            if !alerts.iter().any(|known| whose(known) == whose(&fields)) {
                alerts.push(fields);
            }
        }
    }
    if alerts.is_empty() {
        alerts.push(of_match(value)?);
    }
    for fields in &mut alerts {
        let lookup = Lookup::Json(value);
        fields.fill(lookup, DETECTION)?;
        if fields.timestamp.is_none() {
            fields.fill_one(lookup, Field::Timestamp, &["detectionTime", "createdTime", "created_time"])?;
        }
    }
    Ok(alerts)
}

/// A detection without its events still has the variables that its rule matched by.
fn of_match(value: &Value) -> Result<AlertFields, Reject> {
    const VARIABLES: [(Field, &[&str]); 4] = [
        (Field::SourceIp, &["ip", "src_ip", "source_ip", "principal_ip"]),
        (Field::DestinationIp, &["dst_ip", "dest_ip", "destination_ip", "target_ip"]),
        (Field::HostName, &["hostname", "host", "principal_hostname"]),
        (Field::UserName, &["user", "userid", "username", "principal_user"]),
    ];
    let mut fields = AlertFields::default();
    let listed = ["detection.detectionFields", "detection.detection_fields"];
    for pair in listed.iter().flat_map(|path| lookup::values(value, path)) {
        let pair = Lookup::Json(pair);
        let (Some(key), Some(found)) = (pair.get("key"), pair.get("value")) else { continue };
        if let Some((field, _)) = VARIABLES.iter().find(|(_, names)| names.contains(&key.as_ref())) {
            fields.set(*field, (&format!("detection.detectionFields.{key}"), &found))?;
        }
    }
    Ok(fields)
}

fn read(event: &Value) -> Result<Vec<AlertFields>, Reject> {
    let mut event = event.clone();
    for end in ["principal", "src", "target"] {
        if let Some(Value::Array(addresses)) = event.get_mut(end).and_then(|end| end.get_mut("ip"))
            && addresses.iter().any(is_reached)
        {
            addresses.retain(is_reached);
        }
    }
    mapping::read(Lookup::Json(&event), EVENT)
}

/// An asset lists all of its addresses, those that nobody else can reach among them.
fn is_reached(address: &Value) -> bool {
    match address.as_str().and_then(parse_address) {
        Some(IpAddr::V4(ip)) => !ip.is_loopback() && !ip.is_link_local(),
        Some(IpAddr::V6(ip)) => !ip.is_loopback() && !ip.is_unicast_link_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detection_without_its_events_is_about_what_it_matched_by() {
        let value = json!({ "id": "de_1", "createdTime": "2026-03-04T05:15:00Z", "detection": [{
            "ruleName": "p2p", "detectionFields": [{ "key": "ip", "value": "10.20.3.41" }, { "key": "count", "value": "9" }] }] });
        let record = Record { text: value.to_string(), content: Content::Json(value) };
        assert!(detects(&record));
        let alert = parse(&record).expect("alerts").remove(0);
        assert_eq!(alert.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.41"));
        assert_eq!(alert.rule_name.as_deref(), Some("p2p"));
        assert!(alert.timestamp.is_some());
    }
}
