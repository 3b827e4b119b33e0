//! VMware Carbon Black: alerts of the Cloud (interface versions 6 and 7, and forwarded), its forwarded network events,
//! its audit log, and hits of Carbon Black EDR (on the premises).
//!
//! Source: developer.carbonblack.com, "Alerts API", "Data Forwarder Data Guide", "Audit Log API"; "CB Event Forwarder".

use super::endpoint::Sides;
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "carbonblack",
    description: "Carbon Black Cloud alerts, network events and audit log, and Carbon Black EDR hits",
    example: "alerts/carbonblack-alert.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["id", "alert_id", "event_id", "eventId", "unique_id"]),
    (
        Field::Timestamp,
        &[
            "detection_timestamp",
            "first_event_timestamp",
            "first_event_time",
            "device_timestamp",
            "create_time",
            "backend_timestamp",
            "eventTime",
            "created_time",
            "timestamp",
        ],
    ),
    (
        Field::RuleName,
        &[
            "rule_name",
            "report_name",
            "watchlists.name",
            "watchlist_name",
            "policy_applied_name",
            "reason",
            "description",
            "type",
        ],
    ),
    (Field::RuleId, &["rule_id", "report_id", "watchlists.id", "watchlist_id"]),
    (Field::Severity, &["severity", "alert_severity"]),
    (Field::UserName, &["device_username", "process_username", "username", "loginName"]),
    (Field::HostName, &["device_name", "computer_name", "hostname"]),
    (Field::SourceNatIp, &["device_external_ip", "comms_ip"]),
    (Field::Transport, &["netconn_protocol", "protocol"]),
];

const SIDES: Sides<&str> = Sides {
    local_ip: &["netconn_local_ip", "netconn_local_ipv4", "netconn_local_ipv6", "local_ip"],
    local_port: &["netconn_local_port", "local_port"],
    remote_ip: &[
        "netconn_remote_ip",
        "netconn_remote_ipv4",
        "netconn_remote_ipv6",
        "remote_ip",
        "netconn_remote_domain",
        "netconn_domain",
    ],
    remote_port: &["netconn_remote_port", "remote_port"],
};
const OWN: [&str; 4] = ["device_internal_ip", "clientIp", "interface_ip", "host_ip"];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let cloud = whole.has_all(&["device_id", "device_name", "type"])
        && whole.has_any(&["org_key", "alert_id", "threat_id", "device_internal_ip", "backend_timestamp"]);
    let audit = whole.has_all(&["clientIp", "loginName", "orgName", "eventTime"]);
    let of_edr = whole
        .get("type")
        .is_some_and(|kind| kind.starts_with("alert.watchlist.") || kind.starts_with("watchlist."));
    cloud || audit || of_edr && whole.has_any(&["cb_server", "sensor_id", "watchlist_name"])
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    fields.fill(whole, MAPPING)?;
    // `CORP\ws-0317` is the machine in its domain.
    if let Some((_, name)) = fields.host_name.as_ref().and_then(|name| name.split_once('\\')) {
        fields.host_name = Some(name.trim_start_matches('\\').to_owned());
    }
    let inbound = whole.get("netconn_inbound").is_some_and(|inbound| inbound.eq_ignore_ascii_case("true"));
    fields.set_connection(whole, SIDES, inbound)?;
    let own = if inbound { fields.destination_ip } else { fields.source_ip };
    if own.is_none() && !inbound {
        fields.set_own_address(whole, &OWN)?;
    }
    if let Some(url) = whole.get("netconn_domain") {
        fields.set_infohash_from_url(("netconn_domain", &url));
    }
    Ok(vec![fields])
}
