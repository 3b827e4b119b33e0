//! `[forensics]`: what follows the verdict `compromised`.

use serde::{Deserialize, Deserializer, Serialize};

use super::check::{Remark, error, warning};
use super::{Memory, Policy, Span};
use crate::evidence::ArtifactKind;
use crate::order::Limits;

/// `[forensics]`. Both steps can also be asked for by hand, whatever is switched on here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forensics {
    /// Look deeper into a machine that is compromised: a second collection, sealed into a second container.
    pub enabled: bool,
    /// Put the evidence of a compromised machine under legal hold.
    pub legal_hold: bool,
    /// What the second collection is of.
    pub artifacts: Vec<ArtifactKind>,
    /// Time for it.
    pub timeout: Span,
    /// For how long a machine that does not answer any more is tried, with the waits of `[collection] retry`.
    pub retry_for: Span,
    /// Caps for each artifact.
    #[serde(deserialize_with = "raised")]
    pub limits: Limits,
    /// An image of its memory.
    pub memory: Memory,
}

/// The caps, above those of the first collection.
fn limits() -> Limits {
    Limits { artifact_seconds: 900, artifact_bytes: 512 << 20, rows: 100_000, ..Limits::default() }
}

/// Reads `[forensics.limits]`: what it does not name is not what `[collection.limits]` has by default.
fn raised<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Named {
        artifact_seconds: u64,
        artifact_bytes: u64,
        rows: u64,
        depth: u32,
        files: u64,
        torrent_bytes: u64,
        hash_bytes: u64,
    }
    impl Default for Named {
        fn default() -> Self {
            let Limits { artifact_seconds, artifact_bytes, rows, depth, files, torrent_bytes, hash_bytes } =
                limits();
            Self { artifact_seconds, artifact_bytes, rows, depth, files, torrent_bytes, hash_bytes }
        }
    }
    let Named { artifact_seconds, artifact_bytes, rows, depth, files, torrent_bytes, hash_bytes } =
        Named::deserialize(deserializer)?;
    Ok(Limits { artifact_seconds, artifact_bytes, rows, depth, files, torrent_bytes, hash_bytes })
}

impl Default for Forensics {
    fn default() -> Self {
        let again = [ArtifactKind::Connections, ArtifactKind::Processes];
        Self {
            enabled: true,
            legal_hold: true,
            artifacts: again.into_iter().chain(ArtifactKind::FORENSIC).collect(),
            timeout: Span::hours(1),
            retry_for: Span::days(1),
            limits: limits(),
            memory: Memory::default(),
        }
    }
}

impl Forensics {
    /// What the second collection is of: the image of the memory first, where one is wanted.
    pub fn kinds(&self) -> Vec<ArtifactKind> {
        let memory = self.memory.enabled.then_some(ArtifactKind::Memory);
        memory.into_iter().chain(self.artifacts.iter().copied()).collect()
    }
}

impl Policy {
    pub(super) fn check_forensics(&self, remarks: &mut Vec<Remark>) {
        let forensics = &self.forensics;
        if forensics.artifacts.is_empty() {
            remarks.push(error(
                "[forensics] artifacts is empty: nothing would be collected; remove the key for all, or set enabled = false",
            ));
        }
        if let Some(twice) = twice(&forensics.artifacts) {
            remarks.push(error(format!("[forensics] artifacts names {} twice", twice.as_str())));
        }
        if forensics.timeout < Span::minutes(1) {
            remarks.push(error("[forensics] timeout: below 1m nothing could be collected; use 1m or more"));
        }
        for (section, artifacts) in
            [("collection", &self.collection.artifacts), ("forensics", &forensics.artifacts)]
        {
            if artifacts.contains(&ArtifactKind::Memory) {
                remarks.push(error(format!(
                    "[{section}] artifacts names memory: an image is taken where [forensics.memory] has enabled = true, with \
                     its tool; leave it out here"
                )));
            }
        }
        let deep = |kind: &&ArtifactKind| ArtifactKind::FORENSIC.contains(kind);
        if let Some(kind) = self.collection.artifacts.iter().find(deep) {
            remarks.push(warning(format!(
                "[collection] artifacts names {}: no rule reads it, and it is meant for [forensics] artifacts",
                kind.as_str()
            )));
        }
    }
}

/// The first kind that is there again.
fn twice(kinds: &[ArtifactKind]) -> Option<ArtifactKind> {
    kinds.iter().enumerate().find(|(index, kind)| kinds[..*index].contains(kind)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(section: &str) -> Vec<Remark> {
        let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{section}");
        toml::from_str::<Policy>(&text).unwrap().remarks()
    }

    #[test]
    fn a_limit_that_is_named_leaves_the_others_raised() {
        let text = "version = 1\n[scope]\nnetworks = []\n[forensics.limits]\nrows = 5\n";
        let limits = toml::from_str::<Policy>(text).unwrap().forensics.limits;
        assert_eq!((limits.rows, limits.artifact_seconds), (5, Forensics::default().limits.artifact_seconds));
        assert!(toml::from_str::<Policy>(&text.replace("rows", "cows")).is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (section, what) in [
            ("[forensics]\nartifacts = []\n", "artifacts is empty"),
            ("[forensics]\nartifacts = ['logins', 'logins']\n", "logins twice"),
            ("[forensics]\ntimeout = '5s'\n", "timeout"),
        ] {
            let found = remarks(section);
            assert!(found.iter().any(|remark| remark.is_error && remark.text.contains(what)), "{found:?}");
        }
        assert!(remarks("").iter().all(|remark| !remark.is_error));
        let found = remarks("[collection]\nartifacts = ['identity', 'logins']\n");
        assert!(found.iter().any(|remark| !remark.is_error && remark.text.contains("logins")), "{found:?}");
    }
}
