//! Reads sealed evidence again by other rules: what would the verdict be?

use std::collections::BTreeMap;
use std::path::Path;

use investigation::assess::{Assessment, Bearing, Finding, Rulebook, assess};
use investigation::case::Case;
use investigation::evidence::{ArtifactKind, Collection, Evidence};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::container::{self, ExtractError, VerifyError};
use crate::worker::case_file::question;

/// Largest entry that is read.
const MAX_ENTRY: u64 = 256 << 20;

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
    /// No evidence, or it cannot be read.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Not intact, or changed while it was read.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// Intact, and not the container that the case says was sealed.
    #[error("it is not the container that was sealed: its SHA-256 is {found}, and the case says {sealed}")]
    Other {
        /// Of the file.
        found: String,
        /// On the case.
        sealed: String,
    },
    /// An entry that every sealed case has is not there, or does not read.
    #[error("{entry}: {why}")]
    Entry {
        /// Its path.
        entry: String,
        /// What is wrong.
        why: String,
    },
}

/// Proves a container and assesses what is in it. `sealed` is the SHA-256 that the case has on record, where it is known.
///
/// # Errors
/// Where the container is not intact, not the one that was sealed, or not the evidence of a case.
pub fn reassess(path: &Path, sealed: Option<&str>, rules: &Rulebook) -> Result<Reassessed, ReassessError> {
    let report = container::verify(path)?;
    if let Some(sealed) = sealed.filter(|sealed| *sealed != report.sha256) {
        return Err(ReassessError::Other { found: report.sha256, sealed: sealed.to_owned() });
    }
    let parsed: Vec<String> = ArtifactKind::ALL.into_iter().map(ArtifactKind::parsed_entry).collect();
    let wanted = |path: &str| {
        ["case.json", "assessment.json"].contains(&path) || parsed.iter().any(|entry| entry == path)
    };
    let entries = container::extract(path, &report, wanted, MAX_ENTRY)?;
    let Some(manifest) = report.manifest else { return Err(missing("manifest.json")) };
    let case: Case = read(&entries, "case.json")?.ok_or_else(|| missing("case.json"))?;
    let before: Option<Assessment> = read::<Option<Assessment>>(&entries, "assessment.json")?.flatten();
    let evidence = evidence(&entries, &manifest.collection)?;
    let after = assess(&question(&case, manifest.collection.started_at), &evidence, rules);
    let rules = differences(before.as_ref(), &after);
    Ok(Reassessed { case_id: manifest.case_id, before, after, rules })
}

fn missing(entry: &str) -> ReassessError {
    ReassessError::Entry { entry: entry.to_owned(), why: "it is not in the container".to_owned() }
}

/// An entry, if it is there.
fn read<T: DeserializeOwned>(
    entries: &BTreeMap<String, Vec<u8>>,
    entry: &str,
) -> Result<Option<T>, ReassessError> {
    let parse = |bytes: &Vec<u8>| {
        serde_json::from_slice(bytes)
            .map_err(|error| ReassessError::Entry { entry: entry.to_owned(), why: error.to_string() })
    };
    entries.get(entry).map(parse).transpose()
}

fn evidence(entries: &BTreeMap<String, Vec<u8>>, collection: &Collection) -> Result<Evidence, ReassessError> {
    let entry = ArtifactKind::parsed_entry;
    Ok(Evidence {
        identity: read(entries, &entry(ArtifactKind::Identity))?,
        processes: read(entries, &entry(ArtifactKind::Processes))?,
        sockets: read(entries, &entry(ArtifactKind::Connections))?,
        torrents: read(entries, &entry(ArtifactKind::Torrents))?,
        autostart: read(entries, &entry(ArtifactKind::Autostart))?,
        firewall: read(entries, &entry(ArtifactKind::Firewall))?,
        neighbors: read(entries, &entry(ArtifactKind::Neighbors))?,
        dns_cache: read(entries, &entry(ArtifactKind::DnsCache))?,
        prefetch: read(entries, &entry(ArtifactKind::Prefetch))?,
        programs: read(entries, &entry(ArtifactKind::Programs))?,
        outcomes: collection.outcomes.clone(),
    })
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
