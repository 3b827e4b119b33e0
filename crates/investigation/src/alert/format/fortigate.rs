//! Fortinet FortiGate (FortiOS) logs: `key=value` of every type, between blanks or commas, and the same keys as JSON.
//!
//! Source: Fortinet, "FortiOS Log Message Reference", 6.0 to 7.6.

use super::framing::{Content, Record};
use super::lookup::{Lookup, Pairs};
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject, pairs, syslog, time, wording};

pub(super) const FORMAT: Format = Format {
    name: "fortigate",
    description: "Fortinet FortiGate logs (traffic, utm, event), as key=value text or as JSON",
    example: "alerts/fortigate-app_ctrl.log",
    detects,
    parse,
};

/// The kinds of log that `type` names; old releases write there what newer ones have as `subtype`.
const TYPES: [&str; 16] = [
    "traffic",
    "utm",
    "event",
    "dns",
    "app-ctrl",
    "ips",
    "virus",
    "webfilter",
    "anomaly",
    "dlp",
    "emailfilter",
    "waf",
    "voip",
    "ssl",
    "ssh",
    "gtp",
];

const MAPPING: Mapping = &[
    (Field::SourceIp, &["srcip", "src", "remip", "userip", "ip"]),
    (Field::SourcePort, &["srcport", "src_port", "remport"]),
    (Field::SourceNatIp, &["transip", "tunnelip"]),
    (Field::SourceNatPort, &["transport"]),
    (Field::DestinationIp, &["dstip", "dst", "locip"]),
    (Field::DestinationPort, &["dstport", "dst_port", "locport"]),
    (Field::DestinationNatIp, &["tranip"]),
    (Field::DestinationNatPort, &["tranport"]),
    (Field::Transport, &["proto"]),
    (Field::ForwardedIp, &["forwardedfor"]),
    (Field::EventId, &["incidentserialno", "sessionid"]),
    // What was seen, before which policy let it pass: `app` is the only thing that a traffic log tells of it.
    (Field::RuleName, &["reason", "msg", "attack", "virus", "app", "policyname", "logdesc"]),
    (Field::RuleId, &["attackid", "virusid", "appid", "policyid"]),
    (Field::Severity, &["severity", "apprisk", "crlevel", "level"]),
    (Field::UserName, &["user", "srcuser", "unauthuser", "xauthuser"]),
    (Field::HostName, &["srcname"]),
    (Field::ObserverName, &["devname"]),
];

fn detects(record: &Record) -> bool {
    match &record.content {
        Content::Json(value) => is_fortigate(Lookup::Json(value)),
        Content::Line => record.text.contains("subtype=") && read_pairs(&record.text).is_some(),
        Content::Row { .. } => false,
    }
}

fn is_fortigate(lookup: Lookup<'_>) -> bool {
    lookup.get("type").is_some_and(|kind| TYPES.contains(&&*kind))
        && lookup.get("subtype").is_some()
        && ["logid", "devid", "vd"].iter().any(|key| lookup.get(key).is_some())
}

/// The pairs of a line, between blanks or, as `set format csv` has them, between commas.
fn read_pairs(line: &str) -> Option<Pairs<'_>> {
    let message = syslog::split(line).message;
    // A header may have taken the first key for its host.
    let readings =
        [pairs::spaced(line), pairs::separated(message, ",", "="), pairs::separated(line, ",", "=")];
    readings.into_iter().find(|pairs| is_fortigate(Lookup::Pairs(pairs)))
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let pairs;
    let lookup = match &record.content {
        Content::Json(value) => Lookup::Json(value),
        _ => {
            pairs = read_pairs(&record.text).unwrap_or_default();
            Lookup::Pairs(&pairs)
        }
    };
    let mut fields = AlertFields::default();
    fields.fill(lookup, MAPPING)?;
    set_timestamp(&mut fields, lookup)?;
    set_source_from_words(&mut fields, lookup)?;
    // LDAP: the name, and then what the directory calls it.
    if let Some((name, _)) = fields.user_name.as_deref().and_then(|name| name.split_once(",cn=")) {
        fields.user_name = Some(name.to_owned());
    }
    if let Some(url) = lookup.get("url") {
        fields.set_infohash_from_url(("url", &url));
    }
    Ok(vec![fields])
}

/// `eventtime` is Unix time, in seconds or, since 6.2, in nanoseconds; `date` and `time` are the device's own, whose
/// zone is `tz` where it says so.
fn set_timestamp(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    fields.fill_one(lookup, Field::Timestamp, &["eventtime"])?;
    if fields.timestamp.is_none()
        && let (Some(date), Some(clock)) = (lookup.get("date"), lookup.get("time"))
    {
        let local = format!("{date} {clock}");
        let zoned = lookup.get("tz").map(|zone| format!("{local} {zone}"));
        let zoned = zoned.filter(|zoned| matches!(time::read(zoned), time::When::At(_)));
        fields.set(Field::Timestamp, ("date time", zoned.as_deref().unwrap_or(&local)))?;
    }
    if fields.timestamp.is_none() {
        fields.fill_one(lookup, Field::Timestamp, &["timestamp", "itime"])?;
    }
    Ok(())
}

/// Where an administrator works from is in `ui`, as `GUI(10.20.0.1)`, or in the message only.
fn set_source_from_words(fields: &mut AlertFields, lookup: Lookup<'_>) -> Result<(), Reject> {
    for (key, before) in [("ui", "("), ("msg", "from ")] {
        if fields.source_ip.is_none()
            && fields.source_address.is_none()
            && let Some(text) = lookup.get(key)
            && let Some(address) = wording::address_after(&text, &[before, "("])
        {
            fields.set(Field::SourceIp, (key, address))?;
        }
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
    fn the_device_s_clock_is_read_in_its_zone() {
        let line = |more: &str| {
            format!("date=2026-03-04 time=06:06:07 logid=\"1\" type=\"utm\" subtype=\"ips\" {more}")
        };
        let at = |more: &str| alert(&line(more)).timestamp.expect("a time").to_string();
        assert_eq!(at("tz=\"+0100\""), "2026-03-04T05:06:07Z");
        assert_eq!(at(""), "2026-03-04T06:06:07Z");
        assert_eq!(at("eventtime=1772600767250000123 tz=\"+0100\""), "2026-03-04T05:06:07.250000123Z");
        assert_eq!(at("eventtime=1772600767"), "2026-03-04T05:06:07Z");
    }

    #[test]
    fn commas_separate_as_blanks_do() {
        let alert = alert(
            "<189>date=2026-03-04,time=06:06:07,logid=\"1\",type=\"dns\",subtype=\"dns-response\",vd=\"a b\",\
             srcip=10.20.1.17,dstip=192.0.2.53,msg=\"Domain, is monitored\"",
        );
        assert_eq!(alert.source_ip, "10.20.1.17".parse().ok());
        assert_eq!(alert.rule_name.as_deref(), Some("Domain, is monitored"));
    }

    #[test]
    fn an_administrator_s_address_is_in_what_he_used() {
        let alert = alert(
            "type=\"event\" subtype=\"system\" vd=\"root\" user=\"admin\" ui=\"GUI(10.20.1.17)\" msg=\"Edit x\"",
        );
        assert_eq!(alert.source_ip, "10.20.1.17".parse().ok());
        assert_eq!(alert.origins[&Field::SourceIp], "ui");
    }

    #[test]
    fn a_name_s_directory_entry_is_no_part_of_it() {
        let alert = alert("type=traffic subtype=forward vd=root srcip=10.20.1.17 user=\"alice,cn=alice\"");
        assert_eq!(alert.user_name.as_deref(), Some("alice"));
    }
}
