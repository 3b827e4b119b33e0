//! The WS-Man host of the tests, whose commands a program of the test's answers.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::WinrmConfig;

use super::skip;

const USER: &str = r"CORP\svc-peerhound";
const PASSWORD: &str = "correct horse";

/// A running host; it ends with its value.
pub(crate) struct WinrmHost {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl WinrmHost {
    /// Starts one over HTTP. `None` where the test has to be skipped.
    pub(crate) fn start(shell: &Path) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = root.join("target/test-venv/bin/python");
        let found = Command::new(&python).args(["-c", "import spnego"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            skip("pyspnego is not installed (scripts/test-requirements installs it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("users"), format!("{}:{PASSWORD}\n", USER.replace('\\', ":"))).unwrap();
        std::fs::write(path("password"), format!("{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(python)
            .arg(root.join("tests/src/winrm/host.py"))
            .arg("--log")
            .arg(path("log"))
            .arg("--users")
            .arg(path("users"))
            .arg("--shell")
            .arg(shell)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the host says its port");
        Some(Self { folder, child, port })
    }

    /// How it is reached.
    pub(crate) fn config(&self) -> WinrmConfig {
        WinrmConfig {
            user: USER.into(),
            https: false,
            port: self.port,
            ca_file: None,
            expected_hosts: Vec::new(),
            password_file: Some(self.folder.path().join("password")),
            client_certificate: None,
            kerberos: None,
            ntlm: true,
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// What it wrote down of what it was sent.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for WinrmHost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
