//! What an operator and the housekeeping do to the store, past the workers.

use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use casework::backend::Backend;

use super::{Conductor, KEEP};
use crate::history::Fact;

impl Conductor {
    /// An operator gives up a claim that is in force.
    pub(super) fn release(&mut self) {
        let now = crate::life::stamp(self.shared.now());
        let Some(mut claims) = at_once(self.store.claims(now)).and_then(Result::ok) else { return };
        // Nobody can name another key: see `peerhound cooldown release`.
        claims.retain(|claim| ["ip#", "user#"].iter().any(|start| claim.key.as_str().starts_with(start)));
        let chosen = self.shared.between(0, claims.len() as i64) as usize;
        let Some(claim) = claims.get(chosen) else { return };
        // Whatever the answer is: what counts is whether it is gone.
        let _ = at_once(self.store.release(&claim.key, now));
        if self.store.claim_row(&claim.key).is_none() {
            let key = claim.key.as_str().to_owned();
            self.shared.record(|history| Fact::ReleasedByHand { key, case: history.case(&claim.case_id) });
        }
    }

    /// Old alerts are forgotten. What that was is seen by comparing.
    pub(super) fn prune(&mut self) {
        let now = self.shared.now();
        let before = self.store.dump();
        let old = crate::life::stamp(now - KEEP);
        let _ = at_once(self.store.prune(old, crate::life::stamp(now)));
        let after: HashSet<String> = self.store.dump().alerts.into_iter().map(|row| row.id).collect();
        let open: HashSet<&str> =
            before.cases.iter().filter(|case| !case.closed).map(|case| case.alert_id.as_str()).collect();
        for row in before.alerts.into_iter().filter(|row| !after.contains(&row.id)) {
            let (alert, of_open_case) = (row.id.clone(), open.contains(row.id.as_str()));
            self.shared.record(|_| Fact::Forgotten { alert, of_open_case });
            self.forgotten.push(row);
        }
    }
}

/// What a call of the store in memory answers: it never waits.
pub(super) fn at_once<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
