//! The mail of each day: when it is due, and who sends it.
//!
//! Any number of workers look. What is stored of a day is one [`Mailing`], and each change of it is written on the
//! condition that nobody else has written it meanwhile ([`Mailing::version`]):
//!
//! ```text
//! (nothing) ─► Writing ─► Sending ─► Sent | Failed | Uncertain
//!                 ▲  └► Skipped  └► Waiting ─┐
//!                 └──────────────────────────┘
//! ```
//!
//! A worker that dies while it writes the digest has sent nothing: after [`LEASE`] another one begins anew. One that dies
//! while it sends may have sent it, so that it is not sent again: the day is `uncertain`, and says so. The outbox folder is
//! the exception, where the same file under the same name is no second mail.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::figures::LastSent;
use super::window::Window;
use crate::case::Delivery;
use crate::policy::Policy;
use crate::text::one_line;

/// How long a worker has for one stage. None takes nearly as long.
pub const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// Shortest and longest wait before another try.
const PAUSES: (u64, u64) = (60, 3_600);
/// Longest word of a server's that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// A day's digest that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The day, in the policy's time zone, as `2026-11-30`.
    pub day: String,
    /// What it is about: from the moment of the day before up to that of the day.
    pub window: Window,
}

/// What is on record of a day's digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mailing {
    /// The day, see [`Round::day`].
    pub day: String,
    /// Counts the writes, from 1; a store refuses one that is based on an older one.
    pub version: u64,
    /// How often it was begun.
    pub attempts: u32,
    /// Where it stands.
    #[serde(flatten)]
    pub stage: Stage,
    /// When that was written.
    pub at: Timestamp,
}

/// Where a day's digest stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// A worker reads the store and writes the digest; nothing was sent.
    Writing {
        /// Its time is over then.
        until: Timestamp,
    },
    /// A worker is handing it over.
    Sending {
        /// Its time is over then.
        until: Timestamp,
    },
    /// It was not accepted, and is tried again.
    Waiting {
        /// Not before this moment.
        not_before: Timestamp,
        /// What happened.
        why: String,
    },
    /// The other side has it.
    Sent {
        /// What it answered.
        receipt: String,
    },
    /// There was nothing to say.
    Skipped {
        /// Why.
        why: String,
    },
    /// It was refused for good, or every try was used up.
    Failed {
        /// Why.
        why: String,
    },
    /// It may have arrived, and is not sent again.
    Uncertain {
        /// What is known.
        why: String,
    },
}

/// What a worker does about a day.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// Nothing, at the moment or for ever.
    Rest,
    /// Write this, and if that is granted, write the digest and send it.
    Begin(Mailing),
    /// Write this, and nothing else.
    Record(Mailing),
}

/// The digest that is due by a policy at `now`; none where it wants none, or its time zone is none.
pub fn due(policy: &Policy, now: Timestamp) -> Option<Round> {
    let time = policy.digest.time()?;
    let zone = policy.digest.zone()?;
    let today = zone.to_datetime(now).date();
    let moment = |date: Date| moment_of(date, time, &zone);
    let day = match moment(today)? <= now {
        true => today,
        false => today.yesterday().ok()?,
    };
    let (from, to) = (moment(day.yesterday().ok()?)?, moment(day)?);
    Some(Round { day: day.to_string(), window: Window::of(from, to, lookback(policy)) })
}

/// When a day's digest is due. A time that a change of clocks leaves out is the one after the gap.
fn moment_of(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(date.to_datetime(time)).ok()
}

/// How long before a window a case may have been opened that is repeated in it: as long as its claims may last.
pub fn lookback(policy: &Policy) -> SignedDuration {
    let window = policy.cooldown.window.duration().max(policy.cooldown.lease.duration());
    let longest = window.saturating_add(policy.collection.retry_for.duration());
    SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX)
}

/// Whom the digest goes to.
pub fn recipients(policy: &Policy) -> &[String] {
    if policy.digest.to.is_empty() { &policy.mail.soc } else { &policy.digest.to }
}

impl Mailing {
    /// What to do about a day of which this is on record. `repeatable` says that sending it twice is no second mail.
    pub fn turn(existing: Option<&Self>, day: &str, repeatable: bool, now: Timestamp) -> Turn {
        let fresh = |version, attempts| Self {
            day: day.to_owned(),
            version,
            attempts,
            stage: Stage::Writing { until: later(now, LEASE) },
            at: now,
        };
        let Some(known) = existing else { return Turn::Begin(fresh(1, 1)) };
        let again = || Turn::Begin(fresh(known.version + 1, known.attempts + 1));
        match &known.stage {
            Stage::Writing { until } | Stage::Sending { until } if now < *until => Turn::Rest,
            Stage::Waiting { not_before, .. } if now < *not_before => Turn::Rest,
            Stage::Writing { .. } | Stage::Waiting { .. } => again(),
            Stage::Sending { .. } if repeatable => again(),
            Stage::Sending { .. } => {
                let why = "the worker ended while it was sending it; it may have arrived".to_owned();
                Turn::Record(known.to(Stage::Uncertain { why }, now))
            }
            Stage::Sent { .. } | Stage::Skipped { .. } | Stage::Failed { .. } | Stage::Uncertain { .. } => {
                Turn::Rest
            }
        }
    }

    /// The next record of the same day.
    fn to(&self, stage: Stage, now: Timestamp) -> Self {
        Self { version: self.version + 1, stage, at: now, ..self.clone() }
    }

    /// It is being handed over from now on.
    #[must_use]
    pub fn sending(&self, now: Timestamp) -> Self {
        self.to(Stage::Sending { until: later(now, LEASE) }, now)
    }

    /// There is nothing to say.
    #[must_use]
    pub fn skipped(&self, why: &str, now: Timestamp) -> Self {
        self.to(Stage::Skipped { why: one_line(why, MAX_DETAIL) }, now)
    }

    /// How a try went.
    #[must_use]
    pub fn ended(&self, delivery: Delivery, repeatable: bool, policy: &Policy, now: Timestamp) -> Self {
        let spent = self.attempts >= policy.actions.attempts;
        let short = |text: &str| one_line(text, MAX_DETAIL);
        let wait = |why: String, asked: Option<u64>| Stage::Waiting {
            not_before: later(now, self.pause(policy, asked)),
            why,
        };
        let stage = match delivery {
            Delivery::Accepted { receipt } | Delivery::Filed { receipt, .. } => {
                Stage::Sent { receipt: short(&receipt) }
            }
            Delivery::Withheld { what } => Stage::Skipped { why: short(&what) },
            Delivery::Rejected { why } => Stage::Failed { why: short(&why) },
            Delivery::NotAccepted { why, .. } if spent => Stage::Failed { why: short(&why) },
            Delivery::NotAccepted { why, retry_after } => wait(short(&why), retry_after),
            Delivery::Uncertain { why } if repeatable && !spent => wait(short(&why), None),
            Delivery::Uncertain { why } => Stage::Uncertain { why: short(&why) },
        };
        self.to(stage, now)
    }

    /// Doubled with each try, and at least what the other side asked for.
    fn pause(&self, policy: &Policy, asked: Option<u64>) -> SignedDuration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let backoff = policy.actions.backoff.duration().as_secs().saturating_mul(1 << doublings);
        let seconds = backoff.max(asked.unwrap_or(0)).clamp(PAUSES.0, PAUSES.1);
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(3_600))
    }

    /// For people.
    pub fn shown(&self) -> LastSent {
        let (status, detail) = match &self.stage {
            Stage::Writing { .. } => ("being written", ""),
            Stage::Sending { .. } => ("being sent", ""),
            Stage::Waiting { why, .. } => ("waiting for another try", why.as_str()),
            Stage::Sent { receipt } => ("sent", receipt.as_str()),
            Stage::Skipped { why } => ("skipped", why.as_str()),
            Stage::Failed { why } => ("failed", why.as_str()),
            Stage::Uncertain { why } => ("uncertain", why.as_str()),
        };
        LastSent { day: self.day.clone(), status: status.to_owned(), detail: detail.to_owned(), at: self.at }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    crate::claim::later(at, by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy(digest: &str) -> Policy {
        Policy::parse(&format!(
            "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nsoc = ['soc@example.com']\n[digest]\n{digest}"
        ))
        .unwrap()
    }

    #[test]
    fn it_is_due_at_its_hour_in_its_own_time_zone_and_about_the_day_before() {
        let berlin = policy("at = '07:00'\ntime_zone = 'Europe/Berlin'");
        for (now, day, from, to) in [
            ("2026-11-30T06:00:00Z", "2026-11-30", "2026-11-29T06:00:00Z", "2026-11-30T06:00:00Z"),
            ("2026-11-30T05:59:59Z", "2026-11-29", "2026-11-28T06:00:00Z", "2026-11-29T06:00:00Z"),
            // The clocks go back, and forward: a day has 25 hours, and 23.
            ("2026-10-25T07:00:00Z", "2026-10-25", "2026-10-24T05:00:00Z", "2026-10-25T06:00:00Z"),
            ("2026-03-29T06:00:00Z", "2026-03-29", "2026-03-28T06:00:00Z", "2026-03-29T05:00:00Z"),
        ] {
            let round = due(&berlin, at(now)).unwrap();
            assert_eq!(round.day, day, "{now}");
            assert_eq!((round.window.from, round.window.to), (at(from), at(to)), "{now}");
        }
        assert_eq!(due(&policy(""), at("2026-11-30T06:00:00Z")), None, "nobody asked for one");
    }

    #[test]
    fn days_follow_each_other_without_a_gap_and_without_overlap_over_years_of_changing_clocks() {
        for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Cairo"] {
            let policy = policy(&format!("at = '02:30'\ntime_zone = '{zone}'"));
            let mut now = at("2024-01-01T12:00:00Z");
            let mut last = due(&policy, now).unwrap();
            while now < at("2027-01-01T00:00:00Z") {
                now += SignedDuration::from_hours(1);
                let round = due(&policy, now).unwrap();
                if round.day != last.day {
                    assert_eq!(round.window.from, last.window.to, "{zone} {now}");
                    last = round;
                }
            }
        }
    }

    fn begun(existing: Option<&Mailing>, now: &str) -> Mailing {
        match Mailing::turn(existing, "2026-11-30", false, at(now)) {
            Turn::Begin(mailing) => mailing,
            turn => panic!("{turn:?}"),
        }
    }

    #[test]
    fn who_dies_before_sending_is_replaced_and_who_dies_while_sending_is_not() {
        let turn = |mailing: &Mailing, repeatable, now: &str| {
            Mailing::turn(Some(mailing), "2026-11-30", repeatable, at(now))
        };
        let first = begun(None, "2026-11-30T06:00:00Z");
        assert_eq!((first.version, first.attempts), (1, 1));
        assert_eq!(turn(&first, false, "2026-11-30T06:14:59Z"), Turn::Rest);
        let second = begun(Some(&first), "2026-11-30T06:15:00Z");
        assert_eq!((second.version, second.attempts), (2, 2));
        let sending = second.sending(at("2026-11-30T06:15:10Z"));
        assert_eq!(turn(&sending, false, "2026-11-30T06:30:09Z"), Turn::Rest);
        let Turn::Record(lost) = turn(&sending, false, "2026-11-30T06:30:10Z") else { panic!() };
        assert!(matches!(lost.stage, Stage::Uncertain { .. }) && lost.version == 4, "{lost:?}");
        assert_eq!(turn(&lost, false, "2026-12-30T06:30:10Z"), Turn::Rest);
        assert!(
            matches!(turn(&sending, true, "2026-11-30T06:30:10Z"), Turn::Begin(_)),
            "a file is no second mail"
        );
    }

    #[test]
    fn what_was_not_accepted_is_tried_again_for_a_while_and_what_may_have_arrived_is_not() {
        let policy = policy("at = '07:00'");
        let now = at("2026-11-30T07:00:00Z");
        let not_accepted = |retry_after| Delivery::NotAccepted { why: "no answer".to_owned(), retry_after };
        let mut mailing = begun(None, "2026-11-30T07:00:00Z").sending(now);
        let waits = mailing.ended(not_accepted(Some(120)), false, &policy, now);
        assert!(
            matches!(waits.stage, Stage::Waiting { not_before, .. } if not_before == at("2026-11-30T07:02:00Z"))
        );
        assert_eq!(Mailing::turn(Some(&waits), "2026-11-30", false, at("2026-11-30T07:01:59Z")), Turn::Rest);
        assert_eq!(begun(Some(&waits), "2026-11-30T07:02:00Z").attempts, 2);
        mailing.attempts = policy.actions.attempts;
        assert!(matches!(mailing.ended(not_accepted(None), false, &policy, now).stage, Stage::Failed { .. }));
        let lost = Delivery::Uncertain { why: "the answer\nwas lost".to_owned() };
        let uncertain = mailing.ended(lost, false, &policy, now);
        assert_eq!(uncertain.shown().status, "uncertain");
        assert_eq!(uncertain.shown().detail, "the answer\\nwas lost");
        let read: Mailing = serde_json::from_str(&serde_json::to_string(&uncertain).unwrap()).unwrap();
        assert_eq!(read, uncertain);
    }

    #[test]
    fn it_goes_to_the_soc_unless_it_has_readers_of_its_own() {
        assert_eq!(recipients(&policy("")), ["soc@example.com"]);
        assert_eq!(recipients(&policy("to = ['head@example.com']")), ["head@example.com"]);
    }
}
