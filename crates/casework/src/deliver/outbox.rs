//! The outbox folder: where deliveries go when no server is configured.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::DeliveryError;
use crate::failpoint::failpoint;
use crate::partial;

/// Longest stem of a file's name.
const MAX_NAME: usize = 120;

/// Writes a file into the outbox, whole or not at all. A file of that name is left as it is: the same delivery was
/// written before an interruption.
///
/// # Errors
/// Not accepted, when the folder cannot be written.
pub(super) async fn write(
    folder: &Path,
    key: &str,
    ending: &str,
    bytes: Vec<u8>,
) -> Result<PathBuf, DeliveryError> {
    let folder = folder.to_owned();
    let path = folder.join(format!("{}.{ending}", file_name(key)));
    let written = tokio::task::spawn_blocking(move || write_once(&folder, &path, &bytes).map(|()| path))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(|error| DeliveryError::not_accepted(&format!("the outbox cannot be written: {error}")))
}

fn write_once(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let mut temporary = partial::begin(folder, path.file_name().unwrap_or_default())?;
    failpoint("outbox.temporary");
    temporary.write_all(bytes)?;
    failpoint("outbox.written");
    temporary.as_file().sync_all()?;
    match temporary.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    failpoint("outbox.named");
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A key as a file name, a header value or the left side of a message id: letters, digits, `.`, `_` and `-`. Where
/// something had to be changed, a hash of the whole key keeps it apart from its like.
pub(super) fn file_name(key: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let mut name: String = key.chars().take(MAX_NAME).map(safe).collect();
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    if name.is_empty() || name != key {
        let hash = HEXLOWER.encode(&Sha256::digest(key.as_bytes()));
        name = format!("{name}-{}", &hash[..12]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_worker_left_of_a_file_goes_when_it_is_written_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let left = |name: &str| fs::write(dir.path().join(name), "half").unwrap();
        left(".ph-1.effect-6.md.aB3dE6.partial");
        left(".ph-2.effect-6.md.aB3dE6.partial");
        let held = partial::begin(dir.path(), "ph-1.effect-6.md".as_ref()).unwrap();
        left(".ph-1.effect-6.md.gH7iJ8.partial");
        write_once(dir.path(), &dir.path().join("ph-1.effect-6.md"), b"whole").unwrap();
        let mut found: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        found.sort();
        let mut expected = [
            held.path().file_name().unwrap(),
            ".ph-2.effect-6.md.aB3dE6.partial".as_ref(),
            "ph-1.effect-6.md".as_ref(),
        ];
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_key_cannot_name_a_file_elsewhere_or_collide_with_its_like() {
        assert_eq!(file_name("case-1.3"), "case-1.3");
        for key in ["../../etc/cron.d/x", "/etc/passwd", "..", ".", "", "a\r\nBcc: x", "a/b", "Ü"] {
            let name = file_name(key);
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{name}");
            assert!(!name.starts_with('.') && name.len() > 12, "{name}");
        }
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert_ne!(file_name(&"a".repeat(200)), file_name(&"a".repeat(201)));
        assert!(file_name(&"a".repeat(2000)).len() < 140);
    }
}
