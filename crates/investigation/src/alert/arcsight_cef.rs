//! ArcSight's Common Event Format, the one text format that nearly every sensor can write.

use jiff::Timestamp;

use super::cef::{self, Cef};
use super::fields::{Named, text};
use super::framing::{Content, Record};
use super::{AlertFields, Format, Reject, time};

pub(super) const FORMAT: Format = Format {
    name: "arcsight_cef",
    description: "ArcSight CEF, one message a line, bare or behind a syslog header",
    example: "alerts/arcsight_cef-alert.cef",
    detects,
    parse,
};

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
    fields.source_port = first(&cef, &["spt", "sourcePort"]).and_then(|port| fields.port(port));
    fields.destination_port = first(&cef, &["dpt", "destinationPort"]).and_then(|port| fields.port(port));
    fields.transport = cef.get("proto").and_then(AlertFields::transport);
    fields.timestamp = timestamp(&mut fields, &cef);
    set_user(&mut fields, &cef);
    fields.host_name = host(&fields, &cef);
    fields.rule_name = text(&cef.name);
    fields.rule_id = text(&cef.class_id);
    fields.severity = text(&cef.severity);
    fields.event_id = cef.get("externalId").and_then(text);
    if let Some(url) = cef.get("request") {
        fields.set_infohash_from_url(url);
    }
    let hash = ["infohash", "info hash", "info_hash"].iter().find_map(|label| cef.labelled(label));
    if let Some(hash) = hash {
        fields.set_infohash(hash);
    }
    Ok(vec![fields])
}

/// The first of `keys` that has a value: the short name, or the long one that the specification explains it with.
fn first<'a>(cef: &'a Cef<'_>, keys: &[&'static str]) -> Option<Named<'a>> {
    keys.iter().find_map(|&key| Some((key, cef.get(key)?)))
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
    match cef.values(key).find(|other| *other != value) {
        Some(other) => Err(Reject::ambiguous(key, value, other)),
        None => Ok(Some((key, value))),
    }
}

/// When the activity started, or what comes nearest to it. A date alone is taken with the sender's zone.
fn timestamp(fields: &mut AlertFields, cef: &Cef<'_>) -> Option<Timestamp> {
    let (key, value) =
        first(cef, &["start", "startTime", "rt", "end", "endTime"]).or_else(|| cef.ending("eventtime"))?;
    let zoned = first(cef, &["dtz", "tz"]).map(|(_, zone)| time::read(&format!("{value} {zone}")));
    match zoned {
        Some(time::When::At(at)) => Some(at),
        _ => fields.time((key, value)),
    }
}

/// The source's user; some sensors write who is logged in at the source as the destination's.
fn set_user(fields: &mut AlertFields, cef: &Cef<'_>) {
    let (user, domain) = match (cef.get("suser"), cef.get("duser")) {
        (Some(user), _) => (user, cef.get("sntdom")),
        (None, Some(user)) => (user, cef.get("dntdom")),
        (None, None) => return,
    };
    fields.set_user(user);
    if fields.user_domain.is_none() {
        fields.user_domain = domain.and_then(text);
    }
}

/// The source's host name, or the destination's where only that is known. An address in its place is no name.
fn host(fields: &AlertFields, cef: &Cef<'_>) -> Option<String> {
    let key = if fields.source_ip.is_some() { "shost" } else { "dhost" };
    cef.get(key).and_then(text).filter(|name| crate::scope::parse_address(name).is_none())
}
