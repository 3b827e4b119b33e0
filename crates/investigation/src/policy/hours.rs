//! `[actions.hours]`: when mails to users, and whatever else it names, go out.

use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _, ZonedDateTime};
use serde::{Deserialize, Serialize};

use crate::act::ActionKind;
use crate::assess::Verdict;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// Working hours. Outside of them what they hold waits until they begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Days on which they are.
    #[serde(default = "working_days")]
    pub days: Vec<Day>,
    /// When they begin, as in `08:00`.
    pub from: Time,
    /// When they end; later on the same day.
    pub to: Time,
    /// Name in the IANA database, as in `Europe/Berlin`.
    pub time_zone: String,
    /// What they hold: `mail_user`, `mail_soc`, `ticket`, `page`, `chat`, and a site's own actions.
    #[serde(default = "notices")]
    pub actions: Vec<ActionKind>,
    /// After which verdicts; after another one it goes out at any time.
    #[serde(default = "every_verdict")]
    pub verdicts: Vec<Verdict>,
}

fn notices() -> Vec<ActionKind> {
    vec![ActionKind::MailUser]
}

fn every_verdict() -> Vec<Verdict> {
    Verdict::ALL.to_vec()
}

fn working_days() -> Vec<Day> {
    vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri]
}

impl Hours {
    /// What is wrong with them.
    pub(super) fn fault(&self) -> Option<String> {
        if self.days.is_empty() {
            return Some(
                "days is empty: no mail would ever go to a user; use off = [\"mail_user\"] for that".into(),
            );
        }
        if self.actions.is_empty() || self.verdicts.is_empty() {
            return Some(
                "actions and verdicts: with an empty list nothing would wait; leave the section out".into(),
            );
        }
        let never = [ActionKind::Finding, ActionKind::TicketComment, ActionKind::MailApprover];
        if let Some(kind) = self.actions.iter().find(|kind| never.contains(kind)) {
            return Some(format!("actions names {kind}, which does not wait: take it out"));
        }
        if self.from >= self.to {
            return Some(format!("from = {} is not before to = {}", self.from, self.to));
        }
        if self.zone().is_none() {
            let name = crate::text::one_line(&self.time_zone, 60);
            return Some(format!(
                "time_zone = {name:?} is not in the IANA database; write one as Europe/Berlin"
            ));
        }
        None
    }

    /// Whether an action waits for them.
    pub fn hold(&self, kind: ActionKind, verdict: Option<Verdict>) -> bool {
        self.actions.contains(&kind) && verdict.is_some_and(|verdict| self.verdicts.contains(&verdict))
    }

    /// The first moment from `at` on that lies within them. Summer time is the time zone's; the data are compiled in.
    pub fn next(&self, at: Timestamp) -> Timestamp {
        let Some(zone) = self.zone() else { return at };
        let today = ZonedDateTime::new(at, zone.clone()).date();
        for ahead in 0..=8 {
            let Ok(date) = today.checked_add(ahead.days()) else { break };
            if !self.days.contains(&Day::of(date.weekday())) {
                continue;
            }
            // A time that the clocks skip is the one after the gap.
            let moment = |time: Time| {
                date.to_datetime(time).to_zoned_datetime(zone.clone()).map(|zoned| zoned.timestamp())
            };
            if let (Ok(from), Ok(to)) = (moment(self.from), moment(self.to))
                && at < to
            {
                return at.max(from);
            }
        }
        at
    }

    fn zone(&self) -> Option<TimeZone> {
        TimeZoneDatabase::bundled().get(&self.time_zone).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Hours {
        toml::from_str(text).unwrap()
    }

    fn next(hours: &Hours, at: &str) -> String {
        hours.next(at.parse().unwrap()).to_string()
    }

    #[test]
    fn a_mail_waits_for_the_next_working_hour_of_its_time_zone() {
        let berlin = hours("from = '08:00'\nto = '17:30'\ntime_zone = 'Europe/Berlin'\n");
        // Monday, 2 March 2026; Berlin is at UTC+1.
        for (at, goes) in [
            ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
            ("2026-03-02T06:59:59Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T16:29:59Z", "2026-03-02T16:29:59Z"),
            ("2026-03-02T16:30:00Z", "2026-03-03T07:00:00Z"),
            // Friday evening, Saturday, Sunday evening.
            ("2026-03-06T17:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-03-07T10:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-03-08T23:30:00Z", "2026-03-09T07:00:00Z"),
            // Summer time began on the 29th.
            ("2026-03-27T18:00:00Z", "2026-03-30T06:00:00Z"),
        ] {
            assert_eq!(next(&berlin, at), goes, "{at}");
        }
    }

    #[test]
    fn the_date_is_the_one_of_the_time_zone() {
        let auckland =
            hours("days = ['mon']\nfrom = '08:00'\nto = '17:00'\ntime_zone = 'Pacific/Auckland'\n");
        // Sunday evening in UTC is Monday morning there.
        assert_eq!(next(&auckland, "2026-03-01T20:00:00Z"), "2026-03-01T20:00:00Z");
        assert_eq!(next(&auckland, "2026-03-02T05:00:00Z"), "2026-03-08T19:00:00Z");
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        for (text, why) in [
            ("from = '08:00'\nto = '17:00'\ntime_zone = 'Europe/Atlantis'\n", "IANA"),
            ("from = '17:00'\nto = '08:00'\ntime_zone = 'UTC'\n", "not before"),
            ("actions = []\nfrom = '08:00'\nto = '17:00'\ntime_zone = 'UTC'\n", "nothing would wait"),
            ("verdicts = []\nfrom = '08:00'\nto = '17:00'\ntime_zone = 'UTC'\n", "nothing would wait"),
            ("actions = ['finding']\nfrom = '08:00'\nto = '17:00'\ntime_zone = 'UTC'\n", "names finding"),
            ("days = []\nfrom = '08:00'\nto = '17:00'\ntime_zone = 'UTC'\n", "days is empty"),
        ] {
            assert!(hours(text).fault().unwrap().contains(why), "{text}");
        }
        assert!(toml::from_str::<Hours>("from = '8 am'\nto = '17:00'\ntime_zone = 'UTC'\n").is_err());
        assert_eq!(hours("from = '08:00'\nto = '17:00'\ntime_zone = 'America/New_York'\n").fault(), None);
    }
}
