//! ArcSight's Common Event Format, the one text format that nearly every sensor can write.

use super::cef::{self, Cef};
use super::fields::Named;
use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, time};

pub(super) const FORMAT: Format = Format {
    name: "arcsight_cef",
    description: "ArcSight CEF, one message a line, bare or behind a syslog header",
    example: "alerts/arcsight_cef-alert.cef",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourcePort, &["spt", "sourcePort"]),
    (Field::DestinationPort, &["dpt", "destinationPort"]),
    (Field::SourceNatIp, &["sourceTranslatedAddress"]),
    (Field::SourceNatPort, &["sourceTranslatedPort"]),
    (Field::DestinationNatIp, &["destinationTranslatedAddress"]),
    (Field::DestinationNatPort, &["destinationTranslatedPort"]),
    (Field::Transport, &["proto"]),
    (Field::EventId, &["externalId"]),
];

fn detects(record: &Record) -> bool {
    record.content == Content::Line && cef::is_cef(&record.text)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(cef) = cef::parse(&record.text) else {
        return Err(Reject::Malformed { format: "CEF", why: "its header has fewer than seven fields" });
    };
    let mut fields = AlertFields::default();
    let source = address(&cef, ["src", "sourceAddress"], "source ipv6 address")?;
    let destination = address(&cef, ["dst", "destinationAddress"], "destination ipv6 address")?;
    fields.set_addresses(source, destination, "src and dst")?;
    let lookup = Lookup::Pairs(&cef.pairs);
    fields.fill(lookup, MAPPING)?;
    set_timestamp(&mut fields, &cef)?;
    set_user(&mut fields, &cef)?;
    set_host(&mut fields, &cef)?;
    fields.set(Field::RuleName, ("name", &cef.name))?;
    fields.set(Field::RuleId, ("deviceEventClassId", &cef.class_id))?;
    fields.set(Field::Severity, ("severity", &cef.severity))?;
    if let Some(url) = cef.pairs.get("request") {
        fields.set_infohash_from_url(("request", url));
    }
    let hash = ["infohash", "info hash", "info_hash"].iter().find_map(|label| cef.labelled(label));
    if let Some(hash) = hash {
        fields.set(Field::Infohash, hash)?;
    }
    Ok(vec![fields])
}

/// The first of `keys` that has a value: the short name, or the long one that the specification explains it with.
fn first<'a>(cef: &'a Cef<'_>, keys: &[&'static str]) -> Option<Named<'a>> {
    keys.iter().find_map(|&key| Some((key, cef.pairs.get(key)?)))
}

/// The address under one of `keys`, or under a custom field with `label`. A value that an attacker chose can hold
/// ` src=…`, and CEF cannot tell: two addresses that differ are therefore nobody's.
fn address<'a>(cef: &'a Cef<'_>, keys: [&'static str; 2], label: &str) -> Result<Option<Named<'a>>, Reject> {
    let Some((key, value)) = first(cef, &keys) else {
        // What a sensor writes there when the flow was IPv4.
        return Ok(cef
            .labelled(label)
            .filter(|(_, value)| !matches!(*value, "::" | "::ffff:0" | "::ffff:0.0.0.0")));
    };
    match cef.pairs.values(key).find(|other| *other != value) {
        Some(other) => Err(Reject::ambiguous(key, value, other)),
        None => Ok(Some((key, value))),
    }
}

/// When the activity started, or what comes nearest to it. A date alone is taken with the sender's zone.
fn set_timestamp(fields: &mut AlertFields, cef: &Cef<'_>) -> Result<(), Reject> {
    let when =
        first(cef, &["start", "startTime", "rt", "end", "endTime"]).or_else(|| cef.ending("eventtime"));
    let Some((key, value)) = when else { return Ok(()) };
    let zoned = first(cef, &["dtz", "tz"]).map(|(_, zone)| format!("{value} {zone}"));
    match zoned.filter(|zoned| matches!(time::read(zoned), time::When::At(_))) {
        Some(zoned) => fields.set(Field::Timestamp, (key, &zoned))?,
        None => fields.set(Field::Timestamp, (key, value))?,
    };
    Ok(())
}

/// The source's user; some sensors write who is logged in at the source as the destination's.
fn set_user(fields: &mut AlertFields, cef: &Cef<'_>) -> Result<(), Reject> {
    let (name, domain) =
        if cef.pairs.get("suser").is_some() { ("suser", "sntdom") } else { ("duser", "dntdom") };
    let Some(user) = cef.pairs.get(name) else { return Ok(()) };
    fields.set(Field::UserName, (name, user))?;
    if let (None, Some(value)) = (&fields.user_domain, cef.pairs.get(domain)) {
        fields.set(Field::UserDomain, (domain, value))?;
    }
    Ok(())
}

/// The source's host name, or the destination's where only that is known. An address in its place is no name.
fn set_host(fields: &mut AlertFields, cef: &Cef<'_>) -> Result<(), Reject> {
    let key = if fields.source_ip.is_some() { "shost" } else { "dhost" };
    if let Some(name) = cef.pairs.get(key).filter(|name| crate::scope::parse_address(name).is_none()) {
        fields.set(Field::HostName, (key, name))?;
    }
    Ok(())
}
