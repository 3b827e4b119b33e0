//! What is on record, on this machine or on AWS.

use std::future::Future;

use casework::backend::local::Local;
use casework::backend::{Backend, Stored, SuppressedAlert};

/// A store as a person asks it.
pub(crate) trait Records: Backend {
    /// Alerts that are stored nowhere but on the cases that they are counted on, by their id or the start of it, each
    /// with its case.
    fn only_counted(
        &self,
        alert_id: &str,
    ) -> impl Future<Output = Stored<Vec<(String, SuppressedAlert)>>> + Send;
}

impl Records for Local {
    /// None: every alert is stored.
    async fn only_counted(&self, _: &str) -> Stored<Vec<(String, SuppressedAlert)>> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "aws")]
impl Records for casework::backend::aws::Aws {
    /// The repeats of a storm.
    async fn only_counted(&self, alert_id: &str) -> Stored<Vec<(String, SuppressedAlert)>> {
        self.find_suppressed(alert_id).await
    }
}
