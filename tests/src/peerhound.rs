//! Starting the `peerhound` binary on the `soc` host.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::command::{Output, command, run_with};
use crate::network::Network;
use crate::wait::wait_until;
use crate::{programs, settings, workspace};

/// The binary with one policy, in the network of a test.
#[derive(Debug)]
pub struct Peerhound<'a> {
    network: &'a Network,
    program: &'static Path,
    policy: PathBuf,
}

impl<'a> Peerhound<'a> {
    /// Builds the binary once per process and writes the policy to the run's folder.
    ///
    /// # Errors
    /// When it does not build.
    pub fn new(network: &'a Network, policy: &str) -> Result<Self> {
        Self::of(binary()?, network, policy)
    }

    /// As [`Peerhound::new`], with a binary that can be told where to kill itself, see [`Peerhound::spawn_to_die`].
    ///
    /// # Errors
    /// When it does not build.
    pub fn with_failpoints(network: &'a Network, policy: &str) -> Result<Self> {
        Self::of(binary_with_failpoints()?, network, policy)
    }

    fn of(program: &'static Path, network: &'a Network, policy: &str) -> Result<Self> {
        let path = network.workspace().folder().join("peerhound.toml");
        std::fs::write(&path, policy)?;
        Ok(Self { network, program, policy: path })
    }

    /// The program itself, built if need be.
    ///
    /// # Errors
    /// When it does not build.
    pub fn binary() -> Result<&'static Path> {
        binary()
    }

    fn argv(&self) -> Result<Vec<String>> {
        let policy = self.policy.to_string_lossy().into_owned();
        Ok(vec![self.program.to_string_lossy().into_owned(), "--policy".to_owned(), policy])
    }

    /// The policy file.
    #[must_use]
    pub fn policy(&self) -> &Path {
        &self.policy
    }

    /// A path that it named, as seen from the test: it works in the run's folder.
    #[must_use]
    pub fn path_of(&self, named: &str) -> PathBuf {
        self.network.workspace().folder().join(named)
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
        let mut argv = self.argv()?;
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut command = self.network.soc_command(&argv);
        run_with(command.current_dir(self.network.workspace().folder()), stdin, Duration::from_mins(5))
    }

    /// Runs it with `--json` and reads its standard output, one object a line.
    ///
    /// # Errors
    /// As [`Peerhound::run`], and when a line of standard output is not JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<(Output, Vec<Value>)> {
        let mut with_json = vec!["--json"];
        with_json.extend_from_slice(arguments);
        let output = self.run(&with_json)?;
        let objects = output.stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let objects = objects.with_context(|| format!("not one JSON object a line: {}", output.told()))?;
        Ok((output, objects))
    }

    /// As [`Peerhound::json`], with the most memory that it held at a time (resident set), in KiB.
    ///
    /// # Errors
    /// As [`Peerhound::json`], and when `/proc` does not tell.
    pub fn json_with_peak(&self, arguments: &[&str]) -> Result<(Output, Vec<Value>, u64)> {
        let folder = self.network.workspace().folder();
        let (out, err) = (tempfile::NamedTempFile::new_in(folder)?, tempfile::NamedTempFile::new_in(folder)?);
        let mut argv = self.argv()?;
        argv.push("--json".to_owned());
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut command = self.network.soc_command(&argv);
        command.current_dir(folder).stdin(Stdio::null()).stdout(out.reopen()?).stderr(err.reopen()?);
        let mut child = command.spawn().context("cannot start peerhound")?;
        let status_file = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let status = wait_until("peerhound ends", Duration::from_mins(5), || {
            // VmHWM only grows, so the last look before the end is the one that counts (proc(5)).
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0).max(peak);
            Ok(child.try_wait()?)
        });
        if status.is_err() {
            child.kill()?;
            child.wait()?;
        }
        let text = |file: &tempfile::NamedTempFile| Ok::<_, anyhow::Error>(std::fs::read(file.path())?);
        let output = Output {
            code: status?.code(),
            stdout: String::from_utf8_lossy(&text(&out)?).into_owned(),
            stderr: String::from_utf8_lossy(&text(&err)?).into_owned(),
        };
        anyhow::ensure!(peak > 0, "/proc did not tell how much memory it took: {}", output.told());
        let objects = output.stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let objects = objects.with_context(|| format!("not one JSON object a line: {}", output.told()))?;
        Ok((output, objects, peak))
    }

    /// Starts it and returns the process itself; its output is appended to `<log>` in the run's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, arguments: &[&str], log: &str) -> Result<Child> {
        self.start(arguments, log, None)
    }

    /// As [`Peerhound::spawn`]; it kills itself at a failpoint, `NAME:COUNT`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_to_die(&self, arguments: &[&str], log: &str, failpoint: &str) -> Result<Child> {
        self.start(arguments, log, Some(failpoint))
    }

    fn start(&self, arguments: &[&str], log: &str, failpoint: Option<&str>) -> Result<Child> {
        let mut argv = self.argv()?;
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let folder = self.network.workspace().folder();
        let log = std::fs::File::options().create(true).append(true).open(folder.join(log))?;
        let mut command = self.network.soc_command(&argv);
        command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(failpoint) = failpoint {
            command.env("PEERHOUND_FAILPOINT", failpoint);
        }
        command.spawn().context("cannot start peerhound")
    }
}

/// The binary, built with the features of the whole workspace, as cargo built the tests.
fn binary() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

/// The binary with failpoints, in a target folder of its own so that nobody takes it for the other.
fn binary_with_failpoints() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build_with_failpoints().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

fn build_with_failpoints() -> Result<PathBuf> {
    let target = workspace::target()?.join("failpoints");
    let (cargo, folder) = (settings::cargo(), target.to_string_lossy());
    let argv =
        [&cargo, "build", "--quiet", "-p", "peerhound", "--features", "failpoints", "--target-dir", &folder];
    let mut command = command(&argv);
    let output = run_with(command.current_dir(workspace::root()), "", Duration::from_mins(30))?;
    anyhow::ensure!(output.code == Some(0), "peerhound does not build with failpoints: {}", output.told());
    Ok(target.join("debug/peerhound"))
}

fn build() -> Result<PathBuf> {
    Ok(programs::build(&["peerhound"])?.join("peerhound"))
}
