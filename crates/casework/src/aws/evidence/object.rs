//! An object in S3 as a file: read in windows that grow while reading goes on in order, and pinned to what it was when
//! it was opened.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use investigation::text::one_line;
use tokio::runtime::Handle;

use super::SdkFailure;

/// Bytes asked for at a place that was jumped to: a header, a directory.
const FEW: u64 = 64 << 10;
/// Most bytes asked for, and kept, at a time.
const MOST: u64 = 8 << 20;
/// For one window, answer and content.
const WINDOW_LIMIT: Duration = Duration::from_secs(60);
/// Tries for one window. The SDK repeats a request that fails, and not a content that breaks off.
const TRIES: u32 = 3;

/// Why S3 does not give an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// S3 refuses: the role, the bucket's policy, the key's policy. Without the right to list, a missing one also looks
    /// like this.
    #[error("{location} may not be read: the role lacks the right, or the object is not there")]
    Denied {
        /// `s3://bucket/key`.
        location: String,
        /// What S3 said.
        #[source]
        source: SdkFailure,
    },
    /// Anything else.
    #[error("{location} cannot be read")]
    Failed {
        /// `s3://bucket/key`.
        location: String,
        /// What happened.
        #[source]
        source: SdkFailure,
    },
}

impl ObjectError {
    /// Whether the same may succeed later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Denied { .. })
    }
}

/// An object, open for reading. Reading blocks, and needs the runtime that it was opened on to be running: it is for
/// [`tokio::task::spawn_blocking`] and panics on a runtime's own threads.
///
/// Every read is for the very content that was there when it was opened; where that was replaced, reading fails.
pub struct S3Object {
    client: Client,
    runtime: Handle,
    bucket: String,
    key: String,
    etag: String,
    length: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    ahead: u64,
}

impl fmt::Debug for S3Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Object").field("location", &self.location()).field("length", &self.length).finish()
    }
}

impl S3Object {
    /// Opens an object.
    ///
    /// # Errors
    /// Where S3 does not give it.
    pub async fn open(client: &Client, bucket: &str, key: &str) -> Result<Self, ObjectError> {
        let location = || location(bucket, key);
        let head = match client.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => head,
            Err(error) => {
                return Err(match status(&error) {
                    Some(404) => ObjectError::Missing(location()),
                    Some(403) => ObjectError::Denied { location: location(), source: error.into() },
                    _ => ObjectError::Failed { location: location(), source: error.into() },
                });
            }
        };
        let length = head.content_length().and_then(|length| u64::try_from(length).ok());
        let (Some(etag), Some(length)) = (head.e_tag(), length) else {
            let source = "S3 told no size or no tag".into();
            return Err(ObjectError::Failed { location: location(), source });
        };
        Ok(Self {
            client: client.clone(),
            runtime: Handle::current(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            etag: etag.to_owned(),
            length,
            position: 0,
            window: Vec::new(),
            window_start: 0,
            ahead: FEW,
        })
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// `s3://bucket/key`.
    pub fn location(&self) -> String {
        location(&self.bucket, &self.key)
    }

    /// What of the window lies at the position.
    fn held(&self) -> &[u8] {
        let skipped = self.position.checked_sub(self.window_start);
        let skipped = skipped.and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| self.window.get(skipped..)).unwrap_or_default()
    }

    /// Fetches the window that begins at the position.
    fn fetch(&mut self) -> io::Result<()> {
        let goes_on =
            !self.window.is_empty() && self.position == self.window_start + self.window.len() as u64;
        self.ahead = if goes_on { (self.ahead * 2).min(MOST) } else { FEW };
        let end = self.position.saturating_add(self.ahead).min(self.length);
        let mut window = std::mem::take(&mut self.window);
        let mut tried = 0;
        let fetched = loop {
            tried += 1;
            window.clear();
            let content = self.range(self.position, end, &mut window);
            let limited = async { tokio::time::timeout(WINDOW_LIMIT, content).await };
            match self.runtime.block_on(limited) {
                Ok(Err(Fault::BrokenOff(_))) | Err(_) if tried < TRIES => {}
                Ok(result) => break result.map_err(|fault| self.failed(fault)),
                Err(_) => break Err(io::Error::new(io::ErrorKind::TimedOut, self.location())),
            }
        };
        self.window_start = self.position;
        match fetched {
            Ok(()) => self.window = window,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn range(&self, start: u64, end: u64, window: &mut Vec<u8>) -> Result<(), Fault> {
        let wanted = usize::try_from(end - start).map_err(|_| Fault::Other("too much at once".into()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key);
        let request = request.if_match(&self.etag).range(format!("bytes={start}-{}", end - 1));
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if status(&error) == Some(412) => return Err(Fault::Replaced),
            Err(error) => return Err(Fault::Other(error.into())),
        };
        window.reserve_exact(wanted);
        while let Some(bytes) = answer.body.next().await {
            let bytes = bytes.map_err(|error| Fault::BrokenOff(error.into()))?;
            if bytes.len() > wanted - window.len() {
                return Err(Fault::Other("S3 sent more than was asked for".into()));
            }
            window.extend_from_slice(&bytes);
        }
        if window.len() == wanted { Ok(()) } else { Err(Fault::BrokenOff("the content ended early".into())) }
    }

    fn failed(&self, fault: Fault) -> io::Error {
        match fault {
            Fault::Replaced => {
                io::Error::other(format!("{} was replaced while it was read", self.location()))
            }
            Fault::BrokenOff(source) | Fault::Other(source) => io::Error::other(source),
        }
    }
}

/// What keeps a window from being read.
enum Fault {
    /// The object is another one by now.
    Replaced,
    /// The content did not come to its end.
    BrokenOff(SdkFailure),
    /// After the SDK's own tries.
    Other(SdkFailure),
}

impl Read for S3Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.length {
            return Ok(0);
        }
        if self.held().is_empty() {
            self.fetch()?;
        }
        let count = self.held().read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for S3Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// `s3://bucket/key`, safe for a terminal.
pub(super) fn location(bucket: &str, key: &str) -> String {
    one_line(&format!("s3://{bucket}/{key}"), 1200)
}

/// The HTTP status of an error that S3 answered with.
pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
