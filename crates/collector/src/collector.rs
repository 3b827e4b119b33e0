//! Carrying out one order: scope, contact, identity, then one artifact after the other, each failing by itself.

mod artifacts;
mod identify;
mod memory;
mod program;
mod reach;
mod remediate;
mod run;
mod smb;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use investigation::evidence::{ArtifactKind, Collection};
use investigation::order::{Limits, Order, Task, is_case_id};
use investigation::policy::{MemoryTool, Transport};
#[cfg(doc)]
use investigation::remediation::MEASURES_PATH;
use investigation::scope::{Scope, Standing, fold};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::contact_error::{ContactError, SetupError};
use crate::program::Programs;
use crate::staging::Staging;
use crate::transport::Session;
use crate::transport::account::accounts::Accounts;
use crate::transport::local::LocalSession;
use crate::transport::smb::SmbConfig;
use crate::transport::ssh::SshConfig;
use crate::transport::winrm::WinrmConfig;
use artifacts::Collecting;
use reach::Again;

/// Artifacts that are parsed at the same time, over all endpoints. A parsed form of the most rows that are kept has some
/// ten MiB, and parsing takes a processor.
const READERS: usize = 4;

/// What a collector works by.
#[derive(Clone, Debug)]
pub struct Config {
    /// The networks that may be contacted. Checked again here before any contact: this process holds the credentials.
    pub scope: Scope,
    /// How other machines are reached over SSH.
    pub ssh: SshConfig,
    /// How they are reached over WinRM, if they are.
    pub winrm: Option<WinrmConfig>,
    /// How they are read over SMB, if they are.
    pub smb: Option<SmbConfig>,
    /// The ways in which other machines are reached, in the order in which they are tried.
    pub transports: Vec<Transport>,
    /// What is sent to other machines and run there in place of scripts. Nothing by default.
    pub programs: Programs,
    /// Version that the collection names.
    pub collector_version: String,
}

/// What is going on, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The endpoint is being contacted.
    Connecting,
    /// It has been reached and has proven who it is.
    Connected {
        /// `local`, `winrm`, `ssh` or `smb`.
        transport: &'static str,
    },
    /// An artifact is being collected.
    Artifact {
        /// Which.
        kind: ArtifactKind,
    },
    /// The endpoint is being changed.
    Changing {
        /// How many measures, or undos, there are.
        measures: usize,
    },
    /// The file inventory goes on.
    Files {
        /// Files seen so far.
        seen: u64,
    },
    /// The image of the memory is coming.
    Memory {
        /// Bytes of it so far.
        bytes: u64,
        /// Bytes of memory that the endpoint says it has. The image can be smaller.
        of: u64,
    },
}

/// Whoever watches a collection.
pub(crate) type Watcher<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Reaches one endpoint after the other and collects. Cheap to clone; works on many endpoints at once.
#[derive(Clone)]
pub struct Collector {
    config: Arc<Config>,
    accounts: Accounts,
    readers: Arc<Semaphore>,
    memory_tool: Option<Arc<MemoryTool>>,
    loopback_is_local: bool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Collector {
    /// Makes a collector.
    ///
    /// # Errors
    /// Where the SSH, WinRM or SMB settings cannot work, or this machine's own addresses cannot be listed.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        if config.ssh.port == 0 {
            return Err(SetupError::Ssh("port 0 cannot be connected to"));
        }
        if config.ssh.connect_timeout.is_zero() {
            return Err(SetupError::Ssh("a connect time-out of zero lets nothing be reached"));
        }
        if config.ssh.user.is_empty() {
            return Err(SetupError::Ssh("the account's name is empty"));
        }
        if let Some(winrm) = &config.winrm {
            winrm.check()?;
        }
        if let Some(smb) = &config.smb {
            smb.check()?;
        }
        own_addresses().map_err(SetupError::Interfaces)?;
        let readers = Arc::new(Semaphore::new(READERS));
        Ok(Self {
            config: Arc::new(config),
            accounts: Accounts::default(),
            readers,
            memory_tool: None,
            loopback_is_local: false,
        })
    }

    /// Takes loopback addresses as this machine. Otherwise they are reached like any other address: an alert
    /// that names one does not mean the machine that the collector runs on.
    #[must_use]
    pub fn with_loopback_as_local(mut self) -> Self {
        self.loopback_is_local = true;
        self
    }

    /// Takes images of memory by this tool, where an order wants one. Without it, such an image is refused.
    #[must_use]
    pub fn with_memory_tool(mut self, tool: Option<MemoryTool>) -> Self {
        self.memory_tool = tool.map(Arc::new);
        self
    }

    /// Carries out one order, writing into the folder `into`: raw outputs under `artifacts/raw/`, parsed forms as
    /// `artifacts/<kind>.json`, what became of measures as [`MEASURES_PATH`], and last of all `collection.json`; a folder
    /// that has it is whole. An earlier, half-done try in the folder is discarded.
    ///
    /// Dropping the future ends everything that was started on the endpoint. A measure that was being carried out is then
    /// done, or half done, or not: the same order, given again, finds which.
    ///
    /// # Errors
    /// Only where the contact itself breaks, or another host answers than an order to change it names; see
    /// [`ContactError`]. An artifact or a measure that fails does so by itself, in its outcome.
    pub async fn execute(
        &self,
        order: &Order,
        into: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Collection, ContactError> {
        let target = fold(order.target);
        self.admit(target)?;
        if let Some(fault) = remediate::fault(&order.task) {
            return Err(ContactError::OrderRefused { target, fault: fault.to_string() });
        }
        let tasks = remediate::work(&order.case_id, &order.task);
        if !tasks.is_empty() && !is_case_id(&order.case_id) {
            return Err(ContactError::OrderRefused { target, fault: "has no usable case id".to_owned() });
        }
        let staging = Staging::open(into)?;
        let started_at = Timestamp::now();
        progress(Progress::Connecting);
        let session = self.connect(target).await?;
        let again = Again { target, config: Arc::clone(&self.config), accounts: self.accounts.clone() };
        let readers = Arc::clone(&self.readers);
        let mut collecting =
            Collecting::new(session, &staging, limits(&order.task), progress, again, readers);
        collecting.memory_tool = self.memory_tool.clone();
        collecting.identify(target).await?;
        if let Some(expected) = remediate::expected_host(&order.task) {
            collecting.expect_host(target, expected)?;
        }
        progress(Progress::Connected { transport: collecting.transport() });
        if !tasks.is_empty() {
            progress(Progress::Changing { measures: tasks.len() });
            let outcomes = collecting.change(tasks).await?;
            staging.write_measures(&outcomes)?;
        }
        let kinds = kinds(&order.task);
        // Whatever is done there first, a program that is sent above all, takes the place of something in it.
        if kinds.contains(&ArtifactKind::Memory) {
            progress(Progress::Artifact { kind: ArtifactKind::Memory });
            collecting.artifact(ArtifactKind::Memory).await?;
        }
        collecting.send_program(&kinds).await?;
        for kind in kinds.into_iter().filter(|kind| *kind != ArtifactKind::Memory) {
            progress(Progress::Artifact { kind });
            collecting.artifact(kind).await?;
        }
        let collection = collecting.finish(|done| Collection {
            case_id: order.case_id.clone(),
            target,
            transport: done.transport.to_owned(),
            endpoint_key: done.endpoint_key,
            collector_host: hostname::get()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            collector_version: self.config.collector_version.clone(),
            clock_skew_ms: done.clock_skew_ms,
            started_at,
            finished_at: Timestamp::now(),
            outcomes: done.outcomes,
            commands: done.commands,
            program: done.program,
        });
        let collection = collection.await;
        // It waits for the disk, and so would every other endpoint that shares its thread.
        let whole = tokio::task::spawn_blocking(move || staging.finish(&collection).map(|()| collection));
        identify::joined(whole.await)
    }

    /// The scope decides, here as well as where the order was made.
    fn admit(&self, target: IpAddr) -> Result<(), ContactError> {
        let reason = match self.config.scope.check(target) {
            Standing::InScope => return Ok(()),
            Standing::Exempt { network, reason } => format!("{network} is exempt ({reason})"),
            Standing::Refused(refusal) => refusal.to_string(),
        };
        Err(ContactError::OutOfScope { target, reason })
    }

    async fn connect(&self, target: IpAddr) -> Result<Session, ContactError> {
        if self.is_this_machine(target) {
            return Ok(Session::Local(LocalSession { target }));
        }
        reach::reach(target, &self.config, &self.accounts).await
    }

    fn is_this_machine(&self, target: IpAddr) -> bool {
        if target.is_loopback() {
            return self.loopback_is_local;
        }
        // Asked each time: addresses come and go.
        own_addresses().is_ok_and(|own| own.contains(&target))
    }
}

/// The addresses of this machine.
pub(crate) fn own_addresses() -> std::io::Result<BTreeSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces.into_iter().map(|interface| fold(interface.ip())).collect())
}

fn limits(task: &Task) -> Limits {
    match task {
        Task::Identify | Task::Remediate { .. } | Task::Undo { .. } => Limits::default(),
        Task::Collect { limits, .. } => limits.clone(),
    }
}

/// What is collected after the identity, fastest-changing first.
fn kinds(task: &Task) -> Vec<ArtifactKind> {
    let Task::Collect { artifacts, .. } = task else { return Vec::new() };
    let wanted = |kind: &ArtifactKind| *kind != ArtifactKind::Identity && artifacts.contains(kind);
    let known = ArtifactKind::ALL.into_iter().chain(ArtifactKind::FORENSIC);
    std::iter::once(ArtifactKind::Memory).chain(known).filter(wanted).collect()
}
