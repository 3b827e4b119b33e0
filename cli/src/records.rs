//! What is on record, on this machine or on AWS.

use std::future::Future;
use std::time::Duration;

use casework::backend::ledger::Ledger;
use casework::backend::local::Local;
use casework::backend::{CaseRow, Stored, SuppressedAlert};
use jiff::Timestamp;

/// A store as a person asks it.
pub(crate) trait Records: Ledger {
    /// Cases that are looked through for one list at most, since each costs something.
    const MOST_CASES: usize;
    /// For how long what was seen is shown again.
    const FRESH: Duration;

    /// The cases that were opened since a moment, the latest first, up to `limit`.
    fn cases_since(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Stored<Vec<CaseRow>>> + Send;

    /// What it is called, for people.
    fn place(&self) -> String;

    /// Waits until everything that was let go of is written as such. To be called before the program ends.
    fn flush(&self) -> impl Future<Output = ()> + Send;

    /// Alerts that are stored nowhere but on the cases that they are counted on, by their id or the start of it, each
    /// with its case.
    fn only_counted(
        &self,
        alert_id: &str,
    ) -> impl Future<Output = Stored<Vec<(String, SuppressedAlert)>>> + Send;
}

impl Records for Local {
    const MOST_CASES: usize = 10_000;
    const FRESH: Duration = Duration::from_secs(3);

    async fn cases_since(&self, since: Timestamp, limit: usize) -> Stored<Vec<CaseRow>> {
        self.cases_since(since, limit).await
    }

    fn place(&self) -> String {
        self.database().display().to_string()
    }

    async fn flush(&self) {}

    /// None: every alert is stored.
    async fn only_counted(&self, _: &str) -> Stored<Vec<(String, SuppressedAlert)>> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "aws")]
impl Records for casework::backend::aws::Aws {
    /// A query each, for the repeats.
    const MOST_CASES: usize = 1_000;
    const FRESH: Duration = Duration::from_secs(30);

    async fn cases_since(&self, since: Timestamp, limit: usize) -> Stored<Vec<CaseRow>> {
        self.cases_since(since, limit).await
    }

    fn place(&self) -> String {
        format!("{self:?}")
    }

    async fn flush(&self) {
        self.flush().await;
    }

    /// The repeats of a storm.
    async fn only_counted(&self, alert_id: &str) -> Stored<Vec<(String, SuppressedAlert)>> {
        self.find_suppressed(alert_id).await
    }
}
