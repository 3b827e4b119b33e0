//! Zscaler Internet Access (ZIA) logs as Nanolog Streaming Service sends them: web, firewall, DNS, tunnel and audit, as
//! JSON, with or without the wrapper that is meant for Splunk, and as `key=value` between tabs.
//!
//! Source: Zscaler, "NSS Feed Output Format" of each type of log.

use std::borrow::Cow;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs};

pub(super) const FORMAT: Format = Format {
    name: "zscaler",
    description: "Zscaler Internet Access (NSS) logs, as JSON or as key=value between tabs",
    example: "alerts/zscaler-web.tsv",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::SourceIp, &["ClientIP", "clientip", "clt_sip", "csip", "sourceip", "cip"]),
    (Field::SourcePort, &["csport", "clt_sport", "sourceport"]),
    // What the service, or what is before it, makes of the client's address.
    (Field::SourceNatIp, &["ssip", "clientpublicIP"]),
    (Field::SourceNatPort, &["ssport"]),
    (Field::DestinationIp, &["srv_dip", "sdip", "destinationip", "serverip", "sip", "cdip"]),
    (Field::DestinationPort, &["srv_dport", "sdport", "destinationport", "cdport"]),
    (Field::ForwardedIp, &["xff"]),
    (Field::Transport, &["proto", "ipprotocol"]),
    (Field::UserName, &["deviceowner", "user", "login", "elogin", "adminid"]),
    (Field::HostName, &["devicehostname"]),
    (Field::RuleId, &["threatid", "ruleid"]),
    (Field::Severity, &["threatseverity", "severity", "riskscore", "pagerisk"]),
    (Field::EventId, &["event_id", "recordid"]),
    (Field::Timestamp, &["datetime", "time", "eventtime", "epochtime"]),
];

/// What was seen or which rule fired; what follows says it least.
const RULES: [&str; 10] = [
    "threatname",
    "ipsrulelabel",
    "rulelabel",
    "erulelabel",
    "urlfilterrulelabel",
    "reqrulelabel",
    "resrulelabel",
    "rule",
    "reason",
    "action",
];
const MAILS: [&str; 4] = ["user", "login", "elogin", "adminid"];

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(value) => {
            let of_nss = |name: &str| name.starts_with("zscaler");
            value.get("sourcetype").and_then(|kind| kind.as_str()).is_some_and(of_nss)
                && value.get("event").is_some_and(|event| event.is_object())
                || is_zscaler(Lookup::Json(value))
        }
        Content::Line => read_line(&record.text).is_some(),
        Content::Row { .. } => false,
    }
}

fn is_zscaler(lookup: Lookup<'_>) -> bool {
    let all = |keys: &[&str]| keys.iter().all(|key| lookup.has(key));
    lookup.get("vendor").is_some_and(|vendor| vendor == "Zscaler")
        || all(&["csip", "cdip", "ssip", "sdip"])
        || all(&["clt_sip", "srv_dip", "dns_req"])
}

fn read_line(line: &str) -> Option<Pairs<'_>> {
    let pairs = line.contains('\t').then(|| pairs::separated(line, "\t", "="))?;
    is_zscaler(Lookup::Pairs(&pairs)).then_some(pairs)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs;
    let lookup = match &record.content {
        Content::Json(value) => {
            Lookup::Json(value.get("event").filter(|event| event.is_object()).unwrap_or(value))
        }
        _ => {
            pairs = read_line(&record.text).unwrap_or_default();
            Lookup::Pairs(&pairs)
        }
    };
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    for key in RULES {
        if let Some(name) = lookup.get(key)
            && fields.set(Field::RuleName, (key, &decoded(&name)))?
        {
            break;
        }
    }
    let mail = MAILS.iter().find_map(|key| Some((*key, lookup.get(key).filter(|mail| mail.contains('@'))?)));
    if let Some((key, mail)) = mail {
        fields.set(Field::UserEmail, (key, &mail))?;
    }
    for key in ["url", "eurl", "fullurl"] {
        if let Some(url) = lookup.get(key) {
            fields.set_infohash_from_url((key, &url));
        }
    }
    Ok(vec![fields])
}

/// Feeds may percent-encode what customers have named.
fn decoded(name: &str) -> Cow<'_, str> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| HEXLOWER_PERMISSIVE.decode(digits).ok());
        match digits.filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.extend(decoded);
                rest = &behind[2..];
            }
            None => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(name), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        for (text, plain) in [("100% P%2eP %é%2", "100% P.P %é%2"), ("%ff", "%ff"), ("a b#c", "a b#c")] {
            assert_eq!(decoded(text), plain);
        }
    }

    #[test]
    fn tabs_separate_and_names_are_decoded() {
        let text = "datetime=\"Wed Mar  4 05:06:07 2026\"\tvendor=\"Zscaler\"\tClientIP=\"10.20.1.17\"\t\
                    serverip=\"192.0.2.7\"\tuseragent=\"\"uTorrent/3.6\"\"\tuser=\"alice@corp.example\"\t\
                    deviceowner=\"NA\"\trulelabel=\"Block%20P2P\"";
        let alert = crate::alert::format::testing::of_line(&FORMAT, text);
        assert_eq!(
            (alert.source_ip, alert.destination_ip),
            ("10.20.1.17".parse().ok(), "192.0.2.7".parse().ok())
        );
        assert_eq!(alert.rule_name.as_deref(), Some("Block P2P"));
        assert_eq!(alert.user_email.as_deref(), Some("alice@corp.example"));
        assert_eq!(alert.timestamp.map(|at| at.to_string()).as_deref(), Some("2026-03-04T05:06:07Z"));
    }
}
