//! The Open Cybersecurity Schema Framework, versions 0.x and 1.x: what Security Lake, Security Hub and many pipelines
//! write. Findings give the ends in their `evidences`, network activities give them themselves.
//!
//! Source: schema.ocsf.io, classes Detection Finding, Security Finding and Network Activity, objects `endpoint` and
//! `device`.

use super::endpoint::{Sides, each_machine};
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "ocsf",
    description: "OCSF events: detection, security, compliance and vulnerability findings, network activity and others",
    example: "alerts/ocsf-detection_finding.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["finding_info.uid", "finding.uid", "metadata.uid"]),
    (Field::Timestamp, &["time", "time_dt", "start_time", "start_time_dt", "metadata.original_time"]),
    (
        Field::RuleName,
        &["finding_info.title", "finding.title", "firewall_rule.name", "rule.name", "message", "type_name"],
    ),
    (Field::RuleId, &["finding_info.analytic.uid", "firewall_rule.uid", "rule.uid", "rule.id"]),
    (Field::Severity, &["severity", "severity_id"]),
    (Field::ForwardedIp, &["http_request.x_forwarded_for"]),
];

/// What an event and an evidence say in the same words.
const PARTY: Mapping = &[
    (Field::Transport, &["connection_info.protocol_name", "connection_info.protocol_num"]),
    (Field::UserName, &["actor.user.name", "user.name", "src_endpoint.owner.name"]),
    (Field::UserDomain, &["actor.user.domain", "user.domain", "src_endpoint.owner.domain"]),
    (Field::UserEmail, &["actor.user.email_addr", "user.email_addr", "src_endpoint.owner.email_addr"]),
];

/// The name of the machine at the end that is ours.
const OF_SOURCE: Mapping =
    &[PARTY[0], PARTY[1], PARTY[2], PARTY[3], (Field::HostName, &["src_endpoint.hostname"])];
const OF_DESTINATION: Mapping =
    &[PARTY[0], PARTY[1], PARTY[2], PARTY[3], (Field::HostName, &["dst_endpoint.hostname"])];

const SIDES: Sides<&str> = Sides {
    local_ip: &["src_endpoint.ip", "src_endpoint.hostname", "src_endpoint.name"],
    local_port: &["src_endpoint.port"],
    remote_ip: &["dst_endpoint.ip", "dst_endpoint.hostname", "dst_endpoint.domain"],
    remote_port: &["dst_endpoint.port"],
};

/// Addresses of the machine itself, where no connection is told.
const OWN: [&str; 5] =
    ["device.ip", "device.network_interfaces.ip", "evidences.device.ip", "resources.ip", "resource.ip"];
const OWN_NAME: [&str; 4] =
    ["device.hostname", "evidences.device.hostname", "resources.hostname", "resource.hostname"];

fn detects(record: &Record) -> bool {
    Lookup::of(record).is_some_and(|event| {
        event.has("metadata.product")
            && event.has_any(&["class_uid", "type_uid"])
            && event.has_any(&["category_uid", "activity_id", "severity_id"])
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(event) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    base.fill(event, MAPPING)?;
    base.fill(event, PARTY)?;
    for url in ["http_request.url.url_string", "url.url_string", "evidences.url.url_string"] {
        if let Some(value) = event.get(url) {
            base.set_infohash_from_url((url, &value));
        }
    }
    let mut alerts = Vec::new();
    for (group, of) in [("", vec![event]), ("evidences", event.objects("evidences"))] {
        if alerts.is_empty() {
            alerts = connections(&base, group, of)?;
        }
    }
    if alerts.is_empty() {
        base.fill_one(event, Field::HostName, &OWN_NAME)?;
        base.set_own_address(event, &OWN)?;
        return Ok(vec![base]);
    }
    for fields in &mut alerts {
        set_device(fields, event)?;
    }
    Ok(alerts)
}

/// In OCSF whoever opens a connection is the source already; the direction says on which side the machine is.
fn connections(base: &AlertFields, group: &str, of: Vec<Lookup<'_>>) -> Result<Vec<AlertFields>, Reject> {
    let (inbound, outbound): (Vec<_>, Vec<_>) = of.into_iter().partition(|item| {
        item.get("connection_info.direction_id").as_deref() == Some("1")
            || item
                .get("connection_info.direction")
                .is_some_and(|direction| direction.eq_ignore_ascii_case("inbound"))
    });
    let mut alerts = each_machine(base, group, outbound, SIDES, |_| false, OF_SOURCE)?;
    alerts.extend(each_machine(base, group, inbound, SIDES.turned(), |_| true, OF_DESTINATION)?);
    Ok(alerts)
}

/// A device that is one of the ends is the machine; any other has only seen the connection.
fn set_device(fields: &mut AlertFields, event: Lookup<'_>) -> Result<(), Reject> {
    let ip = event.get("device.ip").and_then(|ip| parse_address(&ip));
    let is_end = ip.is_some() && (ip == fields.source_ip || ip == fields.destination_ip);
    match (is_end, &fields.host_name) {
        (true, Some(_)) => Ok(()),
        (true, None) => fields.fill_one(event, Field::HostName, &["device.hostname"]),
        (false, _) => fields.fill_one(event, Field::ObserverName, &["device.hostname"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::alert::framing::Content;

    fn alerts(more: Value) -> Vec<AlertFields> {
        let mut event = json!({
            "class_uid": 4001, "category_uid": 4, "metadata": { "version": "1.4.0", "product": { "name": "P" } },
        });
        let Value::Object(more) = more else { panic!("an object") };
        event.as_object_mut().expect("an object").extend(more);
        let record = Record { text: event.to_string(), content: Content::Json(event) };
        assert!(detects(&record));
        parse(&record).expect("alerts")
    }

    #[test]
    fn a_device_that_is_no_end_is_the_sensor() {
        let ends = json!({
            "src_endpoint": { "ip": "10.20.3.17", "hostname": "ws-0317" },
            "dst_endpoint": { "ip": "203.0.113.9" },
            "device": { "ip": "10.20.0.1", "hostname": "fw-01" },
        });
        let alert = alerts(ends.clone()).remove(0);
        assert_eq!(
            (alert.host_name.as_deref(), alert.observer_name.as_deref()),
            (Some("ws-0317"), Some("fw-01"))
        );
        let mut own = ends;
        own["device"]["ip"] = json!("10.20.3.17");
        own["src_endpoint"]["hostname"] = json!("");
        let alert = alerts(own).remove(0);
        assert_eq!((alert.host_name.as_deref(), alert.observer_name), (Some("fw-01"), None));
    }

    #[test]
    fn an_inbound_flood_is_one_alert_about_the_machine_that_it_reaches() {
        let evidences: Vec<Value> = (1..100)
            .map(|n| {
                json!({
                    "src_endpoint": { "ip": format!("203.0.113.{n}") },
                    "dst_endpoint": { "ip": "10.20.3.17", "port": 51413 },
                    "connection_info": { "direction_id": 1 },
                })
            })
            .collect();
        let alerts = alerts(json!({ "evidences": evidences }));
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].destination_ip, parse_address("10.20.3.17"));
    }
}
