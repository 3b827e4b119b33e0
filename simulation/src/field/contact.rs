//! Contacts of simulated machines.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use investigation::case::{Case, Effect, Event, Pending};
use investigation::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Identity, SessionUser};
use tokio::time::Duration;

use crate::history::{Contact, Fact};
use crate::life::{Life, Shared, stamp};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};
use crate::world::{Machine, PARTS, Staging};

/// A contact that is going on. However it ends, it is written down: dropping it ends it.
struct Going {
    shared: Arc<Shared>,
    contact: u32,
}

impl Going {
    fn begin(shared: &Arc<Shared>, case: &Case, ip: Ipv4Addr, what: Contact) -> Self {
        let machine = shared.world().answering(ip, shared.now());
        let contact = shared.history().contact();
        shared.record(|history| Fact::ContactBegan {
            contact,
            case: history.case(&case.id),
            ip,
            machine,
            what,
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

/// Performs an effect that contacts the endpoint, by a worker or by a relay.
pub(super) async fn perform(
    shared: &Arc<Shared>,
    life: Option<&Life>,
    limits: [i64; 2],
    case: &Case,
    pending: &Pending,
) -> Event {
    let IpAddr::V4(ip) = case.target else { return failed("scope", "no IPv4", false) };
    let what = if matches!(pending.effect, Effect::Collect) { Contact::Collect } else { Contact::Identify };
    let number = shared.history().case(&case.id);
    let staged = shared.world().staging.get(&number).copied().filter(|staging| staging.whole);
    let machine = match staged {
        // Collected before a crash: taken over.
        Some(staging) if what == Contact::Collect => staging.machine,
        _ => {
            let limit = Duration::from_millis(limits[usize::from(what == Contact::Collect)].unsigned_abs());
            let reached = tokio::time::timeout(limit, reach(shared, life, case, ip, what));
            match reached.await {
                Ok(Ok(machine)) => machine,
                Ok(Err(event)) => return event,
                Err(_) => return failed("timed_out", "did not finish in time", true),
            }
        }
    };
    match what {
        Contact::Identify => {
            shared.record(|_| Fact::Identified { case: number, machine });
            let identity = identity(shared, machine, case.target);
            if shared.strikes_early(Trouble::Dhcp, 60) {
                // The worst moment for it.
                let dice = shared.between(0, i64::MAX).unsigned_abs();
                shared.world().move_machine(machine, dice);
            }
            Event::Identified { identity }
        }
        Contact::Collect => {
            let now = Machine::host_name(machine);
            match &case.identity {
                Some(before) if before.host_name != now => {
                    shared.world().staging.remove(&number);
                    failed("identity_changed", "the address moved", true)
                }
                _ => Event::Collected { outcomes: outcomes(shared), staged: None },
            }
        }
    }
}

/// Reaches whoever has the address, and does what is to be done there. Returns who it was.
async fn reach(
    shared: &Arc<Shared>,
    life: Option<&Life>,
    case: &Case,
    ip: Ipv4Addr,
    what: Contact,
) -> Result<u32, Event> {
    let _going = Going::begin(shared, case, ip, what);
    let number = shared.history().case(&case.id);
    let Some(machine) = shared.world().answering(ip, shared.now()) else {
        wait(10 * SECOND).await;
        return Err(failed("unreachable", "no answer", true));
    };
    if what == Contact::Collect {
        // What an earlier try left here is half done.
        let half = Staging { parts: PARTS / 2, whole: false, machine };
        shared.world().staging.insert(number, half);
    }
    let mut mood =
        shared.scenario.random("mood", &[u64::from(machine), (shared.now() / HOUR).unsigned_abs()]);
    let (slow, hung) = (mood.chance(60), mood.chance(40));
    if hung && shared.scenario.has(Trouble::Hung) {
        wait(12 * HOUR).await;
    }
    let takes = match (what, slow && shared.scenario.has(Trouble::Slow)) {
        (Contact::Identify, false) => shared.between(300, 5 * SECOND),
        (Contact::Identify, true) => shared.between(20 * SECOND, 55 * SECOND),
        (Contact::Collect, false) => shared.between(20 * SECOND, 6 * MINUTE),
        (Contact::Collect, true) => shared.between(15 * MINUTE, 29 * MINUTE),
    };
    wait(takes / 2).await;
    if let Some(life) = life {
        life.survive(super::DEATHS).await;
    }
    if shared.strikes(Trouble::Interrupted, 120) {
        return Err(failed("interrupted", "the connection broke", true));
    }
    wait(takes - takes / 2).await;
    if shared.world().answering(ip, shared.now()) != Some(machine) {
        return Err(failed("interrupted", "the connection broke", true));
    }
    if what == Contact::Collect {
        shared.world().staging.insert(number, Staging { parts: PARTS, whole: true, machine });
    }
    Ok(machine)
}

async fn wait(milliseconds: i64) {
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
