//! One order from the contact to the upload. Whatever happens on the way, a bundle says what came of it.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use collector::ContactError;
use investigation::order::{Order, REPORT_FORMAT, RelayOrder, RelayReport, RelayResult, Task};
use investigation::scope::fold;
use investigation::text::one_line;
use jiff::Timestamp;

use crate::bundle::{self, PackError};
use crate::causes::with_causes;
use crate::relay::Relay;
use crate::staging::{Staging, create_private_dir};
use crate::upload::{Bundle, UploadError, Uploaded, put};

/// How long an order waits for another contact with its machine to end.
const OTHERS: Duration = Duration::from_secs(20);
/// Longest line on standard output, in characters. Of all lines, Systems Manager keeps the first 24,000.
const MAX_LINE: usize = 180;

/// What came of one order.
#[derive(Debug)]
pub struct Outcome {
    /// Case.
    pub case_id: String,
    /// Effect.
    pub effect: u32,
    /// Attempt.
    pub attempt: u32,
    /// How the contact went.
    pub result: RelayResult,
    /// Size of the bundle in bytes.
    pub bytes: u64,
    /// How the upload went.
    pub upload: Result<Uploaded, UploadError>,
    /// How long all of it took.
    pub elapsed: Duration,
}

/// One short line for standard output: no address, no name, no URL.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contact = match &self.result {
            RelayResult::Staged => "staged".to_owned(),
            RelayResult::Failed { code, .. } => format!("failed {code}"),
        };
        let upload = match &self.upload {
            Ok(Uploaded::Stored) => format!("uploaded {} bytes", self.bytes),
            Ok(Uploaded::AlreadyThere) => "was uploaded before".to_owned(),
            Err(error) => format!("NOT UPLOADED: {error}"),
        };
        let Self { case_id, effect, attempt, elapsed, .. } = self;
        let seconds = elapsed.as_secs_f64();
        let line = format!("{case_id} {effect}-{attempt} {contact}, {seconds:.1} s, {upload}");
        f.write_str(&one_line(&line, MAX_LINE))
    }
}

/// Why there is nothing to pack but a report.
struct Failure {
    code: &'static str,
    reason: String,
    retryable: bool,
}

impl Failure {
    fn new(code: &'static str, reason: &str, retryable: bool) -> Self {
        Self { code, reason: one_line(reason, 600), retryable }
    }
}

impl From<&ContactError> for Failure {
    fn from(error: &ContactError) -> Self {
        Self::new(error.code(), &with_causes(error), error.retryable())
    }
}

impl From<&PackError> for Failure {
    fn from(error: &PackError) -> Self {
        let code = match error {
            PackError::TooLarge { .. } => "too_large",
            // Our own disk: the endpoint is not to blame.
            _ => "staging",
        };
        Self::new(code, &with_causes(error), error.is_retryable())
    }
}

/// One order with what it needs.
pub(crate) struct Job {
    pub(crate) relay: Arc<Relay>,
    pub(crate) staging: Arc<Staging>,
    /// A folder of its own, not made yet.
    pub(crate) folder: PathBuf,
    pub(crate) order: RelayOrder,
    /// From when on it must not be begun.
    pub(crate) expires_at: Timestamp,
}

impl Job {
    /// Does all of it. Dropping the future ends what runs on the endpoint.
    pub(crate) async fn work(self) -> Outcome {
        let begun = Instant::now();
        let (result, bundle) = self.bundle().await;
        let upload = put(&self.relay.client, &self.order.upload, &bundle, &self.relay.transfer).await;
        let _ = std::fs::remove_dir_all(&self.folder);
        Outcome {
            case_id: self.order.order.case_id,
            effect: self.order.effect,
            attempt: self.order.attempt,
            result,
            bytes: bundle.size(),
            upload,
            elapsed: begun.elapsed(),
        }
    }

    /// Contacts the endpoint and packs what came of it.
    pub(crate) async fn bundle(&self) -> (RelayResult, Bundle) {
        let started_at = Timestamp::now();
        let contact = self.contact().await;
        let mut report = self.report(started_at);
        let failure = match contact {
            Ok(staged) => match self.pack(staged, report.clone()).await {
                Ok(bundle) => return (RelayResult::Staged, bundle),
                Err(error) => Failure::from(&error),
            },
            Err(failure) => failure,
        };
        let Failure { code, reason, retryable } = failure;
        tracing::info!(case_id = self.order.order.case_id, code, reason, "an order failed");
        report.result = RelayResult::Failed { code: code.to_owned(), reason, retryable };
        let bytes = bundle::pack_report(&report).unwrap_or_default();
        (report.result, Bundle::Bytes(bytes))
    }

    /// Contacts the endpoint. Returns the folder with what it said.
    async fn contact(&self) -> Result<PathBuf, Failure> {
        if Timestamp::now() >= self.expires_at {
            return Err(Failure::new("expired", "its turn came after the batch had expired", true));
        }
        if let Some(word) = self.relay.remediation.refuses(&self.order.order.task.changes()) {
            let reason = format!(
                "relay {} changes nothing by {word}: [remediation] allow in its relay.toml does not list it",
                self.relay.name
            );
            return Err(Failure::new("remediation_not_allowed", &reason, false));
        }
        let least = self.relay.min_free_bytes;
        if self.staging.free_bytes().is_ok_and(|free| free < least) {
            let reason = format!("less than {least} bytes are free in the relay's staging folder");
            return Err(Failure::new("staging", &reason, true));
        }
        let staged = self.folder.join("staged");
        create_private_dir(&staged)
            .map_err(|source| Failure::from(&ContactError::Staging { path: staged.clone(), source }))?;
        let order = self.capped_order();
        // Held until the contact is over.
        let _only = self.occupy().await?;
        let contact = self.relay.collector.execute(&order, &staged, &|_| {});
        let seconds = self.order.timeout_seconds;
        match tokio::time::timeout(Duration::from_secs(seconds), contact).await {
            Ok(Ok(_)) => Ok(staged),
            Ok(Err(ContactError::OutOfScope { target, reason })) => {
                let reason = format!(
                    "{target} is not contacted by relay {}, by its relay.toml: {reason}",
                    self.relay.name
                );
                Err(Failure::new("out_of_scope", &reason, false))
            }
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => {
                let reason = format!(
                    "{} did not finish within {seconds}s; raise the time-out in [collection]",
                    order.target
                );
                Err(Failure::new("timed_out", &reason, true))
            }
        }
    }

    /// Waits for another contact with the same machine to end: an earlier try of this order, or another case's.
    async fn occupy(&self) -> Result<File, Failure> {
        let target = fold(self.order.order.target);
        let give_up = Instant::now() + OTHERS;
        loop {
            match self.staging.occupy(target) {
                Ok(Some(only)) => return Ok(only),
                Ok(None) if Instant::now() < give_up => tokio::time::sleep(Duration::from_millis(250)).await,
                Ok(None) => {
                    let reason = format!("this relay is in contact with {target} already, for another order");
                    return Err(Failure::new("busy", &reason, true));
                }
                Err(error) => return Err(Failure::new("staging", &error.to_string(), true)),
            }
        }
    }

    /// The order, with no more output than can be uploaded.
    fn capped_order(&self) -> Order {
        let mut order = self.order.order.clone();
        if let Task::Collect { limits, .. } = &mut order.task {
            limits.artifact_bytes = limits.artifact_bytes.min(self.relay.transfer.bundle_bytes);
        }
        order
    }

    fn report(&self, started_at: Timestamp) -> RelayReport {
        let finished_at = Timestamp::now();
        RelayReport {
            format: REPORT_FORMAT.to_owned(),
            case_id: self.order.order.case_id.clone(),
            target: fold(self.order.order.target),
            effect: self.order.effect,
            attempt: self.order.attempt,
            relay: self.relay.name.clone(),
            relay_version: env!("CARGO_PKG_VERSION").to_owned(),
            // A clock that was set back meanwhile must not make the report contradict itself.
            started_at: started_at.min(finished_at),
            finished_at,
            result: RelayResult::Staged,
            entries: Vec::new(),
        }
    }

    /// Packs on a thread where blocking is fine.
    async fn pack(&self, staged: PathBuf, report: RelayReport) -> Result<Bundle, PackError> {
        let stopped = Arc::new(AtomicBool::new(false));
        let _guard = StopOnDrop(Arc::clone(&stopped));
        let destination = self.folder.join("bundle.zip");
        let most = self.relay.transfer.bundle_bytes;
        let packing = tokio::task::spawn_blocking(move || {
            let size = bundle::pack(&staged, report, &destination, most, &stopped)?;
            // What is packed is there twice.
            remove_quietly(&staged);
            Ok(Bundle::File(destination, size))
        });
        packing.await.unwrap_or_else(|panicked| Err(PackError::Write(std::io::Error::other(panicked))))
    }
}

fn remove_quietly(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %error, "what is packed cannot be removed");
    }
}

/// Stops packing when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_whatever_is_in_it() {
        let outcome = Outcome {
            case_id: "c".repeat(64),
            effect: u32::MAX,
            attempt: u32::MAX,
            result: RelayResult::Failed {
                code: "authentication_failed".to_owned(),
                reason: "10.0.0.5 accepts none of the keys for alice".to_owned(),
                retryable: false,
            },
            bytes: u64::MAX,
            upload: Err(UploadError::GaveUp { tries: 6, why: "x".repeat(300) }),
            elapsed: Duration::from_secs(100_000),
        };
        let line = outcome.to_string();
        assert!(line.len() < 200 && !line.contains('\n'), "{}: {line}", line.len());
        assert!(line.contains("NOT UPLOADED: 6 tries"), "{line}");
        assert!(!line.contains("alice") && !line.contains("10.0.0.5"), "{line}");
    }
}
