//! Ordering what follows a case by a person's word: the deeper look at its machine, a legal hold, the end of one.

use investigation::assess::Verdict;
use investigation::case::{Case, NotOrdered, Step};
use investigation::policy::Policy;
use jiff::Timestamp;

use crate::backend::{Backend, Committed, StoreError};

/// Times that the case is read again, where someone else wrote it meanwhile.
const ROUNDS: u32 = 5;

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// A deeper look at the machine.
    Forensics,
    /// A legal hold on what is sealed.
    Hold {
        /// Why.
        reason: String,
    },
    /// The end of the hold.
    Release {
        /// Why.
        reason: String,
    },
}

/// Why nothing was ordered.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such case.
    #[error("no case {0}: see `peerhound case list`")]
    NoCase(String),
    /// The case does not take it.
    #[error(transparent)]
    NotOrdered(#[from] NotOrdered),
    /// Somebody else has the case.
    #[error("case {0} is being worked at this moment: try again in a moment")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the order on the case, with who gave it. Whoever works open cases carries it out.
///
/// # Errors
/// See [`OrderError`]; then nothing was ordered.
pub async fn order(
    store: &impl Backend,
    case_id: &str,
    what: &FollowUp,
    by: &str,
    now: Timestamp,
) -> Result<Case, OrderError> {
    for _ in 0..ROUNDS {
        let case = store.case(case_id).await?;
        let case = case.ok_or_else(|| OrderError::NoCase(investigation::text::one_line(case_id, 80)))?;
        let step = step(&case, what, by, now)?;
        // A worker that has an open case in hand would have its next write refused.
        let hold = match case.is_closed() {
            true => None,
            false => match store.hold(&case.id).await? {
                Some(hold) => Some(hold),
                None => return Err(OrderError::Busy(case.id)),
            },
        };
        let written = store.commit(&step, now).await?;
        drop(hold);
        if written == Committed::Done {
            return Ok(step.case);
        }
    }
    Err(OrderError::Busy(case_id.to_owned()))
}

/// Notes on a case that its sealed evidence would have another verdict by the rules of today, and puts what its ticket is
/// told into the outbox. `None` where the case has that verdict, or the same was noted before.
///
/// # Errors
/// See [`OrderError`]; then nothing was noted.
pub async fn note_verdict(
    store: &impl Backend,
    case_id: &str,
    verdict: Verdict,
    by: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<Case>, OrderError> {
    for _ in 0..ROUNDS {
        let case = store.case(case_id).await?;
        let case = case.ok_or_else(|| OrderError::NoCase(investigation::text::one_line(case_id, 80)))?;
        let Some(step) = case.reassessed(verdict, by, policy, now) else { return Ok(None) };
        let hold = match case.is_closed() {
            true => None,
            false => match store.hold(&case.id).await? {
                Some(hold) => Some(hold),
                None => return Err(OrderError::Busy(case.id)),
            },
        };
        let written = store.commit(&step, now).await?;
        drop(hold);
        if written == Committed::Done {
            return Ok(Some(step.case));
        }
    }
    Err(OrderError::Busy(case_id.to_owned()))
}

fn step(case: &Case, what: &FollowUp, by: &str, now: Timestamp) -> Result<Step, NotOrdered> {
    match what {
        FollowUp::Forensics => case.forensics_ordered(by, now),
        FollowUp::Hold { reason } => case.hold_ordered(true, by, reason, now),
        FollowUp::Release { reason } => case.hold_ordered(false, by, reason, now),
    }
}
