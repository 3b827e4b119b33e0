//! Reaches the simulated world on behalf of a worker, with the same obligations that the real performer has: whatever
//! is done a second time finds what the first left.

mod change;
mod contact;
mod follow_up;
mod server;

use std::sync::Arc;

use casework::worker::{Performed, Performer};
use investigation::act::ActionKind;
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Case, Effect, Event, Pending, SealedEvidence};
use investigation::remediation::{Measure, Proposal, Suggestion, Why};
use jiff::SignedDuration;
use tokio::time::Duration;

use crate::broken::Variant;
use crate::history::{Contact, Fact, Moment};
use crate::life::{Life, News, Report, Shared, stamp};
use crate::random::{Random, purpose};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};
use crate::world::{ISOLATED_FOR, PARTS, Staging};
use contact::Visit;

/// Deaths at one point of an effect, in a hundred thousand.
const DEATHS: u64 = 600;

/// The performer of one worker.
pub struct Field {
    /// The world and its history.
    pub shared: Arc<Shared>,
    /// The worker.
    pub life: Arc<Life>,
    /// How long a contact may take at most, see [`LIMITS`].
    pub limits: [i64; 3],
    /// How the world is broken, if it is.
    pub variant: Option<Variant>,
}

/// The policy's time-outs: identification, collection, deeper look.
pub const LIMITS: [i64; 3] = [MINUTE, 30 * MINUTE, HOUR];

impl Performer for Field {
    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        let (effect, since) = (pending.n, self.shared.now());
        self.life.survive(DEATHS).await;
        let event = match &pending.effect {
            Effect::Identify
            | Effect::Collect
            | Effect::Forensics
            | Effect::Remediate { .. }
            | Effect::Undo { .. }
                if self.goes_to_a_relay(case, effect) =>
            {
                return self.dispatch(case, pending, since);
            }
            Effect::Identify | Effect::Collect | Effect::Forensics => {
                self.visit(since, false).perform(case, pending).await
            }
            Effect::ReadUserClaims { .. } => Event::UserClaims { held: Vec::new() },
            Effect::Assess => self.assess(case, effect).await,
            Effect::Seal => self.seal(case, effect).await,
            // Nobody here is listed anywhere.
            Effect::LookUpUsers { .. } => {
                Event::LookedUp { people: Vec::new(), faults: Vec::new(), again: false }
            }
            Effect::SealForensics => self.seal_deeper(case, effect).await,
            Effect::Hold { on } => self.hold(case, effect, *on).await,
            Effect::Act { kind, to } => self.act(case, effect, *kind, to).await,
            Effect::Comment { .. } => self.act(case, effect, ActionKind::TicketComment, &[]).await,
            Effect::Remediate { .. } | Effect::Undo { .. } => {
                match self.visit(since, false).change(case, pending).await {
                    Some(event) => event,
                    None => lost(),
                }
            }
            Effect::ExpireProposals => gone(),
        };
        self.life.survive(DEATHS).await;
        Performed::Done(event)
    }

    async fn leave(&self, case: &Case) {
        let number = self.shared.history().case(&case.id);
        let mut world = self.shared.world();
        world.staging.remove(&number);
        world.deeper.remove(&number);
        // A case that is over wants nothing more from its machine, but what people ordered.
        for changes in [false, true].into_iter().take(1 + usize::from(case.is_at_rest())) {
            if let Some(order) = world.relayed.remove(&(number, changes)) {
                order.abort();
            }
        }
    }
}

impl Field {
    fn goes_to_a_relay(&self, case: &Case, effect: u32) -> bool {
        let mut random = Random::of(&[self.shared.scenario.seed, purpose(&case.id), u64::from(effect)]);
        self.shared.scenario.has(Trouble::Relay) && random.chance(400)
    }

    fn visit(&self, since: Moment, by_relay: bool) -> Visit {
        let (shared, life, limits) = (Arc::clone(&self.shared), Arc::clone(&self.life), self.limits);
        Visit { shared, life, by_relay, limits, variant: self.variant, since }
    }

    /// Hands an order to a relay, which is no part of the worker and outlives it.
    fn dispatch(&self, case: &Case, pending: &Pending, since: Moment) -> Performed {
        let changes = pending.effect.changes_endpoint();
        let limit = self.limits[match pending.effect {
            Effect::Collect => Contact::Collect as usize,
            Effect::Forensics => Contact::LookDeeper as usize,
            _ => Contact::Identify as usize,
        }];
        let until = stamp(self.shared.now() + self.life.skew + limit + 5 * MINUTE);
        let attempt = pending.attempts;
        let (shared, case, pending) = (Arc::clone(&self.shared), case.clone(), pending.clone());
        let visit = self.visit(since, true);
        let number = self.shared.history().case(&case.id);
        let order = tokio::spawn(async move {
            let wait = shared.between(0, MINUTE);
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            let event = match changes {
                true => visit.change(&case, &pending).await,
                false => Some(visit.perform(&case, &pending).await),
            };
            // Systems Manager tells of a command that ended badly, mostly.
            let Some(event) = event.or_else(|| shared.strikes(Trouble::RelayRestart, 600).then(lost)) else {
                return;
            };
            if shared.strikes(Trouble::ReportLost, 60) {
                return;
            }
            let again = shared.strikes(Trouble::ReportTwice, 100);
            for _ in 0..=u8::from(again) {
                let late = shared.strikes(Trouble::ReportLate, 100);
                let delay =
                    if late { shared.between(20 * MINUTE, 6 * HOUR) } else { shared.between(0, 5 * SECOND) };
                let report = Report {
                    case_id: case.id.clone(),
                    effect: pending.n,
                    attempt,
                    event: event.clone(),
                    at: shared.now() + delay,
                };
                let _ = shared.news.send(News::Report(Box::new(report)));
            }
        });
        if let Some(older) = self.shared.world().relayed.insert((number, changes), order.abort_handle()) {
            older.abort();
        }
        Performed::Dispatched { until, to: "the simulated relay".to_owned() }
    }

    async fn assess(&self, case: &Case, effect: u32) -> Event {
        let number = self.shared.history().case(&case.id);
        let staged = self.shared.world().staging.get(&number).copied();
        if !staged.is_some_and(|staging| staging.whole) {
            return gone();
        }
        if self.shared.is_out() || self.shared.strikes_early(Trouble::OwnFailure, 30) {
            return full(effect);
        }
        let machine = staged.map_or(0, |staging| staging.machine);
        let compromised = self.shared.world().machines[machine as usize].compromised;
        let verdict = match purpose(&case.id) % 10 {
            _ if compromised => Verdict::Compromised,
            0..=5 => Verdict::PolicyViolation,
            6..=8 => Verdict::Inconclusive,
            _ => Verdict::FalsePositive,
        };
        let assessment = Assessment {
            verdict,
            confidence: Confidence::High,
            summary: String::new(),
            findings: Vec::new(),
            missing: Vec::new(),
            indicators_version: String::new(),
            basis: Default::default(),
        };
        let proposal = matches!(verdict, Verdict::PolicyViolation | Verdict::Compromised)
            .then(|| Box::new(proposal(case, verdict)));
        Event::Assessed { assessment: Box::new(assessment), proposal }
    }

    /// Packs what is staged, which takes a while and may fail or be the worker's last act.
    async fn packed(&self, staged: Option<Staging>, effect: u32) -> Result<Staging, Event> {
        let Some(staging) = staged.filter(|staging| staging.whole) else { return Err(gone()) };
        if self.shared.is_out() || self.shared.strikes_early(Trouble::OwnFailure, 30) {
            return Err(full(effect));
        }
        let takes = self.shared.between(50, 3 * SECOND);
        tokio::time::sleep(Duration::from_millis(takes.unsigned_abs())).await;
        self.life.survive(DEATHS).await;
        Ok(staging)
    }

    /// Writes the container under another name, and gives it its own when it is whole.
    async fn seal(&self, case: &Case, effect: u32) -> Event {
        let number = self.shared.history().case(&case.id);
        let (there, staged) = {
            let world = self.shared.world();
            (world.containers.contains(&number), world.staging.get(&number).copied())
        };
        if !there {
            let staging = match self.packed(staged, effect).await {
                Ok(staging) => staging,
                Err(event) => return event,
            };
            // Never in the place of one that is there: a worker that lost its hold may have been faster.
            if self.shared.world().containers.insert(number) {
                let (parts, machine) = (staging.parts, staging.machine);
                self.shared.record(|_| Fact::Sealed { case: number, parts, of: PARTS, machine });
            }
        }
        let sealed_at = stamp(self.shared.now() + self.life.skew);
        let location = format!("{}.zip", case.id);
        Event::Sealed {
            evidence: SealedEvidence { location, sha256: evidence_of(&case.id), size: 1, sealed_at },
        }
    }
}

/// What the simulated evidence of a case hashes to.
pub fn evidence_of(case_id: &str) -> String {
    format!("{:064x}", purpose(case_id))
}

/// One measure that one person can approve, one that needs two, and to cut a compromised machine off. They are proposed
/// also for machines that are never changed, as if the policy had been another one then.
fn proposal(case: &Case, verdict: Verdict) -> Proposal {
    let why = Why { rule: "simulated".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let autostart = Measure::DisableAutostart {
        mechanism: "cron".to_owned(),
        location: "/etc/cron.d/x".to_owned(),
        name: "x".to_owned(),
        command: Some("/home/a/q".to_owned()),
    };
    let stop = Measure::StopProcess { pid: 7, image: "/home/a/q".to_owned(), start_time: None };
    let isolate = (verdict == Verdict::Compromised).then(|| Measure::Isolate {
        seconds: (ISOLATED_FOR / SECOND).unsigned_abs(),
        keep: Vec::new(),
        keep_hosts: Vec::new(),
    });
    let suggest = |measure| Suggestion { measure, why: why.clone() };
    Proposal {
        host_name: case.identity.as_ref().map(|identity| identity.host_name.clone()).unwrap_or_default(),
        measures: [autostart, stop].into_iter().chain(isolate).map(suggest).collect(),
        left_out: Vec::new(),
    }
}

/// A command that ended, and nobody knows how far it came.
fn lost() -> Event {
    Event::ContactFailed {
        code: "relay_failed".to_owned(),
        reason: "the relay ended".to_owned(),
        retryable: true,
    }
}

fn gone() -> Event {
    Event::EvidenceGone { reason: "the staged evidence is gone".to_owned() }
}

fn full(effect: u32) -> Event {
    Event::EffectFailed { effect, reason: "no space is left".to_owned() }
}

/// The worker's clock.
pub fn clock(shared: &Arc<Shared>, life: &Life) -> casework::worker::Clock {
    let (shared, skew) = (Arc::clone(shared), SignedDuration::from_millis(life.skew));
    Arc::new(move || stamp(shared.now()).checked_add(skew).unwrap_or(jiff::Timestamp::MAX))
}
