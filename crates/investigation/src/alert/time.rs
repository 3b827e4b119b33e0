//! Moments as senders spell them.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Longest text that is tried.
const MAX_CHARS: usize = 64;
/// 2000-01-01 and 2100-01-01 in seconds: what lies outside is a mistake in the unit or a clock that was never set.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// What a text says about when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// Nothing: empty, zero, or a lowest value that stands for nothing.
    Absent,
    /// A moment.
    At(Timestamp),
    /// A date and a time without a zone, taken as UTC.
    WithoutZone(Timestamp),
    /// Something else.
    Unreadable,
}

/// Reads RFC 3339 and its kin (`+0000`, a space for the `T`), Unix time in seconds to nanoseconds, and the dates of
/// syslog and CEF with a year.
pub(super) fn read(value: &str) -> When {
    let Some(value) = super::fields::text(value) else { return When::Absent };
    if value.len() > MAX_CHARS {
        return When::Unreadable;
    }
    if value.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b)) && !value[1..].contains(['+', '-']) {
        return epoch(&value);
    }
    let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let when = match words.parse::<Timestamp>() {
        Ok(at) => When::At(at),
        Err(_) => date(&words),
    };
    match when {
        // What programs write for "never": 0001-01-01, 1601-01-01, 1970-01-01.
        When::At(at) | When::WithoutZone(at) if at.as_second() <= 0 => When::Absent,
        When::At(at) | When::WithoutZone(at) if !PLAUSIBLE.contains(&at.as_second()) => When::Unreadable,
        when => when,
    }
}

/// Unix time, its unit told by its size.
fn epoch(value: &str) -> When {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let Ok(number) = whole.parse::<i64>() else { return When::Unreadable };
    if number <= 0 {
        return When::Absent;
    }
    let unit = match number {
        1..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    // The fraction counts for seconds only: below a millisecond, no sensor's clock means it.
    let nanoseconds = match fraction {
        digits if unit == 1_000_000_000 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<9.9}").parse::<i128>().unwrap_or(0)
        }
        _ => 0,
    };
    match Timestamp::from_nanosecond(i128::from(number) * unit + nanoseconds) {
        Ok(at) if PLAUSIBLE.contains(&at.as_second()) => When::At(at),
        _ => When::Unreadable,
    }
}

fn date(words: &str) -> When {
    let (local, offset) = zone(words);
    let parsed = local.parse::<DateTime>().ok().or_else(|| {
        const FORMATS: [&str; 6] = [
            "%b %d %Y %H:%M:%S%.f",
            "%b %d %Y, %H:%M:%S%.f",
            "%a %b %d %H:%M:%S%.f %Y",
            "%d %b %Y %H:%M:%S%.f",
            "%d/%b/%Y:%H:%M:%S%.f",
            "%Y/%m/%d %H:%M:%S%.f",
        ];
        FORMATS.iter().find_map(|format| strtime::parse(format, local).ok()?.to_datetime().ok())
    });
    let utc = parsed.and_then(|parsed| Offset::UTC.to_timestamp(parsed).ok());
    match (utc, offset) {
        (Some(utc), Some(offset)) => {
            utc.checked_sub(SignedDuration::from_secs(offset)).map_or(When::Unreadable, When::At)
        }
        (Some(utc), None) => When::WithoutZone(utc),
        (None, _) => When::Unreadable,
    }
}

/// Takes a zone off the end: `UTC`, `GMT`, `Z` or an offset, which is given in seconds. Other abbreviations mean
/// different zones to different people.
fn zone(words: &str) -> (&str, Option<i64>) {
    let Some((local, zone)) = words.rsplit_once(' ') else { return (words, None) };
    if ["UTC", "GMT", "Z"].iter().any(|utc| zone.eq_ignore_ascii_case(utc)) {
        // Programs in Go write both: `+0000 UTC`.
        return (local.strip_suffix(" +0000").unwrap_or(local), Some(0));
    }
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (words, None),
    };
    let digits: String = zone[1..].chars().filter(|&c| c != ':').collect();
    match digits.parse::<i64>() {
        Ok(number) if digits.len() == 4 && number % 100 < 60 && number <= 1400 => {
            (local, Some(sign * (number / 100 * 3600 + number % 100 * 60)))
        }
        _ => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn the_same_moment_is_read_in_every_spelling() {
        for text in [
            "2026-03-04T05:06:07Z",
            "2026-03-04T05:06:07.000000+0000",
            "2026-03-04T06:06:07+01:00",
            "2026-03-04t05:06:07z",
            "2026-03-04 05:06:07Z",
            "1772600767",
            "1772600767.000",
            "1772600767000",
            "1772600767000000",
            "1772600767000000000",
            "Mar 04 2026 05:06:07 UTC",
            "Mar  4 2026 05:06:07 GMT",
            "Mar 04 2026 07:06:07 +0200",
            "Wed Mar  4 05:06:07 2026 UTC",
            "04/Mar/2026:05:06:07 +0000",
            "2026-03-04 05:06:07.000 +0000 UTC",
        ] {
            assert_eq!(read(text), When::At(at("2026-03-04T05:06:07Z")), "{text}");
        }
    }

    #[test]
    fn without_a_zone_utc_is_taken_and_said() {
        for text in
            ["Mar 04 2026 05:06:07", "2026-03-04T05:06:07", "2026-03-04 05:06:07", "Wed Mar  4 05:06:07 2026"]
        {
            assert_eq!(read(text), When::WithoutZone(at("2026-03-04T05:06:07Z")), "{text}");
        }
        assert_eq!(read("Mar 04 2026 05:06:07.250"), When::WithoutZone(at("2026-03-04T05:06:07.25Z")));
    }

    #[test]
    fn fractions_of_an_epoch_are_kept() {
        assert_eq!(read("1772600767.25"), When::At(at("2026-03-04T05:06:07.25Z")));
        assert_eq!(read("1772600767250"), When::At(at("2026-03-04T05:06:07.25Z")));
    }

    #[test]
    fn what_stands_for_nothing_is_nothing() {
        for text in [
            "",
            "-",
            "0",
            "-1",
            "0.0",
            "-9223372036854775808",
            "0001-01-01T00:00:00Z",
            "1601-01-01T00:00:00Z",
            "null",
        ] {
            assert_eq!(read(text), When::Absent, "{text}");
        }
    }

    #[test]
    fn anything_else_is_unreadable() {
        for text in [
            "yesterday",
            "12",
            "1e12",
            "2026-13-04T05:06:07Z",
            "9999-12-31T23:59:59Z",
            "Mar 04 05:06:07",
            "1772600767 s",
            "Mar 04 2026 05:06:07 EST",
            "99999999999999999999",
            "é",
            "+",
            "2026-03-04T05:06:07+99:99",
        ] {
            assert_eq!(read(text), When::Unreadable, "{text}");
        }
    }
}
