//! A Python program on the `soc` host that stores what it receives, one JSON file each.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use crate::network::Network;
use crate::workspace;

/// The running program; ends with this value, or with the test's process, whose pipe it reads.
#[derive(Debug)]
pub(crate) struct Receiver {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Receiver {
    /// Starts `receivers/<script>` with a folder that has the given files in it.
    pub(crate) fn start(
        network: &Network,
        python: &Path,
        script: &str,
        files: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = network.workspace().subfolder(script.trim_end_matches(".py"))?;
        for (name, content) in files {
            fs::write(folder.join(name), content)?;
        }
        let program = workspace::root().join("tests/receivers").join(script);
        let (python, program, target) =
            (python.to_string_lossy(), program.to_string_lossy(), folder.to_string_lossy());
        let mut child = network
            .soc_command(&[&python, "-u", &program, "127.0.0.1", &target])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {script}"))?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("the receiver has no output")?).read_line(&mut said)?;
        match said.trim().parse() {
            Ok(port) => Ok(Self { child, folder, port }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                anyhow::bail!("{script} did not start; it said {said:?}")
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What came so far, oldest first.
    pub(crate) fn received<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<Vec<_>>>()?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| Ok(serde_json::from_slice(&fs::read(file)?)?)).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
