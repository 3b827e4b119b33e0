//! osquery's result log: differential events, batches of them, and snapshots; also behind Fleet and Kolide.
//!
//! Source: osquery documentation, "Logging", and the schemas of the tables about sockets.

use serde_json::Value;

use super::fields::text;
use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "osquery",
    description: "osquery results (differential, batched and snapshot)",
    example: "alerts/osquery-sockets.json",
    detects,
    parse,
};

/// Most rows of one result that become alerts.
const MAX_ROWS: usize = 64;

const MAPPING: Mapping = &[
    (Field::Timestamp, &["unixTime", "unix_time", "calendarTime"]),
    (Field::RuleName, &["name"]),
    (
        Field::HostName,
        &[
            "decorations.hostname",
            "decorations.host_name",
            "decorations.computer_name",
            "hostIdentifier",
            "host_identifier",
        ],
    ),
    (Field::UserName, &["decorations.username", "decorations.user"]),
];

const ROW: Mapping = &[
    (Field::SourcePort, &["local_port"]),
    (Field::DestinationPort, &["remote_port"]),
    (Field::Transport, &["protocol"]),
    (Field::UserName, &["username", "user"]),
];
/// Where the machine's own address is: the socket's, or what the fleet's decorators add.
const OWN_ADDRESS: [&str; 3] = ["columns.local_address", "decorations.local_ip", "decorations.ip_address"];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    let rows = object.get("columns").is_some_and(Value::is_object)
        || object.get("snapshot").is_some_and(Value::is_array)
        || object.get("diffResults").is_some_and(Value::is_object);
    rows && object.get("name").is_some_and(Value::is_string)
        && ["action", "hostIdentifier", "host_identifier", "calendarTime"]
            .iter()
            .any(|key| object.contains_key(*key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(whole @ Value::Object(object)) = &record.content else { return Ok(Vec::new()) };
    let mut alerts = Vec::new();
    for (path, rows) in [
        ("columns", object.get("columns")),
        ("snapshot", object.get("snapshot")),
        ("diffResults.added", object.get("diffResults").and_then(|results| results.get("added"))),
    ] {
        let rows = match rows {
            Some(Value::Array(rows)) => rows.as_slice(),
            Some(row) => std::slice::from_ref(row),
            None => continue,
        };
        if rows.len() > MAX_ROWS {
            return Err(Reject::TooMany { what: "rows of a result", most: MAX_ROWS });
        }
        for row in rows.iter().filter(|row| row.is_object()) {
            alerts.push(alert(Lookup::Json(whole), path, Lookup::Json(row))?);
        }
    }
    Ok(alerts)
}

fn alert(whole: Lookup<'_>, path: &str, row: Lookup<'_>) -> Result<AlertFields, Reject> {
    let mut fields = AlertFields::default();
    fields.fill(whole, MAPPING)?;
    for &(field, names) in ROW {
        for name in names {
            if let Some(value) = row.get(name) {
                fields.set(field, (&format!("{path}.{name}"), &value))?;
            }
        }
    }
    // A socket that listens on every address has none, and one on the loopback is nobody else's.
    let own = row.get("local_address").or_else(|| row.get("address")).map(|value| (OWN_ADDRESS[0], value));
    let decorated = OWN_ADDRESS[1..].iter().filter_map(|&name| Some((name, whole.get(name)?)));
    let mut own = own.into_iter().chain(decorated).filter(|(_, value)| is_a_machines(value));
    if let Some((name, value)) = own.next() {
        fields.set(Field::SourceIp, (name, &value))?;
    }
    if let Some(value) = row.get("remote_address").filter(|value| is_a_machines(value)) {
        fields.set(Field::DestinationIp, (&format!("{path}.remote_address"), &value))?;
    } else {
        // Nobody is at the other end.
        fields.destination_port = None;
        fields.origins.remove(&Field::DestinationPort);
    }
    Ok(fields)
}

fn is_a_machines(address: &str) -> bool {
    text(address)
        .and_then(|text| parse_address(&text))
        .is_some_and(|ip| !ip.is_unspecified() && !ip.is_loopback())
}
