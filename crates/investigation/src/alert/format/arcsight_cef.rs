//! ArcSight's Common Event Format, the one text format that nearly every sensor can write.
//!
//! Source: Micro Focus ArcSight, "Common Event Format: Implementing ArcSight CEF", revision 25; what vendors make of it
//! is in `cef_dialects`.

use super::cef::{self, Cef};
use super::cef_dialects::{self, Dialect};
use super::fields::Named;
use super::framing::{Content, Record};
use super::{AlertFields, Field, Format, Reject, syslog, time};
use crate::scope::parse_address;

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
    let dialect = cef_dialects::of(&cef);
    let mut fields = AlertFields::default();
    for (field, generic) in
        [(Field::SourceIp, cef_dialects::SOURCE), (Field::DestinationIp, cef_dialects::DESTINATION)]
    {
        if let Some(named) = address(&cef, &dialect.paths(field, generic))? {
            fields.set(field, named)?;
        }
    }
    for &(field, generic) in cef_dialects::GENERIC {
        // An agent is no sensor beside the machine: it is the machine.
        if dialect.is_endpoint && field == Field::ObserverName {
            continue;
        }
        set_first(&mut fields, &cef, field, &dialect.paths(field, generic))?;
    }
    let syslog = syslog::split(cef::header(&record.text));
    set_timestamp(&mut fields, &cef, dialect, syslog.timestamp)?;
    set_user(&mut fields, &cef, dialect)?;
    set_host(&mut fields, &cef, dialect)?;
    if let (None, Some(host)) = (&fields.observer_name, syslog.host) {
        fields.set(Field::ObserverName, ("syslog host", host))?;
    }
    if let Some(url) = cef.pairs.get("request") {
        fields.set_infohash_from_url(("request", url));
    }
    Ok(vec![fields])
}

/// Sets `field` from the first of `paths` that gives a value.
fn set_first(
    fields: &mut AlertFields,
    cef: &Cef<'_>,
    field: Field,
    paths: &[&'static str],
) -> Result<(), Reject> {
    for named in paths.iter().flat_map(|path| cef.all(path)) {
        if fields.set(field, named)? {
            break;
        }
    }
    Ok(())
}

/// The first address under one of `paths`. A value that an attacker chose can hold ` src=…`, and CEF cannot tell: two
/// addresses that differ are therefore nobody's.
fn address<'a>(cef: &'a Cef<'_>, paths: &[&'static str]) -> Result<Option<Named<'a>>, Reject> {
    for path in paths {
        let values = cef.all(path);
        // What a sensor writes for an end without an address, or in the place of IPv6 when the flow was IPv4.
        let says = |value: &str| !matches!(value, "0.0.0.0" | "::" | "::ffff:0" | "::ffff:0.0.0.0");
        let Some(&(key, value)) = values.iter().find(|(_, value)| says(value)) else { continue };
        return match values.iter().find(|(_, other)| *other != value) {
            Some((_, other)) => Err(Reject::ambiguous(key, value, other)),
            None => Ok(Some((key, value))),
        };
    }
    Ok(None)
}

/// When the activity started, or what comes nearest to it. A date alone is taken with the sender's zone.
fn set_timestamp(
    fields: &mut AlertFields,
    cef: &Cef<'_>,
    dialect: &Dialect,
    of_syslog: Option<&str>,
) -> Result<(), Reject> {
    let paths = dialect.paths(Field::Timestamp, cef_dialects::TIME);
    let named: Vec<Named<'_>> = paths.iter().flat_map(|path| cef.all(path)).collect();
    let zone = ["dtz", "tz"].iter().find_map(|key| cef.pairs.get(key));
    for &(key, value) in &named {
        let zoned = zone.map(|zone| format!("{value} {zone}"));
        let zoned = zoned.filter(|zoned| matches!(time::read(zoned), time::When::At(_)));
        let value = zoned.as_deref().unwrap_or(value);
        if matches!(time::read(value), time::When::At(_) | time::When::WithoutZone(_)) {
            return fields.set(Field::Timestamp, (key, value)).map(|_| ());
        }
    }
    if let (Some(date), Some(time)) = (cef.pairs.get("date"), cef.pairs.get("time")) {
        return fields.set(Field::Timestamp, ("date", &format!("{date} {time}"))).map(|_| ());
    }
    if let Some(value) = of_syslog {
        fields.set(Field::Timestamp, ("syslog timestamp", value))?;
    } else if let Some(&named) = named.first() {
        // For the note that it cannot be placed.
        fields.set(Field::Timestamp, named)?;
    }
    Ok(())
}

fn set_user(fields: &mut AlertFields, cef: &Cef<'_>, dialect: &Dialect) -> Result<(), Reject> {
    for (name, domain) in dialect.users {
        let Some(user) = cef.pairs.get(name) else { continue };
        if !fields.set(Field::UserName, (name, user))? {
            continue;
        }
        if let (None, Some(value)) = (&fields.user_domain, cef.pairs.get(domain)) {
            fields.set(Field::UserDomain, (domain, value))?;
        }
        return Ok(());
    }
    Ok(())
}

/// The source's host name, or the destination's where only that end is known; an agent's own. An address in its place
/// is no name.
fn set_host(fields: &mut AlertFields, cef: &Cef<'_>, dialect: &Dialect) -> Result<(), Reject> {
    let only_destination = fields.source_ip.is_none() && fields.destination_ip.is_some();
    let mut keys = dialect.own(Field::HostName);
    keys.extend(dialect.is_endpoint.then_some("dvchost"));
    keys.extend(match only_destination {
        true => ["dhost", "destinationHostName"],
        false => ["shost", "sourceHostName"],
    });
    let is_name = |value: &str| parse_address(value).is_none();
    for key in keys {
        if let Some(name) = cef.pairs.get(key).filter(|name| is_name(name))
            && fields.set(Field::HostName, (key, name))?
        {
            return Ok(());
        }
    }
    Ok(())
}
