//! Many Windows endpoints on loopback, with what is wrong with each: `tests/src/winrm/fleet.py`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::skip;

const PASSWORD: &str = "correct horse";

/// Running endpoints; they end with their value.
pub(crate) struct Fleet {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Fleet {
    /// Starts one endpoint for each address and kind. `None`, said in one line, where that is not possible.
    pub(crate) fn start(plan: &BTreeMap<String, &str>) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = root.ancestors().find(|folder| folder.join("rustfmt.toml").is_file()).unwrap();
        let python = root.join("target/test-venv/bin/python");
        let found = Command::new(&python).args(["-c", "import spnego"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            skip("pyspnego is not installed (scripts/test-requirements installs it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("users"), format!("CORP:svc-peerhound:{PASSWORD}\n")).unwrap();
        std::fs::write(path("log"), "").unwrap();
        std::fs::write(path("password"), PASSWORD).unwrap();
        std::fs::set_permissions(path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(python)
            .arg(root.join("tests/src/winrm/fleet.py"))
            .arg("--samples")
            .arg(root.join("crates/collector/src/artifact/windows/samples"))
            .arg("--users")
            .arg(path("users"))
            .arg("--log")
            .arg(path("log"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(plan).unwrap()).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the endpoints say their port");
        Some(Self { folder, child, port })
    }

    /// The section of a relay's configuration that reaches them.
    pub(crate) fn section(&self) -> String {
        format!(
            "[winrm]\nuser = 'CORP\\svc-peerhound'\npassword_file = '{}'\nhttps = false\nport = {}\n",
            self.path("password").display(),
            self.port
        )
    }

    /// The same, as a policy has it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        let file = self.path("password").display().to_string();
        serde_json::json!({
            "user": r"CORP\svc-peerhound", "password_file": file, "https": false, "port": self.port
        })
    }

    /// What they wrote down: one JSON object a line.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path("log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
