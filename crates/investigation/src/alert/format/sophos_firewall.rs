//! Sophos firewalls: SFOS (XG and XGS) in both of its syslog and the older UTM.
//!
//! Sources: Sophos, "Sophos Firewall syslog guide" (versions 17 to 20) and "UTM log file reference".

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs, time};

pub(super) const FORMAT: Format = Format {
    name: "sophos_firewall",
    description: "Sophos Firewall (SFOS, XG) and Sophos UTM syslog",
    example: "alerts/sophos_firewall-alert.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["src_ip", "srcip", "sourceip"]),
    (Field::SourcePort, &["src_port", "srcport"]),
    (Field::SourceNatIp, &["src_trans_ip", "tran_src_ip"]),
    (Field::SourceNatPort, &["src_trans_port", "tran_src_port"]),
    (Field::DestinationIp, &["dst_ip", "dstip"]),
    (Field::DestinationPort, &["dst_port", "dstport"]),
    (Field::DestinationNatIp, &["dst_trans_ip", "tran_dst_ip"]),
    (Field::DestinationNatPort, &["dst_trans_port", "tran_dst_port"]),
    (Field::Transport, &["protocol", "proto"]),
    (Field::UserName, &["user_name", "user"]),
    (
        Field::RuleName,
        &[
            "signature_msg",
            "fw_rule_name",
            "rule_name",
            "message",
            "reason",
            "name",
            "app_name",
            "application_name",
        ],
    ),
    (Field::RuleId, &["signature_id", "fw_rule_id", "rule_id", "fwrule"]),
    (Field::Severity, &["severity", "priority"]),
    (Field::EventId, &["con_id", "connid"]),
    (Field::ObserverName, &["device_name", "device_serial_id", "device_id"]),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sfos,
    Utm,
    /// The UTM's reverse proxy: the destination is its own.
    Proxy,
}

fn kind(pairs: &Pairs<'_>) -> Option<Kind> {
    let all = |keys: &[&str]| keys.iter().all(|key| pairs.has(key));
    if all(&["log_type", "log_component"]) {
        Some(Kind::Sfos)
    } else if all(&["id", "severity", "sys", "sub", "name"]) {
        Some(Kind::Utm)
    } else {
        all(&["id", "srcip", "localip", "statuscode"]).then_some(Kind::Proxy)
    }
}

fn detects(record: &Record) -> bool {
    let telling = ["log_type=", "sys=", "localip="];
    record.content == Content::Line
        && telling.iter().any(|key| record.text.contains(key))
        && kind(&pairs::spaced(&record.text)).is_some()
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs = pairs::spaced(&record.text);
    let mut fields = AlertFields::default();
    fields.fill(Lookup::Pairs(&pairs), MAPPING)?;
    if kind(&pairs) == Some(Kind::Proxy)
        && let Some(port) = pairs.get("port")
    {
        fields.set(Field::DestinationPort, ("port", port))?;
    }
    set_timestamp(&mut fields, &pairs)?;
    if fields.timestamp.is_none() {
        read_header(&mut fields, &record.text)?;
    }
    for url in ["url", "arg"] {
        if let Some(value) = pairs.get(url) {
            fields.set_infohash_from_url((url, value));
        }
    }
    Ok(vec![fields])
}

/// What the UTM writes before its pairs: `2026:03:04-05:06:07 HOST PROGRAM…`.
fn read_header(fields: &mut AlertFields, line: &str) -> Result<(), Reject> {
    let line = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((_, rest)) => rest,
        None => line,
    };
    let mut words = line.split_whitespace();
    let Some((date, at)) = words.next().and_then(|word| word.split_once('-')) else { return Ok(()) };
    if date.len() == 10 && date.bytes().filter(|&b| b == b':').count() == 2 {
        fields.set(Field::Timestamp, ("header", &format!("{} {at}", date.replace(':', "-"))))?;
        if let Some(host) = words.next().filter(|word| !word.contains(['=', '[', ':'])) {
            fields.set(Field::ObserverName, ("header", host))?;
        }
    }
    Ok(())
}

/// `timestamp`, or a date and a time with the name of a zone or its hours.
fn set_timestamp(fields: &mut AlertFields, pairs: &Pairs<'_>) -> Result<(), Reject> {
    if let Some(value) = pairs.get("timestamp") {
        fields.set(Field::Timestamp, ("timestamp", value))?;
    } else if let (Some(date), Some(at)) = (pairs.get("date"), pairs.get("time")) {
        let zone = pairs.get("timezone").unwrap_or_default();
        let hours = format!("{zone}00");
        let zoned = [zone, &hours].map(|zone| format!("{date} {at} {zone}"));
        let known = zoned.iter().find(|zoned| matches!(time::read(zoned), time::When::At(_)));
        let local = format!("{date} {at}");
        fields.set(Field::Timestamp, ("date", known.unwrap_or(&local)))?;
    }
    Ok(())
}
