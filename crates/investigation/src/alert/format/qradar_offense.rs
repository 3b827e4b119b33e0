//! IBM QRadar: offenses as its API and SOAR tools give them, events as its searches and its forwarding give them.
//!
//! Sources: IBM, "QRadar API reference: /siem/offenses", "AQL fields", "JSON forwarding profiles".

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::{Lookup, scalar};
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "qradar",
    description: "QRadar offenses (API, SOAR) and events (searches, JSON forwarding)",
    example: "alerts/qradar-offense.json",
    detects,
    parse,
};

const EVENT: Mapping = &[
    (Field::SourceIp, &["sourceip", "sourceIP", "src", "sourcev6"]),
    (Field::SourcePort, &["sourceport", "srcPort"]),
    (Field::SourceNatIp, &["postnatsourceip", "srcPostNAT"]),
    (Field::SourceNatPort, &["postnatsourceport", "srcPostNATPort"]),
    (Field::DestinationIp, &["destinationip", "destinationIP", "dst", "destinationv6"]),
    (Field::DestinationPort, &["destinationport", "dstPort"]),
    (Field::DestinationNatIp, &["postnatdestinationip", "dstPostNAT"]),
    (Field::DestinationNatPort, &["postnatdestinationport", "dstPostNATPort"]),
    (Field::Transport, &["protocolname_protocolid", "protocolName", "protocolid", "protocolID", "protocol"]),
    (Field::UserName, &["username", "usrName", "Username"]),
    (Field::HostName, &["identityhostname", "identhostname"]),
    (Field::ObserverName, &["logsourcename_logsourceid", "logSource", "logsourcename", "LogSource"]),
    (
        Field::Timestamp,
        &["devicetime", "devTimeEpoch", "devTimeISO", "starttime", "startTimeEpoch", "startTimeISO"],
    ),
    (Field::RuleName, &["qidname_qid", "eventName", "eventname", "Event Name", "name"]),
    (Field::RuleId, &["qid"]),
    (Field::Severity, &["severity", "sev", "magnitude"]),
];

const OFFENSE: Mapping = &[
    (Field::EventId, &["id", "offense_id"]),
    (Field::Timestamp, &["start_time", "startTime", "first_persisted_time"]),
    (Field::RuleName, &["description", "offense_description", "rules.name"]),
    (Field::RuleId, &["rules.id"]),
    (Field::Severity, &["severity", "magnitude"]),
    (Field::ObserverName, &["log_sources.name"]),
    (Field::SourceIp, &["source_ips", "source_addresses", "source_address_ids", "source_ip"]),
    (
        Field::DestinationIp,
        &[
            "local_destination_ips",
            "local_destination_addresses",
            "destination_ips",
            "local_destination_address_ids",
        ],
    ),
    (Field::UserName, &["username", "usernames"]),
];

/// What an offense is indexed on, by number or by name as tools translate it.
const BY_SOURCE: [&str; 4] = ["0", "10", "Source IP", "Source IPv6"];
const BY_DESTINATION: [&str; 4] = ["1", "11", "Destination IP", "Destination IPv6"];
const BY_USER: [&str; 2] = ["3", "Username"];
const BY_HOST: [&str; 3] = ["7", "Hostname", "Host Name"];

fn is_offense(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    has("offense_source") && (has("offense_type") || has("magnitude") || has("credibility"))
}

fn is_event(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let searched = (has("sourceip") || has("destinationip"))
        && ["qid", "qidname_qid", "starttime", "logsourceid", "logsourcename_logsourceid", "magnitude"]
            .iter()
            .any(|key| has(key));
    searched || (has("isoTimeFormat") && (has("startTimeEpoch") || has("devTimeEpoch")))
}

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    is_offense(value) || is_event(value)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value) = &record.content else { return Ok(Vec::new()) };
    match is_offense(value) {
        true => offense(value),
        false => mapping::read(Lookup::Json(value), EVENT),
    }
}

fn offense(value: &Value) -> Result<Vec<AlertFields>, Reject> {
    let lookup = Lookup::Json(value);
    // Tools put the events that an offense is made of beside it, and these say who spoke to whom.
    if let Some(events) = value.get("events").and_then(Value::as_array).filter(|events| !events.is_empty()) {
        let mut alerts = Vec::new();
        for event in events.iter().take(64).filter(|event| is_event(event)) {
            for mut fields in mapping::read(Lookup::Json(event), EVENT)? {
                for field in [Field::EventId, Field::RuleName, Field::RuleId, Field::Severity] {
                    let paths =
                        OFFENSE.iter().find(|(of, _)| *of == field).map_or(&[][..], |(_, paths)| paths);
                    fields.fill_one(lookup, field, paths)?;
                }
                if !alerts.contains(&fields) {
                    alerts.push(fields);
                }
            }
        }
        if !alerts.is_empty() {
            return Ok(alerts);
        }
    }
    let bare = without_numbers(value);
    let kind = lookup.get("offense_type_str").or_else(|| lookup.get("offense_type")).unwrap_or_default();
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&kind));
    let mut alerts = mapping::read(Lookup::Json(&bare), OFFENSE)?;
    let about = lookup.get("offense_source").unwrap_or_default();
    for fields in &mut alerts {
        let is_address = parse_address(&about).is_some();
        let field = if is(&BY_DESTINATION) {
            Field::DestinationIp
        } else if is(&BY_SOURCE) || is_address {
            Field::SourceIp
        } else if is(&BY_USER) {
            Field::UserName
        } else if is(&BY_HOST) {
            Field::HostName
        } else {
            continue;
        };
        let known = match field {
            Field::SourceIp => fields.source_ip.is_some(),
            Field::DestinationIp => fields.destination_ip.is_some(),
            _ => false,
        };
        if !known {
            fields.set(field, ("offense_source", &about))?;
        }
    }
    Ok(alerts)
}

/// The offense with addresses only in the lists of addresses: the API gives the numbers of its own records there, tools
/// put the addresses in their place.
fn without_numbers(value: &Value) -> Value {
    let mut value = value.clone();
    for key in ["source_address_ids", "local_destination_address_ids"] {
        if let Some(Value::Array(items)) = value.get_mut(key) {
            items.retain(|item| scalar(item).is_some_and(|text| parse_address(&text).is_some()));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_offense_is_about_is_told_by_its_type() {
        let read = |kind: Value, source: &str| {
            let value =
                json!({ "id": 1, "offense_source": source, "offense_type": kind, "source_address_ids": [7] });
            let fields = offense(&value).expect("alerts").remove(0);
            (
                fields.source_ip.map(|ip| ip.to_string()),
                fields.destination_ip.is_some(),
                fields.user_name,
                fields.host_name,
            )
        };
        assert_eq!(read(json!(0), "10.0.0.5").0.as_deref(), Some("10.0.0.5"));
        assert!(read(json!(1), "10.0.0.5").1);
        assert_eq!(read(json!("Username"), "alice").2.as_deref(), Some("alice"));
        assert_eq!(read(json!(7), "ws-0317").3.as_deref(), Some("ws-0317"));
        assert_eq!(read(json!(2), "BitTorrent"), (None, false, None, None));
    }
}
