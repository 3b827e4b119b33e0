//! Writes the container's zip form into anything that takes bytes in order. Nothing is gone back to: what an entry's
//! header says must be known before its content, so its packed form has to exist already.

use std::io::{self, Write};

use super::{UNIX_MODE, dos_time};
use jiff::Timestamp;

/// From this size on, of the content or of its packed form, an entry gets 64-bit sizes.
pub(super) const LARGE: u64 = 0xF000_0000;

/// What the headers of an entry say of its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    /// 0 stored, 8 deflate.
    pub method: u16,
    /// CRC-32 of the content.
    pub crc32: u32,
    /// Bytes of the packed form.
    pub packed: u64,
    /// Bytes of the content.
    pub size: u64,
}

/// A zip on its way. Content is written through [`Write`], between the beginnings of two entries.
pub(super) struct StreamedZip<W> {
    sink: W,
    /// Bytes written.
    at: u64,
    /// Where the entry that was begun last must end.
    entry_end: u64,
    /// The central directory so far.
    directory: Vec<u8>,
    entries: u16,
    newest_needed: u16,
    /// MS-DOS date and time of every entry.
    dos_time: (u16, u16),
}

impl<W: Write> StreamedZip<W> {
    pub(super) fn new(sink: W, sealed_at: Timestamp) -> Self {
        Self {
            sink,
            at: 0,
            entry_end: 0,
            directory: Vec::new(),
            entries: 0,
            newest_needed: 10,
            dos_time: dos_time(sealed_at),
        }
    }

    /// Begins an entry; exactly `packed.packed` bytes must follow.
    pub(super) fn begin(&mut self, name: &str, packed: &Packed) -> io::Result<()> {
        self.check_end()?;
        self.entries = self.entries.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        let header_start = self.at;
        let large = packed.size >= LARGE || packed.packed >= LARGE;
        let needed: u16 = match (large, packed.method) {
            (true, _) => 45,
            (false, 8) => 20,
            (false, _) => 10,
        };
        self.newest_needed = self.newest_needed.max(needed);
        let sizes64 = [packed.size, packed.packed].map(u64::to_le_bytes).concat();
        let common = self.common(name, needed, large, packed)?;

        let extra = if large { zip64(&sizes64)? } else { Vec::new() };
        let header = [&b"PK\x03\x04"[..], &common, &length(&extra)?, name.as_bytes(), &extra].concat();
        self.write_all(&header)?;
        self.entry_end = self.at.checked_add(packed.packed).ok_or(io::ErrorKind::FileTooLarge)?;

        let offset = u32::try_from(header_start).unwrap_or(u32::MAX);
        let mut values = if large { sizes64 } else { Vec::new() };
        if offset == u32::MAX {
            values.extend(header_start.to_le_bytes());
        }
        let extra = if values.is_empty() { values } else { zip64(&values)? };
        // Made on Unix; no comment, first disk, no internal attributes.
        let made_by = ((3 << 8) | needed).to_le_bytes();
        self.directory.extend([&b"PK\x01\x02"[..], &made_by, &common, &length(&extra)?, &[0; 6]].concat());
        self.directory.extend((UNIX_MODE << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.directory.extend(extra);
        Ok(())
    }

    /// What both headers of an entry have in common, up to the length of the name.
    fn common(&self, name: &str, needed: u16, large: bool, packed: &Packed) -> io::Result<Vec<u8>> {
        let flags: u16 = if name.is_ascii() { 0 } else { 1 << 11 };
        let (date, time) = self.dos_time;
        let size = |value: u64| if large { Ok(u32::MAX) } else { u32::try_from(value) };
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let sizes =
            [packed.crc32, size(packed.packed).map_err(too_large)?, size(packed.size).map_err(too_large)?];
        Ok([
            [needed, flags, packed.method, time, date].map(u16::to_le_bytes).concat(),
            sizes.map(u32::to_le_bytes).concat(),
            length(name.as_bytes())?.to_vec(),
        ]
        .concat())
    }

    /// Writes the directory and the end, and gives back the sink and the size of everything.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        self.check_end()?;
        let start = self.at;
        let directory = std::mem::take(&mut self.directory);
        self.write_all(&directory)?;
        let size = self.at - start;
        let entries = u64::from(self.entries);
        if start > u64::from(u32::MAX) {
            let end64_at = self.at;
            let versions = [self.newest_needed; 2].map(u16::to_le_bytes).concat();
            let record = [
                b"PK\x06\x06\x2c\0\0\0\0\0\0\0",
                &versions[..],
                &[0; 8],
                &[entries, entries, size, start].map(u64::to_le_bytes).concat(),
                b"PK\x06\x07\0\0\0\0",
                &end64_at.to_le_bytes(),
                &1_u32.to_le_bytes(),
            ]
            .concat();
            self.write_all(&record)?;
        }
        let field = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        let counts = [0, 0, self.entries, self.entries].map(u16::to_le_bytes).concat();
        self.write_all(&[b"PK\x05\x06", &counts[..], &field(size), &field(start), &[0; 2]].concat())?;
        self.sink.flush()?;
        Ok((self.sink, self.at))
    }

    /// Where the next byte goes.
    pub(super) fn sink(&self) -> &W {
        &self.sink
    }

    /// Bytes written so far.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    fn check_end(&self) -> io::Result<()> {
        if self.at == self.entry_end {
            return Ok(());
        }
        Err(io::Error::other("an entry does not have the size that its header says"))
    }
}

impl<W: Write> Write for StreamedZip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.at += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The zip64 field with these values.
fn zip64(values: &[u8]) -> io::Result<Vec<u8>> {
    Ok([&1_u16.to_le_bytes()[..], &length(values)?, values].concat())
}

fn length(bytes: &[u8]) -> io::Result<[u8; 2]> {
    let length = u16::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::super::layout;
    use super::*;

    #[test]
    fn beyond_4_gib_the_strict_reader_finds_nothing_to_say() {
        let mut file = tempfile::tempfile().unwrap();
        let mut zip = StreamedZip::new(&mut file, Timestamp::UNIX_EPOCH);
        let large = Packed { method: 8, crc32: 7, packed: u64::from(u32::MAX) + 5, size: 12 << 30 };
        // Small when packed, and not when unpacked.
        let unpacked = Packed { method: 8, crc32: 7, packed: 20, size: LARGE };
        let small = Packed { method: 0, crc32: 8, packed: 3, size: 3 };
        for (name, packed) in [("Gr\u{fc}n", &large), ("b", &unpacked), ("c", &small)] {
            zip.begin(name, packed).unwrap();
            // A hole instead of its bytes.
            zip.at += packed.packed;
            zip.sink.seek(SeekFrom::Current(i64::try_from(packed.packed).unwrap())).unwrap();
        }
        let (_, length) = zip.finish().unwrap();
        assert_eq!(file.metadata().unwrap().len(), length);
        let mut problems = Vec::new();
        let located = layout::read(&mut file, length, &mut problems).unwrap();
        assert_eq!(problems, []);
        let sizes: Vec<_> = located.iter().map(|entry| (entry.packed, entry.size)).collect();
        assert_eq!(sizes, [(large.packed, large.size), (20, LARGE), (3, 3)]);
    }

    #[test]
    fn content_of_another_length_than_announced_is_an_error() {
        let packed = Packed { method: 0, crc32: 8, packed: 3, size: 3 };
        for content in [&b"ab"[..], b"abcd"] {
            let mut zip = StreamedZip::new(Vec::new(), Timestamp::UNIX_EPOCH);
            zip.begin("a", &packed).unwrap();
            zip.write_all(content).unwrap();
            assert!(zip.finish().is_err());
        }
    }
}
