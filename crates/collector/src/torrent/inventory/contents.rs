//! Looking into found files.

use std::error::Error;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use investigation::evidence::TorrentFile;

use super::super::client_data::{Content, infohash_in_name};
use super::super::metainfo::Metainfo;
use super::super::resume::{self, ResumeRecord};

/// Reads files into one buffer.
pub(super) struct Reader {
    cap: u64,
    buffer: Vec<u8>,
}

impl Reader {
    pub(super) fn new(cap: u64) -> Self {
        Self { cap, buffer: Vec::new() }
    }

    /// The content of the regular file that `seen` describes, or the note that says why not.
    pub(super) fn read(&mut self, path: &Path, seen: &Metadata) -> Result<&[u8], String> {
        if seen.len() > self.cap {
            return Err(self.too_large());
        }
        self.buffer.clear();
        // A file that was large must not keep its memory for the rest of the walk.
        self.buffer.shrink_to(1 << 20);
        let file = open(path).map_err(|error| format!("not read: {error}"))?;
        // It may have been replaced since it was seen, for example by a pipe that never ends.
        if !file.metadata().is_ok_and(|now| now.is_file()) {
            return Err("not read: it was replaced meanwhile".into());
        }
        file.take(self.cap + 1)
            .read_to_end(&mut self.buffer)
            .map_err(|error| format!("not read: {error}"))?;
        if self.buffer.len() as u64 > self.cap {
            return Err(self.too_large());
        }
        Ok(&self.buffer)
    }

    fn too_large(&self) -> String {
        format!("not read: larger than {} bytes", self.cap)
    }
}

/// Opens for reading without following a link, waiting for a pipe or, where that is allowed, touching the access time.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let careful = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    #[cfg(target_os = "linux")]
    {
        let untouched = OpenOptions::new().read(true).custom_flags(careful | libc::O_NOATIME).open(path);
        // Only the owner and root may leave the access time alone.
        if !matches!(&untouched, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
            return untouched;
        }
    }
    OpenOptions::new().read(true).custom_flags(careful).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Completes `file` with what its content says. Resume data of several torrents give one entry each.
pub(super) fn describe(
    mut file: TorrentFile,
    path: &[u8],
    format: Content,
    content: &[u8],
) -> Vec<TorrentFile> {
    if format == Content::Metainfo {
        match Metainfo::parse(content) {
            Ok(metainfo) => fill(&mut file, metainfo),
            Err(error) => file.notes.push(unreadable(&error)),
        }
        name_tells(&mut file, path);
        return vec![file];
    }
    match resume::read(format, content) {
        Err(error) => file.notes.push(unreadable(&error)),
        Ok(records) if !records.is_empty() => {
            if format == Content::Aria2Control {
                file.weak = false;
                file.notes.retain(|note| !note.starts_with("weak:"));
            }
            return records.into_iter().map(|record| with_record(file.clone(), path, record)).collect();
        }
        Ok(_) => {}
    }
    name_tells(&mut file, path);
    vec![file]
}

fn fill(file: &mut TorrentFile, metainfo: Metainfo) {
    file.name = metainfo.name;
    file.infohash_v1 = metainfo.infohash_v1;
    file.infohash_v2 = metainfo.infohash_v2;
    file.trackers = metainfo.trackers;
    file.total_size = Some(metainfo.total_size);
    file.file_count = Some(metainfo.file_count);
    file.private = Some(metainfo.private);
    file.created_by = metainfo.created_by;
    file.creation_date = metainfo.creation_date;
    file.notes.extend(metainfo.notes);
}

fn with_record(mut file: TorrentFile, path: &[u8], record: ResumeRecord) -> TorrentFile {
    file.name = record.name;
    file.infohash_v1 = record.infohash_v1;
    file.infohash_v2 = record.infohash_v2;
    file.notes.extend(record.save_path.map(|p| format!("saved to {p}")));
    file.notes.extend(record.downloaded.map(|n| format!("{n} bytes downloaded")));
    file.notes.extend(record.uploaded.map(|n| format!("{n} bytes uploaded")));
    file.notes.extend(record.added.map(|t| format!("added {t}")));
    file.notes.extend(record.completed.map(|t| format!("completed {t}")));
    name_tells(&mut file, path);
    file
}

/// Clients name files after the infohash: taken where the content gave none.
pub(super) fn name_tells(file: &mut TorrentFile, path: &[u8]) {
    if file.infohash_v1.is_some() || file.infohash_v2.is_some() {
        return;
    }
    let name = path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or_default();
    if let Some(infohash) = infohash_in_name(name) {
        file.notes.push("infohash taken from the file's name".into());
        let slot = if infohash.len() == 40 { &mut file.infohash_v1 } else { &mut file.infohash_v2 };
        *slot = Some(infohash);
    }
}

/// An error with its causes in one line.
fn unreadable(error: &dyn Error) -> String {
    let mut text = format!("unreadable: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
