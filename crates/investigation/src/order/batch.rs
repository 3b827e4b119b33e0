//! A batch of orders for one relay: the file that a relay fetches, works through, and answers bundle by bundle.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::link::{UrlFault, check_url};
use super::{Order, Task, is_case_id};
use crate::remediation::{MeasureFault, measures_fault, undos_fault};
use crate::text::one_line;

/// What the file calls itself.
pub const BATCH_FORMAT: &str = "peerhound-orders/1";
/// Largest file, in bytes.
pub const MAX_BATCH_BYTES: u64 = 4 << 20;
/// Most orders of one batch.
pub const MAX_ORDERS: usize = 200;
/// Longest time for one order.
const MAX_TIMEOUT_SECONDS: u64 = 86_400;
/// Longest life of a batch: no presigned URL lasts longer.
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far the clocks of the two sides may disagree.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);
const MAX_HEADERS: usize = 16;
const MAX_HEADER_BYTES: usize = 1024;

/// Headers that belong to the connection or to the client: the upload sets them itself, or not at all.
const RESERVED_HEADERS: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Orders for one relay. Read by [`OrderBatch::parse`], and to be worked on only where [`OrderBatch::faults`] is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderBatch {
    /// [`BATCH_FORMAT`].
    pub format: String,
    /// The relay that is meant, as the policy names it.
    pub relay: String,
    /// When the batch was made.
    pub issued_at: Timestamp,
    /// From when on nobody may begin it.
    pub expires_at: Timestamp,
    /// The orders. Their order means nothing.
    pub orders: Vec<RelayOrder>,
}

/// One order, the time for it, and where its bundle goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayOrder {
    /// What to do with which endpoint.
    pub order: Order,
    /// Number of the case's effect that is performed.
    pub effect: u32,
    /// Which try of that effect.
    pub attempt: u32,
    /// Seconds for the contact with the endpoint; the upload has its own time.
    pub timeout_seconds: u64,
    /// Where the bundle goes.
    pub upload: Upload,
}

/// A presigned PUT. The URL is a secret while it lasts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Where to PUT, see [`check_url`].
    pub url: String,
    /// Headers that the signature covers, in lower case; sent exactly so. `content-length` and `host` are not among
    /// them: the client sets those.
    pub headers: BTreeMap<String, String>,
}

/// An upload without its URL.
impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// Why a batch cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Over [`MAX_BATCH_BYTES`].
    #[error("the order file has more than {MAX_BATCH_BYTES} bytes")]
    TooLarge,
    /// Another format.
    #[error("the order file has the format {0:?}, this version reads {BATCH_FORMAT:?}")]
    Format(String),
    /// Not JSON, or not of the shape. Only the place is told: what lies there may be secret.
    #[error("the order file is not readable at line {line} column {column}")]
    Unreadable {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

/// Something that keeps a batch from being worked on. Each is one line, and quotes no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// The relay's name breaks the rules.
    #[error("the batch names no relay: a name is 1 to 32 of a-z, 0-9 and -")]
    RelayName,
    /// Its time is over.
    #[error("the batch expired at {0}; it is not worked on any more")]
    Expired(Timestamp),
    /// It is from the future: one of the two clocks is wrong.
    #[error("the batch was issued at {0}, which lies ahead of this machine's clock: set one of the clocks")]
    FromTheFuture(Timestamp),
    /// It ends before it begins, or lasts longer than any upload URL.
    #[error("the batch is valid from {from} to {to}: more than 0 s and at most 7 days are possible")]
    Lifetime {
        /// Issued.
        from: Timestamp,
        /// Expires.
        to: Timestamp,
    },
    /// No orders.
    #[error("the batch has no orders")]
    Empty,
    /// Over [`MAX_ORDERS`].
    #[error("the batch has {0} orders, more than {MAX_ORDERS}")]
    TooManyOrders(usize),
    /// Something is wrong with one order.
    #[error("order {index} {fault}")]
    Order {
        /// Its place in the file, from 0.
        index: usize,
        /// What.
        fault: OrderFault,
    },
}

/// What is wrong with one order. Reads as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// The case's id breaks the rules.
    #[error("has no usable case id: 1 to 64 ASCII letters, digits, - and _")]
    CaseId,
    /// Another order has the same case, effect and attempt.
    #[error("is there twice: case {case_id}, effect {effect}, attempt {attempt}")]
    Twice {
        /// Case.
        case_id: String,
        /// Effect.
        effect: u32,
        /// Attempt.
        attempt: u32,
    },
    /// Two orders would overwrite each other's bundle.
    #[error("uploads to the place of another order")]
    SamePlace,
    /// Its time is zero or absurd.
    #[error("has timeout_seconds = {0}: between 1 and {MAX_TIMEOUT_SECONDS}")]
    Timeout(u64),
    /// Nothing to collect, or the same kind twice.
    #[error("collects nothing, or a kind of artifact twice")]
    Artifacts,
    /// What it changes on the endpoint cannot be ordered like this.
    #[error("{0}")]
    Measures(MeasureFault),
    /// The upload's URL must not be used.
    #[error("has an upload URL that {0}")]
    Url(UrlFault),
    /// A header must not be sent.
    #[error("has an upload header that must not be sent: {0}")]
    Header(String),
}

impl OrderBatch {
    /// Reads an order file. The shape is checked here, what it says by [`Self::faults`].
    ///
    /// # Errors
    /// When it is too large, not JSON of the shape, or of another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        /// Read first and leniently: another format may have any other fields.
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        if bytes.len() as u64 > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let unreadable =
            |error: serde_json::Error| BatchError::Unreadable { line: error.line(), column: error.column() };
        let Format { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != BATCH_FORMAT {
            return Err(BatchError::Format(one_line(&format, 40)));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// Everything that keeps the batch from being worked on at `now`. Empty for a batch that may be.
    pub fn faults(&self, now: Timestamp) -> Vec<BatchFault> {
        if self.orders.len() > MAX_ORDERS {
            return vec![BatchFault::TooManyOrders(self.orders.len())];
        }
        let mut faults = Vec::new();
        if !is_relay_name(&self.relay) {
            faults.push(BatchFault::RelayName);
        }
        self.check_times(now, &mut faults);
        if self.orders.is_empty() {
            faults.push(BatchFault::Empty);
        }
        let (mut tries, mut places) = (BTreeSet::new(), BTreeSet::new());
        for (index, order) in self.orders.iter().enumerate() {
            let mut fault = |fault| faults.push(BatchFault::Order { index, fault });
            order.faults().into_iter().for_each(&mut fault);
            let RelayOrder { effect, attempt, .. } = *order;
            let case_id = order.order.case_id.as_str();
            if !tries.insert((case_id, effect, attempt)) {
                fault(OrderFault::Twice { case_id: one_line(case_id, 64), effect, attempt });
            } else if !places.insert(place(&order.upload.url)) {
                fault(OrderFault::SamePlace);
            }
        }
        faults
    }

    /// As [`Self::faults`], for who stops at the first one.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self, now: Timestamp) -> Result<(), BatchFault> {
        self.faults(now).into_iter().next().map_or(Ok(()), Err)
    }

    fn check_times(&self, now: Timestamp, faults: &mut Vec<BatchFault>) {
        let life = self.expires_at.duration_since(self.issued_at);
        if life <= SignedDuration::ZERO || life > MAX_LIFE {
            faults.push(BatchFault::Lifetime { from: self.issued_at, to: self.expires_at });
        } else if now >= self.expires_at {
            faults.push(BatchFault::Expired(self.expires_at));
        }
        if self.issued_at.duration_since(now) > MAX_SKEW {
            faults.push(BatchFault::FromTheFuture(self.issued_at));
        }
    }
}

impl RelayOrder {
    fn faults(&self) -> Vec<OrderFault> {
        let mut faults = Vec::new();
        if !is_case_id(&self.order.case_id) {
            faults.push(OrderFault::CaseId);
        }
        if !(1..=MAX_TIMEOUT_SECONDS).contains(&self.timeout_seconds) {
            faults.push(OrderFault::Timeout(self.timeout_seconds));
        }
        let measures = match &self.order.task {
            Task::Identify => None,
            Task::Collect { artifacts, .. } => {
                let kinds: BTreeSet<_> = artifacts.iter().collect();
                if kinds.is_empty() || kinds.len() != artifacts.len() {
                    faults.push(OrderFault::Artifacts);
                }
                None
            }
            Task::Remediate { host_name, measures } => measures_fault(host_name, measures),
            Task::Undo { host_name, measures } => undos_fault(host_name, measures),
        };
        faults.extend(measures.map(OrderFault::Measures));
        if let Err(fault) = check_url(&self.upload.url) {
            faults.push(OrderFault::Url(fault));
        }
        faults.extend(self.upload.bad_header().map(OrderFault::Header));
        faults
    }
}

impl Upload {
    /// The first header that must not be sent, by name.
    fn bad_header(&self) -> Option<String> {
        if self.headers.len() > MAX_HEADERS {
            return Some(format!("more than {MAX_HEADERS}"));
        }
        let bad = |(name, value): &(&String, &String)| !is_header_name(name) || !is_header_value(value);
        let told = |name: &str| {
            // What is no name is not repeated: it may be a URL that got into the wrong place, with its signature.
            let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if word { one_line(name, 40) } else { "a name with a character that no header has".to_owned() }
        };
        self.headers.iter().find(bad).map(|(name, _)| told(name))
    }
}

/// The object that a presigned URL is for: everything but the signature.
fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a text may name a relay: 1 to 32 of `a-z`, `0-9` and `-`.
pub fn is_relay_name(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(fine)
}

fn is_header_name(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(fine) && !RESERVED_HEADERS.contains(&name)
}

fn is_header_value(value: &str) -> bool {
    value.len() <= MAX_HEADER_BYTES
        && value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && value.trim() == value
}

#[cfg(test)]
mod tests;
