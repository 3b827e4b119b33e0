//! The sections of the policy file, one struct each. Every key has a default, and an unknown key is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hours::Hours;
use super::limits::ActionLimits;
use super::span::Span;
use super::winrm::Transport;
use crate::act::ActionKind;
use crate::assess::Verdict;
use crate::evidence::ArtifactKind;
use crate::order::Limits;

/// `[organisation]`: how messages name the company and whom they tell people to ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organisation {
    /// Name in messages.
    pub name: Option<String>,
    /// Whom a user can ask or contest with: an address, a telephone number, a page.
    pub contact: Option<String>,
    /// What people type to reach `peerhound serve`: tickets and mails to the SOC then name the page of their case there.
    pub case_browser: Option<String>,
}

/// `[cooldown]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cooldown {
    /// How long an address or a user is left alone after sealed evidence, counted from the claim.
    pub window: Span,
    /// How long a running case holds its claims before they run out by themselves.
    pub lease: Span,
}

impl Default for Cooldown {
    fn default() -> Self {
        Self { window: Span::days(3), lease: Span::hours(2) }
    }
}

/// `[collection]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectionPolicy {
    /// Investigations at the same time.
    pub jobs: usize,
    /// Ways to reach a machine, in the order in which they are tried. What is not configured is passed over.
    pub transports: Vec<Transport>,
    /// Kinds of artifacts to collect.
    pub artifacts: Vec<ArtifactKind>,
    /// Time for contact and identity.
    pub identify_timeout: Span,
    /// Time for the whole collection of one endpoint.
    pub collect_timeout: Span,
    /// Waits before a machine that could not be reached is tried again: after the first try, after the second, ….
    /// The last one repeats. Empty: it is not tried again.
    pub retry: Vec<Span>,
    /// How long after the alert it is still tried.
    pub retry_for: Span,
    /// Caps for each artifact.
    pub limits: Limits,
}

impl CollectionPolicy {
    /// The wait before the next try, after `tried` tries that failed.
    pub fn wait(&self, tried: u32) -> Option<Span> {
        let index = usize::try_from(tried.saturating_sub(1)).unwrap_or(usize::MAX);
        self.retry.get(index).or(self.retry.last()).copied()
    }
}

impl Default for CollectionPolicy {
    fn default() -> Self {
        Self {
            jobs: 8,
            transports: Transport::ALL.to_vec(),
            artifacts: ArtifactKind::ALL.to_vec(),
            identify_timeout: Span::minutes(1),
            collect_timeout: Span::minutes(30),
            retry: vec![Span::minutes(15), Span::hours(1), Span::hours(4), Span::hours(8)],
            retry_for: Span::days(3),
            limits: Limits::default(),
        }
    }
}

/// `[assessment]`: what the verdict is made by, besides what is shipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssessmentPolicy {
    /// Folder of the site's own rules; relative to the policy file.
    pub rules: Option<String>,
}

/// `[ssh]`: how endpoints are reached over SSH. Keys only, and only to hosts whose key is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// Account on the endpoints.
    pub user: String,
    /// Port.
    pub port: u16,
    /// Private key files; relative to the policy file.
    pub identity_files: Vec<String>,
    /// Also offer the keys of the agent at `SSH_AUTH_SOCK`.
    pub use_agent: bool,
    /// Known host keys, in OpenSSH's format; relative to the policy file.
    pub known_hosts: String,
    /// Trust a host that is not in `known_hosts` and write its key there. A changed key is refused all the same.
    pub accept_new_host_keys: bool,
    /// Time for the TCP connection and the key exchange.
    pub connect_timeout: Span,
    /// Run the catalogue, and measures, under `sudo -n`, for an account that is not root.
    pub sudo: bool,
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            user: "peerhound".to_owned(),
            port: 22,
            identity_files: Vec::new(),
            use_agent: false,
            known_hosts: "known_hosts".to_owned(),
            accept_new_host_keys: false,
            connect_timeout: Span::seconds(10),
            sudo: false,
        }
    }
}

/// `[actions]`: what each verdict leads to, and how often a delivery is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// After `policy_violation`.
    pub policy_violation: Vec<ActionKind>,
    /// After `compromised`. Not the user by default: whoever is at work there may read the mail.
    pub compromised: Vec<ActionKind>,
    /// After `inconclusive`.
    pub inconclusive: Vec<ActionKind>,
    /// After `false_positive`.
    pub false_positive: Vec<ActionKind>,
    /// Tries of one delivery that is known not to have arrived.
    pub attempts: u32,
    /// Wait before the second try; doubled for each further one, up to an hour.
    pub backoff: Span,
    /// Everything is planned, written and noted on the case, and nothing is sent or done.
    pub dry_run: bool,
    /// Actions that are off, whatever the lists above say.
    pub off: Vec<ActionKind>,
    /// When mails to users go out. Absent: at any time.
    pub hours: Option<Hours>,
    /// How many mails may go out.
    pub limits: ActionLimits,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            policy_violation: vec![ActionKind::MailUser, ActionKind::MailSoc, ActionKind::Ticket],
            compromised: vec![ActionKind::MailSoc, ActionKind::Ticket],
            inconclusive: vec![ActionKind::MailSoc, ActionKind::Ticket],
            false_positive: Vec::new(),
            attempts: 6,
            backoff: Span::seconds(5),
            dry_run: false,
            off: Vec::new(),
            hours: None,
            limits: ActionLimits::default(),
        }
    }
}

impl Actions {
    /// What a verdict leads to.
    pub fn after(&self, verdict: Verdict) -> &[ActionKind] {
        match verdict {
            Verdict::PolicyViolation => &self.policy_violation,
            Verdict::Compromised => &self.compromised,
            Verdict::Inconclusive => &self.inconclusive,
            Verdict::FalsePositive => &self.false_positive,
        }
    }

    /// Everything that is on one of the lists.
    pub(super) fn lists(&self) -> impl Iterator<Item = &ActionKind> {
        let lists = [&self.policy_violation, &self.compromised, &self.inconclusive, &self.false_positive];
        lists.into_iter().flatten()
    }
}

/// `[mail]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Sender.
    pub from: String,
    /// Addresses of the SOC.
    pub soc: Vec<String>,
    /// Other addresses in their place, after some verdicts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub soc_after: BTreeMap<Verdict, Vec<String>>,
    /// Language of mails, where the directory does not say a user's: `en`, `de`, `fr`, or one of the site's own.
    pub language: String,
    /// Folder of the site's own words and layouts; relative to the policy file.
    pub texts: Option<String>,
    /// Server. Absent: mails are written to the outbox folder.
    pub smtp: Option<Smtp>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            from: "peerhound@localhost.localdomain".to_owned(),
            soc: Vec::new(),
            soc_after: BTreeMap::new(),
            language: "en".to_owned(),
            texts: None,
            smtp: None,
        }
    }
}

impl Mail {
    /// Whom the SOC's mail goes to after a verdict.
    pub fn soc_for(&self, verdict: Verdict) -> &[String] {
        self.soc_after.get(&verdict).unwrap_or(&self.soc)
    }

    /// Every address of the SOC.
    pub fn soc_addresses(&self) -> impl Iterator<Item = &String> {
        self.soc.iter().chain(self.soc_after.values().flatten())
    }
}

/// Protection of the connection to the mail server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, and nothing is sent if the server does not offer it (port 587).
    #[default]
    Starttls,
    /// None; for a relay on this machine or a protected segment.
    None,
}

/// `[mail.smtp]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name, as in its certificate.
    pub host: String,
    /// Port.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// Protection of the connection.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Account, where the server wants one.
    #[serde(default)]
    pub username: Option<String>,
    /// File that holds the password; relative to the policy file.
    #[serde(default)]
    pub password_file: Option<String>,
    /// Time for one delivery.
    #[serde(default = "delivery_timeout")]
    pub timeout: Span,
}

fn smtp_port() -> u16 {
    587
}

fn delivery_timeout() -> Span {
    Span::seconds(30)
}

/// `[findings]`: where the result of each case goes as a finding that a SIEM reads (OCSF). Neither: nowhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Findings {
    /// File that one line is appended to for each case, on one machine; relative to the policy file.
    pub file: Option<String>,
    /// Name or ARN of an event bus, on AWS.
    pub event_bus: Option<String>,
}

impl Findings {
    /// Whether findings are written at all.
    pub fn wanted(&self) -> bool {
        self.file.is_some() || self.event_bus.is_some()
    }
}

/// `[storage]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Folder of the database, the evidence and the outbox; relative to the policy file.
    pub data_dir: String,
    /// How long alerts that are settled stay listed.
    pub keep_alerts: Span,
}

impl Default for Storage {
    fn default() -> Self {
        Self { data_dir: "peerhound-data".to_owned(), keep_alerts: Span::days(90) }
    }
}
