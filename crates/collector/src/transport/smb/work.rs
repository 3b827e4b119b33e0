//! What is done on a thread that may wait: asking services, and reading registry and drives one question after the other.

use investigation::evidence::Identity;
use investigation::order::Limits;
use investigation::text::one_line;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::failure::Failure;
use super::identity;
use super::registry::{self, RemoteRegistry, Stop};
use super::services::{self, Logon, Workstation};
use super::share::Shares;
use super::trail::{Question, Trail};
use super::walk::Walk;
use crate::artifact::Parsed;
use crate::artifact::tally::Tally;
use crate::contact_error::ContactError;
use crate::transport::local::windows::accounts::Accounts;
use crate::transport::local::windows::registry::Registry;

/// What a piece of work has to work with.
pub(super) struct Work<'a> {
    pub(super) runtime: &'a Handle,
    pub(super) shares: &'a mut Shares,
    pub(super) trail: &'a mut Trail,
    pub(super) stop: &'a Stop,
    pub(super) limits: &'a Limits,
    pub(super) tell: &'a mpsc::UnboundedSender<u64>,
}

impl Work<'_> {
    pub(super) fn registry(&mut self) -> Result<RemoteRegistry<'_>, Failure> {
        let target = self.shares.target();
        let winreg = self.runtime.block_on(self.stop.within(target, registry::open(self.shares)))?;
        Ok(RemoteRegistry::new(self.runtime, self.shares, winreg, self.trail, self.stop))
    }

    /// Asks a service for something that may be refused, and puts it on record.
    fn ask<T: std::fmt::Debug>(
        &mut self,
        asked: &str,
        ask: impl AsyncFnOnce(&mut Shares) -> Result<Vec<T>, Failure>,
    ) -> Result<Result<Vec<T>, Failure>, ContactError> {
        let question = Question::begin();
        let target = self.shares.target();
        let answered = self.runtime.block_on(self.stop.within(target, ask(self.shares)));
        let lines: Vec<String> =
            answered.iter().flatten().map(|row| one_line(&format!("{row:?}"), 1000)).collect();
        let why = answered.as_ref().err().map(ToString::to_string);
        self.trail.note(asked, &question, &lines, why.as_deref());
        match answered {
            Err(Failure::Broken(error)) => Err(*error),
            answered => Ok(answered),
        }
    }
}

/// What the workstation and server services tell of an endpoint.
pub(super) struct Told {
    workstation: Result<Vec<Workstation>, Failure>,
    logons: Result<Vec<Logon>, Failure>,
}

impl Told {
    pub(super) fn ask(work: &mut Work<'_>) -> Result<Self, ContactError> {
        let workstation = work.ask("wkssvc: NetrWkstaGetInfo, level 100", async |shares| {
            services::workstation(shares).await.map(|said| vec![said])
        })?;
        let logons = work.ask("wkssvc: NetrWkstaUserEnum, level 1", services::logons)?;
        // Who uses its shares from elsewhere is no user of it: on record, and no more.
        let _ = work.ask("srvsvc: NetrSessionEnum, level 10", services::visitors)?;
        Ok(Self { workstation, logons })
    }

    pub(super) fn add(&self, identity: &mut Identity, knows_users: bool, tally: &mut Tally) {
        if let Some(said) = self.workstation.iter().flatten().next() {
            identity::add_workstation(identity, said);
        }
        match &self.logons {
            _ if knows_users => {}
            Ok(logons) => {
                identity::add_logons(identity, logons);
                tally.partial("the users' registries are closed: services and jobs may be among the users");
            }
            Err(failure) => tally.partial(format!("who is logged on is not told: {failure}")),
        }
    }
}

/// What a reader of registries makes of the endpoint's. `nothing` is what it would make of none.
pub(super) fn from_registry(
    mut work: Work<'_>,
    nothing: Parsed,
    read: impl FnOnce(&dyn Registry, &Limits) -> (Parsed, Tally),
) -> Result<(Parsed, Tally), ContactError> {
    let limits = work.limits;
    let remote = match work.registry() {
        Ok(remote) => remote,
        Err(Failure::Broken(error)) => return Err(*error),
        Err(failure) => {
            let mut tally = Tally::default();
            tally.failed(registry::closed(&failure));
            return Ok((nothing, tally));
        }
    };
    let (parsed, tally) = read(&remote, limits);
    remote.finish()?;
    Ok((parsed, tally))
}

pub(super) fn torrents(mut work: Work<'_>, system_root: &str) -> Result<(Parsed, Tally), ContactError> {
    // Owners are security identifiers. Where the registry is closed they stay what they are.
    let accounts = match work.registry() {
        Ok(remote) => {
            let accounts = Accounts::read(&remote, &mut Tally::default());
            remote.finish()?;
            accounts
        }
        Err(Failure::Broken(error)) => return Err(*error),
        Err(_) => Accounts::default(),
    };
    let Work { runtime, shares, trail, stop, limits, tell } = work;
    let tell = |seen| {
        let _ = tell.send(seen);
    };
    let target = shares.target();
    let mut walk = Walk::new(shares, trail, stop, limits, &accounts, &tell);
    walk.system_root = system_root;
    let walked = async { walk.run().await.map_err(|error| Failure::Broken(Box::new(error))) };
    if let Err(Failure::Broken(error)) = runtime.block_on(stop.within(target, walked)) {
        return Err(*error);
    }
    let (files, tally) = walk.finish();
    Ok((Parsed::Torrents(files), tally))
}
