//! What the pages are made from: the store, what was seen of it a moment ago, and who may look.

use std::sync::Arc;
use std::time::Instant;

use casework::backend::{CaseRow, Stored};
use casework::door::Rate;
use jiff::Timestamp;
use tokio::sync::{Mutex, Semaphore};

use super::about::About;
use super::access::Access;
use super::approving::Approving;
use super::evidence::Evidence;
use super::guard::Names;
use crate::records::Records;

/// Containers that are read at the same time.
const READERS: usize = 4;
/// Requests a minute of those who have not logged in.
const STRANGERS: u32 = 300;

/// The browser of cases.
pub(super) struct Site<S> {
    pub(super) store: S,
    pub(super) evidence: Evidence,
    /// Where links for approvers lead here.
    pub(super) approving: Option<Approving>,
    pub(super) access: Access,
    pub(super) names: Names,
    pub(super) about: About,
    pub(super) strangers: Rate,
    pub(super) readers: Arc<Semaphore>,
    seen: Mutex<Option<Seen>>,
}

/// A list of cases as it was at a moment.
struct Seen {
    since: Timestamp,
    at: Instant,
    listed: Arc<Listed>,
}

/// Cases, the latest first.
pub(super) struct Listed {
    pub(super) rows: Vec<CaseRow>,
    /// There are more, older ones, that were not read.
    pub(super) cut: bool,
}

impl<S: Records> Site<S> {
    pub(super) fn new(
        store: S,
        evidence: Evidence,
        approving: Option<Approving>,
        access: Access,
        names: Names,
        about: impl FnOnce(String) -> About,
    ) -> Self {
        let about = about(store.place());
        Self {
            store,
            evidence,
            approving,
            access,
            names,
            about,
            strangers: Rate::new(STRANGERS, Instant::now()),
            readers: Arc::new(Semaphore::new(READERS)),
            seen: Mutex::new(None),
        }
    }

    /// The cases that were opened since a moment. Whoever asks while another one's answer is on its way, or is fresh,
    /// gets that.
    pub(super) async fn cases(&self, since: Timestamp) -> Stored<Arc<Listed>> {
        let mut seen = self.seen.lock().await;
        if let Some(seen) = &*seen
            && seen.since == since
            && seen.at.elapsed() < S::FRESH
        {
            return Ok(Arc::clone(&seen.listed));
        }
        let mut rows = self.store.cases_since(since, S::MOST_CASES + 1).await?;
        let cut = rows.len() > S::MOST_CASES;
        rows.truncate(S::MOST_CASES);
        let listed = Arc::new(Listed { rows, cut });
        *seen = Some(Seen { since, at: Instant::now(), listed: Arc::clone(&listed) });
        Ok(listed)
    }
}
