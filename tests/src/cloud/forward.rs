//! Joins the loopback address of this machine with that of the `soc` host: the emulator is on one, the relay and the
//! ticket server are on the other.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::command::command;
use crate::network::Network;
use crate::requirements::find_tool;
use crate::wait::wait_until;
use crate::workspace;

/// A port that leads to the same port on the other side; ends on drop.
#[derive(Debug)]
pub(super) struct Forward {
    ends: [Child; 2],
}

impl Forward {
    /// Lets `soc` reach a port of this machine.
    pub(super) fn into_soc(network: &Network, port: u16) -> Result<Option<Self>> {
        Self::start(network, port, true)
    }

    /// Lets this machine reach a port of `soc`.
    pub(super) fn out_of_soc(network: &Network, port: u16) -> Result<Option<Self>> {
        Self::start(network, port, false)
    }

    fn start(network: &Network, port: u16, into: bool) -> Result<Option<Self>> {
        if !network.isolated() {
            return Ok(None);
        }
        let socket = network.workspace().folder().join(format!("{port}.sock"));
        let (tcp, unix) = (format!("tcp:{port}"), format!("unix:{}", socket.display()));
        let python = find_tool("python3").context("python3 is not installed")?;
        let program = workspace::root().join("tests/receivers/forward.py");
        let argv = |from: &str, to: &str| -> Vec<String> {
            [&*python.to_string_lossy(), "-u", &*program.to_string_lossy(), from, to]
                .map(str::to_owned)
                .into()
        };
        let words = |argv: &[String]| -> Vec<String> { argv.to_vec() };
        let here = |argv: &[String]| command(&words(argv).iter().map(String::as_str).collect::<Vec<_>>());
        let there = |argv: &[String]| {
            network.soc_command(&words(argv).iter().map(String::as_str).collect::<Vec<_>>())
        };
        let (far, near) = (argv(&unix, &tcp), argv(&tcp, &unix));
        let ends = if into {
            [begin(here(&far))?, begin(there(&near))?]
        } else {
            [begin(there(&far))?, begin(here(&near))?]
        };
        ensure!(Path::new(&socket).exists(), "the forwarder made no socket");
        Ok(Some(Self { ends }))
    }
}

fn begin(mut command: Command) -> Result<Child> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start a forwarder")?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("the forwarder has no output")?).read_line(&mut said)?;
    if said != "ready\n" {
        let _ = child.kill();
        let _ = child.wait();
        anyhow::bail!("a forwarder did not start");
    }
    Ok(child)
}

impl Drop for Forward {
    fn drop(&mut self) {
        for end in &mut self.ends {
            drop(end.stdin.take());
            let ended = wait_until("a forwarder ends", Duration::from_secs(30), || Ok(end.try_wait()?));
            if ended.is_err() {
                let _ = end.kill();
                let _ = end.wait();
            }
        }
    }
}
