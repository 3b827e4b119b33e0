//! The bodies of requests and answers (MS-SMB2 2.2), of those commands that are used.

use super::bytes::{Malformed, Reader, part, text, utf16};
use super::header::LENGTH;
use super::keys::{Cipher, Dialect};

/// What we can and do: credits for large reads, sealing.
const CAPABILITIES: u32 = 0x44;
const CAN_LARGE: u32 = 0x04;
const CAN_SEAL: u32 = 0x40;
/// `SMB2_NEGOTIATE_SIGNING_REQUIRED`.
const MUST_SIGN: u16 = 2;
const CAN_SIGN: u16 = 1;

/// A file or a pipe that is open.
pub(super) type FileId = [u8; 16];

/// Puts fields one after the other.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend(value);
        self
    }

    /// To the next multiple of 8 from the header on, which is one itself.
    fn padded(mut self) -> Self {
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

/// Who we are while the connection lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) guid: [u8; 16],
    pub(super) salt: [u8; 32],
}

pub(super) fn negotiate(client: &Client) -> Vec<u8> {
    let dialects = Dialect::ALL;
    let contexts_at = (LENGTH + 36 + 2 * dialects.len()).next_multiple_of(8);
    let mut body = Body::default()
        .u16(36)
        .u16(dialects.len() as u16)
        .u16(MUST_SIGN)
        .u16(0)
        .u32(CAPABILITIES)
        .bytes(&client.guid)
        .u32(contexts_at as u32)
        .u16(2)
        .u16(0);
    for dialect in dialects {
        body = body.u16(dialect.number());
    }
    // Integrity before authentication: one hash (SHA-512) and a salt. Encryption: ciphers, the better one first.
    let body = body.padded().u16(1).u16(38).u32(0).u16(1).u16(32).u16(1).bytes(&client.salt);
    let body = body.padded().u16(2).u16(6).u32(0).u16(2);
    body.u16(Cipher::Gcm.number()).u16(Cipher::Ccm.number()).0
}

/// What the endpoint can, and its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    pub(super) dialect: Dialect,
    pub(super) mode: u16,
    pub(super) guid: [u8; 16],
    pub(super) capabilities: u32,
    pub(super) cipher: Option<Cipher>,
    pub(super) max_transact: u32,
    pub(super) max_read: u32,
    /// Intervals of 100 ns since 1601.
    pub(super) time: u64,
    pub(super) start: u64,
}

impl Negotiated {
    pub(super) fn can_sign(&self) -> bool {
        self.mode & (CAN_SIGN | MUST_SIGN) != 0
    }

    /// Whether more than 64 KiB may go at once.
    pub(super) fn can_large(&self) -> bool {
        self.capabilities & CAN_LARGE != 0
    }
}

pub(super) fn negotiated(message: &[u8]) -> Result<Negotiated, Malformed> {
    let mut fields = Reader::from(message, LENGTH);
    fields.u16()?;
    let (mode, dialect, count) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let (guid, capabilities) = (fields.array()?, fields.u32()?);
    let (max_transact, max_read, _) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (time, start) = (fields.u64()?, fields.u64()?);
    fields.u32()?;
    let contexts = fields.u32()?;
    let dialect = Dialect::of(dialect).ok_or(Malformed("it chose a version of SMB that was not offered"))?;
    let cipher = match dialect {
        Dialect::Smb311 => ciphers(message, contexts as usize, count)?,
        Dialect::Smb21 => None,
        _ => (capabilities & CAN_SEAL != 0).then_some(Cipher::Ccm),
    };
    Ok(Negotiated { dialect, mode, guid, capabilities, cipher, max_transact, max_read, time, start })
}

/// The cipher that was chosen of those that were offered; the hash has to be the one that was offered.
fn ciphers(message: &[u8], mut at: usize, count: u16) -> Result<Option<Cipher>, Malformed> {
    let (mut cipher, mut hashed) = (None, false);
    for _ in 0..count.min(16) {
        let mut fields = Reader::from(message, at);
        let (kind, size) = (fields.u16()?, usize::from(fields.u16()?));
        fields.u32()?;
        let mut data = Reader::new(fields.take(size)?);
        match kind {
            1 => {
                let (_, _, hash) = (data.u16()?, data.u16()?, data.u16()?);
                hashed = hash == 1;
            }
            2 => {
                data.u16()?;
                cipher = match data.u16()? {
                    1 => Some(Cipher::Ccm),
                    2 => Some(Cipher::Gcm),
                    _ => None,
                };
            }
            _ => {}
        }
        at += (8 + size).next_multiple_of(8);
    }
    if hashed {
        Ok(cipher)
    } else {
        Err(Malformed("it protects the beginning of the session by no known hash"))
    }
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

/// What the endpoint must repeat under the session's key, so that nobody on the way has made it choose less.
pub(super) fn validation(client: &Client) -> Vec<u8> {
    let body = Body::default().u32(CAPABILITIES).bytes(&client.guid).u16(MUST_SIGN);
    Dialect::ALL
        .into_iter()
        .fold(body.u16(Dialect::ALL.len() as u16), |body, dialect| body.u16(dialect.number()))
        .0
}

/// Whether it repeats what it said.
pub(super) fn confirms(output: &[u8], said: &Negotiated) -> Result<bool, Malformed> {
    let mut fields = Reader::new(output);
    let (capabilities, guid, mode) = (fields.u32()?, fields.array::<16>()?, fields.u16()?);
    let dialect = fields.u16()?;
    Ok(capabilities == said.capabilities
        && guid == said.guid
        && mode == said.mode
        && dialect == said.dialect.number())
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

/// One entry of a folder's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) attributes: u32,
    pub(super) size: u64,
    /// Intervals of 100 ns since 1601, 0 where there is none.
    pub(super) created: u64,
    pub(super) accessed: u64,
    pub(super) modified: u64,
}

/// Reads a part of a folder's list. One that leads nowhere or in circles ends.
pub(super) fn entries(list: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let (mut entries, mut at) = (Vec::new(), 0);
    loop {
        let mut fields = Reader::from(list, at);
        let (next, _) = (fields.u32()? as usize, fields.u32()?);
        let (created, accessed, modified, _) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
        let (size, _, attributes) = (fields.u64()?, fields.u64()?, fields.u32()?);
        let length = fields.u32()? as usize;
        let name = text(fields.take(length)?);
        entries.push(Entry { name, attributes, size, created, accessed, modified });
        match next {
            0 => return Ok(entries),
            // The fields alone have as many bytes: each entry is paid for by what was sent.
            64.. => at = at.checked_add(next).ok_or(Malformed("a folder's list leads nowhere"))?,
            _ => return Err(Malformed("a folder's list leads nowhere")),
        }
    }
}

/// The owner in a security descriptor (MS-DTYP 2.4.6), as `S-1-5-…`.
pub(super) fn owner(descriptor: &[u8]) -> Result<String, Malformed> {
    let at = Reader::from(descriptor, 4).u32()?;
    let mut fields = Reader::from(descriptor, at as usize);
    let (revision, count) = (fields.u8()?, fields.u8()?);
    let authority =
        fields.array::<6>()?.into_iter().fold(0_u64, |number, byte| number << 8 | u64::from(byte));
    if revision != 1 || count > 15 || at == 0 {
        return Err(Malformed("an owner is none"));
    }
    let mut sid = format!("S-1-{authority}");
    for _ in 0..count {
        sid.push_str(&format!("-{}", fields.u32()?));
    }
    Ok(sid)
}
