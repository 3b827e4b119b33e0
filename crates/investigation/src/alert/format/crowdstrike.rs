//! CrowdStrike Falcon: event streams (`metadata` and `event`), detections and alerts of its API, and the events that
//! Falcon Data Replicator (FDR) writes.
//!
//! Source: CrowdStrike "Streaming API event dictionary", "Events data dictionary" (FDR), and the API's `/alerts` and
//! `/detects` collections as FalconPy documents them.

use super::endpoint::{Sides, each_machine};
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "crowdstrike",
    description: "CrowdStrike Falcon event streams, API detections and alerts, and FDR events",
    example: "alerts/crowdstrike-api.json",
    detects,
    parse,
};

/// Names within `event` of a stream, and within an event of FDR.
const EVENT: Mapping = &[
    (
        Field::EventId,
        &[
            "CompositeId",
            "DetectId",
            "LeadId",
            "IncidentID",
            "IdentityProtectionIncidentId",
            "DetectionId",
            "id",
        ],
    ),
    (
        Field::RuleName,
        &[
            "DetectName",
            "RuleName",
            "IdpPolicyRuleName",
            "Name",
            "ReportName",
            "IncidentDescription",
            "DetectDescription",
            "Description",
            "OperationName",
            "properties.EventName",
            "event_simpleName",
            "event_simplename",
        ],
    ),
    (Field::RuleId, &["PatternId", "RuleId"]),
    (Field::Severity, &["SeverityName", "Severity"]),
    (
        Field::UserName,
        &["UserName", "SourceAccountName", "properties.UserName", "UserID", "UserId", "UserPrincipal"],
    ),
    (Field::UserDomain, &["LogonDomain", "SourceAccountDomain"]),
    (Field::UserEmail, &["SourceAccountUpn"]),
    (
        Field::HostName,
        &[
            "ComputerName",
            "Hostname",
            "HostName",
            "SourceEndpointHostName",
            "EndpointName",
            "properties.ComputerName",
            "ThreatgraphIndicators.Hostname",
        ],
    ),
    (Field::SourceNatIp, &["aip", "ExternalIP"]),
];

/// Detections and alerts of the API are in lower case, with the machine in `device`.
const API: Mapping = &[
    (Field::EventId, &["composite_id", "detection_id", "incident_id", "id"]),
    (Field::Timestamp, &["timestamp", "first_behavior", "start", "created_timestamp", "behaviors.timestamp"]),
    (
        Field::RuleName,
        &[
            "display_name",
            "name",
            "behaviors.display_name",
            "behaviors.scenario",
            "description",
            "behaviors.description",
        ],
    ),
    (Field::RuleId, &["pattern_id", "behaviors.pattern_id", "behaviors.behavior_id"]),
    (Field::Severity, &["severity_name", "max_severity_displayname", "severity"]),
    (Field::UserName, &["user_name", "behaviors.user_name", "source_account_name"]),
    (Field::UserDomain, &["logon_domain", "source_account_domain"]),
    (Field::HostName, &["device.hostname", "source_endpoint_host_name"]),
    (Field::SourceNatIp, &["device.external_ip"]),
];

const SIDES: Sides<&str> = Sides {
    local_ip: &[
        "LocalAddress",
        "LocalAddressIP4",
        "LocalAddressIP6",
        "properties.LocalAddressIP4",
        "properties.LocalAddressIP6",
        "local_address",
    ],
    local_port: &["LocalPort", "properties.LocalPort", "local_port"],
    remote_ip: &[
        "RemoteAddress",
        "RemoteAddressIP4",
        "RemoteAddressIP6",
        "properties.RemoteAddressIP4",
        "properties.RemoteAddressIP6",
        "remote_address",
    ],
    remote_port: &["RemotePort", "properties.RemotePort", "remote_port"],
};
const TRANSPORT: Mapping = &[(Field::Transport, &["Protocol", "properties.Protocol", "protocol"])];

/// Lists of connections.
const CONNECTIONS: [&str; 4] =
    ["NetworkAccesses", "MobileNetworkConnections", "network_accesses", "behaviors.network_accesses"];
/// The machine's own address, where no connection is told.
const OWN: [&str; 8] = [
    "LocalIP",
    "LocalIPv6",
    "EndpointIp",
    "SourceEndpointIpAddress",
    "UserIp",
    "device.local_ip",
    "source_endpoint_address_ip4",
    "local_ip",
];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let stream = whole.has_all(&["metadata.eventType", "event"])
        && whole.has_any(&["metadata.customerIDString", "metadata.offset", "metadata.detectionIdString"]);
    let fdr = whole.has_any(&["event_simpleName", "event_simplename", "event.event_simpleName"])
        && whole.has_any(&["aid", "cid", "aip", "event.aid"]);
    let api = whole.has_all(&["composite_id", "cid"])
        || whole.has("detection_id") && whole.has_any(&["behaviors", "device.device_id"])
        || whole.has_all(&["incident_id", "cid", "hosts"]);
    stream || fdr || api
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let event = whole.objects("event").first().copied();
    let mut base = AlertFields::default();
    match event {
        Some(event) => {
            base.fill_one(whole, Field::Timestamp, &["metadata.eventCreationTime"])?;
            if base.timestamp.is_none() {
                let paths = ["event.timestamp", "event.ContextTimeStamp", "timestamp"];
                base.fill_one(whole, Field::Timestamp, &paths)?;
            }
            let before = base.origins.clone();
            base.fill(event, EVENT)?;
            base.within("event", &before);
            base.fill_one(whole, Field::Severity, &["metadata.severity.name"])?;
            base.fill_one(whole, Field::SourceNatIp, &["aip"])?;
        }
        None if whole.has_any(&["event_simpleName", "event_simplename"]) => {
            base.fill_one(whole, Field::Timestamp, &["timestamp", "ContextTimeStamp"])?;
            base.fill(whole, EVENT)?;
        }
        None => base.fill(whole, API)?,
    }
    let (group, inner) = event.map_or(("", whole), |event| ("event", event));
    for list in CONNECTIONS {
        let connections = each_machine(&base, list, inner.objects(list), SIDES, is_inbound, TRANSPORT)?;
        // A connection without the machine's own end says nothing about who it was.
        let known = |fields: &AlertFields| fields.source_ip.is_some() && fields.destination_ip.is_some();
        if !connections.is_empty() && connections.iter().all(known) {
            return Ok(connections);
        }
    }
    let connections = each_machine(&base, group, [inner], SIDES, is_inbound, TRANSPORT)?;
    if !connections.is_empty() {
        return Ok(connections);
    }
    let hosts = whole.objects("hosts");
    if !hosts.is_empty() {
        return hosts.into_iter().take(64).map(|host| host_of_incident(&base, host)).collect();
    }
    let before = base.origins.clone();
    base.set_own_address(inner, &OWN)?;
    base.within(group, &before);
    Ok(vec![base])
}

/// An incident of the API lists its machines: each is an alert.
fn host_of_incident(base: &AlertFields, host: Lookup<'_>) -> Result<AlertFields, Reject> {
    let mut fields = base.clone();
    fields.fill_one(host, Field::HostName, &["hostname"])?;
    fields.fill_one(host, Field::SourceNatIp, &["external_ip"])?;
    fields.set_own_address(host, &["local_ip"])?;
    fields.within("hosts", &base.origins);
    Ok(fields)
}

/// 1 is inbound in streams, and words are used by the API; some events of FDR say it by their name.
fn is_inbound(item: Lookup<'_>) -> bool {
    let direction = ["ConnectionDirection", "properties.ConnectionDirection", "connection_direction"]
        .iter()
        .find_map(|path| item.get(path));
    let by_name = || {
        let name = item.get("event_simpleName").or_else(|| item.get("properties.EventName"));
        name.is_some_and(|name| name.starts_with("NetworkReceiveAccept"))
    };
    match direction.as_deref() {
        Some("1") => true,
        Some(word) if word.eq_ignore_ascii_case("inbound") => true,
        Some(_) => false,
        None => by_name(),
    }
}
