//! Zeek's logs (conn, notice, weird, signatures, http, dhcp and the others that name a connection or a host), as JSON,
//! as Corelight exports them, and as tab-separated values with Zeek's `#fields` header.
//!
//! Source: Zeek documentation, "Log formats" and the fields of each log's `Info` record.

use std::borrow::Cow;

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::{self, Mapping};
use super::{AlertFields, Field, Format, Kind, Reject};

pub(super) const FORMAT: Format = Format {
    name: "zeek",
    description: "Zeek and Corelight logs (notice, conn, …), as JSON or with Zeek's #fields header",
    example: "alerts/zeek-notice.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["uid", "fuid"]),
    (Field::Timestamp, &["ts", "_write_ts"]),
    (Field::RuleName, &["note", "event_msg", "sig_id", "seen.indicator"]),
    (Field::RuleId, &["sig_id"]),
    (Field::Severity, &["severity.level", "severity.name"]),
    // The connection's originator; without a connection, whom the notice names; who got a lease or a file.
    (
        Field::SourceIp,
        &["id.orig_h", "src", "src_addr", "client_addr", "assigned_addr", "requested_addr", "rx_hosts"],
    ),
    (Field::SourcePort, &["id.orig_p", "src_port"]),
    (Field::DestinationIp, &["id.resp_h", "dst", "dst_addr", "server_addr", "tx_hosts"]),
    (Field::DestinationPort, &["id.resp_p", "p", "dst_port"]),
    (Field::Transport, &["proto"]),
    (Field::UserDomain, &["domainname"]),
    (Field::HostName, &["host_name", "hostname", "client_fqdn"]),
    (Field::ObserverName, &["_system_name", "sensor_name"]),
    (Field::Infohash, &["info_hash", "infohash"]),
];

/// Fields that only Zeek's logs have beside `ts`.
const TELLING: [&str; 9] = [
    "id.orig_h",
    "uids",
    "fuid",
    "_path",
    "peer_descr",
    "suppress_for",
    "software_type",
    "msg_types",
    "seen.indicator_type",
];

fn detects(record: &Record) -> bool {
    let has: &dyn Fn(&str) -> bool = match &record.content {
        Content::Json(value @ Value::Object(_)) => &|key| Lookup::Json(value).has(key),
        Content::Row { header, .. } => &|key| header.iter().any(|name| name == key),
        _ => return false,
    };
    has("ts") && (TELLING.iter().any(|key| has(key)) || has("note") && has("msg"))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    match &record.content {
        Content::Json(value) => read(Lookup::Json(value)),
        Content::Row { header, cells } => read(Lookup::Pairs(&pairs(header, cells))),
        Content::Line => Ok(Vec::new()),
    }
}

fn read(lookup: Lookup<'_>) -> Result<Vec<AlertFields>, Reject> {
    let mut alerts = mapping::read(lookup, MAPPING)?;
    // A notice, a signature or an indicator that was met; and what Zeek itself takes for BitTorrent.
    let fired = ["note", "sig_id", "seen.indicator"].iter().any(|key| lookup.has(key));
    let torrent =
        lookup.get("service").is_some_and(|service| service.to_ascii_lowercase().contains("bittorrent"));
    for fields in &mut alerts {
        // Of weird.log, where it is what was odd; elsewhere `name` is a program's or a file's.
        if fields.rule_name.is_none() && lookup.has("notice") && lookup.has("name") {
            fields.fill_one(lookup, Field::RuleName, &["name"])?;
        }
        // Accounts of HTTP and FTP are the server's.
        if lookup.has("domainname") {
            fields.fill_one(lookup, Field::UserName, &["username"])?;
        }
        // software.log and known_hosts.log are about one host, which elsewhere is a web server's name.
        if lookup.has("software_type") {
            fields.fill_one(lookup, Field::SourceIp, &["host"])?;
            fields.fill_one(lookup, Field::RuleName, &["unparsed_version", "name"])?;
        }
        if let Some(uri) = lookup.get("uri") {
            fields.set_infohash_from_url(("uri", &uri));
        }
        let proxied = lookup.all("proxied");
        let forwarded = proxied.iter().find_map(|header| {
            let (name, value) = header.split_once(" -> ")?;
            name.eq_ignore_ascii_case("X-FORWARDED-FOR").then_some(value)
        });
        if let Some(forwarded) = forwarded {
            fields.set(Field::ForwardedIp, ("proxied", forwarded))?;
        }
        if !fired && !torrent && fields.infohash.is_none() {
            fields.kind = Kind::Event;
        }
    }
    Ok(alerts)
}

/// A row of a log, its sets of hosts taken apart and its escapes undone.
fn pairs<'a>(header: &'a [String], cells: &'a [String]) -> Pairs<'a> {
    let filled = header.iter().zip(cells).filter(|(_, cell)| !matches!(cell.as_str(), "-" | "(empty)" | ""));
    let each = filled.flat_map(|(name, cell)| {
        let separator = if name.ends_with("_hosts") || name == "proxied" { ',' } else { '\n' };
        cell.split(separator).map(move |value| (Cow::Borrowed(name.as_str()), unescaped(value)))
    });
    each.collect()
}

/// Undoes `\x09` and its like. What is no text then is left as it is.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains("\\x") {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let hex = rest
            .strip_prefix(b"\\x")
            .and_then(|hex| hex.get(..2))
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) => {
                out.push(escaped);
                rest = &rest[4..];
            }
            None => {
                out.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(value), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_left() {
        for (text, plain) in [("a\\x09b", "a\tb"), ("\\x", "\\x"), ("\\x4", "\\x4"), ("é\\xc3\\xa9", "éé")]
        {
            assert_eq!(unescaped(text), plain);
        }
        assert_eq!(unescaped("\\xff"), "\\xff");
    }

    #[test]
    fn a_file_went_from_whoever_sent_it_to_whoever_asked() {
        let header = ["ts", "fuid", "tx_hosts", "rx_hosts"].map(str::to_owned);
        let cells = ["1772600767.5", "F1", "203.0.113.5", "10.20.4.17,10.20.4.18"].map(str::to_owned);
        let alerts = read(Lookup::Pairs(&pairs(&header, &cells))).expect("alerts");
        let sources: Vec<_> = alerts.iter().filter_map(|alert| alert.source_ip).collect();
        assert_eq!(sources.len(), 2);
    }

    #[test]
    fn a_proxys_client_is_no_source() {
        let value = json!({ "ts": 1772600767.5, "id": { "orig_h": "10.20.0.9" }, "proxied": ["VIA -> x", "X-FORWARDED-FOR -> 10.20.4.17"] });
        let alert = read(Lookup::Json(&value)).expect("alerts").remove(0);
        assert_eq!(alert.forwarded_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.4.17"));
    }
}
