//! Work on several alerts and cases at a time, to its end.

use anyhow::{Error, Result};
use tokio::task::{JoinError, JoinSet};

/// What is being worked. One that fails stops none of the others: they may be in the middle of a delivery, which would
/// be uncertain then.
pub(super) struct Jobs<T> {
    running: JoinSet<Result<T>>,
    failed: Option<Error>,
}

impl<T: Send + 'static> Jobs<T> {
    pub(super) fn new() -> Self {
        Self { running: JoinSet::new(), failed: None }
    }

    pub(super) fn start(&mut self, work: impl Future<Output = Result<T>> + Send + 'static) {
        self.running.spawn(work);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// What the next one that went well gave, or `None` when none is running.
    pub(super) async fn next(&mut self) -> Option<T> {
        loop {
            let done = self.running.join_next().await?;
            if let Some(done) = self.well(done) {
                return Some(done);
            }
        }
    }

    /// As [`Jobs::next`], of those that are done by now.
    pub(super) fn try_next(&mut self) -> Option<T> {
        loop {
            let done = self.running.try_join_next()?;
            if let Some(done) = self.well(done) {
                return Some(done);
            }
        }
    }

    fn well(&mut self, done: Result<Result<T>, JoinError>) -> Option<T> {
        match done.map_err(Error::from).and_then(|done| done) {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::warn!("{error:#}; the others are finished first");
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    /// The first failure, once all are done.
    pub(super) fn end(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_that_fails_or_breaks_stops_no_other_and_is_told_in_the_end() {
        let mut jobs = Jobs::new();
        jobs.start(async { Err(anyhow::anyhow!("the database is locked")) });
        jobs.start(async { panic!("a bug") });
        jobs.start(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok("delivered")
        });
        assert_eq!(jobs.next().await, Some("delivered"));
        assert_eq!(jobs.next().await, None);
        assert!(jobs.is_empty());
        let told = jobs.end().unwrap_err().to_string();
        assert!(["the database is locked", "panicked"].iter().any(|what| told.contains(what)), "{told}");
    }
}
