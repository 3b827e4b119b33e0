//! How many tries of one account are in doubt at the same time, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Tries that are in doubt at the same time: as many may fail when the password is changed elsewhere.
pub(super) const AT_ONCE: usize = 3;

/// A logon is answered within this, or by a machine that may never answer it. Where nobody knows whether the password is
/// right, the next endpoint is tried only then.
const SILENT: Duration = Duration::from_secs(2);

/// A place in the order in which leave to try was asked for. Later ones are larger.
pub(super) type Ticket = u64;

/// The gate of one account.
#[derive(Debug, Default)]
pub(super) struct Gate {
    next: Ticket,
    waiting: BTreeSet<Ticket>,
    /// Tries that were begun and of which nothing is known yet.
    in_doubt: BTreeMap<Ticket, Instant>,
    changed: Arc<Notify>,
}

/// Whether a try may begin.
pub(super) enum Entry {
    /// It has begun.
    Admitted,
    /// Not before something changes, or so much time has passed.
    Wait(OwnedNotified, Option<Duration>),
}

impl Gate {
    /// Takes the place behind all others.
    pub(super) fn join(&mut self) -> Ticket {
        self.next += 1;
        self.waiting.insert(self.next);
        self.next
    }

    /// Begins a try if it is its turn.
    pub(super) fn enter(&mut self, ticket: Ticket, is_right: bool) -> Entry {
        let is_first = self.waiting.first() == Some(&ticket);
        let youngest = self.in_doubt.values().map(Instant::elapsed).min();
        let fresh = youngest.filter(|age| !is_right && *age < SILENT);
        if !is_first || self.in_doubt.len() >= AT_ONCE || fresh.is_some() {
            let until = fresh.filter(|_| is_first).map(|age| SILENT - age);
            // It hears of everything from now on, whenever it begins to listen.
            return Entry::Wait(Arc::clone(&self.changed).notified_owned(), until);
        }
        self.waiting.remove(&ticket);
        self.in_doubt.insert(ticket, Instant::now());
        self.changed.notify_waiters();
        Entry::Admitted
    }

    /// The password is right, and was when every earlier try was begun: whatever becomes of those, it cannot lock the
    /// account. So a machine that never answers holds nobody up for longer than until the next one does.
    pub(super) fn accepted(&mut self, ticket: Ticket) {
        self.in_doubt = self.in_doubt.split_off(&(ticket + 1));
        self.changed.notify_waiters();
    }

    /// Nothing more comes of a try.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        if self.in_doubt.remove(&ticket).is_some() {
            self.changed.notify_waiters();
        }
    }

    /// Whoever waited is gone, or has begun.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        if self.waiting.remove(&ticket) {
            self.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_admitted(gate: &mut Gate, is_right: bool) -> bool {
        let ticket = gate.join();
        let admitted = matches!(gate.enter(ticket, is_right), Entry::Admitted);
        gate.give_up(ticket);
        admitted
    }

    /// As if a try had been begun so long ago.
    fn ago(gate: &mut Gate, ticket: Ticket, seconds: u64) {
        gate.in_doubt.insert(ticket, Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap());
    }

    #[test]
    fn an_unknown_password_waits_for_a_silent_endpoint_a_moment_and_for_few_of_them() {
        let mut gate = Gate::default();
        assert!(is_admitted(&mut gate, false));
        assert!(!is_admitted(&mut gate, false), "the first may still answer");
        ago(&mut gate, 1, 3);
        assert!(is_admitted(&mut gate, false), "it is silent");
        let second = gate.next;
        assert!(!is_admitted(&mut gate, false), "the second may still answer");
        ago(&mut gate, second, 3);
        assert!(is_admitted(&mut gate, false));
        let third = gate.next;
        ago(&mut gate, third, 3);
        assert!(!is_admitted(&mut gate, false), "so many wrong tries lock no account, and one more might");
        gate.leave(second);
        assert!(is_admitted(&mut gate, false));
    }

    #[test]
    fn an_acceptance_says_nothing_of_later_tries() {
        let mut gate = Gate::default();
        for _ in 0..AT_ONCE {
            assert!(is_admitted(&mut gate, true));
        }
        let all: Vec<Ticket> = gate.in_doubt.keys().copied().collect();
        gate.accepted(all[0]);
        assert_eq!(gate.in_doubt.len(), AT_ONCE - 1);
        gate.accepted(all[2]);
        assert!(gate.in_doubt.is_empty());
    }
}
