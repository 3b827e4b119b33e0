//! Lengths of time as the policy spells them: `90s`, `15m`, `2h`, `3d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, in whole seconds. A day is 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// From seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// From minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * 60)
    }

    /// From hours.
    pub const fn hours(hours: u64) -> Self {
        Self(hours * 3600)
    }

    /// From days of 24 hours.
    pub const fn days(days: u64) -> Self {
        Self(days * 86_400)
    }

    /// For arithmetic with time stamps.
    pub fn signed(self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    /// For time-outs.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, unit) = [(86_400, 'd'), (3600, 'h'), (60, 'm')]
            .into_iter()
            .find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size))
            .map_or((self.0, 's'), |(size, unit)| (self.0 / size, unit));
        write!(f, "{amount}{unit}")
    }
}

/// Why a text is no length of time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a length of time: write a whole number and a unit, as in 90s, 15m, 2h or 3d")]
pub struct SpanError {
    text: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError { text: crate::text::one_line(text, 40) };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (amount, unit) = text.split_at(digits);
        let size = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let amount: u64 = amount.parse().map_err(|_| wrong())?;
        // A century is more than anyone means, and keeps every later sum far from overflow.
        amount.checked_mul(size).filter(|seconds| *seconds <= 36_525 * 86_400).map(Self).ok_or_else(wrong)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_print() {
        for text in ["90s", "15m", "2h", "3d", "0s", "25h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("72h".parse::<Span>().unwrap(), Span::days(3));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "3", "d", "3 d", "-3d", "3w", "1.5h", "99999999999999999999d", "40000000d", "3dd", "٣d"]
        {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
