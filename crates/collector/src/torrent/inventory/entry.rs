//! From a found path to its entries in the evidence.

use std::path::Path;
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use investigation::evidence::TorrentFile;
use jiff::Timestamp;

use super::super::client_data::{ClientArtifact, Content};
use super::bytes_of;
use super::contents::{self, Reader};
use super::owners::Owners;

pub(super) use super::walk::shown;

/// Stats the file, reads it where its kind is read, and describes it.
pub(super) fn entries(
    path: &Path,
    artifact: &'static ClientArtifact,
    reader: &mut Reader,
    owners: &mut Owners,
) -> Vec<TorrentFile> {
    let bytes = bytes_of(path);
    let mut file = bare(bytes, artifact);
    // Before anything is read, since reading may change the time of the last access.
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            file.notes.push(format!("not readable: {error}"));
            return vec![file];
        }
    };
    file.size = metadata.len();
    file.modified = time(metadata.modified());
    file.created = time(metadata.created());
    file.accessed = time(metadata.accessed());
    (file.owner_id, file.owner) = owners.of(&metadata);
    if metadata.is_symlink() {
        file.notes.push("a symbolic link, not followed".into());
    } else if is_elsewhere(&metadata) {
        file.notes.push("not read: its content lies with a cloud service, and reading would fetch it".into());
    } else if metadata.is_file() && artifact.content != Content::Unread {
        match reader.read(path, &metadata) {
            Ok(content) => return contents::describe(file, bytes, artifact.content, content),
            Err(why) => file.notes.push(why),
        }
    } else if !metadata.is_file() && !metadata.is_dir() {
        file.notes.push("neither a file nor a folder, not opened".into());
    }
    contents::name_tells(&mut file, bytes);
    vec![file]
}

/// Whether Windows would have to fetch the content first.
#[cfg(windows)]
pub(super) fn is_elsewhere(metadata: &std::fs::Metadata) -> bool {
    use std::os::windows::fs::MetadataExt as _;
    const OFFLINE: u32 = 0x1000;
    const RECALL_ON_OPEN: u32 = 0x0004_0000;
    const RECALL_ON_DATA_ACCESS: u32 = 0x0040_0000;
    metadata.file_attributes() & (OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS) != 0
}

/// Only Windows marks such files.
#[cfg(not(windows))]
pub(super) fn is_elsewhere(_: &std::fs::Metadata) -> bool {
    false
}

/// An entry with what the path alone tells.
pub(super) fn bare(path: &[u8], artifact: &'static ClientArtifact) -> TorrentFile {
    let text = String::from_utf8_lossy(path);
    let path_hex = matches!(text, std::borrow::Cow::Owned(_)).then(|| HEXLOWER.encode(path));
    TorrentFile {
        path: text.into_owned(),
        path_hex,
        kind: artifact.kind,
        application: artifact.application.map(Into::into),
        size: 0,
        modified: None,
        created: None,
        accessed: None,
        owner: None,
        owner_id: None,
        name: None,
        infohash_v1: None,
        infohash_v2: None,
        trackers: Vec::new(),
        total_size: None,
        file_count: None,
        private: None,
        created_by: None,
        creation_date: None,
        weak: artifact.weak.is_some(),
        notes: artifact.weak.map(|why| format!("weak: {why}")).into_iter().collect(),
    }
}

fn time(time: std::io::Result<SystemTime>) -> Option<Timestamp> {
    Timestamp::try_from(time.ok()?).ok()
}
