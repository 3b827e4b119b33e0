//! As much of SFTP as it takes to put a file somewhere, look at it, and remove it (draft-ietf-secsh-filexfer-02, the
//! version that OpenSSH speaks on every system). One request after the other; what the server says is held to what was
//! asked, and to a length.

use std::io;
use std::time::Duration;

use data_encoding::HEXLOWER;
use investigation::text::one_line;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::in_short;
use crate::transport::ssh::SshSession;

/// Bytes of one read or write. Every server takes as many.
const PIECE: u32 = 32 << 10;
/// Longest message from a server.
const MESSAGE_CAP: u32 = PIECE + 1024;

const INIT: u8 = 1;
const VERSION: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RMDIR: u8 = 15;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const ATTRS: u8 = 105;

const OK: u32 = 0;
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;

/// For reading; for writing what must not be there yet.
const FOR_READING: u32 = 1;
const FOR_WRITING_ANEW: u32 = 0x2 | 0x8 | 0x20;

/// Makes a folder and puts a file into it; neither may be there. The error is one line. `landed` is set as soon as
/// something may be there.
pub(super) async fn put(
    ssh: &SshSession,
    folder: &str,
    file: &str,
    bytes: &[u8],
    limit: Duration,
    landed: &mut bool,
) -> Result<(), String> {
    within(limit, async {
        let mut server = connect(ssh).await?;
        *landed = true;
        server.make_folder(folder).await?;
        server.put(file, bytes).await
    })
    .await
}

/// The SHA-256 of a file of at most `most` bytes, in lower-case hex.
pub(super) async fn sha256(
    ssh: &SshSession,
    file: &str,
    most: u64,
    limit: Duration,
) -> Result<String, String> {
    within(limit, async { connect(ssh).await?.sha256(file, most).await }).await
}

/// Removes a file and its folder. True once neither is there.
pub(super) async fn remove(
    ssh: &SshSession,
    folder: &str,
    file: &str,
    limit: Duration,
) -> Result<bool, String> {
    within(limit, async { connect(ssh).await?.remove(folder, file).await }).await
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, String> {
    match timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Failure(why))) => Err(why),
        Err(_) => Err(format!("SFTP did not come to its end in {} s", limit.as_secs())),
    }
}

async fn connect(ssh: &SshSession) -> Result<Server<impl AsyncRead + AsyncWrite + Unpin>, Failure> {
    let channel = ssh.open_channel().await.map_err(|error| Failure(in_short(&error)))?;
    let refused = |error: russh::Error| Failure(format!("no SFTP: {}", one_line(&error.to_string(), 100)));
    channel.request_subsystem(false, "sftp").await.map_err(refused)?;
    Server::open(channel.into_stream()).await
}

/// Why it did not go on, one line.
#[derive(Debug)]
struct Failure(String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(format!("SFTP broke off: {}", one_line(&error.to_string(), 100)))
    }
}

struct Server<S> {
    stream: S,
    id: u32,
    message: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    async fn open(stream: S) -> Result<Self, Failure> {
        let mut server = Self { stream, id: 0, message: Vec::new() };
        server.send(INIT, &3_u32.to_be_bytes()).await?;
        match server.receive().await? {
            VERSION => Ok(server),
            other => Err(unexpected(other)),
        }
    }

    async fn make_folder(&mut self, folder: &str) -> Result<(), Failure> {
        // Mode 0700; Windows does not know it, and lets nobody but the account into its profile.
        let fields = [text(folder), 4_u32.to_be_bytes().to_vec(), 0o700_u32.to_be_bytes().to_vec()].concat();
        self.complete(MKDIR, &fields, "its folder cannot be made").await
    }

    async fn put(&mut self, file: &str, bytes: &[u8]) -> Result<(), Failure> {
        let handle = self.open_file(file, FOR_WRITING_ANEW).await?;
        let mut offset = 0_u64;
        for piece in bytes.chunks(PIECE as usize) {
            let fields = [text_bytes(&handle), offset.to_be_bytes().to_vec(), text_bytes(piece)].concat();
            self.complete(WRITE, &fields, "it cannot be written").await?;
            offset += piece.len() as u64;
        }
        self.complete(CLOSE, &text_bytes(&handle), "it cannot be written").await
    }

    async fn sha256(&mut self, file: &str, most: u64) -> Result<String, Failure> {
        let handle = self.open_file(file, FOR_READING).await?;
        let mut hasher = Sha256::new();
        let mut offset = 0_u64;
        while offset <= most {
            let fields =
                [text_bytes(&handle), offset.to_be_bytes().to_vec(), PIECE.to_be_bytes().to_vec()].concat();
            match self.ask(READ, &fields).await? {
                DATA => {
                    let data = self.field()?;
                    // A server that goes on without going forward would never come to an end.
                    if data.is_empty() {
                        return Err(Failure("SFTP gives nothing, and no end".into()));
                    }
                    offset += data.len() as u64;
                    hasher.update(&data);
                }
                STATUS if self.status() == Some(EOF) => break,
                STATUS => return Err(self.failed("it cannot be read")),
                other => return Err(unexpected(other)),
            }
        }
        self.ask(CLOSE, &text_bytes(&handle)).await?;
        Ok(HEXLOWER.encode(&hasher.finalize()))
    }

    async fn remove(&mut self, folder: &str, file: &str) -> Result<bool, Failure> {
        self.ask(REMOVE, &text(file)).await?;
        self.ask(RMDIR, &text(folder)).await?;
        match self.ask(LSTAT, &text(folder)).await? {
            STATUS => Ok(self.status() == Some(NO_SUCH_FILE)),
            ATTRS => Ok(false),
            other => Err(unexpected(other)),
        }
    }

    async fn open_file(&mut self, file: &str, how: u32) -> Result<Vec<u8>, Failure> {
        // Mode 0700, for whoever knows it.
        let attributes = [4_u32.to_be_bytes(), 0o700_u32.to_be_bytes()].concat();
        let attributes = if how == FOR_READING { vec![0; 4] } else { attributes };
        let fields = [text(file), how.to_be_bytes().to_vec(), attributes].concat();
        match self.ask(OPEN, &fields).await? {
            HANDLE => self.field(),
            STATUS => Err(self.failed("it cannot be opened")),
            other => Err(unexpected(other)),
        }
    }

    /// Sends a request that is answered by a status. `what` is said where that is a bad one.
    async fn complete(&mut self, kind: u8, fields: &[u8], what: &str) -> Result<(), Failure> {
        match self.ask(kind, fields).await? {
            STATUS if self.status() == Some(OK) => Ok(()),
            STATUS => Err(self.failed(what)),
            other => Err(unexpected(other)),
        }
    }

    /// Sends a request and receives its answer; with the answer's kind. What is left of it are its fields.
    async fn ask(&mut self, kind: u8, fields: &[u8]) -> Result<u8, Failure> {
        self.id = self.id.wrapping_add(1);
        let id = self.id.to_be_bytes();
        self.send(kind, &[&id, fields].concat()).await?;
        let answered = self.receive().await?;
        if self.message.get(..4) != Some(&id) {
            return Err(Failure("SFTP answers to what was not asked".into()));
        }
        self.message.drain(..4);
        Ok(answered)
    }

    async fn send(&mut self, kind: u8, fields: &[u8]) -> Result<(), Failure> {
        let length = u32::try_from(fields.len() + 1).unwrap_or(u32::MAX);
        self.stream.write_all(&[&length.to_be_bytes()[..], &[kind], fields].concat()).await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn receive(&mut self) -> Result<u8, Failure> {
        let length = self.stream.read_u32().await?;
        if length == 0 || length > MESSAGE_CAP {
            return Err(Failure(format!("SFTP announces a message of {length} bytes")));
        }
        let kind = self.stream.read_u8().await?;
        self.message.resize(length as usize - 1, 0);
        self.stream.read_exact(&mut self.message).await?;
        Ok(kind)
    }

    /// The text or the bytes that an answer consists of.
    fn field(&self) -> Result<Vec<u8>, Failure> {
        let (length, rest) =
            self.message.split_first_chunk::<4>().ok_or_else(|| Failure("SFTP is cut short".into()))?;
        let field = rest.get(..u32::from_be_bytes(*length) as usize);
        field.map(<[u8]>::to_vec).ok_or_else(|| Failure("SFTP is cut short".into()))
    }

    fn status(&self) -> Option<u32> {
        self.message.first_chunk::<4>().map(|code| u32::from_be_bytes(*code))
    }

    fn failed(&self, what: &str) -> Failure {
        let code = self.status().map_or("no code".into(), |code| format!("SFTP status {code}"));
        Failure(format!("{what} ({code})"))
    }
}

fn unexpected(kind: u8) -> Failure {
    Failure(format!("SFTP answers with a message of type {kind}"))
}

fn text(text: &str) -> Vec<u8> {
    text_bytes(text.as_bytes())
}

fn text_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests;
