//! What is written into a message, so that it is read there as it was read here.

use std::net::IpAddr;

use investigation::alert::{Alert, Kind};
use serde_json::{Value, json};

use crate::records::{Reading, read_records};

/// Longest body, in bytes: what any queue takes, with room for ten of them in one call.
pub(super) const MAX_BODY: usize = 200 << 10;
/// Most of the original record that is sent along where an alert is written anew, in bytes.
const MAX_ORIGINAL: usize = 16 << 10;

/// One alert, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The id under which it will be known there.
    pub alert_id: String,
    /// Where it was read.
    pub origin: String,
    /// The machine that it is about.
    pub target: Option<IpAddr>,
    /// The message.
    pub body: String,
}

impl Outgoing {
    /// The record as it came, where it says the same by itself; else the alert, written as Peerhound's own JSON. That
    /// is so for a row of a table, whose header is elsewhere, and for what says nothing about when, such as an address:
    /// under an `event.id` it is one alert, however often the queue delivers it.
    ///
    /// # Errors
    /// One line, where neither can be sent.
    pub fn of(origin: String, alert: &Alert) -> Result<Self, String> {
        let target = alert.source_ip.or(alert.destination_ip);
        let original = alert.original.trim();
        // Without a time or an id of the sender's, every message that says it is another alert.
        let is_one = alert.timestamp.is_some() || alert.event_id.is_some();
        if fits(original)
            && is_one
            // The functions pass events over; whoever hands one over by name means it.
            && alert.kind == Kind::Alert
            && let Some(read) = alone(original)
            && says_the_same(&read, alert)
        {
            return Ok(Self { alert_id: read.id, origin, target, body: original.to_owned() });
        }
        let body = written(alert);
        match alone(&body) {
            Some(read) if fits(&body) && read.source_ip == alert.source_ip => {
                Ok(Self { alert_id: read.id, origin, target, body })
            }
            _ => Err("the alert cannot be written as a message".to_owned()),
        }
    }
}

/// The alert that a message says, where it says one and nothing else. How the functions read it.
fn alone(body: &str) -> Option<Alert> {
    let mut alerts = Vec::new();
    read_records(Reading::new("", ""), body.as_bytes(), &mut |record| {
        alerts.push(record.content.ok());
        alerts.len() < 2
    });
    match alerts.as_mut_slice() {
        [alert] => alert.take(),
        _ => None,
    }
}

fn says_the_same(a: &Alert, b: &Alert) -> bool {
    let bare = |alert: &Alert| Alert { id: String::new(), original: String::new(), ..alert.clone() };
    bare(a) == bare(b)
}

/// SQS takes no other characters.
fn is_taken(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn fits(body: &str) -> bool {
    !body.is_empty() && body.len() <= MAX_BODY && body.chars().all(is_taken)
}

fn written(alert: &Alert) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(alert) else { return String::new() };
    for own in ["id", "format", "event.kind", "origins", "notes"] {
        fields.remove(own);
    }
    fields.entry("event.id").or_insert_with(|| json!(alert.id));
    let cut = alert.original.floor_char_boundary(MAX_ORIGINAL);
    let original: String =
        alert.original[..cut].chars().map(|c| if is_taken(c) { c } else { '\u{fffd}' }).collect();
    // Around an alert without addresses, what it was read from would be opened and read instead.
    let nobody = alert.source_ip.or(alert.destination_ip).is_none();
    if nobody {
        fields.remove("event.original");
    }
    let kept = if nobody { "peerhound.original" } else { "event.original" };
    fields.insert(kept.to_owned(), json!(original));
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Vec<Alert> {
        let mut alerts = Vec::new();
        read_records(Reading::new("test", "2026-03-02T09:00:00Z#0"), input.as_bytes(), &mut |record| {
            alerts.extend(record.content.ok());
            true
        });
        alerts
    }

    fn outgoing(input: &str) -> Vec<Outgoing> {
        read(input).iter().map(|alert| Outgoing::of("test".to_owned(), alert).unwrap()).collect()
    }

    #[test]
    fn every_example_says_the_same_on_the_other_side() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/alerts");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for alert in read(&text) {
                let sent = Outgoing::of(String::new(), &alert)
                    .unwrap_or_else(|why| panic!("{path:?}: {why}: {alert:?}"));
                let read = alone(&sent.body).unwrap();
                assert_eq!(read.id, sent.alert_id, "{path:?}");
                for (here, there) in [
                    (
                        format!("{:?}", (alert.source_ip, alert.source_port)),
                        format!("{:?}", (read.source_ip, read.source_port)),
                    ),
                    (format!("{:?}", alert.destination_ip), format!("{:?}", read.destination_ip)),
                    (
                        format!("{:?}", (&alert.user_name, &alert.user_domain)),
                        format!("{:?}", (&read.user_name, &read.user_domain)),
                    ),
                    (
                        format!("{:?}", (alert.timestamp, &alert.infohash)),
                        format!("{:?}", (read.timestamp, &read.infohash)),
                    ),
                ] {
                    assert_eq!(here, there, "{path:?}");
                }
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn an_alert_keeps_its_id_and_its_text() {
        let record = r#"{"source":{"ip":"10.0.0.5"},"@timestamp":"2026-03-02T09:00:00Z"}"#;
        let alert = read(record).remove(0);
        let sent = Outgoing::of("a.json".to_owned(), &alert).unwrap();
        assert_eq!((sent.body.as_str(), &sent.alert_id), (record, &alert.id));
    }

    #[test]
    fn an_address_is_one_alert_however_often_it_is_delivered() {
        let sent = outgoing("10.0.0.5\n");
        assert_eq!(sent[0].target, Some("10.0.0.5".parse().unwrap()));
        let there = alone(&sent[0].body).unwrap();
        assert_ne!(there.format, "address");
        assert_eq!(there.event_id.as_deref(), Some(read("10.0.0.5\n")[0].id.as_str()));
        assert_ne!(
            outgoing("10.0.0.5\n10.0.0.5\n")[0].alert_id,
            outgoing("10.0.0.5\n10.0.0.5\n")[1].alert_id
        );
    }

    #[test]
    fn what_the_queue_would_refuse_is_written_anew() {
        let long = format!(r#"{{"source.ip":"10.0.0.5","rule.name":"P2P","x":"{}"}}"#, "a".repeat(500_000));
        for record in [long.as_str(), "{\"source.ip\":\"10.0.0.5\",\"rule.name\":\"P2P\",\"x\":\"\u{ffff}\"}"]
        {
            let sent = outgoing(record).remove(0);
            assert!(fits(&sent.body), "{}", sent.body.len());
            assert_eq!(alone(&sent.body).unwrap().rule_name.as_deref(), Some("P2P"));
        }
    }
}
