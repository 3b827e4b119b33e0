//! A bare address: on a line of a list, before a user's name, or in a column of a table.

use serde_json::Value;

use super::fields::{Named, looks_like_address};
use super::framing::{Content, Record, split_cells};
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "address",
    description: "an IP address, a list of them (with a user behind each, if known), or a CSV with a column `ip`",
    example: "alerts/address-list.txt",
    detects,
    parse,
};

/// Names of a column with the address, the most telling first. Names are compared without case, and with `_` for
/// blanks, dots and dashes.
const ADDRESS: &[&str] = &[
    "source_ip",
    "src_ip",
    "source_address",
    "src_addr",
    "srcaddr",
    "sourceip",
    "srcip",
    "src",
    "attacker_address",
    "attackeraddress",
    "sourceaddress",
    "client_ip",
    "clientip",
    "ip",
    "ip_address",
    "ipaddress",
    "ip_addr",
    "address",
    "addr",
    "ipv4",
    "ipv6",
    "host_ip",
    "source",
    "host",
];
const SOURCE_PORT: &[&str] = &["source_port", "src_port", "sourceport", "srcport", "sport", "spt"];
const DESTINATION: &[&str] = &[
    "destination_ip",
    "dest_ip",
    "dst_ip",
    "destination_address",
    "dst_addr",
    "dstaddr",
    "destinationip",
    "dstip",
    "destip",
    "target_address",
    "targetaddress",
    "destinationaddress",
    "dst",
    "dest",
    "destination",
    "remote_ip",
    "peer_ip",
];
const DESTINATION_PORT: &[&str] =
    &["destination_port", "dest_port", "dst_port", "destinationport", "dstport", "destport", "dport", "dpt"];
const TRANSPORT: &[&str] = &["transport", "network_transport", "proto", "protocol"];
const USER: &[&str] = &[
    "user_name",
    "username",
    "user",
    "src_user",
    "suser",
    "account",
    "login",
    "attacker_user_name",
    "target_user_name",
];
const DOMAIN: &[&str] = &["user_domain", "domain"];
const EMAIL: &[&str] = &["user_email", "email", "mail"];
const HOST: &[&str] = &[
    "host_name",
    "hostname",
    "computer",
    "computer_name",
    "computername",
    "machine",
    "attacker_host_name",
    "source_host_name",
];
const TIME: &[&str] = &[
    "@timestamp",
    "timestamp",
    "_time",
    "time",
    "event_time",
    "datetime",
    "date",
    "last_modified_time",
    "creation_time",
];
const RULE: &[&str] = &["rule_name", "rule", "signature", "alert", "alert_name", "search_name"];
const EVENT: &[&str] = &["event_id", "alert_id", "id"];
const SEVERITY: &[&str] = &["event_severity", "severity", "urgency"];
const INFOHASH: &[&str] = &["torrent_infohash", "infohash", "info_hash"];

/// Whether a table's column of this name holds the address to investigate.
pub(in crate::alert) fn is_address_column(name: &str) -> bool {
    ADDRESS.contains(&plain(name).as_str())
}

fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '.', '-'], "_")
}

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Row { .. } => true,
        Content::Json(Value::String(text)) => looks_like_address(text.trim()),
        Content::Json(_) => false,
        Content::Line => cells(&record.text).first().is_some_and(|cell| looks_like_address(cell)),
    }
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    match &record.content {
        Content::Row { header, cells } => parse_row(header, cells),
        Content::Json(Value::String(text)) => parse_line(text),
        _ => parse_line(&record.text),
    }
    .map(|fields| vec![fields])
}

fn parse_line(line: &str) -> Result<AlertFields, Reject> {
    let cells = cells(line);
    let mut fields = AlertFields::default();
    fields.set_addresses(
        cells.first().map(|cell| ("address", cell.as_str())),
        None,
        "the line's first word",
    )?;
    if let Some(user) = cells.get(1) {
        fields.set(Field::UserName, ("user", user))?;
    }
    if cells.len() > 2 {
        fields.note(
            "what follows the user was left out: give the list a header that names its columns".to_owned(),
        );
    }
    Ok(fields)
}

/// A line's cells: an address and what is behind it, however separated, without a trailing comment.
fn cells(line: &str) -> Vec<String> {
    let line = line.find(" #").or_else(|| line.find("\t#")).map_or(line, |at| &line[..at]).trim();
    let cells: Vec<String> = match line.bytes().find(|b| b",;\t".contains(b)) {
        Some(delimiter) => {
            split_cells(line, delimiter).iter().flatten().map(|cell| cell.trim().to_owned()).collect()
        }
        None => line.split_whitespace().map(str::to_owned).collect(),
    };
    cells
}

fn parse_row(header: &[String], cells: &[String]) -> Result<AlertFields, Reject> {
    let filled = header.iter().zip(cells).filter(|(_, cell)| super::fields::text(cell).is_some());
    let filled: Vec<(String, Named<'_>)> =
        filled.map(|(name, cell)| (plain(name), (name.as_str(), cell.as_str()))).collect();
    let column = |names: &[&str]| -> Option<Named<'_>> {
        let named = |wanted: &&str| filled.iter().find(|(name, _)| name == *wanted);
        names.iter().find_map(named).map(|(_, column)| *column)
    };
    let mut fields = AlertFields::default();
    let host = column(&["host"]).filter(|(_, cell)| parse_address(cell.trim()).is_none());
    fields.set_addresses(column(ADDRESS), column(DESTINATION), "the address columns of the row")?;
    let columns = [
        (Field::SourcePort, SOURCE_PORT),
        (Field::DestinationPort, DESTINATION_PORT),
        (Field::Transport, TRANSPORT),
        (Field::Timestamp, TIME),
        (Field::UserName, USER),
        (Field::UserDomain, DOMAIN),
        (Field::UserEmail, EMAIL),
        (Field::HostName, HOST),
        (Field::RuleName, RULE),
        (Field::EventId, EVENT),
        (Field::Severity, SEVERITY),
        (Field::Infohash, INFOHASH),
    ];
    for (field, names) in columns {
        if let Some(named) = column(names) {
            fields.set(field, named)?;
        }
    }
    if let Some(named) = host.filter(|_| fields.host_name.is_none()) {
        fields.set(Field::HostName, named)?;
    }
    Ok(fields)
}
