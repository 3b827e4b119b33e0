//! CyberArk's audit of its identity and privileged access services, as its SIEM integration gives it.
//!
//! Source: CyberArk, "Audit: SIEM integration, event schema".

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "cyberark_audit",
    description: "CyberArk audit events (JSON of its SIEM integration)",
    example: "alerts/cyberark_audit-event.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["uuid"]),
    (Field::Timestamp, &["timestamp"]),
    (Field::UserName, &["username"]),
    (Field::RuleName, &["message", "action"]),
    (Field::RuleId, &["auditCode"]),
    (Field::Severity, &["auditType"]),
];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(event)) = &record.content else { return false };
    ["auditCode", "auditType", "applicationCode", "tenantId"].iter().all(|key| event.contains_key(*key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value) = &record.content else { return Ok(Vec::new()) };
    let lookup = Lookup::Json(value);
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    // Either may be the name of a component or of an account instead.
    for (field, key) in [(Field::SourceIp, "source"), (Field::DestinationIp, "target")] {
        if let Some(address) = lookup.get(key).filter(|text| parse_address(text).is_some()) {
            fields.set(field, (key, &address))?;
        }
    }
    Ok(vec![fields])
}
