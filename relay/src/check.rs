//! `check`: whether this relay could do its work now, one line for each thing, with what to do about it.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use investigation::policy::Transport;
use jiff::Timestamp;

use crate::causes::with_causes;
use crate::config::Site;
use crate::http;
use crate::staging::Staging;

/// Nothing of this program is older: 1 January 2026, after 1970.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// No private key is larger.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// How one thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, one word.
    pub about: &'static str,
    /// How it is, or what to do.
    pub text: String,
    /// Whether the relay can work like this.
    pub is_fine: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_fine { "ok" } else { "WRONG" };
        let text = investigation::text::one_line(&self.text, 400);
        write!(f, "{word:<6}{:<12}{text}", self.about)
    }
}

fn fine(about: &'static str, text: impl Into<String>) -> Finding {
    Finding { about, text: text.into(), is_fine: true }
}

fn wrong(about: &'static str, text: impl Into<String>) -> Finding {
    Finding { about, text: text.into(), is_fine: false }
}

/// Looks at everything that needs no network. `file` is where the configuration was read from.
pub fn check(site: &Site, file: &Path, now: SystemTime) -> Vec<Finding> {
    let mut findings = vec![config(site, file)];
    findings.extend(site.config.remarks().into_iter().map(|remark| fine("remark", remark)));
    findings.extend(ways(site));
    findings.push(match http::client(&site.config.transfer) {
        Ok(_) => fine("transfer", "the HTTP client starts"),
        Err(error) => wrong("transfer", with_causes(&error)),
    });
    findings.push(staging(site));
    findings.push(clock(file, now));
    findings
}

fn config(site: &Site, file: &Path) -> Finding {
    let networks: Vec<String> = site.config.scope.networks.iter().map(ToString::to_string).collect();
    if is_writable_by_others(file) {
        return wrong(
            "config",
            format!(
                "{} can be changed by other accounts, and says whom to contact: chmod 600 it",
                file.display()
            ),
        );
    }
    fine("config", format!("{}: relay {} serves {}", file.display(), site.config.name, networks.join(", ")))
}

/// What each way to an endpoint needs. One that is not taken needs nothing.
fn ways(site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = site.collector() {
        findings.push(wrong("transports", with_causes(&error)));
    }
    if site.config.transports.contains(&Transport::Ssh) {
        findings.extend(keys(site));
        findings.push(known_hosts(site));
        let ssh = &site.config.ssh;
        findings.push(fine("ssh", format!("account {} on port {}", ssh.user, ssh.port)));
    }
    let winrm = &site.config.winrm;
    if let Some(user) = winrm.user.as_ref().filter(|_| site.config.transports.contains(&Transport::Winrm)) {
        let secrets = [&winrm.password_file, &winrm.client_certificate];
        findings.extend(secrets.into_iter().flatten().map(|file| secret(&site.path(file))));
        findings.extend(winrm.ca_file.iter().map(|file| authorities(&site.path(file))));
        let scheme = if winrm.https { "https" } else { "http, sealed by NTLM" };
        findings.push(fine("winrm", format!("account {user} on port {} ({scheme})", winrm.port())));
    }
    let smb = &site.config.smb;
    if let Some(user) = smb.user.as_ref().filter(|_| site.config.transports.contains(&Transport::Smb)) {
        findings.extend(smb.password_file.iter().map(|file| secret(&site.path(file))));
        findings.push(fine("smb", format!("account {user} on port {}, read-only", smb.port)));
    }
    findings
}

/// A file that only this account may read. What is in it is not shown.
fn secret(file: &Path) -> Finding {
    let shown = file.display();
    match File::open(file).and_then(|mut secret| secret.read(&mut [0; 1])) {
        Ok(0) => wrong("secret", format!("{shown} is empty")),
        Ok(_) if is_open_to_others(file) => {
            wrong("secret", format!("{shown} is open to other accounts: chmod 600 it"))
        }
        Ok(_) => fine("secret", shown.to_string()),
        Err(error) => wrong("secret", format!("{shown}: {error}; put it there, readable by this account")),
    }
}

/// Whose certificates are trusted.
fn authorities(file: &Path) -> Finding {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(_) if is_writable_by_others(file) => {
            wrong("ca_file", format!("{shown} can be changed by other accounts: chmod 600 it"))
        }
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => fine("ca_file", shown.to_string()),
        Ok(_) => wrong("ca_file", format!("{shown} holds no certificate in PEM")),
        Err(error) => wrong("ca_file", format!("{shown}: {error}; put the authority's certificates there")),
    }
}

fn keys(site: &Site) -> Vec<Finding> {
    let mut findings: Vec<Finding> = site.identity_files().iter().map(|file| key(file)).collect();
    if site.config.ssh.use_agent {
        findings.push(match site.ssh_agent() {
            Some(socket) => fine("agent", socket.display().to_string()),
            None => {
                wrong("agent", "SSH_AUTH_SOCK is not set; Systems Manager does not set it: name key files")
            }
        });
    }
    if findings.is_empty() {
        findings.push(wrong("key", "there is none: name one in [ssh] identity_files"));
    }
    findings
}

fn key(file: &Path) -> Finding {
    let shown = file.display();
    let mut start = Vec::new();
    let read = File::open(file).and_then(|key| key.take(MAX_KEY_BYTES).read_to_end(&mut start));
    if let Err(error) = read {
        return wrong(
            "key",
            format!("{shown}: {error}; put the private key there, readable by this account"),
        );
    }
    let is_key = start.starts_with(b"-----BEGIN ") && start.windows(11).any(|part| part == b"PRIVATE KEY");
    if !is_key {
        return wrong("key", format!("{shown} is not a private key; name the file without .pub"));
    }
    if is_open_to_others(file) {
        return wrong("key", format!("{shown} is open to other accounts: chmod 600 it"));
    }
    fine("key", shown.to_string())
}

fn known_hosts(site: &Site) -> Finding {
    let file = site.known_hosts();
    match File::open(&file).and_then(|mut hosts| hosts.read(&mut [0; 1])) {
        Ok(0) if !site.config.ssh.accept_new_host_keys => {
            wrong("known_hosts", format!("{} is empty: no endpoint can be verified", file.display()))
        }
        Ok(_) if is_writable_by_others(&file) => {
            wrong("known_hosts", format!("{} can be changed by other accounts: chmod 600 it", file.display()))
        }
        Ok(_) => fine("known_hosts", file.display().to_string()),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && site.config.ssh.accept_new_host_keys =>
        {
            fine("known_hosts", format!("{} is made at the first contact", file.display()))
        }
        Err(error) => {
            let text = format!("{}: {error}; collect the endpoints' host keys in it", file.display());
            wrong("known_hosts", text)
        }
    }
}

fn staging(site: &Site) -> Finding {
    let dir = site.staging_dir();
    let shown = dir.display();
    let free = match Staging::open(&dir).and_then(|staging| staging.begin().map(|_| staging)) {
        Ok(staging) => staging.free_bytes(),
        Err(error) => return wrong("staging", with_causes(&error)),
    };
    match free {
        Err(error) => wrong("staging", format!("{shown}: its free space cannot be told: {error}")),
        Ok(free) if free < site.config.min_free_bytes => wrong(
            "staging",
            format!(
                "{shown} has {free} bytes free, less than min_free_bytes: free some, or name another folder"
            ),
        ),
        Ok(free) => fine("staging", format!("{shown}, {free} bytes free")),
    }
}

/// No time server is asked. What can be told without one: that the clock is not behind things that have been.
fn clock(file: &Path, now: SystemTime) -> Finding {
    let slack = Duration::from_secs(60);
    let program = std::env::current_exe().ok();
    let newer = |path: &PathBuf| {
        let changed = fs::metadata(path).and_then(|found| found.modified());
        changed.is_ok_and(|at| at > now + slack)
    };
    let ahead = program.into_iter().chain([file.to_owned()]).find(newer);
    let shown = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let shown = format!("{shown:.0}");
    match ahead {
        _ if SystemTime::UNIX_EPOCH + EARLIEST > now => wrong(
            "clock",
            format!("{shown} lies before this program was made: set the clock, run a time service"),
        ),
        Some(path) => wrong(
            "clock",
            format!("{shown} lies before {} was changed: set the clock, run a time service", path.display()),
        ),
        None => fine("clock", format!("{shown}; batches are refused when it is wrong by more than minutes")),
    }
}

#[cfg(unix)]
fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(file).map(|found| found.mode()).unwrap_or_default()
}

/// On Windows the installer's access lists decide, and are not read here.
#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}

fn is_open_to_others(file: &Path) -> bool {
    mode(file) & 0o077 != 0
}

fn is_writable_by_others(file: &Path) -> bool {
    mode(file) & 0o022 != 0
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn private(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A relay that is in order.
    fn site(dir: &Path) -> PathBuf {
        let file = dir.join("relay.toml");
        private(
            &file,
            "version = 1\nname = 'site-1'\nstaging_dir = 'staging'\nmin_free_bytes = 1\n\
             [scope]\nnetworks = ['10.0.0.0/8']\n[ssh]\nidentity_files = ['key']\n",
        );
        private(&dir.join("key"), "-----BEGIN OPENSSH PRIVATE KEY-----\n");
        private(&dir.join("known_hosts"), "10.0.0.5 ssh-ed25519 AAAA\n");
        file
    }

    fn wrong_about(file: &Path, now: SystemTime) -> Vec<&'static str> {
        let findings = check(&Site::load(file, None).unwrap(), file, now);
        assert!(findings.iter().all(|finding| !finding.to_string().contains('\n')));
        findings.iter().filter(|finding| !finding.is_fine).map(|finding| finding.about).collect()
    }

    #[test]
    fn what_is_in_order_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let file = site(dir.path());
        assert_eq!(wrong_about(&file, SystemTime::now()), Vec::<&str>::new());
    }

    #[test]
    fn each_thing_that_is_not_in_order_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = site(dir.path());
        fs::create_dir(dir.path().join("staging")).unwrap();
        let open = |name: &str, mode| {
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        open("key", 0o640);
        open("relay.toml", 0o666);
        open("known_hosts", 0o666);
        open("staging", 0o755);
        assert_eq!(wrong_about(&file, SystemTime::now()), ["config", "key", "known_hosts", "staging"]);
        private(&dir.path().join("key"), "ssh-ed25519 AAAA\n");
        fs::remove_file(dir.path().join("known_hosts")).unwrap();
        assert_eq!(wrong_about(&file, SystemTime::now()), ["config", "key", "known_hosts", "staging"]);
    }

    #[test]
    fn what_winrm_needs_is_looked_at_and_ssh_only_where_it_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("relay.toml");
        private(
            &file,
            "version = 1\nname = 'site-1'\nstaging_dir = 'staging'\nmin_free_bytes = 1\ntransports = ['winrm']\n\
             [scope]\nnetworks = ['10.0.0.0/8']\n\
             [winrm]\nuser = 'CORP\\svc'\npassword_file = 'password'\nca_file = 'ca.pem'\n",
        );
        assert_eq!(wrong_about(&file, SystemTime::now()), ["secret", "ca_file"]);
        private(&dir.path().join("password"), "secret\n");
        private(&dir.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n");
        assert_eq!(wrong_about(&file, SystemTime::now()), Vec::<&str>::new());
        fs::set_permissions(dir.path().join("password"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(wrong_about(&file, SystemTime::now()), ["secret"]);
    }

    #[test]
    fn a_clock_that_is_behind_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let file = site(dir.path());
        assert_eq!(wrong_about(&file, SystemTime::now() - Duration::from_secs(3600)), ["clock"]);
        assert_eq!(wrong_about(&file, SystemTime::UNIX_EPOCH), ["clock"]);
    }

    #[test]
    fn a_disk_that_is_full_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let file = site(dir.path());
        let text = fs::read_to_string(&file)
            .unwrap()
            .replace("min_free_bytes = 1", "min_free_bytes = 9000000000000000000");
        private(&file, &text);
        assert_eq!(wrong_about(&file, SystemTime::now()), ["staging"]);
    }
}
