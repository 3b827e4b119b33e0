//! Peerhound's own JSON: ECS names, as nested objects or as dotted keys. Whoever writes it can write it right, so
//! types are strict: another type is a rejection that names the field.

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::{AlertFields, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "peerhound_json",
    description: "Peerhound's own JSON with ECS names: {\"source\": {\"ip\": \"10.0.0.5\"}} or {\"source.ip\": \"10.0.0.5\"}",
    example: "alerts/peerhound_json-nested.json",
    detects,
    parse,
};

/// The groups that an alert's fields are in.
const GROUPS: [&str; 6] = ["source", "destination", "event", "rule", "user", "host"];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    let is_group = |key: &str| {
        GROUPS
            .iter()
            .any(|group| key.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    object.keys().any(|key| is_group(key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(Value::Object(object)) = &record.content else { return Ok(Vec::new()) };
    let text = |field| text(object, field);
    let number = |field| number(object, field);
    let mut fields = AlertFields::default();
    let source = text("source.ip")?;
    let destination = text("destination.ip")?;
    fields.set_addresses(
        source.map(|value| ("source.ip", value)),
        destination.map(|value| ("destination.ip", value)),
        "source.ip and destination.ip",
    )?;
    if let Some(port) = number("source.port")? {
        fields.source_port = fields.port(("source.port", &port));
    }
    if let Some(port) = number("destination.port")? {
        fields.destination_port = fields.port(("destination.port", &port));
    }
    if let Some(at) = text_or_number(object, "@timestamp")? {
        fields.timestamp = fields.time(("@timestamp", &at));
    }
    if let Some(transport) = text("network.transport")? {
        fields.transport = AlertFields::transport(transport);
        if fields.transport.is_none() {
            fields.drop_field("network.transport", transport, "neither tcp nor udp");
        }
    }
    if let Some(hash) = text("torrent.infohash")? {
        fields.set_infohash(("torrent.infohash", hash));
    }
    if let Some(user) = text("user.name")? {
        fields.set_user(user);
    }
    let kept = |field| text(field).map(|value| value.and_then(super::fields::text));
    fields.user_domain = kept("user.domain")?.or(fields.user_domain);
    fields.user_email = kept("user.email")?.or(fields.user_email);
    fields.host_name = kept("host.name")?;
    fields.rule_name = kept("rule.name")?;
    fields.rule_id = text_or_number(object, "rule.id")?.as_deref().and_then(super::fields::text);
    fields.event_id = text_or_number(object, "event.id")?.as_deref().and_then(super::fields::text);
    fields.severity = text_or_number(object, "event.severity")?.as_deref().and_then(super::fields::text);
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
