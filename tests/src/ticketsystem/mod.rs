//! Real ticket systems on loopback, each with data of its own in a temporary folder, and what stands in front of them.

mod gate;
mod roundup;
mod rt;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub use gate::{Gate, Trouble};
pub use roundup::Roundup;
pub use rt::RequestTracker;

use crate::workspace;

/// A program that ends with this value, or with the test's process, whose pipe it reads.
#[derive(Debug)]
pub(crate) struct Supervised(Child);

impl Supervised {
    /// Starts a program and waits until it takes connections on this port of loopback.
    pub(crate) fn start(
        command: &[&str],
        variables: &[(&str, String)],
        port: u16,
        log: &Path,
    ) -> Result<Self> {
        let script = workspace::root().join("tests/receivers/supervised.py");
        let log_file = std::fs::File::create(log)?;
        let mut child = Command::new("python3")
            .arg(script)
            .args(command)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(log_file.try_clone()?)
            .stderr(log_file)
            .spawn()
            .context("python3 is not installed")?;
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if child.try_wait()?.is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                drop(Self(child));
                bail!("{} did not come up; it said {said}", command.join(" "));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self(child))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A port of loopback that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Runs a program to its end and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What curl, who has nothing to do with Peerhound, gets from there.
pub(crate) fn curl(arguments: &[&str]) -> Result<String> {
    output(
        Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"])
            .args(arguments),
    )
}

/// The same as JSON.
pub(crate) fn curl_json(arguments: &[&str]) -> Result<Value> {
    let text = curl(arguments)?;
    serde_json::from_str(&text).with_context(|| text)
}
