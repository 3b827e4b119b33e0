//! Evidence as it is handed out: proven as a whole first, and only then given, from the file that was proven.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use casework::container::{self, ReadError, VerifyError};
use data_encoding::HEXLOWER;
use http_body_util::channel::{Channel, Sender};
use hyper::StatusCode;
use hyper::body::Bytes;
use investigation::case::SealedEvidence;
use investigation::text::one_line;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::failure::Failure;
use super::listen::Busy;

/// Bytes that are sent at a time, and pieces of that size on their way.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Time in which a browser has to take a piece.
const STALLED: Duration = Duration::from_secs(60);

/// Where containers lie.
pub(super) enum Evidence {
    /// On this machine.
    Folder,
    /// In S3.
    #[cfg(feature = "aws")]
    Buckets(aws_sdk_s3::Client),
}

/// Something that is read from anywhere.
trait Container: Read + Seek + Send {}

impl<T: Read + Seek + Send> Container for T {}

/// A container that is the very one that its case names, and whole.
pub(super) struct Proven(container::Proven<Box<dyn Container>>);

impl Evidence {
    /// Opens a case's container and proves it.
    pub(super) async fn proven(&self, sealed: &SealedEvidence) -> Result<Proven, Failure> {
        let (file, size) = self.open(&sealed.location).await?;
        let proving = spawn_blocking(move || container::Proven::open_in(file, size));
        let proven = match proving.await {
            Ok(Ok(proven)) => proven,
            Ok(Err(ReadError::Verify(VerifyError::Io(error)))) => return Err(unreadable(&error)),
            Ok(Err(ReadError::Broken(problem))) => return Err(broken(&format!("{problem}."))),
            Ok(Err(error)) => return Err(broken(&format!("{error}."))),
            Err(error) => return Err(unreadable(&error)),
        };
        if proven.sha256() != sealed.sha256 {
            let text = format!(
                "It is not the container that was sealed: its SHA-256 is {}, and the case says {}.",
                proven.sha256(),
                sealed.sha256
            );
            return Err(broken(&text));
        }
        Ok(Proven(proven))
    }

    async fn open(&self, location: &str) -> Result<(Box<dyn Container>, u64), Failure> {
        match (self, location.strip_prefix("s3://")) {
            (Self::Folder, None) => {
                let path = PathBuf::from(location);
                let open = move || -> io::Result<(Box<dyn Container>, u64)> {
                    // Opening a pipe would wait for its writer.
                    if !std::fs::metadata(&path)?.is_file() {
                        return Err(io::Error::other("it is no file"));
                    }
                    let file = std::fs::File::open(&path)?;
                    let size = file.metadata()?.len();
                    Ok((Box::new(file), size))
                };
                let opened = spawn_blocking(open).await.map_err(|error| unreadable(&error))?;
                opened.map_err(|error| unreadable(&error))
            }
            #[cfg(feature = "aws")]
            (Self::Buckets(s3), Some(object)) => {
                let (bucket, key) = object.split_once('/').unwrap_or((object, ""));
                let object = casework::aws::evidence::S3Object::open(s3, bucket, key).await;
                let object = object.map_err(|error| unreadable(&error))?;
                let size = object.length();
                Ok((Box::new(object), size))
            }
            _ => {
                let text =
                    "The container lies where this program does not look: it belongs to another deployment.";
                Err(Failure::missing(text))
            }
        }
    }
}

fn broken(text: &str) -> Failure {
    let text = format!(
        "{} It is not handed out. Look at it with `peerhound verify`, and compare it with your backups.",
        one_line(text, 400)
    );
    Failure::new(StatusCode::CONFLICT, "This evidence is not intact", text)
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    let why = one_line(&error.to_string(), 300);
    let text =
        format!("The container cannot be read ({why}). Look whether it was moved, and who may read it.");
    Failure::new(StatusCode::NOT_FOUND, "The evidence cannot be read", text)
}

impl Proven {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.size()
    }

    /// One entry, if there is one, of `most` bytes at most.
    pub(super) async fn entry(
        mut self,
        path: &'static str,
        most: u64,
    ) -> Result<(Self, Option<Vec<u8>>), Failure> {
        let reading = spawn_blocking(move || {
            let read = self.0.entry(path, most);
            (self, read)
        });
        match reading.await {
            Ok((proven, Ok(bytes))) => Ok((proven, bytes)),
            Ok((_, Err(error @ ReadError::TooLarge { .. }))) => {
                let text = format!("{error}. Download the container and unpack it.");
                Err(Failure::new(StatusCode::CONFLICT, "Too large to be shown", text))
            }
            Ok((_, Err(error))) => Err(broken(&format!("{error}."))),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// The whole of it. What is sent is hashed once more, and the last of it is only sent if it is still what was
    /// proven: a download of anything else breaks off.
    pub(super) fn stream(self, busy: Busy, permit: OwnedSemaphorePermit) -> Channel<Bytes, io::Error> {
        let whole =
            Whole { size: self.0.size(), sha256: self.0.sha256().to_owned(), file: self.0.into_inner() };
        whole.stream(busy, permit)
    }
}

/// What is sent, and what it has to be.
struct Whole<F> {
    file: F,
    size: u64,
    sha256: String,
}

impl<F: Container + 'static> Whole<F> {
    fn stream(self, busy: Busy, permit: OwnedSemaphorePermit) -> Channel<Bytes, io::Error> {
        let (sender, body) = Channel::new(PIECES);
        let runtime = Handle::current();
        busy.set(true);
        spawn_blocking(move || {
            if let Err(error) = send(self, sender, &runtime) {
                tracing::warn!(%error, "a download of evidence broke off");
            }
            busy.set(false);
            drop(permit);
        });
        body
    }
}

fn send<F: Container>(whole: Whole<F>, mut to: Sender<Bytes, io::Error>, runtime: &Handle) -> io::Result<()> {
    let Whole { mut file, size, sha256 } = whole;
    let give = |piece: Vec<u8>, to: &mut Sender<Bytes, io::Error>| {
        let given = runtime.block_on(tokio::time::timeout(STALLED, to.send_data(Bytes::from(piece))));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the browser went away");
        given.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the browser takes nothing"))?.map_err(gone)
    };
    let mut copy = || -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(0))?;
        let (mut hash, mut held, mut left) = (Sha256::new(), Vec::new(), size);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            hash.update(&piece);
            left -= wanted as u64;
            let before = std::mem::replace(&mut held, piece);
            if !before.is_empty() {
                give(before, &mut to)?;
            }
        }
        match HEXLOWER.encode(&hash.finalize()) == sha256 {
            true => Ok(held),
            false => Err(io::Error::other("it was changed while it was sent")),
        }
    };
    match copy() {
        Ok(last) => give(last, &mut to),
        Err(error) => {
            to.abort(io::Error::other(error.to_string()));
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use std::sync::Arc;

    use super::*;

    fn hash(content: &[u8]) -> String {
        HEXLOWER.encode(&Sha256::digest(content))
    }

    /// What is sent of `content`, where this was proven.
    async fn sent(content: Vec<u8>, proven: &[u8]) -> Result<Bytes, io::Error> {
        let permit = Arc::new(tokio::sync::Semaphore::new(1)).acquire_owned().await.unwrap();
        let whole = Whole { file: io::Cursor::new(content), size: proven.len() as u64, sha256: hash(proven) };
        whole.stream(Busy::default(), permit).collect().await.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn all_of_it_is_sent_and_nothing_else_that_took_its_place() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(sent(content.clone(), &content).await.unwrap(), content);
        let mut other = content.clone();
        other[150_000] ^= 1;
        assert!(sent(other, &content).await.is_err(), "changed");
        assert!(sent(content[..150_000].to_vec(), &content).await.is_err(), "cut");
    }
}
