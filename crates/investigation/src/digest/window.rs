//! The time that a digest is about, and how people write its ends.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::policy::Span;
use crate::text::one_line;

/// Longest time that a digest is about, in days: a little more than five years.
const MAX_DAYS: i64 = 1_900;
/// Most steps of time that alerts are counted in.
const MAX_SLOTS: i64 = 62;
/// Lengths of a step, in seconds: an hour, six, a day, a week, four weeks, a quarter.
const STEPS: [i64; 6] = [3_600, 21_600, 86_400, 7 * 86_400, 28 * 86_400, 91 * 86_400];

/// A time from a moment up to, and not including, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// When the oldest case may have been opened that repeats inside the window are counted on.
    pub owners_from: Timestamp,
}

/// Why a text or two are no window. One line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The text is no time.
    #[error(
        "{name} {text:?} is no time: write how long ago, as in 7d or 24h, a date, as in 2026-11-30, or a moment, as in \
         2026-11-30T07:00:00Z"
    )]
    Unreadable {
        /// Which option it is.
        name: &'static str,
        /// As it was written.
        text: String,
    },
    /// The end is not after the beginning.
    #[error("--since {from} is not before --until {to}: nothing lies between them")]
    Empty {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// The beginning is still to come.
    #[error("--since {from} is still to come")]
    Future {
        /// The beginning.
        from: Timestamp,
    },
    /// Too long.
    #[error("--since to --until are {days} days: {MAX_DAYS} are the most, ask for less")]
    TooLong {
        /// How many.
        days: i64,
    },
}

/// Reads one end of a window: how long ago (`7d`, `24h`), a date (its first moment in UTC) or a moment (RFC 3339).
///
/// # Errors
/// When it is none of these.
pub fn moment(name: &'static str, text: &str, now: Timestamp) -> Result<Timestamp, WindowError> {
    let trimmed = text.trim();
    if let Ok(span) = trimmed.parse::<Span>()
        && let Ok(then) = now.checked_sub(span.signed())
    {
        return Ok(then);
    }
    // Each has one spelling: what is nearly one of them is named, not guessed at.
    let date = trimmed.parse::<Date>().ok().filter(|_| trimmed.len() == "2026-11-30".len());
    if let Some(begins) =
        date.and_then(|date| TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok())
    {
        return Ok(begins);
    }
    let unreadable = || WindowError::Unreadable { name, text: one_line(text, 40) };
    trimmed.parse().map_err(|_| unreadable())
}

impl Window {
    /// A window. `lookback` is how long before its beginning a case may have been opened that is still repeated in it.
    ///
    /// # Errors
    /// When nothing lies in it, or more than any digest is about.
    pub fn new(
        from: Timestamp,
        to: Timestamp,
        lookback: SignedDuration,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        if from >= now {
            return Err(WindowError::Future { from });
        }
        if from >= to {
            return Err(WindowError::Empty { from, to });
        }
        let days = to.duration_since(from).as_hours() / 24;
        if days > MAX_DAYS {
            return Err(WindowError::TooLong { days });
        }
        Ok(Self::of(from, to, lookback))
    }

    /// A window of which it is known that it is one.
    pub(super) fn of(from: Timestamp, to: Timestamp, lookback: SignedDuration) -> Self {
        let owners_from = from.checked_sub(lookback.abs()).unwrap_or(Timestamp::MIN);
        Self { from, to, owners_from }
    }

    /// Whether a moment lies in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// How long one step is, in seconds, and how many there are.
    pub(super) fn steps(&self) -> (i64, usize) {
        let seconds = self.to.duration_since(self.from).as_secs().max(1);
        let step = STEPS.into_iter().find(|step| (seconds + step - 1) / step <= MAX_SLOTS);
        let step = step.unwrap_or_else(|| (seconds + MAX_SLOTS - 1) / MAX_SLOTS);
        (step, usize::try_from((seconds + step - 1) / step).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_end_is_a_span_a_date_or_a_moment() {
        let now = at("2026-11-30T12:00:00Z");
        for (text, then) in [
            ("7d", "2026-11-23T12:00:00Z"),
            ("24h", "2026-11-29T12:00:00Z"),
            ("90s", "2026-11-30T11:58:30Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T07:00:00+01:00", "2026-11-01T06:00:00Z"),
            (" 2026-11-01T07:00:00Z ", "2026-11-01T07:00:00Z"),
        ] {
            assert_eq!(moment("--since", text, now).unwrap(), at(then), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "7",
            "d",
            "-7d",
            "7 d",
            "20261101",
            "2026-13-01",
            "2026-11-01T07:00",
            "99999999999999d",
        ] {
            let error = moment("--since", text, now).unwrap_err().to_string();
            assert!(
                error.starts_with("--since \"") && error.contains("7d") && !error.contains('\n'),
                "{error}"
            );
        }
        let hostile = moment("--until", &"\u{1b}[2J\n".repeat(50), now).unwrap_err().to_string();
        assert!(!hostile.contains('\u{1b}') && hostile.chars().count() < 300, "{hostile}");
    }

    #[test]
    fn a_window_in_which_nothing_can_lie_is_refused() {
        let (now, week) = (at("2026-11-30T12:00:00Z"), SignedDuration::from_hours(168));
        let new = |from: &str, to: &str| Window::new(at(from), at(to), week, now).unwrap_err();
        let same = "2026-11-30T11:00:00Z";
        assert!(matches!(new(same, same), WindowError::Empty { .. }));
        assert!(matches!(new("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"), WindowError::Future { .. }));
        assert!(matches!(new("2001-01-01T00:00:00Z", same), WindowError::TooLong { days: 9464 }));
        let sound = Window::new(at("2026-11-29T11:00:00Z"), at(same), week, now).unwrap();
        assert!(sound.holds(sound.from) && !sound.holds(sound.to));
        assert_eq!(sound.owners_from, at("2026-11-22T11:00:00Z"));
    }

    #[test]
    fn steps_are_few_whatever_the_window() {
        let to = at("2026-11-30T12:00:00Z");
        for (hours, step, slots) in
            [(1, 3600, 1), (24, 3600, 24), (168, 21_600, 28), (24 * 62, 86_400, 62), (24 * 63, 7 * 86_400, 9)]
        {
            let window = Window::of(to - SignedDuration::from_hours(hours), to, SignedDuration::ZERO);
            assert_eq!(window.steps(), (step, slots), "{hours} h");
        }
        let longest = Window::of(to - SignedDuration::from_hours(24 * MAX_DAYS), to, SignedDuration::ZERO);
        assert!(longest.steps().1 <= 62);
    }
}
