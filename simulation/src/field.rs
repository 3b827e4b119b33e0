//! Reaches the simulated world on behalf of a worker, with the same obligations that the real performer has: whatever
//! is done a second time finds what the first left.

mod contact;
mod server;

use std::sync::Arc;

use casework::worker::{Performed, Performer};
use investigation::act::ActionKind;
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Case, Effect, Event, Pending, SealedEvidence};
use investigation::remediation::{Measure, Proposal, Suggestion, Why};
use jiff::SignedDuration;
use tokio::time::Duration;

use crate::history::{Fact, Moment};
use crate::life::{Life, News, Report, Shared, stamp};
use crate::random::{Random, purpose};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};
use crate::world::PARTS;
use contact::Visit;

/// Deaths at one point of an effect, in a hundred thousand.
const DEATHS: u64 = 600;

/// The performer of one worker.
pub struct Field {
    /// The world and its history.
    pub shared: Arc<Shared>,
    /// The worker.
    pub life: Arc<Life>,
    /// How long a contact may take at most: identification, collection.
    pub limits: [i64; 2],
}

/// The policy's time-outs.
pub const LIMITS: [i64; 2] = [MINUTE, 30 * MINUTE];

impl Performer for Field {
    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        let (effect, since) = (pending.n, self.shared.now());
        self.life.survive(DEATHS).await;
        let event = match &pending.effect {
            Effect::Identify | Effect::Collect if self.goes_to_a_relay(case, effect) => {
                return self.dispatch(case, pending, since);
            }
            Effect::Identify | Effect::Collect => self.visit(since, false).perform(case, pending).await,
            Effect::ReadUserClaims { .. } => Event::UserClaims { held: Vec::new() },
            Effect::Assess => self.assess(case, effect).await,
            Effect::Seal => self.seal(case, effect).await,
            // Nobody here is listed anywhere.
            Effect::LookUpUsers { .. } => {
                Event::LookedUp { people: Vec::new(), faults: Vec::new(), again: false }
            }
            // No case of a fleet is compromised.
            Effect::Forensics | Effect::SealForensics | Effect::Hold { .. } => {
                Event::EffectFailed { effect, reason: "not simulated".to_owned() }
            }
            Effect::Act { kind, to } => self.act(case, effect, *kind, to).await,
            Effect::Comment { .. } => self.act(case, effect, ActionKind::TicketComment, &[]).await,
            Effect::Remediate { .. } | Effect::Undo { .. } if self.goes_to_a_relay(case, effect) => {
                return self.dispatch(case, pending, since);
            }
            Effect::Remediate { .. } | Effect::Undo { .. } => {
                self.visit(since, false).change(case, pending).await
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
        // A case that is over wants nothing more from its machine.
        if let Some(order) = world.relayed.remove(&number) {
            order.abort();
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
        Visit { shared, life, by_relay, limits, since }
    }

    /// Hands an order to a relay, which is no part of the worker and outlives it.
    fn dispatch(&self, case: &Case, pending: &Pending, since: Moment) -> Performed {
        let limit = self.limits[usize::from(matches!(pending.effect, Effect::Collect))];
        let until = stamp(self.shared.now() + self.life.skew + limit + 5 * MINUTE);
        let attempt = pending.attempts;
        let (shared, case, pending) = (Arc::clone(&self.shared), case.clone(), pending.clone());
        let visit = self.visit(since, true);
        let number = self.shared.history().case(&case.id);
        let order = tokio::spawn(async move {
            let wait = shared.between(0, MINUTE);
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            let event = match pending.effect.changes_endpoint() {
                true => visit.change(&case, &pending).await,
                false => visit.perform(&case, &pending).await,
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
        if let Some(older) = self.shared.world().relayed.insert(number, order.abort_handle()) {
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
        let verdict = match purpose(&case.id) % 10 {
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
        let proposal = (verdict == Verdict::PolicyViolation).then(|| Box::new(proposal(case)));
        Event::Assessed { assessment: Box::new(assessment), proposal }
    }

    /// Writes the container under another name, and gives it its own when it is whole.
    async fn seal(&self, case: &Case, effect: u32) -> Event {
        let number = self.shared.history().case(&case.id);
        let (there, staged) = {
            let world = self.shared.world();
            (world.containers.contains(&number), world.staging.get(&number).copied())
        };
        if !there {
            let Some(staging) = staged.filter(|staging| staging.whole) else { return gone() };
            if self.shared.is_out() || self.shared.strikes_early(Trouble::OwnFailure, 30) {
                return full(effect);
            }
            let takes = self.shared.between(50, 3 * SECOND);
            tokio::time::sleep(Duration::from_millis(takes.unsigned_abs())).await;
            self.life.survive(DEATHS).await;
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

/// One measure that one person can approve, and one that needs two.
fn proposal(case: &Case) -> Proposal {
    let why = Why { rule: "simulated".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let autostart = Measure::DisableAutostart {
        mechanism: "cron".to_owned(),
        location: "/etc/cron.d/x".to_owned(),
        name: "x".to_owned(),
        command: Some("/home/a/q".to_owned()),
    };
    let stop = Measure::StopProcess { pid: 7, image: "/home/a/q".to_owned(), start_time: None };
    let suggest = |measure| Suggestion { measure, why: why.clone() };
    Proposal {
        host_name: case.identity.as_ref().map(|identity| identity.host_name.clone()).unwrap_or_default(),
        measures: vec![suggest(autostart), suggest(stop)],
        left_out: Vec::new(),
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
