//! The loop: takes an alert, opens or continues its case, performs what the core asks for, and tells the core how it
//! went. It decides nothing.

pub(crate) mod case_file;
mod notice;
pub(crate) mod on_site;
mod performer;
mod staged;
#[cfg(test)]
mod tests;
mod tidy;

use std::sync::Arc;
use std::time::Duration;

use investigation::act::ActionKind;
use investigation::case::{
    Case, Delivery, Disposition, Effect, Event, Intake, Outcome, Pending, Refused, State, Step, intake,
};
use investigation::claim::Claim;
use investigation::policy::Policy;
use jiff::Timestamp;

pub use notice::{Notice, Observer, Phase};
pub use on_site::{Desks, OnSite};
pub use performer::{Clock, Performed, Performer};

use crate::backend::{AlertRow, Backend, Committed, StoreError};
use crate::failpoint::failpoint;

/// Everything that a worker needs, built once.
pub struct Worker<B, P> {
    /// The store.
    pub backend: B,
    /// Reaches outside.
    pub performer: P,
    /// What is allowed and wanted.
    pub policy: Arc<Policy>,
    /// Told about progress.
    pub observer: Arc<dyn Observer>,
    /// The clock.
    pub now: Clock,
}

/// How often in a row a claim may change hands under a write before the case is left for the next look at it.
const CHANGES_OF_OWNER: usize = 4;

/// How eager a worker is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long to wait for what is to be tried again, instead of leaving it for later.
    pub patience: Duration,
    /// Try a machine that a case waits for at once, as somebody asks for it.
    pub try_now: bool,
}

impl Pace {
    /// Of a worker that stays.
    pub const STEADY: Self = Self { patience: Duration::ZERO, try_now: false };
    /// Of a single run that somebody watches.
    pub const WATCHED: Self = Self { patience: Duration::from_secs(20), try_now: true };
}

/// Where an alert ended up.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// It opened this case, or is the alert that had opened it.
    Case(Box<Case>),
    /// It opened none.
    Settled(Disposition),
    /// It belongs to this case, which another worker has in hand.
    InOtherHands(String),
}

/// What came of nudging a case.
enum Nudge {
    /// It waits, and is due at this moment.
    Waits(Timestamp),
    /// Another worker has it: it is being tried this very moment.
    InOtherHands,
    /// It went on, or ended, meanwhile.
    WaitsNoMore,
}

/// Why a worker had to stop in the middle. Whatever was written stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The core refused an event: a bug, and better stopped than papered over.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A case was written by two workers at once, or vanished.
    #[error("case {0} was changed by another program; run the command again to go on")]
    Stale(String),
}

fn suppressed_by(claim: Claim) -> Disposition {
    Disposition::Suppressed { key: claim.key, case_id: claim.case_id, until: claim.expires_at }
}

impl<B: Backend, P: Performer> Worker<B, P> {
    /// Works one stored alert: decides, opens a case or continues its own, and drives that as far as it goes.
    pub async fn resolve(&self, row: &AlertRow, pace: Pace) -> Result<Resolution, WorkError> {
        let Some(alert) = &row.alert else { return Ok(Resolution::Settled(row.disposition.clone())) };
        if let Disposition::Opened { case_id } = &row.disposition
            && let Some(case) = self.backend.case(case_id).await?
            && !case.is_closed()
        {
            self.nudge(case_id, pace).await?;
            return self.drive(case_id, pace).await;
        }
        let now = (self.now)();
        let step = match intake(alert, &self.policy, now) {
            Intake::Open(step) => Box::new(Step { alert_was: Some(row.disposition.clone()), ..*step }),
            Intake::Settled(disposition) => return self.settle(row, disposition).await,
        };
        if let Some(case_id) = self.backend.waiting_case(step.case.target).await?
            && let Some(resolution) = self.fold(row, &case_id, pace).await?
        {
            return Ok(resolution);
        }
        failpoint("case.decided");
        let Some(claim) = self.open(&step, now).await? else { return self.drive(&step.case.id, pace).await };
        let owner = self.backend.case(&claim.case_id).await?;
        let Some(own) = owner.filter(|case| case.alert.id == row.id) else {
            return self.settle(row, suppressed_by(claim)).await;
        };
        if !own.is_closed() {
            return self.drive(&claim.case_id, pace).await;
        }
        if let Some(over) = step.taking_over(&own) {
            return match self.open(&over, now).await? {
                None => self.drive(&over.case.id, pace).await,
                // Somebody was faster. Whoever it is, the alert is not left to wait for it.
                Some(claim) if claim.case_id != own.id => self.settle(row, suppressed_by(claim)).await,
                Some(claim) => Ok(Resolution::Settled(suppressed_by(claim))),
            };
        }
        if row.disposition == Disposition::Waiting {
            // It was forgotten, and is told again while the case that it opened is cooling down.
            self.settle(row, Disposition::Opened { case_id: own.id }).await?;
        }
        // This very alert opened the case that is now cooling down: said again, but not counted.
        Ok(Resolution::Settled(suppressed_by(claim)))
    }

    /// Writes the opening of a case. Returns the claim that stands in its way, if one does.
    async fn open(&self, step: &Step, now: Timestamp) -> Result<Option<Claim>, WorkError> {
        match self.backend.commit(step, now).await? {
            Committed::Done => Ok(None),
            Committed::Held(claim) => Ok(Some(claim)),
            Committed::Stale | Committed::Freed(_) => Err(WorkError::Stale(step.case.id.clone())),
        }
    }

    async fn settle(&self, row: &AlertRow, disposition: Disposition) -> Result<Resolution, WorkError> {
        failpoint("alert.decided");
        self.backend.settle(&row.id, &disposition, (self.now)()).await?;
        failpoint("alert.settled");
        if let Disposition::Suppressed { case_id, .. } = &disposition {
            self.tell_repeats(case_id).await;
        }
        Ok(Resolution::Settled(disposition))
    }

    /// Lets the ticket of a closed case know that its alerts go on. They are counted, whatever comes of it: where another
    /// worker has the case in hand, or something fails here, the next repeat does it.
    pub async fn tell_repeats(&self, case_id: &str) {
        if self.policy.comments_repeats()
            && let Err(error) = Box::pin(self.try_to_tell_repeats(case_id)).await
        {
            tracing::warn!(case_id, %error, "the ticket is told of repeats with the next one");
        }
    }

    async fn try_to_tell_repeats(&self, case_id: &str) -> Result<(), WorkError> {
        let (count, _) = self.backend.suppressed(case_id).await?;
        let worth_it = |case: &Case| case.tells_repeats(count, &self.policy);
        if count < Case::FEWEST_TOLD || !self.backend.case(case_id).await?.is_some_and(|case| worth_it(&case))
        {
            return Ok(());
        }
        {
            let Some(_hold) = self.backend.hold(case_id).await? else { return Ok(()) };
            let Some(case) = self.backend.case(case_id).await?.filter(worth_it) else { return Ok(()) };
            self.apply(&case, Event::Repeated { count }).await?;
        }
        self.drive(case_id, Pace::STEADY).await.map(|_| ())
    }

    /// Counts an alert on the case that waits for its machine. That somebody saw the machine is a reason to try it.
    /// `None` where the case does not wait any more, so that the alert has to be looked at by itself.
    async fn fold(&self, row: &AlertRow, case_id: &str, pace: Pace) -> Result<Option<Resolution>, WorkError> {
        let until = match self.nudge(case_id, pace).await? {
            Nudge::Waits(until) => until,
            Nudge::InOtherHands => (self.now)(),
            Nudge::WaitsNoMore => return Ok(None),
        };
        let folded = Disposition::Folded { case_id: case_id.to_owned(), until };
        self.backend.settle(&row.id, &folded, (self.now)()).await?;
        if until <= (self.now)() {
            return self.drive(case_id, pace).await.map(Some);
        }
        Ok(Some(Resolution::Settled(folded)))
    }

    /// Lets a waiting case know that there is a reason to try again.
    async fn nudge(&self, case_id: &str, pace: Pace) -> Result<Nudge, WorkError> {
        let Some(_hold) = self.backend.hold(case_id).await? else { return Ok(Nudge::InOtherHands) };
        let Some(case) = self.backend.case(case_id).await?.filter(Case::is_waiting) else {
            return Ok(Nudge::WaitsNoMore);
        };
        let nudged = self.apply(&case, Event::Nudged { now: pace.try_now }).await?;
        Ok(nudged.next_due().map_or(Nudge::WaitsNoMore, Nudge::Waits))
    }

    /// Performs a case's effects until it is closed, or nothing is due within the pace's patience.
    pub async fn drive(&self, case_id: &str, pace: Pace) -> Result<Resolution, WorkError> {
        let Some(_hold) = self.backend.hold(case_id).await? else {
            return Ok(Resolution::InOtherHands(case_id.to_owned()));
        };
        failpoint("case.held");
        let missing = || WorkError::Stale(case_id.to_owned());
        let mut case = self.backend.case(case_id).await?.ok_or_else(missing)?;
        let give_up = tokio::time::Instant::now() + pace.patience;
        while !case.is_at_rest() {
            let now = (self.now)();
            if let Some(due) = case.due(now) {
                let effect = due.n;
                if !self.performer.performs(&due.effect) {
                    self.performer.hand_over(&case).await;
                    break;
                }
                let slots = case.limit_slots(effect, &self.policy);
                let begun = match slots.as_slice() {
                    [] => Event::Began { effect },
                    slots => Event::SlotsRead { effect, held: self.backend.claims_on(slots, now).await? },
                };
                case = self.apply(&case, begun).await?;
                failpoint("effect.begun");
                let begun = case.pending.iter().find(|pending| pending.n == effect && pending.started);
                if let Some(begun) = begun.cloned() {
                    case = self.perform(&case, &begun).await?;
                }
                continue;
            }
            let wait = case.next_due().and_then(|due| Duration::try_from(due.duration_since(now)).ok());
            match wait {
                Some(wait) if tokio::time::Instant::now() + wait <= give_up => tokio::time::sleep(wait).await,
                _ => break,
            }
        }
        if case.is_closed() {
            failpoint("case.closed");
            self.performer.leave(&case).await;
            failpoint("case.left");
        }
        Ok(self.resolution(case))
    }

    /// Takes a report on an effect that was handed over, and goes on with the case. A report that comes twice, or too
    /// late, changes nothing.
    pub async fn report(
        &self,
        case_id: &str,
        effect: u32,
        attempt: u32,
        event: Event,
    ) -> Result<Resolution, WorkError> {
        {
            let Some(_hold) = self.backend.hold(case_id).await? else {
                return Ok(Resolution::InOtherHands(case_id.to_owned()));
            };
            let missing = || WorkError::Stale(case_id.to_owned());
            let case = self.backend.case(case_id).await?.ok_or_else(missing)?;
            match self.apply(&case, Event::Reported { effect, attempt, event: Box::new(event) }).await {
                Ok(_) => {}
                Err(WorkError::Refused(refused)) => {
                    tracing::info!(case_id, %refused, "a report came twice or too late");
                }
                Err(error) => return Err(error),
            }
        }
        self.drive(case_id, Pace::STEADY).await
    }

    /// Performs one effect that has been begun.
    async fn perform(&self, case: &Case, pending: &Pending) -> Result<Case, WorkError> {
        let event = match &pending.effect {
            Effect::ReadUserClaims { keys } => {
                Event::UserClaims { held: self.backend.claims_on(keys, (self.now)()).await? }
            }
            // Here and not where things are sent, so that nothing can be, whatever the action is.
            Effect::Act { kind, to } if self.policy.actions.dry_run => {
                let what = self.performer.rehearse(case, *kind, to);
                Event::Delivered { effect: pending.n, delivery: Delivery::Withheld { what } }
            }
            Effect::Comment { text } if self.policy.actions.dry_run => {
                let what = format!("would have commented {text:?}");
                Event::Delivered { effect: pending.n, delivery: Delivery::Withheld { what } }
            }
            _ => match self.performer.perform(case, pending).await {
                Performed::Done(event) => event,
                Performed::Dispatched { until, to } => Event::Dispatched { effect: pending.n, until, to },
            },
        };
        failpoint("effect.performed");
        self.apply(case, event).await
    }

    fn resolution(&self, case: Case) -> Resolution {
        match &case.state {
            State::Closed { outcome: Outcome::Suppressed { by } } => {
                Resolution::Settled(Disposition::Suppressed {
                    key: by.key.clone(),
                    case_id: by.case_id.clone(),
                    until: by.expires_at,
                })
            }
            State::Closed { outcome: Outcome::Exempt { reason } } => {
                Resolution::Settled(Disposition::Exempt { what: "user".to_owned(), reason: reason.clone() })
            }
            _ => Resolution::Case(Box::new(case)),
        }
    }

    /// Lets the core decide on an event and writes what it decided.
    async fn apply(&self, case: &Case, event: Event) -> Result<Case, WorkError> {
        for _ in 0..CHANGES_OF_OWNER {
            let held = match self.write(case, event.clone()).await? {
                Ok(written) => return Ok(written),
                // Another case took the slot of a limit first: the slots have to be read again.
                Err(Some(held)) if held.key.is_limit() => return Ok(case.clone()),
                Err(Some(held)) => held,
                // The step would be the same once more: who owns which user has to be read again.
                Err(None) if matches!(case.state, State::ClaimingUsers) => break,
                Err(None) => continue,
            };
            if matches!(case.state, State::ClaimingUsers) {
                break;
            }
            if let Ok(written) = self.write(case, Event::ClaimLost { held }).await? {
                return Ok(written);
            }
        }
        match case.state {
            // Another case looked at one of the users at the same moment: look again.
            State::ClaimingUsers => Ok(case.clone()),
            _ => Err(WorkError::Stale(case.id.clone())),
        }
    }

    /// Writes what the core decides on one event, unless the claims have changed hands: then the claim that stands in
    /// the way, or nothing where the one that did is gone.
    async fn write(&self, case: &Case, event: Event) -> Result<Result<Case, Option<Claim>>, WorkError> {
        let now = (self.now)();
        let step = case.advance(event, &self.policy, now)?;
        match self.backend.commit(&step, now).await? {
            Committed::Done => Ok(Ok(self.tell(step))),
            Committed::Held(held) => Ok(Err(Some(held))),
            Committed::Freed(_) => Ok(Err(None)),
            Committed::Stale => Err(WorkError::Stale(case.id.clone())),
        }
    }

    fn tell(&self, step: Step) -> Case {
        let phase =
            match step.case.pending.iter().find(|pending| pending.started).map(|pending| &pending.effect) {
                Some(Effect::Identify) => Phase::Identifying,
                Some(Effect::ReadUserClaims { .. }) => Phase::ClaimingUsers,
                Some(Effect::Collect | Effect::Forensics) => Phase::Collecting,
                Some(Effect::Assess) => Phase::Assessing,
                Some(Effect::Seal | Effect::SealForensics) => Phase::Sealing,
                Some(Effect::Hold { on: true }) => Phase::Holding,
                Some(Effect::Hold { on: false }) => Phase::Releasing,
                Some(Effect::LookUpUsers { .. }) => Phase::Acting(ActionKind::MailUser),
                Some(Effect::Act { kind, .. }) => Phase::Acting(*kind),
                Some(Effect::Comment { .. }) => Phase::Acting(ActionKind::TicketComment),
                Some(Effect::Remediate { .. }) => Phase::Remediating,
                Some(Effect::Undo { .. }) => Phase::Undoing,
                Some(Effect::ExpireProposals) => return step.case,
                None if step.case.is_closed() => Phase::Closed,
                None => return step.case,
            };
        self.notice(&step.case, phase);
        step.case
    }

    fn notice(&self, case: &Case, phase: Phase) {
        self.observer.notice(&Notice {
            alert_id: &case.alert.id,
            case_id: &case.id,
            target: case.target,
            phase,
        });
    }
}
