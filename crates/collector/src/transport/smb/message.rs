//! The bodies of requests and answers (MS-SMB2 2.2), of those commands that are used.

use super::bytes::{Malformed, Reader, part, utf16};
use super::header::LENGTH;
use super::negotiation::MUST_SIGN;

/// A file or a pipe that is open.
pub(super) type FileId = [u8; 16];

/// Puts fields one after the other.
#[derive(Default)]
pub(super) struct Body(pub(super) Vec<u8>);

impl Body {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend(value);
        self
    }

    /// To the next multiple of 8 from the header on, which is one itself.
    pub(super) fn padded(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self
    }
}

/// What we send is short.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn short(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

pub(super) fn session_setup(token: &[u8]) -> Vec<u8> {
    Body::default()
        .u16(25)
        .u8(0)
        .u8(MUST_SIGN as u8)
        .u32(0)
        .u32(0)
        .u16((LENGTH + 24) as u16)
        .u16(short(token))
        .u64(0)
        .bytes(token)
        .0
}

/// The flags of the session, and the logon's token.
pub(super) fn set_up(message: &[u8]) -> Result<(SessionFlags, &[u8]), Malformed> {
    let mut fields = Reader::from(message, LENGTH);
    fields.u16()?;
    let (flags, offset, length) = (fields.u16()?, fields.u16()?, fields.u16()?);
    Ok((SessionFlags(flags), part(message, offset.into(), length.into())?))
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SessionFlags(u16);

impl SessionFlags {
    /// A guest, or nobody at all: the password has proven nothing.
    pub(super) fn is_guest(self) -> bool {
        self.0 & 3 != 0
    }

    pub(super) fn wants_seal(self) -> bool {
        self.0 & 4 != 0
    }
}

pub(super) fn tree_connect(path: &str) -> Vec<u8> {
    let path = utf16(path);
    Body::default().u16(9).u16(0).u16((LENGTH + 8) as u16).u16(short(&path)).bytes(&path).0
}

/// Whether the share demands that what goes to it is sealed.
pub(super) fn tree_wants_seal(message: &[u8]) -> Result<bool, Malformed> {
    let mut fields = Reader::from(message, LENGTH + 4);
    Ok(fields.u32()? & 0x8000 != 0)
}

/// How something is opened. Only what is there is, and nothing that is open elsewhere is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A folder, to list it.
    Folder,
    /// A file, to read it and its owner.
    File,
    /// A folder or a file, to read its owner.
    Owner,
    /// A pipe, which takes questions.
    Pipe,
}

impl Opening {
    fn access(self) -> u32 {
        const READ_DATA: u32 = 0x01;
        const WRITE_DATA: u32 = 0x02;
        const READ_ATTRIBUTES: u32 = 0x80;
        const READ_CONTROL: u32 = 0x2_0000;
        const SYNCHRONIZE: u32 = 0x10_0000;
        match self {
            Self::Folder => READ_DATA | READ_ATTRIBUTES | SYNCHRONIZE,
            Self::File => READ_DATA | READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE,
            Self::Owner => READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE,
            Self::Pipe => READ_DATA | WRITE_DATA | READ_ATTRIBUTES | SYNCHRONIZE,
        }
    }

    fn options(self) -> u32 {
        const DIRECTORY: u32 = 0x1;
        const NON_DIRECTORY: u32 = 0x40;
        /// Administrators may read what a user has closed to them.
        const BACKUP_INTENT: u32 = 0x4000;
        /// The link itself and not what it leads to.
        const REPARSE_POINT: u32 = 0x20_0000;
        match self {
            Self::Folder => DIRECTORY | BACKUP_INTENT | REPARSE_POINT,
            Self::File => NON_DIRECTORY | BACKUP_INTENT | REPARSE_POINT,
            Self::Owner => BACKUP_INTENT | REPARSE_POINT,
            Self::Pipe => NON_DIRECTORY,
        }
    }
}

pub(super) fn create(name: &str, opening: Opening) -> Vec<u8> {
    const SHARE_ALL: u32 = 7;
    const OPEN: u32 = 1;
    const IMPERSONATION: u32 = 2;
    let name = utf16(name);
    let body = Body::default()
        .u16(57)
        .u16(0)
        .u32(IMPERSONATION)
        .u64(0)
        .u64(0)
        .u32(opening.access())
        .u32(0)
        .u32(SHARE_ALL)
        .u32(OPEN)
        .u32(opening.options())
        .u16((LENGTH + 56) as u16)
        .u16(short(&name))
        .u64(0)
        .bytes(&name);
    // There has to be something, even where the name is that of the share itself.
    if name.is_empty() { body.u8(0).0 } else { body.0 }
}

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) id: FileId,
    pub(super) size: u64,
    pub(super) attributes: u32,
}

pub(super) fn created(message: &[u8]) -> Result<Opened, Malformed> {
    let mut fields = Reader::from(message, LENGTH);
    // Size, lock, flags, action, four times, room.
    fields.take(8 + 32 + 8)?;
    let (size, attributes) = (fields.u64()?, fields.u32()?);
    fields.u32()?;
    Ok(Opened { id: fields.array()?, size, attributes })
}

pub(super) fn close(file: &FileId) -> Vec<u8> {
    Body::default().u16(24).u16(0).u32(0).bytes(file).0
}

pub(super) fn read(file: &FileId, offset: u64, count: u32) -> Vec<u8> {
    Body::default()
        .u16(49)
        .u8(0x50)
        .u8(0)
        .u32(count)
        .u64(offset)
        .bytes(file)
        .u32(0)
        .u32(0)
        .u32(0)
        .u32(0)
        .u8(0)
        .0
}

pub(super) fn data(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Reader::from(message, LENGTH);
    fields.u16()?;
    let offset = fields.u8()?;
    fields.u8()?;
    part(message, offset.into(), fields.u32()? as usize)
}

/// The next part of a folder's list.
pub(super) fn query_directory(file: &FileId, room: u32) -> Vec<u8> {
    /// `FileDirectoryInformation`.
    const CLASS: u8 = 1;
    let all = utf16("*");
    Body::default()
        .u16(33)
        .u8(CLASS)
        .u8(0)
        .u32(0)
        .bytes(file)
        .u16((LENGTH + 32) as u16)
        .u16(short(&all))
        .u32(room)
        .bytes(&all)
        .0
}

/// Who owns a file.
pub(super) fn query_owner(file: &FileId, room: u32) -> Vec<u8> {
    const SECURITY: u8 = 3;
    const OWNER: u32 = 1;
    Body::default().u16(41).u8(SECURITY).u8(0).u32(room).u32(0).u32(0).u32(OWNER).u32(0).bytes(file).0
}

/// What `query_directory` and `query_owner` come to.
pub(super) fn queried(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Reader::from(message, LENGTH);
    fields.u16()?;
    let offset = fields.u16()?;
    part(message, offset.into(), fields.u32()? as usize)
}

/// What may be asked of a file system or a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Asks through a pipe, and waits for the answer.
    PipeTransceive = 0x0011_C017,
    ValidateNegotiate = 0x0014_0204,
}

pub(super) fn ioctl(control: Control, file: &FileId, input: &[u8], room: u32) -> Vec<u8> {
    Body::default()
        .u16(57)
        .u16(0)
        .u32(control as u32)
        .bytes(file)
        .u32((LENGTH + 56) as u32)
        .u32(length(input))
        .u32(0)
        .u32(0)
        .u32(0)
        .u32(room)
        .u32(1)
        .u32(0)
        .bytes(input)
        .0
}

pub(super) fn controlled(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Reader::from(message, LENGTH + 32);
    let (offset, count) = (fields.u32()?, fields.u32()?);
    part(message, offset as usize, count as usize)
}

/// Ends a session, or leaves a share.
pub(super) fn nothing() -> Vec<u8> {
    Body::default().u16(4).u16(0).0
}
