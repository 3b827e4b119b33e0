//! Where everything lies in a bundle. Relays write bundles with a zip library on any system, so what a header says of
//! systems, permissions and times is not looked at; where bytes lie is, and none of them may be unaccounted for.

use std::io::{self, Read, Seek, SeekFrom};

use investigation::evidence::manifest::MAX_PATH_BYTES;

use super::{BundleError, Caps};
use crate::container::layout::records::{Central, Fields, Local, Zip64};
use crate::container::layout::{CENTRAL_BYTES, LOCAL_BYTES, find_end, read_at};

/// The entry has a record behind its content that repeats its sizes.
const DESCRIPTOR: u16 = 1 << 3;
/// Its name is UTF-8.
const UTF8: u16 = 1 << 11;
/// How hard the packer tried.
const EFFORT: u16 = 0b110;
/// A zip64 field with every value.
const MAX_EXTRA_BYTES: usize = 4 + 3 * 8;

/// Where one entry lies, by the directory.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub name: String,
    /// Offset of its local header.
    header_start: u64,
    /// Where the next entry begins, or the directory.
    end: u64,
    /// Bytes of the packed form.
    pub packed: u64,
    /// Bytes of content, as the directory says.
    pub size: u64,
    /// CRC-32 of the content, as the directory says.
    pub crc32: u32,
    /// 0 stored, 8 deflate.
    pub method: u16,
    flags: u16,
}

/// Reads the directory. Entries come back in the order in which they lie, without a gap between them.
pub(super) fn read<F: Read + Seek>(
    file: &mut F,
    length: u64,
    caps: &Caps,
) -> Result<Vec<Place>, BundleError> {
    let mut problems = Vec::new();
    let end =
        find_end(file, length, &mut problems).map_err(|_| BundleError::NotABundle("it is no whole zip"));
    let end = match end? {
        Some(end) if problems.is_empty() => end,
        _ => return Err(BundleError::NotABundle("it is no whole zip")),
    };
    // The report lies beside the entries that it lists.
    let most = caps.entries.saturating_add(1);
    let most_bytes = most.saturating_mul(CENTRAL_BYTES + MAX_PATH_BYTES + MAX_EXTRA_BYTES);
    let size = usize::try_from(end.size).unwrap_or(usize::MAX);
    if end.entries > most as u64 || size > most_bytes {
        return Err(BundleError::TooMany(caps.entries));
    }
    let mut directory = vec![0; size];
    read_at(file, end.start, &mut directory)?;

    let mut places: Vec<Place> = Vec::new();
    let mut rest = Fields(&directory);
    while !rest.0.is_empty() {
        let place = Central::read(&mut rest)
            .and_then(|central| place(&central))
            .ok_or(BundleError::NotABundle("its directory is damaged"))?;
        // Before anything seeks there: no file reaches so far, and a seek that fails is not the bundle's passing trouble.
        if place.header_start >= end.start {
            return Err(BundleError::NotABundle("its entries do not lie one behind the other"));
        }
        match places.last_mut() {
            Some(before) if before.header_start < place.header_start => before.end = place.header_start,
            None if place.header_start == 0 => {}
            _ => return Err(BundleError::NotABundle("its entries do not lie one behind the other")),
        }
        places.push(Place { end: end.start, ..place });
        if places.len() as u64 > end.entries {
            break;
        }
    }
    if places.len() as u64 != end.entries {
        return Err(BundleError::NotABundle("its directory is damaged"));
    }
    Ok(places)
}

/// `None` for a record that no relay writes.
fn place(central: &Central<'_>) -> Option<Place> {
    let zip64 = Zip64::read(central.extra, central.size, central.packed, central.offset)?;
    let name = std::str::from_utf8(central.name).ok()?;
    let known = matches!(central.method, 0 | 8)
        && central.flags & !(DESCRIPTOR | UTF8 | EFFORT) == 0
        && (name.is_ascii() || central.flags & UTF8 != 0)
        && central.disk == 0
        && central.comment.is_empty();
    known.then(|| Place {
        name: name.to_owned(),
        header_start: zip64.offset,
        end: 0,
        packed: zip64.packed,
        size: zip64.size,
        crc32: central.crc32,
        method: central.method,
        flags: central.flags,
    })
}

impl Place {
    /// Goes to the packed content: behind the local header, which must be this entry's, and before nothing but the
    /// record that may lie behind the content.
    pub(super) fn seek<F: Read + Seek>(&self, file: &mut F) -> Result<(), BundleError> {
        let fault = |what| BundleError::Entry { path: self.name.clone(), what };
        let mut head = [0; LOCAL_BYTES as usize];
        read_at(file, self.header_start, &mut head).map_err(|error| self.cut(error))?;
        let local = Local::read(&head).ok_or_else(|| fault("has no header where the directory says"))?;
        let mut variable = vec![0; usize::from(local.name) + usize::from(local.extra)];
        file.read_exact(&mut variable).map_err(|error| self.cut(error))?;
        let (name, extra) = variable.split_at(usize::from(local.name));
        let (_, flags, method, ..) = local.common;
        if (name, flags, method) != (self.name.as_bytes(), self.flags, self.method)
            || extra.len() > MAX_EXTRA_BYTES
        {
            return Err(fault("its header and the directory disagree"));
        }
        let data_start = self.header_start + LOCAL_BYTES + variable.len() as u64;
        let behind = data_start.checked_add(self.packed).and_then(|data_end| self.end.checked_sub(data_end));
        match behind {
            Some(0) if self.flags & DESCRIPTOR == 0 => {}
            // With and without its signature, with 32 and 64 bits (APPNOTE 4.3.9).
            Some(12 | 16 | 20 | 24) if self.flags & DESCRIPTOR != 0 => {}
            _ => return Err(fault("does not end where the next one begins")),
        }
        file.seek(SeekFrom::Start(data_start))?;
        Ok(())
    }

    /// An entry whose header lies outside the file, or a file that cannot be read.
    fn cut(&self, error: io::Error) -> BundleError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return BundleError::Entry { path: self.name.clone(), what: "lies outside the file" };
        }
        BundleError::Read(error)
    }
}
