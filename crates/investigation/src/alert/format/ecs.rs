//! Documents in the Elastic Common Schema, whoever wrote them: Beats, Elastic Agent and its integrations, and sensors
//! that export it. Senders differ in what they leave out, so it is read leniently; [`super::peerhound_json`] is the
//! strict form.
//!
//! Source: Elastic Common Schema reference.

use std::net::IpAddr;

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::{self, Mapping};
use super::suricata_eve::set_infohash_from_urls;
use super::{AlertFields, Field, Format, Kind, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "ecs",
    description: "Elastic Common Schema documents, as Beats, Elastic Agent and others write them",
    example: "alerts/ecs-packetbeat.json",
    detects,
    parse,
};

/// The flow and who is at its ends, as every document in ECS says it.
const FLOW: Mapping = &[
    (
        Field::SourceIp,
        &[
            "source.ip",
            "source.address",
            "client.ip",
            "client.address",
            "winlog.event_data.SourceIp",
            "winlog.event_data.SourceAddress",
            "winlog.event_data.IpAddress",
        ],
    ),
    (Field::SourcePort, &["source.port", "client.port", "winlog.event_data.SourcePort"]),
    (Field::SourceNatIp, &["source.nat.ip", "client.nat.ip"]),
    (Field::SourceNatPort, &["source.nat.port", "client.nat.port"]),
    (
        Field::DestinationIp,
        &[
            "destination.ip",
            "destination.address",
            "server.ip",
            "server.address",
            "winlog.event_data.DestinationIp",
            "winlog.event_data.DestAddress",
        ],
    ),
    (
        Field::DestinationPort,
        &[
            "destination.port",
            "server.port",
            "winlog.event_data.DestinationPort",
            "winlog.event_data.DestPort",
        ],
    ),
    (Field::DestinationNatIp, &["destination.nat.ip", "server.nat.ip"]),
    (Field::DestinationNatPort, &["destination.nat.port", "server.nat.port"]),
    (Field::ForwardedIp, &["network.forwarded_ip", "suricata.eve.http.xff"]),
    (Field::Transport, &["network.transport", "network.iana_number", "winlog.event_data.Protocol"]),
    (Field::UserName, &["source.user.name", "client.user.name", "user.name", "winlog.event_data.User"]),
    (Field::UserDomain, &["source.user.domain", "client.user.domain", "user.domain"]),
    (Field::UserEmail, &["source.user.email", "client.user.email", "user.email"]),
    // Gatewatcher's probe, behind whose center the document comes from.
    (Field::ObserverName, &["observer.gcap.hostname", "observer.name", "observer.hostname"]),
    (
        Field::Infohash,
        &["torrent.infohash", "suricata.eve.bittorrent_dht.request.info_hash", "zeek.bittorrent.info_hash"],
    ),
];

const OWN: Mapping = &[
    (Field::EventId, &["event.id", "_id"]),
    (Field::Timestamp, &["@timestamp", "event.start", "event.created"]),
    (
        Field::RuleName,
        &[
            "rule.name",
            "suricata.eve.alert.signature",
            "zeek.notice.note",
            "rule.description",
            "event.reason",
        ],
    ),
    (Field::RuleId, &["rule.id", "rule.uuid", "suricata.eve.alert.signature_id"]),
    (Field::Severity, &["event.severity", "log.level"]),
];

const URLS: [&str; 4] = ["url.original", "url.full", "url.query", "http.request.referrer"];
/// Agents that report of nothing but the machine that they run on.
const WATCHERS: [&str; 5] = ["endpoint", "winlogbeat", "auditbeat", "packetbeat", "osquerybeat"];
/// Sensors whose shipper runs on the sensor, so that `host` is the sensor.
const SENSORS: [&str; 4] = ["suricata", "zeek", "snort", "corelight"];

fn detects(record: &Record) -> bool {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return false };
    let lookup = Lookup::Json(value);
    let says = ["source.ip", "source.address", "client.ip", "destination.ip", "event.kind", "rule.name"];
    lookup.has("@timestamp")
        && ["ecs.version", "event.kind", "event.module", "event.dataset"].iter().any(|key| lookup.has(key))
        && says.iter().any(|key| lookup.get(key).is_some())
        && !super::is_known_before(FORMAT.name, record)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(value @ Value::Object(_)) = &record.content else { return Ok(Vec::new()) };
    let lookup = Lookup::Json(value);
    let mut alerts = read(lookup, &[OWN])?;
    // Flows, requests and measurements; those on which a rule fired say so.
    let happened =
        lookup.get("event.kind").is_some_and(|kind| matches!(&*kind, "event" | "metric" | "state"));
    for fields in alerts.iter_mut().filter(|fields| fields.rule_name.is_none() && fields.infohash.is_none()) {
        if happened && fields.rule_id.is_none() {
            fields.kind = Kind::Event;
        }
    }
    // What an alert says for people; the message of any other event is the sensor's raw line.
    if lookup.get("event.kind").is_some_and(|kind| kind == "alert" || kind == "signal") {
        for fields in alerts.iter_mut().filter(|fields| fields.rule_name.is_none()) {
            fields.fill_one(lookup, Field::RuleName, &["message"])?;
        }
    }
    Ok(alerts)
}

/// Reads a document in ECS; `own` says where the format has the rule, the time and what else is its own, and what names
/// it has for the same beside those of ECS.
pub(super) fn read(lookup: Lookup<'_>, own: &[Mapping]) -> Result<Vec<AlertFields>, Reject> {
    let mut table: Vec<(Field, Vec<&str>)> =
        FLOW.iter().map(|(field, paths)| (*field, paths.to_vec())).collect();
    for (field, paths) in own.iter().copied().flatten() {
        match table.iter_mut().find(|(known, _)| known == field) {
            Some((_, known)) => known.extend(*paths),
            None => table.push((*field, paths.to_vec())),
        }
    }
    let mut alerts = mapping::read(lookup, &table)?;
    for fields in &mut alerts {
        set_infohash_from_urls(fields, lookup, &URLS);
        set_host(fields, lookup)?;
    }
    Ok(alerts)
}

/// `host` is the machine that the document was written on: the suspected one where an agent watches its own machine,
/// and otherwise the sensor or whatever collects its logs.
fn set_host(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    let names = ["host.name", "host.hostname"];
    let addresses: Vec<IpAddr> = lookup.all("host.ip").iter().filter_map(|ip| parse_address(ip)).collect();
    let ends: Vec<IpAddr> = [fields.source_ip, fields.destination_ip].into_iter().flatten().collect();
    let is_end = ends.iter().any(|end| addresses.contains(end));
    let is_agent =
        |names: &[&str]| lookup.get("agent.type").is_some_and(|agent| names.contains(&agent.as_ref()));
    let watches_others = fields.observer_name.is_some()
        || ["observer", "observer.vendor", "observer.type"].iter().any(|key| lookup.has(key))
        || lookup.all("tags").iter().any(|tag| tag == "forwarded")
        || lookup.get("event.module").is_some_and(|module| SENSORS.contains(&module.as_ref()))
        || !ends.is_empty() && (!addresses.is_empty() || is_agent(&["filebeat"]));
    if !is_end && watches_others {
        if fields.observer_name.is_none() {
            fields.fill_one(lookup, Field::ObserverName, &names)?;
        }
    } else {
        fields.fill_one(lookup, Field::HostName, &names)?;
        let nameless = fields.source_address.is_none() && fields.destination_address.is_none();
        let watches_itself =
            is_agent(&WATCHERS) || lookup.get("event.module").is_some_and(|m| m == "endpoint");
        if let ([ip], true) = (&only(&addresses)[..], ends.is_empty() && nameless && watches_itself) {
            fields.set(Field::SourceIp, ("host.ip", &ip.to_string()))?;
        }
    }
    if fields.host_name.is_none()
        && let Some(name) = lookup.get("source.domain").filter(|name| parse_address(name).is_none())
    {
        fields.set(Field::HostName, ("source.domain", &name))?;
    }
    Ok(())
}

/// Of all that an agent lists, the addresses that others reach its machine under: those of version 4, or else 6.
fn only(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let reached = |ip: &&IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    let (of_4, of_6): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().filter(reached).partition(|ip| ip.is_ipv4());
    if of_4.is_empty() { of_6 } else { of_4 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert(mut document: Value) -> AlertFields {
        document["@timestamp"] = json!("2026-03-04T05:06:07Z");
        document["ecs"] = json!({ "version": "8.11.0" });
        let record = Record { text: document.to_string(), content: Content::Json(document) };
        assert!(detects(&record), "{}", record.text);
        parse(&record).expect("alerts").remove(0)
    }

    #[test]
    fn the_host_is_the_suspect_where_an_agent_watches_its_own_machine() {
        let host = json!({ "name": "ws-0317", "ip": ["10.20.3.41", "fe80::1", "127.0.0.1"] });
        let own = alert(json!({ "host": host, "source": { "ip": "10.20.3.41" } }));
        assert_eq!((own.host_name.as_deref(), own.observer_name.as_deref()), (Some("ws-0317"), None));
        let others = alert(json!({ "host": host, "source": { "ip": "10.20.3.99" } }));
        assert_eq!((others.host_name.as_deref(), others.observer_name.as_deref()), (None, Some("ws-0317")));
        let sensor = alert(json!({ "host": { "name": "ids-01" }, "source": { "ip": "10.20.3.99" },
            "event": { "module": "suricata" } }));
        assert_eq!((sensor.host_name.as_deref(), sensor.observer_name.as_deref()), (None, Some("ids-01")));
    }

    #[test]
    fn an_endpoint_alert_without_a_flow_is_about_the_one_address_of_its_host() {
        let event = json!({ "kind": "alert" });
        let one =
            json!({ "name": "ws-0317", "ip": ["10.20.3.41", "fe80::1", "fd12:3456:789a::5", "127.0.0.1"] });
        let agent = json!({ "type": "endpoint" });
        let found = alert(
            json!({ "event": event, "message": "Malware Detection Alert", "host": one, "agent": agent }),
        );
        assert_eq!(found.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.41"));
        assert_eq!(found.rule_name.as_deref(), Some("Malware Detection Alert"));
        let two = json!({ "name": "ws-0317", "ip": ["10.20.3.41", "10.20.9.1"] });
        let found = alert(json!({ "event": event, "host": two, "agent": agent }));
        assert_eq!((found.source_ip, found.host_name.as_deref()), (None, Some("ws-0317")));
        // What anybody else ships may be about anybody else.
        assert_eq!(alert(json!({ "event": event, "host": one })).source_ip, None);
    }

    #[test]
    fn what_only_happened_is_no_alert() {
        let flow = |kind: &str, rule: Value| {
            alert(json!({ "event": { "kind": kind }, "rule": rule, "source": { "ip": "10.20.3.41" } })).kind
        };
        assert_eq!(flow("event", Value::Null), Kind::Event);
        assert_eq!(flow("event", json!({ "name": "P2P" })), Kind::Alert);
        assert_eq!(flow("alert", Value::Null), Kind::Alert);
    }

    #[test]
    fn what_has_nothing_but_a_message_is_left_to_whoever_knows_the_message() {
        let document = json!({ "@timestamp": "2026-03-04T05:06:07Z", "ecs": { "version": "8.0.0" },
            "message": "CEF:0|a|b|c|d|e|5|src=10.20.3.41", "host": { "name": "collector" } });
        let record = Record { text: document.to_string(), content: Content::Json(document) };
        assert!(!detects(&record));
    }
}
