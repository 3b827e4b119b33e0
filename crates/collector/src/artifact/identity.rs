//! `Linux.System.Identity`: which machine answered, whose it is, and who is logged in.

mod addresses;
mod domain;
mod sessions;

use std::collections::BTreeSet;
use std::io::{self, BufRead};
use std::net::IpAddr;

use data_encoding::BASE64;
use investigation::evidence::Identity;
use investigation::order::Limits;
use jiff::Timestamp;

use super::facts::{Contact, Facts};
use super::record::{Record, Records, cut_text, some_text, text};
use super::tally::Tally;
use super::utmp::{self, UtmpSession};
use super::{Parsed, script};
use domain::DomainHints;
use sessions::LogindSession;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/identity.sh")
}

/// Longest value; the longest that is honest is a large account table.
const VALUE_CAP: usize = 2 << 20;
/// Longest name that is kept.
const NAME_CAP: usize = 255;

/// The catalogue's view of [`read`].
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, _: &Limits) -> io::Result<(Parsed, Tally)> {
    let (contact, tally) = read(input, true)?;
    Ok((Parsed::Identity(Box::new(contact.unwrap_or_default().identity)), tally))
}

/// Reads the script's output. Without a contact where no script of ours ran. `visiting`: the collector opened a session
/// of its own there, which is not listed.
pub(crate) fn read(input: &mut dyn BufRead, visiting: bool) -> io::Result<(Option<Contact>, Tally)> {
    let mut tally = Tally::default();
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((None, tally));
    };
    let mut gathered = Gathered::default();
    while let Some(record) = records.next()? {
        gathered.take(&record);
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end; directory accounts may be missing");
    }
    if !visiting {
        gathered.own_sessions.clear();
    }
    Ok((Some(gathered.into_contact(&mut tally)), tally))
}

#[derive(Default)]
struct Gathered {
    identity: Identity,
    facts: Facts,
    machine: String,
    utmp: Option<Vec<u8>>,
    logind: Vec<LogindSession>,
    alive: BTreeSet<u32>,
    own_sessions: BTreeSet<String>,
    local_accounts: BTreeSet<String>,
    domain: DomainHints,
}

impl Gathered {
    fn take(&mut self, record: &Record<'_>) {
        let value = record.value;
        match record.key {
            b"time" => self.identity.endpoint_time = clock(&text(value)),
            b"collected_as" => self.identity.collected_as = name(value),
            b"uid" => self.facts.uid = text(value).parse().ok(),
            b"host" => self.identity.host_name = name(value).unwrap_or_default(),
            b"kernel" => self.identity.kernel = name(value),
            b"machine" => {
                self.machine = text(value);
                self.facts.big_endian = matches!(
                    self.machine.as_str(),
                    "s390x" | "ppc" | "ppc64" | "mips" | "mips64" | "sparc64" | "armv7b" | "aarch64_be"
                );
            }
            b"os" => self.identity.os = os_name(&text(value)),
            b"ip" => self.hold(addresses::from_ip(&text(value))),
            b"fib_trie" => self.hold(addresses::from_fib_trie(&text(value))),
            b"if_inet6" => self.hold(addresses::from_if_inet6(&text(value))),
            b"boot" => {
                self.facts.boot = text(value).parse().ok().and_then(|s| Timestamp::from_second(s).ok());
            }
            b"ticks" => self.facts.ticks = text(value).parse().unwrap_or(100),
            b"resolv" => self.domain.resolv(&text(value)),
            b"sssd" => self.domain.sssd(&text(value)),
            b"krb5" => self.domain.krb5(&text(value)),
            b"own_session" => self.own_sessions.extend(some_text(value)),
            b"own_cgroup" => self.own_sessions.extend(sessions::from_cgroup(&text(value))),
            b"alive" => self.alive = text(value).split(' ').filter_map(|pid| pid.parse().ok()).collect(),
            b"utmp" => {
                let mut base64 = value.to_vec();
                base64.retain(|b| !b.is_ascii_whitespace());
                self.utmp = BASE64.decode(&base64).ok();
            }
            b"session" => self.logind.extend(LogindSession::parse(&text(value))),
            b"accounts" => {
                let accounts = accounts(&text(value));
                self.local_accounts.extend(accounts.iter().map(|(_, name)| name.clone()));
                self.facts.accounts.extend(accounts);
            }
            b"directory_account" => {
                for (uid, name) in accounts(&text(value)) {
                    self.facts.accounts.entry(uid).or_insert(name);
                }
            }
            // A newer script may say more.
            _ => {}
        }
    }

    /// Each table is said once; one that comes again adds no more than it could have held.
    fn hold(&mut self, addresses: Vec<IpAddr>) {
        let room = (2 * addresses::CAP).saturating_sub(self.identity.addresses.len());
        self.identity.addresses.extend(addresses.into_iter().take(room));
    }

    fn into_contact(mut self, tally: &mut Tally) -> Contact {
        let identity = &mut self.identity;
        identity.addresses.sort();
        identity.addresses.dedup();
        identity.boot_time = self.facts.boot;
        identity.domain = self.domain.settle(&identity.host_name);
        let utmp: Vec<UtmpSession> = match &self.utmp {
            Some(table) => utmp::sessions(table, &self.machine),
            None => Vec::new(),
        };
        if self.utmp.is_none() && self.logind.is_empty() {
            tally.partial("neither utmp nor logind keeps sessions here: who is logged in is unknown");
        }
        let utmp = utmp.into_iter().filter(|s| self.alive.is_empty() || self.alive.contains(&s.pid));
        let logind = self.logind.into_iter().filter(|s| !self.own_sessions.contains(&s.id));
        let accounts = sessions::Accounts { local: &self.local_accounts, identity };
        identity.users = sessions::merge(utmp, logind, &accounts);
        Contact { identity: self.identity, facts: self.facts }
    }
}

/// `date +%s.%N`; without the fraction where `date` has none.
fn clock(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() == 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let nanoseconds = if digits { fraction.parse().ok()? } else { 0 };
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

fn name(value: &[u8]) -> Option<String> {
    let mut name = some_text(value)?;
    cut_text(&mut name, NAME_CAP);
    Some(name)
}

/// `PRETTY_NAME` of os-release(5).
fn os_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    name(value.trim_matches(['"', '\'']).as_bytes())
}

/// Lines `name:uid`.
fn accounts(text: &str) -> Vec<(u32, String)> {
    let account = |line: &str| {
        let (name, uid) = line.rsplit_once(':')?;
        (!name.is_empty() && name.len() <= NAME_CAP).then_some((uid.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(account).collect()
}

#[cfg(test)]
mod tests;
