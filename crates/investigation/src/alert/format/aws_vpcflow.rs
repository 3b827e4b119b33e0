//! VPC flow logs of AWS: lines in the default format (version 2), tables with a header, and JSON.
//!
//! Source: AWS, "Amazon VPC User Guide", "Flow log records".

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Kind, Reject};

pub(super) const FORMAT: Format = Format {
    name: "aws_vpcflow",
    description: "AWS VPC flow logs, as lines, as a table with a header, or as JSON",
    example: "alerts/aws_vpcflow-default.log",
    detects,
    parse,
};

/// The default format.
const COLUMNS: [&str; 14] = [
    "version",
    "accountid",
    "interfaceid",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "logstatus",
];

/// Names are compared as [`plain`] makes them. What a packet says itself is before what it became on its way: where a
/// gateway stands between, the other address is the gateway's.
const MAPPING: Mapping = &[
    (Field::SourceIp, &["pktsrcaddr", "srcaddr"]),
    (Field::SourcePort, &["srcport"]),
    (Field::DestinationIp, &["pktdstaddr", "dstaddr"]),
    (Field::DestinationPort, &["dstport"]),
    (Field::Transport, &["protocol"]),
    (Field::Timestamp, &["start", "end"]),
    (Field::ObserverName, &["interfaceid"]),
    (Field::RuleName, &["prulename", "pruleid"]),
];

/// Beside the two addresses a record has at least one of these.
const TELLING: [&str; 8] =
    ["interfaceid", "vpcid", "flowdirection", "instanceid", "subnetid", "logstatus", "accountid", "tcpflags"];

/// `srcAddr`, `pkt-srcaddr` and `pkt_srcaddr` are one field in different exports.
fn plain(name: &str) -> String {
    letters(name).map(char::from).collect()
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase())
}

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(serde_json::Value::Object(object)) => {
            let flow = object.get("p_log_type").is_some_and(|kind| kind == "AWS.VPCFlow");
            is_flow(object.keys().take(256), flow)
        }
        Content::Row { header, .. } => is_flow(header.iter(), false),
        Content::Json(_) => false,
        Content::Line => is_default(&record.text),
    }
}

/// Each record is asked, of whatever format: nothing is copied to compare it.
fn is_flow<'n>(names: impl Iterator<Item = &'n String> + Clone, known: bool) -> bool {
    let has = |wanted: &str| names.clone().any(|name| letters(name).eq(wanted.bytes()));
    has("srcaddr") && has("dstaddr") && (known || TELLING.iter().any(|name| has(name)))
}

/// `2 123456789012 eni-0123 10.20.1.17 192.0.2.7 51413 6881 17 4 336 1772600767 1772600827 ACCEPT OK`.
fn is_default(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().take(COLUMNS.len() + 1).collect();
    words.len() == COLUMNS.len()
        && words[0] == "2"
        && words[1].bytes().all(|b| b.is_ascii_digit())
        && words[2].starts_with("eni-")
        && ["OK", "NODATA", "SKIPDATA"].contains(&words[13])
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs: Pairs<'_> = match &record.content {
        Content::Json(value) => {
            let object = value.as_object().into_iter().flatten();
            object.filter_map(|(key, value)| Some((plain(key), super::lookup::scalar(value)?))).collect()
        }
        Content::Row { header, cells } => {
            header.iter().map(|name| plain(name)).zip(cells.iter().map(String::as_str)).collect()
        }
        Content::Line => COLUMNS.into_iter().zip(record.text.split_ascii_whitespace()).collect(),
    };
    let lookup = Lookup::Pairs(&pairs);
    let mut fields = AlertFields { kind: Kind::Event, ..AlertFields::default() };
    fields.fill(lookup, MAPPING)?;
    for (original, on_the_way, nat) in
        [("pktsrcaddr", "srcaddr", Field::SourceNatIp), ("pktdstaddr", "dstaddr", Field::DestinationNatIp)]
    {
        if let (Some(original), Some(other)) = (lookup.get(original), lookup.get(on_the_way))
            && original != "-"
            && original != other
        {
            fields.set(nat, (on_the_way, &other))?;
        }
    }
    // The instance is the one whose interface was watched: the source only of what leaves it.
    if lookup.get("flowdirection").is_some_and(|direction| direction == "egress") {
        fields.fill_one(lookup, Field::HostName, &["instanceid"])?;
    }
    Ok(vec![fields])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn behind_a_gateway_the_packet_s_own_address_is_the_source() {
        let value = json!({ "pkt_srcaddr": "10.20.1.17", "srcaddr": "10.20.0.9", "dstaddr": "192.0.2.7", "pkt_dstaddr":
            "-", "flow_direction": "egress", "instance_id": "i-0123", "srcport": 51413 });
        let record = Record { text: value.to_string(), content: Content::Json(value) };
        assert!(detects(&record));
        let alert = parse(&record).expect("alerts").remove(0);
        assert_eq!(
            (alert.source_ip, alert.source_nat_ip),
            ("10.20.1.17".parse().ok(), "10.20.0.9".parse().ok())
        );
        assert_eq!(
            (alert.destination_ip, alert.host_name.as_deref()),
            ("192.0.2.7".parse().ok(), Some("i-0123"))
        );
    }

    #[test]
    fn what_has_no_data_is_read_without_addresses() {
        let text = "2 123456789012 eni-0123 - - - - - - - 1772600767 1772600827 - NODATA";
        let alert = crate::alert::format::testing::of_line(&FORMAT, text);
        assert_eq!((alert.source_ip, alert.source_address), (None, None));
    }
}
