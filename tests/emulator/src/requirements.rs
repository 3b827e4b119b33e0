//! What the emulators need of this machine, and what happens where it is missing.

use std::path::{Path, PathBuf};

use crate::settings;

/// Why MiniStack cannot run here, in one line; `None` when it can.
///
/// # Panics
/// On CI when it is missing: there a skip proves nothing.
#[must_use]
pub fn skip_reason() -> Option<String> {
    if settings::given_endpoint().is_some() || program().is_file() {
        return None;
    }
    let reason = "MiniStack is not installed (scripts/test-requirements installs it)".to_owned();
    assert!(!settings::skipping_fails(), "may not be skipped on CI: {reason}");
    Some(reason)
}

/// Whether the services are not MiniStack's but some that somebody else started.
#[must_use]
pub fn services_are_given() -> bool {
    settings::given_endpoint().is_some()
}

/// Whether a test must return because MiniStack cannot run here; the reason was printed then.
///
/// # Panics
/// On CI when it is missing, as [`skip_reason`] does.
#[must_use]
pub fn skipped() -> bool {
    let reason = skip_reason();
    if let Some(reason) = &reason {
        println!("skipped: {reason}");
    }
    reason.is_some()
}

/// MiniStack, where `scripts/test-requirements` puts it.
pub(crate) fn program() -> PathBuf {
    root().join("target/test-venv/bin/ministack")
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder).to_path_buf()
}
