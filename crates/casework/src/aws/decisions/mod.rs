//! A person's word on a deployment: said at a command line or by a link, carried by the queue `decisions`, and taken by the
//! function `progress` alone.
//!
//! ```text
//! person ─► Spoken { word, voucher } ─► decisions ─► progress: who vouches for it? ─► case, sealed
//! ```
//!
//! Whoever may send to the queue can send anything. What a message says of its person is therefore worth nothing: the
//! [`Voucher`] is what [`Progress`](super::progress::Progress) asks.

mod caller;
mod heard;
mod link;
mod proof;
mod vouched;

use investigation::remediation::MAX_PROPOSED;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::queues::{self, QueueError};
use crate::remediate::Word;

pub use caller::StsEndpoint;
pub(crate) use link::token;
pub use proof::{Bound, DECISION};
pub use vouched::{NotVouched, Speaker};

/// What the digest is for: the same hash is never made for something else.
const PURPOSE: &str = "peerhound-decision/1";
/// Longest message that is read, in bytes. A session token of AWS has no fixed length, and stays far below it.
const MAX_MESSAGE: usize = 32 << 10;
/// Characters of an id.
const ID: std::ops::RangeInclusive<usize> = 16..=64;

/// One person's word, and what vouches for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spoken {
    /// Made by whoever sends it, at random: by it the case says what became of this word, and a second copy of the message
    /// is known for one.
    pub id: String,
    /// The case.
    pub case_id: String,
    /// What is said.
    pub word: Word,
    /// Numbers of the measures. Empty: all that wait, or all that can be undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<u32>,
    /// SHA-256 of the sealed evidence that the person was shown, lower-case hex. Empty for a no.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence_sha256: String,
    /// What the person was shown of the measures, by [`Case::plan_sha256`](investigation::case::Case::plan_sha256), where
    /// the way that it was shown tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// When, in whole seconds.
    pub said_at: Timestamp,
    /// What vouches for the person.
    pub voucher: Voucher,
}

/// What vouches for a person. Without it a word is nobody's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Voucher {
    /// A request to `sts:GetCallerIdentity` that the person signed for this very word: AWS says whose signature it is.
    Sts(StsProof),
    /// A link that was made for one person.
    Link {
        /// What the link carries, see [`approval_link`](crate::approval_link), and the code that came with it.
        token: String,
    },
}

/// The parts of a signed request that only the person can know. Everything else of the request follows from the word and
/// from the deployment, so that none of it has to be believed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StsProof {
    /// Id of the access key that signed.
    pub access_key_id: String,
    /// Its session's token, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// The signature, 64 digits of lower-case hex.
    pub signature: String,
}

/// A voucher is never shown: not in a log, not in an error.
impl std::fmt::Debug for Voucher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sts(_) => "Voucher::Sts",
            Self::Link { .. } => "Voucher::Link",
        })
    }
}

impl std::fmt::Debug for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spoken({} {:?} {} {:?})", self.case_id, self.word, self.id, self.voucher)
    }
}

/// What a word's digest is taken over: the fields in this order, as JSON, so that no two words have the same bytes.
#[derive(Serialize)]
struct Said<'a> {
    purpose: &'static str,
    deployment: &'a str,
    id: &'a str,
    case_id: &'a str,
    word: Word,
    measures: &'a [u32],
    evidence_sha256: &'a str,
    seen: Option<&'a str>,
    said_at: i64,
}

#[derive(Serialize)]
struct Message<'a> {
    spoken: &'a Spoken,
}

impl Spoken {
    /// Names the word on the deployment: SHA-256, lower-case hex. Whoever vouches for it vouches for no other word, and for
    /// it on no other deployment. `deployment` is [`Deployment::identity`](super::deployment::Deployment::identity).
    pub fn digest(&self, deployment: &str) -> String {
        let said = Said {
            purpose: PURPOSE,
            deployment,
            id: &self.id,
            case_id: &self.case_id,
            word: self.word,
            measures: &self.measures,
            evidence_sha256: &self.evidence_sha256,
            seen: self.seen.as_deref(),
            said_at: self.said_at.as_second(),
        };
        // Strings and numbers: this cannot fail, and an empty text would be vouched for by nobody.
        let bytes = serde_json::to_vec(&said).unwrap_or_default();
        data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
    }

    /// Puts the word on the queue.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn send(&self, sqs: &aws_sdk_sqs::Client, queue: &str) -> Result<(), QueueError> {
        self.send_after(sqs, queue, 0).await
    }

    /// Puts the word on the queue, where it is seen after so many seconds.
    async fn send_after(
        &self,
        sqs: &aws_sdk_sqs::Client,
        queue: &str,
        seconds: i32,
    ) -> Result<(), QueueError> {
        let body = serde_json::to_string(&Message { spoken: self }).unwrap_or_default();
        queues::send(sqs, queue, &body, seconds).await
    }

    /// What is wrong with a message, before anybody is asked about it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let hex =
            |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !ID.contains(&self.id.len()) || !word(&self.id) {
            return Some("its id is none");
        }
        if self.case_id.is_empty() || self.case_id.len() > 80 || !word(&self.case_id) {
            return Some("the id of its case is none");
        }
        if self.measures.len() > MAX_PROPOSED {
            return Some("it names more measures than a case can have");
        }
        if !self.evidence_sha256.is_empty() && !hex(&self.evidence_sha256) {
            return Some("its evidence is no SHA-256");
        }
        if self.seen.as_deref().is_some_and(|seen| !hex(seen)) {
            return Some("what was seen is no SHA-256");
        }
        None
    }
}

/// A message without what vouches for it: as it may lie in a dead-letter queue, where more people can read it.
pub(super) fn without_voucher(body: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(body).ok()?;
    let spoken = value.get_mut("spoken")?;
    // Whatever shape it has: only what says nothing of the person is kept.
    let kept = ["id", "case_id", "word", "measures", "evidence_sha256", "seen", "said_at"];
    match spoken.as_object_mut() {
        Some(fields) => fields.retain(|name, _| kept.contains(&name.as_str())),
        None => *spoken = serde_json::Value::Null,
    }
    Some(serde_json::json!({ "spoken": spoken }).to_string())
}

/// Whether a message is too long to be a word.
pub(super) fn is_too_long(body: &str) -> bool {
    body.len() > MAX_MESSAGE
}

#[cfg(test)]
mod tests;
