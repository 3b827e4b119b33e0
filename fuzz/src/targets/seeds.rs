//! Inputs that exist already: the project's own examples, and what this machine says of itself.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's own folder.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every example alert, in the order of their names.
pub(super) fn events() -> Vec<Vec<u8>> {
    let Ok(folder) = fs::read_dir(workspace().join("events/alerts")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = folder.flatten().map(|item| item.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// The first part of a file of this machine; nothing where there is no such file.
pub(super) fn of_this_machine(path: &str) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap_or_default();
    bytes.truncate(8 << 10);
    bytes
}

/// A record of a script's output.
pub(super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    [key.as_bytes(), &[0], value, &[0]].concat()
}

/// The same bytes many times.
pub(super) fn many(piece: &[u8], length: usize) -> Vec<u8> {
    piece.repeat(length / piece.len().max(1))
}
