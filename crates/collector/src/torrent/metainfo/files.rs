//! Number and size of the files that a torrent describes.

use super::super::bencode::Value;

/// Number and total size of files, padding files left out (BEP 47).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) count: u64,
    pub(super) size: u64,
}

impl Listing {
    fn add(&mut self, length: Option<Value<'_>>, bad: &mut u64) {
        self.count += 1;
        match length.and_then(Value::as_int).map(u64::try_from) {
            Some(Ok(length)) => self.size = self.size.saturating_add(length),
            _ => *bad += 1,
        }
    }
}

/// The v1 list: `length` of a single file, or `files`.
pub(super) fn v1(info: Value<'_>, notes: &mut Vec<String>) -> Listing {
    let mut listing = Listing::default();
    let mut bad = 0;
    if let Some(files) = info.get(b"files") {
        for file in files.items() {
            let attributes = file.get(b"attr").and_then(Value::as_bytes).unwrap_or_default();
            if !attributes.contains(&b'p') {
                listing.add(file.get(b"length"), &mut bad);
            }
        }
    } else {
        listing.add(info.get(b"length"), &mut bad);
    }
    note_bad(bad, "v1", notes);
    listing
}

/// The v2 tree: folders are dictionaries, and a file is a dictionary under an empty key.
pub(super) fn v2(info: Value<'_>, notes: &mut Vec<String>) -> Listing {
    let mut listing = Listing::default();
    let mut bad = 0;
    let mut folders: Vec<Value<'_>> = info.get(b"file tree").into_iter().collect();
    while let Some(folder) = folders.pop() {
        for (name, member) in folder.entries() {
            if name.is_empty() {
                listing.add(member.get(b"length"), &mut bad);
            } else {
                folders.push(member);
            }
        }
    }
    note_bad(bad, "v2", notes);
    listing
}

fn note_bad(bad: u64, version: &str, notes: &mut Vec<String>) {
    if bad > 0 {
        notes.push(format!(
            "{bad} lengths in the {version} file list are negative, missing or beyond 64 bits"
        ));
    }
}
