//! Who may look: whoever showed the token, and then for a while whoever has the cookie that it was exchanged for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use casework::door::Rate;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::secret;

/// A session that nobody used for so long is over, and so is one this old.
const IDLE: Duration = Duration::from_secs(3600);
const WHOLE: Duration = Duration::from_secs(8 * 3600);
/// Sessions at the same time. Where there are more, the one that was not used for longest goes.
const MOST: usize = 64;
/// Wrong tokens a minute: more is guessing.
const WRONG: u32 = 30;

/// What is compared and looked up by: digests are of one length, and tell nothing of what they are of.
type Print = [u8; 32];

fn print(text: &str) -> Print {
    Sha256::digest(text.as_bytes()).into()
}

/// Token and sessions. Never shown.
pub(super) struct Access {
    token: Print,
    sessions: Mutex<HashMap<Print, Session>>,
    wrong: Rate,
    cookie: String,
    attributes: String,
}

struct Session {
    began: Instant,
    used: Instant,
    form: String,
    said: Option<String>,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) > IDLE || now.saturating_duration_since(self.began) > WHOLE
    }
}

/// Somebody with a session.
#[derive(Clone)]
pub(super) struct Visitor {
    session: Print,
    /// What each form has to bring back, so that no other site can send one.
    pub(super) form: String,
}

/// What a token leads to.
pub(super) enum Login {
    /// A cookie to be set.
    Granted(String),
    /// It is not the token.
    Wrong,
    /// Too many were wrong: time has to pass.
    TooOften,
    /// No random numbers.
    Failed,
}

impl Access {
    /// `port` tells apart the cookies of two on one machine; `secure` says that the browser comes by TLS.
    pub(super) fn new(token: &str, port: u16, secure: bool) -> Self {
        // A name that begins like this is taken by browsers from the host itself alone, and over TLS.
        let cookie = if secure { "__Host-peerhound".to_owned() } else { format!("peerhound-{port}") };
        let attributes = if secure { "; Secure" } else { "" };
        Self {
            token: print(token),
            sessions: Mutex::default(),
            wrong: Rate::new(WRONG, Instant::now()),
            cookie,
            attributes: format!("; Path=/; HttpOnly; SameSite=Strict{attributes}"),
        }
    }

    /// Exchanges a token for a cookie.
    pub(super) fn login(&self, token: &str, now: Instant) -> Login {
        if !bool::from(print(token).as_slice().ct_eq(self.token.as_slice())) {
            return if self.wrong.take(now) { Login::Wrong } else { Login::TooOften };
        }
        let (Ok(id), Ok(form)) = (secret(), secret()) else { return Login::Failed };
        let mut sessions = self.sessions();
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= MOST
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(print(&id), Session { began: now, used: now, form, said: None });
        Login::Granted(format!("{}={id}; Max-Age={}{}", self.cookie, WHOLE.as_secs(), self.attributes))
    }

    /// Whose cookies these are.
    pub(super) fn visitor(&self, cookies: &str, now: Instant) -> Option<Visitor> {
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut ids = pairs.filter(|(name, _)| *name == self.cookie).map(|(_, value)| print(value));
        let mut sessions = self.sessions();
        let id = ids.find(|id| sessions.contains_key(id))?;
        let session = sessions.get_mut(&id)?;
        if session.is_over(now) {
            sessions.remove(&id);
            return None;
        }
        session.used = now;
        Some(Visitor { session: id, form: session.form.clone() })
    }

    /// Ends a session; returns what makes the browser forget the cookie.
    pub(super) fn logout(&self, visitor: &Visitor) -> String {
        self.sessions().remove(&visitor.session);
        format!("{}=; Max-Age=0{}", self.cookie, self.attributes)
    }

    /// Keeps one line for the visitor's next page.
    pub(super) fn say(&self, visitor: &Visitor, text: String) {
        if let Some(session) = self.sessions().get_mut(&visitor.session) {
            session.said = Some(text);
        }
    }

    /// Takes the line that was kept.
    pub(super) fn said(&self, visitor: &Visitor) -> Option<String> {
        self.sessions().get_mut(&visitor.session)?.said.take()
    }

    /// Sessions in use.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.sessions().values().filter(|session| !session.is_over(now)).count()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Print, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor {
    /// Whether a form is from a page that this visitor was shown.
    pub(super) fn sent(&self, form: &str) -> bool {
        print(form).as_slice().ct_eq(print(&self.form).as_slice()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(access: &Access, now: Instant) -> String {
        match access.login("the token", now) {
            Login::Granted(cookie) => cookie,
            _ => panic!("not let in"),
        }
    }

    fn pair(cookie: &str) -> &str {
        cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get() {
        let (access, now) = (Access::new("the token", 8322, false), Instant::now());
        let cookie = granted(&access, now);
        for part in ["peerhound-8322=", "; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=28800"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("token") && !cookie.contains("Secure"), "{cookie}");
        assert!(granted(&Access::new("the token", 443, true), now).starts_with("__Host-peerhound="));
        assert!(granted(&Access::new("the token", 443, true), now).contains("; Secure"));
        let visitor = access.visitor(&format!("a=b; {}", pair(&cookie)), now).unwrap();
        assert!(visitor.sent(&visitor.form) && !visitor.sent("") && !visitor.sent("x"));
        for cookies in ["", "peerhound-8322=", "peerhound-8322=00", &pair(&cookie)[1..], &pair(&cookie)[..60]]
        {
            assert!(access.visitor(cookies, now).is_none(), "{cookies}");
        }
        access.logout(&visitor);
        assert!(access.visitor(pair(&cookie), now).is_none());
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let (access, start) = (Access::new("the token", 1, false), Instant::now());
        let cookie = granted(&access, start);
        let at = |minutes: u64| access.visitor(pair(&cookie), start + Duration::from_secs(minutes * 60));
        for minutes in (0..=480).step_by(60) {
            assert!(at(minutes).is_some(), "{minutes}");
        }
        assert!(at(481).is_none(), "old");
        let cookie = granted(&access, start);
        assert!(access.visitor(pair(&cookie), start + IDLE + Duration::from_secs(1)).is_none(), "idle");
    }

    #[test]
    fn guessing_takes_time_and_does_not_lock_the_right_one_out() {
        let (access, now) = (Access::new("the token", 1, false), Instant::now());
        let tries = (0..100).map(|guess| access.login(&guess.to_string(), now));
        let answered = tries.filter(|login| matches!(login, Login::Wrong)).count();
        assert!(answered <= 5, "{answered} guesses at once");
        granted(&access, now);
    }

    #[test]
    fn sessions_are_bounded_and_the_newest_stay() {
        let (access, now) = (Access::new("the token", 1, false), Instant::now());
        let cookies: Vec<String> =
            (0..70).map(|second| granted(&access, now + Duration::from_secs(second))).collect();
        let later = now + Duration::from_secs(70);
        assert_eq!(access.count(later), MOST);
        assert!(access.visitor(pair(&cookies[0]), later).is_none());
        assert!(access.visitor(pair(&cookies[69]), later).is_some());
    }
}
