//! Fetching the batch: bounded in size and time, and believed only for its hash.

use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use investigation::order::{MAX_BATCH_BYTES, OrderLink};
use reqwest::Client;
use sha2::{Digest, Sha256};

use crate::config::Transfer;
use crate::http::{Refusal, is_permitted, place, wait, without_url};

/// Why there is no batch. None of them shows a URL's path or query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The configuration does not list the host.
    #[error("orders are not fetched from {place}: [transfer] hosts does not list it")]
    Host {
        /// Host and port.
        place: String,
    },
    /// The host sends us elsewhere.
    #[error(
        "{place} redirects (HTTP {status}), which is not followed; is the URL for the bucket's own region?"
    )]
    Redirected {
        /// Host and port.
        place: String,
        /// Status.
        status: u16,
    },
    /// The host refuses.
    #[error("{place} does not hand out the orders: {said}{}", hint(*status))]
    Refused {
        /// Host and port.
        place: String,
        /// Status and S3's word for it.
        said: String,
        /// Status.
        status: u16,
    },
    /// It is larger than any batch.
    #[error("the order file has more than {MAX_BATCH_BYTES} bytes")]
    TooLarge,
    /// It is not the file that was meant.
    #[error("the order file is not the one that was sent: its SHA-256 is {0}")]
    Hash(String),
    /// The network, or the host for now.
    #[error("the orders could not be fetched from {place} in {tries} tries: {why}")]
    GaveUp {
        /// Host and port.
        place: String,
        /// Tries.
        tries: u32,
        /// What happened last.
        why: String,
    },
}

fn hint(status: u16) -> &'static str {
    match status {
        403 => "; the URL has expired, or was made with rights that do not reach so far",
        404 => "; the file is gone",
        _ => "",
    }
}

/// How one try ended without the file.
enum Ended {
    ForGood(FetchError),
    ForNow { why: String, retry_after: Option<Duration> },
}

/// Fetches what a link names.
///
/// # Errors
/// See [`FetchError`].
pub(crate) async fn fetch(
    client: &Client,
    link: &OrderLink,
    transfer: &Transfer,
) -> Result<Vec<u8>, FetchError> {
    let place = place(&link.url);
    if !is_permitted(&link.url, &transfer.hosts) {
        return Err(FetchError::Host { place });
    }
    let deadline = Instant::now() + transfer.fetch_timeout.duration();
    let mut tries = 0;
    loop {
        tries += 1;
        let left = deadline.saturating_duration_since(Instant::now());
        let (why, retry_after) = match tokio::time::timeout(left, once(client, link, &place)).await {
            Ok(Ok(bytes)) => return Ok(bytes),
            Ok(Err(Ended::ForGood(error))) => return Err(error),
            Ok(Err(Ended::ForNow { why, retry_after })) => (why, retry_after),
            Err(_) => ("no answer in time".to_owned(), None),
        };
        let pause = wait(tries, retry_after);
        if tries >= transfer.attempts || pause >= deadline.saturating_duration_since(Instant::now()) {
            return Err(FetchError::GaveUp { place, tries, why });
        }
        tokio::time::sleep(pause).await;
    }
}

async fn once(client: &Client, link: &OrderLink, place: &str) -> Result<Vec<u8>, Ended> {
    let for_now = |error| Ended::ForNow { why: without_url(error), retry_after: None };
    let mut response = client.get(&link.url).send().await.map_err(for_now)?;
    let place = place.to_owned();
    if response.status().is_redirection() {
        let status = response.status().as_u16();
        return Err(Ended::ForGood(FetchError::Redirected { place, status }));
    }
    if response.status() != reqwest::StatusCode::OK {
        let refusal = Refusal::read(response).await;
        let (said, status) = (refusal.said.clone(), refusal.status.as_u16());
        return Err(match refusal.is_passing() {
            true => Ended::ForNow { why: said, retry_after: refusal.retry_after },
            false => Ended::ForGood(FetchError::Refused { place, said, status }),
        });
    }
    let too_large = || Ended::ForGood(FetchError::TooLarge);
    if response.content_length().is_some_and(|length| length > MAX_BATCH_BYTES) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(for_now)? {
        if (bytes.len() + chunk.len()) as u64 > MAX_BATCH_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
    if sha256 == link.sha256 { Ok(bytes) } else { Err(Ended::ForGood(FetchError::Hash(sha256))) }
}
