//! Which cases a visitor asks for: what stands behind the question mark, and what of the cases it leaves.

use casework::backend::CaseRow;
use investigation::text::one_line;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::failure::Failure;

/// Cases on one page.
pub(super) const PAGE: usize = 50;
/// Days that are looked back, if nothing is said.
pub(super) const DAYS: u16 = 30;
/// The choices.
pub(super) const SPANS: [(u16, &str); 5] =
    [(1, "today"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (366, "a year")];
/// Words for a state: the choices.
pub(super) const STATES: [(&str, &str); 6] = [
    ("open", "open"),
    ("waiting", "waiting for the machine"),
    ("investigated", "investigated"),
    ("suppressed", "suppressed"),
    ("exempt", "exempt"),
    ("failed", "failed"),
];
/// The choice of cases without a verdict.
pub(super) const NO_VERDICT: &str = "none";
/// States in which nothing is left to do.
const CLOSED: [&str; 4] = ["investigated", "suppressed", "exempt", "failed"];
/// Longest text that is looked for, in bytes.
const TEXT: usize = 200;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What stands behind the question mark.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) q: String,
    pub(super) verdict: String,
    pub(super) state: String,
    pub(super) user: String,
    pub(super) host: String,
    pub(super) address: String,
    pub(super) days: String,
    pub(super) page: String,
}

/// A choice that can be meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chosen {
    /// Looked for in id, address, host and users.
    pub(super) text: String,
    /// A verdict's word, or [`NO_VERDICT`].
    pub(super) verdict: String,
    /// A word of [`STATES`].
    pub(super) state: String,
    pub(super) user: String,
    pub(super) host: String,
    /// The start of an address.
    pub(super) address: String,
    /// Days looked back, today among them.
    pub(super) days: u16,
    /// From 1.
    pub(super) page: usize,
}

impl TryFrom<Asked> for Chosen {
    type Error = Failure;

    fn try_from(asked: Asked) -> Result<Self, Failure> {
        let text = |text: String| {
            if text.len() > TEXT {
                return Err(Failure::unclear(format!("A filter is longer than {TEXT} bytes. Shorten it.")));
            }
            // As it is shown: what hides or turns text is looked for in the way that it is written out.
            Ok(one_line(text.trim(), TEXT).to_lowercase())
        };
        let number = |text: &str, what: &str, default: u16, most: u16| match text.trim() {
            "" => Ok(default),
            text => text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
                Failure::unclear(format!("{what} in the address is no number from 1 to {most}. Correct it."))
            }),
        };
        let state = text(asked.state)?;
        if !state.is_empty() && !STATES.iter().any(|(word, _)| *word == state) {
            let known: Vec<&str> = STATES.iter().map(|(word, _)| *word).collect();
            return Err(Failure::unclear(format!(
                "There is no such state: write one of {}.",
                known.join(", ")
            )));
        }
        Ok(Self {
            text: text(asked.q)?,
            verdict: text(asked.verdict)?,
            state,
            user: text(asked.user)?,
            host: text(asked.host)?,
            address: text(asked.address)?,
            days: number(&asked.days, "days", DAYS, 366)?,
            page: usize::from(number(&asked.page, "page", 1, u16::MAX)?),
        })
    }
}

impl Chosen {
    /// From when on cases are looked at: the start of a day, UTC.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        let day = DAY.as_secs();
        let today = now.as_second().div_euclid(day);
        let first = today - i64::from(self.days) + 1;
        Timestamp::from_second(first * day).unwrap_or(Timestamp::MIN)
    }

    /// Whether anything but the days is chosen.
    pub(super) fn is_narrow(&self) -> bool {
        *self != Self { days: self.days, page: self.page, ..Self::default() }
    }

    /// Whether a case is meant.
    pub(super) fn fits(&self, row: &CaseRow) -> bool {
        let within = |text: &str, wanted: &str| one_line(text, usize::MAX).to_lowercase().contains(wanted);
        let host = row.host_name.as_deref().unwrap_or_default();
        let address = row.target.to_string();
        let of_user = |wanted: &str| row.users.iter().any(|user| within(user, wanted));
        let is_open = !CLOSED.contains(&row.status.as_str());
        let verdict = row.verdict.as_deref().unwrap_or(NO_VERDICT);
        (self.verdict.is_empty() || self.verdict == verdict)
            && match self.state.as_str() {
                "" => true,
                "open" => is_open,
                state => row.status == state,
            }
            && (self.user.is_empty() || of_user(&self.user))
            && (self.host.is_empty() || within(host, &self.host))
            && address.starts_with(&self.address)
            && (self.text.is_empty()
                || within(&row.id, &self.text)
                || address.contains(&self.text)
                || within(host, &self.text)
                || of_user(&self.text))
    }

    /// The address of the cases that are chosen, on some page.
    pub(super) fn link(&self, page: usize) -> String {
        let (days, page) = (self.days.to_string(), page.to_string());
        let fields = [
            ("q", self.text.as_str(), ""),
            ("verdict", &self.verdict, ""),
            ("state", &self.state, ""),
            ("user", &self.user, ""),
            ("host", &self.host, ""),
            ("address", &self.address, ""),
            ("days", &days, "30"),
            ("page", &page, "1"),
        ];
        let said: Vec<(&str, &str)> = fields
            .into_iter()
            .filter(|(_, value, default)| value != default)
            .map(|(name, value, _)| (name, value))
            .collect();
        link(super::routes::CASES, &said)
    }
}

/// An address with what stands behind its question mark.
pub(super) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    if fields.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> CaseRow {
        CaseRow {
            id: "ph-20260302-kq3v7a2m".to_owned(),
            target: "10.20.3.7".parse().unwrap(),
            status: "investigated".to_owned(),
            verdict: Some("policy_violation".to_owned()),
            host_name: Some("WS-0317".to_owned()),
            users: vec!["corp\\alice".to_owned()],
            opened_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            suppressed: 0,
            approvals_until: None,
        }
    }

    fn chosen(set: impl Fn(&mut Asked)) -> Result<Chosen, Failure> {
        let mut asked = Asked::default();
        set(&mut asked);
        asked.try_into()
    }

    #[test]
    fn each_filter_keeps_what_it_names_and_drops_the_rest() {
        type Filter = fn(&mut Asked, String);
        let filters: [(Filter, &str, &str); 6] = [
            (|asked, value| asked.q = value, "KQ3V", "kq3w"),
            (|asked, value| asked.verdict = value, "policy_violation", "inconclusive"),
            (|asked, value| asked.state = value, "investigated", "open"),
            (|asked, value| asked.user = value, "Alice", "bob"),
            (|asked, value| asked.host = value, "ws-03", "ws-04"),
            (|asked, value| asked.address = value, "10.20.", "0.20.3.7"),
        ];
        for (set, fits, fails) in filters {
            assert!(chosen(|asked| set(asked, fits.to_owned())).unwrap().fits(&row()), "{fits}");
            assert!(!chosen(|asked| set(asked, fails.to_owned())).unwrap().fits(&row()), "{fails}");
        }
        assert!(chosen(|_| {}).unwrap().fits(&row()));
        let turned = CaseRow { host_name: Some("a\u{202e}b".to_owned()), ..row() };
        for text in ["a\u{202e}b", "A\\u{202e}B"] {
            let host = chosen(|asked| asked.host = text.to_owned()).unwrap();
            assert!(host.fits(&turned) && !host.host.contains('\u{202e}'), "{text}");
        }
        let open = CaseRow { status: "collecting".to_owned(), verdict: None, ..row() };
        assert!(chosen(|asked| asked.state = "open".to_owned()).unwrap().fits(&open));
        assert!(chosen(|asked| asked.verdict = NO_VERDICT.to_owned()).unwrap().fits(&open));
    }

    #[test]
    fn days_are_whole_days_and_today_is_one() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let since = |days: &str| chosen(|asked| asked.days = days.to_owned()).unwrap().since(now).to_string();
        assert_eq!(since("1"), "2026-03-02T00:00:00Z");
        assert_eq!(since("7"), "2026-02-24T00:00:00Z");
    }

    #[test]
    fn what_cannot_be_meant_is_said_and_what_is_meant_comes_back_from_its_link() {
        for wrong in ["0", "-1", "367", "x", "99999999999999999999"] {
            assert!(chosen(|asked| asked.days = wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(chosen(|asked| asked.page = "0".to_owned()).is_err());
        assert!(chosen(|asked| asked.state = "lost".to_owned()).is_err());
        assert!(chosen(|asked| asked.q = "x".repeat(201)).is_err());
        let hostile = chosen(|asked| {
            asked.user = "corp\\a&days=1#\"<".to_owned();
            asked.days = "7".to_owned();
        });
        let hostile = hostile.unwrap();
        let uri: hyper::Uri = hostile.link(3).parse().unwrap();
        let axum::extract::Query(asked) = axum::extract::Query::<Asked>::try_from_uri(&uri).unwrap();
        assert_eq!(Chosen::try_from(asked).unwrap(), Chosen { page: 3, ..hostile });
    }
}
