//! Sophos Central: events and alerts of its SIEM interface, as they are and with the names that Sophos' own SIEM script
//! gives them, and alerts of its newer interface, and detections of Sophos XDR.
//!
//! Source: Sophos Central APIs, "SIEM Integration" and "Common API: alerts", "XDR: detections"; the mapping of Sophos-Central-SIEM-Integration.

use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "sophos_central",
    description: "Sophos Central endpoint events and alerts (SIEM integration, alert API) and XDR detections",
    example: "alerts/sophos_central-event.json",
    detects,
    parse,
};

/// Sophos' script calls `created_at` `rt`, `when` `end`, `location` `dhost` and `source` `suser`.
const MAPPING: Mapping = &[
    (Field::EventId, &["id", "event_service_event_id"]),
    (Field::Timestamp, &["rt", "when", "end", "raisedAt", "created_at", "sensorGeneratedAt", "time"]),
    (Field::RuleName, &["threat", "name", "description", "detectionDescription", "detectionRule"]),
    (Field::RuleId, &["detectionRule", "type"]),
    (Field::Severity, &["severity"]),
    (Field::HostName, &["dhost", "location", "managedAgent.name", "rawData.meta_hostname", "device.entity"]),
    (Field::UserName, &["suser", "source", "person.name", "rawData.meta_username", "rawData.username"]),
    (Field::SourceNatIp, &["rawData.meta_public_ip"]),
];
const OWN: [&str; 4] = ["source_info.ip", "data.ip", "data.source_info.ip", "rawData.meta_ip_address"];

/// What stands around a rule's or a threat's name in an event's text. Sophos writes primes for quotes.
const NAMED: [(&str, &str); 4] = [
    ("Rule names: ′", "′"),
    ("PUA detected: '", "'"),
    ("PUA cleaned up: '", "'"),
    ("Malware detected: '", "'"),
];

fn detects(record: &Record) -> bool {
    Lookup::of(record).is_some_and(|event| {
        let is_event = event.get("type").is_some_and(|kind| kind.starts_with("Event::"));
        is_event && event.has_any(&["id", "endpoint_id", "customer_id", "severity"])
            || event.has_all(&["detectionRule", "sensorGeneratedAt"])
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(event) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    fields.fill(event, MAPPING)?;
    let text = event.get("name").or_else(|| event.get("description")).unwrap_or_default();
    if let Some(name) = NAMED.iter().find_map(|(before, behind)| between(&text, before, behind))
        && !event.has("threat")
    {
        fields.set(Field::RuleName, ("name", name))?;
    } else if let Some(name) = between(&text, "because of \"", "\"") {
        fields.set(Field::RuleName, ("name", name))?;
    }
    fields.set_own_address(event, &OWN)?;
    Ok(vec![fields])
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(behind)?]).filter(|name| !name.is_empty())
}
