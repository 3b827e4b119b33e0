//! Elastic Security's alerts: documents of `.alerts-security.alerts-*` with `kibana.alert.*` beside the ECS fields of
//! the event, and the older `.siem-signals-*` with `signal.*`; as Kibana's connectors send them too.
//!
//! Source: Elastic Security, "Alert schema" and "Rule notification variables".

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, ecs};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "elastic_alert",
    description: "Elastic Security alerts (kibana.alert.* or signal.*, nested or dotted)",
    example: "alerts/elastic_alert-dotted.json",
    detects,
    parse,
};

const OWN: Mapping = &[
    (Field::EventId, &["kibana.alert.uuid", "_id", "signal.original_event.id", "event.id"]),
    // `@timestamp` is when the rule ran, which may be an hour later.
    (Field::Timestamp, &["kibana.alert.original_time", "signal.original_time", "@timestamp"]),
    (
        Field::RuleName,
        &["kibana.alert.rule.name", "signal.rule.name", "rule.name", "kibana.alert.reason", "signal.reason"],
    ),
    (
        Field::RuleId,
        &[
            "kibana.alert.rule.rule_id",
            "kibana.alert.rule.parameters.rule_id",
            "kibana.alert.rule.uuid",
            "signal.rule.rule_id",
            "signal.rule.id",
            "rule.id",
        ],
    ),
    (
        Field::Severity,
        &["kibana.alert.severity", "signal.rule.severity", "kibana.alert.rule.severity", "event.severity"],
    ),
];

/// What a threshold rule counted by. Its alerts are about many events and may have no field of theirs.
const TERMS: [&str; 2] = ["kibana.alert.threshold_result.terms", "signal.threshold_result.terms"];
/// Fields to count by that name the suspected end, or the other one.
const COUNTED: [(Field, &[&str]); 4] = [
    (Field::SourceIp, &["source.ip", "client.ip", "host.ip"]),
    (Field::DestinationIp, &["destination.ip", "server.ip"]),
    (Field::UserName, &["user.name", "source.user.name"]),
    (Field::HostName, &["host.name", "host.hostname"]),
];

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    let lookup = Lookup::Json(value);
    let tells = ["kibana.alert.uuid", "kibana.alert.rule.name", "kibana.alert.rule.uuid"];
    tells.iter().any(|key| lookup.has(key)) || lookup.has("signal.rule") && lookup.has("signal.rule.name")
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return Ok(Vec::new()) };
    let mut alerts = ecs::read(Lookup::Json(value), &[OWN])?;
    for fields in &mut alerts {
        set_counted(fields, value)?;
    }
    Ok(alerts)
}

fn set_counted(fields: &mut AlertFields, value: &Value) -> Result<(), Reject> {
    for path in TERMS {
        let terms = super::lookup::values(value, path);
        for (field, names) in COUNTED {
            let known = fields.origins.contains_key(&field);
            let term = terms
                .iter()
                .map(|term| Lookup::Json(term))
                .find(|term| term.get("field").is_some_and(|name| names.contains(&name.as_ref())));
            let Some(found) = term.filter(|_| !known).and_then(|term| term.get("value")) else { continue };
            let is_end = matches!(field, Field::SourceIp | Field::DestinationIp);
            if !is_end || parse_address(&found).is_some() {
                fields.set(field, (&format!("{path}.value"), &found))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_threshold_alert_is_about_what_was_counted() {
        for (path, rule) in [("kibana.alert", "kibana.alert.rule.name"), ("signal", "signal.rule.name")] {
            let document = json!({
                "@timestamp": "2026-03-04T05:06:07Z",
                rule: "P2P to many peers",
                "signal.rule": { "name": "P2P to many peers" },
                format!("{path}.threshold_result"): {
                    "terms": [{ "field": "source.ip", "value": "10.20.3.41" }, { "field": "user.name", "value": "alice" }],
                    "count": 120,
                },
            });
            let record = Record { text: document.to_string(), content: Content::Json(document) };
            assert!(detects(&record), "{}", record.text);
            let alert = parse(&record).expect("alerts").remove(0);
            assert_eq!(alert.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.41"), "{path}");
            assert_eq!(alert.user_name.as_deref(), Some("alice"));
            assert_eq!(alert.rule_name.as_deref(), Some("P2P to many peers"));
        }
    }
}
