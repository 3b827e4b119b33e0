//! How endpoints are reached over WinRM.

use std::path::PathBuf;
use std::time::Duration;

use investigation::policy::{Kerberos, Winrm};

use crate::contact_error::SetupError;

/// How endpoints are reached over WinRM. It names where secrets lie and holds none.
#[derive(Clone, Debug)]
pub struct WinrmConfig {
    /// Account on the endpoints: `DOMAIN\name`, `name@domain`, or a local one.
    pub user: String,
    /// TLS. Without it, every message is sealed by Kerberos or NTLM.
    pub https: bool,
    /// TCP port.
    pub port: u16,
    /// Certificates in PEM that the endpoints' are verified against. None for those that this system trusts.
    pub ca_file: Option<PathBuf>,
    /// Names of endpoints, or `*.suffix`: over HTTPS those that a certificate may be for if it is not for the address
    /// itself, over HTTP those that an endpoint has to call itself, by Kerberos those that tickets are asked for.
    /// Empty: over HTTP by NTLM, any.
    pub expected_hosts: Vec<String>,
    /// File of the account's password.
    pub password_file: Option<PathBuf>,
    /// Certificate chain and private key in PEM, instead of a password.
    pub client_certificate: Option<PathBuf>,
    /// Whom to be and whom to ask, where the password is proven by Kerberos.
    pub kerberos: Option<Kerberos>,
    /// Whether the password may be proven by NTLM, where Kerberos is not configured or cannot be tried.
    pub ntlm: bool,
    /// Longest time for each of connection, TLS handshake, authentication and an answer.
    pub connect_timeout: Duration,
}

impl WinrmConfig {
    /// What a policy or a relay's configuration says. None where it names no account. `path` makes a path absolute.
    pub fn from_section(section: &Winrm, path: impl Fn(&str) -> PathBuf) -> Option<Self> {
        let file = |file: &Option<String>| file.as_deref().map(&path);
        Some(Self {
            user: section.user.clone()?,
            https: section.https,
            port: section.port(),
            ca_file: file(&section.ca_file),
            expected_hosts: section.expected_hosts.clone(),
            password_file: file(&section.password_file),
            client_certificate: file(&section.client_certificate),
            kerberos: section.kerberos(),
            ntlm: section.ntlm,
            connect_timeout: section.connect_timeout.duration(),
        })
    }

    /// Refuses what cannot work, or would work without protection.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let wrong = |why| Err(SetupError::Winrm(why));
        match (&self.password_file, &self.client_certificate) {
            (None, None) => wrong("neither a password file nor a client certificate is named"),
            (Some(_), Some(_)) => wrong("name a password file or a client certificate, not both"),
            (Some(_), None) if !self.ntlm && self.kerberos.is_none() => wrong(
                "a password is proven by Kerberos, and no kdc is named, or by NTLM, which is switched off",
            ),
            _ if self.kerberos.as_ref().is_some_and(|kerberos| kerberos.kdcs.is_empty()) => {
                wrong("Kerberos needs a kdc")
            }
            _ if self.kerberos.is_some() && self.expected_hosts.is_empty() => {
                wrong("Kerberos needs expected_hosts: tickets are only asked for those")
            }
            (None, Some(_)) if !self.https => wrong("a client certificate needs https"),
            _ if self.port == 0 => wrong("port 0 is none"),
            _ if self.connect_timeout.is_zero() => wrong("a time-out of 0 lets nothing through"),
            _ if self.user.trim().is_empty() || self.user.contains(char::is_control) => {
                wrong("the account has no name")
            }
            _ => Ok(()),
        }
    }
}
