//! Remote calls to a service behind a pipe: one bind, then a call after the other (C706 chapter 12, MS-RPCE).

use std::fmt;

use super::bytes::{Malformed, Reader};
use super::failure::Failure;
use super::message::{FileId, Opening};
use super::ndr::{Arguments, Results};
use super::share::Shares;

/// Most bytes of one fragment, as Windows has it.
const FRAGMENT: u16 = 4280;
/// Most bytes that one call may come to. The longest real ones are lists of shares and sessions.
const ANSWER: usize = 4 << 20;
/// Most fragments of one call: they may be empty, and each has to be waited for.
const FRAGMENTS: u32 = 4096;
const HEAD: usize = 16;

/// Its own encoding and no other: NDR, version 2.
const NDR: [u8; 20] = [
    0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2, 0, 0,
    0,
];

/// A service: the pipe that it listens at, and the interface that is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) pipe: &'static str,
    /// Identifier and version.
    pub(super) interface: [u8; 20],
}

/// How a service says that something went (MS-ERREF 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Win32(pub(super) u32);

impl Win32 {
    pub(super) const NOT_FOUND: Self = Self(2);
    pub(super) const ACCESS_DENIED: Self = Self(5);
    pub(super) const MORE_DATA: Self = Self(234);
    pub(super) const NO_MORE_ITEMS: Self = Self(259);
}

impl fmt::Display for Win32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            2 => write!(f, "there is none of that name"),
            5 => write!(f, "access denied"),
            50 | 120 => write!(f, "not supported"),
            124 => write!(f, "it does not know this level of detail"),
            1722 => write!(f, "the service does not run"),
            number => write!(f, "error {number}"),
        }
    }
}

/// A pipe that is bound to its service.
pub(super) struct Pipe {
    tree: u32,
    file: FileId,
    call: u32,
}

impl Pipe {
    /// Opens the pipe and binds it.
    pub(super) async fn open(shares: &mut Shares, service: &Service) -> Result<Self, Failure> {
        let tree = shares.tree("IPC$").await?;
        let opened = shares.open(tree, service.pipe, Opening::Pipe).await?;
        let mut pipe = Self { tree, file: opened.id, call: 0 };
        let answer = pipe.exchange(shares, bind(&service.interface), BIND_ANSWER).await?;
        accepted(&answer)?;
        Ok(pipe)
    }

    /// Makes one call; what it comes to ends with the service's own word, which may be an error.
    pub(super) async fn call(
        &mut self,
        shares: &mut Shares,
        number: u16,
        arguments: Arguments,
    ) -> Result<(Vec<u8>, Win32), Failure> {
        let stub = arguments.done();
        let mut body = u32::try_from(stub.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        body.extend([0, 0]);
        body.extend(number.to_le_bytes());
        body.extend(stub);
        self.call = self.call.wrapping_add(1);
        let request = pdu(REQUEST, self.call, &body);
        let stub = self.exchange(shares, request, RESPONSE).await?;
        let code = stub.last_chunk().copied().map(u32::from_le_bytes);
        Ok((stub, Win32(code.ok_or(Malformed("a call came to nothing"))?)))
    }

    pub(super) async fn close(self, shares: &mut Shares) -> Result<(), Failure> {
        shares.close(self.tree, &self.file).await
    }

    /// Sends a request and puts the fragments of what it comes to together.
    async fn exchange(
        &mut self,
        shares: &mut Shares,
        request: Vec<u8>,
        kind: u8,
    ) -> Result<Vec<u8>, Failure> {
        let mut received = shares.transceive(self.tree, &self.file, &request).await?;
        let mut whole = Assembly::new(kind, self.call);
        loop {
            while let Some(used) = whole.fragment(&received)? {
                received.drain(..used);
                if whole.is_done {
                    return Ok(whole.stub);
                }
            }
            let more = shares.read(self.tree, &self.file, 0, u32::from(u16::MAX)).await?;
            if more.is_empty() {
                return Err(Malformed("a call ended in the middle").into());
            }
            received.extend(more);
        }
    }
}

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ANSWER: u8 = 12;

/// First and last fragment at once.
fn pdu(kind: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let mut pdu = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    pdu.extend(u16::try_from(HEAD + body.len()).unwrap_or(u16::MAX).to_le_bytes());
    pdu.extend([0, 0]);
    pdu.extend(call.to_le_bytes());
    pdu.extend(body);
    pdu
}

fn bind(interface: &[u8; 20]) -> Vec<u8> {
    let sizes = [FRAGMENT.to_le_bytes(), FRAGMENT.to_le_bytes()].concat();
    // No group, one context of one encoding.
    let context = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    pdu(BIND, 0, &[&sizes[..], &context, interface, &NDR].concat())
}

/// Whether the service took the interface and its encoding.
fn accepted(answer: &[u8]) -> Result<(), Failure> {
    let mut fields = Reader::new(answer);
    // Sizes and group.
    fields.take(8)?;
    let name = fields.u16()?;
    fields.take(name.into())?;
    // Counted from the beginning of the fragment, whose header is a multiple of it.
    fields.align(4)?;
    let count = fields.u32()? & 0xff;
    match (count, fields.u16()?) {
        (1, 0) => Ok(()),
        _ => Err(Malformed("the service does not take this interface").into()),
    }
}

/// The fragments of what one request comes to.
pub(super) struct Assembly {
    kind: u8,
    call: u32,
    count: u32,
    pub(super) stub: Vec<u8>,
    pub(super) is_done: bool,
}

impl Assembly {
    pub(super) fn new(kind: u8, call: u32) -> Self {
        Self { kind, call, count: 0, stub: Vec::new(), is_done: false }
    }

    /// Of a call's response.
    pub(super) fn of_call(call: u32) -> Self {
        Self::new(RESPONSE, call)
    }

    /// Takes the next fragment; with how many bytes it has. None while it is not whole.
    pub(super) fn fragment(&mut self, received: &[u8]) -> Result<Option<usize>, Failure> {
        if received.len() < HEAD {
            return Ok(None);
        }
        let mut fields = Reader::new(received);
        let (version, kind, flags, encoding) = (fields.u16()?, fields.u8()?, fields.u8()?, fields.u32()?);
        let (length, secured, call) = (usize::from(fields.u16()?), fields.u16()?, fields.u32()?);
        if version & 0xff != 5 || encoding & 0xff != 0x10 || secured != 0 || call != self.call {
            return Err(Malformed("a call was answered by something else").into());
        }
        let Some(fragment) = received.get(..length) else { return Ok(None) };
        let body = fragment.get(HEAD..).ok_or(Malformed("a fragment is shorter than its head"))?;
        // What is left of a response or a fault is behind hint, context and count.
        let stub = match kind {
            _ if kind == self.kind && kind == BIND_ANSWER => body,
            _ if kind == self.kind => body.get(8..).ok_or(Malformed("a fragment is cut off"))?,
            FAULT => return Err(Failure::Fault(Reader::from(body, 8).u32()?)),
            _ => return Err(Malformed("the service does not take this interface").into()),
        };
        self.count += 1;
        if self.stub.len() + stub.len() > ANSWER || self.count > FRAGMENTS {
            return Err(Malformed("a call comes to more than is read").into());
        }
        self.stub.extend(stub);
        self.is_done = flags & 2 != 0;
        Ok(Some(length))
    }
}

/// A list that a service gave, which may lack something.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) rows: Vec<T>,
    /// There are more than are listed.
    pub(super) cut: bool,
}

/// Reads what the enumerations of the server and workstation services come to: rows of `width` numbers each, of which
/// `texts` are pointers to texts that follow behind the last row.
pub(super) fn rows<T>(
    stub: &[u8],
    texts: &[bool],
    make: impl Fn(&[u32], &[Option<String>]) -> T,
) -> Result<Vec<T>, Malformed> {
    let mut results = Results::new(stub);
    // Level, level again, and a pointer to count and array.
    let (_, _, has_list) = (results.u32()?, results.u32()?, results.pointer()?);
    if !has_list {
        return Ok(Vec::new());
    }
    let (count, has_rows) = (results.u32()? as usize, results.pointer()?);
    if !has_rows || count == 0 {
        return Ok(Vec::new());
    }
    // Each row takes its bytes: what is announced must be able to be there before anything is made of it.
    if results.u32()? as usize != count || count > results.left() / (4 * texts.len().max(1)) {
        return Err(Malformed("a list is shorter than it says"));
    }
    let mut numbers = Vec::with_capacity(count * texts.len());
    for _ in 0..count * texts.len() {
        numbers.push(results.u32()?);
    }
    let mut rows = Vec::with_capacity(count);
    for row in numbers.chunks_exact(texts.len().max(1)) {
        let mut found = Vec::with_capacity(texts.len());
        for (number, is_text) in row.iter().zip(texts) {
            found.push(if *is_text && *number != 0 { Some(results.string()?) } else { None });
        }
        rows.push(make(row, &found));
    }
    Ok(rows)
}
