//! What the resume files of clients say: which torrents a client has, and how much it gave and took.
//!
//! Formats: libtorrent's and qBittorrent's `.fastresume`, Deluge's `torrents.fastresume`, µTorrent's `resume.dat`,
//! Transmission's `.resume` (all bencode) and aria2's control file (binary). Deluge's `torrents.state` is a Python
//! pickle and is not read.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bencode::{BencodeError, Document, Limits, Value};
use super::client_data::Content;
use super::metainfo::text;

/// Most records that are taken from one file.
const RECORD_CAP: usize = 1000;

/// One torrent in a client's resume data. Texts are escaped and capped as in [`super::metainfo::Metainfo`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRecord {
    /// v1 infohash, 40 lower-case hex digits.
    pub infohash_v1: Option<String>,
    /// v2 infohash, 64 lower-case hex digits.
    pub infohash_v2: Option<String>,
    /// The torrent's name, or the name of its torrent file.
    pub name: Option<String>,
    /// Where it is saved.
    pub save_path: Option<String>,
    /// Bytes taken from peers so far.
    pub downloaded: Option<u64>,
    /// Bytes given to peers so far.
    pub uploaded: Option<u64>,
    /// When the user added it.
    pub added: Option<Timestamp>,
    /// When it was complete.
    pub completed: Option<Timestamp>,
}

/// Reads the torrents that `content` tells of, at most 1,000. Empty for a format that is not read, and for an aria2
/// control file of a plain download.
///
/// # Errors
/// Where the content is not bencode though its format is, or exceeds the caps.
pub fn read(format: Content, content: &[u8]) -> Result<Vec<ResumeRecord>, BencodeError> {
    if format == Content::Aria2Control {
        return Ok(aria2(content).into_iter().collect());
    }
    if matches!(format, Content::Unread | Content::Metainfo) {
        return Ok(Vec::new());
    }
    let document = Document::parse(content, &Limits::default())?;
    let root = document.root();
    let records: Vec<ResumeRecord> = match format {
        Content::LibtorrentResume => vec![libtorrent(root)],
        Content::TransmissionResume => vec![transmission(root)],
        Content::UtorrentResume => utorrent(root).take(RECORD_CAP).collect(),
        Content::DelugeResume => deluge(root).take(RECORD_CAP).collect(),
        Content::Aria2Control | Content::Unread | Content::Metainfo => Vec::new(),
    };
    Ok(records.into_iter().filter(|r| *r != ResumeRecord::default()).collect())
}

/// libtorrent writes the hashes as bytes, v2's in `info-hash2`; qBittorrent adds keys that begin with `qBt-`.
fn libtorrent(root: Value<'_>) -> ResumeRecord {
    let v1 = root.get(b"info-hash").and_then(Value::as_bytes);
    ResumeRecord {
        infohash_v1: v1.and_then(|b| hash(b, 20)),
        infohash_v2: root.get(b"info-hash2").and_then(Value::as_bytes).and_then(|b| hash(b, 32)),
        name: first_text(root, &[b"qBt-name", b"name"]),
        save_path: first_text(root, &[b"qBt-savePath", b"save_path"]),
        downloaded: number(root, b"total_downloaded"),
        uploaded: number(root, b"total_uploaded"),
        added: time(root, b"added_time"),
        completed: time(root, b"completed_time"),
    }
}

/// Transmission's file does not hold the infohash: newer versions have it in the file's name.
fn transmission(root: Value<'_>) -> ResumeRecord {
    ResumeRecord {
        name: first_text(root, &[b"name"]),
        save_path: first_text(root, &[b"destination"]),
        downloaded: number(root, b"downloaded"),
        uploaded: number(root, b"uploaded"),
        added: time(root, b"added-date"),
        completed: time(root, b"done-date"),
        ..ResumeRecord::default()
    }
}

/// A dictionary by torrent file, beside a few keys that are none (`.fileguard`, `rec`).
fn utorrent<'d>(root: Value<'d>) -> impl Iterator<Item = ResumeRecord> + 'd {
    root.entries().filter(|(_, value)| value.get(b"info").is_some()).map(|(key, value)| ResumeRecord {
        infohash_v1: value.get(b"info").and_then(Value::as_bytes).and_then(|b| hash(b, 20)),
        infohash_v2: None,
        name: first_text(value, &[b"caption"]).or_else(|| Some(text(key))),
        save_path: first_text(value, &[b"path"]),
        downloaded: number(value, b"downloaded"),
        uploaded: number(value, b"uploaded"),
        added: time(value, b"added_on"),
        completed: time(value, b"completed_on"),
    })
}

/// A dictionary by infohash in hex; each value is libtorrent's resume data as a string.
fn deluge<'d>(root: Value<'d>) -> impl Iterator<Item = ResumeRecord> + 'd {
    root.entries().filter_map(|(key, value)| {
        let in_key = super::client_data::infohash_in_name(key);
        let inner = value.as_bytes().and_then(|b| Document::parse(b, &Limits::default()).ok());
        let mut record = inner.map(|d| libtorrent(d.root())).unwrap_or_default();
        if record.infohash_v1.is_none() {
            record.infohash_v1 = in_key.filter(|k| k.len() == 40);
        }
        record.infohash_v1.is_some().then_some(record)
    })
}

/// Version 1 is big-endian: version (2 bytes), extensions (4; the last bit means that the infohash is to be checked),
/// length of the infohash (4), infohash. A plain download has length 0.
fn aria2(content: &[u8]) -> Option<ResumeRecord> {
    let (version, rest) = content.split_first_chunk::<2>()?;
    let (_extensions, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = match version {
        [0, 1] => u32::from_be_bytes(*length),
        // Version 0 was written in the byte order of the machine, which was little-endian wherever it still exists.
        [0, 0] => u32::from_le_bytes(*length),
        _ => return None,
    };
    let infohash_v1 = hash(rest.get(..usize::try_from(length).ok()?)?, 20);
    infohash_v1.is_some().then(|| ResumeRecord { infohash_v1, ..ResumeRecord::default() })
}

/// Hex of a hash of the given length; none where it is of another or, as libtorrent writes for "none", all zeros.
fn hash(bytes: &[u8], length: usize) -> Option<String> {
    (bytes.len() == length && bytes.iter().any(|b| *b != 0)).then(|| HEXLOWER.encode(bytes))
}

fn first_text(dictionary: Value<'_>, keys: &[&[u8]]) -> Option<String> {
    let mut found = keys.iter().filter_map(|key| dictionary.get(key)).filter_map(Value::as_bytes);
    found.find(|b| !b.is_empty()).map(text)
}

fn number(dictionary: Value<'_>, key: &[u8]) -> Option<u64> {
    dictionary.get(key).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok())
}

/// Seconds since 1970; clients write 0 for "not yet".
fn time(dictionary: Value<'_>, key: &[u8]) -> Option<Timestamp> {
    let seconds = dictionary.get(key).and_then(Value::as_int).filter(|s| *s > 0)?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
