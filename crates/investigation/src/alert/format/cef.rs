//! The syntax of the Common Event Format: seven header fields between pipes, then `key=value` pairs between blanks.
//!
//! Source: Micro Focus ArcSight, "Common Event Format: Implementing ArcSight CEF", revision 25.

use std::borrow::Cow;

use super::fields::{Named, text};
use super::lookup::Pairs;

/// Longest header of syslog before `CEF:`, in bytes.
const MAX_PREFIX: usize = 512;

/// One CEF message, unescaped.
#[derive(Debug, PartialEq)]
pub(super) struct Cef<'a> {
    /// Device vendor.
    pub(super) vendor: String,
    /// Device product.
    pub(super) product: String,
    /// Device event class id.
    pub(super) class_id: String,
    /// Name.
    pub(super) name: String,
    /// Severity.
    pub(super) severity: String,
    /// The extension's pairs in order, doubles included.
    pub(super) pairs: Pairs<'a>,
}

/// What follows `CEF:` and its version, where `line` is CEF with or without a header of syslog.
fn body(line: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find("CEF:").map(|at| from + at).filter(|&at| at <= MAX_PREFIX) {
        from = at + 4;
        if let Some(body) = behind_version(line[from..].trim_start_matches(' ')) {
            return Some(body);
        }
    }
    // Relays take `CEF:` for the name of a program, and leave it out with the rest of the header.
    behind_version(line).filter(|body| body.bytes().filter(|&b| b == b'|').count() >= 6 && body.contains('='))
}

fn behind_version(text: &str) -> Option<&str> {
    let version = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_version = version == 1 && matches!(text.as_bytes()[0], b'0' | b'1');
    text[version..].strip_prefix('|').filter(|_| is_version)
}

/// What syslog put before the message.
pub(super) fn header(line: &str) -> &str {
    let body = body(line).map_or(0, str::len);
    line[..line.len() - body].split("CEF:").next().unwrap_or_default()
}

/// Whether `line` holds a CEF message.
pub(in crate::alert) fn is_cef(line: &str) -> bool {
    body(line).is_some()
}

/// Reads the message in `line`. `None` when it has fewer than seven header fields.
pub(super) fn parse(line: &str) -> Option<Cef<'_>> {
    let body = body(line)?;
    // Some write an empty vendor before their own, and so one field more than there are.
    let (vendor, rest) = match body.strip_prefix('|').filter(|rest| fields_before_pairs(rest) > 5) {
        Some(rest) => header_field(rest)?,
        None => header_field(body)?,
    };
    let (product, rest) = header_field(rest)?;
    let (_, rest) = header_field(rest)?;
    let (class_id, rest) = header_field(rest)?;
    let (name, rest) = header_field(rest)?;
    // A message without an extension may leave its last pipe out.
    let (severity, extension) = header_field(rest).unwrap_or((unescape(rest.trim()).into_owned(), ""));
    Some(Cef { vendor, product, class_id, name, severity, pairs: pairs(extension) })
}

/// How many pipes there are before the first equals sign.
fn fields_before_pairs(text: &str) -> usize {
    text.split('=').next().unwrap_or_default().bytes().filter(|&b| b == b'|').count()
}

impl Cef<'_> {
    /// The value of the custom field that the sender labelled `label`: `cs1Label=… cs1=…`.
    pub(super) fn labelled(&self, label: &str) -> Option<(&str, &str)> {
        self.pairs.0.iter().find_map(|(key, value)| {
            let key = key.strip_suffix("Label").filter(|_| value.trim().eq_ignore_ascii_case(label))?;
            Some((key, self.pairs.get(key)?))
        })
    }

    /// The values of the keys that end with `suffix`: vendors put their own name before.
    fn ending<'s>(&'s self, suffix: &'s str) -> impl Iterator<Item = Named<'s>> {
        let keys = self.pairs.0.iter().map(|(key, _)| &**key).filter(move |key| key.ends_with(suffix));
        keys.filter_map(|key| Some((key, self.pairs.get(key)?)))
    }

    /// What there is at `path`: under a key, under the custom field with a label (`~Rule`), under the keys with an
    /// ending (`*eventtime`), at the start of a text in quotes (`"AttackerIP`), or in the header (`|name`).
    pub(super) fn all<'s>(&'s self, path: &'s str) -> Vec<Named<'s>> {
        match path.split_at_checked(1) {
            Some(("~", label)) => self.labelled(label).into_iter().collect(),
            Some(("*", suffix)) => self.ending(suffix).collect(),
            Some(("|", "name")) => vec![("name", self.name.as_str())],
            Some(("|", "deviceEventClassId")) => vec![("deviceEventClassId", self.class_id.as_str())],
            Some(("|", "severity")) => vec![("severity", self.severity.as_str())],
            // A pair at the start of another's text.
            Some(("\"", key)) => self.pairs.0.iter().filter_map(|(_, value)| inside(value, key)).collect(),
            _ => self.pairs.values(path).map(|value| (path, value)).collect(),
        }
        .into_iter()
        .filter(|(_, value)| text(value).is_some())
        .collect()
    }
}

fn inside<'a>(value: &'a str, key: &'a str) -> Option<Named<'a>> {
    let value = value.strip_prefix('"')?.strip_prefix(key)?.strip_prefix('=')?;
    Some((key, value.trim()))
}

/// The text up to the next pipe that is not escaped, and what follows it.
fn header_field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'|' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((unescape(&text[..end]).into_owned(), &text[end + 1..]))
}

/// A key is a word before an equals sign; its value goes on to the next key. An escaped equals sign makes no key, since
/// no key holds a backslash, and neither does a second one in the same word, which some senders forget to escape.
pub(super) fn pairs(extension: &str) -> Pairs<'_> {
    let mut keys: Vec<(usize, usize)> = Vec::new();
    let mut word = Some(0);
    for (at, byte) in extension.bytes().enumerate() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => word = Some(at + 1),
            b'=' => {
                keys.extend(word.filter(|&start| start < at).map(|start| (start, at)));
                word = None;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'[' | b']' => {}
            _ => word = None,
        }
    }
    let ends = keys.iter().skip(1).map(|&(start, _)| start).chain([extension.len()]);
    let pair = |(&(start, equals), end): (&(usize, usize), usize)| {
        let (key, text) = (&extension[start..equals], extension[equals + 1..end].trim());
        // Only a message has several lines; in a user or a path `\n` is a backslash that the sender did not escape.
        let lines = key == "msg" || key.ends_with("essage");
        (key, if lines { unescape(text) } else { unescape_in_line(text) })
    };
    keys.iter().zip(ends).map(pair).collect()
}

/// Undoes CEF's escapes; a backslash before anything else is a backslash, as in an unescaped Windows path.
fn unescape(text: &str) -> Cow<'_, str> {
    unescaped(text, true)
}

/// The same, where there is but one line.
fn unescape_in_line(text: &str) -> Cow<'_, str> {
    unescaped(text, false)
}

fn unescaped(text: &str, lines: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') if lines => out.push('\n'),
            Some('r') if lines => out.push('\r'),
            Some(c @ ('\\' | '=' | '|')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cef(extension: &str) -> String {
        format!("CEF:0|Example|Sensor|1.0|p2p:1|BitTorrent \\| DHT \\\\ ping|7|{extension}")
    }

    #[test]
    fn the_header_s_escapes_are_undone() {
        let line = cef("src=10.0.0.5");
        let cef = parse(&line).expect("CEF");
        assert_eq!(
            (cef.class_id.as_str(), cef.name.as_str(), cef.severity.as_str()),
            ("p2p:1", "BitTorrent | DHT \\ ping", "7")
        );
    }

    #[test]
    fn values_go_on_to_the_next_key() {
        let line =
            cef(r"msg=a \= b, C\\D c\nd | e path=C:\Temp dn=CN=x,O=y empty= src=10.0.0.5  dpt=80 q=a\\=b");
        let cef = parse(&line).expect("CEF");
        assert_eq!(cef.pairs.get("msg"), Some("a = b, C\\D c\nd | e"));
        assert_eq!(cef.pairs.get("path"), Some("C:\\Temp"));
        assert_eq!(cef.pairs.get("dn"), Some("CN=x,O=y"));
        assert_eq!(cef.pairs.get("empty"), None);
        assert_eq!(cef.pairs.get("src"), Some("10.0.0.5"));
        assert_eq!(cef.pairs.get("dpt"), Some("80"));
        assert_eq!(cef.pairs.get("q"), Some("a\\=b"));
    }

    #[test]
    fn an_empty_vendor_before_the_vendor_is_passed_over() {
        let cef = parse("CEF:0||Check Point|VPN-1|Check Point|Log|https|Unknown|act=Accept").expect("CEF");
        assert_eq!((cef.vendor.as_str(), cef.name.as_str()), ("Check Point", "https"));
        assert_eq!(cef.pairs.get("act"), Some("Accept"));
        let cef = parse("CEF:0||Sensor|1|p2p|BitTorrent|5|act=x").expect("CEF");
        assert_eq!((cef.vendor.as_str(), cef.name.as_str()), ("", "BitTorrent"));
    }

    #[test]
    fn labels_name_custom_fields() {
        let line = cef("cs1=abc cs1Label=Infohash cs2Label=Other cs3Label=Nothing cs2=\"quoted text\"");
        let cef = parse(&line).expect("CEF");
        assert_eq!(cef.labelled("infohash"), Some(("cs1", "abc")));
        assert_eq!(cef.labelled("other"), Some(("cs2", "quoted text")));
        assert_eq!(cef.labelled("nothing"), None);
    }

    #[test]
    fn a_header_of_syslog_is_passed_over() {
        for prefix in [
            "",
            "<13>Mar  4 05:06:07 sensor ",
            "<13>1 2026-03-04T05:06:07Z sensor - - - [x y=\"CEF:\"] ",
            "CEF: ",
        ] {
            assert!(is_cef(&format!("{prefix}{}", cef(""))), "{prefix}");
        }
        for wrong in ["", "CEF", "CEF:", "CEF:x|a", "LEEF:1.0|a|b|c|d|", "about CEF:0 and others"] {
            assert!(!is_cef(wrong), "{wrong}");
        }
        assert!(is_cef("0|a|b|c|d|e|5|src=10.0.0.5") && !is_cef("0|a|b") && !is_cef("12|a|b|c|d|e|5|x=1"));
        assert_eq!(header("<13>Mar  4 05:06:07 sensor CEF:0|a|b|c|d|e|5|x=1"), "<13>Mar  4 05:06:07 sensor ");
        assert_eq!(parse("CEF:0|a|b|c|d"), None);
        assert!(parse("CEF:0|a|b|c|d|e|5").is_some());
    }
}
