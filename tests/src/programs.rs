//! The programs that tests run, built as the tests themselves were.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::command::{command, run_with};
use crate::{settings, workspace};

/// Builds programs of the workspace with the features that the tests are built with, and says in which folder they lie.
///
/// # Errors
/// When they do not build.
pub(crate) fn build(names: &[&str]) -> Result<PathBuf> {
    let profile = workspace::profile()?;
    let cargo = settings::cargo();
    let mut argv = vec![cargo.as_str(), "build", "--quiet", "--workspace", "--features", "peerhound/aws"];
    argv.extend(["--example", "as_tests"]);
    argv.extend(names.iter().flat_map(|name| ["--bin", *name]));
    if profile.ends_with("release") {
        argv.push("--release");
    }
    let mut command = command(&argv);
    // What cargo tells a test of its own package would have dependencies built anew that ask for such variables.
    for told in ["MANIFEST_DIR", "MANIFEST_LINKS", "PKG_NAME"] {
        command.env_remove(format!("CARGO_{told}"));
    }
    for part in ["MAJOR", "MINOR", "PATCH", "PRE"] {
        command.env_remove(format!("CARGO_PKG_VERSION_{part}"));
    }
    let output = run_with(command.current_dir(workspace::root()), "", Duration::from_mins(30))?;
    ensure!(output.code == Some(0), "{} does not build: {}", names.join(", "), output.told());
    Ok(profile)
}
