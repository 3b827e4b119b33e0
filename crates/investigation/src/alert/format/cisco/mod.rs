//! Cisco ASA and Secure Firewall (Firepower, FTD) syslog: `%ASA-6-302013: …`, and the security events of FTD and NGIPS,
//! `%FTD-1-430003: SrcIP: …, DstIP: …`.
//!
//! Sources: Cisco, "Secure Firewall ASA Series Syslog Messages", and "Secure Firewall Threat Defense Syslog Messages".

mod end;
mod message;

use end::End;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs, syslog, time};

pub(super) const FORMAT: Format = Format {
    name: "cisco_asa",
    description: "Cisco ASA and Secure Firewall (Firepower, FTD) syslog",
    example: "alerts/cisco_asa-built_outbound.log",
    detects,
    parse,
};

/// How far into a line its number is looked for, in bytes.
const MAX_HEADER: usize = 512;

const PRODUCTS: [&str; 5] = ["%ASA-", "%FTD-", "%NGIPS-", "%FWSM-", "%PIX-"];

/// Security events, 430001 to 430005.
const MAPPING: Mapping = &[
    (Field::SourceIp, &["SrcIP"]),
    (Field::SourcePort, &["SrcPort"]),
    (Field::SourceNatIp, &["NAT_InitiatorIP"]),
    (Field::SourceNatPort, &["NAT_InitiatorPort"]),
    (Field::DestinationIp, &["DstIP"]),
    (Field::DestinationPort, &["DstPort"]),
    (Field::DestinationNatIp, &["NAT_ResponderIP"]),
    (Field::DestinationNatPort, &["NAT_ResponderPort"]),
    (Field::ForwardedIp, &["OriginalClientSrcIP", "Original Client IP"]),
    (Field::Transport, &["Protocol"]),
    (Field::RuleName, &["Message", "AccessControlRuleName", "ThreatName", "FilePolicy", "ACPolicy"]),
    (Field::RuleId, &["SID"]),
    (Field::Severity, &["Priority", "EventPriority"]),
    (Field::EventId, &["ConnectionID"]),
    (Field::Timestamp, &["FirstPacketSecond"]),
    (Field::ObserverName, &["DeviceName"]),
];

/// What stands for nobody.
const NOBODY: [&str; 3] = ["Not Found", "No Authentication Required", "Unknown"];

/// A message, taken apart.
struct Line<'a> {
    header: &'a str,
    /// `6-302013`; nothing where only the text was sent.
    level: Option<&'a str>,
    number: Option<&'a str>,
    text: &'a str,
}

fn detects(record: &Record) -> bool {
    record.content == Content::Line && split(&record.text).is_some()
}

fn split(line: &str) -> Option<Line<'_>> {
    let header = &line[..line.floor_char_boundary(MAX_HEADER)];
    let tagged = PRODUCTS.iter().find_map(|product| {
        let at = header.find(product)?;
        let (level, number, text) = numbered(&line[at + product.len()..])?;
        Some(Line { header: &line[..at], level: Some(level), number: Some(number), text })
    });
    tagged.or_else(|| {
        // Some relays take the number off. What is left is telling where it is about a session of somebody.
        let text = line.trim_start();
        let session = text.starts_with("Group <") && text.contains("> User <") && text.contains("> IP <");
        let ended =
            text.starts_with("Group = ") && text.contains(", Username = ") && text.contains(", IP = ");
        (session || ended).then_some(Line { header: "", level: None, number: None, text })
    })
}

/// `6-302013: text` or `session-6-302013: text`; the colon may be missing.
fn numbered(rest: &str) -> Option<(&str, &str, &str)> {
    let (first, behind) = rest.split_once('-')?;
    let (level, behind) = match first.len() {
        1 => (first, behind),
        _ => behind.split_once('-')?,
    };
    let number = behind.get(..6)?;
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (level.len() == 1 && is_number(level) && is_number(number)).then(|| {
        let text = behind[6..].trim_start();
        (level, number, text.strip_prefix(':').unwrap_or(text).trim())
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(line) = split(&record.text) else { return Ok(Vec::new()) };
    let mut fields = AlertFields::default();
    if line.number.is_some_and(|number| number.starts_with("43000")) {
        read_event(&mut fields, line.text)?;
    } else {
        read_message(&mut fields, line.text)?;
    }
    if fields.timestamp.is_none()
        && let Some(when) = when(line.header)
    {
        fields.set(Field::Timestamp, ("header", &when))?;
    }
    let device = syslog::split(line.header).host.filter(|host| !host.is_empty() && *host != ":");
    for (field, value, name) in [
        (Field::ObserverName, device, "header"),
        (Field::RuleId, line.number.filter(|_| fields.rule_id.is_none()), "message number"),
        (Field::Severity, line.level.filter(|_| fields.severity.is_none()), "message level"),
    ] {
        if let Some(value) = value {
            fields.set(field, (name, value))?;
        }
    }
    Ok(vec![fields])
}

fn read_event(fields: &mut AlertFields, text: &str) -> Result<(), Reject> {
    let pairs = pairs::separated(text, ", ", ": ");
    let lookup = Lookup::Pairs(&pairs);
    fields.fill(lookup, MAPPING)?;
    if let Some(name) = pairs.get("User").filter(|name| !NOBODY.contains(name)) {
        fields.set(Field::UserName, ("User", name))?;
    }
    for key in ["URL", "URI"] {
        if let Some(url) = pairs.get(key) {
            fields.set_infohash_from_url((key, url));
        }
    }
    Ok(())
}

fn read_message(fields: &mut AlertFields, text: &str) -> Result<(), Reject> {
    let said = message::read(text);
    const SOURCE: [Field; 4] = [Field::SourceIp, Field::SourcePort, Field::SourceNatIp, Field::SourceNatPort];
    const DESTINATION: [Field; 4] =
        [Field::DestinationIp, Field::DestinationPort, Field::DestinationNatIp, Field::DestinationNatPort];
    for (end, names, name) in
        [(said.source, SOURCE, "source"), (said.destination, DESTINATION, "destination")]
    {
        let Some(End { host, port, mapped, mapped_port, .. }) = end else { continue };
        for (field, value) in names.into_iter().zip([Some(host), port, mapped, mapped_port]) {
            if let Some(value) = value {
                fields.set(field, (name, value))?;
            }
        }
    }
    if let Some(name) = said.source.and_then(|end| end.user).or(said.user) {
        set_user(fields, name)?;
    }
    if let Some(rule) = said.rule {
        fields.set(Field::RuleName, ("message", rule))?;
    }
    if let Some(transport) = text.split([' ', ':', '(']).take(8).find(|word| is_transport(word)) {
        fields.set(Field::Transport, ("message", transport))?;
    }
    if let Some((_, url)) = text.split_once("URL ") {
        fields.set_infohash_from_url(("URL", url));
    }
    fields.notes.extend(said.note.map(str::to_owned));
    Ok(())
}

fn is_transport(word: &str) -> bool {
    word.eq_ignore_ascii_case("tcp") || word.eq_ignore_ascii_case("udp")
}

/// `CORP\alice@corp.example` and `LOCAL\alice`, where `LOCAL` is the device's own list of users.
fn set_user(fields: &mut AlertFields, name: &str) -> Result<(), Reject> {
    let name = name.strip_prefix("LOCAL\\").unwrap_or(name);
    match name.split_once('@') {
        Some((short, _)) if name.contains('\\') => {
            fields.set(Field::UserName, ("user", short))?;
            let email = name.rsplit('\\').next().unwrap_or(name);
            fields.set(Field::UserEmail, ("user", email))?;
        }
        _ => {
            fields.set(Field::UserName, ("user", name))?;
        }
    }
    Ok(())
}

/// The time in a header, where it has a year: `Mar 04 2026 05:06:07 UTC: `, `2026-03-04T05:06:07Z fw1 : `.
fn when(header: &str) -> Option<String> {
    let words: Vec<&str> = header
        .split_once('>')
        .map_or(header, |(_, behind)| behind)
        .split_whitespace()
        .map(|word| word.trim_matches(':').trim_start_matches(['*', '.']))
        .filter(|word| !word.is_empty())
        .take(6)
        .collect();
    let readable = |text: &String| matches!(time::read(text), time::When::At(_) | time::When::WithoutZone(_));
    [5, 4]
        .iter()
        .filter(|&&count| count <= words.len())
        .map(|&count| words[..count].join(" "))
        .find(readable)
        .or_else(|| {
            words.iter().filter(|word| word.len() >= 19).map(|word| (*word).to_owned()).find(readable)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> AlertFields {
        crate::alert::format::testing::of_line(&FORMAT, text)
    }

    #[test]
    fn headers_say_when_and_which_device() {
        let said = "%ASA-4-106023: Deny udp src in:10.20.1.17/1 dst out:192.0.2.7/2 by access-group \"P2P\"";
        for (header, at, device) in [
            ("", None, None),
            ("<166>Mar 04 2026 05:06:07: ", Some("2026-03-04T05:06:07Z"), None),
            ("<166>Mar 04 2026 05:06:07 fw1 : ", Some("2026-03-04T05:06:07Z"), Some("fw1")),
            ("<166>:Mar 04 05:06:07 UTC: ", None, None),
            ("2026-03-04T06:06:07+01:00 fw1 : ", Some("2026-03-04T05:06:07Z"), Some("fw1")),
            ("<166>1 2026-03-04T05:06:07Z fw1 - - - - ", Some("2026-03-04T05:06:07Z"), Some("fw1")),
        ] {
            let alert = alert(&format!("{header}{said}"));
            let found = (alert.timestamp.map(|at| at.to_string()), alert.observer_name.as_deref());
            assert_eq!(found, (at.map(str::to_owned), device), "{header}");
            assert_eq!((alert.rule_name.as_deref(), alert.rule_id.as_deref()), (Some("P2P"), Some("106023")));
        }
    }

    #[test]
    fn a_class_before_the_number_and_a_missing_colon_are_read() {
        for text in [
            "%ASA-session-6-609001: Built local-host in:10.20.1.17",
            "%FTD-6-609001 Built local-host in:10.20.1.17",
        ] {
            assert_eq!(alert(text).source_ip, "10.20.1.17".parse().ok(), "{text}");
        }
        for text in ["%ASA-6: x", "%ASA-x-302013: x", "%ASA-", "%ASA-6-30é", "Group <x> IP <y>"] {
            assert!(!detects(&Record { text: text.to_owned(), content: Content::Line }), "{text}");
        }
    }

    #[test]
    fn nobody_is_no_user() {
        let event =
            |user: &str| format!("%FTD-1-430003: SrcIP: 10.20.1.17, DstIP: 192.0.2.7, User: {user}, URL: x");
        assert_eq!(alert(&event("No Authentication Required")).user_name, None);
        assert_eq!(alert(&event(r"CORP\alice")).user_name.as_deref(), Some("alice"));
    }
}
