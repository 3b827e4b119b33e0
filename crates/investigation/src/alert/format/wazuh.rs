//! Wazuh's alerts (alerts.json, the documents of `wazuh-alerts-*`, what integrations post), and OSSEC's before it.
//!
//! The agent is the machine that the alert is about, unless what it reported is about others: the agent on a sensor,
//! the manager that receives a firewall's syslog.
//!
//! Source: Wazuh documentation, "Alert generation", and the decoders and rules of `wazuh/wazuh`.

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::{self, Mapping};
use super::suricata_eve::set_infohash_from_urls;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "wazuh",
    description: "Wazuh alerts (alerts.json, indexer documents, integrations) and OSSEC's JSON",
    example: "alerts/wazuh-suricata.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["id", "_id"]),
    // Wazuh's own is when the manager got to it.
    (
        Field::Timestamp,
        &["data.timestamp", "data.win.system.systemTime", "timestamp", "@timestamp", "TimeStamp"],
    ),
    (Field::RuleName, &["rule.description", "rule.comment"]),
    (Field::RuleId, &["rule.id", "rule.sidid"]),
    (Field::Severity, &["rule.level"]),
    (
        Field::SourceIp,
        &[
            "data.srcip",
            "data.src_ip",
            "data.src",
            "data.source_address",
            "data.win.eventdata.sourceIp",
            "data.win.eventdata.sourceAddress",
            "data.win.eventdata.ipAddress",
            "data.id.orig_h",
            "data.source.ip",
            "data.aws.source_ip_address",
            "data.aws.sourceIPAddress",
            "data.aws.srcaddr",
            "data.office365.ClientIP",
            "data.columns.local_address",
            "data.osquery.columns.local_address",
            "srcip",
            "src_ip",
        ],
    ),
    (
        Field::SourcePort,
        &[
            "data.srcport",
            "data.src_port",
            "data.source_port",
            "data.win.eventdata.sourcePort",
            "data.win.eventdata.ipPort",
            "data.id.orig_p",
            "data.source.port",
            "data.osquery.columns.local_port",
            "srcport",
        ],
    ),
    (
        Field::DestinationIp,
        &[
            "data.dstip",
            "data.dest_ip",
            "data.dst_ip",
            "data.dst",
            "data.destination_address",
            "data.win.eventdata.destinationIp",
            "data.win.eventdata.destAddress",
            "data.id.resp_h",
            "data.destination.ip",
            "data.aws.dstaddr",
            "data.osquery.columns.remote_address",
            "dstip",
            "dst_ip",
        ],
    ),
    (
        Field::DestinationPort,
        &[
            "data.dstport",
            "data.dest_port",
            "data.dst_port",
            "data.destination_port",
            "data.win.eventdata.destinationPort",
            "data.win.eventdata.destPort",
            "data.id.resp_p",
            "data.destination.port",
            "data.osquery.columns.remote_port",
            "dstport",
        ],
    ),
    (
        Field::SourceNatIp,
        &[
            "data.nat_srcip",
            "data.nat_src_ip",
            "data.mapped_src_ip",
            "data.nat_source_ip",
            "data.xlatesrc",
            "data.transip",
        ],
    ),
    (
        Field::SourceNatPort,
        &[
            "data.nat_srcport",
            "data.nat_src_port",
            "data.mapped_src_port",
            "data.nat_source_port",
            "data.xlatesport",
        ],
    ),
    (
        Field::DestinationNatIp,
        &["data.nat_dstip", "data.nat_dst_ip", "data.mapped_dst_ip", "data.nat_destination_ip"],
    ),
    (
        Field::DestinationNatPort,
        &["data.nat_dstport", "data.nat_dst_port", "data.mapped_dst_port", "data.nat_destination_port"],
    ),
    (Field::ForwardedIp, &["data.xff", "data.http.xff", "data.forwardedfor", "data.xff_address"]),
    (Field::Transport, &["data.protocol", "data.proto", "data.win.eventdata.protocol"]),
    (
        Field::UserName,
        &[
            "data.srcuser",
            "data.src_user",
            "data.source_user",
            "data.win.eventdata.user",
            "data.win.eventdata.targetUserName",
            "data.win.eventdata.subjectUserName",
            "data.office365.UserId",
            "srcuser",
            "user",
        ],
    ),
    (Field::UserDomain, &["data.win.eventdata.targetDomainName", "data.win.eventdata.subjectDomainName"]),
    (Field::Infohash, &["data.bittorrent_dht.request.info_hash", "data.infohash", "data.info_hash"]),
];

const URLS: [&str; 3] = ["data.url", "data.http.url", "url"];

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    let lookup = Lookup::Json(value);
    lookup.get("rule.level").is_some()
        && ["rule.groups", "rule.description", "rule.comment"].iter().any(|key| lookup.has(key))
        && ["agent", "manager", "decoder", "location"].iter().any(|key| lookup.has(key))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return Ok(Vec::new()) };
    let lookup = Lookup::Json(value);
    let mut alerts = mapping::read(lookup, MAPPING)?;
    for fields in &mut alerts {
        set_infohash_from_urls(fields, lookup, &URLS);
        set_agent(fields, lookup)?;
    }
    Ok(alerts)
}

fn set_agent(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    let ip = lookup.get("agent.ip").and_then(|ip| parse_address(&ip)).filter(|ip| !ip.is_loopback());
    // What a machine says of itself.
    if fields.source_ip.is_some_and(|ip| ip.is_loopback()) && fields.destination_ip.is_none() {
        fields.source_ip = None;
        fields.origins.remove(&Field::SourceIp);
    }
    let ends = [fields.source_ip, fields.destination_ip];
    let no_end = ends == [None, None] && fields.source_address.is_none();
    let is_end = ip.is_some() && ends.contains(&ip);
    // Agent 000 is the manager: what it says of itself is its own, what others sent it is of the one that wrote it.
    let is_manager = lookup.get("agent.id").is_some_and(|id| id == "000");
    // Of a logon, the address is where somebody came from.
    let of_windows = lookup.has("data.win") && (no_end || !is_logon(lookup));
    let of_itself = is_end || !is_manager && (no_end || of_windows);
    // The decoders' `user` is written as the destination's, whoever it is: of a log about one machine alone the one who
    // is logged in there, and of a firewall's flow whom it knows behind the source. Of a login it is an account elsewhere.
    let of_flow = ends.iter().all(Option::is_some);
    if (of_flow || no_end && !is_manager) && fields.user_name.is_none() {
        fields.fill_one(lookup, Field::UserName, &["data.dstuser", "dstuser", "data.user"])?;
    }
    if of_itself {
        fields.fill_one(lookup, Field::HostName, &["data.win.system.computer", "agent.name"])?;
        if no_end && let Some(ip) = ip {
            fields.set(Field::SourceIp, ("agent.ip", &ip.to_string()))?;
        }
    } else {
        let names = ["predecoder.hostname", "data.hostname", "hostname", "agent.name", "manager.name"];
        fields.fill_one(lookup, Field::ObserverName, if is_manager { &names } else { &names[3..] })?;
        fields.fill_one(lookup, Field::HostName, &["data.win.eventdata.workstationName"])?;
    }
    Ok(())
}

fn is_logon(lookup: Lookup<'_>) -> bool {
    lookup.get("data.win.eventdata.ipAddress").is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert(agent: Value, data: Value) -> AlertFields {
        let value = json!({ "timestamp": "2026-03-04T05:06:07.123+0000", "agent": agent, "data": data,
            "rule": { "level": 10, "description": "P2P", "id": "100210" }, "manager": { "name": "wazuh-01" },
            "predecoder": { "hostname": "fw-01" } });
        let record = Record { text: value.to_string(), content: Content::Json(value) };
        assert!(detects(&record));
        parse(&record).expect("alerts").remove(0)
    }

    #[test]
    fn the_agent_is_the_suspect_unless_it_reports_about_others() {
        let agent = json!({ "id": "003", "name": "ws-0317", "ip": "10.20.3.41" });
        let process = alert(agent.clone(), json!({ "dstuser": "alice" }));
        assert_eq!(process.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.41"));
        assert_eq!(process.origins[&Field::SourceIp], "agent.ip");
        assert_eq!(
            (process.host_name.as_deref(), process.user_name.as_deref()),
            (Some("ws-0317"), Some("alice"))
        );
        let flow = json!({ "src_ip": "10.20.4.17", "dest_ip": "203.0.113.77" });
        let sensor = alert(agent, flow.clone());
        assert_eq!((sensor.host_name.as_deref(), sensor.observer_name.as_deref()), (None, Some("ws-0317")));
        let manager = alert(json!({ "id": "000", "name": "wazuh-01" }), flow);
        assert_eq!((manager.host_name.as_deref(), manager.observer_name.as_deref()), (None, Some("fw-01")));
    }

    #[test]
    fn the_destinations_user_is_the_sources_where_a_firewall_says_so() {
        let user = |data: Value| alert(json!({ "id": "000", "name": "wazuh-01" }), data).user_name;
        let flow = json!({ "srcip": "10.20.3.41", "dstip": "203.0.113.77", "dstuser": "alice" });
        assert_eq!(user(flow).as_deref(), Some("alice"));
        assert_eq!(user(json!({ "srcip": "10.20.3.41", "dstuser": "root" })), None);
    }

    #[test]
    fn who_logs_on_from_elsewhere_is_there() {
        let agent = json!({ "id": "003", "name": "srv-01", "ip": "10.20.0.3" });
        let logon = |ip: &str| {
            let data = json!({ "ipAddress": ip, "workstationName": "WS-0317", "targetUserName": "alice" });
            alert(agent.clone(), json!({ "win": { "eventdata": data } }))
        };
        let remote = logon("10.20.3.41");
        assert_eq!(
            (remote.host_name.as_deref(), remote.user_name.as_deref()),
            (Some("WS-0317"), Some("alice"))
        );
        let local = logon("127.0.0.1");
        assert_eq!(local.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.0.3"));
        assert_eq!(local.host_name.as_deref(), Some("srv-01"));
    }

    #[test]
    fn an_agent_that_registered_under_any_address_has_none() {
        let found = alert(json!({ "id": "003", "name": "ws-0317", "ip": "any" }), json!({}));
        assert_eq!((found.source_ip, found.host_name.as_deref()), (None, Some("ws-0317")));
    }
}
