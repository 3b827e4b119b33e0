//! Envelopes by their shape. Each is known by keys that no alert has.

use serde_json::{Map, Value};

use super::{Inner, packed};
use crate::alert::Reject;
use crate::alert::framing::{Content, Record};
use crate::alert::lookup::Lookup;

/// Keys under which services list what a question found.
const LISTS: [&str; 15] = [
    "alerts",
    "value",
    "findings",
    "Findings",
    "reply",
    "results",
    "resources",
    "events",
    "data",
    "records",
    "logs",
    "items",
    "incidents",
    "detections",
    "offenses",
];
/// Keys under which shippers put what a sensor wrote, the most telling first.
const MESSAGES: [&str; 22] = [
    "event.original",
    "_raw",
    "raw",
    "raw_message",
    "rawEvent",
    "full_message",
    "message",
    "log",
    "msg",
    "result",
    "event",
    "payload",
    "alert",
    "detail",
    "body",
    "_source",
    "log_message",
    "json",
    "full_log",
    "all_fields",
    "context",
    "fields",
];
/// Under which of these the documents that shippers and SIEMs keep have what a sensor wrote.
const KEPT: [&str; 9] = [
    "event.original",
    "_raw",
    "message",
    "full_log",
    "json",
    "log.original",
    "result._raw",
    "alerts",
    "context",
];
/// What says that a document is one of theirs.
const KEEPERS: [&str; 6] = ["@timestamp", "_time", "sid", "full_log", "context", "rule.id"];
/// Where such a document has an end of a flow, or its machine: then somebody has read what the sensor wrote.
const ENDS: [&str; 15] = [
    "source.ip",
    "source.address",
    "client.ip",
    "destination.ip",
    "src_ip",
    "src",
    "dest_ip",
    "dest",
    "result.src_ip",
    "result.src",
    "result.dest",
    "data.srcip",
    "data.src_ip",
    "data.win",
    "agent.ip",
];

/// What a well-known envelope holds; `None` where `record` is no envelope.
pub(super) fn carried(record: &Record) -> Result<Option<Inner>, Reject> {
    let object = match &record.content {
        Content::Json(Value::Object(object)) => object,
        Content::Json(Value::Array(items)) => return Ok(Some(Inner::Values(items.clone()))),
        _ => return Ok(None),
    };
    if let Some(inner) = lambda_event(object)? {
        return Ok(Some(inner));
    }
    if let Some(body) = sqs_message(object) {
        return Ok(Some(body));
    }
    if object.get("Type").is_some_and(|kind| kind == "Notification") && object.contains_key("TopicArn") {
        return Ok(text(object, "Message").map(|text| Inner::Texts(vec![text])));
    }
    if object.contains_key("detail-type") && object.contains_key("source") {
        return Ok(object
            .get("detail")
            .filter(|detail| detail.is_object())
            .map(|detail| Inner::Values(vec![detail.clone()])));
    }
    if let Some(inner) = http_request(object)? {
        return Ok(Some(inner));
    }
    if let Some(data) = object.get("awslogs").and_then(|logs| logs.get("data")).and_then(Value::as_str) {
        return packed::from_base64(data).map(|text| Some(Inner::Texts(vec![text])));
    }
    if object.get("messageType").is_some_and(Value::is_string)
        && let Some(Value::Array(events)) = object.get("logEvents")
    {
        let control = object["messageType"] == "CONTROL_MESSAGE";
        let events = if control { &[][..] } else { &events[..] };
        return Ok(Some(Inner::Values(each(events, "message"))));
    }
    if let Some(Value::Array(hits)) = object.get("hits").and_then(|hits| hits.get("hits")) {
        let documents = hits.iter().filter_map(|hit| hit.get("_source").or_else(|| hit.get("fields")));
        return Ok(Some(Inner::Values(documents.cloned().collect())));
    }
    // Kibana's summary of a rule's alerts.
    if let Some(Value::Object(alerts)) = object.get("alerts") {
        let data = |kind: &str| alerts.get(kind).and_then(|kind| kind.get("data")).and_then(Value::as_array);
        let (new, ongoing) = (data("new"), data("ongoing"));
        let both: Vec<Value> = [new, ongoing].into_iter().flatten().flatten().cloned().collect();
        if let Some(all) = data("all").or(new).or(ongoing) {
            return Ok(Some(Inner::Values(if both.is_empty() { all.clone() } else { both })));
        }
    }
    Ok(None)
}

/// Whether `record` is a document around what a sensor wrote, and has not been given the ends of a flow out of it: what
/// is inside says more, where it is of a known format.
pub(super) fn keeps_another(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    let lookup = Lookup::Json(value);
    KEEPERS.iter().any(|key| lookup.has(key))
        && KEPT.iter().any(|key| lookup.has(key))
        && !ENDS.iter().any(|key| lookup.has(key))
}

/// What an object that nobody knows may hold, the likeliest first.
pub(super) fn perhaps_carried(record: &Record) -> Vec<Inner> {
    let object = match &record.content {
        Content::Json(Value::Object(object)) => object,
        Content::Json(Value::String(text)) => return vec![Inner::Texts(vec![text.clone()])],
        // A line that is one JSON text.
        Content::Line if record.text.starts_with('"') => {
            let text = serde_json::from_str::<String>(record.text.trim());
            return text.map(|text| vec![Inner::Texts(vec![text])]).unwrap_or_default();
        }
        _ => return Vec::new(),
    };
    let listed = LISTS.iter().filter_map(|key| match object.get(*key) {
        Some(Value::Array(items)) if items.iter().any(|item| item.is_object() || item.is_string()) => {
            Some(Inner::Values(items.clone()))
        }
        // A field that holds JSON as text.
        Some(Value::String(text)) if text.trim_start().starts_with(['{', '[']) => {
            Some(Inner::Texts(vec![text.clone()]))
        }
        Some(inner @ Value::Object(_)) => Some(Inner::Values(vec![inner.clone()])),
        _ => None,
    });
    let said = MESSAGES.iter().filter_map(|key| {
        let value = object.get(*key).or_else(|| {
            let (group, name) = key.split_once('.')?;
            object.get(group)?.get(name)
        })?;
        match value {
            Value::String(text) if !text.trim().is_empty() => Some(Inner::Texts(vec![text.clone()])),
            Value::Object(_) => Some(Inner::Values(vec![value.clone()])),
            _ => None,
        }
    });
    listed.chain(said).collect()
}

/// What AWS hands to a function: SQS, SNS, Kinesis, Firehose.
fn lambda_event(object: &Map<String, Value>) -> Result<Option<Inner>, Reject> {
    let records = match (object.get("Records"), object.get("records"), object.get("Messages")) {
        (Some(Value::Array(records)), ..)
        | (_, Some(Value::Array(records)), _)
        | (.., Some(Value::Array(records))) => records,
        _ => return Ok(None),
    };
    let mut inner = Vec::with_capacity(records.len());
    for record in records {
        let Value::Object(record) = record else { return Ok(None) };
        let (from_sns, from_kinesis) = (nested(record, "Sns", "Message"), nested(record, "kinesis", "data"));
        let encoded = from_kinesis.or_else(|| record.get("data").filter(|_| record.contains_key("recordId")));
        inner.push(match (record.get("body").or_else(|| record.get("Body")), from_sns, encoded) {
            (Some(body), ..) | (_, Some(body), _) => body.clone(),
            (.., Some(Value::String(data))) => Value::String(packed::from_base64(data)?),
            _ => return Ok(None),
        });
    }
    Ok(Some(Inner::Values(inner)))
}

/// One message of SQS, as its API gives it or as a function sees it.
fn sqs_message(object: &Map<String, Value>) -> Option<Inner> {
    let upper = object.contains_key("ReceiptHandle").then(|| text(object, "Body"));
    let lower = object.contains_key("receiptHandle").then(|| text(object, "body"));
    upper.or(lower)?.map(|text| Inner::Texts(vec![text]))
}

/// What API Gateway and function URLs hand to a function.
fn http_request(object: &Map<String, Value>) -> Result<Option<Inner>, Reject> {
    let Some(body) = text(object, "body").filter(|_| object.contains_key("requestContext")) else {
        return Ok(None);
    };
    let encoded = object.get("isBase64Encoded").is_some_and(|encoded| encoded == true);
    let text = if encoded { packed::from_base64(&body)? } else { body };
    Ok(Some(Inner::Texts(vec![text])))
}

fn nested<'a>(object: &'a Map<String, Value>, group: &str, key: &str) -> Option<&'a Value> {
    object.get(group)?.get(key)
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

fn each(items: &[Value], key: &str) -> Vec<Value> {
    items.iter().filter_map(|item| item.get(key)).cloned().collect()
}
