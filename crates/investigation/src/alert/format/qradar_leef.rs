//! IBM QRadar's Log Event Extended Format, which many firewalls and vaults write.
//!
//! Sources: IBM, "LEEF event components" and "Predefined LEEF event attributes"; the vendors' guides for the attributes
//! that they add: Palo Alto Networks "LEEF log formats", CyberArk "Vault syslog translator", WatchGuard "Fireware log
//! messages for QRadar", Forcepoint "NGFW LEEF log fields", Trend Micro "Deep Security syslog message formats".

use super::framing::{Content, Record};
use super::leef::{self, Leef};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "qradar_leef",
    description: "QRadar LEEF 1.0 and 2.0, one message a line, bare or behind a syslog header",
    example: "alerts/qradar_leef-alert.leef",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    // Before it was translated, the source was the machine itself.
    (Field::SourceIp, &["srcPreNAT", "src"]),
    (Field::SourcePort, &["srcPreNATPort", "srcPort", "spt"]),
    (Field::SourceNatIp, &["srcPostNAT"]),
    (Field::SourceNatPort, &["srcPostNATPort", "srcPostNATPORT"]),
    (Field::DestinationIp, &["dst"]),
    (Field::DestinationPort, &["dstPort", "dpt"]),
    (Field::DestinationNatIp, &["dstPostNAT"]),
    (Field::DestinationNatPort, &["dstPostNATPort", "dstPostNATPORT"]),
    (Field::ForwardedIp, &["xff", "X-Forwarded-For"]),
    (Field::Transport, &["proto"]),
    (Field::UserName, &["SourceUser", "usrName", "src_user", "suser", "accountName", "identUser"]),
    (Field::UserDomain, &["domain", "usrDomain"]),
    (Field::HostName, &["identHostName", "hostName", "srcHostName", "shost"]),
    (Field::ObserverName, &["dvchost", "sender", "sys_name", "host_name", "DeviceName", "dvc"]),
    (Field::Severity, &["sev", "severity"]),
    (Field::EventId, &["externalId", "SequenceNumber"]),
    (Field::Infohash, &["infohash", "info_hash"]),
];

/// Where the rule is, by how the vendor starts; the message where the vendor has no rule.
const RULES: &[(&str, &[&str])] = &[
    ("Palo Alto", &["RuleName", "msg"]),
    ("WatchGuard", &["rule_name", "msg", "policy"]),
    ("Forcepoint", &["ruleName", "msg"]),
    ("Cyber", &["EventMessage", "Action"]),
    ("", &["ruleName", "RuleName", "rule_name", "rule", "policy", "name", "msg", "reason"]),
];
const URLS: [&str; 3] = ["url", "request", "arg"];

fn detects(record: &Record) -> bool {
    record.content == Content::Line && leef::is_leef(&record.text)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(leef) = leef::parse(&record.text) else {
        return Err(Reject::Malformed { format: "LEEF", why: "its header has fewer than five fields" });
    };
    let mut fields = AlertFields::default();
    let lookup = Lookup::Pairs(&leef.pairs);
    fields.fill(lookup, MAPPING)?;
    if leef.product.ends_with("Agent") {
        // An agent is no sensor beside the machine: it is the machine.
        fields.observer_name = None;
        fields.origins.remove(&Field::ObserverName);
        fields.fill_one(lookup, Field::HostName, &["dvchost"])?;
    }
    let syslog = leef::header(&record.text);
    match (leef::time(&leef.pairs), syslog.timestamp) {
        (Some(time), _) => fields.set(Field::Timestamp, ("devTime", &time))?,
        (None, Some(time)) => fields.set(Field::Timestamp, ("syslog timestamp", time))?,
        (None, None) => false,
    };
    let rules =
        RULES.iter().find(|(vendor, _)| leef.vendor.starts_with(vendor)).map_or(&[][..], |(_, rules)| rules);
    fields.fill_one(lookup, Field::RuleName, rules)?;
    if fields.rule_name.is_none() {
        fields.set(Field::RuleName, ("event id", leef.event_id))?;
    }
    fields.set(Field::RuleId, ("event id", leef.event_id))?;
    if leef.vendor.starts_with("WatchGuard") && fields.source_ip.is_none() {
        read_message(&mut fields, &leef)?;
    }
    // An address in its place is no name.
    fields.host_name = fields.host_name.take().filter(|name| parse_address(name).is_none());
    if fields.host_name.is_none() {
        fields.origins.remove(&Field::HostName);
    }
    if let (None, Some(host)) = (&fields.observer_name, syslog.host) {
        fields.set(Field::ObserverName, ("syslog host", host))?;
    }
    for url in URLS {
        if let Some(value) = leef.pairs.get(url) {
            fields.set_infohash_from_url((url, value));
        }
    }
    Ok(vec![fields])
}

/// What a Firebox writes about a login is a sentence: `… user [name@domain@server] from 192.0.2.1 …`. A name that holds
/// ` from ` stands before the real one, so the last one counts.
fn read_message(fields: &mut AlertFields, leef: &Leef<'_>) -> Result<(), Reject> {
    let Some((before, behind)) = leef.pairs.get("msg").and_then(|message| message.rsplit_once(" from "))
    else {
        return Ok(());
    };
    let Some(address) = behind.split([' ', ',']).next().filter(|word| parse_address(word).is_some()) else {
        return Ok(());
    };
    let Some((_, user)) = before.split_once("user ").or_else(|| before.split_once("User ")) else {
        return Ok(());
    };
    fields.set(Field::SourceIp, ("msg", address))?;
    let mut parts = user.trim_matches(['[', ']']).split('@');
    if let Some(name) = parts.next().filter(|name| !name.starts_with('<')) {
        fields.set(Field::UserName, ("msg", name))?;
        if let Some(domain) = parts.next() {
            fields.set(Field::UserDomain, ("msg", domain))?;
        }
    }
    Ok(())
}
