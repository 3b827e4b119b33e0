//! `wmic … /value`: `Key=Value` lines, whose keys are the same in every language.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Most fields of a record.
const FIELD_CAP: usize = 16;

/// Gathers lines to records. A record ends where one of its keys comes again: the blank lines between records differ
/// between versions, and a value may hold newlines of its own.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<(String, String)>);

impl Records {
    /// Takes a line in; gives the record that it ends.
    pub(super) fn line(&mut self, line: &str) -> Option<Record> {
        let (key, value) = line.split_once('=')?;
        let is_name = !key.is_empty() && key.len() <= 32 && key.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_name || self.0.len() >= FIELD_CAP {
            return None;
        }
        let ended = self.0.iter().any(|(known, _)| known == key).then(|| std::mem::take(&mut self.0));
        self.0.push((key.to_owned(), value.trim_end().to_owned()));
        ended.map(Record)
    }

    /// The last record.
    pub(super) fn finish(self) -> Option<Record> {
        (!self.0.is_empty()).then_some(Record(self.0))
    }
}

/// One record.
#[derive(Debug, Default)]
pub(super) struct Record(Vec<(String, String)>);

impl Record {
    /// The value of a key, where it has one.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A moment of CIM, `yyyymmddHHMMSS.mmmmmm+UUU`, the offset in minutes.
    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        moment(self.get(key)?)
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    if text.len() != 25 || !text.is_ascii() {
        return None;
    }
    let digits = |from: usize, to: usize| {
        let part = &text[from..to];
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i32>().ok()).flatten()
    };
    let narrow = |from, to| digits(from, to).and_then(|n| i8::try_from(n).ok());
    let at = DateTime::new(
        i16::try_from(digits(0, 4)?).ok()?,
        narrow(4, 6)?,
        narrow(6, 8)?,
        narrow(8, 10)?,
        narrow(10, 12)?,
        narrow(12, 14)?,
        digits(15, 21)? * 1000,
    )
    .ok()?;
    let minutes = match text.as_bytes()[21] {
        b'+' => digits(22, 25)?,
        b'-' => -digits(22, 25)?,
        _ => return None,
    };
    Offset::from_seconds(minutes * 60).ok()?.to_timestamp(at).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str) -> Vec<Record> {
        let mut gathering = Records::default();
        let mut all: Vec<Record> = text.lines().filter_map(|line| gathering.line(line)).collect();
        all.extend(gathering.finish());
        all
    }

    #[test]
    fn records_end_where_a_key_comes_again() {
        let all = records("\n\nName=a.exe\nProcessId=1\n\n\nName=b=c\nProcessId=2\n\nno key here\n");
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].get("Name"), all[0].get("ProcessId")), (Some("a.exe"), Some("1")));
        assert_eq!((all[1].get("Name"), all[1].get("Other")), (Some("b=c"), None));
        assert!(records("").is_empty());
    }

    #[test]
    fn moments_have_their_offset() {
        assert_eq!(moment("20260302113000.500000+060").unwrap().to_string(), "2026-03-02T10:30:00.5Z");
        assert_eq!(moment("20260302053000.000000-300").unwrap().to_string(), "2026-03-02T10:30:00Z");
        for odd in [
            "",
            "20260302113000",
            "20261302113000.500000+060",
            "2026030211300+.500000+060",
            "20260302113000.500000*060",
        ] {
            assert_eq!(moment(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, digits in "[0-9.+-]{25}") {
            records(&text);
            moment(&text);
            moment(&digits);
        }
    }
}
