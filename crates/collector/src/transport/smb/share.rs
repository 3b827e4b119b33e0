//! Shares of the endpoint, and what is opened in them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::connection::{Answer, Ask, Connection};
use super::failure::Failure;
use super::header::{Command, Status};
use super::listing;
use super::message::{self, Control, FileId, Opened, Opening};
use crate::contact_error::ContactError;

/// Bytes of the answer to a question through a pipe.
const PIPE_ROOM: u32 = 64 << 10;
/// Bytes of a security descriptor's owner.
const OWNER_ROOM: u32 = 4 << 10;
const PHASE: &str = "collection";

/// A session, and the shares that it uses.
pub(super) struct Shares {
    target: IpAddr,
    connection: Connection,
    trees: BTreeMap<String, u32>,
    max_read: u32,
    max_transact: u32,
}

impl Shares {
    pub(super) fn new(target: IpAddr, connection: Connection, max_read: u32, max_transact: u32) -> Self {
        Self { target, connection, trees: BTreeMap::new(), max_read, max_transact }
    }

    pub(super) fn target(&self) -> IpAddr {
        self.target
    }

    async fn ask(
        &mut self,
        command: Command,
        tree: u32,
        body: Vec<u8>,
        room: u32,
    ) -> Result<Answer, Failure> {
        self.connection.ask(Ask { command, tree, body, room, phase: PHASE }).await
    }

    /// Uses a share, once.
    pub(super) async fn tree(&mut self, share: &str) -> Result<u32, Failure> {
        if let Some(tree) = self.trees.get(share) {
            return Ok(*tree);
        }
        let body = message::tree_connect(&format!(r"\\{}\{share}", host(self.target)));
        let answer = self.ask(Command::TreeConnect, 0, body, 0).await?.or_refused()?;
        if message::tree_wants_seal(&answer.message)? && !self.connection.seals() {
            return Err(unsealed(self.target));
        }
        self.trees.insert(share.to_owned(), answer.tree);
        Ok(answer.tree)
    }

    /// Opens something that is there, by its name below the share.
    pub(super) async fn open(&mut self, tree: u32, name: &str, opening: Opening) -> Result<Opened, Failure> {
        let answer =
            self.ask(Command::Create, tree, message::create(name, opening), 0).await?.or_refused()?;
        Ok(message::created(&answer.message)?)
    }

    pub(super) async fn close(&mut self, tree: u32, file: &FileId) -> Result<(), Failure> {
        self.ask(Command::Close, tree, message::close(file), 0).await?.or_refused().map(drop)
    }

    /// At most `count` bytes from `offset` on; none at the end.
    pub(super) async fn read(
        &mut self,
        tree: u32,
        file: &FileId,
        offset: u64,
        count: u32,
    ) -> Result<Vec<u8>, Failure> {
        let count = count.min(self.connection.room()).min(self.max_read.max(1));
        let answer = self.ask(Command::Read, tree, message::read(file, offset, count), count).await?;
        match answer.status {
            Status::END_OF_FILE => Ok(Vec::new()),
            // More of a pipe's message than was asked for.
            Status::SUCCESS | Status::BUFFER_OVERFLOW => Ok(message::data(&answer.message)?.to_vec()),
            status => Err(Failure::Refused(status)),
        }
    }

    /// The next part of a folder's list; none at its end.
    pub(super) async fn list(&mut self, tree: u32, folder: &FileId) -> Result<Option<Vec<u8>>, Failure> {
        let room = self.connection.room().min(self.max_transact.max(1));
        let body = message::query_directory(folder, room);
        let answer = self.ask(Command::QueryDirectory, tree, body, room).await?;
        match answer.status {
            Status::NO_MORE_FILES => Ok(None),
            Status::SUCCESS => Ok(Some(message::queried(&answer.message)?.to_vec())),
            status => Err(Failure::Refused(status)),
        }
    }

    /// The owner of something that is open.
    pub(super) async fn owner(&mut self, tree: u32, file: &FileId) -> Result<String, Failure> {
        let body = message::query_owner(file, OWNER_ROOM);
        let answer = self.ask(Command::QueryInfo, tree, body, OWNER_ROOM).await?.or_refused()?;
        Ok(listing::owner(message::queried(&answer.message)?)?)
    }

    /// Asks the service behind a pipe. What comes may be the beginning of the answer.
    pub(super) async fn transceive(
        &mut self,
        tree: u32,
        pipe: &FileId,
        input: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let room = PIPE_ROOM.min(self.max_transact.max(1));
        let body = message::ioctl(Control::PipeTransceive, pipe, input, room);
        let answer = self.ask(Command::Ioctl, tree, body, room).await?;
        match answer.status {
            Status::SUCCESS | Status::BUFFER_OVERFLOW => Ok(message::controlled(&answer.message)?.to_vec()),
            status => Err(Failure::Refused(status)),
        }
    }

    /// What `Control::ValidateNegotiate` comes to, signed.
    pub(super) async fn validate(&mut self, input: &[u8]) -> Result<Answer, Failure> {
        let tree = self.tree("IPC$").await?;
        let body = message::ioctl(Control::ValidateNegotiate, &[0xff; 16], input, 24);
        self.ask(Command::Ioctl, tree, body, 24).await
    }

    /// Leaves all shares and ends the session.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        for tree in std::mem::take(&mut self.trees).into_values() {
            self.ask(Command::TreeDisconnect, tree, message::nothing(), 0).await?;
        }
        self.ask(Command::Logoff, 0, message::nothing(), 0).await.map(drop)
    }
}

/// An address as the name of a server, which cannot have a colon.
fn host(target: IpAddr) -> String {
    match target {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{}.ipv6-literal.net", ip.to_string().replace(':', "-")),
    }
}

/// The endpoint seals or says nothing, and no way to seal was agreed on.
pub(super) fn unsealed(target: IpAddr) -> Failure {
    Failure::Broken(Box::new(ContactError::SmbRefused {
        target,
        phase: "negotiation",
        detail: "it demands encryption by a cipher that is not spoken here (AES-128-GCM and AES-128-CCM are)"
            .into(),
        may_pass: false,
    }))
}
