//! Symantec Endpoint Protection Manager's syslog: cells between commas, most of them with their name before a colon,
//! and in each kind of log some without.
//!
//! Source: Broadcom, "External Logging settings and log event severity levels for Endpoint Protection Manager" and the
//! log format tables that it links to.

use super::framing::{Content, Record, split_cells};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, syslog};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "symantec_sep",
    description: "Symantec Endpoint Protection Manager syslog (risk, scan, security, traffic, system, agent logs)",
    example: "alerts/symantec_sep-security.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["IP Address", "Local Host IP", "Local Host"]),
    (Field::SourcePort, &["Local Port"]),
    (Field::DestinationIp, &["Remote Host IP", "Remote Host"]),
    (Field::DestinationPort, &["Remote Port"]),
    (Field::Timestamp, &["Event time", "Event Time", "End Time", "Begin", "Begin Time"]),
    (Field::UserName, &["User Name", "User1", "User"]),
    (Field::HostName, &["Computer name", "Computer Name", "Computer"]),
    (Field::RuleId, &["CIDS Signature ID"]),
    (Field::EventId, &["Scan ID"]),
    (Field::ObserverName, &["Server Name"]),
    (Field::Severity, &["Severity"]),
];

/// Names of cells. What stands before a colon otherwise is part of a sentence.
const NAMES: &[&str] = &[
    "Action",
    "Action Type",
    "Actual action",
    "Application",
    "Application hash",
    "Application name",
    "Begin",
    "Begin Time",
    "CIDS Signature ID",
    "CIDS Signature string",
    "Category",
    "Command",
    "Computer",
    "Computer Name",
    "Computer name",
    "Device ID",
    "Domain Name",
    "Domain",
    "Duration (seconds)",
    "End Time",
    "Event Description",
    "Event Insert Time",
    "Event Time",
    "Event Type",
    "Event time",
    "File path",
    "File size (bytes)",
    "Group Name",
    "Group",
    "IP Address",
    "Infected",
    "Intrusion Payload URL",
    "Intrusion URL",
    "Last update time",
    "Local Host",
    "Local Host IP",
    "Local Host MAC",
    "Local Port",
    "Location",
    "MD-5",
    "Occurrences",
    "Omitted",
    "Remote Host",
    "Remote Host IP",
    "Remote Host MAC",
    "Remote Host Name",
    "Remote Port",
    "Requested action",
    "Risk name",
    "Rule",
    "SHA-256",
    "Scan ID",
    "Scan Type",
    "Secondary action",
    "Server Name",
    "Server",
    "Severity",
    "Site",
    "Source",
    "Threats",
    "Total files",
    "User",
    "User Name",
    "User1",
    "User2",
];

/// A line's cells, with a name and without, each in order.
struct Cells<'a> {
    named: Pairs<'a>,
    bare: Vec<String>,
    /// Whether the first cell has no name.
    starts_bare: bool,
    host: Option<&'a str>,
}

fn cells(line: &str) -> Option<Cells<'_>> {
    let syslog = syslog::split(line);
    let message = match syslog.message.strip_prefix("SymantecServer") {
        Some(rest) => rest.split_once(':').map_or(rest, |(_, message)| message),
        None => syslog.message,
    };
    let (mut named, mut bare, mut starts_bare) = (Vec::new(), Vec::new(), false);
    for (at, cell) in split_cells(message.trim(), b',')?.into_iter().enumerate() {
        match cell.split_once(':').filter(|(name, _)| NAMES.contains(&name.trim())) {
            Some((name, value)) => named.push((name.trim().to_owned(), value.trim().to_owned())),
            None => {
                starts_bare |= at == 0;
                bare.push(cell.trim().to_owned());
            }
        }
    }
    Some(Cells { named: named.into_iter().collect(), bare, starts_bare, host: syslog.host })
}

/// Whether `NAME: ` is there. Each line is asked, of whatever format: nothing is copied to compare it.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| text[at + name.len()..].starts_with(": "))
}

fn detects(record: &Record) -> bool {
    // Three names of the product's own: fewer may be anybody's.
    let telling = |text: &str| NAMES.iter().filter(|name| names(text, name)).take(3).count() == 3;
    record.content == Content::Line
        && record.text.matches(',').count() > 3
        && telling(&record.text)
        && cells(&record.text).is_some_and(|cells| cells.named.0.len() >= 3)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(Cells { named, bare, starts_bare, host }) = cells(&record.text) else {
        return Err(Reject::Malformed { format: "Symantec log", why: "it is not one row of cells" });
    };
    let mut fields = AlertFields::default();
    fields.fill(Lookup::Pairs(&named), MAPPING)?;
    // The installation's word for no user.
    if fields.user_name.as_deref() == Some("Aucun(e)") {
        fields.user_name = None;
        fields.origins.remove(&Field::UserName);
    }
    let cell = |at: usize| ("cell without a name", bare.get(at).map_or("", String::as_str));
    let rule = if let Some(description) = named.get("Event Description") {
        ("Event Description", without_number(description))
    } else if let Some(rule) =
        named.get("Rule").filter(|_| named.has("Local Host") || named.has("Local Host IP"))
    {
        ("Rule", rule)
    } else if named.has("Scan ID") {
        cell(1)
    } else if named.has("Risk name") || named.has("Site") {
        cell(0)
    } else if let Some(rule) = named.get("Rule").filter(|_| !cell(2).1.eq_ignore_ascii_case("continue")) {
        ("Rule", rule)
    } else {
        // The agent's own words where it only goes on.
        cell(if cell(2).1.eq_ignore_ascii_case("continue") { 3 } else { usize::MAX })
    };
    fields.set(Field::RuleName, rule)?;
    if named.has("Site") && !starts_bare {
        // What a manager did for a client: what, the client, its user, and its name in the network.
        fields.set(Field::HostName, cell(1))?;
        fields.set(Field::UserName, cell(2))?;
        fields.set(Field::HostName, cell(3))?;
    } else if starts_bare && !named.has("Risk name") {
        fields.set(Field::HostName, cell(0))?;
        if fields.source_ip.is_none() && parse_address(cell(1).1).is_some() {
            fields.set(Field::SourceIp, cell(1))?;
        }
    }
    if bare.iter().any(|cell| cell.eq_ignore_ascii_case("inbound")) {
        turn(&mut fields);
    }
    for protocol in ["TCP", "UDP"] {
        if bare.iter().any(|cell| cell == protocol) {
            fields.set(Field::Transport, ("cell without a name", protocol))?;
        }
    }
    if let Some(url) = named.get("Intrusion URL") {
        fields.set_infohash_from_url(("Intrusion URL", url));
    }
    if let (None, Some(host)) = (&fields.observer_name, host) {
        fields.set(Field::ObserverName, ("syslog host", host))?;
    }
    Ok(vec![fields])
}

/// A description without the number of its signature: `[SID: 32329] …`.
fn without_number(description: &str) -> &str {
    let behind = description.strip_prefix("[SID").and_then(|rest| rest.split_once(']'));
    behind.map_or(description, |(_, rest)| rest.trim())
}

/// Ends are local and remote here, whoever began: of what came in, the remote one is the source.
fn turn(fields: &mut AlertFields) {
    std::mem::swap(&mut fields.source_ip, &mut fields.destination_ip);
    std::mem::swap(&mut fields.source_address, &mut fields.destination_address);
    std::mem::swap(&mut fields.source_port, &mut fields.destination_port);
    for (one, other) in [(Field::SourceIp, Field::DestinationIp), (Field::SourcePort, Field::DestinationPort)]
    {
        let (first, second) = (fields.origins.remove(&one), fields.origins.remove(&other));
        fields.origins.extend(first.map(|name| (other, name)));
        fields.origins.extend(second.map(|name| (one, name)));
    }
}
