//! The syntax of the Log Event Extended Format: five header fields between pipes, then `key=value` between tabs or what
//! the header says.
//!
//! Source: IBM, "Log Event Extended Format (LEEF)", version 2.

use std::borrow::Cow;

use super::fields::text;
use super::lookup::Pairs;
use super::{cef, syslog, time};

/// Longest header of syslog before `LEEF:`, in bytes.
const MAX_PREFIX: usize = 512;
/// Most pairs of one message.
const MAX_PAIRS: usize = 2_000;

/// One LEEF message.
#[derive(Debug, PartialEq)]
pub(super) struct Leef<'a> {
    /// Vendor of the sensor.
    pub(super) vendor: &'a str,
    /// Product.
    pub(super) product: &'a str,
    /// What kind of event it is.
    pub(super) event_id: &'a str,
    /// The attributes in order, doubles included.
    pub(super) pairs: Pairs<'a>,
}

/// The version's first digit and what follows its pipe, where `line` is LEEF with or without a header of syslog.
fn body(line: &str) -> Option<(char, &str)> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find("LEEF:").map(|at| from + at).filter(|&at| at <= MAX_PREFIX) {
        from = at + 5;
        if let Some(body) = behind_version(line[from..].trim_start_matches(' ')) {
            return Some(body);
        }
    }
    // Relays take `LEEF:` for the name of a program, and leave it out with the rest of the header.
    let fields = |rest: &str| rest.split('=').next().unwrap_or_default().matches('|').count();
    behind_version(line).filter(|(_, rest)| rest.contains('=') && fields(rest) >= 4)
}

fn behind_version(text: &str) -> Option<(char, &str)> {
    let (version, rest) = text.split_once('|')?;
    let major = version.chars().next()?;
    (matches!(version.trim(), "1" | "1.0" | "2" | "2.0")).then_some((major, rest))
}

/// Whether `line` holds a LEEF message.
pub(super) fn is_leef(line: &str) -> bool {
    body(line).is_some()
}

/// What syslog put before the message.
pub(super) fn header(line: &str) -> syslog::Syslog<'_> {
    syslog::split(line.find("LEEF:").map_or("", |at| &line[..at]))
}

/// Reads the message in `line`. `None` when it has fewer than five header fields.
pub(super) fn parse(line: &str) -> Option<Leef<'_>> {
    let (major, rest) = body(line)?;
    let mut parts = rest.splitn(5, '|');
    let (vendor, product, _version, event_id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    let (named, attributes) = match rest.split_once('|') {
        // Version 2 names the delimiter; some that call themselves version 1 do too.
        Some((field, attributes)) if field.is_empty() || delimiter(field).is_some() => {
            (delimiter(field), attributes)
        }
        _ => (None, rest),
    };
    let named = named.filter(|named| major == '2' && attributes.contains(named.as_str()));
    let pairs = match named.or_else(|| guessed(attributes)) {
        Some(delimiter) => split(attributes, &delimiter),
        None => cef::pairs(attributes),
    };
    Some(Leef { vendor: vendor.trim(), product: product.trim(), event_id: event_id.trim(), pairs })
}

/// The delimiter that a header's field names: a character, or its code as `x5E` or `0x5E`.
fn delimiter(field: &str) -> Option<String> {
    let mut chars = field.chars();
    match (chars.next()?, chars.next()) {
        (only, None) if !only.is_ascii_alphanumeric() => return Some(only.to_string()),
        _ => {}
    }
    let code = field.strip_prefix("0x").or_else(|| field.strip_prefix(['x', 'X']))?;
    let code = u32::from_str_radix(code, 16).ok().filter(|_| code.len() <= 4)?;
    char::from_u32(code).map(String::from)
}

/// The delimiter by what stands between the pairs: a tab, as relays escape it, or another one in every place. Nothing
/// where only blanks do.
fn guessed(attributes: &str) -> Option<String> {
    let between = ["\t", "#011", "\\t", "|", "^"].into_iter().find(|between| {
        let pieces = attributes.split(between).filter(|piece| !piece.trim().is_empty());
        let pairs = attributes.split(between).filter(|piece| piece.contains('=')).count();
        pairs > 1 && (matches!(*between, "\t" | "#011") || pairs == pieces.count())
    })?;
    Some(between.to_owned())
}

fn split<'a>(attributes: &'a str, between: &str) -> Pairs<'a> {
    let pairs = attributes.split(between).take(MAX_PAIRS).filter_map(|piece| piece.split_once('='));
    pairs.map(|(key, value)| (key.trim(), unescape(value.trim()))).collect()
}

/// Undoes the escapes that some senders take over from CEF.
fn unescape(text: &str) -> Cow<'_, str> {
    match text.contains("\\=") || text.contains("\\|") {
        true => Cow::Owned(text.replace("\\=", "=").replace("\\|", "|")),
        false => Cow::Borrowed(text),
    }
}

/// The time under `devTime` as `devTimeFormat` says to read it, in a spelling that any reader knows.
pub(super) fn time(pairs: &Pairs<'_>) -> Option<String> {
    let value = pairs.get("devTime").filter(|value| text(value).is_some())?;
    let known = |value: &str| matches!(time::read(value), time::When::At(_) | time::When::WithoutZone(_));
    if known(value) {
        return Some(value.to_owned());
    }
    let format = pairs.get("devTimeFormat").and_then(strptime);
    let parsed = format.and_then(|format| {
        let parsed = jiff::fmt::strtime::parse(&format, value).ok()?;
        parsed
            .to_timestamp()
            .map(|at| at.to_string())
            .or_else(|_| parsed.to_datetime().map(|at| at.to_string()))
            .ok()
    });
    Some(parsed.unwrap_or_else(|| value.to_owned()))
}

/// The pattern of Java's `SimpleDateFormat` as one of `strptime`. `None` where it says what that cannot.
fn strptime(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next().filter(|_| out.len() < 64) {
        let run = rest.find(|other| other != c).unwrap_or(rest.len());
        let count = run / c.len_utf8();
        match (c, count) {
            ('y', 4) => out.push_str("%Y"),
            ('y', 2) => out.push_str("%y"),
            ('M', 4) => out.push_str("%B"),
            ('M', 3) => out.push_str("%b"),
            ('M', 1 | 2) => out.push_str("%m"),
            ('d', _) => out.push_str("%d"),
            ('H', _) => out.push_str("%H"),
            ('h', _) => out.push_str("%I"),
            ('m', _) => out.push_str("%M"),
            ('s', _) => out.push_str("%S"),
            ('S', _) => out.push_str("%f"),
            ('a', _) => out.push_str("%p"),
            ('E', 1..=3) => out.push_str("%a"),
            ('E', _) => out.push_str("%A"),
            ('Z' | 'X', _) => out.push_str("%z"),
            ('\'', _) => {}
            (c, _) if c.is_ascii_alphabetic() && !(c == 'T' && pattern.contains("'T'")) => return None,
            (c, count) => out.extend(std::iter::repeat_n(c, count)),
        }
        rest = &rest[run..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        let leef = parse(line).expect("LEEF");
        leef.pairs.0.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn every_delimiter_is_understood() {
        for line in [
            "LEEF:1.0|Example|Sensor|1|p2p|src=10.0.0.5\tmsg=a b\\=c |d",
            "LEEF:2.0|Example|Sensor|1|p2p|\t|src=10.0.0.5\tmsg=a b\\=c |d",
            "LEEF:2.0|Example|Sensor|1|p2p||src=10.0.0.5\tmsg=a b\\=c |d",
            "LEEF:2.0|Example|Sensor|1|p2p|^|src=10.0.0.5^msg=a b\\=c |d",
            "LEEF:2.0|Example|Sensor|1|p2p|x5E|src=10.0.0.5^msg=a b\\=c |d",
            "LEEF:2.0|Example|Sensor|1|p2p|0x09|src=10.0.0.5\tmsg=a b\\=c |d",
            "<13>Mar  4 05:06:07 fw LEEF:1.0|Example|Sensor|1|p2p|src=10.0.0.5#011msg=a b\\=c |d",
            "1.0|Example|Sensor|1|p2p|src=10.0.0.5\t msg=a b\\=c |d",
        ] {
            assert!(is_leef(line), "{line}");
            let want = [("src", "10.0.0.5"), ("msg", "a b=c |d")];
            assert_eq!(pairs(line), want.map(|(key, value)| (key.to_owned(), value.to_owned())), "{line}");
        }
        let spaces = pairs("LEEF:1.0|Example|Sensor|1|p2p|src=10.0.0.5 msg=a b dst=192.0.2.1");
        assert_eq!(spaces[1], ("msg".to_owned(), "a b".to_owned()));
        let pipes = pairs("LEEF:1.0|Example|Sensor|1|p2p|x7C|src=10.0.0.5|dst=192.0.2.1|");
        assert_eq!(pipes[1], ("dst".to_owned(), "192.0.2.1".to_owned()));
    }

    #[test]
    fn what_is_no_leef_is_none() {
        for line in
            ["", "LEEF:", "LEEF:3.0|a|b|c|d|", "about LEEF:1.0", "1.0|a|b", "1.0|a|b|c|d|no pair", "CEF:0|a"]
        {
            assert!(!is_leef(line), "{line}");
        }
        assert_eq!(parse("LEEF:1.0|a|b|c"), None);
        for line in ["LEEF:2.0|a|b|c|d|", "LEEF:2.0|a|b|c|d|é|", "LEEF:2.0|a|b|c|d|x|=é=", "LEEF:1.0||||"] {
            parse(line);
        }
    }

    #[test]
    fn times_are_read_as_their_format_says() {
        for (format, value, want) in [
            ("MMM dd yyyy HH:mm:ss", "Mar 04 2026 05:06:07", "Mar 04 2026 05:06:07"),
            ("MMM dd yyyy HH:mm:ss Z", "Mar 04 2026 07:06:07 +0200", "Mar 04 2026 07:06:07 +0200"),
            ("dd.MM.yyyy HH:mm:ss.SSS Z", "04.03.2026 07:06:07.250 +0200", "2026-03-04T05:06:07.25Z"),
            ("MM/dd/yyyy hh:mm:ss a", "03/04/2026 05:06:07 PM", "2026-03-04T17:06:07"),
            ("yyyy-MM-dd'T'HH:mm:ss", "x", "x"),
            ("G", "x", "x"),
        ] {
            let pairs: Pairs<'_> = [("devTime", value), ("devTimeFormat", format)].into_iter().collect();
            assert_eq!(time(&pairs).as_deref(), Some(want), "{format}");
        }
    }
}
