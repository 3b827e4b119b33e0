//! What a case keeps of its remediation.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::person::Way;
use super::propose::Why;
use super::{Measure, MeasureOutcome, Undo};
use crate::claim::later;

/// How far one measure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for the approvals that it needs.
    Proposed,
    /// It has them: the order is in the outbox or on its way.
    Ordered,
    /// It was carried out.
    Done,
    /// What it was about was not there any more.
    Gone,
    /// The endpoint or its collector refused it; nothing was touched.
    Refused,
    /// It did not work, or nothing was heard of it.
    Failed,
    /// Nobody approved it in time, or nobody could be reached in the approval's life.
    Expired,
    /// A person said no.
    Rejected,
    /// The order to take it back is in the outbox or on its way.
    Undoing,
    /// It was taken back.
    Undone,
}

impl Stage {
    /// The word used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Ordered => "ordered",
            Self::Done => "done",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

/// One measure of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Number within the case, from 1.
    pub n: u32,
    /// What to do.
    pub measure: Measure,
    /// What it rests on.
    pub why: Why,
    /// Persons who have to approve it.
    pub needs: u32,
    /// How far it has come.
    pub stage: Stage,
    /// One line about the last change, safe to show.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MeasureOutcome>,
    /// How the last try to take it back ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<MeasureOutcome>,
}

impl Proposed {
    /// How it is taken back, where it was done and can be.
    pub fn undo(&self) -> Option<&Undo> {
        self.outcome.as_ref().filter(|_| self.stage == Stage::Done)?.undo.as_ref()
    }

    /// When the machine ends an isolation by itself, where one was begun and not taken back. By the collector's clock.
    pub fn isolated_until(&self) -> Option<Timestamp> {
        let Measure::Isolate { seconds, .. } = &self.measure else { return None };
        let begun = self.outcome.as_ref().filter(|_| matches!(self.stage, Stage::Done | Stage::Undoing))?;
        let lasts = SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX));
        Some(later(begun.at, lasts))
    }
}

/// One person's word for some measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who, in the one spelling that the policy's names fold to.
    pub by: String,
    /// How that is known.
    pub how: Way,
    /// When.
    pub at: Timestamp,
    /// The evidence that it was given on.
    pub evidence_sha256: String,
    /// Numbers of the measures.
    pub measures: Vec<u32>,
    /// From this moment on it counts no more, and no order that rests on it goes out.
    pub expires_at: Timestamp,
    /// It is the word to take them back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undoes: bool,
    /// The seal of the deployment that took it, over [`Case::seal_text`](crate::case::Case::seal_text). One machine seals
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// Its seal was missed or wrong when an order was to rest on it: it counts for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsealed: bool,
}

/// The remediation of a case. It goes on after the case is closed, and keeps nothing else from going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remediation {
    /// SHA-256 of the sealed evidence; empty before it is sealed.
    pub evidence_sha256: String,
    /// The name that the host gave when the evidence was collected.
    pub host_name: String,
    /// When the proposals were put before people; the moment of assessment until then.
    pub proposed_at: Timestamp,
    /// From this moment on nobody can approve them.
    pub expires_at: Timestamp,
    /// They are a preview: the policy says `dry_run`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The measures, in the order in which they are carried out.
    pub measures: Vec<Proposed>,
    /// What was not proposed, a line each with the reason; safe to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Who approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
}

impl Remediation {
    /// A measure by its number.
    pub fn measure(&self, n: u32) -> Option<&Proposed> {
        self.measures.iter().find(|proposed| proposed.n == n)
    }

    pub(crate) fn measure_mut(&mut self, n: u32) -> Option<&mut Proposed> {
        self.measures.iter_mut().find(|proposed| proposed.n == n)
    }

    /// The measures that wait for an approval at `now`.
    pub fn waiting(&self, now: Timestamp) -> impl Iterator<Item = &Proposed> {
        let open = !self.evidence_sha256.is_empty() && !self.dry_run && now < self.expires_at;
        self.measures.iter().filter(move |proposed| open && proposed.stage == Stage::Proposed)
    }

    /// Until when measures wait for an approval, where some do. It may have passed: whoever asks knows the time.
    pub fn waits_until(&self) -> Option<Timestamp> {
        let open = !self.evidence_sha256.is_empty() && !self.dry_run;
        let waits = open && self.measures.iter().any(|proposed| proposed.stage == Stage::Proposed);
        waits.then_some(self.expires_at)
    }

    /// Every approval that a measure was given (or, with `undoes`, order to take it back), also one that counts no more by
    /// now; but for those whose seal was missed or wrong, which nobody is known to have given.
    pub fn given(&self, n: u32, undoes: bool) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |approval| {
            approval.measures.contains(&n) && approval.undoes == undoes && !approval.unsealed
        })
    }

    /// Who has approved a measure (or, with `undoes`, ordered that it is taken back), as far as it still counts at `now`:
    /// each person once.
    pub fn approvers(&self, n: u32, undoes: bool, now: Timestamp) -> Vec<&Approval> {
        let mut counted: Vec<&Approval> = Vec::new();
        for approval in self.given(n, undoes) {
            let counts = now < approval.expires_at && approval.evidence_sha256 == self.evidence_sha256;
            if counts && !counted.iter().any(|known| known.by == approval.by) {
                counted.push(approval);
            }
        }
        counted
    }
}
