//! One connection: a question and its answer, signed or sealed once there is a key, within credits and time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::bytes::Malformed;
use super::failure::Failure;
use super::header::{Command, Header, Question, Status};
use super::keys::{Forged, Keys, Transcript};
use crate::contact_error::ContactError;

/// Longest message that is read: what we ask for at most, and what goes with it.
const LONGEST: usize = MOST as usize + (64 << 10);
/// Most bytes that are asked for at once.
pub(super) const MOST: u32 = 1 << 20;
/// What one credit is good for.
const PER_CREDIT: u32 = 64 << 10;
/// Credits that are asked for, and the most that are counted.
const CREDITS: u16 = 32;
const CREDITS_MOST: u32 = 8192;
/// Messages that answer nothing, one after the other.
const STRAY: u32 = 16;
/// How much longer than usual an answer may take that was said to take time.
const PENDING: u32 = 6;

/// What is asked.
pub(super) struct Ask {
    pub(super) command: Command,
    pub(super) tree: u32,
    pub(super) body: Vec<u8>,
    /// Bytes that come back at most.
    pub(super) room: u32,
    /// For messages.
    pub(super) phase: &'static str,
}

/// An answer that was made for this question and, if there is a key, by who holds it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) tree: u32,
    pub(super) session: u64,
    /// With its header, from whose beginning places in it are counted.
    pub(super) message: Vec<u8>,
}

impl Answer {
    /// An error status is a refusal.
    pub(super) fn or_refused(self) -> Result<Self, Failure> {
        match self.status {
            Status::SUCCESS => Ok(self),
            status => Err(Failure::Refused(status)),
        }
    }
}

pub(super) struct Connection {
    target: IpAddr,
    stream: TcpStream,
    patience: Duration,
    next: u64,
    credits: u32,
    large: bool,
    pub(super) session: u64,
    pub(super) transcript: Transcript,
    keys: Option<Keys>,
    /// After a failure nobody knows what comes next.
    is_lost: bool,
}

impl Connection {
    pub(super) async fn open(target: IpAddr, port: u16, patience: Duration) -> Result<Self, ContactError> {
        let late = |_| ContactError::TimedOut { target, phase: "connection", seconds: patience.as_secs() };
        let stream = timeout(patience, TcpStream::connect(SocketAddr::new(target, port)))
            .await
            .map_err(late)?
            .map_err(|source| ContactError::Unreachable { target, port, source })?;
        // A question is one small message, and nothing follows it.
        let _ = stream.set_nodelay(true);
        Ok(Self {
            target,
            stream,
            patience,
            next: 0,
            credits: 1,
            large: false,
            session: 0,
            transcript: Transcript::new(),
            keys: None,
            is_lost: false,
        })
    }

    /// More than 64 KiB may go at once from now on, as credits allow.
    pub(super) fn allow_large(&mut self) {
        self.large = true;
    }

    /// From now on everything is signed, and sealed where there is a key for it.
    pub(super) fn protect(&mut self, keys: Keys) {
        self.keys = Some(keys);
    }

    pub(super) fn seals(&self) -> bool {
        self.keys.as_ref().is_some_and(Keys::seal)
    }

    /// Bytes that may be asked for now.
    pub(super) fn room(&self) -> u32 {
        if self.large { MOST.min(self.credits.max(1) * PER_CREDIT) } else { PER_CREDIT }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, ask: Ask) -> Result<Answer, Failure> {
        let phase = ask.phase;
        if self.is_lost {
            return Err(self.broken(phase, &"it was lost before"));
        }
        // Also if this is dropped in the middle.
        self.is_lost = true;
        let answer = self.exchange(ask).await?;
        self.is_lost = false;
        Ok(answer)
    }

    async fn exchange(&mut self, ask: Ask) -> Result<Answer, Failure> {
        let Ask { command, tree, body, room, phase } = ask;
        let largest = room.max(u32::try_from(body.len()).unwrap_or(u32::MAX)).max(1);
        let charge = if self.large { largest.div_ceil(PER_CREDIT) } else { 1 };
        if charge > self.credits {
            return Err(self.broken(phase, &"it grants no credits to go on with"));
        }
        let question = Question {
            command,
            charge: if self.large { charge as u16 } else { 0 },
            credits: CREDITS,
            signed: self.keys.as_ref().is_some_and(|keys| !keys.seal()),
            message: self.next,
            tree,
            session: self.session,
        };
        self.next += u64::from(charge);
        self.credits -= charge;
        let mut message = question.message(&body);
        let begins = matches!(command, Command::Negotiate | Command::SessionSetup);
        if begins {
            self.transcript.add(&message);
        }
        if let Some(keys) = &mut self.keys {
            match keys.sealed(&message, self.session) {
                Some(sealed) => message = sealed,
                None => keys.sign(&mut message),
            }
        }
        self.send(&message, phase).await?;

        let mut deadline = Instant::now() + self.patience;
        let (mut stray, mut is_pending) = (0, false);
        loop {
            let received = match timeout_at(deadline, self.receive(phase)).await {
                Ok(received) => received?,
                Err(_) => return Err(self.late(phase)),
            };
            let (message, was_sealed) = self.opened(received)?;
            let header = Header::read(&message).map_err(|error| self.malformed(phase, &error))?;
            self.credits = (self.credits + u32::from(header.credits)).min(CREDITS_MOST);
            // It tells of itself that a lock was lifted. We have none.
            if header.message == u64::MAX && stray < STRAY {
                stray += 1;
                continue;
            }
            if header.message != question.message || header.command != command as u16 {
                return Err(self.broken(phase, &"it answers what was not asked"));
            }
            if header.next != 0 {
                return Err(self.broken(phase, &"it answers twice"));
            }
            // Nothing comes of it but waiting, so that it need not be signed. It often is not.
            if header.status == Status::PENDING && stray < STRAY {
                stray += 1;
                if !is_pending {
                    (is_pending, deadline) = (true, Instant::now() + self.patience * PENDING);
                }
                continue;
            }
            self.proven(&header, &message, was_sealed)?;
            if begins && (command == Command::Negotiate || header.status == Status::MORE_PROCESSING) {
                self.transcript.add(&message);
            }
            let Header { status, tree, session, .. } = header;
            return Ok(Answer { status, tree, session, message });
        }
    }

    async fn send(&mut self, message: &[u8], phase: &'static str) -> Result<(), Failure> {
        let mut frame = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        frame.extend(message);
        match timeout(self.patience, self.stream.write_all(&frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(phase, &error)),
            Err(_) => Err(self.late(phase)),
        }
    }

    /// One message, as it came.
    async fn receive(&mut self, phase: &'static str) -> Result<Vec<u8>, Failure> {
        let mut head = [0; 4];
        if let Err(error) = self.stream.read_exact(&mut head).await {
            return Err(self.broken(phase, &error));
        }
        let length = u32::from_be_bytes(head) as usize;
        // The first byte is 0, so that what is none is too long as well.
        if length > LONGEST {
            return Err(self.broken(phase, &"it announces an answer longer than any that was asked for"));
        }
        // Not more is kept than really comes.
        let mut message = Vec::with_capacity(length.min(PER_CREDIT as usize));
        match (&mut self.stream).take(length as u64).read_to_end(&mut message).await {
            Ok(count) if count == length => Ok(message),
            Ok(_) => Err(self.broken(phase, &"it ended in the middle of an answer")),
            Err(error) => Err(self.broken(phase, &error)),
        }
    }

    /// The message inside a seal; with whether there was one.
    fn opened(&self, received: Vec<u8>) -> Result<(Vec<u8>, bool), Failure> {
        if !received.starts_with(&[0xfd, b'S', b'M', b'B']) {
            return Ok((received, false));
        }
        let forged = |forged: Forged| self.forged(forged);
        let keys = self.keys.as_ref().ok_or(Forged("it is sealed before there is a key")).map_err(forged)?;
        Ok((keys.open(&received, self.session).map_err(forged)?, true))
    }

    /// Whether an answer comes from who holds the key.
    fn proven(&self, header: &Header, message: &[u8], was_sealed: bool) -> Result<(), Failure> {
        let Some(keys) = &self.keys else { return Ok(()) };
        if was_sealed {
            return Ok(());
        }
        // An endpoint that has forgotten the session has no key to say so with.
        if keys.seal() || !header.is_signed() {
            return Err(self.forged(Forged("it is neither signed nor sealed")));
        }
        if header.session != self.session {
            return Err(self.forged(Forged("it is of another session")));
        }
        keys.verify(message).map_err(|error| self.forged(error))
    }

    pub(super) fn broken(&self, phase: &'static str, detail: &dyn std::fmt::Display) -> Failure {
        Failure::Broken(Box::new(ContactError::disconnected(self.target, phase, detail)))
    }

    pub(super) fn malformed(&self, phase: &'static str, error: &Malformed) -> Failure {
        self.broken(phase, error)
    }

    pub(super) fn forged(&self, error: Forged) -> Failure {
        Failure::Broken(Box::new(ContactError::NotSealed { target: self.target, detail: error.to_string() }))
    }

    fn late(&self, phase: &'static str) -> Failure {
        let seconds = self.patience.as_secs();
        Failure::Broken(Box::new(ContactError::TimedOut { target: self.target, phase, seconds }))
    }
}
