//! What the tests against a live machine share: configurations, a process that holds sockets, and a real sshd.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a failure here is a failed test"
)]

#[cfg(unix)]
pub(crate) mod fleet;
pub(crate) mod samba;
pub(crate) mod sshd;
pub(crate) mod tamper;
pub(crate) mod wine;
pub(crate) mod winrm;

use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::program::Programs;
use collector::{Config, SshConfig};
use investigation::evidence::{ArtifactKind, Process, Socket};
use investigation::order::{Limits, Order, Task};
use investigation::policy::Transport;
use investigation::scope::Scope;
use serde::de::DeserializeOwned;

/// A configuration that may contact `networks`.
pub(crate) fn config(networks: &[&str], ssh: SshConfig) -> Config {
    let scope = Scope {
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        permit_loopback: true,
        ..Scope::default()
    };
    Config {
        scope,
        ssh,
        winrm: None,
        smb: None,
        transports: vec![Transport::Ssh],
        programs: Programs::default(),
        collector_version: "test".into(),
    }
}

/// SSH settings that reach nothing.
pub(crate) fn no_ssh() -> SshConfig {
    SshConfig {
        user: "nobody".into(),
        port: 22,
        identity_files: Vec::new(),
        agent_socket: None,
        known_hosts: "/nonexistent/known_hosts".into(),
        accept_new_host_keys: false,
        connect_timeout: Duration::from_secs(10),
        privilege: None,
    }
}

/// An order to collect.
pub(crate) fn collect(target: &str, artifacts: &[ArtifactKind]) -> Order {
    let task = Task::Collect { artifacts: artifacts.to_vec(), limits: Limits::default() };
    Order { case_id: "case-1".into(), target: target.parse().unwrap(), task }
}

/// An order to identify.
pub(crate) fn identify(target: &str) -> Order {
    Order { case_id: "case-1".into(), target: target.parse().unwrap(), task: Task::Identify }
}

/// The parsed form of one artifact.
pub(crate) fn parsed<T: DeserializeOwned>(folder: &Path, kind: ArtifactKind) -> T {
    serde_json::from_slice(&std::fs::read(folder.join(kind.parsed_entry())).unwrap()).unwrap()
}

/// What the child has open.
const DOWNLOAD: &str = "a film\n1.mkv.!qB";

/// A child process with a command line and an open file of its own, and sockets that this test process holds.
pub(crate) struct Scene {
    pub(crate) child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) listener: TcpListener,
    pub(crate) outgoing: TcpStream,
    pub(crate) incoming: TcpStream,
}

impl Scene {
    pub(crate) fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let download = folder.path().join(DOWNLOAD);
        std::fs::write(&download, "x").unwrap();
        let download = std::fs::File::open(download).unwrap();
        let mut child = Command::new("sleep");
        let child = child.arg("987").stdin(download).stdout(Stdio::null()).spawn().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let outgoing = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (incoming, _) = listener.accept().unwrap();
        Self { child, folder, listener, outgoing, incoming }
    }

    /// Asserts that the child is listed as it is.
    pub(crate) fn assert_in_processes(&self, processes: &[Process]) {
        let found = processes.iter().find(|p| p.pid == self.child.id()).expect("the child is listed");
        assert_eq!(found.name, "sleep");
        assert_eq!(found.command_line.as_deref(), Some("sleep 987"));
        assert_eq!(found.parent_pid, Some(std::process::id()));
        let path = std::fs::read_link(format!("/proc/{}/exe", self.child.id())).unwrap();
        assert_eq!(found.path.as_deref(), path.to_str());
        assert_eq!(found.sha256.as_deref(), Some(sha256sum(&path).as_str()));
        assert!(!found.image_deleted);
        let download = self.folder.path().join(DOWNLOAD);
        assert_eq!(found.open_files.first().map(String::as_str), download.to_str(), "{found:?}");
        let age = jiff::Timestamp::now().duration_since(found.start_time.unwrap());
        assert!(age.as_secs() < 300 && age.as_secs() > -5, "started {age:?} ago");
    }

    /// Asserts that listener and both ends of the connection are listed and are this process's.
    pub(crate) fn assert_in_sockets(&self, sockets: &[Socket]) {
        use investigation::evidence::SocketState::{Established, Listening};

        let here = self.listener.local_addr().unwrap();
        let there = self.outgoing.local_addr().unwrap();
        let of = |local: std::net::SocketAddr, remote: Option<std::net::SocketAddr>, state| {
            let found = sockets.iter().find(|s| {
                (s.local_ip, s.local_port) == (local.ip(), local.port())
                    && s.remote_port == remote.map(|r| r.port())
                    && s.state == state
            });
            let found = found.unwrap_or_else(|| panic!("{local} {remote:?} {state:?} is listed"));
            assert_eq!(found.remote_ip, remote.map(|r| r.ip()));
            assert_eq!(found.pid, Some(std::process::id()), "{found:?}");
            let image = std::env::current_exe().unwrap();
            assert_eq!(found.path.as_deref(), image.to_str());
            assert_eq!(found.process.as_deref(), image.file_name().and_then(|name| name.to_str()));
        };
        of(here, None, Listening);
        of(there, Some(here), Established);
        of(here, Some(there), Established);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The hash by an independent tool.
fn sha256sum(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// An address of this machine that is not loopback, where it has one.
pub(crate) fn own_address() -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap();
    interfaces.into_iter().map(|i| i.ip()).find(|ip| ip.is_ipv4() && !ip.is_loopback())
}

/// Whether this runs where nothing may be skipped.
#[allow(
    clippy::disallowed_methods,
    reason = "only the test environment itself is asked, never configuration"
)]
pub(crate) fn nothing_may_be_skipped() -> bool {
    std::env::var_os("CI").is_some()
}

/// Says why a test is skipped; fails instead where nothing may be.
pub(crate) fn skip(why: &str) {
    assert!(!nothing_may_be_skipped(), "cannot be skipped here: {why}");
    eprintln!("skipped: {why}");
}
