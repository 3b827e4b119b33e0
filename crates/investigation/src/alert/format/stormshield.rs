//! Stormshield Network Security firewalls: the WELF-like logs of every kind (`filter`, `connection`, `alarm`, `auth`…).
//!
//! Source: Stormshield, "Description of audit logs" of SNS version 4.

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs};

pub(super) const FORMAT: Format = Format {
    name: "stormshield",
    description: "Stormshield Network Security (SNS) firewall logs",
    example: "alerts/stormshield-alarm.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["src", "address"]),
    (Field::SourcePort, &["srcport"]),
    (Field::SourceNatIp, &["modsrc"]),
    (Field::SourceNatPort, &["modsrcport"]),
    (Field::DestinationIp, &["dst"]),
    (Field::DestinationPort, &["dstport"]),
    (Field::Transport, &["ipproto"]),
    (Field::UserName, &["user"]),
    (Field::UserDomain, &["domain"]),
    (Field::RuleName, &["rulename", "msg"]),
    (Field::RuleId, &["alarmid", "ruleid"]),
    (Field::Severity, &["pri"]),
    (Field::ObserverName, &["fw"]),
];

fn detects(record: &Record) -> bool {
    if record.content != Content::Line || !record.text.contains("fw=") {
        return false;
    }
    let pairs = pairs::spaced(&record.text);
    ["fw", "tz", "time"].iter().all(|key| pairs.has(key)) && (pairs.has("logtype") || pairs.has("startime"))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs = pairs::spaced(&record.text);
    let mut fields = AlertFields::default();
    fields.fill(Lookup::Pairs(&pairs), MAPPING)?;
    for key in ["time", "startime"] {
        if fields.timestamp.is_none()
            && let Some(time) = time(&record.text, &pairs, key)
        {
            fields.set(Field::Timestamp, (key, &time))?;
        }
    }
    if let Some(url) = pairs.get("arg") {
        fields.set_infohash_from_url(("arg", url));
    }
    Ok(vec![fields])
}

/// A date and a time, which some relays leave without their quotes, and the zone that both are in.
fn time(line: &str, pairs: &Pairs<'_>, key: &str) -> Option<String> {
    let value = pairs.get(key)?;
    let zone = pairs.get("tz").unwrap_or_default();
    let time = match value.contains(':') {
        true => String::new(),
        false => {
            let (_, behind) = line.split_once(&format!("{key}={value} "))?;
            behind.split(' ').next().unwrap_or_default().to_owned()
        }
    };
    Some(format!("{value} {time} {zone}"))
}
