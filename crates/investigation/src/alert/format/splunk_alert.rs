//! Splunk: what its webhook and custom alert actions send (the search, and the first row of its result), and rows on
//! their own, as exports and apps send them: notable and risk events of Enterprise Security, and any row of a search.
//!
//! A row's fields are named by whoever wrote the search; most follow the Common Information Model.
//!
//! Source: Splunk Alerting Manual, "Use a webhook alert action"; Common Information Model manual; Enterprise Security
//! manual, notable and risk index fields.

use serde_json::{Map, Value};

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping;
use super::suricata_eve::set_infohash_from_urls;
use super::{AlertFields, Field, Format, Reject, splunk_row};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "splunk_alert",
    description: "Splunk alerts: webhook and custom alert actions, Enterprise Security notables, rows of a search",
    example: "alerts/splunk_alert-webhook.json",
    detects,
    parse,
};

/// Fields of a row, by the names of the Common Information Model and of those who do without.
const ROW: &[(Field, &[&str])] = &[
    (Field::RuleId, &["signature_id", "rule_id", "sid_rule"]),
    (Field::Severity, &["severity", "urgency", "priority"]),
    // A notable's own `_time` is when the search ran.
    (
        Field::Timestamp,
        &[
            "orig_time",
            "_time",
            "timestamp",
            "time",
            "lastTime",
            "last_time",
            "latest",
            "firstTime",
            "_indextime",
        ],
    ),
    (
        Field::SourceIp,
        &[
            "src_ip",
            "src",
            "source_ip",
            "srcip",
            "sourceip",
            "src_addr",
            "source_address",
            "client_ip",
            "clientip",
            "c_ip",
            "local_ip",
            "LocalAddressIP4",
            "id.orig_h",
            "source.ip",
        ],
    ),
    (Field::SourcePort, &["src_port", "srcport", "source_port", "sport", "spt", "local_port", "source.port"]),
    (
        Field::DestinationIp,
        &[
            "dest_ip",
            "dest",
            "dst_ip",
            "dst",
            "destination_ip",
            "dstip",
            "destip",
            "dest_addr",
            "remote_ip",
            "RemoteAddressIP4",
            "id.resp_h",
            "destination.ip",
        ],
    ),
    (
        Field::DestinationPort,
        &[
            "dest_port",
            "dst_port",
            "dstport",
            "destination_port",
            "dport",
            "dpt",
            "remote_port",
            "destination.port",
        ],
    ),
    (Field::SourceNatIp, &["src_translated_ip"]),
    (Field::SourceNatPort, &["src_translated_port"]),
    (Field::DestinationNatIp, &["dest_translated_ip"]),
    (Field::DestinationNatPort, &["dest_translated_port"]),
    (Field::ForwardedIp, &["http_x_forwarded_for", "x_forwarded_for", "xff"]),
    (Field::Transport, &["transport", "protocol", "proto"]),
    (Field::UserName, &["src_user", "user", "user_name", "username", "suser", "Account_Name"]),
    (Field::UserDomain, &["src_user_domain", "src_nt_domain", "user_domain"]),
    (Field::UserEmail, &["src_user_email", "user_email"]),
    (Field::HostName, &["src_host", "src_dns", "src_nt_host", "src_hostname", "src_name", "ComputerName"]),
    (Field::Infohash, &["infohash", "info_hash", "torrent_infohash"]),
];
const URLS: [&str; 3] = ["result.url", "result.uri", "result.uri_query"];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    is_action(object) || is_row(object)
}

fn is_action(object: &Map<String, Value>) -> bool {
    object.get("result").is_some_and(Value::is_object)
        && object.contains_key("sid")
        && ["results_link", "search_name", "results_file"].iter().any(|key| object.contains_key(*key))
}

fn is_row(object: &Map<String, Value>) -> bool {
    let has = |key: &str| object.contains_key(key);
    let indexed = has("_time") && ["_cd", "_bkt", "_indextime", "splunk_server"].iter().any(|key| has(key));
    let notable = object.get("event_id").and_then(Value::as_str).is_some_and(|id| id.contains("@@"))
        || has("search_name")
            && ["orig_sid", "orig_rid", "security_domain", "info_search_time"].iter().any(|key| has(key));
    let named = has("rule_name") && ["security_domain", "urgency", "rule_title"].iter().any(|key| has(key));
    indexed || notable || named || has("risk_object") && has("risk_object_type")
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(Value::Object(object)) = &record.content else { return Ok(Vec::new()) };
    let wrapped = is_action(object);
    let row = if wrapped { object.get("result").and_then(Value::as_object) } else { Some(object) };
    let Some(row) = row.map(splunk_row::plain) else { return Ok(Vec::new()) };
    let mut whole = if wrapped { object.clone() } else { row.clone() };
    if wrapped {
        whole.insert("result".to_owned(), Value::Object(row));
    }
    let (whole, prefix) = (Value::Object(whole), if wrapped { "result." } else { "" });
    let lookup = Lookup::Json(&whole);
    let named =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("{prefix}{name}")).collect() };
    let table: Vec<(Field, Vec<String>)> = ROW.iter().map(|(field, names)| (*field, named(names))).collect();
    let mut alerts = mapping::read(lookup, &table)?;
    for fields in &mut alerts {
        set_risk(fields, lookup, prefix)?;
        set_rule(fields, lookup, &named)?;
        let id = [named(&["event_id", "notable_id", "finding_id"]), vec!["sid".to_owned()]].concat();
        fields.fill_one(lookup, Field::EventId, &id)?;
        let flow =
            fields.source_ip.is_some() || fields.source_address.is_some() || fields.destination_ip.is_some();
        // `host` is whoever wrote the event: of a flow the sensor, of anything else the machine itself, unless that is
        // named as what it happened to.
        if flow {
            let sensor = named(&["dvc_host", "dvc", "orig_host", "host", "sensor"]);
            fields.fill_one(lookup, Field::ObserverName, &sensor)?;
        } else if fields.host_name.is_none() {
            let machine = named(&["dest_host", "dest_nt_host", "dest", "orig_host", "host"]);
            // What has a port is whom the machine talked to.
            let machine = if fields.destination_port.is_some() { &machine[3..] } else { &machine };
            fields.fill_one(lookup, Field::HostName, machine)?;
        }
        set_infohash_from_urls(
            fields,
            lookup,
            &URLS.map(|url| if wrapped { url } else { &url["result.".len()..] }),
        );
    }
    Ok(alerts)
}

/// The correlation search of a notable, or the search that was alerted on, or what the sensor said.
fn set_rule(
    fields: &mut AlertFields,
    lookup: Lookup<'_>,
    named: &dyn Fn(&[&str]) -> Vec<String>,
) -> Result<(), Reject> {
    let of_notable = named(&["rule_name", "search_name", "rule_title", "finding_title"]);
    let is_notable = ["security_domain", "rule_title", "orig_sid", "risk_object"]
        .iter()
        .any(|key| lookup.get(&named(&[*key])[0]).is_some());
    let own = ["search_name".to_owned(), "savedsearch_name".to_owned()];
    let seen = named(&["signature", "alert_name", "category", "app"]);
    let mut paths =
        if is_notable { [&of_notable[..], &own].concat() } else { [&own[..], &of_notable].concat() };
    paths.extend(seen);
    fields.fill_one(lookup, Field::RuleName, &paths)
}

/// A risk event names whom it is about by one object and its type.
fn set_risk(fields: &mut AlertFields, lookup: Lookup<'_>, prefix: &str) -> Result<(), Reject> {
    let get = |key: &str| lookup.get(&format!("{prefix}{key}"));
    let path = format!("{prefix}risk_object");
    if let (Some(object), Some(kind)) = (lookup.get(&path), get("risk_object_type")) {
        match kind.as_ref() {
            "user" if fields.user_name.is_none() => {
                fields.set(Field::UserName, (&path, &object))?;
            }
            "system" if fields.source_ip.is_none() && parse_address(&object).is_some() => {
                fields.set(Field::SourceIp, (&path, &object))?;
            }
            "system" if fields.host_name.is_none() && parse_address(&object).is_none() => {
                fields.set(Field::HostName, (&path, &object))?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alerts(value: Value) -> Vec<AlertFields> {
        let record = Record { text: value.to_string(), content: Content::Json(value) };
        assert!(detects(&record), "{}", record.text);
        parse(&record).expect("alerts")
    }

    #[test]
    fn names_are_taken_out_of_functions_and_data_models() {
        let row = json!({ "values(All_Traffic.src)": "10.20.3.41\n10.20.3.42", "All_Traffic.dest_port": "6881",
            "count": "12" });
        let found = alerts(json!({ "sid": "s", "search_name": null, "results_link": "x", "result": row }));
        let sources: Vec<_> =
            found.iter().filter_map(|alert| alert.source_ip).map(|ip| ip.to_string()).collect();
        assert_eq!(sources, ["10.20.3.41", "10.20.3.42"]);
        assert_eq!((found[0].destination_port, found[0].rule_name.as_deref()), (Some(6881), None));
        assert_eq!(found[0].origins[&Field::DestinationPort], "result.dest_port");
    }

    #[test]
    fn a_notable_of_the_index_is_read_out_of_its_raw_text() {
        let raw =
            "1772600767, search_name=\"Network - P2P - Rule\", src=\"10.20.3.41\", user=\"CORP\\alice\"";
        let row = json!({ "_time": "2026-03-04T05:06:07.000+00:00", "_bkt": "notable~1", "_raw": raw,
            "host": "search-01", "source": "Network - P2P - Rule" });
        let found = alerts(row).remove(0);
        assert_eq!(found.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.41"));
        assert_eq!(found.rule_name.as_deref(), Some("Network - P2P - Rule"));
        assert_eq!((found.user_name.as_deref(), found.user_domain.as_deref()), (Some("alice"), Some("CORP")));
    }

    #[test]
    fn an_event_of_an_endpoint_is_about_the_machine_that_it_names() {
        let host = |row: Value| {
            alerts(json!({ "sid": "s", "search_name": "P2P", "result": row })).remove(0).host_name
        };
        assert_eq!(host(json!({ "dest": "ws-0317", "host": "dc-01" })).as_deref(), Some("ws-0317"));
        assert_eq!(host(json!({ "host": "ws-0317" })).as_deref(), Some("ws-0317"));
        let remote = json!({ "dest": "tracker.example", "dest_port": "6969", "host": "ws-0317" });
        assert_eq!(host(remote).as_deref(), Some("ws-0317"));
        assert_eq!(host(json!({ "src": "10.20.3.41", "host": "fw-01" })), None);
    }

    #[test]
    fn a_risk_event_names_its_object() {
        let risk = |object: &str, kind: &str| {
            alerts(json!({ "risk_object": object, "risk_object_type": kind, "search_name": "P2P" })).remove(0)
        };
        assert!(risk("10.20.3.41", "system").source_ip.is_some());
        assert_eq!(risk("ws-0317", "system").host_name.as_deref(), Some("ws-0317"));
        assert_eq!(risk("alice", "user").user_name.as_deref(), Some("alice"));
    }
}
