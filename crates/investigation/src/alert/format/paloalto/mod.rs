//! Palo Alto Networks logs of every type, of firewalls (PAN-OS), Panorama and Prisma Access: comma-separated as syslog
//! sends them, and JSON as the logging service (Strata Logging Service, Cortex Data Lake) forwards them.
//!
//! Sources: for commas see [`columns`]; for JSON Palo Alto Networks, "Strata Logging Service Log Reference", "HTTPS
//! Default".

mod columns;
mod description;

use std::borrow::Cow;

use jiff::fmt::strtime;

use super::framing::{Content, Record, split_cells};
use super::lookup::{Lookup, Pairs, scalar};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "paloalto",
    description: "Palo Alto Networks firewall and Prisma Access logs, comma-separated or as JSON",
    example: "alerts/paloalto-traffic.csv",
    detects,
    parse,
};

/// How far into a line its type is looked for, in bytes.
const MAX_HEADER: usize = 1024;

const MAPPING: Mapping = &[
    (Field::SourceIp, &["SourceAddress", "SourceIP", "SourceIPv6", "PublicIPv4", "PublicIPv6"]),
    (Field::SourcePort, &["SourcePort"]),
    // Inside of its tunnel a GlobalProtect client has an address that is not its own.
    (Field::SourceNatIp, &["NATSource", "PrivateIPv4", "PrivateIPv6"]),
    (Field::SourceNatPort, &["NATSourcePort"]),
    (Field::DestinationIp, &["DestinationAddress", "DNSResolverIP"]),
    (Field::DestinationPort, &["DestinationPort"]),
    (Field::DestinationNatIp, &["NATDestination"]),
    (Field::DestinationNatPort, &["NATDestinationPort"]),
    (Field::ForwardedIp, &["X-Forwarded-For", "XFFAddress", "XForwardedForIP"]),
    (Field::Transport, &["Protocol"]),
    (
        Field::UserName,
        &["SourceUser", "SourceUserName", "User", "NormalizeUser", "EndpointUserName", "AdminName"],
    ),
    (
        Field::HostName,
        &["MachineName", "EndpointDeviceName", "SourceDeviceHost", "SourceHostName", "LogSourceName"],
    ),
    (Field::ObserverName, &["DeviceName", "LogSourceName"]),
    (
        Field::RuleName,
        &["Rule", "RuleMatched", "HipMatchName", "AuthenticationPolicy", "CorrelatedEventName"],
    ),
    (Field::Severity, &["VendorSeverity", "Severity"]),
    (Field::EventId, &["SequenceNo"]),
    // The one with fractions of a second has a zone where the other has none.
    (
        Field::Timestamp,
        &["HighResolutionTimestamp", "EventTime", "TimeGenerated", "TimeGeneratedHighResolution"],
    ),
];

/// What stands in for a rule where none fired.
const REASONS: [&str; 9] = [
    "EventDescription",
    "AuthenticationDescription",
    "ConnectionError",
    "Reason",
    "Description",
    "ThreatName",
    "ThreatID",
    "EventID",
    "EventName",
];

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(value) => {
            let lookup = Lookup::Json(value);
            let kind = lookup.get("LogType").map(|kind| kind.to_ascii_uppercase());
            let known = kind
                .is_some_and(|kind| columns::of(&kind).is_some() || ["DNS", "URL", "FILE"].contains(&&*kind));
            known
                && ["Subtype", "SubType"].iter().any(|key| lookup.has(key))
                && ["DeviceSN", "LogSourceID", "SequenceNo", "LogSourceName"]
                    .iter()
                    .any(|key| lookup.has(key))
        }
        Content::Line => find(&record.text).is_some(),
        Content::Row { .. } => false,
    }
}

/// The type of log in a line, and where its columns begin: the type is the fourth, behind when it was received and the
/// device's number.
fn find(line: &str) -> Option<(&str, &str)> {
    let header = &line[..line.floor_char_boundary(MAX_HEADER)];
    let commas: Vec<usize> = header.match_indices(',').map(|(at, _)| at).take(24).collect();
    commas.windows(4).find_map(|at| {
        let kind = &header[at[2] + 1..at[3]];
        columns::of(kind)?;
        let received = &header[at[0] + 1..at[1]];
        let serial = &header[at[1] + 1..at[2]];
        let is_date = received.contains('/') && received.starts_with(|c: char| c.is_ascii_digit());
        let is_serial = serial.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        // The first column is a number that means nothing, behind whatever header syslog put before it.
        let digits = header[..at[0]].bytes().rev().take_while(u8::is_ascii_digit).count();
        let start = at[0] - digits;
        (is_date && is_serial).then(|| (kind, &line[start..]))
    })
}

/// The columns that are read, under their names.
fn read_columns(line: &str) -> Option<Pairs<'static>> {
    let (kind, rest) = find(line)?;
    let cells = split_cells(rest.trim_end(), b',')?;
    let cell = |at: usize| cells.get(at).cloned();
    let mut pairs: Vec<(Cow<'static, str>, Cow<'static, str>)> = Vec::new();
    for &(name, at) in columns::of(kind)?.iter().copied().flatten() {
        pairs.extend(cell(at).map(|value| (name.into(), value.into())));
    }
    pairs.push(("LogType".into(), kind.to_owned().into()));
    pairs.extend(cell(columns::GENERATED).map(|when| ("TimeGenerated".into(), local(&when).into())));
    Some(Pairs(pairs))
}

/// The device's clock. Spreadsheets save its `2026/03/04 05:06:07` as `3/4/26 5:06`.
fn local(when: &str) -> String {
    match strtime::parse("%m/%d/%y %H:%M", when).and_then(|parsed| parsed.to_datetime()) {
        Ok(parsed) => parsed.to_string(),
        Err(_) => when.to_owned(),
    }
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let mut pairs = match &record.content {
        Content::Json(serde_json::Value::Object(object)) => {
            object.iter().filter_map(|(key, value)| Some((key.as_str(), scalar(value)?))).collect()
        }
        _ => read_columns(&record.text).ok_or(Reject::Malformed {
            format: "PAN-OS log",
            why: "its columns do not read as comma-separated values",
        })?,
    };
    // Written where there is no address, and where nothing was translated.
    pairs.0.retain(|(key, value)| match &**value {
        "0.0.0.0" | "::" => false,
        "0" => !key.starts_with("NAT"),
        _ => true,
    });
    take_forwarded(&mut pairs);
    let lookup = Lookup::Pairs(&pairs);
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    set_rule_id(&mut fields, lookup)?;
    if let Some(url) = lookup.get("URL") {
        fields.set_infohash_from_url(("URL", &url));
    }
    if let (Some("SYSTEM"), Some(text)) = (pairs.get("LogType"), lookup.get("EventDescription")) {
        description::read(&mut fields, ("EventDescription", &text))?;
    }
    if fields.rule_name.is_none() {
        fields.fill_one(lookup, Field::RuleName, &REASONS)?;
    }
    Ok(vec![fields])
}

/// A firewall that is told to use X-Forwarded-For writes it where the user's name would be.
fn take_forwarded(pairs: &mut Pairs<'_>) {
    for (key, value) in &mut pairs.0 {
        if key == "SourceUser"
            && let Some(forwarded) = value.strip_prefix("x-fwd-for:")
        {
            (*key, *value) = ("X-Forwarded-For".into(), forwarded.trim().to_owned().into());
        }
    }
}

/// The threat's own name and number, which a policy's name does not tell. Filtering of URLs has one number for all.
fn set_rule_id(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    let threat = lookup.get("ThreatID").filter(|threat| !matches!(&**threat, "(9999)" | "9999" | "0"));
    match threat {
        Some(threat) => fields.set(Field::RuleId, ("ThreatID", &threat)).map(|_| ()),
        None => fields.fill_one(lookup, Field::RuleId, &["RuleUUID"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> AlertFields {
        crate::alert::format::testing::of_line(&FORMAT, text)
    }

    const TRAFFIC: &str = "1,2026/03/04 05:06:09,0123,TRAFFIC,end,2817,2026/03/04 05:06:07,10.20.1.17,192.0.2.7,\
        198.51.100.1,192.0.2.7,\"Out, all\",CORP\\alice,,bittorrent,vsys1,in,out,a,b,c,2026/03/04 05:06:07,7,1,51413,\
        6881,2000,6881,0x0,udp,allow";

    #[test]
    fn any_header_of_syslog_is_passed_over() {
        for header in [
            "",
            "<14>Mar  4 05:06:07 fw1 ",
            "<14>1 2026-03-04T05:06:07Z fw1 - - - - ",
            ": ",
            "é",
            "<14>Mar  4 05:06:07 ",
        ] {
            let alert = alert(&format!("{header}{TRAFFIC}"));
            assert_eq!(alert.source_ip, "10.20.1.17".parse().ok(), "{header}");
            assert_eq!((alert.source_port, alert.destination_port), (Some(51413), Some(6881)), "{header}");
            assert_eq!(alert.rule_name.as_deref(), Some("Out, all"), "{header}");
        }
    }

    #[test]
    fn other_lines_are_no_log_of_a_firewall() {
        for text in
            ["1,2026/03/04 05:06:09,0123,OTHER,end,1", "THREAT,TRAFFIC,THREAT,SYSTEM,x", "a,b,c,TRAFFIC,d"]
        {
            assert!(!detects(&Record { text: text.to_owned(), content: Content::Line }), "{text}");
        }
    }

    #[test]
    fn the_dates_of_a_spreadsheet_are_read() {
        assert_eq!(local("3/4/26 5:06"), "2026-03-04T05:06:00");
        assert_eq!(local("2026/03/04 05:06:07"), "2026/03/04 05:06:07");
    }

    #[test]
    fn a_forwarded_address_is_no_user() {
        let alert = alert(&TRAFFIC.replace(r"CORP\alice", "x-fwd-for: 203.0.113.9"));
        assert_eq!((alert.user_name.as_deref(), alert.forwarded_ip), (None, "203.0.113.9".parse().ok()));
    }
}
