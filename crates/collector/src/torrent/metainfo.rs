//! What a `.torrent` file says (BEP 3, 12, 27, 47, 52).

use data_encoding::HEXLOWER;
use investigation::text::one_line;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use thiserror::Error;

use super::bencode::{BencodeError, Document, Limits, Value};

mod files;

/// Longest name, program name or URL that is kept, in characters.
const TEXT_CAP: usize = 512;
/// Most trackers that are kept.
const TRACKER_CAP: usize = 64;

/// What a `.torrent` file says about itself.
///
/// Texts are lossily decoded, with control and invisible characters escaped, and cut at 512 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metainfo {
    /// Name of the file or folder that is downloaded.
    pub name: Option<String>,
    /// SHA-1 over the bytes of `info`, 40 lower-case hex digits, where the torrent is v1 or hybrid.
    pub infohash_v1: Option<String>,
    /// SHA-256 over the bytes of `info`, 64 lower-case hex digits, where the torrent is v2 or hybrid.
    pub infohash_v2: Option<String>,
    /// Announce URLs, each once, at most 64. Those of private trackers may hold the user's pass key.
    pub trackers: Vec<String>,
    /// Sum of the file sizes in bytes, without padding files; saturates.
    pub total_size: u64,
    /// Number of files, without padding files.
    pub file_count: u64,
    /// Whether peers may come from the trackers only.
    pub private: bool,
    /// Program that made the torrent.
    pub created_by: Option<String>,
    /// When it was made.
    pub creation_date: Option<Timestamp>,
    /// Bytes a piece.
    pub piece_length: Option<u64>,
    /// What was odd, one sentence each.
    pub notes: Vec<String>,
}

/// Why a file is no metainfo.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetainfoError {
    /// The file is not bencode, or exceeds the caps.
    #[error("not readable as bencode")]
    Bencode(#[from] BencodeError),
    /// The outermost value is not a dictionary.
    #[error("not a dictionary")]
    NotADictionary,
    /// There is no `info` dictionary.
    #[error("no info dictionary")]
    NoInfo,
}

impl Metainfo {
    /// Reads the content of a `.torrent` file of at most 16 MiB.
    ///
    /// # Errors
    /// Where there is no `info` dictionary to take an infohash of. Anything less is a note.
    pub fn parse(content: &[u8]) -> Result<Self, MetainfoError> {
        let document = Document::parse(content, &Limits::default())?;
        let root = document.root();
        if !root.is_dictionary() {
            return Err(MetainfoError::NotADictionary);
        }
        let info = root.get(b"info").filter(|i| i.is_dictionary()).ok_or(MetainfoError::NoInfo)?;
        let mut metainfo =
            Self { notes: document.notes().map(|n| n.to_string()).collect(), ..Self::default() };
        metainfo.read_hashes(info);
        metainfo.read_name(info);
        metainfo.read_sizes(info);
        metainfo.read_trackers(root);
        metainfo.private = info.get(b"private").and_then(Value::as_int) == Some(1);
        metainfo.created_by = root.get(b"created by").and_then(Value::as_bytes).map(text);
        metainfo.read_creation_date(root);
        Ok(metainfo)
    }

    /// BEP 52 makes `meta version` 2 the mark of v2; `pieces` is what v1 cannot do without. A hybrid has both.
    fn read_hashes(&mut self, info: Value<'_>) {
        let pieces = info.get(b"pieces").and_then(Value::as_bytes);
        let has_tree = info.get(b"file tree").is_some_and(Value::is_dictionary);
        let version = info.get(b"meta version").map(|v| v.as_int());
        match version {
            None | Some(Some(1 | 2)) => {}
            Some(Some(other)) => self.notes.push(format!("meta version {other} is unknown")),
            Some(None) => self.notes.push("meta version is not a number".into()),
        }
        if version == Some(Some(2)) {
            if !has_tree {
                self.notes.push("meta version 2 without a file tree".into());
            }
            self.infohash_v2 = Some(HEXLOWER.encode(&Sha256::digest(info.raw())));
        } else if has_tree {
            self.notes.push("a file tree without meta version 2: not taken as v2".into());
        }
        if let Some(pieces) = pieces {
            if pieces.len() % 20 != 0 {
                self.notes.push(format!("pieces has {} bytes, not a multiple of 20", pieces.len()));
            }
            self.infohash_v1 = Some(HEXLOWER.encode(&Sha1::digest(info.raw())));
        } else if self.infohash_v2.is_none() {
            self.notes.push("neither pieces nor meta version 2: no infohash".into());
        }
    }

    fn read_name(&mut self, info: Value<'_>) {
        // Old Windows clients wrote `name` in a code page, and UTF-8 beside it.
        let name = info.get(b"name.utf-8").or_else(|| info.get(b"name")).and_then(Value::as_bytes);
        match name {
            Some(name) => {
                if std::str::from_utf8(name).is_err() {
                    self.notes.push("the name is not UTF-8".into());
                }
                self.name = Some(text(name));
            }
            None => self.notes.push("no name".into()),
        }
    }

    fn read_sizes(&mut self, info: Value<'_>) {
        match info.get(b"piece length").and_then(Value::as_int).map(u64::try_from) {
            Some(Ok(length)) if length > 0 => self.piece_length = Some(length),
            _ => self.notes.push("no usable piece length".into()),
        }
        let v1 = self.infohash_v2.is_none() || self.infohash_v1.is_some();
        let v1 = v1.then(|| files::v1(info, &mut self.notes));
        let v2 = self.infohash_v2.is_some().then(|| files::v2(info, &mut self.notes));
        if let (Some(v1), Some(v2)) = (&v1, &v2)
            && v1 != v2
        {
            self.notes.push(format!(
                "the two file lists differ: v1 has {} files of {} bytes, v2 has {} of {}",
                v1.count, v1.size, v2.count, v2.size
            ));
        }
        let listing = v2.or(v1).unwrap_or_default();
        self.total_size = listing.size;
        self.file_count = listing.count;
    }

    fn read_trackers(&mut self, root: Value<'_>) {
        let tiers = root.get(b"announce-list").into_iter().flat_map(Value::items).flat_map(Value::items);
        let urls = root.get(b"announce").into_iter().chain(tiers).filter_map(Value::as_bytes);
        for url in urls.filter(|url| !url.is_empty()) {
            let url = text(url);
            if self.trackers.contains(&url) {
                continue;
            }
            if self.trackers.len() == TRACKER_CAP {
                self.notes.push(format!("more than {TRACKER_CAP} trackers, the rest left out"));
                break;
            }
            self.trackers.push(url);
        }
    }

    fn read_creation_date(&mut self, root: Value<'_>) {
        if let Some(date) = root.get(b"creation date") {
            self.creation_date = date.as_int().and_then(|s| Timestamp::from_second(s).ok());
            if self.creation_date.is_none() {
                self.notes.push("the creation date is no time".into());
            }
        }
    }
}

/// Lossily decoded, safe to print, capped.
pub(super) fn text(bytes: &[u8]) -> String {
    // No character is longer than four bytes: what lies beyond need not be decoded.
    let bytes = &bytes[..bytes.len().min(4 * (TEXT_CAP + 1))];
    one_line(&String::from_utf8_lossy(bytes), TEXT_CAP)
}

#[cfg(test)]
mod independent;
#[cfg(test)]
mod tests;
