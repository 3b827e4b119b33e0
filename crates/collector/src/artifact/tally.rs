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
            self.add(status, counted(count, what));
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

/// What is counted, in the words of our own that tallies use, and how one of it is called.
const NOUNS: [(&str, &str); 23] = [
    ("sockets", "socket"),
    ("processes", "process"),
    ("folders", "folder"),
    ("files", "file"),
    ("lines", "line"),
    ("commands", "command"),
    ("entries", "entry"),
    ("rules", "rule"),
    ("jobs", "job"),
    ("lists", "list"),
    ("names", "name"),
    ("neighbours", "neighbour"),
    ("paths", "path"),
    ("programs", "program"),
    ("records", "record"),
    ("keys", "key"),
    ("rows", "row"),
    ("switches", "switch"),
    ("values", "value"),
    ("holders", "holder"),
    ("users", "user"),
    ("accounts", "account"),
    ("tasks", "task"),
];
/// What it does, of many and of one.
const VERBS: [(&str, &str); 7] = [
    ("are", "is"),
    ("were", "was"),
    ("have", "has"),
    ("do", "does"),
    ("lie", "lies"),
    ("hold", "holds"),
    ("name", "names"),
];

/// A number with what it counts, which is written as of many: `2 sockets have no process`, `1 socket has no process`.
pub(crate) fn counted(number: u64, what: &'static str) -> String {
    if number != 1 {
        return format!("{number} {what}");
    }
    let one_of = |table: &[(&'static str, &'static str)], word: &str| {
        table.iter().find(|(many, _)| *many == word).map(|(_, one)| *one)
    };
    let (mut noun, mut verb) = (false, false);
    let mut words = Vec::new();
    let mut before = "";
    for word in what.split(' ') {
        let said = match word {
            _ if !noun => one_of(&NOUNS, word).inspect(|_| noun = true),
            "their" => Some("its"),
            "were" if before == "and" => Some("was"),
            _ if !verb => one_of(&VERBS, word).inspect(|_| verb = true),
            _ => None,
        };
        words.push(said.unwrap_or(word));
        before = word;
    }
    format!("1 {}", words.join(" "))
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
    fn one_of_something_is_spoken_of_as_one() {
        for (many, one) in [
            (
                "processes do not let this account see their image",
                "1 process does not let this account see its image",
            ),
            ("sockets have no process", "1 socket has no process"),
            ("folders hold more files than are listed", "1 folder holds more files than are listed"),
            ("home folders are closed to this account", "1 home folder is closed to this account"),
            (
                "command lines were longer than 32 KiB and were cut",
                "1 command line was longer than 32 KiB and was cut",
            ),
            (
                "switches of entries beyond the cap on rows were left out",
                "1 switch of entries beyond the cap on rows was left out",
            ),
            ("records of `wmic` name no process", "1 record of `wmic` names no process"),
            ("lines of such files hold no key", "1 line of such files holds no key"),
            ("files unreadable", "1 file unreadable"),
            (
                "users are not logged on: what their part of the registry starts is not read",
                "1 user is not logged on: what its part of the registry starts is not read",
            ),
            ("tasks did not give their text", "1 task did not give its text"),
        ] {
            assert_eq!(counted(1, many), one);
            assert_eq!(counted(2, many), format!("2 {many}"));
        }
    }

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
