//! Starting the `peerhound` binary on the `soc` host.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::command::{Output, command, run_with};
use crate::network::Network;
use crate::{settings, workspace};

/// The binary with one policy, in the network of a test.
#[derive(Debug)]
pub struct Peerhound<'a> {
    network: &'a Network,
    policy: PathBuf,
}

impl<'a> Peerhound<'a> {
    /// Builds the binary once per process and writes the policy to the run's folder.
    ///
    /// # Errors
    /// When it does not build.
    pub fn new(network: &'a Network, policy: &str) -> Result<Self> {
        binary()?;
        let path = network.workspace().folder().join("peerhound.toml");
        std::fs::write(&path, policy)?;
        Ok(Self { network, policy: path })
    }

    /// The policy file.
    #[must_use]
    pub fn policy(&self) -> &Path {
        &self.policy
    }

    /// Runs it to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or takes over five minutes.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.run_with_input(arguments, "")
    }

    /// As [`Peerhound::run`], with something on its standard input.
    ///
    /// # Errors
    /// As [`Peerhound::run`].
    pub fn run_with_input(&self, arguments: &[&str], stdin: &str) -> Result<Output> {
        let binary = binary()?.to_string_lossy();
        let policy = self.policy.to_string_lossy();
        let mut argv = vec![&*binary, "--policy", &policy];
        argv.extend_from_slice(arguments);
        let mut command = self.network.soc_command(&argv);
        run_with(command.current_dir(self.network.workspace().folder()), stdin, Duration::from_mins(5))
    }

    /// Starts it and returns the process itself; its output is appended to `<log>` in the run's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, arguments: &[&str], log: &str) -> Result<Child> {
        let binary = binary()?.to_string_lossy();
        let policy = self.policy.to_string_lossy();
        let mut argv = vec![&*binary, "--policy", &policy];
        argv.extend_from_slice(arguments);
        let folder = self.network.workspace().folder();
        let log = std::fs::File::options().create(true).append(true).open(folder.join(log))?;
        let mut command = self.network.soc_command(&argv);
        command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().context("cannot start peerhound")
    }
}

/// The binary, built with the features of the whole workspace, as cargo built the tests.
fn binary() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let profile = workspace::profile()?;
    let cargo = settings::cargo();
    let mut argv = vec![cargo.as_str(), "build", "--quiet", "--workspace", "--bin", "peerhound"];
    if profile.ends_with("release") {
        argv.push("--release");
    }
    let mut command = command(&argv);
    let output = run_with(command.current_dir(workspace::root()), "", Duration::from_mins(30))?;
    anyhow::ensure!(output.code == Some(0), "peerhound does not build: {}", output.told());
    Ok(profile.join("peerhound"))
}
