//! Who runs this program, as the system says. Environment variables say what they are told to, so none of them counts.

use std::process::Command;

use anyhow::{Context, Result, anyhow};
use investigation::text::one_line;

/// Longest name.
const LONGEST: usize = 200;

/// The account that approves at this command line: on Linux the one that logged in, which stays the same under `sudo` and
/// `su` (audit's login UID), or else the one that the program runs as.
///
/// # Errors
/// Where the system does not say.
pub(crate) fn account() -> Result<String> {
    let mut command = who();
    let output = command.env_clear().output().context("the system cannot be asked who you are")?;
    let name = String::from_utf8_lossy(&output.stdout);
    let name = name.trim();
    let sound = output.status.success()
        && !name.is_empty()
        && name.len() <= LONGEST
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    match sound {
        true => Ok(name.to_owned()),
        false => {
            let said = one_line(String::from_utf8_lossy(&output.stderr).trim(), LONGEST);
            Err(anyhow!("the system does not say who you are: {said}"))
        }
    }
}

#[cfg(unix)]
fn who() -> Command {
    // Directories (LDAP, SSSD) are asked too; a file of accounts would not know theirs.
    let mut command = Command::new("/usr/bin/id");
    command.arg("-un").args(login_uid());
    command
}

/// The UID that logged in, where the system keeps that.
#[cfg(unix)]
fn login_uid() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/loginuid").ok()?;
    let uid: u32 = text.trim().parse().ok()?;
    (uid != u32::MAX).then(|| uid.to_string())
}

#[cfg(windows)]
fn who() -> Command {
    Command::new(r"C:\Windows\System32\whoami.exe")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_who_we_are_whatever_the_environment_does() {
        let name = account().unwrap();
        assert!(!name.is_empty() && !name.contains(' '), "{name}");
        let output = Command::new("/usr/bin/id").arg("-un").args(login_uid()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), name);
    }
}
