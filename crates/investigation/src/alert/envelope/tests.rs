use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;

const ALERT: &str = r#"{"source":{"ip":"10.0.0.5"},"rule":{"name":"P2P"}}"#;

/// The texts of the alerts in `text`, and the codes of what could not be read.
fn found(text: &str) -> (Vec<String>, Vec<&'static str>) {
    let (mut alerts, mut codes) = (Vec::new(), Vec::new());
    let record = Framing::new(text.as_bytes()).next().expect("an item").content.expect("a record");
    for opened in open(&record, &[]) {
        match opened {
            Opened::Alert(record, _) => alerts.push(record.into_owned().text),
            Opened::Unreadable(reject, _) => codes.push(reject.code()),
        }
    }
    (alerts, codes)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("compressed");
    encoder.finish().expect("compressed")
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

use data_encoding::BASE64;

#[test]
fn every_envelope_gives_its_alert() {
    let alert: Value = serde_json::from_str(ALERT).expect("JSON");
    let sns = json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": ALERT }).to_string();
    let logs =
        json!({ "messageType": "DATA_MESSAGE", "logEvents": [{ "id": "1", "message": ALERT }] }).to_string();
    let envelopes = [
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": ALERT }] }),
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": sns }] }),
        json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": "r", "Body": ALERT }] }),
        json!({ "messageId": "m", "receiptHandle": "r", "body": ALERT }),
        json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": ALERT } }] }),
        json!({ "Records": [{ "kinesis": { "data": base64(ALERT.as_bytes()) } }] }),
        json!({ "records": [{ "recordId": "1", "data": base64(ALERT.as_bytes()) }] }),
        json!({ "version": "0", "source": "custom", "detail-type": "Alert", "detail": alert }),
        json!({ "requestContext": {}, "body": ALERT, "isBase64Encoded": false }),
        json!({ "requestContext": {}, "body": base64(&gzip(ALERT.as_bytes())), "isBase64Encoded": true }),
        json!({ "awslogs": { "data": base64(&gzip(logs.as_bytes())) } }),
        json!({ "hits": { "total": 1, "hits": [{ "_id": "1", "_source": alert }] } }),
        json!({ "hits": { "hits": [{ "_index": "x", "fields": alert }] } }),
        json!({ "result_count": 1, "alerts": [alert] }),
        json!({ "rule": { "id": "1", "name": "P2P" }, "date": "x", "alerts": [alert] }),
        json!({ "rule": { "name": "P2P" }, "alerts": { "new": { "count": 1, "data": [alert] }, "ongoing": { "count": 0, "data": [] } } }),
        json!({ "context": { "alerts": [alert] }, "rule": { "name": "P2P" } }),
        json!({ "time": 1, "host": "fw", "sourcetype": "x", "event": alert }),
        json!({ "@timestamp": "2026-03-04T05:06:07Z", "host": { "name": "collector" }, "message": ALERT }),
        json!({ "sid": "s", "search_name": "x", "result": { "_raw": ALERT, "host": "fw" } }),
        json!({ "shipper": "x", "message": ALERT }),
        json!({ "shipper": "x", "message": json!({ "log": ALERT }).to_string() }),
        json!([[alert]]),
        json!(ALERT),
        json!(json!(ALERT).to_string()),
    ];
    for envelope in envelopes {
        let text = envelope.to_string();
        let records: Vec<_> = Framing::new(text.as_bytes()).collect();
        let mut alerts = Vec::new();
        for framed in records {
            for opened in open(&framed.content.expect("a record"), &[]) {
                match opened {
                    Opened::Alert(record, _) => alerts.push(record.into_owned().text),
                    Opened::Unreadable(reject, text) => panic!("{reject}: {text}"),
                }
            }
        }
        assert_eq!(alerts, [ALERT], "{text}");
    }
    for line in [base64(ALERT.as_bytes()), base64(&gzip(ALERT.as_bytes()))] {
        assert_eq!(found(&line), (vec![ALERT.to_owned()], vec![]), "{line}");
    }
}

#[test]
fn a_document_with_its_own_address_counts_and_so_does_one_around_nothing_better() {
    let own = json!({ "@timestamp": "2026-03-04T05:06:07Z", "ecs": { "version": "8.0.0" }, "message": ALERT,
        "source": { "ip": "10.0.0.6" }, "event": { "kind": "alert" } });
    assert_eq!(found(&own.to_string()), (vec![own.to_string()], vec![]));
    for message in ["10.0.0.7 - - GET /", "words"] {
        let around =
            json!({ "@timestamp": "2026-03-04T05:06:07Z", "event": { "kind": "alert" }, "message": message });
        assert_eq!(found(&around.to_string()), (vec![around.to_string()], vec![]));
    }
}

#[test]
fn one_bad_message_costs_no_other() {
    let envelope = json!({ "Records": [{ "body": ALERT }, { "body": "{\"broken\":" }, { "body": "???" }, { "body": ALERT }] });
    let (alerts, codes) = found(&envelope.to_string());
    assert_eq!(alerts.len(), 2);
    assert_eq!(codes, ["unreadable", "unknown_format"]);
}

#[test]
fn envelopes_have_an_end() {
    let mut text = ALERT.to_owned();
    for _ in 0..MAX_DEPTH + 2 {
        text = json!({ "Type": "Notification", "TopicArn": "t", "Message": text }).to_string();
    }
    assert_eq!(found(&text), (vec![], vec!["too_deep"]));

    let bomb = gzip(&vec![b' '; MAX_BYTES + 1]);
    let text = json!({ "requestContext": {}, "body": base64(&bomb), "isBase64Encoded": true }).to_string();
    assert_eq!(found(&text), (vec![], vec!["too_large"]));

    let many = "10.0.0.5\n".repeat(MAX_RECORDS + 50);
    let (alerts, codes) =
        found(&json!({ "Type": "Notification", "TopicArn": "t", "Message": many }).to_string());
    assert_eq!((alerts.len(), codes), (MAX_RECORDS, vec!["too_many"]));
}

#[test]
fn what_is_in_no_envelope_is_named_as_unknown() {
    for text in
        [r#"{"message":"hello"}"#, "hello world", r#"{"alerts":[]}"#, r#"{"source":"x","detail-type":"y"}"#]
    {
        let (alerts, codes) = found(text);
        assert!(alerts.is_empty() && codes.len() == 1, "{text}: {codes:?}");
    }
}
