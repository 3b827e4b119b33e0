//! SentinelOne: threats, custom (STAR) alerts, activities, and events of Cloud Funnel.
//!
//! Source: SentinelOne management API, "Threats", "Cloud Detection Alerts" and "Activities"; "Cloud Funnel 2.0".

use super::endpoint::Sides;
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "sentinelone",
    description: "SentinelOne threats, custom alerts, activities and Cloud Funnel events",
    example: "alerts/sentinelone-threat.json",
    detects,
    parse,
};

/// Log shippers put all names into lower case.
const MAPPING: Mapping = &[
    (
        Field::EventId,
        &["threatInfo.threatId", "alertInfo.alertId", "data.alertid", "data.alertId", "event.id", "id"],
    ),
    (
        Field::Timestamp,
        &[
            "threatInfo.identifiedAt",
            "alertInfo.createdAt",
            "alertInfo.reportedAt",
            "threatInfo.createdAt",
            "event.time",
            "createdAt",
            "createdat",
        ],
    ),
    (
        Field::RuleName,
        &[
            "ruleInfo.name",
            "data.ruleName",
            "data.rulename",
            "threatInfo.threatName",
            "data.threatClassification",
            "primaryDescription",
            "primarydescription",
            "event.type",
        ],
    ),
    (Field::RuleId, &["ruleInfo.id", "data.ruleId", "data.ruleid"]),
    (
        Field::Severity,
        &[
            "ruleInfo.severity",
            "data.severity",
            "threatInfo.confidenceLevel",
            "data.confidenceLevel",
            "data.confidencelevel",
        ],
    ),
    (
        Field::UserName,
        &[
            "agentDetectionInfo.agentLastLoggedInUserName",
            "threatInfo.processUser",
            "sourceProcessInfo.user",
            "data.userName",
            "data.username",
            "data.lastLoggedInUserName",
            "data.sourceprocessusername",
            "src.process.user",
        ],
    ),
    (Field::UserEmail, &["agentDetectionInfo.agentLastLoggedInUserMail"]),
    (
        Field::HostName,
        &[
            "agentRealtimeInfo.agentComputerName",
            "agentDetectionInfo.name",
            "agentRealtimeInfo.name",
            "data.computerName",
            "data.computername",
            "data.origagentname",
            "endpoint.name",
        ],
    ),
    (Field::SourceNatIp, &["agentDetectionInfo.externalIp", "data.externalip", "data.externalIp"]),
];

/// Alerts of custom rules and Cloud Funnel give source and destination, whichever of them the machine is.
const FLOW: Sides<&str> = Sides {
    local_ip: &["alertInfo.srcIp", "alertInfo.srcMachineIp", "data.srcip", "src.ip.address"],
    local_port: &["alertInfo.srcPort", "data.srcport", "src.port.number"],
    remote_ip: &["alertInfo.dstIp", "data.dstip", "dst.ip.address"],
    remote_port: &["alertInfo.dstPort", "data.dstport", "dst.port.number"],
};
/// The machine's firewall gives its own side and the other.
const FIREWALL: Sides<&str> = Sides {
    local_ip: &["data.reportedLocalHost"],
    local_port: &["data.reportedLocalPort"],
    remote_ip: &["data.reportedRemoteHost"],
    remote_port: &["data.reportedRemotePort"],
};
/// Addresses of the machine itself, where no flow is told.
const OWN: [&str; 9] = [
    "agentDetectionInfo.agentIpV4",
    "agentDetectionInfo.agentIpV6",
    "agentRealtimeInfo.networkInterfaces.inet",
    "agentRealtimeInfo.networkInterfaces.inet6",
    "data.agentIpV4",
    "data.agentipv4",
    "data.ipAddress",
    "data.ipaddress",
    "endpoint.ip",
];

const DIRECTIONS: [&str; 4] =
    ["alertInfo.netEventDirection", "event.network.direction", "data.reportedDirection", "data.direction"];
const TRANSPORTS: [&str; 3] =
    ["event.network.protocolName", "alertInfo.netEventProtocol", "data.reportedProtocol"];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let threat = whole.has("threatInfo") && whole.has_any(&["agentDetectionInfo", "agentRealtimeInfo"]);
    let alert = whole.has_all(&["alertInfo", "ruleInfo"]);
    let activity = whole.has_any(&["activityType", "activitytype"])
        && whole.has_any(&["primaryDescription", "primarydescription"]);
    let funnel = whole.has_all(&["event.type", "endpoint.name"])
        && whole.has_any(&["agent.uuid", "mgmt.id", "site.id"]);
    threat || alert || activity || funnel
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    fields.fill(whole, MAPPING)?;
    let inbound = DIRECTIONS
        .iter()
        .find_map(|path| whole.get(path))
        .is_some_and(|direction| direction.to_ascii_lowercase().starts_with("in"));
    fields.set_connection(whole, FLOW, false)?;
    fields.set_connection(whole, FIREWALL, inbound)?;
    fields.fill_one(whole, Field::Transport, &TRANSPORTS)?;
    // Of an inbound flow the machine is the destination.
    if fields.source_ip.is_none() && !inbound {
        fields.source_address = None;
        fields.set_own_address(whole, &OWN)?;
    }
    Ok(vec![fields])
}
