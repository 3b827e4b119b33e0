//! The syntax of the Common Event Format: seven header fields between pipes, then `key=value` pairs between blanks.
//!
//! Source: Micro Focus ArcSight, "Common Event Format: Implementing ArcSight CEF", revision 25.

use std::borrow::Cow;

use super::lookup::Pairs;

/// Longest header of syslog before `CEF:`, in bytes.
const MAX_PREFIX: usize = 512;

/// One CEF message, unescaped.
#[derive(Debug, PartialEq)]
pub(super) struct Cef<'a> {
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
        let rest = line[from..].trim_start_matches(' ');
        let version = rest.bytes().take_while(u8::is_ascii_digit).count();
        if version > 0 && rest[version..].starts_with('|') {
            return Some(&rest[version + 1..]);
        }
    }
    None
}

/// Whether `line` holds a CEF message.
pub(super) fn is_cef(line: &str) -> bool {
    body(line).is_some()
}

/// Reads the message in `line`. `None` when it has fewer than seven header fields.
pub(super) fn parse(line: &str) -> Option<Cef<'_>> {
    let (_, rest) = header_field(body(line)?)?;
    let (_, rest) = header_field(rest)?;
    let (_, rest) = header_field(rest)?;
    let (class_id, rest) = header_field(rest)?;
    let (name, rest) = header_field(rest)?;
    // A message without an extension may leave its last pipe out.
    let (severity, extension) = header_field(rest).unwrap_or((unescape(rest.trim()).into_owned(), ""));
    Some(Cef { class_id, name, severity, pairs: pairs(extension) })
}

impl Cef<'_> {
    /// The value of the custom field that the sender labelled `label`: `cs1Label=… cs1=…`.
    pub(super) fn labelled(&self, label: &str) -> Option<(&str, &str)> {
        self.pairs.0.iter().find_map(|(key, value)| {
            let key = key.strip_suffix("Label").filter(|_| value.trim().eq_ignore_ascii_case(label))?;
            Some((key, self.pairs.get(key)?))
        })
    }

    /// The first non-empty value whose key ends with `suffix`: vendors put their own name before.
    pub(super) fn ending(&self, suffix: &str) -> Option<(&str, &str)> {
        self.pairs
            .0
            .iter()
            .find_map(|(key, _)| key.ends_with(suffix).then(|| Some((&**key, self.pairs.get(key)?)))?)
    }
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
fn pairs(extension: &str) -> Pairs<'_> {
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
        (&extension[start..equals], unescape(extension[equals + 1..end].trim()))
    };
    keys.iter().zip(ends).map(pair).collect()
}

/// Undoes CEF's escapes; a backslash before anything else is a backslash, as in an unescaped Windows path.
fn unescape(text: &str) -> Cow<'_, str> {
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
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
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
        assert_eq!(parse("CEF:0|a|b|c|d"), None);
        assert!(parse("CEF:0|a|b|c|d|e|5").is_some());
    }
}
