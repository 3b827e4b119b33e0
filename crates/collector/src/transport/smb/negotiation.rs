//! Which version of SMB is spoken, and how it is protected (MS-SMB2 2.2.3, 2.2.4, 2.2.31.4).

use super::bytes::{Malformed, Reader};
use super::header::LENGTH;
use super::keys::{Cipher, Dialect};
use super::message::Body;

/// What we can and do: credits for large reads, sealing.
const CAPABILITIES: u32 = 0x44;
const CAN_LARGE: u32 = 0x04;
const CAN_SEAL: u32 = 0x40;
/// `SMB2_NEGOTIATE_SIGNING_REQUIRED`.
pub(super) const MUST_SIGN: u16 = 2;
const CAN_SIGN: u16 = 1;

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
