//! Juniper SRX (Junos OS) logs: sessions, application tracking, IDP, UTM and screens, structured
//! (`RT_FLOW_SESSION_DENY [junos@2636… source-address="…"]`) and as sentences, and what its system logs of logins.
//!
//! Source: Juniper Networks, "System Log Explorer".

mod session;

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs, syslog, wording};

pub(super) const FORMAT: Format = Format {
    name: "juniper_srx",
    description: "Juniper SRX logs (RT_FLOW, APPTRACK, IDP, UTM, screens), structured or as sentences",
    example: "alerts/juniper_srx-apptrack.log",
    detects,
    parse,
};

/// How far into a line its tag is looked for, in bytes.
const MAX_HEADER: usize = 512;

/// How the tags of the messages start that are read.
const TAGS: [&str; 17] = [
    "RT_FLOW_",
    "RT_IDP_",
    "IDP_",
    "RT_SCREEN_",
    "RT_UTM_",
    "WEBFILTER_",
    "AV_",
    "ANTISPAM_",
    "CONTENT_FILTERING_",
    "APPTRACK_",
    "RT_APPTRACK_",
    "SECINTEL_",
    "AAMW_",
    "FLOW_",
    "UI_",
    "SSHD_",
    "L2ALD_",
];

const MAPPING: Mapping = &[
    (Field::SourceIp, &["source-address", "src-ip"]),
    (Field::SourcePort, &["source-port"]),
    (Field::SourceNatIp, &["nat-source-address"]),
    (Field::SourceNatPort, &["nat-source-port"]),
    (Field::DestinationIp, &["destination-address", "dst-ip"]),
    (Field::DestinationPort, &["destination-port"]),
    (Field::DestinationNatIp, &["nat-destination-address"]),
    (Field::DestinationNatPort, &["nat-destination-port"]),
    (Field::Transport, &["protocol-id", "protocol-name", "protocol"]),
    (Field::UserName, &["username", "user-name"]),
    (Field::RuleId, &["rule-name"]),
    (Field::Severity, &["threat-severity", "severity"]),
    (Field::EventId, &["session-id", "session-id-32"]),
    (Field::Timestamp, &["epoch-time", "timestamp"]),
];

/// What was seen, or which rule let it pass or not.
const RULES: [&str; 7] =
    ["attack-name", "threat-name", "name", "policy-name", "category", "profile", "reason"];
/// Tracking of applications is about these.
const APPLICATIONS: [&str; 2] = ["nested-application", "application"];

fn detects(record: &Record) -> bool {
    record.content == Content::Line && split(&record.text).is_some()
}

/// The tag of a message and what is behind it.
fn split(line: &str) -> Option<(&str, &str)> {
    let header = &line[..line.floor_char_boundary(MAX_HEADER)];
    for word in header.split_whitespace() {
        let start = word.as_ptr() as usize - line.as_ptr() as usize;
        // Junos may write `%-RT_FLOW-6-` or `%USER-3-` before the tag.
        let tag = word.trim_end_matches(':').rsplit('-').next().unwrap_or(word);
        let behind = &line[start + word.len()..];
        let is_tag = tag.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && TAGS.iter().any(|family| tag.starts_with(family));
        if is_tag && (word.ends_with(':') || behind.trim_start().starts_with('[')) {
            return Some((tag, behind.trim_start()));
        }
    }
    None
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some((tag, text)) = split(&record.text) else { return Ok(Vec::new()) };
    let pairs = if text.starts_with('[') { pairs::spaced(text) } else { session::read(tag, text) };
    let pairs = without_nothing(pairs);
    let lookup = Lookup::Pairs(&pairs);
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    if tag.contains("APPTRACK_") {
        fields.fill_one(lookup, Field::RuleName, &APPLICATIONS)?;
    }
    if fields.rule_name.is_none() {
        fields.fill_one(lookup, Field::RuleName, &RULES)?;
    }
    for key in ["url", "obj"] {
        if let Some(url) = lookup.get(key) {
            fields.set_infohash_from_url((key, url.as_ref()));
        }
    }
    if !text.starts_with('[') && fields.source_ip.is_none() {
        read_login(&mut fields, text)?;
    }
    let header = syslog::split(&record.text);
    for (field, value) in [(Field::ObserverName, header.host), (Field::Timestamp, header.timestamp)] {
        let value = value.filter(|value| !value.starts_with(tag));
        if let (Some(value), false) = (value, fields.origins.contains_key(&field)) {
            fields.set(field, ("header", value))?;
        }
    }
    fields.set(Field::RuleId, ("tag", tag)).map(|_| vec![fields])
}

/// Junos writes zeros where there is no address, and `UNKNOWN` where it knows nothing.
fn without_nothing(mut pairs: Pairs<'_>) -> Pairs<'_> {
    pairs.0.retain(|(key, value)| match &**value {
        "0.0.0.0" | "::" | "UNKNOWN" | "None" | "N/A" => false,
        "0" => !key.starts_with("nat-"),
        _ => true,
    });
    pairs
}

/// `User 'alice' login, …`, `Login failed for user 'alice' from host '10.20.1.17'`.
fn read_login(fields: &mut AlertFields, text: &str) -> Result<(), Reject> {
    if let Some(address) = wording::address_after(text, &["from host ", "from ", "ssh-connection "]) {
        fields.set(Field::SourceIp, ("message", address))?;
    }
    if let Some(name) = wording::word_after(text, &["User '", "user '"].map(|before| &before[..5])) {
        fields.set(Field::UserName, ("message", name))?;
    }
    if fields.rule_name.is_none() {
        fields.set(Field::RuleName, ("message", text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> AlertFields {
        crate::alert::format::testing::of_line(&FORMAT, text)
    }

    #[test]
    fn headers_and_tags_come_in_many_ways() {
        let said =
            "[junos@2636.1.1.1.2.129 source-address=\"10.20.1.17\" policy-name=\"P2P\" username=\"N/A\"]";
        for (header, device) in [
            ("RT_FLOW_SESSION_DENY ", None),
            ("<14>1 2026-03-04T05:06:07.123Z srx1 RT_FLOW - RT_FLOW_SESSION_DENY ", Some("srx1")),
            ("<14>Mar  4 05:06:07 srx1 RT_FLOW: RT_FLOW_SESSION_DENY ", Some("srx1")),
        ] {
            let alert = alert(&format!("{header}{said}"));
            assert_eq!(alert.source_ip, "10.20.1.17".parse().ok(), "{header}");
            assert_eq!(
                (alert.observer_name.as_deref(), alert.rule_name.as_deref()),
                (device, Some("P2P")),
                "{header}"
            );
            assert_eq!(alert.user_name, None);
        }
    }

    #[test]
    fn logins_say_who_and_from_where() {
        let alert = alert("sshd[1]: SSHD_LOGIN_FAILED: Login failed for user 'alice' from host '10.20.1.17'");
        assert_eq!((alert.user_name.as_deref(), alert.source_ip), (Some("alice"), "10.20.1.17".parse().ok()));
    }

    #[test]
    fn other_lines_are_none() {
        for text in ["UI_X", "about RT_FLOW_SESSION_DENY and more", "MY_TAG: x", "AV_ x", "é RT_FLOW_é: x"]
        {
            assert!(!detects(&Record { text: text.to_owned(), content: Content::Line }), "{text}");
        }
    }
}
