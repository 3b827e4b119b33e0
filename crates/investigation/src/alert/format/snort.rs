//! Snort's alerts: `alert_fast` text, which Suricata's `fast.log` and both on syslog share, and Snort 3's `alert_json`.
//!
//! Sources: Snort 3 User Manual, "Loggers"; Suricata user guide, "Line based alerts log".

use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, syslog};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "snort",
    description: "Snort and Suricata alerts as text (alert_fast, fast.log, syslog), and Snort 3 alert_json",
    example: "alerts/snort-fast.log",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["src_addr"]),
    (Field::SourcePort, &["src_port"]),
    (Field::DestinationIp, &["dst_addr"]),
    (Field::DestinationPort, &["dst_port"]),
    (Field::Transport, &["proto"]),
    (Field::RuleName, &["msg", "rule"]),
    (Field::RuleId, &["sid", "rule"]),
    (Field::Severity, &["priority"]),
    (Field::EventId, &["pkt_num"]),
    (Field::Timestamp, &["seconds"]),
];

/// A line, taken apart.
struct Fast<'a> {
    rule: &'a str,
    message: &'a str,
    priority: Option<&'a str>,
    protocol: &'a str,
    source: &'a str,
    destination: &'a str,
}

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(value @ Value::Object(_)) => {
            let lookup = Lookup::Json(value);
            let rule = lookup.get("rule").is_some_and(|rule| is_rule(&rule));
            let numbers = ["gid", "sid", "msg"].iter().all(|key| lookup.has(key));
            (rule || numbers) && ["src_ap", "src_addr", "pkt_gen"].iter().any(|key| lookup.has(key))
        }
        Content::Line => fast(&record.text).is_some(),
        _ => false,
    }
}

/// `1:2000334:13`: who made the rule, its number and its revision.
fn is_rule(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split(':').count() == 3 && text.split(':').all(is_number)
}

/// `[1:2000334:13] message [**] [Classification: x] [Priority: 1] {UDP} 10.20.1.17:51413 -> 192.0.2.7:6881`.
fn fast(line: &str) -> Option<Fast<'_>> {
    let (rule, behind) = line.match_indices('[').take(32).find_map(|(at, _)| {
        let (inside, behind) = line[at + 1..].split_once(']')?;
        is_rule(inside).then_some((inside, behind))
    })?;
    // The message is the rule's author's; what follows it is the program's.
    let (said, flow) = behind.rsplit_once('{')?;
    let (protocol, flow) = flow.split_once('}')?;
    let (source, destination) = flow.trim().split_once(" -> ")?;
    let bracket =
        |name: &str| said.rsplit_once(name).and_then(|(_, value)| value.split(']').next()).map(str::trim);
    let message = said.split(" [**]").next().unwrap_or(said);
    let message = message.split(" [Classification:").next().unwrap_or(message);
    let message = message.split(" [Impact:").next().unwrap_or(message);
    let message = message.split(" [Priority:").next().unwrap_or(message);
    Some(Fast {
        rule,
        message: message.trim().trim_matches('"'),
        priority: bracket("[Priority:"),
        protocol,
        source: source.trim(),
        destination: destination.split_whitespace().next()?,
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let mut fields = AlertFields::default();
    match &record.content {
        Content::Json(value) => read_json(&mut fields, Lookup::Json(value))?,
        _ => {
            if let Some(fast) = fast(&record.text) {
                read_fast(&mut fields, &fast, &record.text)?;
            }
        }
    }
    Ok(vec![fields])
}

fn read_json(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    fields.fill(lookup, MAPPING)?;
    let ends = [
        ("src_ap", Field::SourceIp, Field::SourcePort),
        ("dst_ap", Field::DestinationIp, Field::DestinationPort),
    ];
    for (key, ip, port) in ends {
        if !fields.origins.contains_key(&ip)
            && let Some(end) = lookup.get(key)
        {
            set_end(fields, ip, port, (key, &end), true)?;
        }
    }
    if fields.timestamp.is_none()
        && let Some(when) = lookup.get("timestamp").as_deref().and_then(with_year)
    {
        fields.set(Field::Timestamp, ("timestamp", &when))?;
    }
    Ok(())
}

fn read_fast(fields: &mut AlertFields, fast: &Fast<'_>, line: &str) -> Result<(), Reject> {
    let header = syslog::split(line);
    let when = line.split_whitespace().next().and_then(with_year);
    // Suricata writes ports for every protocol, and years of four digits; Snort only for those that have them.
    let transport = ["TCP", "UDP"].iter().any(|name| fast.protocol.eq_ignore_ascii_case(name));
    let ported = transport || when.is_some();
    set_end(fields, Field::SourceIp, Field::SourcePort, ("source", fast.source), ported)?;
    set_end(fields, Field::DestinationIp, Field::DestinationPort, ("destination", fast.destination), ported)?;
    for (field, name, value) in [
        (Field::RuleName, "message", Some(fast.message)),
        (Field::RuleId, "rule", Some(fast.rule)),
        (Field::Severity, "Priority", fast.priority),
        (Field::Transport, "protocol", Some(fast.protocol)),
        (Field::Timestamp, "time", when.as_deref().or(header.timestamp)),
        (Field::ObserverName, "header", header.host),
    ] {
        if let Some(value) = value {
            fields.set(field, (name, value))?;
        }
    }
    Ok(())
}

/// `10.20.1.17:51413`, `fd12::1:51413` or, where the protocol has no ports, an address alone.
fn set_end(
    fields: &mut AlertFields,
    ip: Field,
    port: Field,
    (name, end): (&str, &str),
    ported: bool,
) -> Result<(), Reject> {
    let split = end.rsplit_once(':').filter(|(host, _)| parse_address(host).is_some());
    match split.filter(|_| ported || parse_address(end).is_none()) {
        Some((host, number)) => {
            fields.set(ip, (name, host))?;
            fields.set(port, (name, number))?;
        }
        None => {
            fields.set(ip, (name, end))?;
        }
    }
    Ok(())
}

/// `03/04/2026-05:06:07.123456`, or `26/03/04-05:06:07.123456` where Snort is told to write years.
fn with_year(text: &str) -> Option<String> {
    let (date, clock) = text.split_once('-')?;
    let parts: Vec<&str> = date.split('/').collect();
    let [first, second, third] = parts[..] else { return None };
    let is_number = parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    match (first.len(), second.len(), third.len()) {
        (2, 2, 4) if is_number => Some(format!("{third}-{first}-{second}T{clock}")),
        (2, 2, 2) if is_number => Some(format!("20{first}-{second}-{third}T{clock}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> AlertFields {
        crate::alert::format::testing::of_line(&FORMAT, text)
    }

    const SAID: &str =
        "[1:2000334:13] P2P BitTorrent [peer] sync [**] [Classification: Policy] [Priority: 1]";

    #[test]
    fn both_programs_lines_are_read() {
        for (header, at) in [
            ("03/04/2026-05:06:07.250000  [**] ", Some("2026-03-04T05:06:07.25Z")),
            ("03/04-05:06:07.250000  [**] ", None),
            ("26/03/04-05:06:07.250000 [**] ", Some("2026-03-04T05:06:07.25Z")),
            ("<33>Mar  4 05:06:07 ids1 snort[77]: ", None),
            ("<33>1 2026-03-04T05:06:07.25Z ids1 suricata 77 - - ", Some("2026-03-04T05:06:07.25Z")),
        ] {
            let alert = alert(&format!("{header}{SAID} {{UDP}} 10.20.1.17:51413 -> 192.0.2.7:6881"));
            assert_eq!(
                (alert.source_ip, alert.source_port),
                ("10.20.1.17".parse().ok(), Some(51413)),
                "{header}"
            );
            assert_eq!(
                (alert.destination_ip, alert.destination_port),
                ("192.0.2.7".parse().ok(), Some(6881))
            );
            assert_eq!(alert.timestamp.map(|at| at.to_string()).as_deref(), at, "{header}");
            assert_eq!(alert.rule_name.as_deref(), Some("P2P BitTorrent [peer] sync"));
            assert_eq!(
                (alert.rule_id.as_deref(), alert.severity.as_deref()),
                (Some("1:2000334:13"), Some("1"))
            );
        }
    }

    #[test]
    fn ports_of_ipv6_are_told_from_addresses() {
        let ends = |flow: &str| {
            let alert = alert(&format!("03/04-05:06:07.250000  [**] {SAID} {flow}"));
            (alert.source_ip.map(|ip| ip.to_string()), alert.source_port)
        };
        let of = |ip: &str, port| (Some(ip.to_owned()), port);
        assert_eq!(ends("{TCP} fd12::17:5141 -> 2001:db8::7:6881"), of("fd12::17", Some(5141)));
        assert_eq!(ends("{IPV6-ICMP} fd12::17 -> 2001:db8::7"), of("fd12::17", None));
        assert_eq!(ends("{ICMP} 10.20.1.17 -> 192.0.2.7"), of("10.20.1.17", None));
    }

    #[test]
    fn other_lines_are_none() {
        for text in ["[1:2:3] x", "[1:2:3] {x} a", "[1:2] x {TCP} a -> b", "{[1:2:3]} ->", "[1:2:3]{}a -> "] {
            assert!(!detects(&Record { text: text.to_owned(), content: Content::Line }), "{text}");
        }
    }
}
