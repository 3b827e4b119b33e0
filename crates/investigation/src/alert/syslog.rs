//! The header that syslog puts before what a sensor wrote.
//!
//! Sources: RFC 3164 and RFC 5424; and what devices really send, which is often neither.

/// Longest header that is looked for, in bytes.
const MAX_HEADER: usize = 512;

/// A line of syslog, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Syslog<'a> {
    /// When, as RFC 5424 writes it. RFC 3164 names no year, so its time cannot be placed.
    pub(super) timestamp: Option<&'a str>,
    /// The host that sent it: the sensor, or a relay on the way.
    pub(super) host: Option<&'a str>,
    /// The program, without its process id.
    pub(super) program: Option<&'a str>,
    /// RFC 5424's structured data, with its brackets.
    pub(super) structured: Option<&'a str>,
    /// What the sensor wrote.
    pub(super) message: &'a str,
}

/// Takes the header off. A line without one is a message as a whole.
pub(super) fn split(line: &str) -> Syslog<'_> {
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let (priority, rest) = priority(line);
    if priority && let Some(syslog) = rfc5424(rest) {
        return syslog;
    }
    rfc3164(rest).unwrap_or(Syslog { message: rest, ..Syslog::default() })
}

/// Takes `<134>` off.
fn priority(line: &str) -> (bool, &str) {
    let number = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match number {
        Some((number, rest)) if number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()) => {
            (true, rest)
        }
        _ => (false, line),
    }
}

/// `1 TIMESTAMP HOST PROGRAM PROCESS MESSAGE-ID STRUCTURED-DATA MESSAGE`.
fn rfc5424(rest: &str) -> Option<Syslog<'_>> {
    let mut rest = rest.strip_prefix("1 ")?;
    let mut word = || {
        let (word, behind) = rest.split_once(' ')?;
        rest = behind;
        Some(word)
    };
    let (timestamp, host, program, _process, _id) = (word()?, word()?, word()?, word()?, word()?);
    let (structured, message) = match rest.starts_with('[') {
        true => {
            let end = structured_end(rest)?;
            (Some(&rest[..end]), rest[end..].trim_start())
        }
        false => (None, rest.strip_prefix('-').unwrap_or(rest).trim_start()),
    };
    let message = message.trim_start_matches('\u{feff}');
    let known = |text: &'static str| move |word: &&str| *word != text;
    Some(Syslog {
        timestamp: Some(timestamp).filter(known("-")),
        host: Some(host).filter(known("-")),
        program: Some(program).filter(known("-")),
        structured,
        message,
    })
}

/// Where the elements `[id key="value"]…` at the start of `text` end.
fn structured_end(text: &str) -> Option<usize> {
    let (mut in_quotes, mut escaped, mut inside) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_quotes = !in_quotes,
            b'[' if !in_quotes => inside = true,
            b']' if !in_quotes => {
                inside = false;
                if text.as_bytes().get(at + 1) != Some(&b'[') {
                    return Some(at + 1);
                }
            }
            _ if !inside && !in_quotes => return Some(at),
            _ => {}
        }
    }
    None
}

/// `Mar  4 05:06:07 HOST PROGRAM[1]: MESSAGE`, also with a year or with an ISO date.
fn rfc3164(rest: &str) -> Option<Syslog<'_>> {
    let header = &rest[..rest.floor_char_boundary(MAX_HEADER)];
    let behind = behind_date(header)?;
    let rest = rest[behind..].trim_start();
    let (host, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start();
    let (program, message) = match rest.split_once([' ', ':']) {
        Some((word, _)) if rest[word.len()..].starts_with(':') && is_program(word) => {
            (Some(word.split('[').next().unwrap_or(word)), rest[word.len() + 1..].trim_start())
        }
        _ => (None, rest),
    };
    Some(Syslog { host: Some(host.trim_end_matches(':')), program, message, ..Syslog::default() })
}

fn is_program(word: &str) -> bool {
    !word.is_empty() && word.len() <= 64 && !word.contains(['=', '"', '{', '|'])
}

/// How many bytes of `text` a date and a time at its start take.
fn behind_date(text: &str) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let is_time = |word: &str| word.len() >= 8 && word.as_bytes()[2] == b':' && word.as_bytes()[5] == b':';
    let mut words = words(text);
    let (_, first) = words.next()?;
    if MONTHS.contains(&first.trim_start_matches('*')) {
        let (_, day) = words.next()?;
        day.parse::<u8>().ok().filter(|day| (1..=31).contains(day))?;
        return words.take(2).find(|(_, word)| is_time(word.trim_end_matches(':'))).map(|(end, _)| end);
    }
    let is_iso = first.len() >= 19 && first.as_bytes()[4] == b'-' && first.as_bytes()[10] == b'T';
    is_iso.then_some(first.len())
}

/// The words of a text, each with the place behind it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace()
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize + word.len(), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_both_kinds_are_taken_off() {
        for (line, host, program, message) in [
            ("<134>Mar  4 05:06:07 fw1 sshd[12]: hello: x", Some("fw1"), Some("sshd"), "hello: x"),
            ("Mar 14 2026 05:06:07 fw1 : %ASA-6-1: x", Some("fw1"), None, ": %ASA-6-1: x"),
            (
                "<13>1 2026-03-04T05:06:07Z fw1 app 12 ID [a b=\"]\"][c] hello",
                Some("fw1"),
                Some("app"),
                "hello",
            ),
            ("<13>1 2026-03-04T05:06:07Z - - - - - hello", None, None, "hello"),
            ("2026-03-04T05:06:07+01:00 fw1 a=b c: d", Some("fw1"), None, "a=b c: d"),
            ("<13>no header", None, None, "no header"),
            ("plain text", None, None, "plain text"),
        ] {
            let split = split(line);
            assert_eq!((split.host, split.program, split.message), (host, program, message), "{line}");
        }
        let split = split("<13>1 2026-03-04T05:06:07Z fw1 app 12 ID [a b=\"x\"][c d=\"y\"] hello");
        assert_eq!(split.structured, Some("[a b=\"x\"][c d=\"y\"]"));
        assert_eq!(split.timestamp, Some("2026-03-04T05:06:07Z"));
    }

    #[test]
    fn broken_headers_end() {
        for line in [
            "<",
            "<1",
            "<999>",
            "<13>1 ",
            "<13>1 a b c d e [",
            "Mar",
            "Mar 4",
            "Mar 44 é:é:é",
            "2026-03-04Té",
        ] {
            split(line);
        }
    }
}
