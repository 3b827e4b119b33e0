//! SonicWall firewalls' own syslog, "default" and "enhanced".
//!
//! Source: SonicWall, "SonicOS Log Events Reference Guide", index of syslog tag field values.

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "sonicwall",
    description: "SonicWall firewall syslog (SonicOS, enhanced or default)",
    example: "alerts/sonicwall-alert.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::Timestamp, &["time"]),
    (Field::Transport, &["proto"]),
    (Field::UserName, &["usr", "user", "susr"]),
    (Field::RuleName, &["rule", "msg"]),
    (Field::RuleId, &["m"]),
    (Field::Severity, &["pri"]),
    (Field::ObserverName, &["fw"]),
];
/// An end of the flow, by what it is, with the keys that give it.
const ENDS: [(Field, Field, &[&str]); 4] = [
    (Field::SourceIp, Field::SourcePort, &["src", "srcV6"]),
    (Field::DestinationIp, Field::DestinationPort, &["dst", "dstV6"]),
    (Field::SourceNatIp, Field::SourceNatPort, &["natSrc", "natSrcV6"]),
    (Field::DestinationNatIp, Field::DestinationNatPort, &["natDst", "natDstV6"]),
];

fn detects(record: &Record) -> bool {
    if record.content != Content::Line || !record.text.contains("sn=") {
        return false;
    }
    let pairs = pairs::spaced(&record.text);
    ["sn", "fw", "m"].iter().all(|key| pairs.has(key)) && (pairs.has("pri") || pairs.has("c"))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs = pairs::spaced(&record.text);
    let mut fields = AlertFields::default();
    for (ip, port, keys) in ENDS {
        let Some((key, value)) = keys.iter().find_map(|&key| Some((key, pairs.get(key)?))) else { continue };
        set_end(&mut fields, &pairs, ip, port, (key, value))?;
    }
    fields.fill(Lookup::Pairs(&pairs), MAPPING)?;
    for url in ["arg", "dstname"] {
        if let Some(value) = pairs.get(url) {
            fields.set_infohash_from_url((url, value));
        }
    }
    Ok(vec![fields])
}

/// `address:port:interface:name`, where all but the address may be missing.
fn set_end(
    fields: &mut AlertFields,
    pairs: &Pairs<'_>,
    ip: Field,
    port: Field,
    (key, value): (&str, &str),
) -> Result<(), Reject> {
    if let Some(other) = pairs.values(key).find(|other| *other != value) {
        return Err(Reject::ambiguous(key, value, other));
    }
    if parse_address(value).is_some() {
        return fields.set(ip, (key, value)).map(|_| ());
    }
    let mut parts = value.split(':');
    fields.set(ip, (key, parts.next().unwrap_or_default()))?;
    fields.set(port, (key, parts.next().unwrap_or_default()))?;
    if let (Field::SourceIp, Some(name)) = (ip, parts.nth(1)) {
        fields.set(Field::HostName, (key, name))?;
    }
    Ok(())
}
