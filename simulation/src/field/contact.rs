//! Contacts of simulated machines.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use investigation::case::{Case, Effect, Event, Pending};
use investigation::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Identity, SessionUser};
use tokio::time::Duration;

use crate::broken::Variant;
use crate::history::{CaseNo, Contact, Fact, Moment};
use crate::life::{Life, Shared, stamp};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};
use crate::world::{Machine, PARTS, Staging, World};

/// Stops in the middle of a contact of a contended schedule, in a hundred thousand.
const STOPS: u64 = 3000;

/// A contact that is going on. However it ends, it is written down: dropping it ends it.
pub(super) struct Going {
    shared: Arc<Shared>,
    contact: u32,
}

impl Going {
    fn begin(shared: &Arc<Shared>, life: &Life, case: &Case, ip: Ipv4Addr, what: Contact) -> Self {
        let by = life.worker as u32;
        let machine = shared.world().answering(ip, shared.now());
        let contact = shared.history().contact();
        shared.record(|history| Fact::ContactBegan {
            contact,
            case: history.case(&case.id),
            ip,
            machine,
            what,
            by,
        });
        Self { shared: Arc::clone(shared), contact }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let contact = self.contact;
        self.shared.record(|_| Fact::ContactEnded { contact });
    }
}

/// A contact of an endpoint, by a worker or by the relay that has its order.
pub(super) struct Visit {
    pub shared: Arc<Shared>,
    /// The worker whose decision it is.
    pub life: Arc<Life>,
    /// A relay makes it, which goes on when the worker dies or is stopped.
    pub by_relay: bool,
    /// How long a contact may take at most, see [`super::LIMITS`].
    pub limits: [i64; 3],
    /// How the world is broken, if it is.
    pub variant: Option<Variant>,
    /// When the worker came to it.
    pub since: Moment,
}

impl Visit {
    /// Performs an effect that contacts the endpoint.
    pub(super) async fn perform(&self, case: &Case, pending: &Pending) -> Event {
        let IpAddr::V4(ip) = case.target else { return failed("scope", "no IPv4", false) };
        let what = match pending.effect {
            Effect::Collect => Contact::Collect,
            Effect::Forensics => Contact::LookDeeper,
            _ => Contact::Identify,
        };
        let collects = what != Contact::Identify;
        let number = self.shared.history().case(&case.id);
        let machine = match self.whole(number, what, pending.n) {
            // Collected before a crash: taken over.
            Some(staging) if collects => staging.machine,
            // A relay has a disk of its own.
            _ if collects && !self.by_relay && self.shared.is_out() => return super::full(pending.n),
            _ => {
                let limit = self.limits[what as usize];
                match self.within(limit, self.reach(case, ip, what, pending.n)).await {
                    Some(Ok(machine)) => machine,
                    Some(Err(event)) => return event,
                    None => return failed("timed_out", "did not finish in time", true),
                }
            }
        };
        if !collects {
            return self.identified(number, machine, case.target);
        }
        let now = Machine::host_name(machine);
        match &case.identity {
            Some(before) if before.host_name != now => {
                staging(&mut self.shared.world(), what).remove(&number);
                failed("identity_changed", "the address moved", true)
            }
            _ => Event::Collected { outcomes: outcomes(&self.shared), staged: None },
        }
    }

    fn identified(&self, case: CaseNo, machine: u32, target: IpAddr) -> Event {
        let late = self.life.lost_holds(self.since);
        self.shared.record(|_| Fact::Identified { case, machine, late });
        let identity = identity(&self.shared, machine, target);
        if self.shared.strikes_early(Trouble::Dhcp, 60) {
            // The worst moment for it.
            let dice = self.shared.between(0, i64::MAX).unsigned_abs();
            self.shared.world().move_machine(machine, dice);
        }
        Event::Identified { identity }
    }

    /// `None` when the time is over. A worker that is stopped notices when it goes on.
    async fn within<T>(&self, limit: i64, contact: impl Future<Output = T>) -> Option<T> {
        let over = async {
            wait(limit).await;
            self.running().await;
        };
        tokio::select! {
            biased;
            done = contact => Some(done),
            () = over => None,
        }
    }

    /// Reaches whoever has the address, and does what is to be done there. Returns who it was.
    async fn reach(&self, case: &Case, ip: Ipv4Addr, what: Contact, effect: u32) -> Result<u32, Event> {
        let shared = &self.shared;
        let _going = self.begin(case, ip, what);
        let number = shared.history().case(&case.id);
        let Some(machine) = shared.world().answering(ip, shared.now()) else {
            wait(10 * SECOND).await;
            self.running().await;
            return Err(failed("unreachable", "no answer", true));
        };
        if what != Contact::Identify {
            // What an earlier try left here is half done.
            self.stage(number, what, Staging { parts: PARTS / 2, whole: false, machine, effect });
        }
        let mut mood =
            shared.scenario.random("mood", &[u64::from(machine), (shared.now() / HOUR).unsigned_abs()]);
        let (slowness, breaks) = if shared.scenario.contended { (600, 600) } else { (60, 120) };
        let (slow, hung) = (mood.chance(slowness), mood.chance(40));
        if hung && shared.scenario.has(Trouble::Hung) {
            wait(12 * HOUR).await;
        }
        let takes = match (what, slow && shared.scenario.has(Trouble::Slow)) {
            (Contact::Collect, false) => shared.between(20 * SECOND, 6 * MINUTE),
            (Contact::Collect, true) => shared.between(15 * MINUTE, 29 * MINUTE),
            (Contact::LookDeeper, false) => shared.between(MINUTE, 20 * MINUTE),
            (Contact::LookDeeper, true) => shared.between(30 * MINUTE, 58 * MINUTE),
            (_, false) => shared.between(300, 5 * SECOND),
            (_, true) => shared.between(20 * SECOND, 55 * SECOND),
        };
        wait(takes / 2).await;
        if !self.by_relay {
            self.life.survive(super::DEATHS).await;
            if shared.scenario.contended {
                self.life.may_stop(STOPS).await;
            }
        }
        if shared.strikes(Trouble::Interrupted, breaks) {
            return Err(failed("interrupted", "the connection broke", true));
        }
        wait(takes - takes / 2).await;
        self.running().await;
        if shared.world().answering(ip, shared.now()) != Some(machine) {
            return Err(failed("interrupted", "the connection broke", true));
        }
        if what != Contact::Identify {
            return Ok(self.stage(number, what, Staging { parts: PARTS, whole: true, machine, effect }));
        }
        Ok(machine)
    }

    /// Stages a collection. A whole one is never overwritten, nor one of a later effect: a worker that lost its hold may
    /// come last. Returns whose is there then.
    fn stage(&self, case: CaseNo, what: Contact, new: Staging) -> u32 {
        let mut world = self.shared.world();
        let staging = staging(&mut world, what);
        match staging.get(&case) {
            Some(there) if there.effect > new.effect => new.machine,
            Some(there) if there.effect == new.effect && there.whole => there.machine,
            _ => {
                staging.insert(case, new);
                new.machine
            }
        }
    }

    fn whole(&self, case: CaseNo, what: Contact, effect: u32) -> Option<Staging> {
        let staged = staging(&mut self.shared.world(), what).get(&case).copied();
        staged.filter(|staged| staged.whole && staged.effect == effect)
    }

    /// A contact begins.
    pub(super) fn begin(&self, case: &Case, ip: Ipv4Addr, what: Contact) -> Going {
        Going::begin(&self.shared, &self.life, case, ip, what)
    }

    pub(super) async fn running(&self) {
        if !self.by_relay {
            self.life.running().await;
        }
    }
}

/// The staging areas of the first collections, or of the deeper looks.
fn staging(world: &mut World, what: Contact) -> &mut HashMap<CaseNo, Staging> {
    match what {
        Contact::LookDeeper => &mut world.deeper,
        _ => &mut world.staging,
    }
}

pub(super) async fn wait(milliseconds: i64) {
    tokio::time::sleep(Duration::from_millis(milliseconds.max(0).unsigned_abs())).await;
}

fn failed(code: &str, reason: &str, retryable: bool) -> Event {
    Event::ContactFailed { code: code.to_owned(), reason: reason.to_owned(), retryable }
}

fn identity(shared: &Shared, machine: u32, target: IpAddr) -> Identity {
    let users = shared.world().machines[machine as usize].users.clone();
    let user = |name: String| SessionUser {
        name,
        domain: Some("CORP".to_owned()),
        session: None,
        from: None,
        since: None,
    };
    Identity {
        host_name: Machine::host_name(machine),
        users: users.into_iter().map(user).collect(),
        addresses: vec![target],
        ..Identity::default()
    }
}

fn outcomes(shared: &Shared) -> Vec<ArtifactOutcome> {
    let at = stamp(shared.now());
    let partial = shared.strikes(Trouble::Partial, 100);
    let outcome = |kind: ArtifactKind| ArtifactOutcome {
        artifact: kind.as_str().to_owned(),
        kind,
        status: if partial && kind == ArtifactKind::Torrents {
            ArtifactStatus::Failed
        } else {
            ArtifactStatus::Ok
        },
        reasons: Vec::new(),
        items: 1,
        entries: Vec::new(),
        started_at: at,
        finished_at: at,
    };
    ArtifactKind::ALL.into_iter().map(outcome).collect()
}
