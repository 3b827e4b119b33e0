//! Uploading a bundle through a presigned PUT. The request is conditional (`if-none-match: *`), so that trying again
//! after a lost answer, or a second run of the same orders, cannot replace what is there.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use investigation::order::Upload;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, StatusCode};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use crate::config::Transfer;
use crate::http::{Refusal, place, wait, without_url};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// What one try may take: this, and the bundle's size at the slowest rate that is still put up with.
const PATIENCE: Duration = Duration::from_secs(30);
const SLOWEST_BYTES_PER_SECOND: u64 = 32 << 10;

/// A bundle to be uploaded.
#[derive(Debug)]
pub(crate) enum Bundle {
    /// As a file, with its size.
    File(PathBuf, u64),
    /// In memory: only reports of failures.
    Bytes(Vec<u8>),
}

impl Bundle {
    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    async fn body(&self) -> io::Result<Body> {
        Ok(match self {
            Self::File(path, _) => {
                Body::wrap_stream(ReaderStream::with_capacity(File::open(path).await?, CHUNK))
            }
            Self::Bytes(bytes) => Body::from(bytes.clone()),
        })
    }
}

/// Where the bundle is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// It arrived.
    Stored,
    /// A bundle of the same order was there already and is left as it is.
    AlreadyThere,
}

/// Why a bundle was not uploaded. None of them shows a URL's path or query.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The signature's time is over, or it does not allow this.
    #[error("{said}: the upload URL has expired or does not allow this")]
    Forbidden {
        /// Status and S3's word for it.
        said: String,
    },
    /// The host refuses for good.
    #[error("{said} from {place}")]
    Refused {
        /// Status and S3's word for it.
        said: String,
        /// Host and port.
        place: String,
    },
    /// The network, or the host for now.
    #[error("{tries} tries: {why}")]
    GaveUp {
        /// Tries.
        tries: u32,
        /// What happened last.
        why: String,
    },
    /// The bundle cannot be read.
    #[error("the packed bundle cannot be read")]
    Bundle(#[source] io::Error),
}

/// How one try ended without the bundle there.
enum Ended {
    ForGood(UploadError),
    ForNow { why: String, retry_after: Option<Duration> },
}

/// Uploads one bundle.
///
/// # Errors
/// See [`UploadError`].
pub(crate) async fn put(
    client: &Client,
    upload: &Upload,
    bundle: &Bundle,
    transfer: &Transfer,
) -> Result<Uploaded, UploadError> {
    let deadline = Instant::now() + transfer.upload_timeout.duration();
    let patience = PATIENCE + Duration::from_secs(bundle.size() / SLOWEST_BYTES_PER_SECOND);
    let mut tries = 0;
    loop {
        tries += 1;
        let left = deadline.saturating_duration_since(Instant::now()).min(patience);
        let (why, retry_after) = match tokio::time::timeout(left, once(client, upload, bundle)).await {
            Ok(Ok(uploaded)) => return Ok(uploaded),
            Ok(Err(Ended::ForGood(error))) => return Err(error),
            Ok(Err(Ended::ForNow { why, retry_after })) => (why, retry_after),
            Err(_) => (format!("no answer from {} in time", place(&upload.url)), None),
        };
        tracing::info!(tries, why, "an upload did not succeed");
        let pause = wait(tries, retry_after);
        if tries >= transfer.attempts || pause >= deadline.saturating_duration_since(Instant::now()) {
            return Err(UploadError::GaveUp { tries, why });
        }
        tokio::time::sleep(pause).await;
    }
}

async fn once(client: &Client, upload: &Upload, bundle: &Bundle) -> Result<Uploaded, Ended> {
    let body = bundle.body().await.map_err(|error| Ended::ForGood(UploadError::Bundle(error)))?;
    let request =
        client.put(&upload.url).headers(headers(upload)).header(CONTENT_LENGTH, bundle.size()).body(body);
    let response =
        request.send().await.map_err(|error| Ended::ForNow { why: without_url(error), retry_after: None })?;
    let status = response.status();
    if status.is_success() {
        return Ok(Uploaded::Stored);
    }
    if status == StatusCode::PRECONDITION_FAILED {
        return Ok(Uploaded::AlreadyThere);
    }
    let refusal = Refusal::read(response).await;
    if refusal.is_passing() {
        return Err(Ended::ForNow { why: refusal.said, retry_after: refusal.retry_after });
    }
    let said = refusal.said;
    Err(Ended::ForGood(match status {
        StatusCode::FORBIDDEN => UploadError::Forbidden { said },
        _ => UploadError::Refused { said, place: place(&upload.url) },
    }))
}

/// Exactly the headers that the signature covers. Their spelling was checked with the batch.
fn headers(upload: &Upload) -> HeaderMap {
    let header = |(name, value): (&String, &String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    upload.headers.iter().filter_map(header).collect()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use investigation::order::Upload;

    use super::*;
    use crate::bundle::tests::peak_memory;
    use crate::http::client;

    /// Takes one request as it comes, and returns the bytes of its body.
    fn take(stream: TcpStream) -> io::Result<u64> {
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let taken = io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        reader.into_inner().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        Ok(taken)
    }

    #[tokio::test]
    async fn memory_does_not_grow_with_the_bundle() {
        let size = 128 << 20;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle.zip");
        std::fs::File::create(&path).unwrap().set_len(size).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/k", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || take(listener.accept()?.0));
        let transfer = Transfer::default();
        let upload = Upload { url, headers: std::collections::BTreeMap::new() };
        let before = peak_memory();
        let done = put(&client(&transfer).unwrap(), &upload, &Bundle::File(path, size), &transfer).await;
        assert_eq!(done.unwrap(), Uploaded::Stored);
        let grown = peak_memory() - before;
        assert_eq!(server.join().unwrap().unwrap(), size);
        // The process's own peak: other tests run beside this one and take some of it.
        assert!(grown < 112 << 20, "{grown} bytes for a bundle of 128 MiB");
    }
}
