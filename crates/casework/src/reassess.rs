//! Reads sealed evidence again by other rules: what would the verdict be?

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

use investigation::assess::{Assessment, Bearing, Finding, Rulebook, assess};
use investigation::case::Case;
use serde::{Deserialize, Serialize};

use crate::container::{Proven, ReadError};
use crate::worker::case_file::question;

/// One case, before and after.
#[derive(Clone, Debug, Serialize)]
pub struct Reassessed {
    /// The case.
    pub case_id: String,
    /// As it was sealed, where it was assessed.
    pub before: Option<Assessment>,
    /// By the rules that were given.
    pub after: Assessment,
    /// Rules whose findings differ, by their ids.
    pub rules: Vec<Difference>,
}

impl Reassessed {
    /// Whether the verdict is another.
    pub fn changed(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.verdict != self.after.verdict)
    }
}

/// A rule whose findings are others than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its id.
    pub rule: String,
    /// What it found before: the strongest bearing, and `shadow` where it had no say.
    pub before: Option<String>,
    /// What it finds now.
    pub after: Option<String>,
}

/// Why a container says nothing about a verdict.
#[derive(Debug, thiserror::Error)]
pub enum ReassessError {
    /// It is no evidence, is not intact, or was changed while it was read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Intact, and not the container that the case says was sealed.
    #[error("it is not the container that was sealed: its SHA-256 is {found}, and the case says {sealed}")]
    Other {
        /// Of the file.
        found: String,
        /// On the case.
        sealed: String,
    },
    /// A further container of a case. It has a part of the evidence, and no verdict rests on it.
    #[error(
        "it is the second container of its case, and the verdict rests on the first: name that one, or the case"
    )]
    Second,
    /// An entry that every sealed case has is not there.
    #[error("{0} is not in the container")]
    Missing(&'static str),
}

impl From<std::io::Error> for ReassessError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Proves a container and assesses what is in it. `sealed` is the SHA-256 that the case has on record, where it is known.
/// Blocking.
///
/// # Errors
/// Where the container is not intact, not the one that was sealed, or not the evidence of a case.
pub fn reassess(path: &Path, sealed: Option<&str>, rules: &Rulebook) -> Result<Reassessed, ReassessError> {
    again(Proven::open(path)?, sealed, rules)
}

/// [`reassess`] for a container of `size` bytes that lies anywhere.
///
/// # Errors
/// As [`reassess`].
pub fn reassess_in<F: Read + Seek>(
    file: F,
    size: u64,
    sealed: Option<&str>,
    rules: &Rulebook,
) -> Result<Reassessed, ReassessError> {
    again(Proven::open_in(file, size)?, sealed, rules)
}

fn again<F: Read + Seek>(
    mut container: Proven<F>,
    sealed: Option<&str>,
    rules: &Rulebook,
) -> Result<Reassessed, ReassessError> {
    if let Some(sealed) = sealed.filter(|sealed| *sealed != container.sha256()) {
        return Err(ReassessError::Other { found: container.sha256().to_owned(), sealed: sealed.to_owned() });
    }
    if container.manifest().supplement.is_some() {
        return Err(ReassessError::Second);
    }
    let case: Case = container.json("case.json")?.ok_or(ReassessError::Missing("case.json"))?;
    let before: Option<Assessment> = container.json::<Option<Assessment>>("assessment.json")?.flatten();
    let evidence = container.evidence()?;
    let started_at = container.manifest().collection.started_at;
    let after = assess(&question(&case, started_at), &evidence, rules);
    let rules = differences(before.as_ref(), &after);
    Ok(Reassessed { case_id: container.manifest().case_id.clone(), before, after, rules })
}

/// Rules whose strongest finding is another, or of which there are more or fewer.
fn differences(before: Option<&Assessment>, after: &Assessment) -> Vec<Difference> {
    let (old, new) = (before.map(by_rule).unwrap_or_default(), by_rule(after));
    let mut ids: Vec<&String> = old.keys().chain(new.keys()).collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .filter(|id| old.get(*id) != new.get(*id))
        .map(|id| Difference { rule: id.clone(), before: old.get(id).cloned(), after: new.get(id).cloned() })
        .collect()
}

/// What each rule found, in a few words.
fn by_rule(assessment: &Assessment) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |finding: &Finding, shadow: bool| {
        let weight = match (shadow, finding.bearing) {
            (true, _) => "shadow",
            (false, Bearing::Context) => "context",
            (false, Bearing::Suspicion) => "suspicion",
            (false, Bearing::Violation) => "violation",
            (false, Bearing::Compromise) => "compromise",
        };
        // Findings lie strongest first.
        found.entry(finding.rule.clone()).or_insert_with(|| format!("{weight}, {}", finding.confidence));
    };
    assessment.findings.iter().for_each(|finding| add(finding, false));
    assessment.basis.shadow.iter().for_each(|finding| add(finding, true));
    found
}

#[cfg(test)]
mod tests;
