//! Collecting over SMB, which runs nothing: what is read there comes parsed, with its raw output beside it.

use super::Progress;
use super::artifacts::Collecting;
use super::identify::Answer;
use crate::artifact::tally::Tally;
use crate::artifact::{Artifact, Parsed, System, Way};
use crate::contact_error::ContactError;
use crate::staging::Staging;
use crate::transport::Session;
use crate::transport::smb::Task;

impl Collecting<'_> {
    /// Asks a Windows endpoint who it is.
    pub(super) async fn ask_smb(&mut self) -> Result<Answer, ContactError> {
        let mut answer = Answer::none(System::Windows);
        let task = self.task(answer.artifact)?;
        if let Session::Smb(session) = &mut self.session {
            let reading = session.identity(task).await?;
            self.clock_skew_ms = session.clock_skew_ms();
            self.commands.extend(reading.records);
            (answer.contact, answer.tally) = (Some(reading.found), reading.tally);
            answer.way = Some(Way::Smb);
        }
        Ok(answer)
    }

    /// Reads one artifact.
    pub(super) async fn over_smb(
        &mut self,
        artifact: &'static Artifact,
    ) -> Result<(Parsed, Tally), ContactError> {
        let task = self.task(artifact)?;
        let progress = self.progress;
        let Session::Smb(session) = &mut self.session else {
            // A way over SMB is taken by a session over SMB only.
            let mut tally = Tally::default();
            tally.failed("not read over SMB");
            return Ok((Parsed::Torrents(Vec::new()), tally));
        };
        let reading = session.read(task, &|seen| progress(Progress::Files { seen })).await?;
        self.commands.extend(reading.records);
        Ok((reading.found, reading.tally))
    }

    fn task(&self, artifact: &'static Artifact) -> Result<Task, ContactError> {
        let (time, bytes) = artifact.allowance(&self.limits);
        let raw = self.staging.raw_output(&Staging::raw_entry(artifact.kind), bytes)?;
        Ok(Task { artifact, raw, time, limits: self.limits.clone() })
    }
}
