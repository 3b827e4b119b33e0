//! The door for alerts that come over HTTP: who may knock, how much may be brought, and what is answered. The same for
//! the worker on one machine and for the function on AWS; whoever listens performs.
//!
//! ```text
//! request ─► size ─► key ─► records ─► (the listener stores them) ─► 202 with the ids of the alerts
//! ```

mod keys;
mod rate;

use std::cell::Cell;

use investigation::alert::{GunzipError, SiteFormat, gunzip};
use investigation::policy;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::backend::Received;
use crate::records::{Reading, read_records};

pub use keys::{Denied, Keys, KeysError, SIGNATURE, TIMESTAMP};
pub use rate::Rate;

/// Times its size that a compressed body may unpack to.
const MOST_UNPACKED: usize = 16;
/// Most unreadable records that an answer lists.
const MOST_TOLD: usize = 100;

/// What is asked of the door.
pub struct Request<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// A header's value, by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The body as it came.
    pub body: &'a [u8],
}

/// What the door says.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: Value,
}

impl Answer {
    fn refusal(status: u16, error: &str) -> Self {
        Self { status, body: json!({ "error": error }) }
    }

    /// For whoever comes too often.
    pub fn too_often() -> Self {
        Self::refusal(429, "too many requests: send several alerts in one, or raise per_minute in [door]")
    }

    /// For a failure that is not the sender's.
    pub fn unavailable() -> Self {
        Self::refusal(503, "the alerts could not be stored: send them again")
    }

    /// For a body over the cap.
    pub fn too_large(most: usize) -> Self {
        Self::refusal(413, &format!("more than {} KiB: send fewer alerts at a time", most >> 10))
    }

    /// What is said once `records` are stored: the ids of the alerts, and what could not be read, which a person
    /// will see. 202 where there is any alert, else 422.
    pub fn of(records: &[Received]) -> Self {
        let ids: Vec<&str> =
            records.iter().filter(|record| record.content.is_ok()).map(|record| record.id.as_str()).collect();
        let unreadable: Vec<Value> = records
            .iter()
            .filter_map(|record| {
                let unread = record.content.as_ref().err()?;
                Some(json!({ "where": record.origin, "error": unread.reason }))
            })
            .take(MOST_TOLD)
            .collect();
        let status = if ids.is_empty() { 422 } else { 202 };
        Self { status, body: json!({ "alert_ids": ids, "unreadable": unreadable }) }
    }
}

/// The door.
pub struct Door<'a> {
    /// Who may knock.
    pub keys: &'a Keys,
    /// Its settings.
    pub policy: &'a policy::Door,
    /// The formats that the site has besides those that are known.
    pub formats: &'a [SiteFormat],
}

impl Door<'_> {
    /// Most bytes of a body.
    pub fn max_body(&self) -> usize {
        usize::try_from(self.policy.max_body_kib).unwrap_or(usize::MAX).saturating_mul(1 << 10)
    }

    /// The records of a request that may come in. `id` tells this request from others, in logs and on the review list.
    ///
    /// # Errors
    /// The answer for one that may not, or that brings nothing. Why is logged, and not told to strangers.
    pub fn admit(&self, request: &Request<'_>, id: &str, now: Timestamp) -> Result<Vec<Received>, Answer> {
        if request.method != "POST" {
            return Err(Answer::refusal(405, "POST alerts to this address"));
        }
        let most = self.max_body();
        if request.body.len() > most {
            return Err(Answer::too_large(most));
        }
        let window = self.policy.replay_window.signed();
        if let Err(denied) = self.keys.admit(request.header, request.body, window, now) {
            tracing::warn!(request = id, %denied, "a request for the door was turned away");
            let hint = match denied {
                Denied::Stale => "the timestamp is outside the window: check the sender's clock",
                _ => "no valid key: send `Authorization: Bearer KEY`, or a signature",
            };
            return Err(Answer::refusal(401, hint));
        }
        let encoding = (request.header)("content-encoding").unwrap_or_default();
        let unpacked = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => None,
            "gzip" => Some(unpack(request.body, most.saturating_mul(MOST_UNPACKED))?),
            _ => return Err(Answer::refusal(415, "send the body as it is, or compressed with gzip")),
        };
        let body = unpacked.as_deref().unwrap_or(request.body);
        if body.trim_ascii().is_empty() {
            return Err(Answer::refusal(400, "the body is empty: expected alerts"));
        }
        let passed_over = Cell::new(0);
        let (origin, moment) = (format!("request {id}"), format!("{now}#{id}"));
        let reading = Reading {
            origin: &origin,
            moment: &moment,
            formats: self.formats,
            passed_over: Some(&passed_over),
            once: false,
        };
        let mut records = Vec::new();
        read_records(reading, body, &mut |record| {
            records.push(record);
            true
        });
        if passed_over.get() > 0 {
            tracing::info!(
                request = id,
                events = passed_over.get(),
                "events that are no alerts were passed over"
            );
            if records.is_empty() {
                return Err(Answer::refusal(422, "these are events and no alerts: send alerts only"));
            }
        }
        Ok(records)
    }
}

fn unpack(body: &[u8], most: usize) -> Result<Vec<u8>, Answer> {
    gunzip(body, most).map_err(|error| match error {
        GunzipError::TooLarge => Answer::too_large(most),
        GunzipError::Damaged => Answer::refusal(400, "the body is not what `Content-Encoding: gzip` says"),
    })
}

#[cfg(test)]
mod tests;
