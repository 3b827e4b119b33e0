//! `[smb]`: how Windows machines are read that offer neither WinRM nor SSH, in the policy and in a relay's
//! configuration.

use serde::{Deserialize, Serialize};

use super::span::Span;
use super::windows;

/// `[smb]`. In use once an account is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smb {
    /// Account on the endpoints: `DOMAIN\name`, `name@domain`, or a local one. Absent: SMB is not used.
    pub user: Option<String>,
    /// File that holds the password; relative to the file that this section is in.
    pub password_file: Option<String>,
    /// Port.
    pub port: u16,
    /// Names that endpoints may call themselves, or `*.suffix` for all below a domain. Empty: any.
    pub expected_hosts: Vec<String>,
    /// Whether the password may be proven by NTLM. Nothing else proves it.
    pub ntlm: bool,
    /// Time for each of connection, authentication and an answer.
    pub connect_timeout: Span,
}

impl Default for Smb {
    fn default() -> Self {
        Self {
            user: None,
            password_file: None,
            port: 445,
            expected_hosts: Vec::new(),
            ntlm: true,
            connect_timeout: Span::seconds(10),
        }
    }
}

impl Smb {
    /// Everything that is wrong, a line each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |text: &str| faults.push(format!("[smb] {text}"));
        let Some(user) = &self.user else {
            if *self != Self::default() {
                fault(windows::WITHOUT_USER);
            }
            return faults;
        };
        let shared = windows::faults(user, Some(self.port), self.connect_timeout, &self.expected_hosts);
        shared.iter().for_each(|text| fault(text));
        if self.password_file.as_ref().is_none_or(|file| file.trim().is_empty()) {
            fault("user needs a password_file");
        }
        if !self.ntlm {
            fault("ntlm = false leaves nothing to prove the password by");
        }
        faults
    }

    /// What is doubtful, a line each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.user.is_some() {
            doubts.push(
                "[smb] user is set: what answers at an address gets an NTLM response to attack offline; give the \
                 account a long random password, and list your domain in expected_hosts"
                    .to_owned(),
            );
        }
        doubts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        toml::from_str::<Smb>(text).unwrap().faults().join("\n")
    }

    #[test]
    fn a_section_that_says_nothing_is_off_and_sound() {
        assert_eq!(faults(""), "");
        assert!(faults("port = 4450").contains("user is not set"));
        assert!(toml::from_str::<Smb>("https = true").is_err());
        assert!(Smb::default().doubts().is_empty());
    }

    #[test]
    fn an_account_needs_a_password_and_a_way_to_prove_it() {
        for user in [r"CORP\svc", "svc@corp.example.com", "svc"] {
            assert_eq!(faults(&format!("user = '{user}'\npassword_file = 'p'")), "");
        }
        for (text, why) in [
            ("user = 'svc'", "needs a password_file"),
            ("user = 'svc'\npassword_file = ' '", "needs a password_file"),
            ("user = 'svc'\npassword_file = 'p'\nntlm = false", "nothing to prove"),
            ("user = 'svc'\npassword_file = 'p'\nport = 0", "65535"),
            ("user = 'svc'\npassword_file = 'p'\nconnect_timeout = '0s'", "lets nothing through"),
            ("user = 'svc'\npassword_file = 'p'\nexpected_hosts = ['*']", "no host name"),
            (r"user = 'CORP\'", "DOMAIN"),
        ] {
            assert!(faults(text).contains(why), "{text}: {}", faults(text));
        }
    }
}
