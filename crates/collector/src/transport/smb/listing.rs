//! What a folder's list and a security descriptor say.

use super::bytes::{Malformed, Reader, text};

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
