//! Palo Alto Networks Cortex XDR: alerts of its interface, with or without the events that made them, and the events.
//!
//! Source: Cortex XDR REST API, "Get Alerts Multi-Events v2" and "Get Incident Extra Data".

use super::endpoint::{Sides, each_machine};
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "cortex_xdr",
    description: "Palo Alto Networks Cortex XDR alerts and their events",
    example: "alerts/cortex_xdr-alert.json",
    detects,
    parse,
};

const ALERT: Mapping = &[
    (Field::EventId, &["alert_id", "external_id", "internal_id", "event_id"]),
    (Field::Timestamp, &["detection_timestamp", "event_timestamp", "source_insert_ts", "local_insert_ts"]),
    (Field::RuleName, &["name", "alert_name", "fw_rule", "events.fw_rule", "description"]),
    (Field::RuleId, &["matching_service_rule_id", "fw_rule_id"]),
    (Field::Severity, &["severity"]),
    (Field::HostName, &["host_name", "hostname", "agent_hostname", "agent_fqdn"]),
    (Field::UserName, &["user_name", "events.user_name", "actor_effective_username"]),
];

const SIDES: Sides<&str> = Sides {
    local_ip: &["action_local_ip", "action_local_ip_v6", "local_ip"],
    local_port: &["action_local_port", "local_port"],
    remote_ip: &["action_remote_ip", "action_remote_ip_v6", "remote_ip", "action_external_hostname"],
    remote_port: &["action_remote_port", "remote_port"],
};

/// An event's firewall has translated nothing that it tells, but a proxy before it may have named its client.
const EVENT: Mapping = &[
    (Field::UserName, &["user_name", "os_actor_effective_username"]),
    (Field::ForwardedIp, &["fw_xff"]),
    (Field::ObserverName, &["fw_device_name"]),
    (Field::Transport, &["action_network_protocol"]),
];
const OWN: [&str; 6] =
    ["host_ip", "host_ip_list", "agent_ip_addresses", "host_ip_v6", "agent_ip_addresses_v6", "endpoint_ip"];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let alert = whole.has_all(&["alert_id", "detection_timestamp"])
        && whole.has_any(&["endpoint_id", "action_pretty"]);
    let event = whole.has_all(&["event_type", "event_timestamp"])
        && whole.has_any(&["actor_process_image_name", "agent_install_type", "fw_app_id", "action_local_ip"]);
    let flat = whole.has_all(&["alert_id", "matching_status"]);
    alert || event || flat
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    base.fill(whole, ALERT)?;
    let events = whole.objects("events");
    let (group, items) = if events.is_empty() { ("", vec![whole]) } else { ("events", events) };
    let alerts = each_machine(&base, group, items, SIDES, |_| false, EVENT)?;
    if !alerts.is_empty() {
        return Ok(alerts);
    }
    base.set_own_address(whole, &OWN)?;
    Ok(vec![base])
}
