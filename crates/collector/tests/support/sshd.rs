//! A real sshd on loopback, with its own keys and configuration in a temporary folder.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collector::SshConfig;
use tempfile::TempDir;

use super::skip;

/// A running sshd, ended on drop.
pub(crate) struct Sshd {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    pub(crate) user: String,
    server: Child,
}

impl Sshd {
    /// Starts one. `None`, said in one line, where that is not possible.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// As [`Self::start`], with more lines of configuration.
    pub(crate) fn start_with(more: &str) -> Option<Self> {
        let Some(program) =
            ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|p| Path::new(p).exists())
        else {
            skip("no sshd is installed (openssh-server)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        for key in ["host", "user", "stranger"] {
            keygen(&dir.join(key));
        }
        fs::copy(dir.join("user.pub"), dir.join("authorized_keys")).unwrap();
        let port = free_port();
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {d}/host\nAuthorizedKeysFile {d}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nLogLevel VERBOSE\n{more}\n",
            d = dir.display()
        );
        fs::write(dir.join("sshd_config"), configuration).unwrap();
        // Where it separates privileges, sshd wants this folder; only root can make it, and only root separates.
        let _ = fs::create_dir_all("/run/sshd");
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap();
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let mut sshd = Self { folder, port, user: user.trim().into(), server };
        sshd.wait_until_it_listens();
        sshd.pin("host");
        Some(sshd)
    }

    fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while !self.log().contains("Server listening") {
            let ended = self.server.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "sshd: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Pins a key as the host's, in place of whatever was pinned.
    pub(crate) fn pin(&self, key: &str) {
        let public = fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {public}", self.port)).unwrap();
    }

    /// Settings that reach it.
    pub(crate) fn config(&self) -> SshConfig {
        SshConfig {
            user: self.user.clone(),
            port: self.port,
            identity_files: vec![self.path("user")],
            agent_socket: None,
            known_hosts: self.path("known_hosts"),
            accept_new_host_keys: false,
            connect_timeout: Duration::from_secs(60),
            privilege: None,
        }
    }
}

impl Sshd {
    /// Waits for the shell that a collection runs on this endpoint, and stops it in the middle of its script.
    pub(crate) async fn stop_the_shell(&self) -> Shell {
        Shell::stop_below(self.server.id()).await
    }

    /// Whether a process is below it.
    pub(crate) fn is_above(&self, process: &Path) -> bool {
        let mut above = parent_of(process).map_or(0, |(pid, _)| pid);
        (0..8).any(|_| {
            above = parent_of(&PathBuf::from(format!("/proc/{above}"))).map_or(0, |(_, parent)| parent);
            above == self.server.id()
        })
    }
}

impl Shell {
    /// Waits for a `sh -s` below a process, and stops it in the middle of its script.
    pub(crate) async fn stop_below(process: u32) -> Self {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(60), "no shell came");
            if let Some(shell) = Self::below(process) {
                let stopped = Command::new("kill").arg("-STOP").arg(shell.to_string()).status().unwrap();
                assert!(stopped.success());
                return Shell(shell);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// A `sh -s` below a process, once it has started the watch that ends it.
    fn below(process: u32) -> Option<u32> {
        let processes: Vec<(u32, u32)> =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|e| parent_of(&e.path())).collect();
        let parent = |pid: u32| processes.iter().find(|(child, _)| *child == pid).map(|(_, parent)| *parent);
        processes.iter().map(|(pid, _)| *pid).find(|&pid| {
            let is_shell = fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sh\0-s\0");
            let has_watch = processes.iter().any(|(_, parent)| *parent == pid);
            let mut above = pid;
            let ours = (0..6).any(|_| {
                above = parent(above).unwrap_or(0);
                above == process
            });
            is_shell && has_watch && ours && fs::read_link(format!("/proc/{pid}/exe")).is_ok()
        })
    }
}

pub(crate) fn parent_of(process: &Path) -> Option<(u32, u32)> {
    let pid = process.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let parent = stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some((pid, parent))
}

/// A stopped shell on the endpoint.
pub(crate) struct Shell(u32);

impl Shell {
    /// Asserts that it ends within moments.
    pub(crate) async fn assert_gone(self) {
        let begun = Instant::now();
        while fs::read_link(format!("/proc/{}/exe", self.0)).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(60), "process {} is still there", self.0);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn keygen(path: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
}

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
