//! Microsoft Sentinel: incidents as Azure's interface and Logic Apps give them, and its tables `SecurityIncident` and
//! `SecurityAlert`.
//!
//! Source: Azure REST API, "Incidents" of Microsoft.SecurityInsights; Microsoft Sentinel, "entity types reference".

use std::borrow::Cow;

use serde_json::Value;

use super::framing::Record;
use super::lookup::{self, Lookup};
use super::mapping::Mapping;
use super::ms_entities::{Entities, Words, listed};
use super::{AlertFields, Field, Format, Reject};
use crate::alert::framing::Content;

pub(super) const FORMAT: Format = Format {
    name: "ms_sentinel",
    description: "Microsoft Sentinel incidents (API, Logic App trigger) and security alerts with their entities",
    example: "alerts/ms_sentinel-incident.json",
    detects,
    parse,
};

const INCIDENT: Mapping = &[
    (Field::EventId, &["properties.incidentNumber", "incident_number", "IncidentNumber", "name", "id"]),
    (
        Field::Timestamp,
        &[
            "properties.firstActivityTimeUtc",
            "first_activity_time_utc",
            "FirstActivityTime",
            "properties.createdTimeUtc",
            "created_time_utc",
            "CreatedTime",
            "properties.alerts.properties.timeGenerated",
        ],
    ),
    (
        Field::RuleName,
        &[
            "properties.title",
            "title",
            "Title",
            "properties.alerts.properties.alertDisplayName",
            "properties.description",
        ],
    ),
    (
        Field::RuleId,
        &["properties.relatedAnalyticRuleIds", "related_analytic_rule_ids", "RelatedAnalyticRuleIds"],
    ),
    (Field::Severity, &["properties.severity", "severity", "Severity"]),
];

const ALERT: Mapping = &[
    (Field::EventId, &["SystemAlertId", "VendorOriginalId"]),
    (Field::Timestamp, &["StartTimeUtc", "StartTime", "TimeGenerated", "EndTimeUtc", "EndTime"]),
    (Field::RuleName, &["AlertDisplayName", "DisplayName", "AlertName", "Description"]),
    (Field::RuleId, &["AlertType"]),
    (Field::Severity, &["AlertSeverity", "Severity"]),
];

/// Entities of the interface are in camelCase below `properties`, those of the table in PascalCase.
const WORDS: Words = Words {
    kind: &["kind", "Type"],
    address: &["properties.address", "Address"],
    host: &["properties.hostName", "properties.netBiosName", "HostName", "NetBiosName"],
    host_domain: &["properties.dnsDomain", "DnsDomain"],
    own: &["properties.additionalData.LastInternalIp", "IpInterfaces.Address", "LastIpAddress.Address"],
    user: &["properties.accountName", "Name", "properties.displayName", "DisplayName"],
    user_domain: &["properties.ntDomain", "NTDomain", "properties.upnSuffix", "UPNSuffix"],
    email: &["properties.additionalData.MailAddress", "properties.mail"],
};

/// Where an incident's entities are: in Logic Apps, in the alerts, or from the interface's own list of entities.
const ENTITIES: [&str; 4] = [
    "properties.relatedEntities",
    "properties.alerts.properties.relatedEntities",
    "properties.entities",
    "entities",
];

fn detects(record: &Record) -> bool {
    let Some(fields) = Lookup::of(record) else { return false };
    incident(fields).is_some() || is_alert(fields)
}

/// The incident, which Logic Apps put into `object`.
fn incident(fields: Lookup<'_>) -> Option<Lookup<'_>> {
    let is_incident = |fields: &Lookup<'_>| {
        fields
            .get("type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("Microsoft.SecurityInsights/Incidents"))
            || fields.has_all(&["properties.incidentNumber", "properties.title"])
            || fields.has_all(&["IncidentNumber", "IncidentName", "Title"])
    };
    [Some(fields), fields.objects("object").first().copied()].into_iter().flatten().find(is_incident)
}

fn is_alert(fields: Lookup<'_>) -> bool {
    fields.has_all(&["SystemAlertId", "Entities"])
        && fields.has_any(&["ProviderName", "VendorName", "AlertType"])
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(fields) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    if let Some(incident) = incident(fields) {
        base.fill(incident, INCIDENT)?;
        let entities = listed(incident, &ENTITIES);
        return Entities::sort(entities, WORDS).alerts(&base, WORDS);
    }
    base.fill(fields, ALERT)?;
    let entities = entities(record);
    let found = Lookup::Json(&entities).objects("").into_iter().map(|entity| ("Entities", entity)).collect();
    Entities::sort(found, WORDS).alerts(&base, WORDS)
}

/// The table's entities: a list, or such a list as text.
fn entities(record: &Record) -> Cow<'_, Value> {
    let Content::Json(row) = &record.content else { return Cow::Owned(Value::Null) };
    match lookup::value(row, "Entities") {
        Some(Value::String(text)) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        // A list is gone through on the way: the whole of it is wanted here.
        _ => row.get("Entities").map_or(Cow::Owned(Value::Null), Cow::Borrowed),
    }
}
