//! The files of a test's machine: accounts, configuration, and a home.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};

use super::{ALICE, ALICE_ID};

const FOLDERS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/cron.d", 0o755),
    ("etc/ssh", 0o755),
    ("etc/systemd/system", 0o755),
    ("home/alice/Documents", 0o755),
    ("home/alice/Downloads", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root/.ssh", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/spool/cron/crontabs", 0o755),
    ("var/tmp", 0o1777),
];

const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
alice:x:1000:1000:Alice Example:/home/alice:/bin/bash
";

const GROUPS: &str = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nutmp:x:43:\nalice:x:1000:\nnogroup:x:65534:\n";

/// Lays out a root folder; a folder that is there already is completed.
pub(super) fn lay_out(root: &Path, name: &str) -> Result<()> {
    for (folder, mode) in FOLDERS {
        let path = root.join(folder);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
    }
    let etc = root.join("etc");
    fs::write(etc.join("passwd"), ACCOUNTS)?;
    fs::write(etc.join("group"), GROUPS)?;
    let locked = ACCOUNTS
        .lines()
        .filter_map(|line| line.split(':').next())
        .map(|user| format!("{user}:*:19000:0:99999:7:::\n"));
    fs::write(etc.join("shadow"), locked.collect::<String>())?;
    fs::set_permissions(etc.join("shadow"), fs::Permissions::from_mode(0o600))?;
    fs::write(etc.join("hostname"), format!("{name}\n"))?;
    fs::write(etc.join("hosts"), format!("127.0.0.1 localhost\n127.0.1.1 {name}.corp.example {name}\n"))?;
    fs::write(etc.join("nsswitch.conf"), "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")?;
    fs::write(etc.join("init"), include_str!("init.sh"))?;
    fs::write(root.join("home/alice/Documents/minutes.txt"), "Monday: nothing to report.\n")?;
    // Programs of this machine find their libraries and alternatives through these.
    for copied in ["ld.so.cache", "ld.so.conf", "os-release", "localtime"] {
        if let Ok(bytes) = fs::read(Path::new("/etc").join(copied)) {
            fs::write(etc.join(copied), bytes)?;
        }
    }
    copy_links(Path::new("/etc/alternatives"), &etc.join("alternatives"))?;
    link("/run", &root.join("var/run"))?;
    own_home(root);
    Ok(())
}

/// Gives alice her home, where the tests run as root; elsewhere everything belongs to one user anyway.
fn own_home(root: &Path) {
    let home = root.join("home").join(ALICE);
    for path in
        [home.clone(), home.join("Documents"), home.join("Downloads"), home.join("Documents/minutes.txt")]
    {
        let _ = chown(path, Some(ALICE_ID), Some(ALICE_ID));
    }
}

/// As `ln -s`, and content with a link that is there.
fn link(target: &str, path: &Path) -> Result<()> {
    match std::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn copy_links(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        if let Ok(target) = fs::read_link(entry.path()) {
            let _ = std::os::unix::fs::symlink(target, to.join(entry.file_name()));
        }
    }
    Ok(())
}
