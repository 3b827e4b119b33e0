//! The policy: one strict TOML file that says what Peerhound may touch and what it does.

mod action;
mod check;
mod digest;
mod forensics;
mod hours;
mod intake;
mod kerberos;
mod limits;
mod memory;
mod program;
mod relay;
mod remediation;
pub mod sections;
mod smb;
pub mod span;
mod ticket;
mod users;
mod windows;
mod winrm;

use serde::{Deserialize, Serialize};

pub use action::{CustomAction, CustomKind, Method};
pub use check::Remark;
pub use digest::DigestPolicy;
pub use forensics::Forensics;
pub use hours::{Day, Hours};
pub use intake::{Door, List};
pub use kerberos::{Kdc, Kerberos};
pub use limits::{ActionLimits, WhenReached};
pub use memory::{Memory, MemoryTool};
pub use program::{PinnedFile, Program};
pub use relay::{Platform, Relay};
pub use remediation::{ApprovalLink, Isolation, Never, RemediationPolicy};
pub use sections::{
    Actions, AssessmentPolicy, CollectionPolicy, Cooldown, Findings, Mail, Organisation, Smtp, SmtpTls, Ssh,
    Storage,
};
pub use smb::Smb;
pub use span::Span;
pub(crate) use ticket::is_json;
pub use ticket::{Ticket, Webhook};
pub use users::{AddressSource, Ldap, UserExemption, Users};
pub use winrm::{Transport, Winrm};

use crate::alert::SiteFormat;
use crate::claim::ClaimKey;
use crate::scope::Scope;
use crate::ticketing::Preset;

/// The commented default that `peerhound init` writes.
pub const DEFAULT: &str = include_str!("default.toml");

/// The version of the file that this Peerhound reads.
pub const VERSION: u32 = 1;

/// The whole policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of the file's layout.
    pub version: u32,
    /// How messages name the company.
    #[serde(default)]
    pub organisation: Organisation,
    /// What may be contacted.
    pub scope: Scope,
    /// Users.
    #[serde(default)]
    pub users: Users,
    /// Cooldown.
    #[serde(default)]
    pub cooldown: Cooldown,
    /// Collection.
    #[serde(default)]
    pub collection: CollectionPolicy,
    /// Assessment.
    #[serde(default)]
    pub assessment: AssessmentPolicy,
    /// SSH.
    #[serde(default)]
    pub ssh: Ssh,
    /// WinRM.
    #[serde(default)]
    pub winrm: Winrm,
    /// SMB.
    #[serde(default)]
    pub smb: Smb,
    /// The program that may be sent to endpoints.
    #[serde(default)]
    pub program: Program,
    /// Actions by verdict.
    #[serde(default)]
    pub actions: Actions,
    /// What may be changed on endpoints, and who may order it.
    #[serde(default)]
    pub remediation: RemediationPolicy,
    /// What follows the verdict `compromised`.
    #[serde(default)]
    pub forensics: Forensics,
    /// Actions that the site made itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub action: Vec<CustomAction>,
    /// Mail.
    #[serde(default)]
    pub mail: Mail,
    /// Tickets.
    #[serde(default)]
    pub ticket: Ticket,
    /// Pages to whoever is on call.
    #[serde(default)]
    pub page: Ticket,
    /// Messages to a chat.
    #[serde(default)]
    pub chat: Ticket,
    /// What the SIEM learns.
    #[serde(default)]
    pub findings: Findings,
    /// The summary of each day.
    #[serde(default)]
    pub digest: DigestPolicy,
    /// Storage.
    #[serde(default)]
    pub storage: Storage,
    /// Relays, where machines are reached through them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relay: Vec<Relay>,
    /// The door for alerts over HTTP.
    #[serde(default)]
    pub door: Door,
    /// Lists of addresses that are fetched again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<List>,
    /// Ticket systems that this site has besides those that are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preset: Vec<Preset>,
    /// Formats of alerts that this site has besides those that are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub format: Vec<SiteFormat>,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Syntax(String),
    /// Written for another version.
    #[error("version = {0}: this Peerhound reads version {VERSION}; see the changelog for what moved")]
    Version(u32),
    /// Every value reads, but together they cannot be right.
    #[error("{}", .0.iter().map(|remark| remark.text.as_str()).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Remark>),
}

impl Policy {
    /// Reads and checks a policy. Remarks that are warnings do not refuse it; see [`Policy::remarks`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::Syntax(plain(&error, text)))?;
        if policy.version != VERSION {
            return Err(PolicyError::Version(policy.version));
        }
        let wrong: Vec<Remark> = policy.remarks().into_iter().filter(|remark| remark.is_error).collect();
        if wrong.is_empty() { Ok(policy) } else { Err(PolicyError::Wrong(wrong)) }
    }

    /// The exemption that a user falls under.
    pub fn user_exemption(&self, key: &ClaimKey) -> Option<&UserExemption> {
        let same = |exemption: &&UserExemption| self.user_key(None, &exemption.name).as_ref() == Some(key);
        self.users.exempt.iter().find(same)
    }

    /// Whether mails without `[mail.smtp]` are files in the outbox folder of one machine. Where machines are reached through
    /// relays, there is none: mails go out by Amazon's mail service, which does not fold repeats.
    pub fn mails_to_outbox(&self) -> bool {
        self.mail.smtp.is_none() && self.relay.is_empty()
    }

    /// The claim key of a user, under this policy's domain names.
    pub fn user_key(&self, domain: Option<&str>, name: &str) -> Option<ClaimKey> {
        ClaimKey::user(domain, name, &self.users.domains)
    }
}

/// One line: what is wrong and where, without the excerpt that TOML errors draw over several lines.
fn plain(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    let what = crate::text::one_line(error.message().trim(), 400);
    match line {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_reads_and_is_what_the_code_defaults_to() {
        let shipped = Policy::parse(DEFAULT).unwrap();
        let bare = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
        assert_eq!(shipped, bare, "default.toml and the Default impls say different things");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = "version = 1\n[scope]\nnetworks = []\n[cooldown]\nwindov = \"3d\"\n";
        let error = Policy::parse(text).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("windov") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn a_later_version_is_refused() {
        let error = Policy::parse("version = 2\n[scope]\nnetworks = []\n").unwrap_err();
        assert!(matches!(error, PolicyError::Version(2)));
    }

    #[test]
    fn a_user_is_exempt_under_every_spelling() {
        let policy = Policy::parse(
            "version = 1\n[scope]\nnetworks = []\n[users]\nexempt = [{ name = 'CORP\\svc-scan', reason = 'scanner' }]\n",
        )
        .unwrap();
        let key = policy.user_key(None, "svc-scan@corp.example.com").unwrap();
        assert_eq!(policy.user_exemption(&key).unwrap().reason, "scanner");
        assert!(policy.user_exemption(&policy.user_key(None, "CORP\\alice").unwrap()).is_none());
    }
}
