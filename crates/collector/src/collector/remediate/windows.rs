//! Changing a Windows endpoint: one script for each measure, and one that asks where an isolation is ordered from.

use super::super::artifacts::Collecting;
use crate::artifact::Way;
use crate::contact_error::ContactError;
use crate::remediation::windows::{self, connection};
use crate::remediation::{Ending, OwnConnection, Task};
use crate::transport::Session;

impl Collecting<'_> {
    pub(super) async fn on_windows(&mut self, task: &Task) -> Result<Ending, ContactError> {
        if self.way != Some(Way::PowerShell) {
            return Ok(Ending::refused(
                "PowerShell does not answer there, and nothing is changed without it",
            ));
        }
        let own = match self.windows_connection(task).await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        let step = match windows::step(task, &own) {
            Ok(step) => step,
            Err(why) => return Ok(Ending::refused(why)),
        };
        let answer = self.perform(task, step).await?;
        Ok(match windows::undo(&task.work, &answer) {
            Some(undo) => answer.ending().with_undo(undo),
            None => answer.ending(),
        })
    }

    /// Where the order comes from, where the measure has to know; else how it ends.
    async fn windows_connection(
        &mut self,
        task: &Task,
    ) -> Result<Result<OwnConnection, Ending>, ContactError> {
        let contacted = match &self.session {
            Session::Winrm(session) => Some(session.address()),
            _ => None,
        };
        let own = connection::unasked(contacted);
        let Some(asking) = windows::who_asks(task, &own, contacted.is_none()) else { return Ok(Ok(own)) };
        let answer = self.perform(task, asking).await?;
        if !answer.is_done() {
            return Ok(Err(answer.ending()));
        }
        let ours = contacted.and_then(connection::ours);
        Ok(connection::asked(&answer, contacted, ours).map_err(Ending::refused))
    }
}
