//! What a test needs of this machine, and what happens where it is missing.

use std::path::{Path, PathBuf};

use crate::settings;

/// Says why a test cannot run here. Prints one line and returns; on CI it panics, because a skip proves nothing.
pub fn skip_or_fail(reason: &str) {
    assert!(!settings::skipping_fails(), "may not be skipped on CI: {reason}");
    println!("skipped: {reason}");
}

/// Whether every tool is on this machine. Where one is missing, says so as [`skip_or_fail`] does.
#[must_use]
pub fn require_or_skip(tools: &[&str]) -> bool {
    let missing: Vec<&str> = tools.iter().copied().filter(|tool| find_tool(tool).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    skip_or_fail(&format!("{} not installed (scripts/test-requirements installs it)", missing.join(", ")));
    false
}

/// The first executable of this name on the search path.
pub(crate) fn find_tool(name: &str) -> Option<PathBuf> {
    let path = settings::search_path();
    path.split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join(name))
        .find(|tool| tool.is_file())
}
