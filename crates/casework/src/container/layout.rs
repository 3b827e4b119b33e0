//! Where everything lies in a container, read strictly: central directory against local headers, and no byte
//! between them that is unaccounted for. Format: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.

pub(super) mod records;

use std::io::{self, Read, Seek, SeekFrom};

use investigation::evidence::manifest::{MAX_ENTRIES, MAX_PATH_BYTES};

use self::records::{Central, EndRecord, Fields, Local, Zip64};
use super::problem::{Problem, VerifyError};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

pub(super) const LOCAL_BYTES: u64 = 30;
pub(super) const CENTRAL_BYTES: usize = 46;
const END_BYTES: u64 = 22;
const LOCATOR64_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;
/// The end record and the longest comment that a zip may have behind it.
const TAIL_BYTES: u64 = END_BYTES + u16::MAX as u64;
/// The largest central directory of any container: headers, longest paths and a zip64 field each.
const MAX_DIRECTORY_BYTES: u64 = ((MAX_ENTRIES + 1) * (CENTRAL_BYTES + MAX_PATH_BYTES + 32)) as u64;

/// Where an entry lies and what its headers say of it.
#[derive(Debug)]
pub(super) struct Located {
    /// Path as in the central directory.
    pub name: String,
    /// Offset of its local header.
    pub header_start: u64,
    /// Offset of its packed content.
    pub data_start: u64,
    /// Bytes of packed content.
    pub packed: u64,
    /// Bytes of content, as the headers say.
    pub size: u64,
    /// CRC-32 of the content, as the headers say.
    pub crc32: u32,
    /// 0 stored, 8 deflate.
    pub method: u16,
    /// MS-DOS date and time.
    pub dos_time: (u16, u16),
}

/// The end record: where the central directory lies.
pub(super) struct End {
    /// Records in the directory.
    pub entries: u64,
    /// Where it begins.
    pub start: u64,
    /// Its bytes.
    pub size: u64,
    /// Of the zip64 record, where there is one: made by, needed.
    versions64: Option<(u16, u16)>,
}

/// Reads the layout. Faults go to `problems`; entries come back in the order of the central directory, and only
/// those whose packed content lies inside the file.
///
/// # Errors
/// When there is no directory to go by.
pub(super) fn read<F: Read + Seek>(
    file: &mut F,
    length: u64,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Located>, VerifyError> {
    let mut magic = [0; 4];
    let begins_as_zip = length >= END_BYTES && read_at(file, 0, &mut magic).is_ok() && magic == LOCAL;
    let Some(end) = find_end(file, length, problems)? else {
        return Err(if begins_as_zip { VerifyError::NoDirectory } else { VerifyError::NotAZip });
    };
    if end.entries > MAX_ENTRIES as u64 + 1 || end.size > MAX_DIRECTORY_BYTES {
        return Err(VerifyError::TooManyEntries);
    }
    let mut directory = vec![0; usize::try_from(end.size).map_err(|_| VerifyError::TooManyEntries)?];
    read_at(file, end.start, &mut directory)?;

    let mut entries = Vec::new();
    let mut rest = Fields(&directory);
    let mut at = 0;
    let mut newest_needed = 10;
    while !rest.0.is_empty() {
        let central = Central::read(&mut rest).ok_or(VerifyError::NoDirectory)?;
        if entries.len() as u64 == end.entries {
            return Err(VerifyError::NoDirectory);
        }
        newest_needed = newest_needed.max(central.needed);
        let entry = central.check(problems);
        let fault = |what| Problem::Structure { path: Some(entry.name.clone()), what };
        if entry.header_start != at {
            problems.push(fault("does not begin where the entry before it ends"));
        }
        match local_end(file, &central, &entry)? {
            Ok(data_start) => {
                let data_end = data_start.checked_add(entry.packed).filter(|end_of| *end_of <= end.start);
                match data_end {
                    Some(data_end) => at = data_end,
                    None => problems.push(fault("reaches into the directory")),
                }
                if data_end.is_some() {
                    entries.push(Located { data_start, ..entry });
                    continue;
                }
            }
            Err(what) => problems.push(fault(what)),
        }
        // Its place is unknown, and so is everything behind it: what follows is checked by its own header.
        at = entry.header_start;
        entries.push(Located { packed: 0, data_start: 0, method: u16::MAX, ..entry });
    }
    if entries.len() as u64 != end.entries {
        return Err(VerifyError::NoDirectory);
    }
    if at != end.start {
        problems
            .push(Problem::Structure { path: None, what: "bytes between the last entry and the directory" });
    }
    if end.versions64.is_some_and(|versions| versions != (newest_needed, newest_needed)) {
        problems
            .push(Problem::Structure { path: None, what: "the zip64 end record is not as it was written" });
    }
    Ok(entries)
}

/// Finds the end record: the last one whose directory ends exactly before it.
pub(super) fn find_end<F: Read + Seek>(
    file: &mut F,
    length: u64,
    problems: &mut Vec<Problem>,
) -> Result<Option<End>, VerifyError> {
    let tail_start = length.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(length - tail_start).map_err(|_| VerifyError::NoDirectory)?];
    read_at(file, tail_start, &mut tail)?;
    for at in (0..tail.len().saturating_sub(END_BYTES as usize - 1)).rev() {
        if tail[at..at + 4] != END {
            continue;
        }
        let position = tail_start + at as u64;
        let Some(record) = EndRecord::read(&tail[at..at + END_BYTES as usize]) else { continue };
        let Some(end) = directory_place(file, &record, position)? else { continue };
        if record.comment != 0 || record.disks != (0, 0) || record.entries.0 != record.entries.1 {
            problems.push(Problem::Structure { path: None, what: "the end record is not as it was written" });
        }
        if position + END_BYTES != length {
            problems.push(Problem::Trailing { bytes: length - position - END_BYTES });
        }
        return Ok(Some(end));
    }
    Ok(None)
}

/// Where the directory lies by the end record at `position` and, where there is one, the zip64 record before it.
fn directory_place<F: Read + Seek>(
    file: &mut F,
    record: &EndRecord,
    position: u64,
) -> Result<Option<End>, VerifyError> {
    let plain = End {
        entries: u64::from(record.entries.0),
        start: u64::from(record.start),
        size: u64::from(record.size),
        versions64: None,
    };
    if plain.start.checked_add(plain.size) == Some(position) {
        return Ok(Some(plain));
    }
    let Some(locator_at) = position.checked_sub(LOCATOR64_BYTES) else { return Ok(None) };
    let Some(end64_at) = locator_at.checked_sub(END64_BYTES) else { return Ok(None) };
    let mut bytes = [0; (END64_BYTES + LOCATOR64_BYTES) as usize];
    read_at(file, end64_at, &mut bytes)?;
    Ok(read_end64(&bytes, end64_at).filter(|end| {
        // It is written only where it is needed, and each field of the old record is either given up in favour of
        // the new one, or says the same.
        end.start > u64::from(u32::MAX)
            && end.start.checked_add(end.size) == Some(end64_at)
            && (record.entries.0 == u16::MAX || u64::from(record.entries.0) == end.entries)
            && (record.start == u32::MAX || u64::from(record.start) == end.start)
            && (record.size == u32::MAX || u64::from(record.size) == end.size)
    }))
}

/// The zip64 end record and its locator, which lie side by side.
fn read_end64(bytes: &[u8], end64_at: u64) -> Option<End> {
    let mut fields = Fields(bytes);
    let sound = fields.magic()? == END64 && fields.u64()? == END64_BYTES - 12;
    let versions64 = Some((fields.u16()?, fields.u16()?));
    let first_disk = fields.u32()? == 0 && fields.u32()? == 0;
    let (here, entries) = (fields.u64()?, fields.u64()?);
    let (size, start) = (fields.u64()?, fields.u64()?);
    let located =
        fields.magic()? == LOCATOR64 && fields.u32()? == 0 && fields.u64()? == end64_at && fields.u32()? == 1;
    (sound && first_disk && here == entries && located).then_some(End { entries, start, size, versions64 })
}

/// Holds the local header against the central one and returns where the packed content begins; what disagrees is
/// the inner error.
fn local_end<F: Read + Seek>(
    file: &mut F,
    central: &Central<'_>,
    entry: &Located,
) -> io::Result<Result<u64, &'static str>> {
    let mut head = [0; LOCAL_BYTES as usize];
    match read_at(file, entry.header_start, &mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Err("lies outside the file"));
        }
        other => other?,
    }
    let Some(local) = Local::read(&head) else { return Ok(Err("has no header where the directory says")) };
    let mut variable = vec![0; usize::from(local.name) + usize::from(local.extra)];
    match read_at(file, entry.header_start + LOCAL_BYTES, &mut variable) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Err("lies outside the file"));
        }
        other => other?,
    }
    let (name, extra) = variable.split_at(usize::from(local.name));
    let sizes = if extra.is_empty() {
        Some((u64::from(local.size), u64::from(local.packed)))
    } else {
        Zip64::read(extra, local.size, local.packed, 0)
            .filter(|_| local.size == u32::MAX && local.packed == u32::MAX)
            .map(|zip64| (zip64.size, zip64.packed))
    };
    let agree = name == central.name
        && sizes == Some((entry.size, entry.packed))
        && local.crc32 == entry.crc32
        && local.common == (central.needed, central.flags, central.method, central.time, central.date);
    Ok(if agree {
        Ok(entry.header_start + LOCAL_BYTES + variable.len() as u64)
    } else {
        Err("its header and the directory disagree")
    })
}

pub(super) fn read_at<F: Read + Seek>(file: &mut F, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(buffer)
}
