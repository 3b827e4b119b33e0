//! Lines of keys and values, as many sensors write them.

use std::borrow::Cow;

use super::lookup::Pairs;

/// Most pairs of one line.
const MAX_PAIRS: usize = 2_000;

/// `key=value` between blanks; a value in quotes may hold blanks, and a quote after a backslash. What is no pair, such
/// as a header of syslog, is passed over.
pub(super) fn spaced(line: &str) -> Pairs<'_> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some(equals) = rest.find('=')
        && pairs.len() < MAX_PAIRS
    {
        let key_start = rest[..equals].rfind(|c: char| !is_key(c)).map_or(0, |at| at + char_len(rest, at));
        let key = &rest[key_start..equals];
        let (value, behind) = value(&rest[equals + 1..], |c| c.is_whitespace());
        if !key.is_empty() {
            pairs.push((Cow::Borrowed(key), value));
        }
        rest = behind;
    }
    Pairs(pairs)
}

/// `key<is>value` between `between`s: `Key: value, Other: value` with `": "` and `", "`. A value in quotes may hold the
/// separators; what holds no `is` is passed over.
pub(super) fn separated<'a>(line: &'a str, between: &str, is: &str) -> Pairs<'a> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while !rest.is_empty() && pairs.len() < MAX_PAIRS {
        let next = rest.find(between).unwrap_or(rest.len());
        let Some(at) = rest[..next].find(is) else {
            rest = rest.get(next + between.len()..).unwrap_or_default();
            continue;
        };
        let key = rest[..at].trim();
        let behind = &rest[at + is.len()..];
        let (value, behind) = match behind.starts_with('"') {
            true => {
                let (value, behind) = value(behind, |_| true);
                (value, behind.find(between).map_or("", |at| &behind[at + between.len()..]))
            }
            false => {
                let end = behind.find(between).unwrap_or(behind.len());
                (Cow::Borrowed(&behind[..end]), behind.get(end + between.len()..).unwrap_or_default())
            }
        };
        if !key.is_empty() {
            pairs.push((Cow::Borrowed(key), value));
        }
        rest = behind;
    }
    Pairs(pairs)
}

/// The value at the start of `text`, and what is behind it. Without quotes it goes on to where `ends` says.
fn value(text: &str, ends: impl Fn(char) -> bool) -> (Cow<'_, str>, &str) {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        let inside = &text[1..];
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        if let Some(end) = end {
            let value = &inside[..end];
            let escaped_quote = ['\\', quote].iter().collect::<String>();
            let value = match value.contains(&escaped_quote) {
                true => Cow::Owned(value.replace(&escaped_quote, &quote.to_string())),
                false => Cow::Borrowed(value),
            };
            return (value, &inside[end + 1..]);
        }
    }
    let end = text.find(ends).unwrap_or(text.len());
    (Cow::Borrowed(&text[..end]), &text[end..])
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '[' | ']' | '/')
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &Pairs<'_>) -> Vec<(String, String)> {
        pairs.0.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn quotes_hold_blanks_and_a_header_is_passed_over() {
        let line =
            r#"<189>Mar  4 05:06:07 fw date=2026-03-04 msg="a \"b\" c=d" empty= src=10.0.0.5 é=x q='y z'"#;
        let want = [
            ("date", "2026-03-04"),
            ("msg", r#"a "b" c=d"#),
            ("empty", ""),
            ("src", "10.0.0.5"),
            ("q", "y z"),
        ];
        assert_eq!(owned(&spaced(line)), expected(&want));
    }

    #[test]
    fn other_separators_are_separators() {
        let line = "Protocol: tcp, SrcIP: 10.0.0.5, Message: \"a, b: c\", nothing, URL: http://x/";
        let want = [("Protocol", "tcp"), ("SrcIP", "10.0.0.5"), ("Message", "a, b: c"), ("URL", "http://x/")];
        assert_eq!(owned(&separated(line, ", ", ": ")), expected(&want));
    }

    #[test]
    fn broken_lines_end() {
        for line in ["=", "==", "a=\"", "a='é", "é=", "a=b=c", "\"=\"=\"", "a=\\"] {
            spaced(line);
            separated(line, ", ", "=");
            separated(line, "é", "=");
        }
    }
}
