//! Claims: who may be investigated now, and who was looked at too recently.
//!
//! A claim is a **lease** while its case is worked and becomes a **cooldown** when the evidence is sealed. Whether
//! a claim is in force is always decided by comparing its expiry with the time at hand; that a store also deletes
//! old rows is housekeeping and decides nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::scope::fold;

/// How the keys of slots begin.
pub const LIMIT: &str = "limit#";

/// What a claim is on: `ip#<canonical address>`, `user#<domain>\<name>`, or a slot of a limit, `limit#…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimKey(String);

impl ClaimKey {
    /// The key of an address. IPv4-mapped IPv6 folds to IPv4.
    pub fn ip(ip: IpAddr) -> Self {
        Self(format!("ip#{}", fold(ip)))
    }

    /// The key of a person's account, or `None` where the account stands for no person: an empty name, `-`, `N/A`,
    /// the system's own accounts and machine accounts (`NAME$`).
    ///
    /// `DOMAIN\name`, `name@domain.example` and a separate domain fold to one key. A DNS domain is cut to its first
    /// label, as `corp.example.com` is `CORP` in nearly every directory; `aliases` (lower-case, from the policy)
    /// names the exceptions.
    pub fn user(domain: Option<&str>, name: &str, aliases: &BTreeMap<String, String>) -> Option<Self> {
        let name = name.trim();
        let (inline_domain, name) = match (name.split_once('\\'), name.rsplit_once('@')) {
            (Some((domain, name)), _) => (Some(domain), name),
            (None, Some((name, domain))) => (Some(domain), name),
            (None, None) => (None, name),
        };
        if !is_person(name) {
            return None;
        }
        let domain = inline_domain.or(domain).unwrap_or_default().trim().trim_end_matches('.').to_lowercase();
        if matches!(domain.as_str(), "nt authority" | "nt service" | "window manager" | "font driver host") {
            return None;
        }
        let domain = match aliases.get(&domain) {
            Some(short) => short.to_lowercase(),
            None => domain.split('.').next().unwrap_or_default().to_owned(),
        };
        Some(Self(format!("user#{domain}\\{}", name.to_lowercase())))
    }

    /// A key as an operator types it: `ip#…`, `user#…`, a bare address, or `DOMAIN\user`.
    pub fn parse(text: &str, aliases: &BTreeMap<String, String>) -> Option<Self> {
        let text = text.trim();
        if let Some(ip) = text.strip_prefix("ip#") {
            return ip.parse().ok().map(Self::ip);
        }
        if let Ok(ip) = text.parse() {
            return Some(Self::ip(ip));
        }
        Self::user(None, text.strip_prefix("user#").unwrap_or(text), aliases)
    }

    /// The user whose key it is, `domain\name` in lower case; none of a machine or a limit.
    pub fn user_name(&self) -> Option<&str> {
        self.0.strip_prefix("user#")
    }

    /// The key of one slot of a limit: so many mails to `who` may go out. Who that is cannot be read from it.
    pub(crate) fn limit(name: &str, who: &str, slot: u32) -> Self {
        let who = HEXLOWER.encode(&Sha256::digest(who.to_lowercase().as_bytes())[..8]);
        Self(format!("{LIMIT}{name}#{who}#{slot}"))
    }

    /// Whether it is a slot of a limit, and no machine and no user.
    pub fn is_limit(&self) -> bool {
        self.0.starts_with(LIMIT)
    }

    /// One of the slots that limit how many orders to change something may go out in a span of time (`hour`, `day`): there
    /// are as many as may, and each is held for so long.
    pub fn order_slot(span: &str, n: u32) -> Self {
        Self(format!("order#{span}#{n}"))
    }

    /// The isolation of a host: one at a time.
    pub fn isolation(host_name: &str) -> Self {
        Self(format!("isolated#{}", crate::text::one_line(&host_name.to_lowercase(), 255)))
    }

    /// A key as a store gives it back. Only for text that [`ClaimKey::as_str`] gave.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Whether it is a user's.
    pub fn is_user(&self) -> bool {
        self.0.starts_with("user#")
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether an account name stands for a person.
fn is_person(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    let numbered = |prefix: &str| {
        lower
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    !(lower.ends_with('$')
        || numbered("dwm-")
        || numbered("umfd-")
        || matches!(
            lower.as_str(),
            "" | "-"
                | "?"
                | "n/a"
                | "na"
                | "null"
                | "none"
                | "unknown"
                | "system"
                | "root"
                | "local service"
                | "localservice"
                | "network service"
                | "networkservice"
                | "anonymous"
                | "anonymous logon"
        ))
}

/// Whether a claim is the lease of a running case or the cooldown after a finished one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// The case is being worked; runs out by itself if the worker dies.
    Lease,
    /// The evidence is sealed.
    Cooldown,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed.
    pub key: ClaimKey,
    /// The case that owns the claim.
    pub case_id: String,
    /// Lease or cooldown.
    pub kind: ClaimKind,
    /// When it was first taken; a cooldown is counted from here.
    pub claimed_at: Timestamp,
    /// From this moment on it is no longer in force.
    pub expires_at: Timestamp,
}

impl Claim {
    /// A fresh lease.
    pub fn lease(key: ClaimKey, case_id: &str, now: Timestamp, lease: SignedDuration) -> Self {
        Self {
            key,
            case_id: case_id.to_owned(),
            kind: ClaimKind::Lease,
            claimed_at: now,
            expires_at: later(now, lease),
        }
    }

    /// The same claim, leased until `now + lease`. A cooldown stays as it is.
    pub fn renewed(&self, now: Timestamp, lease: SignedDuration) -> Self {
        match self.kind {
            ClaimKind::Cooldown => self.clone(),
            ClaimKind::Lease => Self { expires_at: later(now, lease).max(self.expires_at), ..self.clone() },
        }
    }

    /// The same claim as a cooldown of `window` from when it was first taken.
    pub fn cooldown(&self, window: SignedDuration) -> Self {
        Self { kind: ClaimKind::Cooldown, expires_at: later(self.claimed_at, window), ..self.clone() }
    }

    /// The same claim, in force until `until` or longer.
    pub fn at_least_until(&self, until: Timestamp) -> Self {
        Self { expires_at: until.max(self.expires_at), ..self.clone() }
    }

    /// Whether it still holds at `now`: up to, and not including, the moment of expiry.
    pub fn in_force(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Whether what lies on the key is still this claim's case's, and in force.
    pub fn stands(&self, existing: Option<&Self>, now: Timestamp) -> bool {
        existing.is_some_and(|claim| claim.case_id == self.case_id && claim.in_force(now))
    }

    /// Whether `case_id` may take a key on which `existing` lies: nobody holds it, it ran out, or it is its own.
    pub fn admits(existing: Option<&Self>, case_id: &str, now: Timestamp) -> bool {
        existing.is_none_or(|claim| claim.case_id == case_id || !claim.in_force(now))
    }
}

/// `at + by`, held at the end of time instead of overflowing.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A change to a claim that must be part of the same write as the case's new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOp {
    /// Take or keep it: granted if [`Claim::admits`] says so, and then stored as given.
    Take(Claim),
    /// As [`ClaimOp::Take`], and granted too where what lies there is this other case's.
    TakeOver {
        /// The claim as it is wanted.
        claim: Claim,
        /// A case that is closed and has no evidence. What it left is only there to spare its machine further contacts.
        from: String,
    },
    /// Give it up, if this case owns it.
    Release(ClaimKey),
    /// Change nothing, but write the step only while this claim of another case is still in force: what the step says
    /// rests on it.
    Confirm(Claim),
}

impl ClaimOp {
    /// The claim that it wants to have, if it wants one.
    pub fn wanted(&self) -> Option<&Claim> {
        match self {
            Self::Take(claim) | Self::TakeOver { claim, .. } => Some(claim),
            Self::Release(_) | Self::Confirm(_) => None,
        }
    }

    /// Whether it may be written where `existing` lies. Every store's conditional write says exactly this.
    pub fn admits(&self, existing: Option<&Claim>, now: Timestamp) -> bool {
        match self {
            Self::Take(claim) => Claim::admits(existing, &claim.case_id, now),
            Self::TakeOver { claim, from } => {
                Claim::admits(existing, &claim.case_id, now)
                    || existing.is_some_and(|existing| existing.case_id == *from)
            }
            Self::Confirm(claim) => claim.stands(existing, now),
            Self::Release(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(domain: Option<&str>, name: &str) -> Option<String> {
        let aliases = BTreeMap::from([("emea.example.net".to_owned(), "EXNET".to_owned())]);
        ClaimKey::user(domain, name, &aliases).map(|key| key.as_str().to_owned())
    }

    #[test]
    fn every_spelling_of_a_user_is_one_key() {
        let alice = Some("user#corp\\alice".to_owned());
        assert_eq!(user(Some("CORP"), "Alice"), alice);
        assert_eq!(user(None, "CORP\\alice"), alice);
        assert_eq!(user(None, "alice@corp.example.com"), alice);
        assert_eq!(user(Some("corp.example.com."), " ALICE "), alice);
        assert_eq!(user(None, "bob@emea.example.net"), Some("user#exnet\\bob".to_owned()));
    }

    #[test]
    fn accounts_that_are_no_person_make_no_key() {
        for name in
            ["", "-", "N/A", "SYSTEM", "NT AUTHORITY\\SYSTEM", "WS-0042$", "CORP\\WS-0042$", "root", "DWM-1"]
        {
            assert_eq!(user(Some("CORP"), name), None, "{name}");
        }
        assert_eq!(user(None, "NT SERVICE\\MSSQL"), None);
        assert!(user(None, "dwm-ann").is_some());
    }

    #[test]
    fn addresses_fold_before_they_make_a_key() {
        assert_eq!(ClaimKey::ip("::ffff:10.0.0.5".parse().unwrap()).as_str(), "ip#10.0.0.5");
        assert_eq!(ClaimKey::ip("2001:DB8:0::1".parse().unwrap()).as_str(), "ip#2001:db8::1");
    }

    #[test]
    fn an_operator_may_type_a_key_in_any_form() {
        let none = BTreeMap::new();
        for (typed, key) in [
            ("10.0.0.5", "ip#10.0.0.5"),
            ("ip#::ffff:10.0.0.5", "ip#10.0.0.5"),
            ("CORP\\Alice", "user#corp\\alice"),
            ("user#corp\\alice", "user#corp\\alice"),
        ] {
            assert_eq!(ClaimKey::parse(typed, &none).unwrap().as_str(), key);
        }
        assert_eq!(ClaimKey::parse("ip#nonsense", &none), None);
    }

    #[test]
    fn a_cooldown_holds_to_the_last_second_of_its_window_and_no_longer() {
        let claimed: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let lease = Claim::lease(
            ClaimKey::ip("10.0.0.5".parse().unwrap()),
            "a",
            claimed,
            SignedDuration::from_hours(2),
        );
        let cooldown = lease.cooldown(SignedDuration::from_hours(72));
        let at = |seconds| later(claimed, SignedDuration::from_secs(seconds));
        assert!(cooldown.in_force(at(72 * 3600 - 1)));
        assert!(!cooldown.in_force(at(72 * 3600)));
        assert!(!Claim::admits(Some(&cooldown), "b", at(72 * 3600 - 1)));
        assert!(Claim::admits(Some(&cooldown), "b", at(72 * 3600)));
        assert!(Claim::admits(Some(&cooldown), "a", at(1)), "its own case is always admitted");
        assert!(Claim::admits(None, "b", at(0)));
    }

    #[test]
    fn a_claim_is_taken_over_from_the_case_that_is_named_and_from_no_other() {
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let lease = |case: &str| {
            Claim::lease(
                ClaimKey::ip("10.0.0.5".parse().unwrap()),
                case,
                start,
                SignedDuration::from_hours(2),
            )
        };
        let over = ClaimOp::TakeOver { claim: lease("new"), from: "old".to_owned() };
        for (existing, admitted) in
            [(Some("old"), true), (Some("new"), true), (Some("else"), false), (None, true)]
        {
            assert_eq!(over.admits(existing.map(lease).as_ref(), start), admitted, "{existing:?}");
        }
        assert!(!ClaimOp::Take(lease("new")).admits(Some(&lease("old")), start));
    }

    #[test]
    fn renewing_never_shortens_and_never_touches_a_cooldown() {
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let two_hours = SignedDuration::from_hours(2);
        let lease = Claim::lease(ClaimKey::ip("10.0.0.5".parse().unwrap()), "a", start, two_hours);
        let later_on = later(start, SignedDuration::from_hours(1));
        assert_eq!(lease.renewed(later_on, two_hours).expires_at, later(later_on, two_hours));
        assert_eq!(lease.renewed(later_on, SignedDuration::from_secs(1)).expires_at, lease.expires_at);
        assert_eq!(lease.renewed(later_on, two_hours).claimed_at, start);
        let cooldown = lease.cooldown(SignedDuration::from_hours(72));
        assert_eq!(cooldown.renewed(later_on, two_hours), cooldown);
    }
}
