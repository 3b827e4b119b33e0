//! SMB: reading a Windows endpoint that offers neither WinRM nor SSH, through its shares and its remote registry. No
//! service is installed, no command is run, and nothing is opened in a way that could change it.
//!
//! From the bottom up: a [`connection`] (SMB 2.1 to 3.1.1, signed or sealed), the [`logon`], [`share`]s and what is
//! opened in them, [`rpc`] through pipes to the registry ([`winreg`]) and to other [`services`], and what artifacts are
//! read from all that: here, in [`identity`] and in [`walk`].

mod bytes;
mod config;
mod connection;
mod failure;
pub(crate) mod fuzzing;
mod header;
mod identity;
mod keys;
mod listing;
mod logon;
mod message;
mod ndr;
mod negotiation;
mod registry;
mod rpc;
mod services;
mod share;
mod spnego;
mod trail;
mod walk;
mod winreg;
mod work;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use investigation::evidence::{ArtifactKind, CommandRecord, FirewallState};
use investigation::order::Limits;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::account::accounts::Accounts as Passwords;
use super::local::CancelOnDrop;
use super::local::windows;
use super::local::windows::registry::{Hive, Registry as _};
use crate::artifact::facts::{Contact, Facts};
use crate::artifact::tally::Tally;
use crate::artifact::{Artifact, Parsed};
use crate::contact_error::ContactError;
use crate::staging::RawOutput;
pub use config::SmbConfig;
use logon::Hello;
use registry::Stop;
use share::Shares;
use trail::Trail;
use work::{Told, Work, from_registry, torrents};

/// Where Windows lies unless the registry says otherwise.
const SYSTEM_ROOT: &str = r"C:\Windows";

/// What one artifact came to.
pub(crate) struct Reading<T> {
    pub(crate) found: T,
    pub(crate) tally: Tally,
    /// Everything that was asked.
    pub(crate) records: Vec<CommandRecord>,
}

/// Where an artifact's raw output goes, and what it may use.
pub(crate) struct Task {
    pub(crate) artifact: &'static Artifact,
    pub(crate) raw: RawOutput,
    pub(crate) time: Duration,
    pub(crate) limits: Limits,
}

/// An endpoint on which we have proven who we are.
pub(crate) struct SmbSession {
    shares: Arc<Mutex<Shares>>,
    target: IpAddr,
    hello: Hello,
    user: String,
    system_root: String,
}

impl SmbSession {
    /// Connects and authenticates: one try, and no other with the same password.
    pub(crate) async fn connect(
        target: IpAddr,
        config: &SmbConfig,
        passwords: &Passwords,
    ) -> Result<Self, ContactError> {
        let (shares, hello) = logon::log_on(target, config, passwords).await?;
        tracing::debug!(%target, dialect = hello.dialect, sealed = hello.is_sealed, "a session over SMB");
        let (shares, user) = (Arc::new(Mutex::new(shares)), config.user.clone());
        Ok(Self { shares, target, hello, user, system_root: SYSTEM_ROOT.into() })
    }

    /// The name in its NTLM challenge: SMB has no key that would prove more.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.hello.name.as_ref().map(|name| format!("NTLM:{name}"))
    }

    /// Its clock minus ours, in milliseconds.
    pub(crate) fn clock_skew_ms(&self) -> Option<i64> {
        let (theirs, ours) = self.hello.clock?;
        i64::try_from(theirs.duration_since(ours).as_millis()).ok()
    }

    /// Nothing is ever run.
    pub(crate) fn runs_nothing(&self) -> ContactError {
        let detail = "SMB runs neither scripts nor commands".to_owned();
        ContactError::Unsupported { target: self.target, detail }
    }

    /// Who it is.
    ///
    /// # Errors
    /// Where the contact breaks, or its registry is closed: without it nothing proves that it holds the address.
    pub(crate) async fn identity(&mut self, task: Task) -> Result<Reading<Contact>, ContactError> {
        let (target, hello, seconds) = (self.target, self.hello.clone(), task.time.as_secs());
        let read = self.blocking(task, &|_| {}, move |mut work| {
            let mut tally = Tally::default();
            let told = Told::ask(&mut work)?;
            let remote = work.registry().map_err(|failure| registry::unidentified(target, failure))?;
            let now = hello.clock.map(|(theirs, _)| theirs);
            let (mut identity, root) = identity::read(&remote, now, &mut tally);
            let knows_users = remote.keys(Hive::Users, "").is_ok();
            remote.finish()?;
            if work.stop.is_due() {
                // What lacks its end proves nothing, and accuses nobody.
                return Err(ContactError::TimedOut { target, phase: "identity", seconds });
            }
            told.add(&mut identity, knows_users, &mut tally);
            identity.boot_time = hello.boot;
            tally.partial("read over SMB, which does not tell since when users are logged on");
            if hello.boot.is_none() {
                tally.partial("read over SMB, which does not tell when the endpoint was started");
            }
            Ok(((identity, root), tally))
        });
        let Reading { found: (mut identity, root), tally, records } = read.await?;
        self.system_root = root.unwrap_or(SYSTEM_ROOT.into());
        identity.collected_as = Some(self.user.clone());
        let facts = Facts { boot: identity.boot_time, ..Facts::default() };
        Ok(Reading { found: Contact { identity, facts }, tally, records })
    }

    /// Reads one artifact. What is to be read over SMB gets an arm here and a way in the catalogue.
    pub(crate) async fn read(
        &mut self,
        task: Task,
        tell: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Reading<Parsed>, ContactError> {
        match task.artifact.kind {
            ArtifactKind::Autostart => {
                let work = |work: Work<'_>| {
                    from_registry(work, Parsed::Autostart(Vec::new()), |registry, limits| {
                        let (rows, mut tally) = windows::autostart(registry, limits);
                        tally.partial(
                            "read over SMB: scheduled tasks, start menu folders and WMI subscriptions are not",
                        );
                        (Parsed::Autostart(rows), tally)
                    })
                };
                self.blocking(task, tell, work).await
            }
            ArtifactKind::Firewall => {
                let work = |work: Work<'_>| {
                    from_registry(work, Parsed::Firewall(FirewallState::default()), |registry, limits| {
                        let (state, tally) = windows::firewall(registry, limits);
                        (Parsed::Firewall(state), tally)
                    })
                };
                self.blocking(task, tell, work).await
            }
            ArtifactKind::Programs => {
                let work = |work: Work<'_>| {
                    from_registry(work, Parsed::Programs(Vec::new()), |registry, limits| {
                        let (rows, tally) = windows::programs(registry, limits);
                        (Parsed::Programs(rows), tally)
                    })
                };
                self.blocking(task, tell, work).await
            }
            ArtifactKind::Torrents => {
                let root = self.system_root.clone();
                self.blocking(task, tell, move |work| torrents(work, &root)).await
            }
            // The catalogue has no way over SMB to these.
            kind => {
                let detail = format!("{} cannot be read over SMB", kind.as_str());
                Err(ContactError::Unsupported { target: self.target, detail })
            }
        }
    }

    /// Works on a thread that may wait: those who read registries ask one question after the other.
    async fn blocking<T: Send + 'static>(
        &self,
        task: Task,
        tell: &(dyn Fn(u64) + Send + Sync),
        work: impl FnOnce(Work<'_>) -> Result<(T, Tally), ContactError> + Send + 'static,
    ) -> Result<Reading<T>, ContactError> {
        let Task { artifact, raw, time, limits } = task;
        let guard = CancelOnDrop::default();
        let stop = Stop { deadline: Instant::now() + time, cancel: guard.flag() };
        let mut trail = Trail::new(&artifact.id, raw);
        let mut shares = Arc::clone(&self.shares).lock_owned().await;
        let runtime = Handle::current();
        let (teller, mut told) = mpsc::unbounded_channel();
        let mut working = tokio::task::spawn_blocking(move || {
            let (runtime, limits, tell) = (&runtime, &limits, &teller);
            let (found, mut tally) =
                work(Work { runtime, shares: &mut shares, trail: &mut trail, stop: &stop, limits, tell })?;
            let records = trail.finish(&mut tally)?;
            Ok(Reading { found, tally, records })
        });
        let done = loop {
            tokio::select! {
                biased;
                done = &mut working => break done,
                Some(seen) = told.recv() => tell(seen),
            }
        };
        while let Ok(seen) = told.try_recv() {
            tell(seen);
        }
        done.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(ContactError::disconnected(self.target, "collection", &error)),
        })
    }

    /// Ends the session, for at most a moment.
    pub(crate) async fn close(self) {
        let end = async { self.shares.lock().await.end().await };
        let _ = timeout(Duration::from_secs(2), end).await;
    }
}

#[cfg(test)]
mod tests;
