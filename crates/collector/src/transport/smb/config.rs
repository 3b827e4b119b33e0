//! How endpoints are read over SMB.

use std::path::PathBuf;
use std::time::Duration;

use investigation::policy::Smb;

use crate::contact_error::SetupError;

/// How endpoints are read over SMB. It names where the password lies and holds none.
#[derive(Clone, Debug)]
pub struct SmbConfig {
    /// Account on the endpoints: `DOMAIN\name`, `name@domain`, or a local one.
    pub user: String,
    /// File of the account's password.
    pub password_file: PathBuf,
    /// TCP port.
    pub port: u16,
    /// Names, or `*.suffix`, of which an endpoint has to call itself one before it gets an answer to its challenge.
    /// Empty: any.
    pub expected_hosts: Vec<String>,
    /// Whether the password may be proven by NTLM. Nothing else proves it.
    pub ntlm: bool,
    /// Longest time for each of connection, authentication and an answer.
    pub connect_timeout: Duration,
}

impl SmbConfig {
    /// What a policy or a relay's configuration says. None where it names no account. `path` makes a path absolute.
    pub fn from_section(section: &Smb, path: impl Fn(&str) -> PathBuf) -> Option<Self> {
        Some(Self {
            user: section.user.clone()?,
            password_file: path(section.password_file.as_deref().unwrap_or_default()),
            port: section.port,
            expected_hosts: section.expected_hosts.clone(),
            ntlm: section.ntlm,
            connect_timeout: section.connect_timeout.duration(),
        })
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let wrong = |why| Err(SetupError::Smb(why));
        match self {
            Self { ntlm: false, .. } => wrong("a password can only be proven by NTLM, which is switched off"),
            Self { port: 0, .. } => wrong("port 0 is none"),
            _ if self.password_file.as_os_str().is_empty() => wrong("no password file is named"),
            _ if self.connect_timeout.is_zero() => wrong("a time-out of 0 lets nothing through"),
            _ if self.user.trim().is_empty() || self.user.contains(char::is_control) => {
                wrong("the account has no name")
            }
            _ => Ok(()),
        }
    }
}
