//! What ElastAlert 2 posts (`http_post` with all values, or `http_post2`): the document that matched, with
//! `num_hits` and `num_matches` added, and what the rule's static payload adds. Its status index wraps the same
//! document as `match_body`.
//!
//! Source: ElastAlert 2 documentation, "HTTP POST" and "Metadata index", and its `run_rule`.

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, ecs};

pub(super) const FORMAT: Format = Format {
    name: "elastalert",
    description: "ElastAlert 2's HTTP POST of a matching document, with num_hits and num_matches",
    example: "alerts/elastalert-post.json",
    detects,
    parse,
};

const OWN: Mapping = &[
    (Field::EventId, &["event.id", "_id", "alert_id"]),
    (Field::Timestamp, &["@timestamp", "timestamp", "match_time"]),
    (
        Field::RuleName,
        &[
            "rule_name",
            "rulename",
            "alert_name",
            "alert_subject",
            "elastalert_rule",
            "Title",
            "title",
            "rule.name",
            "suricata.eve.alert.signature",
            "alert.signature",
            "signature",
            "event.reason",
        ],
    ),
    (Field::RuleId, &["rule.id", "alert.signature_id", "rule_id"]),
    (Field::Severity, &["event.severity", "severity", "priority"]),
];

/// The ends under the names that pipelines without ECS give them.
const FLAT: Mapping = &[
    (
        Field::SourceIp,
        &["src_ip", "srcip", "source_ip", "src", "id.orig_h", "data.srcip", "client_ip", "clientip"],
    ),
    (Field::SourcePort, &["src_port", "srcport", "source_port", "id.orig_p", "data.srcport"]),
    (
        Field::DestinationIp,
        &["dest_ip", "dst_ip", "dstip", "destination_ip", "dst", "id.resp_h", "data.dstip", "server_ip"],
    ),
    (
        Field::DestinationPort,
        &["dest_port", "dst_port", "dstport", "destination_port", "id.resp_p", "data.dstport"],
    ),
    (Field::Transport, &["proto", "protocol", "transport"]),
    (Field::UserName, &["user", "username", "src_user"]),
    (Field::Infohash, &["infohash", "info_hash"]),
];

fn detects(record: &Record) -> bool {
    let Content::Json(Value::Object(object)) = &record.content else { return false };
    let counted = object.contains_key("num_hits") && object.contains_key("num_matches");
    let kept = object.get("match_body").is_some_and(Value::is_object) && object.contains_key("rule_name");
    // A match of Suricata's or Wazuh's index says more when it is read as what it is.
    (counted || kept) && !super::is_known_before(FORMAT.name, record)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Content::Json(whole @ Value::Object(object)) = &record.content else { return Ok(Vec::new()) };
    let whole = Lookup::Json(whole);
    let matched = object.get("match_body").map_or(whole, Lookup::Json);
    let mut alerts = ecs::read(matched, &[OWN, FLAT])?;
    for fields in &mut alerts {
        if object.contains_key("match_body") {
            fields.fill_one(whole, Field::RuleName, &["rule_name"])?;
        }
    }
    Ok(alerts)
}
