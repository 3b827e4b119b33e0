//! Who decides, and by which way the decision came.

use serde::{Deserialize, Serialize};

/// How a person was known to be that person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By the account of the operating system that ran the command.
    CommandLine,
    /// By the principal that AWS knows the caller as.
    Aws,
    /// By a signed link that was made for that person alone.
    Link,
}

impl Way {
    /// The words used in sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::CommandLine => "at the command line",
            Self::Aws => "as an AWS principal",
            Self::Link => "by a signed link",
        }
    }
}

/// What one person says of a case's measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who: the account, or the ARN of the principal. Never what somebody merely typed.
    pub by: String,
    /// How that is known.
    pub how: Way,
    /// SHA-256 of the sealed evidence that the person was shown, lower-case hex.
    pub evidence_sha256: String,
    /// Numbers of the measures. Empty: all that wait, or all that can be undone.
    pub measures: Vec<u32>,
}
