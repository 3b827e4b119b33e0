//! Who is logged in: utmp and logind, joined. Which of the two a system keeps depends on its age.

use std::collections::BTreeSet;

use investigation::evidence::{Identity, SessionUser};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::UtmpSession;

/// Most sessions that are kept: a terminal server has hundreds.
const CAP: usize = 1000;

/// Longest value that is kept; nothing honest is longer.
const NAME_CAP: usize = 255;

/// One session as `loginctl show-session` prints it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LogindSession {
    pub(super) id: String,
    name: String,
    terminal: Option<String>,
    from: Option<String>,
    since: Option<Timestamp>,
}

impl LogindSession {
    /// `None` for what is no user's session: greeters, background managers, sessions that are closing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut session = Self::default();
        let mut display = None;
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = &value[..value.floor_char_boundary(NAME_CAP)];
            let given = (!value.is_empty()).then(|| value.to_owned());
            match key {
                "Id" => session.id = value.to_owned(),
                "Name" => session.name = value.to_owned(),
                "TTY" => session.terminal = given,
                "Display" => display = given,
                "RemoteHost" => session.from = given,
                "Timestamp" => session.since = time(value),
                "Class" if !value.starts_with("user") => return None,
                "State" if value == "closing" => return None,
                _ => {}
            }
        }
        session.terminal = session.terminal.or(display);
        (!session.name.is_empty()).then_some(session)
    }
}

/// `Tue 2026-11-24 10:00:00 UTC`; the script sets the zone.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(" UTC")?;
    let (_, text) = text.split_once(' ')?;
    let civil: DateTime = text.replacen(' ', "T", 1).parse().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Ids of the logind sessions that a control group lies in: the collector's own.
pub(super) fn from_cgroup(text: &str) -> BTreeSet<String> {
    let id = |part: &str| part.strip_prefix("session-")?.strip_suffix(".scope").map(str::to_owned);
    text.lines().flat_map(|line| line.split('/')).filter_map(id).collect()
}

/// What is needed to tell a local account from one of the domain.
pub(super) struct Accounts<'a> {
    pub(super) local: &'a BTreeSet<String>,
    pub(super) identity: &'a Identity,
}

impl Accounts<'_> {
    fn user(
        &self,
        account: &str,
        session: Option<String>,
        from: Option<String>,
        since: Option<Timestamp>,
    ) -> SessionUser {
        let split = account.split_once('\\').map(|(domain, name)| (name, domain));
        let (name, domain) = match split.or_else(|| account.split_once('@')) {
            Some((name, domain)) => (name, Some(domain.to_owned())),
            None if self.local.contains(account) => (account, Some(self.identity.host_name.clone())),
            None => (account, self.identity.domain.clone()),
        };
        SessionUser { name: name.to_owned(), domain: domain.filter(|d| !d.is_empty()), session, from, since }
    }
}

/// Joins both tables; a session that both know is listed once.
pub(super) fn merge(
    utmp: impl Iterator<Item = UtmpSession>,
    logind: impl Iterator<Item = LogindSession>,
    accounts: &Accounts<'_>,
) -> Vec<SessionUser> {
    let given = |text: String| (!text.is_empty()).then_some(text);
    let utmp = utmp.map(|s| accounts.user(&s.name, given(s.line), given(s.host), s.since));
    let logind = logind.map(|s| accounts.user(&s.name, s.terminal, s.from, s.since));
    let mut users: Vec<SessionUser> = Vec::new();
    for user in utmp.chain(logind).take(CAP) {
        let same = |known: &SessionUser| {
            known.name == user.name && known.domain == user.domain && (known.session == user.session)
        };
        if !users.iter().any(same) {
            users.push(user);
        }
    }
    users
}
