//! From the policy file to a worker: the one place where settings become parts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use casework::approval_link::LinkKey;
use casework::backend::local::Local;
use casework::deliver::{self, Authority, CustomAction, MailConfig, Smtp, TicketConfig, Tls, Token};
use casework::directories::Directories;
use casework::door::Keys;
use casework::places::Places;
use casework::rules::Rules;
use casework::worker::{Clock, Desks, Observer, OnSite, Worker};
use collector::program::Programs;
use collector::{Collector, Config, Privilege, SetupError, SmbConfig, SshConfig, WinrmConfig};
use investigation::act::{ActionKind, Texts};
use investigation::evidence::manifest::MAX_ENTRY_BYTES;
use investigation::policy::{MemoryTool, Policy, SmtpTls};
use jiff::Timestamp;

use crate::environment::Environment;
use crate::exit::{Exit, WithExit};

/// The policy file where none is named.
pub(crate) const POLICY_FILE: &str = "peerhound.toml";

/// The worker on one machine.
pub(crate) type Site = Worker<Local, OnSite>;

/// What every command starts from.
pub(crate) struct Setup {
    /// The policy file.
    pub(crate) policy_file: PathBuf,
    /// The deployment on AWS to work on; none for this machine.
    pub(crate) deployment_file: Option<PathBuf>,
    /// Print JSON.
    pub(crate) json: bool,
    policy_named: bool,
    environment: Environment,
}

impl Setup {
    pub(crate) fn new(
        policy: Option<PathBuf>,
        deployment: Option<PathBuf>,
        environment: Environment,
        json: bool,
    ) -> Self {
        let policy_file = policy.or_else(|| environment.policy.clone());
        let policy_named = policy_file.is_some();
        let policy_file = policy_file.unwrap_or_else(|| POLICY_FILE.into());
        let deployment_file = deployment.or_else(|| environment.deployment.clone());
        Self { policy_file, policy_named, deployment_file, json, environment }
    }

    /// The same with another policy file.
    pub(crate) fn with_policy(&self, policy_file: PathBuf) -> Self {
        let (deployment_file, environment) = (self.deployment_file.clone(), self.environment.clone());
        Self { policy_file, policy_named: true, deployment_file, json: self.json, environment }
    }

    /// The text of the policy file.
    pub(crate) fn policy_text(&self) -> Result<String> {
        let path = &self.policy_file;
        let hint = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "; write one with `peerhound init --scope NETWORK`, or name one with --policy"
            }
            _ => "",
        };
        std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the policy {}{hint}", path.display()))
            .context(WithExit(Exit::BadPolicy))
    }

    /// The policy.
    pub(crate) fn policy(&self) -> Result<Policy> {
        let text = self.policy_text()?;
        Policy::parse(&text)
            .with_context(|| self.policy_file.display().to_string())
            .context(WithExit(Exit::BadPolicy))
    }

    /// The policy, for commands that work without one too. One that was named has to be there.
    pub(crate) fn policy_if_any(&self) -> Result<Option<Policy>> {
        match self.policy_named || self.policy_file.exists() {
            true => self.policy().map(Some),
            false => Ok(None),
        }
    }

    /// The folder of the policy file, where its relative paths start.
    pub(crate) fn policy_folder(&self) -> PathBuf {
        self.path("")
    }

    /// The keys of those who may hand alerts in over HTTP.
    pub(crate) fn door_keys(&self, policy: &Policy) -> Result<Keys> {
        let file = policy.door.keys_file.as_ref().ok_or_else(|| {
            anyhow!("[door] keys_file is not set: write keys into a file (`openssl rand -hex 32`) and name it there")
        });
        let file = self.path(file.context(WithExit(Exit::BadPolicy))?);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read [door] keys_file {}", file.display()))
            .context(WithExit(Exit::BadPolicy))?;
        Keys::read(&text)
            .with_context(|| format!("[door] keys_file {}", file.display()))
            .context(WithExit(Exit::BadPolicy))
    }

    /// The key that links for approvers are signed with, where the policy wants such links.
    pub(crate) fn link_key(&self, policy: &Policy) -> Result<Option<LinkKey>> {
        let Some(link) = &policy.remediation.link else { return Ok(None) };
        let named = link.key_file.as_ref().ok_or_else(|| {
            anyhow!("[remediation.link] key_file is not set: write a key into a file (`openssl rand -hex 32`) and name it there")
        });
        let file = self.path(named.context(WithExit(Exit::BadPolicy))?);
        let key = LinkKey::read(&file)
            .with_context(|| format!("[remediation.link] key_file {}", file.display()))
            .context(WithExit(Exit::BadPolicy))?;
        Ok(Some(key))
    }

    /// A path of the policy: relative ones are relative to the folder of the policy file. Absolute, as it ends up in
    /// tickets and on cases.
    fn path(&self, path: &str) -> PathBuf {
        let path = self.policy_file.parent().unwrap_or(Path::new("")).join(path);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Who works here, for the history of cases.
    pub(crate) fn operator(&self) -> Option<&str> {
        self.environment.user.as_deref()
    }

    /// Who gives an order at this command line, for the history of its case: the principal that AWS knows, or the account
    /// that the system knows. Where it knows none, what the environment says.
    pub(crate) async fn caller(&self) -> Result<String> {
        #[cfg(feature = "aws")]
        if self.deployment_file.is_some() {
            return crate::deployed::principal(&self.deployed().await?.clients).await;
        }
        let named = || self.operator().unwrap_or("somebody at the command line").to_owned();
        Ok(crate::person::account().unwrap_or_else(|_| named()))
    }

    /// The store alone, for commands that only look.
    pub(crate) fn store(&self, policy: &Policy) -> Result<Local> {
        Ok(Local::open(&self.path(&policy.storage.data_dir))?)
    }

    /// What images of memory are taken by on this machine, where the policy wants them.
    fn memory_tool(&self, policy: &Policy) -> Result<Option<MemoryTool>> {
        let memory = &policy.forensics.memory;
        // Relays have tools of their own, and the policy need not name one.
        if memory.tool.is_none() && !policy.relay.is_empty() {
            return Ok(None);
        }
        let tool = memory.tool(MAX_ENTRY_BYTES);
        tool.map_err(|fault| anyhow!("[forensics.memory] {fault}")).context(WithExit(Exit::BadPolicy))
    }

    /// Everything.
    pub(crate) fn worker(&self, policy: Policy, observer: Arc<dyn Observer>) -> Result<Site> {
        deliver::install_crypto();
        let data = self.path(&policy.storage.data_dir);
        let backend = Local::open(&data)?;
        let places = Places::create(&data)
            .with_context(|| format!("cannot make the data folder {}", data.display()))
            .context(WithExit(Exit::Storage))?;
        let collector = self
            .collector(&policy)
            .and_then(Collector::new)
            .context("[ssh], [winrm], [smb] or [program]")
            .context(WithExit(Exit::BadPolicy))?
            .with_memory_tool(self.memory_tool(&policy)?);
        let rules = self.rules(&policy)?;
        let texts = self.texts(&policy)?;
        let directories = self.directories(&policy);
        let (mail, desks) = (self.mail(&policy), self.desks(&policy));
        let findings = policy.findings.file.as_ref().map(|file| self.path(file));
        let link = self.link_key(&policy)?;
        let actions = policy.action.iter();
        let actions =
            actions.map(|action| CustomAction::from_section(action, |file| self.path(file))).collect();
        let policy = Arc::new(policy);
        let now: Clock = Arc::new(Timestamp::now);
        let performer = OnSite {
            collector,
            policy: Arc::clone(&policy),
            rules,
            texts,
            directories,
            places,
            mail,
            desks,
            findings,
            link,
            actions,
            observer: Arc::clone(&observer),
            now: Arc::clone(&now),
        };
        Ok(Worker { backend, performer, policy, observer, now })
    }

    /// The folder of the site's own rules.
    pub(crate) fn rules_folder(&self, policy: &Policy) -> Option<PathBuf> {
        policy.assessment.rules.as_ref().map(|folder| self.path(folder))
    }

    /// The rules of the policy. A file of them that cannot be used is told and left out.
    fn rules(&self, policy: &Policy) -> Result<Rules> {
        let (rules, faults) = Rules::read(self.rules_folder(policy).as_deref())
            .context("[assessment] rules")
            .context(WithExit(Exit::BadPolicy))?;
        for fault in faults {
            crate::show::note(&format!("warning: [assessment] rules: {fault}"));
        }
        Ok(rules)
    }

    /// The folder of the site's own texts of mails.
    pub(crate) fn texts_folder(&self, policy: &Policy) -> Option<PathBuf> {
        policy.mail.texts.as_ref().map(|folder| self.path(folder))
    }

    /// The file that lists users.
    pub(crate) fn users_file(&self, policy: &Policy) -> Option<PathBuf> {
        policy.users.directory.as_ref().map(|file| self.path(file))
    }

    /// Where users are looked up.
    pub(crate) fn directories(&self, policy: &Policy) -> Directories {
        Directories::of(policy, |file| self.path(file))
    }

    /// The texts of mails. A file of them that cannot be used is told and left out.
    pub(crate) fn texts(&self, policy: &Policy) -> Result<Arc<Texts>> {
        let (texts, faults) = casework::texts::read(self.texts_folder(policy).as_deref())
            .context("[mail] texts")
            .context(WithExit(Exit::BadPolicy))?;
        for fault in faults {
            crate::show::note(&format!("warning: [mail] texts: {fault}"));
        }
        Ok(texts)
    }

    fn collector(&self, policy: &Policy) -> Result<Config, SetupError> {
        let ssh = &policy.ssh;
        let programs = Programs::load(&policy.program, |file| self.path(file))?;
        Ok(Config {
            scope: policy.scope.clone(),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
            ssh: SshConfig {
                user: ssh.user.clone(),
                port: ssh.port,
                identity_files: ssh.identity_files.iter().map(|file| self.path(file)).collect(),
                agent_socket: self.environment.ssh_agent.clone().filter(|_| ssh.use_agent),
                known_hosts: self.path(&ssh.known_hosts),
                accept_new_host_keys: ssh.accept_new_host_keys,
                connect_timeout: ssh.connect_timeout.duration(),
                privilege: ssh.sudo.then_some(Privilege::Sudo),
            },
            winrm: WinrmConfig::from_section(&policy.winrm, |file| self.path(file)),
            smb: SmbConfig::from_section(&policy.smb, |file| self.path(file)),
            transports: policy.collection.transports.clone(),
            programs,
        })
    }

    fn mail(&self, policy: &Policy) -> MailConfig {
        let smtp = policy.mail.smtp.as_ref().map(|smtp| Smtp {
            host: smtp.host.clone(),
            port: smtp.port,
            tls: match smtp.tls {
                SmtpTls::Implicit => Tls::Required,
                SmtpTls::Starttls => Tls::StartTls,
                SmtpTls::None => Tls::None,
            },
            username: smtp.username.clone(),
            password_file: smtp.password_file.as_ref().map(|file| self.path(file)),
            timeout: smtp.timeout.duration(),
        });
        MailConfig { smtp, from: policy.mail.from.clone() }
    }

    fn desks(&self, policy: &Policy) -> Desks {
        let of = |kind| self.desk(policy, kind);
        Desks { ticket: of(ActionKind::Ticket), page: of(ActionKind::Page), chat: of(ActionKind::Chat) }
    }

    /// The system that an action goes to. Its secret is read when it is used.
    fn desk(&self, policy: &Policy, kind: ActionKind) -> TicketConfig {
        let section = policy.desk_section(kind);
        let ca_file = section.and_then(|section| section.ca_file.as_ref());
        let ca_pem = section.and_then(|section| section.ca_pem.clone());
        TicketConfig {
            desk: policy.desk(kind),
            token: policy.desk_token_file(kind).map(|file| Token::File(self.path(file))),
            ca: ca_file.map(|file| Authority::File(self.path(file))).or(ca_pem.map(Authority::Pem)),
        }
    }
}
