//! `[digest]`: the summary that is mailed once a day.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Policy;
use super::check::{Remark, error, warning};
use crate::text::one_line;

/// `[digest]`: a mail with what came in and what became of it, once a day. Without `at`, none is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DigestPolicy {
    /// When, as `07:00` in the time zone.
    pub at: Option<String>,
    /// IANA name of the time zone, as `Europe/Berlin`.
    pub time_zone: String,
    /// Addresses. Empty: those of the SOC.
    pub to: Vec<String>,
    /// Send none of a day on which nothing came and nothing is open.
    pub only_if_something: bool,
    /// Attach the figures as comma-separated values.
    pub csv: bool,
}

impl Default for DigestPolicy {
    fn default() -> Self {
        Self { at: None, time_zone: "UTC".to_owned(), to: Vec::new(), only_if_something: false, csv: false }
    }
}

impl DigestPolicy {
    /// The time of day; none where none is set, or it is none.
    pub fn time(&self) -> Option<Time> {
        let (hour, minute) = self.at.as_deref()?.split_once(':')?;
        let two = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|_| plain)
        };
        Time::new(two(hour)?, two(minute)?, 0, 0).ok()
    }

    /// The time zone, from the database that is part of the program: what the machine thinks of it does not matter.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.time_zone).ok()
    }
}

impl Policy {
    pub(super) fn check_digest(&self, remarks: &mut Vec<Remark>) {
        let digest = &self.digest;
        if let Some(at) = &digest.at
            && digest.time().is_none()
        {
            let text = one_line(at, 40);
            remarks.push(error(format!("[digest] at = \"{text}\": write the time of day as in 07:00")));
        }
        if digest.zone().is_none() {
            let text = one_line(&digest.time_zone, 60);
            remarks.push(error(format!(
                "[digest] time_zone = \"{text}\": not a time zone; write its IANA name, as in Europe/Berlin"
            )));
        }
        if let Some(address) = digest.to.iter().find(|address| address.matches('@').count() != 1) {
            let text = one_line(address, 100);
            remarks.push(error(format!("[digest] to: \"{text}\" is not a mail address")));
        }
        if digest.at.is_some() && digest.to.is_empty() && self.mail.soc.is_empty() {
            remarks.push(warning(
                "[digest] is set up, and neither its to nor [mail] soc names anybody: none is sent",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(digest: &str) -> Vec<Remark> {
        let text = format!(
            "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nsoc = ['a@b.example']\n[digest]\n{digest}"
        );
        toml::from_str::<Policy>(&text).unwrap().remarks()
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (digest, what) in [
            ("at = '7:00'", "[digest] at"),
            ("at = '24:00'", "[digest] at"),
            ("at = '07:0x'", "[digest] at"),
            ("at = '+7:00'", "[digest] at"),
            ("at = '07:00'\ntime_zone = 'Mars/Olympus'", "[digest] time_zone"),
            ("to = ['nobody']", "[digest] to"),
        ] {
            let found = remarks(digest);
            assert!(
                found.iter().any(|remark| remark.is_error && remark.text.contains(what)),
                "{digest}: {found:?}"
            );
        }
        let sound = remarks("at = '23:59'\ntime_zone = 'Asia/Kolkata'\nto = ['x@y.example']");
        assert!(sound.iter().all(|remark| !remark.text.contains("[digest]")), "{sound:?}");
    }
}
