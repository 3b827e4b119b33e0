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

/// A custom rule's alert, a firewall's activity and an event of Cloud Funnel name a connection.
const SIDES: Sides<&str> = Sides {
    local_ip: &[
        "alertInfo.srcIp",
        "alertInfo.srcMachineIp",
        "data.srcip",
        "data.reportedLocalHost",
        "src.ip.address",
    ],
    local_port: &["alertInfo.srcPort", "data.srcport", "data.reportedLocalPort", "src.port.number"],
    remote_ip: &["alertInfo.dstIp", "data.dstip", "data.reportedRemoteHost", "dst.ip.address"],
    remote_port: &["alertInfo.dstPort", "data.dstport", "data.reportedRemotePort", "dst.port.number"],
};
/// Names of that direction that stay as they are: the agent gives source and destination, not local and remote.
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
    fields.set_connection(whole, SIDES, false)?;
    fields.fill_one(
        whole,
        Field::Transport,
        &["event.network.protocolName", "alertInfo.netEventProtocol"],
    )?;
    let inbound = ["alertInfo.netEventDirection", "event.network.direction", "data.direction"]
        .iter()
        .find_map(|path| whole.get(path))
        .is_some_and(|direction| direction.to_ascii_lowercase().starts_with("in"));
    // Of an inbound connection the machine is the destination already.
    if fields.source_ip.is_none() && !inbound {
        fields.source_address = None;
        fields.set_own_address(whole, &OWN)?;
    }
    Ok(vec![fields])
}
