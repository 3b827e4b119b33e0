//! Running a program of this machine to its end, with a time limit.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::settings;

/// What a finished program said.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

impl Output {
    /// Both streams and the code, for the message of a failed assertion.
    #[must_use]
    pub fn told(&self) -> String {
        format!("exit {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs a program that must succeed within a minute.
///
/// # Errors
/// When it cannot be started, takes longer, or exits with another code than 0.
pub fn run(argv: &[&str]) -> Result<Output> {
    let output = run_with(&mut command(argv), "", Duration::from_mins(1))?;
    ensure!(output.code == Some(0), "{}: {}", argv.join(" "), output.told());
    Ok(output)
}

/// A program with the administrators' folders on its search path and the language of the tests.
pub(crate) fn command(argv: &[&str]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).env("PATH", settings::search_path()).env("LC_ALL", "C.UTF-8");
    command
}

/// A program that gets nothing else of this machine's environment.
pub(crate) fn clean_command(argv: &[&str]) -> Command {
    let mut command = Command::new(argv[0]);
    command
        .args(&argv[1..])
        .env_clear()
        .env("PATH", settings::search_path())
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/root");
    command
}

/// Runs a program to its end, whatever its exit code. Output goes through files, so that no pipe can fill up.
pub(crate) fn run_with(command: &mut Command, stdin: &str, limit: Duration) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut input = tempfile::tempfile()?;
    input.write_all(stdin.as_bytes())?;
    input.seek(SeekFrom::Start(0))?;
    command.stdin(Stdio::from(input)).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("{program} was still running after {limit:?}\n{}\n{}", text(&mut out)?, text(&mut err)?);
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok(Output { code: status.code(), stdout: text(&mut out)?, stderr: text(&mut err)? })
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
