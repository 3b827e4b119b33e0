//! Where things lie: the workspace, the built binaries, and the folder of one test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::leftovers::RunId;

/// The folder of one test below `target/acceptance/`, removed on drop.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    /// Makes the folder for a run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(run: &RunId) -> Result<Self> {
        let folder = runs()?.join(run.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A subfolder, made if missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder in which every test's folder lies.
pub(crate) fn runs() -> Result<PathBuf> {
    Ok(target()?.join("acceptance"))
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).to_path_buf()
}

/// cargo's target folder: a test binary lies in `<target>/<profile>/deps/`.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(profile()?.parent().context("the profile's folder has no parent")?.to_path_buf())
}

/// The folder of the profile that the tests were built with.
pub(crate) fn profile() -> Result<PathBuf> {
    let test_binary = std::env::current_exe()?;
    Ok(test_binary.ancestors().nth(2).context("the test binary lies outside a target folder")?.to_path_buf())
}
