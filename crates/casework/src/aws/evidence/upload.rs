//! Uploads in parts: a writer on a thread that may block fills them, and a task sends them, two at a time. Between the
//! two at most one waits, so that memory holds four parts whatever is uploaded.

use std::io::{self, Write};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::SdkFailure;

/// Bytes of every part but the last. S3 takes 10,000 parts, so this reaches beyond the largest container.
pub(super) const PART: usize = 8 << 20;
/// Parts on their way at a time.
const IN_FLIGHT: usize = 2;

/// One part, with its SHA-256 as S3 wants it.
pub(super) struct Part {
    number: i32,
    bytes: Vec<u8>,
    sha256: String,
}

/// Takes bytes in order and makes parts of them. Blocks while too many wait; fails once nobody sends them any more.
pub(super) struct Parts {
    sender: mpsc::Sender<Part>,
    buffer: Vec<u8>,
    number: i32,
}

impl Parts {
    pub(super) fn new() -> (Self, mpsc::Receiver<Part>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self { sender, buffer: Vec::new(), number: 1 }, receiver)
    }

    /// Hands over the last part.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.hand_over()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        let sha256 = BASE64.encode(&Sha256::digest(&bytes));
        let part = Part { number: self.number, bytes, sha256 };
        self.number += 1;
        self.sender.blocking_send(part).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == PART {
            self.hand_over()?;
        }
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(PART);
        }
        let count = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where parts go.
#[derive(Clone)]
pub(super) struct Destination {
    pub client: Client,
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
}

impl Destination {
    /// Sends every part. Nothing can be seen of them until the upload is completed.
    ///
    /// # Errors
    /// The first that S3 does not take.
    pub(super) async fn send(
        &self,
        mut parts: mpsc::Receiver<Part>,
    ) -> Result<CompletedMultipartUpload, SdkFailure> {
        let mut on_their_way = JoinSet::new();
        let mut sent = Vec::new();
        loop {
            if on_their_way.len() == IN_FLIGHT
                && let Some(part) = on_their_way.join_next().await
            {
                sent.push(part??);
            }
            let Some(part) = parts.recv().await else { break };
            let destination = self.clone();
            on_their_way.spawn(async move { destination.send_part(part).await });
        }
        while let Some(part) = on_their_way.join_next().await {
            sent.push(part??);
        }
        sent.sort_by_key(CompletedPart::part_number);
        Ok(CompletedMultipartUpload::builder().set_parts(Some(sent)).build())
    }

    async fn send_part(&self, part: Part) -> Result<CompletedPart, SdkFailure> {
        let Part { number, bytes, sha256 } = part;
        let request = self.client.upload_part().bucket(&self.bucket).key(&self.key);
        let request = request.upload_id(&self.upload_id).part_number(number).checksum_sha256(&sha256);
        let answer = request.body(ByteStream::from(bytes)).send().await?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .checksum_sha256(sha256)
            .set_e_tag(answer.e_tag().map(str::to_owned))
            .build())
    }

    /// Gives the upload up, so that its parts cost nothing more. What cannot be given up expires.
    pub(super) async fn abort(&self) {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(&self.key);
        if let Err(error) = request.upload_id(&self.upload_id).send().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                key = self.key,
                error,
                "an upload was not given up; its parts expire by lifecycle"
            );
        }
    }
}
