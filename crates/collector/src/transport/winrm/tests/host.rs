//! The host of the tests, and its log.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::transport::winrm::WinrmConfig;

pub(super) const USER: &str = r"CORP\svc-peerhound";
pub(super) const PASSWORD: &str = "correct horse Ünicode";

/// A line of the log.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    Negotiate,
    Authenticate {
        accepted: bool,
        /// Missing where it was refused.
        #[serde(default)]
        protocol: String,
    },
    Request {
        action: String,
        options: BTreeMap<String, String>,
    },
    Violation {
        #[allow(dead_code, reason = "shown where a test fails")]
        what: String,
    },
    Started {
        pid: u32,
    },
    #[serde(other)]
    Other,
}

/// A running host; it ends with its value.
pub(super) struct Host {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
    tls: bool,
    client_certificate: bool,
}

impl Host {
    /// One over HTTP. None where the test has to be skipped.
    pub(super) fn start(more: &[&str]) -> Option<Self> {
        Self::launch(tempfile::tempdir().unwrap(), more, false, false)
    }

    /// One over HTTPS, which wants a client certificate or a password.
    pub(super) fn start_tls(client_certificate: bool) -> Option<Self> {
        Self::start_tls_with(client_certificate, &[])
    }

    pub(super) fn start_tls_with(client_certificate: bool, options: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = certificates(folder.path());
        if !made {
            skip("openssl is not installed");
            return None;
        }
        let (tls, ca) =
            (folder.path().display().to_string(), folder.path().join("ca.pem").display().to_string());
        let mut more = vec!["--tls", &tls];
        if client_certificate {
            more.extend(["--client-ca", &ca]);
        }
        more.extend(options);
        Self::launch(folder, &more, true, client_certificate)
    }

    fn launch(folder: tempfile::TempDir, more: &[&str], tls: bool, client_certificate: bool) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = python("spnego")?;
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("users"), format!("{}:{PASSWORD}\n", USER.replace('\\', ":"))).unwrap();
        std::fs::write(path("log"), "").unwrap();
        std::fs::create_dir(path("bin")).unwrap();
        // What it is told to do on its command line is PowerShell's own way to read a script from its input.
        std::fs::write(path("bin/powershell.exe"), "#!/bin/sh\nexec sh -s\n").unwrap();
        std::fs::set_permissions(path("bin/powershell.exe"), PermissionsExt::from_mode(0o755)).unwrap();
        let mut child = Command::new(python)
            .arg(root.join("tests/src/winrm/host.py"))
            .arg("--log")
            .arg(path("log"))
            .arg("--users")
            .arg(path("users"))
            .arg("--bin")
            .arg(path("bin"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the host says its port");
        let host = Self { folder, child, port, tls, client_certificate };
        host.write_password(PASSWORD);
        Some(host)
    }

    pub(super) fn target(&self) -> IpAddr {
        IpAddr::from([127, 0, 0, 1])
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write_password(&self, password: &str) {
        std::fs::write(self.path("password"), format!("{password}\n")).unwrap();
        std::fs::set_permissions(self.path("password"), PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(super) fn config(&self) -> WinrmConfig {
        let expected_hosts = if self.tls { vec!["*.corp.example.com".into()] } else { Vec::new() };
        WinrmConfig {
            user: USER.into(),
            https: self.tls,
            port: self.port,
            ca_file: self.tls.then(|| self.path("ca.pem")),
            expected_hosts,
            password_file: (!self.client_certificate).then(|| self.path("password")),
            client_certificate: self.client_certificate.then(|| self.path("client.pem")),
            kerberos: None,
            ntlm: true,
            connect_timeout: Duration::from_secs(10),
        }
    }

    pub(super) fn log(&self) -> Vec<Event> {
        let text = std::fs::read_to_string(self.path("log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// By what it was proven, each time.
    pub(super) fn proven_by(&self) -> Vec<String> {
        let proven = |event| match event {
            Event::Authenticate { accepted: true, protocol } => Some(protocol),
            _ => None,
        };
        self.log().into_iter().filter_map(proven).collect()
    }

    /// What was asked for, in its order.
    pub(super) fn actions(&self) -> Vec<String> {
        let action = |event| match event {
            Event::Request { action, .. } => Some(action),
            _ => None,
        };
        self.log().into_iter().filter_map(action).collect()
    }

    /// Whether a process is left of any command, or was started by one.
    pub(super) fn runs_something(&self) -> bool {
        let groups: Vec<u32> = self
            .log()
            .into_iter()
            .filter_map(|event| match event {
                Event::Started { pid } => Some(pid),
                _ => None,
            })
            .collect();
        let system = std::fs::read_dir("/proc").unwrap().flatten();
        system.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok()).any(|stat| {
            // pid (name) state parent group
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            fields.first() != Some(&"Z")
                && fields
                    .get(2)
                    .and_then(|group| group.parse().ok())
                    .is_some_and(|group| groups.contains(&group))
        })
    }

    pub(super) async fn until_something_runs(&self) {
        while !self.runs_something() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn assert_nothing_runs(&self, within: Duration) {
        let begun = Instant::now();
        while self.runs_something() {
            assert!(begun.elapsed() <= within, "a command still runs on the host");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, a certificate by it for a host of the domain, one for a client, and another authority.
fn certificates(folder: &Path) -> bool {
    let openssl = |arguments: &str| {
        let run = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.is_ok_and(|status| status.success())
    };
    let authority = |name: &str| {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key \
             -out {name}.pem"
        ))
    };
    let leaf = |name: &str, san: &str| {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key \
             -out {name}.pem -CA ca.pem -CAkey ca.key -addext subjectAltName={san} \
             -addext basicConstraints=critical,CA:FALSE"
        ))
    };
    let made = authority("ca")
        && authority("other")
        && leaf("host", "DNS:ws1.corp.example.com")
        && leaf("client", "DNS:peerhound.corp.example.com");
    if made {
        let [certificate, key] =
            ["client.pem", "client.key"].map(|name| std::fs::read_to_string(folder.join(name)));
        std::fs::write(folder.join("client.pem"), certificate.unwrap() + &key.unwrap()).unwrap();
        std::fs::set_permissions(folder.join("client.pem"), PermissionsExt::from_mode(0o600)).unwrap();
    }
    made
}

/// The Python of the tests, with these modules. None where the test has to be skipped.
pub(super) fn python(modules: &str) -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-venv/bin/python");
    let import = format!("import {modules}");
    let has_them = Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if has_them.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip(&format!("Python lacks {modules} (scripts/test-requirements installs it)"));
    None
}

/// Says why a test is skipped; fails instead where nothing may be.
#[allow(
    clippy::disallowed_methods,
    reason = "only the test environment itself is asked, never configuration"
)]
pub(super) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "cannot be skipped here: {why}");
    eprintln!("skipped: {why}");
}
