//! A person's word on what may be changed on an endpoint: checked by the core, and written with the case.
//!
//! Nothing is done here. What was decided lies in the case's outbox, and whoever works cases carries it out.

use std::time::Duration;

use investigation::case::{Case, Event, Refused};
use investigation::policy::Policy;
use investigation::remediation::Decision;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Committed, Hold, StoreError};

/// Times that the case is read again, where someone else wrote it or took a slot meanwhile.
const ROUNDS: u32 = 8;
/// How long a worker that has the case in hand is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Do it.
    Approve,
    /// Do not do it.
    Reject,
    /// Take it back.
    Undo,
}

impl Word {
    /// The word used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Undo => "undo",
        }
    }
}

/// Why a word was not taken. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// There is no such case.
    #[error("no case {0}: see `peerhound case list`")]
    NoCase(String),
    /// The core says no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Others write it all the time.
    #[error("case {0} is being worked at this moment: try again")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes one person's word. Returns the case as it is written.
///
/// # Errors
/// See [`NotTaken`].
pub async fn decide(
    store: &impl Backend,
    case_id: &str,
    word: Word,
    decision: &Decision,
    policy: &Policy,
    now: impl Fn() -> Timestamp,
) -> Result<Case, NotTaken> {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    for _ in 0..ROUNDS {
        let (case, hold) = in_hand(store, case_id, give_up).await?;
        let now = now();
        let step = case.advance(event(store, &case, word, decision, policy, now).await?, policy, now)?;
        let written = store.commit(&step, now).await?;
        drop(hold);
        match written {
            Committed::Done => return Ok(step.case),
            // Another order took the slot in this moment, or the case was written: look again.
            Committed::Held(_) | Committed::Stale | Committed::Freed(_) => {}
        }
    }
    Err(NotTaken::Busy(case_id.to_owned()))
}

/// A case that nobody else works on, until what is returned with it is dropped. One that is at rest needs no hold.
pub(crate) async fn in_hand(
    store: &impl Backend,
    case_id: &str,
    give_up: tokio::time::Instant,
) -> Result<(Case, Option<Box<dyn Hold>>), NotTaken> {
    let missing = || NotTaken::NoCase(investigation::text::one_line(case_id, 80));
    let mut case = store.case(case_id).await?.ok_or_else(missing)?;
    // Whoever is at work on it would find it changed under its hands.
    let mut hold = None;
    while !case.is_at_rest() && hold.is_none() {
        hold = store.hold(case_id).await?;
        if hold.is_none() {
            if tokio::time::Instant::now() >= give_up {
                return Err(NotTaken::Busy(case_id.to_owned()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        case = store.case(case_id).await?.ok_or_else(missing)?;
    }
    Ok((case, hold))
}

/// What a person's word is to a case.
pub(crate) async fn event(
    store: &impl Backend,
    case: &Case,
    word: Word,
    decision: &Decision,
    policy: &Policy,
    now: Timestamp,
) -> Result<Event, StoreError> {
    Ok(match word {
        Word::Approve => {
            let held = store.claims_on(&case.order_keys(policy), now).await?;
            Event::Approved { decision: decision.clone(), held }
        }
        Word::Reject => Event::Rejected { decision: decision.clone() },
        Word::Undo => Event::UndoAsked { decision: decision.clone() },
    })
}

/// The cases with measures that wait for an approval, or for their order to be carried out; the oldest first.
///
/// # Errors
/// When the store fails.
pub async fn waiting(store: &impl Backend, now: Timestamp) -> Result<Vec<Case>, StoreError> {
    let mut cases = Vec::new();
    for id in store.open_cases().await? {
        let Some(case) = store.case(&id).await? else { continue };
        let waits = case.remediation.as_ref().is_some_and(|remediation| {
            remediation.waiting(now).next().is_some()
                || case.pending.iter().any(|pending| pending.effect.changes_endpoint())
        });
        if waits {
            cases.push(case);
        }
    }
    Ok(cases)
}
