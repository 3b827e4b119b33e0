//! `[users]`: who is exempt, how domains fold, and where mail for a user goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::span::Span;

/// A user who is never investigated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserExemption {
    /// `DOMAIN\name` or `name@domain`.
    pub name: String,
    /// Why; shown wherever the exemption is applied.
    pub reason: String,
}

/// Where a user's mail address can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressSource {
    /// The alert itself, where it names the user.
    Alert,
    /// The file of `directory`.
    Csv,
    /// The server of `[users.ldap]`.
    Ldap,
    /// The pattern of `mail`.
    Pattern,
}

impl AddressSource {
    /// The word used in the policy and on cases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Csv => "csv",
            Self::Ldap => "ldap",
            Self::Pattern => "pattern",
        }
    }
}

/// `[users]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Users {
    /// Users who are never investigated.
    pub exempt: Vec<UserExemption>,
    /// DNS domain → short domain, where the first label is not the short name.
    pub domains: BTreeMap<String, String>,
    /// Pattern of a user's mail address: `{user}` and `{domain}` are replaced.
    pub mail: Option<String>,
    /// Domains (the part after `@`) that mail for users may go to. Empty: only the domain of the pattern.
    pub mail_domains: Vec<String>,
    /// Where addresses are looked for, in this order. What is not set up is passed over.
    pub look_up: Vec<AddressSource>,
    /// CSV file with the columns `user` and `mail`, and `domain` and `language` if it has them; relative to the policy
    /// file.
    pub directory: Option<String>,
    /// A directory server.
    pub ldap: Option<Ldap>,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            exempt: Vec::new(),
            domains: BTreeMap::new(),
            mail: None,
            mail_domains: Vec::new(),
            look_up: vec![
                AddressSource::Alert,
                AddressSource::Csv,
                AddressSource::Ldap,
                AddressSource::Pattern,
            ],
            directory: None,
            ldap: None,
        }
    }
}

impl Users {
    /// Whether a source is asked and set up. Only the file and the server have to be read for it.
    pub fn asks(&self, source: AddressSource) -> bool {
        let set_up = match source {
            AddressSource::Alert => true,
            AddressSource::Csv => self.directory.is_some(),
            AddressSource::Ldap => self.ldap.is_some(),
            AddressSource::Pattern => self.mail.is_some(),
        };
        set_up && self.look_up.contains(&source)
    }

    /// Whether somebody outside the core has to look users up.
    pub fn looked_up(&self) -> bool {
        self.asks(AddressSource::Csv) || self.asks(AddressSource::Ldap)
    }

    /// Whether mail for users may go to this domain.
    pub fn may_mail(&self, domain: &str) -> bool {
        let pattern = self.mail.as_deref().and_then(|pattern| pattern.rsplit_once('@'));
        let listed = self.mail_domains.iter().any(|listed| listed.eq_ignore_ascii_case(domain));
        listed || pattern.is_some_and(|(_, of_pattern)| of_pattern.eq_ignore_ascii_case(domain))
    }

    /// What is wrong with where addresses come from.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(pattern) = &self.mail
            && (!pattern.contains("{user}") || pattern.matches('@').count() != 1)
        {
            faults.push(format!(
                "[users] mail = {pattern:?}: needs {{user}} and one @, as in {{user}}@example.com"
            ));
        }
        if self.look_up.is_empty() {
            faults.push(
                "[users] look_up is empty: no user would ever get mail; use [actions] off for that"
                    .to_owned(),
            );
        }
        let fixed_pattern = self
            .mail
            .as_ref()
            .is_some_and(|pattern| pattern.rsplit_once('@').is_some_and(|(_, domain)| !domain.contains('{')));
        if self.looked_up() && self.mail_domains.is_empty() && !fixed_pattern {
            faults.push(
                "[users] mail_domains is empty: name the domains that mail for users may go to, such as \"example.com\""
                    .to_owned(),
            );
        }
        if self.directory.as_ref().is_some_and(|file| file.trim().is_empty()) {
            faults.push("[users] directory: name a CSV file, or leave the key out".to_owned());
        }
        faults.extend(self.ldap.iter().flat_map(Ldap::faults));
        faults
    }
}

/// `[users.ldap]`: a directory server, read only, never without TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ldap {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` for StartTLS. The host is named as in its certificate.
    pub url: String,
    /// Where the search begins.
    pub base: String,
    /// What is searched for; `{user}` and `{domain}` are replaced, escaped.
    #[serde(default = "user_filter")]
    pub filter: String,
    /// Attribute with the address.
    #[serde(default = "mail_attribute")]
    pub mail_attribute: String,
    /// Attribute with the language.
    #[serde(default = "language_attribute")]
    pub language_attribute: String,
    /// Account that searches. Absent: anonymous.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// File that holds its password; relative to the policy file.
    #[serde(default)]
    pub password_file: Option<String>,
    /// Certificates that the server's is verified against; by default those that this system trusts. Relative to the
    /// policy file.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Time for one look-up as a whole.
    #[serde(default = "ldap_timeout")]
    pub timeout: Span,
}

fn user_filter() -> String {
    "(&(objectClass=user)(sAMAccountName={user}))".to_owned()
}

fn mail_attribute() -> String {
    "mail".to_owned()
}

fn language_attribute() -> String {
    "preferredLanguage".to_owned()
}

fn ldap_timeout() -> Span {
    Span::seconds(10)
}

impl Ldap {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let host = ["ldaps://", "ldap://"].iter().find_map(|scheme| self.url.strip_prefix(scheme));
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if !host.is_some_and(|host| !host.is_empty() && host.chars().all(plain)) {
            faults.push(
                "[users.ldap] url: write ldaps://host, or ldap://host for StartTLS; nothing else belongs into it"
                    .to_owned(),
            );
        }
        if !self.filter.contains("{user}") || !self.filter.starts_with('(') || !self.filter.ends_with(')') {
            faults.push(
                "[users.ldap] filter: needs parentheses and {user}, as in (sAMAccountName={user})".to_owned(),
            );
        }
        let attribute = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.;".contains(&b))
        };
        for (key, name) in
            [("mail_attribute", &self.mail_attribute), ("language_attribute", &self.language_attribute)]
        {
            if !attribute(name) {
                faults.push(format!("[users.ldap] {key}: the name of an attribute"));
            }
        }
        if self.bind_dn.is_some() != self.password_file.is_some() {
            faults.push("[users.ldap] bind_dn and password_file go together".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        toml::from_str::<Users>(text).unwrap().faults()
    }

    #[test]
    fn a_directory_needs_domains_that_mail_may_go_to() {
        assert!(faults("directory = 'users.csv'\n")[0].contains("mail_domains"));
        assert!(
            faults("directory = 'users.csv'\nmail = '{user}@{domain}.example'\n")[0].contains("mail_domains")
        );
        for sound in ["mail_domains = ['example.com']", "mail = '{user}@example.com'"] {
            assert!(faults(&format!("directory = 'users.csv'\n{sound}\n")).is_empty(), "{sound}");
        }
    }

    #[test]
    fn a_directory_server_is_never_spoken_to_without_tls_and_never_asked_for_everything() {
        let ldap =
            |rest: &str| faults(&format!("mail_domains = ['x.example']\n[ldap]\nbase = 'dc=x'\n{rest}\n"));
        assert!(ldap("url = 'ldaps://dc1.example.com'").is_empty());
        assert!(ldap("url = 'ldap://dc1.example.com:389'").is_empty());
        for (rest, what) in [
            ("url = 'http://dc1'", "url"),
            ("url = 'ldaps://dc1/x?y'", "url"),
            ("url = 'ldaps://'", "url"),
            ("url = 'ldaps://dc1'\nfilter = '(mail=*)'", "filter"),
            ("url = 'ldaps://dc1'\nmail_attribute = 'ma il'", "mail_attribute"),
            ("url = 'ldaps://dc1'\nbind_dn = 'cn=x'", "go together"),
        ] {
            assert!(ldap(rest).iter().any(|fault| fault.contains(what)), "{rest}: {:?}", ldap(rest));
        }
    }
}
