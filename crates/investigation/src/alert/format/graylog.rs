//! Graylog: what its alerts send to an HTTP notification (and the older alarm callback), and GELF messages.
//!
//! Sources: Graylog documentation, "Notifications: HTTP notification" and "GELF payload specification", and its
//! information model for the names of fields.

use serde_json::Value;

use super::FORMATS;
use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "graylog",
    description: "Graylog alert notifications (HTTP) and GELF messages",
    example: "alerts/graylog-notification.json",
    detects,
    parse,
};

/// Fields of a message: those of the information model, and what extractors usually call them.
const MESSAGE: Mapping = &[
    (
        Field::SourceIp,
        &[
            "source_ip",
            "src_ip",
            "srcip",
            "src",
            "client_ip",
            "src_addr",
            "SourceIp",
            "_source_ip",
            "_src_ip",
            "_srcip",
            "_src",
        ],
    ),
    (Field::SourcePort, &["source_port", "src_port", "srcport", "spt", "_source_port", "_src_port"]),
    (Field::SourceNatIp, &["source_nat_ip"]),
    (
        Field::DestinationIp,
        &[
            "destination_ip",
            "dest_ip",
            "dst_ip",
            "dstip",
            "dst",
            "dst_addr",
            "DestinationIp",
            "_destination_ip",
            "_dest_ip",
            "_dst_ip",
            "_dst",
        ],
    ),
    (
        Field::DestinationPort,
        &[
            "destination_port",
            "dest_port",
            "dst_port",
            "dstport",
            "dpt",
            "_destination_port",
            "_dest_port",
            "_dst_port",
        ],
    ),
    (Field::DestinationNatIp, &["destination_nat_ip"]),
    (
        Field::Transport,
        &["network_transport", "proto", "protocol", "_network_transport", "_proto", "_protocol"],
    ),
    (
        Field::UserName,
        &["user_name", "username", "user", "source_user_name", "_user_name", "_username", "_user"],
    ),
    (Field::HostName, &["source_hostname", "host_hostname", "hostname", "_source_hostname", "_hostname"]),
    (Field::Infohash, &["infohash", "info_hash", "_infohash", "_info_hash"]),
];
/// What was seen, where no alert names it.
const SEEN: &[&str] = &[
    "alert_signature",
    "rule_name",
    "signature",
    "vendor_alert_name",
    "_alert_signature",
    "_rule_name",
    "_signature",
    "short_message",
];
/// Most messages of one notification.
const MAX_MESSAGES: usize = 64;

fn is_gelf(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    value.get("version").is_some_and(|version| version == "1.1" || version == "1.0")
        && has("host")
        && has("short_message")
}

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    let has = |key: &str| value.get(key).is_some();
    let notification = has("event_definition_id") && value.get("event").is_some_and(Value::is_object);
    let callback = has("stream") && value.get("check_result").is_some_and(Value::is_object);
    notification || callback || is_gelf(value)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value) = &record.content else { return Ok(Vec::new()) };
    let lookup = Lookup::Json(value);
    if is_gelf(value) {
        let mut alerts = message(value, value, "full_message")?;
        for fields in &mut alerts {
            finish(fields, lookup, &[(Field::Timestamp, &["timestamp"]), (Field::RuleName, SEEN)])?;
            finish(fields, lookup, &[(Field::ObserverName, &["host"]), (Field::Severity, &["level"])])?;
        }
        return Ok(alerts);
    }
    let found = value.get("check_result").and_then(|result| result.get("matching_messages"));
    let messages = value.get("backlog").or(found).and_then(Value::as_array);
    let mut alerts = Vec::new();
    for one in messages.into_iter().flatten().take(MAX_MESSAGES) {
        let nothing = Value::Null;
        for mut fields in message(one, one.get("fields").unwrap_or(&nothing), "message")? {
            let of_message = Lookup::Json(one);
            finish(&mut fields, of_message, &[(Field::Timestamp, &["timestamp"])])?;
            finish(
                &mut fields,
                of_message,
                &[(Field::EventId, &["id"]), (Field::ObserverName, &["source"])],
            )?;
            alerts.push(fields);
        }
    }
    if alerts.is_empty() {
        // What an aggregation found has fields, and no messages.
        let fields = value.get("event").and_then(|event| event.get("fields")).unwrap_or(value);
        let grouped = value.get("event").and_then(|event| event.get("group_by_fields"));
        alerts = mapping::read(Lookup::Json(fields), MESSAGE)?;
        if let Some(grouped) = grouped.filter(|_| alerts.iter().all(|fields| fields.source_ip.is_none())) {
            alerts = mapping::read(Lookup::Json(grouped), MESSAGE)?;
        }
    }
    let of_alert: Mapping = &[
        (Field::Timestamp, &["event.timestamp", "check_result.triggered_at"]),
        (Field::EventId, &["event.id"]),
        (Field::Severity, &["event.priority"]),
        (Field::ObserverName, &["event.source"]),
    ];
    for fields in &mut alerts {
        finish(fields, lookup, of_alert)?;
        // The alert that was set up names what it is about, whatever the message says.
        fields.fill_one(lookup, Field::RuleName, &["event_definition_title", "stream.title"])?;
        fields.fill_one(lookup, Field::RuleId, &["event_definition_id", "stream.id"])?;
    }
    Ok(alerts)
}

/// One message: by its fields, or where these name no address, by the text that a sensor wrote.
fn message(whole: &Value, fields: &Value, text: &str) -> Result<Vec<AlertFields>, Reject> {
    let alerts = mapping::read(Lookup::Json(fields), MESSAGE)?;
    if alerts.iter().any(|fields| fields.source_ip.is_some() || fields.destination_ip.is_some()) {
        return Ok(alerts);
    }
    let Some(text) = whole.get(text).and_then(Value::as_str) else { return Ok(alerts) };
    let content =
        serde_json::from_str(text).ok().filter(Value::is_object).map_or(Content::Line, Content::Json);
    let inner = Record { text: text.to_owned(), content };
    let known =
        FORMATS.iter().filter(|format| format.name != FORMAT.name).find(|format| (format.detects)(&inner));
    known.map_or(Ok(alerts), |format| (format.parse)(&inner))
}

/// Sets what is not yet known.
fn finish(fields: &mut AlertFields, lookup: Lookup<'_>, mapping: Mapping) -> Result<(), Reject> {
    for &(field, paths) in mapping {
        if !fields.origins.contains_key(&field) {
            fields.fill_one(lookup, field, paths)?;
        }
    }
    Ok(())
}
