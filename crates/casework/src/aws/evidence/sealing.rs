//! Seals a bundle into the evidence bucket: streams it from S3 to S3.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockMode, ServerSideEncryption};
use data_encoding::{BASE64, HEXLOWER};
use investigation::evidence::manifest::{Supplement, Tool};
use jiff::Timestamp;

use super::object::location;
use super::upload::{Destination, PART, Parts};
use super::{ObjectError, S3Object, SdkFailure, blocking};
use crate::container::{
    Bundle, Measured, SealBundle, SealBundleError, VerifyError, measure, verify_in, write_sealed,
};

/// Where sealed evidence goes, and how it is kept.
#[derive(Clone, Debug)]
pub struct EvidenceBucket {
    /// Name.
    pub bucket: String,
    /// ARN of the KMS key; the bucket's default otherwise.
    pub kms_key: Option<String>,
    /// How long nobody may delete it; the bucket's default otherwise.
    pub lock: Option<Lock>,
}

/// Object Lock of one object.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Who may lift it.
    pub mode: LockMode,
    /// Until when it holds.
    pub retain_until: Timestamp,
}

/// Who may lift a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has `s3:BypassGovernanceRetention`.
    Governance,
    /// Nobody.
    Compliance,
}

/// What to seal a bundle with.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// Key of the container, see [`super::evidence_key`].
    pub key: String,
    /// Further entries with their content: alert, assessment, report, case.
    pub extra: Vec<(&'static str, Vec<u8>)>,
    /// Case.
    pub case_id: String,
    /// What seals.
    pub tool: Tool,
    /// Time of sealing, also of every entry.
    pub sealed_at: Timestamp,
    /// What it adds to, where it is not the case's first container.
    pub supplement: Option<Supplement>,
}

/// A sealed container in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedObject {
    /// `s3://bucket/key`.
    pub location: String,
    /// SHA-256 of the container, lower-case hex. It is also in the object's metadata, as `sha256`.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was sealed, by its manifest.
    pub sealed_at: Timestamp,
    /// It was there already, whole and of this case: sealed before an interruption.
    pub already_sealed: bool,
}

/// Why nothing was sealed. Nothing of it can be seen under the key.
#[derive(Debug, thiserror::Error)]
pub enum SealObjectError {
    /// The bundle is not what it must be, or the container cannot be made of it.
    #[error(transparent)]
    Bundle(#[from] SealBundleError),
    /// What lies there cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// What lies there could not be read to its end.
    #[error("{location} cannot be read")]
    Unread {
        /// `s3://bucket/key`.
        location: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// S3 does not take it.
    #[error("{location} cannot be written")]
    Write {
        /// `s3://bucket/key`.
        location: String,
        /// What S3 said.
        #[source]
        source: SdkFailure,
    },
    /// Something else lies under the key; it is left as it is.
    #[error("{location} exists and is not this case's evidence: {why}")]
    Taken {
        /// `s3://bucket/key`.
        location: String,
        /// What is there.
        why: String,
    },
}

impl SealObjectError {
    /// Whether the same may succeed later with nothing changed but the circumstances.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Bundle(error) => error.is_retryable(),
            Self::Object(error) => error.is_retryable(),
            Self::Unread { .. } | Self::Write { .. } => true,
            Self::Taken { .. } => false,
        }
    }
}

impl EvidenceBucket {
    /// The container of a case, where it was sealed before, after a proof of all of it. `None` where the key is free.
    ///
    /// # Errors
    /// Where something else lies there, or cannot be read.
    pub async fn existing(
        &self,
        client: &Client,
        key: &str,
        case_id: &str,
        supplement: Option<&Supplement>,
    ) -> Result<Option<SealedObject>, SealObjectError> {
        let mut object = match S3Object::open(client, &self.bucket, key).await {
            Ok(object) => object,
            Err(ObjectError::Missing(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (location, length) = (object.location(), object.length());
        let taken = |why| Err(SealObjectError::Taken { location: location.clone(), why });
        let unread = |source| Err(SealObjectError::Unread { location: location.clone(), source });
        let report = match blocking(move || verify_in(&mut object, length)).await {
            Ok(Ok(report)) => report,
            Ok(Err(VerifyError::Io(source))) | Err(source) => return unread(source),
            Ok(Err(error)) => return taken(error.to_string()),
        };
        if let Some(problem) = report.problems.first() {
            return taken(problem.to_string());
        }
        match report.manifest {
            Some(manifest) if manifest.case_id == case_id && manifest.supplement.as_ref() != supplement => {
                taken("another container of this case".to_owned())
            }
            Some(manifest) if manifest.case_id == case_id => Ok(Some(SealedObject {
                location,
                sha256: report.sha256,
                size: report.size,
                sealed_at: manifest.sealed_at,
                already_sealed: true,
            })),
            _ => taken("evidence of another case".to_owned()),
        }
    }

    /// Seals a bundle. Memory does not grow with its size. The bundle is proven here, whole, before anything is
    /// written. Where the case was sealed already, that is taken over.
    ///
    /// # Errors
    /// See [`SealObjectError`]. What lies in the bucket is never overwritten.
    pub async fn seal<R: Read + Seek + Send + 'static>(
        &self,
        client: &Client,
        sealing: Sealing,
        bundle: Bundle<R>,
    ) -> Result<SealedObject, SealObjectError> {
        if let Some(sealed) =
            self.existing(client, &sealing.key, &sealing.case_id, sealing.supplement.as_ref()).await?
        {
            return Ok(sealed);
        }
        let sealing = Arc::new(sealing);
        let (bundle, measured) = in_turn(&sealing, bundle, measure).await?;
        let written = if measured.size <= PART as u64 {
            self.put(client, &sealing, bundle, &measured).await
        } else {
            self.put_in_parts(client, &sealing, bundle, &measured).await
        };
        let refusal = match written {
            Ok(()) => {
                return Ok(SealedObject {
                    location: location(&self.bucket, &sealing.key),
                    sha256: measured.sha256,
                    size: measured.size,
                    sealed_at: sealing.sealed_at,
                    already_sealed: false,
                });
            }
            Err(Unwritten::Seal(error)) => return Err(error.into()),
            Err(Unwritten::Refused(source)) => source,
        };
        // Another worker was faster, or the answer to our own request was lost and its repetition refused.
        match self.existing(client, &sealing.key, &sealing.case_id, sealing.supplement.as_ref()).await? {
            Some(sealed) => {
                let ours = sealed.sha256 == measured.sha256;
                Ok(SealedObject { already_sealed: !ours, ..sealed })
            }
            None => {
                let location = location(&self.bucket, &sealing.key);
                Err(SealObjectError::Write { location, source: refusal })
            }
        }
    }

    /// A container that fits into one part.
    async fn put<R: Read + Seek + Send + 'static>(
        &self,
        client: &Client,
        sealing: &Arc<Sealing>,
        bundle: Bundle<R>,
        measured: &Measured,
    ) -> Result<(), Unwritten> {
        let expected = measured.clone();
        let written = in_turn(sealing, bundle, move |request, bundle| {
            write_sealed(request, bundle, &expected, Vec::new())
        });
        let (_, bytes) = written.await?;
        let request = client.put_object().bucket(&self.bucket).key(&sealing.key).if_none_match("*");
        let request = request.content_type("application/zip").set_metadata(Some(metadata(sealing, measured)));
        let sha256 = HEXLOWER.decode(measured.sha256.as_bytes()).map_err(refused)?;
        let request = request
            .checksum_sha256(BASE64.encode(&sha256))
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .set_object_lock_mode(self.lock_mode())
            .set_object_lock_retain_until_date(self.retain_until());
        request.body(ByteStream::from(bytes)).send().await.map_err(refused)?;
        Ok(())
    }

    async fn put_in_parts<R: Read + Seek + Send + 'static>(
        &self,
        client: &Client,
        sealing: &Arc<Sealing>,
        bundle: Bundle<R>,
        measured: &Measured,
    ) -> Result<(), Unwritten> {
        let request = client.create_multipart_upload().bucket(&self.bucket).key(&sealing.key);
        let request = request.content_type("application/zip").set_metadata(Some(metadata(sealing, measured)));
        let request = request
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .set_object_lock_mode(self.lock_mode())
            .set_object_lock_retain_until_date(self.retain_until());
        let begun = request.send().await.map_err(refused)?;
        let upload_id = begun.upload_id.ok_or_else(|| Unwritten::Refused("S3 named no upload".into()))?;
        let destination = Destination {
            client: client.clone(),
            bucket: self.bucket.clone(),
            key: sealing.key.clone(),
            upload_id,
        };
        let completed = Self::send(&destination, sealing, bundle, measured).await;
        if completed.is_err() {
            destination.abort().await;
        }
        completed
    }

    async fn send<R: Read + Seek + Send + 'static>(
        destination: &Destination,
        sealing: &Arc<Sealing>,
        bundle: Bundle<R>,
        measured: &Measured,
    ) -> Result<(), Unwritten> {
        let (writer, parts) = Parts::new();
        let expected = measured.clone();
        let writing = in_turn(sealing, bundle, move |request, bundle| {
            write_sealed(request, bundle, &expected, writer)?.finish().map_err(SealBundleError::Write)
        });
        let (written, sent) = tokio::join!(writing, destination.send(parts));
        // When sending fails, writing fails of that; when the bundle fails, the parts simply end.
        let sent = sent.map_err(Unwritten::Refused)?;
        written?;
        let request = destination.client.complete_multipart_upload().if_none_match("*");
        let request = request.bucket(&destination.bucket).key(&destination.key);
        let request = request.upload_id(&destination.upload_id).multipart_upload(sent);
        let request = request.set_mpu_object_size(i64::try_from(measured.size).ok());
        request.send().await.map_err(refused)?;
        Ok(())
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms)
    }

    fn lock_mode(&self) -> Option<ObjectLockMode> {
        self.lock.as_ref().map(|lock| match lock.mode {
            LockMode::Governance => ObjectLockMode::Governance,
            LockMode::Compliance => ObjectLockMode::Compliance,
        })
    }

    fn retain_until(&self) -> Option<DateTime> {
        self.lock.as_ref().map(|lock| DateTime::from_secs(lock.retain_until.as_second()))
    }
}

/// What kept a container from being written.
enum Unwritten {
    /// It could not be made.
    Seal(SealBundleError),
    /// S3 did not take it, or did not say so.
    Refused(SdkFailure),
}

impl From<SealBundleError> for Unwritten {
    fn from(error: SealBundleError) -> Self {
        Self::Seal(error)
    }
}

fn refused(error: impl Into<SdkFailure>) -> Unwritten {
    Unwritten::Refused(error.into())
}

/// One pass over the bundle, on a thread where blocking is fine.
async fn in_turn<R, T>(
    sealing: &Arc<Sealing>,
    mut bundle: Bundle<R>,
    pass: impl FnOnce(&SealBundle<'_>, &mut Bundle<R>) -> Result<T, SealBundleError> + Send + 'static,
) -> Result<(Bundle<R>, T), SealBundleError>
where
    R: Send + 'static,
    T: Send + 'static,
{
    let sealing = Arc::clone(sealing);
    let work = move || {
        let extra: Vec<(&str, &[u8])> =
            sealing.extra.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let request = SealBundle {
            extra: &extra,
            case_id: &sealing.case_id,
            tool: &sealing.tool,
            sealed_at: sealing.sealed_at,
            supplement: sealing.supplement.as_ref(),
        };
        pass(&request, &mut bundle).map(|done| (bundle, done))
    };
    blocking(work).await.map_err(SealBundleError::Write)?
}

fn metadata(sealing: &Sealing, measured: &Measured) -> HashMap<String, String> {
    HashMap::from([
        ("sha256".to_owned(), measured.sha256.clone()),
        ("case-id".to_owned(), sealing.case_id.clone()),
    ])
}
