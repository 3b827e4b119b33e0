//! Evidence in S3: what a relay staged is verified, read and sealed without ever lying on a disk.
//!
//! ```text
//! staging bucket    staging/<case id>/<effect>-<attempt>/bundle.zip     one for each order, by a presigned PUT
//! evidence bucket   evidence/<yyyy>/<mm>/<case id>.zip                  one for each case, never overwritten
//!                   evidence/<yyyy>/<mm>/<case id>-forensics.zip        of a machine that was looked into deeper
//! ```
//!
//! Staged bundles are not deleted by the functions, which have no right to: the staging bucket's lifecycle expires them.
//! It also ends uploads that were begun and never completed; until they are, nothing of them can be seen.

mod hold;
mod object;
mod sealing;
#[cfg(test)]
mod tests;
mod upload;

use aws_sdk_s3::Client;
use jiff::Timestamp;
use jiff::tz::Offset;

pub use self::hold::HoldError;
pub use self::object::{ObjectError, S3Object};
pub use self::sealing::{EvidenceBucket, Lock, LockMode, SealObjectError, SealedObject, Sealing};
use crate::container::bundle::{Bundle, BundleError, Caps, Origin};

/// Whatever the SDK failed with.
pub type SdkFailure = Box<dyn std::error::Error + Send + Sync>;

/// Key of the bundle of one order in the staging bucket.
pub fn bundle_key(origin: &Origin<'_>) -> String {
    let Origin { case_id, effect, attempt } = origin;
    format!("staging/{case_id}/{effect}-{attempt}/bundle.zip")
}

/// The order that a key in the staging bucket belongs to; `None` for a key that [`bundle_key`] does not give.
pub fn origin_of(key: &str) -> Option<Origin<'_>> {
    let (case_id, rest) = key.strip_prefix("staging/")?.split_once('/')?;
    let (effect, attempt) = rest.strip_suffix("/bundle.zip")?.split_once('-')?;
    let origin = Origin { case_id, effect: effect.parse().ok()?, attempt: attempt.parse().ok()? };
    (bundle_key(&origin) == key).then_some(origin)
}

/// Key of the sealed container of a case in the evidence bucket. By the time of opening, which does not change, so that
/// sealing after an interruption finds what was sealed before.
pub fn evidence_key(case_id: &str, opened_at: Timestamp) -> String {
    let opened = Offset::UTC.to_datetime(opened_at);
    format!("evidence/{:04}/{:02}/{case_id}.zip", opened.year(), opened.month())
}

/// Key of the second container of a case, that of the deeper look at its machine.
pub fn forensic_key(case_id: &str, opened_at: Timestamp) -> String {
    evidence_key(&format!("{case_id}-forensics"), opened_at)
}

/// How much of a bundle is proven when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// All of it.
    Whole,
    /// The report and the record of the collection; the rest when it is read.
    AsRead,
}

/// Why a bundle cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// S3 does not give it.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It is not what it must be.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl OpenError {
    /// Whether the same may succeed later. A bundle that is not there yet may come.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Object(error) => error.is_retryable(),
            Self::Bundle(error) => error.is_retryable(),
        }
    }
}

/// Opens the bundle that a relay staged for this order. What it gives reads from S3 and blocks: it is to be used where
/// blocking is fine, as inside [`tokio::task::spawn_blocking`], and panics on a runtime's own threads.
///
/// # Errors
/// Where S3 does not give it, or it is not what the relay packed for this order.
pub async fn open_bundle(
    client: &Client,
    bucket: &str,
    origin: &Origin<'_>,
    caps: Caps,
    proof: Proof,
) -> Result<Bundle<S3Object>, OpenError> {
    let object = S3Object::open(client, bucket, &bundle_key(origin)).await?;
    let length = object.length();
    let case_id = origin.case_id.to_owned();
    let (effect, attempt) = (origin.effect, origin.attempt);
    let bundle = blocking(move || {
        let origin = Origin { case_id: &case_id, effect, attempt };
        match proof {
            Proof::Whole => Bundle::open(object, length, &origin, caps),
            Proof::AsRead => Bundle::peek(object, length, &origin, caps),
        }
    });
    Ok(bundle.await.map_err(BundleError::Read)??)
}

/// Why a container in S3 gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError<E: std::error::Error + 'static> {
    /// S3 does not give it.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It is not what it must be, or broke off.
    #[error(transparent)]
    Content(E),
}

/// Reads a container in S3 in place, on a thread where blocking is fine: `read` gets it with its size in bytes, as
/// [`verify_in`](crate::container::verify_in), [`open_in`](crate::container::open_in) and
/// [`reassess_in`](crate::reassess::reassess_in) want it. Nothing of it lies on a disk, and at most a few megabytes in
/// memory besides what `read` keeps.
///
/// # Errors
/// Where S3 does not give it, or as `read` fails.
pub async fn read_container<T, E>(
    client: &Client,
    bucket: &str,
    key: &str,
    read: impl FnOnce(S3Object, u64) -> Result<T, E> + Send + 'static,
) -> Result<T, ContainerError<E>>
where
    T: Send + 'static,
    E: std::error::Error + From<std::io::Error> + Send + 'static,
{
    let object = S3Object::open(client, bucket, key).await?;
    let length = object.length();
    let content = blocking(move || read(object, length)).await;
    content.unwrap_or_else(|error| Err(error.into())).map_err(ContainerError::Content)
}

/// Runs work on a thread where blocking is fine.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)
}
