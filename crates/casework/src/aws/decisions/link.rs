//! A link and the code of its person's authenticator vouch for a yes to what the link names: both, and nothing else of the
//! message.
//!
//! The door has looked at the link before. It is looked at here once more, as anybody who may send to the queue can say that
//! it was; and the code is looked at here alone, as nobody else can read what it is held against.

use std::time::Duration;

use investigation::case::{Case, CodeGiven};
use investigation::remediation::Way;

use super::super::progress::Progress;
use super::{NotVouched, Speaker, Spoken};
use crate::approval_code::{Looked, typed};
use crate::approval_link::Offer;
use crate::backend::{Backend, Committed};
use crate::remediate::{self, NotTaken, Word};

/// Times that the case is read again, where someone else wrote it or took a slot meanwhile.
const ROUNDS: u32 = 8;
/// How long a worker that has the case in hand is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What vouches for a word that came by a link: the link, a blank, and the code.
pub(crate) fn token(link: &str, code: &str) -> String {
    format!("{link} {code}")
}

impl Progress {
    /// Whose word it is, by a link and a code.
    pub(super) async fn vouched_by_link(&self, spoken: &Spoken, token: &str) -> Result<Speaker, NotVouched> {
        let (link, code) = token.split_once(' ').unwrap_or((token, ""));
        let (performer, policy) = (&self.worker.performer, &self.worker.policy);
        let deployment = &performer.deployment;
        if deployment.link_secret.is_none() || deployment.codes_secret.is_none() {
            return Err(refused(
                "the door of this deployment takes no approvals: say it with `peerhound approve`",
            ));
        }
        let key = performer.link_key().await.map_err(NotVouched::Later)?;
        // It was good when the word was said: on its way it may have run out.
        let offer = key.open(link, spoken.said_at).map_err(|fault| refused(&fault.to_string()))?;
        if !is_about(spoken, &offer) {
            return Err(refused("the link is about something else than the word"));
        }
        let person = policy.person(&offer.by);
        if !policy.has_link(&person) {
            return Err(refused("its person is no approver who is asked by a link"));
        }
        let codes = performer.codes().await.map_err(NotVouched::Later)?;
        let looked = typed(code).map_or(Looked::Wrong, |code| codes.look(&person, &code, spoken.said_at));
        let given = match looked {
            Looked::Right { step } => CodeGiven::Right { step },
            Looked::Wrong => CodeGiven::Wrong,
            Looked::NoSeed => {
                return Err(NotVouched::Refused(format!(
                    "the secret of the approvers' codes names no seed of {person}: see docs/approvals.md"
                )));
            }
        };
        self.code(&spoken.case_id, &person, given).await?;
        Ok(Speaker { by: offer.by, how: Way::Link })
    }

    /// Uses a code up, so that it counts for this case alone; holds a wrong one against its person.
    async fn code(&self, case_id: &str, person: &str, given: CodeGiven) -> Result<(), NotVouched> {
        let store = &self.worker.backend;
        let later = |error: &dyn std::fmt::Display| NotVouched::Later(error.to_string());
        let give_up = tokio::time::Instant::now() + PATIENCE;
        for _ in 0..ROUNDS {
            let in_hand = remediate::in_hand(store, case_id, give_up).await;
            let (case, hold) = in_hand.map_err(|why| match why {
                NotTaken::NoCase(_) => NotVouched::Refused(why.to_string()),
                why => later(&why),
            })?;
            let now = (self.worker.now)();
            let held =
                store.claims_on(&Case::code_slots(person), now).await.map_err(|error| later(&error))?;
            let step = case.code_given(person, given, &held, now);
            let (step, left) = step.map_err(|why| NotVouched::Refused(why.to_string()))?;
            let written = store.commit(&step, now).await.map_err(|error| later(&error))?;
            drop(hold);
            match (written, given) {
                (Committed::Done, CodeGiven::Right { .. }) => return Ok(()),
                (Committed::Done, CodeGiven::Wrong) => {
                    return Err(NotVouched::Refused(format!(
                        "the code was not the one that {person}'s authenticator showed; {left} more wrong ones are heard \
                         within a day"
                    )));
                }
                (Committed::Held(_), CodeGiven::Right { .. }) => {
                    return Err(refused("this code was used for another case: wait for the next one"));
                }
                // Another wrong code took the slot in this moment, or the case was written: look again.
                (Committed::Held(_) | Committed::Stale | Committed::Freed(_), _) => {}
            }
        }
        Err(NotVouched::Later(NotTaken::Busy(case_id.to_owned()).to_string()))
    }
}

fn refused(why: &str) -> NotVouched {
    NotVouched::Refused(why.to_owned())
}

/// Whether a word is the one that a link offers: yes, to these measures of this case on this evidence.
fn is_about(spoken: &Spoken, offer: &Offer) -> bool {
    spoken.word == Word::Approve
        && spoken.case_id == offer.case_id
        && spoken.evidence_sha256 == offer.evidence_sha256
        && spoken.measures == offer.measures
}
