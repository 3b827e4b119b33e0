//! The relay's own configuration: one strict TOML file on the relay itself. Whatever an order says, a relay contacts
//! only what this file admits, with the keys that this file names.

use std::path::{Path, PathBuf};

use collector::program::Programs;
use collector::{Collector, Config, Privilege, SetupError, SmbConfig, SshConfig, WinrmConfig};
use investigation::order::is_relay_name;
use investigation::policy::{Memory, Program, Smb, Span, Ssh, Transport, Winrm};
use investigation::remediation::MeasureKind;
use investigation::scope::Scope;
use investigation::text::one_line;
use serde::{Deserialize, Serialize};

/// The version of the file that this relay reads.
pub const VERSION: u32 = 1;

/// Where the file lies, unless it is named.
pub const DEFAULT_PATH: &str =
    if cfg!(windows) { r"C:\ProgramData\Peerhound\relay.toml" } else { "/etc/peerhound/relay.toml" };

/// The commented example that the installer writes.
pub const EXAMPLE: &str = include_str!("../install/relay.toml.example");

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Version of the file's layout.
    pub version: u32,
    /// The relay's name, as the policy's `[[relay]]` has it. A batch for another relay is refused.
    pub name: String,
    /// Orders that have their turn at the same time. One that takes longer than its turn goes on beside those that follow.
    #[serde(default = "jobs")]
    pub jobs: usize,
    /// Where collections lie until they are uploaded; relative to the file. Absent: below the system's temporary
    /// folder.
    #[serde(default)]
    pub staging_dir: Option<String>,
    /// An order is begun only while this many bytes are free there.
    #[serde(default = "min_free_bytes")]
    pub min_free_bytes: u64,
    /// What may be contacted. It need not be all that the policy lists, and nothing outside it ever is contacted.
    pub scope: Scope,
    /// Ways to reach an endpoint, in the order in which they are tried. What is not configured is passed over.
    #[serde(default = "transports")]
    pub transports: Vec<Transport>,
    /// How endpoints are reached over SSH.
    #[serde(default)]
    pub ssh: Ssh,
    /// How endpoints are reached over WinRM.
    #[serde(default)]
    pub winrm: Winrm,
    /// How endpoints are read over SMB.
    #[serde(default)]
    pub smb: Smb,
    /// The program that may be sent to endpoints.
    #[serde(default)]
    pub program: Program,
    /// What images of endpoints' memory are taken by, where an order wants one.
    #[serde(default)]
    pub memory: Memory,
    /// What may be changed on endpoints.
    #[serde(default)]
    pub remediation: Remediation,
    /// How orders are fetched and bundles uploaded.
    #[serde(default)]
    pub transfer: Transfer,
}

/// `[remediation]`: whatever is approved elsewhere, the site that a relay serves has the last word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remediation {
    /// Words of the measures that are carried out here, and taken back. None by default.
    pub allow: Vec<String>,
}

impl Remediation {
    /// The first of these words that is not allowed.
    pub(crate) fn refuses(&self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| !self.allow.iter().any(|allowed| allowed == word))
    }
}

fn jobs() -> usize {
    16
}

fn transports() -> Vec<Transport> {
    Transport::ALL.to_vec()
}

fn min_free_bytes() -> u64 {
    1 << 30
}

/// `[transfer]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transfer {
    /// HTTP proxy, for example `http://proxy.example.com:3128`. Those of the environment are not used.
    pub proxy: Option<String>,
    /// Hosts that orders may be fetched from and bundles sent to, each with all names below it. Empty: any host, over
    /// https.
    pub hosts: Vec<String>,
    /// Time for one connection.
    pub connect_timeout: Span,
    /// Time for fetching the orders, further tries included.
    pub fetch_timeout: Span,
    /// Time for uploading one bundle, further tries included.
    pub upload_timeout: Span,
    /// Tries of one transfer.
    pub attempts: u32,
    /// Largest bundle. S3 takes at most 5 GiB in one PUT.
    pub bundle_bytes: u64,
}

impl Default for Transfer {
    fn default() -> Self {
        Self {
            proxy: None,
            hosts: Vec::new(),
            connect_timeout: Span::seconds(10),
            fetch_timeout: Span::minutes(1),
            upload_timeout: Span::minutes(15),
            attempts: 6,
            bundle_bytes: MAX_BUNDLE_BYTES,
        }
    }
}

impl Transfer {
    /// The most that an image of memory may have: it can be as good as random, and a bundle holds more than that.
    pub(crate) fn image_bytes(&self) -> u64 {
        self.bundle_bytes / 16 * 15
    }
}

/// The most that S3 takes in one PUT.
const MAX_BUNDLE_BYTES: u64 = 5 << 30;

/// Why a configuration cannot be used. Each is one line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}; install one from relay.toml.example or name one with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Syntax(String),
    /// Written for another version.
    #[error("version = {0}: this relay reads version {VERSION}")]
    Version(u32),
    /// Every value reads, but not all can be right.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// What the settings of SSH, WinRM, SMB or the program say cannot work.
    #[error("the way to endpoints cannot be used")]
    Way(#[source] SetupError),
    /// The proxy, or the system's certificates.
    #[error("[transfer] gives no HTTP client: {0}")]
    Http(String),
}

/// A configuration and where it lies.
#[derive(Clone, Debug)]
pub struct Site {
    /// What it says.
    pub config: RelayConfig,
    /// Folder that its relative paths start from.
    folder: PathBuf,
    /// `SSH_AUTH_SOCK`.
    ssh_agent: Option<PathBuf>,
}

impl RelayConfig {
    /// Reads and checks the text of a configuration.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax(plain(&error, text)))?;
        if config.version != VERSION {
            return Err(ConfigError::Version(config.version));
        }
        let wrong = config.faults();
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(wrong)) }
    }

    /// What is doubtful, one line each; it does not keep the relay from working.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.scope.permit_loopback {
            remarks.push("[scope] permit_loopback is on: meant for tests only".to_owned());
        }
        if self.ssh.accept_new_host_keys {
            remarks.push(
                "[ssh] accept_new_host_keys is on: whoever answers first at an address is trusted".to_owned(),
            );
        }
        remarks.extend(self.winrm.doubts());
        remarks.extend(self.smb.doubts());
        remarks.extend(self.program.doubts());
        if let Some(tool) = self.memory.tool.as_ref().filter(|_| self.memory.enabled) {
            remarks.push(format!(
                "[memory] {} is run as root on Linux endpoints where an order wants an image of their memory",
                one_line(tool, 200)
            ));
        }
        if self.transfer.hosts.is_empty() {
            remarks.push(
                "[transfer] hosts is empty: bundles go to any https host that an order names; list your bucket's"
                    .to_owned(),
            );
        }
        remarks
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |text: &str| faults.push(text.to_owned());
        if !is_relay_name(&self.name) {
            fault("name: 1 to 32 of a-z, 0-9 and -");
        }
        if !(1..=1024).contains(&self.jobs) {
            fault("jobs: between 1 and 1024");
        }
        if self.scope.networks.is_empty() {
            fault("[scope] networks is empty: list the networks that this relay serves");
        }
        for network in &self.scope.networks {
            let shortest = if network.addr().is_ipv4() { 8 } else { 16 };
            if network.prefix_len() < shortest {
                fault(&format!(
                    "[scope] networks: {network} is wider than /{shortest}; list the networks that this relay serves"
                ));
            }
        }
        if self.scope.exempt.iter().any(|exemption| exemption.reason.trim().is_empty()) {
            fault("[scope] exempt: each exemption needs a reason");
        }
        if let Some(text) = Transport::fault_in(&self.transports, &self.winrm, &self.smb) {
            fault(text);
        }
        self.winrm.faults().iter().chain(&self.smb.faults()).for_each(|text| fault(text));
        self.program.faults().iter().for_each(|text| fault(text));
        let memory = self.memory.faults(self.transfer.image_bytes());
        memory.iter().for_each(|text| fault(&format!("[memory] {text}")));
        let words = MeasureKind::ALL.map(MeasureKind::as_str);
        if let Some(word) = self.remediation.allow.iter().find(|word| !words.contains(&word.as_str())) {
            let (shown, words) = (one_line(word, 40), words.join(", "));
            fault(&format!("[remediation] allow: `{shown}` is no measure; there are {words}"));
        }
        let transfer = &self.transfer;
        if !(1..=100).contains(&transfer.attempts) {
            fault("[transfer] attempts: between 1 and 100");
        }
        if !(1..=MAX_BUNDLE_BYTES).contains(&transfer.bundle_bytes) {
            fault("[transfer] bundle_bytes: between 1 and 5368709120, the most that S3 takes in one PUT");
        }
        let no_time = |span: Span| span.duration().is_zero();
        if [transfer.connect_timeout, transfer.fetch_timeout, transfer.upload_timeout]
            .into_iter()
            .any(no_time)
        {
            fault("[transfer] a time-out of 0s lets nothing through");
        }
        let is_host = |host: &String| {
            !host.is_empty() && !host.contains(['/', ':', '@', '*']) && !host.starts_with('.')
        };
        if let Some(host) = transfer.hosts.iter().find(|host| !is_host(host)) {
            let shown = one_line(host, 80);
            fault(&format!("[transfer] hosts: `{shown}` is no host name, such as amazonaws.com"));
        }
        faults
    }
}

impl Site {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path, ssh_agent: Option<PathBuf>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config = RelayConfig::parse(&text)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { config, folder, ssh_agent })
    }

    /// A path of the configuration, absolute.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let path = self.folder.join(path);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Where collections lie until they are uploaded.
    pub(crate) fn staging_dir(&self) -> PathBuf {
        match &self.config.staging_dir {
            Some(dir) => self.path(dir),
            None => std::env::temp_dir().join("peerhound-relay"),
        }
    }

    /// The key files, as the collector gets them.
    pub(crate) fn identity_files(&self) -> Vec<PathBuf> {
        self.config.ssh.identity_files.iter().map(|file| self.path(file)).collect()
    }

    /// The pinned host keys.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.path(&self.config.ssh.known_hosts)
    }

    /// Whether there is an agent to ask for keys.
    pub(crate) fn ssh_agent(&self) -> Option<&Path> {
        self.ssh_agent.as_deref().filter(|_| self.config.ssh.use_agent)
    }

    /// The collector that works by this configuration.
    pub(crate) fn collector(&self) -> Result<Collector, ConfigError> {
        let ssh = &self.config.ssh;
        let memory_tool = self.config.memory.tool(self.config.transfer.image_bytes());
        let memory_tool =
            memory_tool.map_err(|fault| ConfigError::Wrong(vec![format!("[memory] {fault}")]))?;
        let collector = Collector::new(Config {
            scope: self.config.scope.clone(),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
            ssh: SshConfig {
                user: ssh.user.clone(),
                port: ssh.port,
                identity_files: self.identity_files(),
                agent_socket: self.ssh_agent().map(Path::to_owned),
                known_hosts: self.known_hosts(),
                accept_new_host_keys: ssh.accept_new_host_keys,
                connect_timeout: ssh.connect_timeout.duration(),
                privilege: ssh.sudo.then_some(Privilege::Sudo),
            },
            winrm: WinrmConfig::from_section(&self.config.winrm, |file| self.path(file)),
            smb: SmbConfig::from_section(&self.config.smb, |file| self.path(file)),
            transports: self.config.transports.clone(),
            programs: Programs::load(&self.config.program, |file| self.path(file))
                .map_err(ConfigError::Way)?,
        });
        Ok(collector.map_err(ConfigError::Way)?.with_memory_tool(memory_tool))
    }
}

/// One line: what is wrong and where, without the excerpt that TOML errors draw over several lines.
fn plain(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    let what = one_line(error.message().trim(), 400);
    match line {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests;
