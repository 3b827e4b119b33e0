//! What an assessment says: the verdict, the findings that carry it and the rows they were read off.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the evidence says about the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing on the endpoint supports the alert, and the evidence is whole and fresh enough to say so.
    FalsePositive,
    /// Peer-to-peer software was in use.
    PolicyViolation,
    /// Somebody else is at work on the machine, whether or not it is peer-to-peer software too.
    Compromised,
    /// Something is there that does not prove enough, or something is missing: an analyst decides.
    Inconclusive,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] =
        [Self::FalsePositive, Self::PolicyViolation, Self::Compromised, Self::Inconclusive];

    /// The word used in files, in the policy and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalsePositive => "false_positive",
            Self::PolicyViolation => "policy_violation",
            Self::Compromised => "compromised",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The words used in sentences, in lower case.
    pub fn words(self) -> &'static str {
        match self {
            Self::FalsePositive => "false positive",
            Self::PolicyViolation => "policy violation",
            Self::Compromised => "compromised",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sure a finding is of what it states. Ordered: `Low < Medium < High`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A hint.
    Low,
    /// Likely; one link of the chain is weak.
    Medium,
    /// Every link of the chain holds.
    High,
}

impl Confidence {
    /// The word used in files and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a finding does to the verdict. Confidence says how sure the finding is; bearing says what it is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// Worth knowing; changes nothing.
    Context,
    /// Keeps the verdict from being a false positive; proves no violation by itself.
    Suspicion,
    /// Proves that peer-to-peer software was in use.
    Violation,
    /// Shows that somebody else is at work on the machine.
    Compromise,
}

impl Bearing {
    /// What the finding does, as the end of a sentence about it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Context => "changes nothing",
            Self::Suspicion => "keeps the case open",
            Self::Violation => "proves use of peer-to-peer software",
            Self::Compromise => "shows a compromise",
        }
    }
}

/// The outcome of [`assess`](super::assess).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The verdict.
    pub verdict: Verdict,
    /// How sure the verdict is.
    pub confidence: Confidence,
    /// One plain sentence that an analyst can paste; control characters are escaped.
    pub summary: String,
    /// What was found, strongest first.
    pub findings: Vec<Finding>,
    /// Which artifacts were absent, partial, truncated or stale, and what that means for the verdict.
    pub missing: Vec<String>,
    /// `version` of the indicators that were applied.
    pub indicators_version: String,
    /// What else an analyst needs to judge the verdict. Empty in assessments of earlier versions.
    #[serde(default)]
    pub basis: Basis,
}

/// What a verdict rests on, besides its findings and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// From the alert's flow to a person, link by link, up to the first that does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Link>,
    /// What would change the verdict, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would_change: Vec<String>,
    /// Findings of rules that run in shadow: they had no say in the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<Finding>,
    /// `version` of the site's own rules that were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_version: Option<String>,
}

/// One link of the chain from the alert to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// `flow`, `machine`, `socket`, `process`, `image` or `user`.
    pub link: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it was tied to, or why it does not hold. Control characters are escaped.
    pub says: String,
}

impl Assessment {
    /// The account that the strongest finding with a known owner names.
    pub fn user(&self) -> Option<&str> {
        self.findings
            .iter()
            .flat_map(|finding| &finding.citations)
            .find_map(|citation| citation.user.as_deref())
    }
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule, for example `p2p.client_connected_to_peer`.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// MITRE ATT&CK technique, where one fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it does to the verdict.
    pub bearing: Bearing,
    /// What was seen: the first sentence stands by itself. Control characters are escaped.
    pub explanation: String,
    /// What an analyst does next.
    pub runbook: String,
    /// The rows that it was read off, at most [`MAX_CITATIONS`](super::MAX_CITATIONS).
    pub citations: Vec<Citation>,
}

/// One row of one artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Entry of the evidence container, for example `artifacts/connections.json`.
    pub entry: String,
    /// Row in it, from 0.
    pub row: usize,
    /// The row in one line; control characters are escaped.
    pub excerpt: String,
    /// `process.pid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// `process.executable`, or `process.name` where the path is unknown. As the endpoint said it: hostile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// `user.name`. As the endpoint said it: hostile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The peer as `ip:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// `process.hash.sha256` of the image, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
