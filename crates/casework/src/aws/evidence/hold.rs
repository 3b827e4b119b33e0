//! The legal hold of one object: S3 deletes no version of it before it is lifted, whatever its retention says.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ObjectLockLegalHold, ObjectLockLegalHoldStatus};

use super::object::{location, status};
use super::{EvidenceBucket, SdkFailure};

/// Why a hold was not set or lifted.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The object is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// S3 refuses, or does not answer.
    #[error("the legal hold of {location} cannot be changed")]
    Refused {
        /// `s3://bucket/key`.
        location: String,
        /// What S3 said.
        #[source]
        source: SdkFailure,
    },
}

impl EvidenceBucket {
    /// Sets or lifts the legal hold of one object. Doing it again changes nothing.
    ///
    /// # Errors
    /// Where the object is not there, or S3 refuses: the role lacks `s3:PutObjectLegalHold`, or the bucket has no
    /// Object Lock.
    pub async fn hold(&self, client: &Client, key: &str, on: bool) -> Result<(), HoldError> {
        let status_word = if on { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        let hold = ObjectLockLegalHold::builder().status(status_word).build();
        let request = client.put_object_legal_hold().bucket(&self.bucket).key(key).legal_hold(hold);
        let location = location(&self.bucket, key);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Err(HoldError::Missing(location)),
            Err(error) => Err(HoldError::Refused { location, source: error.into() }),
        }
    }
}
