//! The records of a zip, field by field. All numbers are little-endian.

use super::super::UNIX_MODE;
use super::super::problem::Problem;
use super::{CENTRAL, LOCAL, Located};

/// The system that every entry says it was made on (APPNOTE 4.4.2.2), beside the version that it needs.
const UNIX: u16 = 3 << 8;

/// One header of the central directory, as it lies there.
pub(in crate::container) struct Central<'d> {
    pub made_by: u16,
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc32: u32,
    pub packed: u32,
    pub size: u32,
    pub disk: u16,
    pub internal: u16,
    pub external: u32,
    pub offset: u32,
    pub name: &'d [u8],
    pub extra: &'d [u8],
    pub comment: &'d [u8],
}

impl<'d> Central<'d> {
    pub(in crate::container) fn read(fields: &mut Fields<'d>) -> Option<Self> {
        if fields.magic()? != CENTRAL {
            return None;
        }
        let (made_by, needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?);
        let (time, date) = (fields.u16()?, fields.u16()?);
        let (crc32, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (disk, internal, external, offset) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
        let name = fields.take(usize::from(name))?;
        let extra = fields.take(usize::from(extra))?;
        let comment = fields.take(usize::from(comment))?;
        Some(Self {
            made_by,
            needed,
            flags,
            method,
            time,
            date,
            crc32,
            packed,
            size,
            disk,
            internal,
            external,
            offset,
            name,
            extra,
            comment,
        })
    }

    /// Fields that carry no content must be what the writer always writes.
    pub(in crate::container) fn check(&self, problems: &mut Vec<Problem>) -> Located {
        let zip64 = Zip64::read(self.extra, self.size, self.packed, self.offset);
        let name = String::from_utf8_lossy(self.name).into_owned();
        // An offset alone beyond 4 GiB changes nothing about the entry itself.
        let needed = match (self.size == u32::MAX, self.method) {
            (true, _) => 45,
            (false, 8) => 20,
            (false, _) => 10,
        };
        let flags = if self.name.is_ascii() { 0 } else { 1 << 11 };
        let canonical = zip64.is_some()
            && std::str::from_utf8(self.name).is_ok()
            && matches!(self.method, 0 | 8)
            && (self.made_by, self.needed, self.flags) == (UNIX | needed, needed, flags)
            && (self.disk, self.internal, self.external) == (0, 0, UNIX_MODE << 16)
            && self.comment.is_empty();
        if !canonical {
            let what = "its directory record is not as it was written";
            problems.push(Problem::Structure { path: Some(name.clone()), what });
        }
        let (packed, size, header_start) = match zip64 {
            Some(zip64) => (zip64.packed, zip64.size, zip64.offset),
            None => (u64::from(self.packed), u64::from(self.size), u64::from(self.offset)),
        };
        Located {
            name,
            header_start,
            data_start: 0,
            packed,
            size,
            crc32: self.crc32,
            method: self.method,
            dos_time: (self.date, self.time),
        }
    }
}

/// The part of a local header that has a fixed size.
pub(in crate::container) struct Local {
    /// Needed version, flags, method, time, date.
    pub common: (u16, u16, u16, u16, u16),
    pub crc32: u32,
    pub packed: u32,
    pub size: u32,
    pub name: u16,
    pub extra: u16,
}

impl Local {
    pub(in crate::container) fn read(head: &[u8]) -> Option<Self> {
        let mut fields = Fields(head);
        if fields.magic()? != LOCAL {
            return None;
        }
        Some(Self {
            common: (fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?),
            crc32: fields.u32()?,
            packed: fields.u32()?,
            size: fields.u32()?,
            name: fields.u16()?,
            extra: fields.u16()?,
        })
    }
}

/// Sizes and offset after the zip64 field, if there is one, was applied.
pub(in crate::container) struct Zip64 {
    pub size: u64,
    pub packed: u64,
    pub offset: u64,
}

impl Zip64 {
    /// `None` where the extra data is anything but one zip64 field that holds exactly the values that are marked.
    pub(in crate::container) fn read(extra: &[u8], size: u32, packed: u32, offset: u32) -> Option<Self> {
        let mut fields = Fields(extra);
        let marked = [size, packed, offset].map(|value| value == u32::MAX);
        if !extra.is_empty() {
            let length = fields.u16().zip(fields.u16()).filter(|(id, _)| *id == 1)?.1;
            if usize::from(length) != fields.0.len() || length == 0 {
                return None;
            }
        }
        let mut value = |marked: bool, plain: u32| if marked { fields.u64() } else { Some(u64::from(plain)) };
        let size = value(marked[0], size)?;
        let packed = value(marked[1], packed)?;
        let offset = value(marked[2], offset)?;
        fields.0.is_empty().then_some(Self { size, packed, offset })
    }
}

/// The end record.
pub(in crate::container) struct EndRecord {
    pub disks: (u16, u16),
    pub entries: (u16, u16),
    pub size: u32,
    pub start: u32,
    pub comment: u16,
}

impl EndRecord {
    pub(in crate::container) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.magic()?;
        Some(Self {
            disks: (fields.u16()?, fields.u16()?),
            entries: (fields.u16()?, fields.u16()?),
            size: fields.u32()?,
            start: fields.u32()?,
            comment: fields.u16()?,
        })
    }
}

/// Little-endian fields, taken from the front.
pub(in crate::container) struct Fields<'d>(pub &'d [u8]);

impl<'d> Fields<'d> {
    pub(in crate::container) fn take(&mut self, count: usize) -> Option<&'d [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(in crate::container) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(in crate::container) fn magic(&mut self) -> Option<[u8; 4]> {
        self.array()
    }

    pub(in crate::container) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(in crate::container) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(in crate::container) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
