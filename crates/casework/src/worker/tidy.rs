//! What a worker that was killed left behind on this machine.

use super::{OnSite, Performer, WorkError, Worker};
use crate::backend::Backend;

impl<B: Backend> Worker<B, OnSite> {
    /// Clears the staging area of cases that are closed: a worker was killed between closing one and clearing what it
    /// had staged. Of cases that are open nothing is touched, they go on from it.
    ///
    /// # Errors
    /// When the store cannot be read. A folder that cannot be cleared is logged.
    pub async fn tidy(&self) -> Result<(), WorkError> {
        for case_id in self.performer.places.staged_cases() {
            if let Some(case) = self.backend.case(&case_id).await?
                && case.is_closed()
                && !case.pending.iter().any(|pending| pending.started)
            {
                self.performer.leave(&case).await;
            }
        }
        Ok(())
    }
}
