//! A small machine of a test: own process list, sockets, host name, users and files.

mod files;
pub(crate) mod systemd;

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{Output, clean_command, run_with};
use crate::network::Network;
use crate::wait::wait_until;

/// What makes the namespaces of a machine.
const UNSHARE: [&str; 7] = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
/// What is run in them.
const ENTER: &str = include_str!("enter.sh");

/// The person whose machine it is.
pub const ALICE: &str = "alice";
pub(crate) const ALICE_ID: u32 = 1000;

/// One machine. Everything on it ends when this is dropped, or when the process of the test does.
#[derive(Debug)]
pub struct Host {
    name: String,
    address: Ipv4Addr,
    root: PathBuf,
    /// The parent of the host's first process, which starts services and ends when this pipe is closed.
    holder: Child,
    /// The first process, by its PID on this machine; none for a loopback address of this machine.
    init: Option<u32>,
    /// Whether that is systemd.
    boots: bool,
}

impl Host {
    /// Starts a machine with this host name at the network's address `number`.
    ///
    /// # Errors
    /// When its namespaces or files cannot be made.
    pub fn start(network: &Network, name: &str, number: u8) -> Result<Self> {
        let root = network.workspace().subfolder(name)?;
        files::lay_out(&root, name)?;
        let address = network.address(number);
        let log = network.workspace().folder().join(format!("{name}.log"));
        let folder = root.to_string_lossy();
        let (holder, init) = if network.isolated() {
            let namespace = network.connect(name, number)?;
            let mut argv = vec!["ip", "netns", "exec", &namespace];
            // As an argument: machines start side by side, and a file that one of them writes anew is empty to another.
            argv.extend(UNSHARE.iter().chain(&["bash", "-c", ENTER, "enter", &folder, name]));
            let holder = until_ready(&argv, &log)?;
            let init = only_child(holder.id()).with_context(|| format!("{name} has no first process"))?;
            (holder, Some(init))
        } else {
            (until_ready(&["bash", &format!("{folder}/etc/init")], &log)?, None)
        };
        Ok(Self { name: name.to_owned(), address, root, holder, init, boots: false })
    }

    /// As [`Host::start`], with systemd as the first process, which starts what is enabled on the machine. Only where
    /// [`Host::no_systemd`] gives no reason against it.
    ///
    /// # Errors
    /// When its namespaces or files cannot be made, or a unit fails.
    pub fn start_with_systemd(network: &Network, name: &str, number: u8) -> Result<Self> {
        let root = network.workspace().subfolder(name)?;
        files::lay_out(&root, name)?;
        systemd::lay_out(&root)?;
        let log = network.workspace().folder().join(format!("{name}.log"));
        let namespace = network.connect(name, number)?;
        let group = systemd::groups().context("no control groups")?.join(&namespace);
        let (folder, group) = (root.to_string_lossy(), group.to_string_lossy());
        // Not `ip netns exec`: that puts a /sys without control groups in the place of this machine's.
        let net = format!("--net=/run/netns/{namespace}");
        let mut argv = vec!["nsenter", &net, "bash", "-c", systemd::HOLD, "hold", &group];
        argv.extend(UNSHARE.iter().chain(&["bash", "-c", ENTER, "enter", &folder, name, &group]));
        let holder = until_ready(&argv, &log)?;
        let init = only_child(holder.id()).and_then(only_child);
        let init = init.with_context(|| format!("{name} has no first process"))?;
        let address = network.address(number);
        let host = Self {
            name: name.to_owned(),
            address,
            root: root.clone(),
            holder,
            init: Some(init),
            boots: true,
        };
        host.until_up().with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
        Ok(host)
    }

    /// The host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the test's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Whether it is a machine of its own rather than a loopback address.
    #[must_use]
    pub fn isolated(&self) -> bool {
        self.init.is_some()
    }

    /// Where one of its absolute paths lies on this machine. `/run` and `/tmp` are memory of the host's own.
    #[must_use]
    pub fn outside(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// How a program on the host names one of the host's paths.
    #[must_use]
    pub fn inside(&self, path: &str) -> String {
        if self.isolated() { path.to_owned() } else { self.outside(path).to_string_lossy().into_owned() }
    }

    /// Starts a service as root (`user` none) or as [`ALICE`], its output appended to `/var/log/<log>` of the host. Where
    /// systemd runs, it is a unit of it that ends with its process.
    /// On a loopback host it runs as whoever runs the tests.
    ///
    /// # Errors
    /// When the machine is gone, or an argument has a line break.
    pub fn service(&mut self, argv: &[&str], user: Option<&str>, log: &str) -> Result<()> {
        if self.boots {
            return self.transient(argv, user, log);
        }
        let mut words: Vec<String> = vec!["exec".to_owned()];
        if user.is_some() && self.isolated() {
            let id = ALICE_ID.to_string();
            words.extend(
                ["setpriv", "--reuid", &id, "--regid", &id, "--init-groups", "--reset-env"]
                    .map(str::to_owned),
            );
        }
        words.extend(argv.iter().map(|word| quoted(word)));
        let log = quoted(&self.inside(&format!("/var/log/{log}")));
        let line = format!("{} < /dev/null >> {log} 2>&1\n", words.join(" "));
        ensure!(line.matches('\n').count() == 1, "a service's arguments may not have line breaks: {argv:?}");
        let pipe = self.holder.stdin.as_mut().context("the machine's pipe is closed")?;
        pipe.write_all(line.as_bytes()).with_context(|| format!("{} is gone", self.name))
    }

    /// Runs a program on the host to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or takes over 30 seconds.
    pub fn try_run(&self, argv: &[&str]) -> Result<Output> {
        let mut words: Vec<String> = Vec::new();
        if let Some(init) = self.init {
            words.extend(["nsenter", "--target", &init.to_string()].map(str::to_owned));
            words
                .extend(["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"].map(str::to_owned));
            if self.boots {
                words.push("--cgroup".to_owned());
            }
        }
        words.extend(argv.iter().map(|word| (*word).to_owned()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run_with(&mut clean_command(&words), "", Duration::from_secs(30))
    }

    /// Runs a program on the host that must succeed, and returns its standard output.
    ///
    /// # Errors
    /// As [`Host::try_run`], and when it exits with another code than 0.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        let output = self.try_run(argv)?;
        ensure!(output.code == Some(0), "{} on {}: {}", argv.join(" "), self.name, output.told());
        Ok(output.stdout)
    }

    /// What a service wrote so far.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        let bytes = std::fs::read(self.outside("/var/log").join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let ended = wait_until("the machine ends", Duration::from_secs(30), || Ok(self.holder.try_wait()?));
        if ended.is_err() {
            let _ = self.holder.kill();
            let _ = self.holder.wait();
        }
        if let Some(init) = self.init {
            let first = Path::new("/proc").join(init.to_string());
            let _ = wait_until("its processes end", Duration::from_secs(30), || {
                Ok((!first.exists()).then_some(()))
            });
        }
    }
}

/// Starts the process that holds a machine and waits for its first process to say that it is ready.
fn until_ready(argv: &[&str], log: &Path) -> Result<Child> {
    let errors = std::fs::File::create(log)?;
    let mut holder =
        clean_command(argv).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn()?;
    let mut said = String::new();
    BufReader::new(holder.stdout.take().context("the machine has no output")?).read_line(&mut said)?;
    if said != "ready\n" {
        let _ = holder.kill();
        let _ = holder.wait();
        bail!("a machine did not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }
    Ok(holder)
}

/// The PID of a process's child.
fn only_child(parent: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// A word for the shell, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
