//! What OSSEC and Wazuh forward by syslog (`syslog_output`), in its formats of text, JSON and Splunk's pairs; the
//! fourth is CEF, and read as such.
//!
//! What was logged stands at the end and is whoever's: only what stands before it is read.
//!
//! Source: `os_csyslogd/alert.c` of OSSEC and Wazuh.

use std::borrow::Cow;

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Reject, pairs};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "ossec_syslog",
    description: "OSSEC and Wazuh alerts forwarded by syslog (syslog_output: default, json, splunk)",
    example: "alerts/ossec_syslog-default.txt",
    detects,
    parse,
};

const TEXT: &str = "ossec: Alert Level: ";
const SPLUNK: &str = "ossec: crit=";

const MAPPING: Mapping = &[
    (Field::RuleName, &["description"]),
    (Field::RuleId, &["id"]),
    (Field::Severity, &["crit"]),
    (Field::SourceIp, &["src_ip", "srcip"]),
    (Field::SourcePort, &["src_port"]),
    (Field::DestinationIp, &["dst_ip", "dstip"]),
    (Field::DestinationPort, &["dst_port"]),
    (Field::UserName, &["acct", "user"]),
];

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(Value::Object(object)) => {
            ["crit", "id", "component"].iter().all(|key| object.contains_key(*key))
        }
        Content::Line => record.text.contains(TEXT) || record.text.contains(SPLUNK),
        _ => false,
    }
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    if let Content::Json(value) = &record.content {
        return read(Lookup::Json(value));
    }
    if let Some((_, text)) = record.text.split_once(TEXT) {
        let pairs =
            of_text(text).ok_or(Reject::Malformed { format: "OSSEC alert", why: "it has no location" })?;
        return read(Lookup::Pairs(&pairs));
    }
    let text = record.text.split_once("ossec: ").map_or("", |(_, text)| text);
    let before = text.find(" message=\"").map_or(text, |at| &text[..at]);
    read(Lookup::Pairs(&pairs::spaced(&before.replace("\",", "\" ").replace(", ", " "))))
}

/// `LEVEL; Rule: ID - DESCRIPTION; Location: PLACE; key: value; … what was logged`.
fn of_text(text: &str) -> Option<Pairs<'_>> {
    const KEYS: [&str; 6] = ["classification", "srcip", "srccity", "dstcity", "dstip", "user"];
    let (level, rest) = text.split_once("; Rule: ")?;
    let (rule, rest) = rest.split_once("; Location: ")?;
    let (id, description) = rule.split_once(" - ").unwrap_or((rule, ""));
    let (location, mut rest) = rest.split_once(';')?;
    let mut found = vec![("crit", level), ("id", id), ("description", description), ("component", location)];
    while let Some((pair, behind)) = rest.split_once(';')
        && let Some((key, value)) = pair.trim_start().split_once(": ")
        && KEYS.contains(&key)
    {
        found.push((key, value));
        rest = behind;
    }
    Some(found.into_iter().map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value))).collect())
}

fn read(lookup: Lookup<'_>) -> Result<Vec<AlertFields>, Reject> {
    let mut alerts = mapping::read(lookup, MAPPING)?;
    let location = lookup.get("component").unwrap_or_default();
    for fields in &mut alerts {
        set_location(fields, &location)?;
    }
    Ok(alerts)
}

/// `(AGENT) ADDRESS->FILE` of an agent, `HOST->FILE` of the manager's own files and of what it receives.
fn set_location(fields: &mut AlertFields, location: &str) -> Result<(), Reject> {
    let place = location.split("->").next().unwrap_or_default().trim();
    let Some((name, ip)) = place.strip_prefix('(').and_then(|place| place.split_once(')')) else {
        fields.set(Field::ObserverName, ("component", place))?;
        return Ok(());
    };
    let ends = [fields.source_ip, fields.destination_ip];
    let ip = parse_address(ip.trim());
    let no_end = ends == [None, None] && fields.source_address.is_none();
    if no_end || ip.is_some() && ends.contains(&ip) {
        fields.set(Field::HostName, ("component", name))?;
        if let Some(ip) = ip.filter(|_| no_end) {
            fields.set(Field::SourceIp, ("component", &ip.to_string()))?;
        }
    } else {
        fields.set(Field::ObserverName, ("component", name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_names_no_source() {
        let line = "Mar  4 05:06:07 ossec-01 ossec: Alert Level: 5; Rule: 100212 - P2P; Location: (ids-01) any->/var/log/x; \
                    user: alice; said; srcip: 10.20.9.9; x";
        let record = Record { text: line.to_owned(), content: Content::Line };
        let alert = parse(&record).expect("alerts").remove(0);
        assert_eq!((alert.source_ip, alert.user_name.as_deref()), (None, Some("alice")));
        assert_eq!(alert.host_name.as_deref(), Some("ids-01"));
    }
}
