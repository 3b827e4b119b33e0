//! A whole machine with a kernel of its own, emulated: the hosts of the other tests share this machine's kernel, and what a
//! kernel shows of its memory cannot be shared. It has BusyBox, sshd and AVML, and a process that holds a marker.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::command::{command, run, run_with};
use crate::keys;
use crate::network::Network;
use crate::requirements::{find_tool, require_or_skip, skip_or_fail};
use crate::wait::wait_until;
use crate::workspace;

/// Where AVML lies in it.
pub const AVML: &str = "/opt/avml/avml";
/// Its modules, in the order in which they need each other.
const MODULES: [&str; 8] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
];
/// Memory, in MiB: as little as AVML lives with beside its files, since all of it comes through an emulated machine.
const MEMORY_MIB: u32 = 144;
/// What its first process does. The marker is put together there, so that it lies in no file.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
mount -t securityfs security /sys/kernel/security
for module in MODULES; do insmod "/modules/$module.ko"; done
hostname guest
ip link set lo up
ip address add ADDRESS/32 dev lo
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mkdir -p /run/sshd
MARKER="$(cat /etc/first)-$(cat /etc/second)" sleep 1000000 &
exec /usr/sbin/sshd -D -e
"#;

/// The machine, ended on drop.
#[derive(Debug)]
pub struct Guest {
    machine: Child,
    address: Ipv4Addr,
    folder: PathBuf,
    identity: PathBuf,
    known_hosts: PathBuf,
}

impl Guest {
    /// Starts it at the network's address `number`, or says why the test is skipped. `marker`: the two halves of what a
    /// process holds, which lie in it with a hyphen in between.
    ///
    /// # Errors
    /// When it cannot be put together, or its sshd does not answer.
    pub fn start(network: &Network, number: u8, marker: (&str, &str)) -> Result<Option<Self>> {
        if !require_or_skip(&["qemu-system-x86_64", "busybox", "cpio", "sshd", "ssh-keygen", "ldd", "gzip"]) {
            return Ok(None);
        }
        if !network.isolated() {
            skip_or_fail("needs a network of its own, and network namespaces are not permitted here");
            return Ok(None);
        }
        let parts = parts();
        if !parts.join("vmlinuz").exists() || !parts.join("bin/avml").exists() {
            skip_or_fail("no kernel and no AVML in target/guest (scripts/test-requirements gets them)");
            return Ok(None);
        }
        let folder = network.workspace().subfolder("guest")?;
        let address = network.address(number);
        let (identity, known_hosts) = (folder.join("identity"), folder.join("known_hosts"));
        let key = keys::generate(&identity)?;
        let tree = network.workspace().subfolder("guest/tree")?;
        let host_key = plant(&tree, &parts, address, &key, marker)?;
        fs::write(&known_hosts, format!("{address} {host_key}\n"))?;
        let files = folder.join("files.gz");
        let pack = format!(
            "cd '{}' && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >'{}'",
            tree.display(),
            files.display()
        );
        run(&["sh", "-c", &pack])?;
        fs::remove_dir_all(&tree)?;
        let machine = boot(network, number, &folder, &parts, &files)?;
        let mut guest = Self { machine, address, folder, identity, known_hosts };
        // An emulated kernel on a busy machine.
        wait_until("the guest's sshd listens", Duration::from_mins(4), || {
            ensure!(guest.machine.try_wait()?.is_none(), "the guest ended");
            Ok(guest.log().contains("Server listening on 0.0.0.0").then_some(()))
        })
        .with_context(|| format!("the guest said: {}", guest.log()))?;
        Ok(Some(guest))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Bytes of memory that it was given.
    #[must_use]
    pub fn memory(&self) -> u64 {
        u64::from(MEMORY_MIB) << 20
    }

    /// SHA-256 of its AVML.
    ///
    /// # Errors
    /// When it cannot be hashed.
    pub fn avml_sha256(&self) -> Result<String> {
        let output = run(&["sha256sum", &parts().join("bin/avml").to_string_lossy()])?;
        Ok(output.stdout.split(' ').next().unwrap_or_default().to_owned())
    }

    /// `[ssh]` of a policy that reaches it.
    #[must_use]
    pub fn ssh_section(&self) -> String {
        format!(
            "[ssh]\nuser = \"root\"\nport = 22\nidentity_files = [\"{}\"]\nknown_hosts = \"{}\"\nconnect_timeout = \"60s\"",
            self.identity.display(),
            self.known_hosts.display()
        )
    }

    /// Runs a command on it.
    ///
    /// # Errors
    /// When that fails there.
    pub fn run(&self, network: &Network, remote: &str) -> Result<crate::Output> {
        let known = format!("UserKnownHostsFile={}", self.known_hosts.display());
        let (identity, to) = (self.identity.to_string_lossy(), format!("root@{}", self.address));
        let argv = ["ssh", "-F", "none", "-i", &identity, "-o", &known, &to, remote];
        let output = run_with(&mut network.soc_command(&argv), "", Duration::from_mins(2))?;
        ensure!(output.code == Some(0), "{remote}: {}", output.told());
        Ok(output)
    }

    /// What it printed on its console.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.machine.kill();
        let _ = self.machine.wait();
    }
}

/// Where `scripts/test-requirements` puts kernel, modules and AVML.
fn parts() -> PathBuf {
    workspace::root().join("target/guest")
}

/// Puts its files together. Returns its host key, as `ssh-ed25519 AAAA…`.
fn plant(
    tree: &Path,
    parts: &Path,
    address: Ipv4Addr,
    key: &str,
    (first, second): (&str, &str),
) -> Result<String> {
    for folder in [
        "bin", "sbin", "usr/bin", "usr/sbin", "etc/ssh", "proc", "sys", "dev", "run", "tmp", "root",
        "opt/avml", "modules", "var/log",
    ] {
        fs::create_dir_all(tree.join(folder))?;
    }
    let sshd = find_tool("sshd").context("sshd is not installed")?;
    let busybox = find_tool("busybox").context("busybox is not installed")?;
    let avml = parts.join("bin/avml");
    fs::copy(&busybox, tree.join("bin/busybox"))?;
    fs::copy(&sshd, tree.join("usr/sbin/sshd"))?;
    fs::copy(&avml, tree.join(AVML.trim_start_matches('/')))?;
    for program in [&sshd, &busybox, &avml] {
        // A program without libraries is no failure.
        let listed =
            run_with(&mut command(&["ldd", &program.to_string_lossy()]), "", Duration::from_mins(1))?;
        for library in listed.stdout.split_whitespace().filter(|word| word.starts_with('/')) {
            let inside = tree.join(library.trim_start_matches('/'));
            fs::create_dir_all(inside.parent().context("a library lies in a folder")?)?;
            fs::copy(library, inside)?;
        }
    }
    for module in MODULES {
        let file = format!("modules/{module}.ko");
        fs::copy(parts.join(&file), tree.join(&file)).with_context(|| file.clone())?;
    }
    let host_key = keys::generate(&tree.join("etc/ssh/host"))?;
    let init = INIT.replace("MODULES", &MODULES.join(" ")).replace("ADDRESS", &address.to_string());
    let sshd_config = "HostKey /etc/ssh/host\nAuthorizedKeysFile /etc/ssh/authorized\nUsePAM no\nStrictModes no\n\
                       PidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n";
    for (file, content) in [
        ("init", init.as_str()),
        ("etc/ssh/sshd_config", sshd_config),
        ("etc/ssh/authorized", key),
        ("etc/first", first),
        ("etc/second", second),
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n"),
        ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/os-release", "ID=guest\nPRETTY_NAME=\"a guest\"\n"),
    ] {
        fs::write(tree.join(file), content)?;
    }
    fs::set_permissions(tree.join("init"), fs::Permissions::from_mode(0o755))?;
    Ok(host_key)
}

/// Starts the emulator in a network namespace of its own: it can reach nothing, and only its port 22 can be reached, from the
/// test's network.
fn boot(network: &Network, number: u8, folder: &Path, parts: &Path, files: &Path) -> Result<Child> {
    let namespace = network.connect("guest", number)?;
    let forward = format!("user,id=net,restrict=on,hostfwd=tcp:{}:22-:22", network.address(number));
    let console = format!("file:{}", folder.join("console.log").display());
    let (kernel, files) = (parts.join("vmlinuz").to_string_lossy().into_owned(), files.to_string_lossy());
    let memory = MEMORY_MIB.to_string();
    #[rustfmt::skip]
    let argv = [
        "ip", "netns", "exec", &namespace,
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", &memory, "-nodefaults", "-display", "none", "-no-reboot",
        "-kernel", &kernel, "-initrd", &files, "-append", "console=ttyS0 quiet panic=-1",
        "-netdev", &forward, "-device", "virtio-net-pci,netdev=net,romfile=", "-serial", &console,
    ];
    let log = fs::File::create(folder.join("emulator.log"))?;
    let mut machine = command(&argv);
    machine.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    machine.spawn().context("cannot start the emulator")
}
