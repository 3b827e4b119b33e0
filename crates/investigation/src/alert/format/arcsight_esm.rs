//! ArcSight ESM: events of its REST services and of its forwarding connectors, rows of query viewers and active lists.
//!
//! Sources: Micro Focus, "ESM Service Layer Developer's Guide" and "ESM 101: event schema".

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "arcsight_esm",
    description: "ArcSight ESM events, query results and active list entries (JSON)",
    example: "alerts/arcsight_esm-event.json",
    detects,
    parse,
};

/// The schema's names, without blanks and without case.
const MAPPING: Mapping = &[
    (Field::SourceIp, &["attackeraddress", "sourceaddress", "source.address", "attacker.address"]),
    (Field::SourcePort, &["attackerport", "sourceport", "source.port", "attacker.port"]),
    (
        Field::SourceNatIp,
        &["attackertranslatedaddress", "sourcetranslatedaddress", "source.translatedaddress"],
    ),
    (Field::DestinationIp, &["targetaddress", "destinationaddress", "destination.address", "target.address"]),
    (Field::DestinationPort, &["targetport", "destinationport", "destination.port", "target.port"]),
    (
        Field::DestinationNatIp,
        &["targettranslatedaddress", "destinationtranslatedaddress", "destination.translatedaddress"],
    ),
    (Field::Transport, &["transportprotocol"]),
    (
        Field::UserName,
        &[
            "attackerusername",
            "sourceusername",
            "source.username",
            "attacker.username",
            "targetusername",
            "destinationusername",
            "destination.username",
            "username",
        ],
    ),
    (Field::UserDomain, &["attackerntdomain", "sourcentdomain", "source.ntdomain"]),
    (Field::HostName, &["attackerhostname", "sourcehostname", "source.hostname", "attacker.hostname"]),
    (Field::ObserverName, &["devicehostname", "device.hostname", "deviceaddress", "device.address"]),
    (
        Field::Timestamp,
        &[
            "starttime",
            "endtime",
            "devicereceipttime",
            "managerreceipttime",
            "agentreceipttime",
            "creationtime",
        ],
    ),
    (Field::RuleName, &["name", "eventname", "message"]),
    (Field::RuleId, &["deviceeventclassid", "eventclassid"]),
    (Field::EventId, &["eventid", "externalid"]),
    (Field::Severity, &["priority", "agentseverity", "severity", "deviceseverity"]),
];

/// Keys that no other product's records have, without blanks and without case.
const TELLING: &[&str] = &[
    "attackeraddress",
    "attackerusername",
    "attackerhostname",
    "deviceeventclassid",
    "eventclassid",
    "agentseverity",
    "managerreceipttime",
    "connectorinformation",
    "baseeventids",
];
/// Keys under which the services wrap what they answer.
const ANSWERS: [&str; 5] = [
    "sev.getSecurityEventsResponse",
    "act.getEntriesResponse",
    "que.getMatrixDataResponse",
    "qvs.getMatrixDataResponse",
    "qvs.getMatrixDataForSessionResponse",
];
const RETURNS: [&str; 4] = ["sev.return", "act.return", "que.return", "qvs.return"];
/// Most rows of one answer.
const MAX_ROWS: usize = 256;

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    // Microsoft's tables take some of CEF's names over, with a time of their own.
    // Each record is asked, of whatever format: nothing is copied to compare it.
    let tells = |key: &String| {
        let letters = key.bytes().filter(|b| !b" _-".contains(b)).map(|b| b.to_ascii_lowercase());
        key == "Target Address" || TELLING.iter().any(|name| letters.clone().eq(name.bytes()))
    };
    ANSWERS.iter().any(|key| object.contains_key(*key))
        || is_table(object)
        || (!object.contains_key("TimeGenerated") && object.keys().any(tells))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value) = &record.content else { return Ok(Vec::new()) };
    let answer = ANSWERS.iter().find_map(|key| value.get(*key)).unwrap_or(value);
    let returned = RETURNS.iter().find_map(|key| answer.get(*key)).unwrap_or(answer);
    let rows = match returned {
        Value::Array(rows) => rows.clone(),
        Value::Object(object) if is_table(object) => table(object),
        other => vec![other.clone()],
    };
    if rows.len() > MAX_ROWS {
        return Err(Reject::TooMany { what: "rows", most: MAX_ROWS });
    }
    let mut alerts = Vec::new();
    for row in rows.iter().filter(|row| row.is_object()) {
        alerts.extend(mapping::read(Lookup::Json(&named_plainly(row)), MAPPING)?);
    }
    Ok(alerts)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect::<String>().to_lowercase()
}

fn columns(object: &Map<String, Value>) -> Option<&Vec<Value>> {
    object.get("columns").or_else(|| object.get("columnHeaders"))?.as_array()
}

fn rows(object: &Map<String, Value>) -> Option<&Value> {
    object.get("entryList").or_else(|| object.get("rows"))
}

fn is_table(object: &Map<String, Value>) -> bool {
    columns(object).is_some_and(|names| names.iter().all(Value::is_string)) && rows(object).is_some()
}

/// The rows of a table as objects. A table of one row leaves its list out.
fn table(object: &Map<String, Value>) -> Vec<Value> {
    let (Some(columns), Some(rows)) = (columns(object), rows(object)) else { return Vec::new() };
    let rows = rows.as_array().cloned().unwrap_or_else(|| vec![rows.clone()]);
    let row = |row: &Value| {
        let cells = row.get("entry").or_else(|| row.get("value")).unwrap_or(row).as_array()?;
        let names = columns.iter().filter_map(Value::as_str).map(str::to_owned);
        Some(Value::Object(names.zip(cells.iter().cloned()).collect()))
    };
    rows.iter().take(MAX_ROWS + 1).filter_map(row).collect()
}

/// A row with plain names, one group deep as the event's schema is. IPv4 addresses are numbers in the REST services.
fn named_plainly(row: &Value) -> Value {
    let Value::Object(object) = row else { return Value::Null };
    let entry = |(name, value): (&String, &Value)| {
        let name = plain(name);
        let value = match value {
            Value::Object(group) => Value::Object(
                group.iter().map(|(key, value)| (plain(key), address(&plain(key), value))).collect(),
            ),
            value => address(&name, value),
        };
        (name, value)
    };
    Value::Object(object.iter().map(entry).collect())
}

fn address(name: &str, value: &Value) -> Value {
    let number = value.as_i64().filter(|_| name.ends_with("address") && !name.ends_with("macaddress"));
    match number.and_then(|number| u32::try_from(number).ok()) {
        Some(number) if number > 0 => Value::String(Ipv4Addr::from(number).to_string()),
        _ if number.is_some() => Value::Null,
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_in_numbers_are_addresses() {
        assert_eq!(address("address", &json!(169_084_937)), json!("10.20.8.9"));
        for (name, value) in [("address", json!(-1)), ("address", json!(0))] {
            assert_eq!(address(name, &value), Value::Null);
        }
        assert_eq!(address("port", &json!(6881)), json!(6881));
    }
}
