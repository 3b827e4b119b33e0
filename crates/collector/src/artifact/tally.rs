//! What an artifact's outcome is counted up from.

use std::collections::BTreeMap;

use investigation::evidence::ArtifactStatus;

/// Most reasons that are listed.
const REASON_CAP: usize = 50;

/// The status of one artifact while it is read: the worst that happened, and one line for each thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    status: ArtifactStatus,
    reasons: Vec<String>,
    counted: BTreeMap<&'static str, (ArtifactStatus, u64)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { status: ArtifactStatus::Ok, reasons: Vec::new(), counted: BTreeMap::new() }
    }
}

impl Tally {
    /// Nothing is missing, and yet this is to be known.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.add(ArtifactStatus::Ok, what.into());
    }

    /// Something could not be read.
    pub(crate) fn partial(&mut self, reason: impl Into<String>) {
        self.add(ArtifactStatus::Partial, reason.into());
    }

    /// A cap was reached.
    pub(crate) fn truncated(&mut self, reason: impl Into<String>) {
        self.add(ArtifactStatus::Truncated, reason.into());
    }

    /// Nothing could be had.
    pub(crate) fn failed(&mut self, reason: impl Into<String>) {
        self.add(ArtifactStatus::Failed, reason.into());
    }

    /// Whether nothing could be had so far.
    pub(crate) fn is_failed(&self) -> bool {
        self.status == ArtifactStatus::Failed
    }

    /// Adds what another one says.
    pub(crate) fn extend(&mut self, other: Self) {
        let (status, reasons) = other.settle();
        reasons.into_iter().for_each(|reason| self.add(status, reason));
    }

    /// Counts something that may happen often and shall be said once, with its number in front.
    pub(crate) fn count(&mut self, status: ArtifactStatus, what: &'static str) {
        self.counted.entry(what).or_insert((status, 0)).1 += 1;
    }

    /// The status, why it is not `ok`, and what else is to be known.
    pub(crate) fn settle(mut self) -> (ArtifactStatus, Vec<String>) {
        for (what, (status, count)) in std::mem::take(&mut self.counted) {
            self.add(status, format!("{count} {what}"));
        }
        (self.status, self.reasons)
    }

    fn add(&mut self, status: ArtifactStatus, reason: String) {
        self.status = worse(self.status, status);
        // An endpoint that wants to can fail in endless ways.
        if self.reasons.len() < REASON_CAP && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

fn worse(a: ArtifactStatus, b: ArtifactStatus) -> ArtifactStatus {
    let rank = |status| match status {
        ArtifactStatus::Ok => 0,
        ArtifactStatus::Partial => 1,
        ArtifactStatus::Truncated => 2,
        ArtifactStatus::Failed => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_wins_and_counts_are_said_once() {
        let mut tally = Tally::default();
        tally.truncated("a cap");
        tally.count(ArtifactStatus::Partial, "files unreadable");
        tally.count(ArtifactStatus::Partial, "files unreadable");
        assert_eq!(
            tally.settle(),
            (ArtifactStatus::Truncated, vec!["a cap".into(), "2 files unreadable".into()])
        );
    }
}
