//! A test's machine on which systemd is the first process: the real one, in namespaces, with what belongs to the whole
//! kernel out of its reach.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{ALICE, ALICE_ID, Host};
use crate::requirements::find_tool;
use crate::wait::wait_until;

/// What holds such a machine.
pub(super) const HOLD: &str = include_str!("hold.sh");
/// The program itself.
const SYSTEMD: &str = "/lib/systemd/systemd";
/// Units that have to do with hardware, the kernel or a first start, or that a machine of a test has no use for.
const MASKED: &[&str] = &[
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "getty.target",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-journald-audit.socket",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-resolved.service",
    "systemd-sysctl.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
];

impl Host {
    /// Why no machine with systemd can be started here; nothing where it can.
    #[must_use]
    pub fn no_systemd() -> Option<String> {
        if !Path::new(SYSTEMD).exists() {
            return Some("systemd is not installed (scripts/test-requirements installs it)".to_owned());
        }
        let missing =
            ["systemd-run", "loginctl", "dbus-daemon"].into_iter().find(|tool| find_tool(tool).is_none());
        if let Some(tool) = missing {
            return Some(format!("{tool} is not installed (scripts/test-requirements installs it)"));
        }
        groups().is_none().then(|| "no hierarchy of control groups of version 2 is mounted here".to_owned())
    }

    /// Waits until systemd has started everything.
    pub(super) fn until_up(&self) -> Result<()> {
        let init = self.init.context("it is no machine of its own")?;
        wait_until("systemd is the first process", Duration::from_secs(30), || {
            let name = fs::read_to_string(format!("/proc/{init}/comm")).unwrap_or_default();
            Ok((name == "systemd\n").then_some(()))
        })?;
        let state = wait_until("systemd has started everything", Duration::from_mins(1), || {
            let said = self.try_run(&["systemctl", "is-system-running"])?.stdout.trim().to_owned();
            Ok(["running", "degraded"].contains(&said.as_str()).then_some(said))
        })?;
        if state != "running" {
            bail!("units failed: {}", self.run(&["systemctl", "--failed", "--no-legend", "--plain"])?);
        }
        Ok(())
    }

    /// Starts a transient unit of systemd's.
    pub(super) fn transient(&self, argv: &[&str], user: Option<&str>, log: &str) -> Result<()> {
        let output = format!("append:/var/log/{log}");
        let mut words = vec!["systemd-run".to_owned(), "--quiet".to_owned(), "--collect".to_owned()];
        words.extend(["Output", "Error"].map(|stream| format!("--property=Standard{stream}={output}")));
        if user.is_some() {
            words.extend([format!("--uid={ALICE_ID}"), format!("--gid={ALICE_ID}")]);
            words.push(format!("--setenv=HOME=/home/{ALICE}"));
        }
        words.push("--".to_owned());
        // systemd has variables of its own.
        words.extend(argv.iter().map(|word| word.replace('$', "$$")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&words).map(drop)
    }

    /// Starts the systemd of [`ALICE`]'s own, as it runs while she is logged in.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_systemd_of_alice(&self) -> Result<()> {
        self.run(&["loginctl", "enable-linger", ALICE])?;
        wait_until("alice's systemd runs", Duration::from_secs(30), || {
            let said = self.try_run(&["systemctl", "is-active", &format!("user@{ALICE_ID}.service")])?.stdout;
            Ok((said.trim() == "active").then_some(()))
        })
    }

    /// Runs `systemctl --user` as [`ALICE`], whatever comes of it, and gives what it prints.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn systemctl_of_alice(&self, arguments: &[&str]) -> Result<String> {
        let (id, runtime) = (ALICE_ID.to_string(), format!("XDG_RUNTIME_DIR=/run/user/{ALICE_ID}"));
        let mut argv = vec!["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "env", &runtime];
        argv.extend(["systemctl", "--user"].iter().chain(arguments));
        Ok(self.try_run(&argv)?.stdout.trim().to_owned())
    }
}

/// What such a machine has besides: accounts of its services, what its log-ins ask, and what it does not start.
pub(super) fn lay_out(root: &Path) -> Result<()> {
    let etc = root.join("etc");
    let more = |name: &str, line: &str| -> Result<()> {
        let path = etc.join(name);
        let mut text = fs::read_to_string(&path)?;
        text.push_str(line);
        Ok(fs::write(path, text)?)
    };
    more("passwd", "messagebus:x:102:102::/nonexistent:/usr/sbin/nologin\n")?;
    more("group", "messagebus:x:102:\nsystemd-journal:x:103:\nadm:x:4:\n")?;
    more("shadow", "messagebus:*:19000:0:99999:7:::\n")?;
    // It has been started before: nothing is enabled because it is the first time.
    fs::write(etc.join("machine-id"), "6f6e652d6d616368696e652d74657374\n")?;
    fs::create_dir_all(etc.join("pam.d"))?;
    let permit =
        "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
    fs::write(etc.join("pam.d/other"), permit)?;
    // Tells logind of a user's own systemd, and that where it is.
    fs::write(etc.join("pam.d/systemd-user"), format!("{permit}session required pam_systemd.so\n"))?;
    fs::create_dir_all(etc.join("systemd/journald.conf.d"))?;
    fs::write(etc.join("systemd/journald.conf.d/memory.conf"), "[Journal]\nStorage=volatile\nReadKMsg=no\n")?;
    let units = etc.join("systemd/system");
    symlink("/lib/systemd/system/multi-user.target", units.join("default.target"))?;
    for unit in MASKED {
        symlink("/dev/null", units.join(unit))?;
    }
    Ok(())
}

/// Where control groups of version 2 are mounted on this machine, the only ones that systemd needs.
pub(crate) fn groups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut found = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    found.find_map(|words| (words.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(words[1])))
}

/// All control groups of the first level.
pub(crate) fn all_groups() -> Vec<PathBuf> {
    let Some(folder) = groups() else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Takes a control group away, with those below it. Its processes have ended, or are about to.
pub(crate) fn remove_group(group: &Path) -> Result<()> {
    wait_until(&format!("{} is empty", group.display()), Duration::from_secs(10), || {
        let path = group.to_string_lossy();
        let _ = crate::command::run(&["find", &path, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]);
        Ok((!group.exists()).then_some(()))
    })
}
