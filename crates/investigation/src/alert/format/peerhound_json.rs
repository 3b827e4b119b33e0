//! Peerhound's own JSON: ECS names, as nested objects or as dotted keys. Whoever writes it can write it right, so
//! types are strict: another type is a rejection that names the field.

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "peerhound_json",
    description: "Peerhound's own JSON with ECS names: {\"source\": {\"ip\": \"10.0.0.5\"}} or {\"source.ip\": \"10.0.0.5\"}",
    example: "alerts/peerhound_json-nested.json",
    detects,
    parse,
};

/// The groups that an alert's fields are in.
const GROUPS: [&str; 6] = ["source", "destination", "event", "rule", "user", "host"];

/// What a field's value must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Either,
}

const KINDS: [(Field, Kind); 19] = [
    (Field::SourcePort, Kind::Number),
    (Field::SourceNatIp, Kind::Text),
    (Field::SourceNatPort, Kind::Number),
    (Field::DestinationPort, Kind::Number),
    (Field::DestinationNatIp, Kind::Text),
    (Field::DestinationNatPort, Kind::Number),
    (Field::ForwardedIp, Kind::Text),
    (Field::Timestamp, Kind::Either),
    (Field::Transport, Kind::Text),
    (Field::Infohash, Kind::Text),
    (Field::UserName, Kind::Text),
    (Field::UserDomain, Kind::Text),
    (Field::UserEmail, Kind::Text),
    (Field::HostName, Kind::Text),
    (Field::ObserverName, Kind::Text),
    (Field::RuleName, Kind::Text),
    (Field::RuleId, Kind::Either),
    (Field::EventId, Kind::Either),
    (Field::Severity, Kind::Either),
];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    // `source`, `event` and `host` are words that many use for something else.
    let tells = |(key, value): (&String, &Value)| {
        GROUPS.iter().any(|group| match key.strip_prefix(group) {
            Some("") => value.is_object(),
            Some(rest) => rest.starts_with('.'),
            None => false,
        })
    };
    // Splunk's collector has an `event` of any kind.
    !object.contains_key("sourcetype")
        && object.iter().any(tells)
        && !super::is_known_before(FORMAT.name, record)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(Value::Object(object)) = &record.content else { return Ok(Vec::new()) };
    let text = |field| text(object, field);
    let number = |field| number(object, field);
    let mut fields = AlertFields::default();
    let source = text("source.ip")?;
    let destination = text("destination.ip")?;
    let name = |field| text(field).map(|value| value.and_then(super::fields::text));
    fields.source_address = name("source.address")?.filter(|_| source.is_none());
    fields.destination_address = name("destination.address")?.filter(|_| destination.is_none());
    // What has been read already, and is handed on, may be about nobody who has an address.
    let handed_on = object.contains_key("peerhound.original") && source.or(destination).is_none();
    // Whoever has only a name says so by `source.address`.
    if !handed_on && (source.is_some() || fields.source_address.is_none()) {
        fields.set_addresses(
            source.map(|value| ("source.ip", value)),
            destination.map(|value| ("destination.ip", value)),
            "source.ip and destination.ip",
        )?;
    } else if let Some(destination) = destination {
        fields.set(Field::DestinationIp, ("destination.ip", destination))?;
    }
    if text("event.kind")?.is_some_and(|kind| kind == "event") {
        fields.kind = crate::alert::Kind::Event;
    }
    for (field, kind) in KINDS {
        let name = field.name();
        let value = match kind {
            Kind::Text => text(name)?.map(str::to_owned),
            Kind::Number => number(name)?,
            Kind::Either => text_or_number(object, name)?,
        };
        let Some(value) = value else { continue };
        let kept = fields.set(field, (name, &value))?;
        if !kept && field == Field::Transport {
            fields.drop_field(name, &value, "neither tcp nor udp");
        }
    }
    Ok(vec![fields])
}

/// The value of a field like `source.ip`, under its dotted name or nested. Null is no value; two values that differ
/// are ambiguous.
fn value<'a>(object: &'a Map<String, Value>, field: &str) -> Result<Option<&'a Value>, Reject> {
    let dotted = object.get(field).filter(|value| !value.is_null());
    let Some((group, name)) = field.split_once('.') else { return Ok(dotted) };
    let nested = match object.get(group) {
        None | Some(Value::Null) => None,
        Some(Value::Object(inner)) => inner.get(name).filter(|value| !value.is_null()),
        Some(other) => return Err(Reject::wrong_shape(group, "an object", other)),
    };
    match (dotted, nested) {
        (Some(a), Some(b)) if a != b => Err(Reject::ambiguous(field, &a.to_string(), &b.to_string())),
        (a, b) => Ok(a.or(b)),
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Reject> {
    match value(object, field)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Reject::wrong_shape(field, "a text", other)),
    }
}

fn number(object: &Map<String, Value>, field: &str) -> Result<Option<String>, Reject> {
    match value(object, field)? {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        // Templates of SIEMs write nothing but text.
        Some(Value::String(text)) if text.is_empty() || text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Some(text.clone()))
        }
        Some(other) => Err(Reject::wrong_shape(field, "a number", other)),
    }
}

fn text_or_number(object: &Map<String, Value>, field: &str) -> Result<Option<String>, Reject> {
    match value(object, field)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(Reject::wrong_shape(field, "a text or a number", other)),
    }
}
