//! Check Point logs as Log Exporter and its predecessors write them: `[key:"value"; …]`, `key=value|…`,
//! `key="value" …`, JSON, and the quoted columns of an exported table of logs.
//!
//! Sources: Check Point, "Logging and Monitoring Administration Guide", "Log Exporter"; sk144192, "Log Fields".

use std::borrow::Cow;

use jiff::fmt::strtime;
use serde_json::Value;

use super::framing::{Content, Record, split_cells};
use super::lookup::{Lookup, Pairs, scalar};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs, syslog};

pub(super) const FORMAT: Format = Format {
    name: "checkpoint",
    description: "Check Point logs, as text in key:\"value\"; or key=value| or as JSON",
    example: "alerts/checkpoint-application_control.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["src", "sip"]),
    (Field::SourcePort, &["s_port", "sport"]),
    (Field::SourceNatIp, &["xlatesrc", "snatip"]),
    (Field::SourceNatPort, &["xlatesport", "snatport"]),
    (Field::DestinationIp, &["dst", "dip"]),
    (Field::DestinationPort, &["service", "d_port", "dport"]),
    (Field::DestinationNatIp, &["xlatedst", "dnatip"]),
    (Field::DestinationNatPort, &["xlatedport", "dnatport"]),
    (Field::ForwardedIp, &["proxy_src_ip"]),
    (Field::Transport, &["proto", "protnum", "transport"]),
    (Field::UserName, &["src_user_name", "user", "src_user", "login", "administrator"]),
    (Field::HostName, &["src_machine_name"]),
    (Field::RuleName, &["protection_name", "attack", "malware_rule_name", "rule_name", "app_rule_name"]),
    (Field::RuleId, &["protection_id", "rule_uid", "app_rule_id", "rule"]),
    (Field::Severity, &["severity", "cp_severity", "app_risk", "level"]),
    (Field::EventId, &["loguid", "UUid"]),
    (Field::Timestamp, &["time", "start_time"]),
];

/// What stands in for a rule where none is named.
const REASONS: [&str; 5] = ["threatname", "appi_name", "policy", "reason", "auth_status"];
/// Layers of one policy each have their rule; where they are flattened, this is behind their keys.
const OF_LAYERS: &str = "_._._match_table";
/// Keys that only Check Point has.
const TELLING: [&str; 6] =
    ["loguid", "UUid", "originsicname", "origin_sic_name", "__policy_id_tag", "i/f_dir"];

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(value) => is_checkpoint(Lookup::Json(value)),
        // Other syntaxes name the vendor between pipes, and have formats of their own.
        Content::Line if record.text.contains("|Check Point|") => false,
        Content::Line => is_exported(&record.text) || read_line(&record.text).is_some(),
        Content::Row { .. } => false,
    }
}

fn is_checkpoint(lookup: Lookup<'_>) -> bool {
    TELLING.iter().any(|key| lookup.has(key))
        && ["product", "ProductName", "action"].iter().any(|key| lookup.has(key))
        && ["origin", "orig", "src", "dst", "sip"].iter().any(|key| lookup.has(key))
}

/// The pairs of a line, in whichever of the syntaxes reads them.
fn read_line(line: &str) -> Option<Pairs<'_>> {
    if !TELLING.iter().any(|key| line.contains(key)) {
        return None;
    }
    const WAYS: [fn(&str) -> Pairs<'_>; 3] =
        [bracketed, |line| pairs::separated(syslog::split(line).message, "|", "="), pairs::spaced];
    WAYS.iter().map(|way| way(line)).find(|pairs| is_checkpoint(Lookup::Pairs(pairs)))
}

/// `[key:"value"; key::"value"; ]`, with a backslash before quotes and brackets.
fn bracketed(line: &str) -> Pairs<'_> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(":\"")
        && pairs.len() < 2_000
    {
        let before = rest[..at].trim_end_matches(':');
        let start =
            before.rfind(|c: char| c.is_whitespace() || matches!(c, '[' | ';')).map_or(0, |at| at + 1);
        // What stands before a key is one byte long, unless it is a blank of another alphabet: then this is no key.
        let key = before.get(start..).unwrap_or_default();
        let inside = &rest[at + 2..];
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        let value = &inside[..end];
        let value = match value.contains('\\') {
            true => Cow::Owned(value.replace("\\]", "]").replace("\\\"", "\"").replace("\\\\", "\\")),
            false => Cow::Borrowed(value),
        };
        pairs.push((Cow::Borrowed(key), value));
        rest = &inside[end + 1..];
    }
    Pairs(pairs)
}

/// `"22" "10Dec2025" "23:44:49" …`.
fn is_exported(line: &str) -> bool {
    let mut cells = line.trim_start().split("\" \"");
    let number = cells.next().and_then(|first| first.strip_prefix('"'));
    let is_number =
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let (date, clock) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
    is_number && when(date, clock).is_some()
}

fn when(date: &str, clock: &str) -> Option<String> {
    let parsed = strtime::parse("%d%b%Y %H:%M:%S", format!("{date} {clock}")).ok()?;
    Some(parsed.to_datetime().ok()?.to_string())
}

fn exported(line: &str) -> Option<Pairs<'static>> {
    const COLUMNS: [(&str, usize); 10] = [
        ("origin", 4),
        ("action", 6),
        ("service", 7),
        ("s_port", 8),
        ("src", 9),
        ("dst", 10),
        ("proto", 11),
        ("rule", 12),
        ("rule_name", 13),
        ("user", 15),
    ];
    let cells = split_cells(line.trim(), b' ')?;
    let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
    let time = ("time".to_owned(), when(&cell(1), &cell(2))?);
    Some(COLUMNS.iter().map(|&(key, at)| (key.to_owned(), cell(at))).chain([time]).collect())
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let mut pairs = match &record.content {
        Content::Json(Value::Object(object)) => object
            .iter()
            .filter_map(|(key, value)| {
                let key = key.strip_suffix(OF_LAYERS).unwrap_or(key);
                let value = value.as_array().and_then(|values| values.first()).unwrap_or(value);
                Some((key, scalar(value)?))
            })
            .collect(),
        _ if is_exported(&record.text) => exported(&record.text).unwrap_or_default(),
        _ => read_line(&record.text).unwrap_or_default(),
    };
    // Ports that are 0 were not translated; a service without a number is no port.
    pairs.0.retain(|(key, value)| match &**key {
        "xlatesport" | "xlatedport" | "snatport" | "dnatport" => value != "0",
        "service" => value.bytes().all(|b| b.is_ascii_digit()),
        _ => true,
    });
    let lookup = Lookup::Pairs(&pairs);
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    if fields.rule_name.is_none() {
        fields.fill_one(lookup, Field::RuleName, &REASONS)?;
    }
    set_device(&mut fields, lookup)?;
    for key in ["resource", "url"] {
        if let Some(url) = lookup.get(key) {
            fields.set_infohash_from_url((key, &url));
        }
    }
    Ok(vec![fields])
}

/// The gateway, by the name in its certificate (`CN=gw1,O=…`) or else by its address.
fn set_device(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    for key in ["originsicname", "origin_sic_name"] {
        if let Some(name) = lookup.get(key) {
            let name = name.replace('\\', "");
            let common =
                name.split(['=', ',']).nth(1).filter(|_| name.to_ascii_uppercase().starts_with("CN="));
            fields.set(Field::ObserverName, (key, common.unwrap_or(&name)))?;
            return Ok(());
        }
    }
    fields.fill_one(lookup, Field::ObserverName, &["origin", "orig", "hostname"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> AlertFields {
        crate::alert::format::testing::of_line(&FORMAT, text)
    }

    #[test]
    fn every_syntax_says_the_same() {
        for text in [
            r#"<134>1 2026-03-04T05:06:07Z gw1 CheckPoint 77 - [action:"Drop"; loguid:"{0x1}"; time:"1772600767"; origin:"10.20.0.1"; origin_sic_name:"CN=gw1,O=m"; dst:"192.0.2.7"; product:"X [y\] \"z\""; rule_name:"P2P; no"; proto:"17"; s_port:"51413"; service:"6881"; src:"10.20.1.17"; xlatesport:"0"; ]"#,
            r"<134>1 2026-03-04T05:06:07Z gw1 CheckPoint 77 - - time=1772600767|action=Drop|loguid={0x1}|originsicname=CN\=gw1,O\=m|origin=10.20.0.1|src=10.20.1.17|dst=192.0.2.7|proto=17|s_port=51413|service=6881|rule_name=P2P; no",
            r#"time="1772600767" action="Drop" loguid="{0x1}" originsicname="CN=gw1,O=m" src="10.20.1.17" dst="192.0.2.7" proto="17" s_port="51413" service="6881" rule_name="P2P; no""#,
        ] {
            let alert = alert(text);
            assert_eq!(
                (alert.source_ip, alert.source_port),
                ("10.20.1.17".parse().ok(), Some(51413)),
                "{text}"
            );
            assert_eq!(
                (alert.destination_ip, alert.destination_port),
                ("192.0.2.7".parse().ok(), Some(6881))
            );
            assert_eq!(
                (alert.rule_name.as_deref(), alert.observer_name.as_deref()),
                (Some("P2P; no"), Some("gw1"))
            );
            assert_eq!(alert.timestamp.map(|at| at.to_string()).as_deref(), Some("2026-03-04T05:06:07Z"));
            assert_eq!((alert.source_nat_port, alert.event_id.as_deref()), (None, Some("{0x1}")));
        }
    }

    #[test]
    fn an_exported_table_has_its_columns() {
        let alert = alert(
            r#""22" "04Mar2026" "05:06:07" "eth1" "gw1" "Log" "Drop" "6881" "51413" "10.20.1.17" "192.0.2.7" "udp" "81" "P2P" "#,
        );
        assert_eq!((alert.source_ip, alert.destination_port), ("10.20.1.17".parse().ok(), Some(6881)));
        assert_eq!(alert.timestamp.map(|at| at.to_string()).as_deref(), Some("2026-03-04T05:06:07Z"));
    }

    #[test]
    fn broken_lines_end() {
        for text in
            ["loguid:\"", "[loguid:\"x\\", "é:\"x\"", ":\"\"", "\"1\" \"é\" \"", "\u{3000}loguid:\"x\""]
        {
            detects(&Record { text: text.to_owned(), content: Content::Line });
            bracketed(text);
        }
    }
}
