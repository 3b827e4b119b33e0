//! What the servers saw, by what tells one delivery from another.

use std::collections::{BTreeMap, BTreeSet};

use super::Site;
use super::round::Tally;

/// At the very end: the servers saw what the cases say and nothing besides.
pub(super) fn everything_once(site: &Site, total: &Tally) {
    let mails = arrivals(site, true);
    let twice: Vec<_> = mails.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "mails that arrived more than once: {twice:?}");
    let keys: BTreeSet<String> = mails.into_keys().chain(arrivals(site, false).into_keys()).collect();
    assert_eq!(keys, total.seen, "what arrived and what the cases know of");
}

/// How often each mail (by `Message-ID`) or ticket (by `Idempotency-Key`) arrived.
pub(super) fn arrivals(site: &Site, mail: bool) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    let keys: Vec<String> = if mail {
        let mails = site.lab.mail.mails().expect("mails");
        mails.iter().map(|mail| message_id(&mail.message)).collect()
    } else {
        let tickets = site.lab.tickets.tickets().expect("tickets");
        tickets.iter().map(|ticket| ticket.headers["idempotency-key"].clone()).collect()
    };
    for key in keys {
        *arrivals.entry(key).or_default() += 1;
    }
    arrivals
}

/// The left side of a mail's `Message-ID`.
fn message_id(message: &str) -> String {
    let line = message.lines().find_map(|line| line.strip_prefix("Message-ID: <")).expect("a Message-ID");
    line.split('@').next().unwrap_or_default().to_owned()
}
