//! Takes people's words: once each, within their life, and never silently not.

use std::time::Instant;

use investigation::case::{Case, Heard};
use investigation::remediation::Decision;
use jiff::{SignedDuration, Timestamp};

use super::super::metrics::Metric;
use super::super::performer::Role;
use super::super::progress::{Progress, Undone};
use super::{NotVouched, Speaker, Spoken, Voucher};
use crate::backend::{Backend, Committed};
use crate::remediate::{self, NotTaken, Word};

/// A word counts for so long after it was said: as long as AWS takes its signature.
const LIFE: SignedDuration = SignedDuration::from_mins(15);
/// So far the clock of whoever said it may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// A word that cannot be taken at this moment comes again after so many seconds, within its life.
const AGAIN_SECONDS: i32 = 20;
/// Times that the case is read again, where someone else wrote it or took a slot meanwhile.
const ROUNDS: u32 = 8;
/// How long a worker that has the case in hand is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Why a word was not taken.
enum Missed {
    /// It never will be. One line.
    Refused(String),
    /// The same may be taken later. One line.
    Later(String),
}

impl From<NotTaken> for Missed {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::NoCase(_) | NotTaken::Refused(_) => Self::Refused(why.to_string()),
            NotTaken::Busy(_) | NotTaken::Store(_) => Self::Later(why.to_string()),
        }
    }
}

impl Progress {
    /// Takes a word, or notes on its case that it was not taken and why.
    ///
    /// # Errors
    /// Rejected where there is no case to note it on; to be tried again where nothing could be written.
    pub(in super::super) async fn spoken(&self, spoken: &Spoken, until: Instant) -> Result<(), Undone> {
        let performer = &self.worker.performer;
        if performer.role != Role::Progress {
            return Err(Undone::Reject("no other function than progress takes people's words".to_owned()));
        }
        if let Some(fault) = spoken.fault() {
            return Err(Undone::Reject(format!("a person's word cannot be read: {fault}")));
        }
        let case = self.worker.backend.case(&spoken.case_id).await;
        let case = case.map_err(|error| Undone::Retry(error.to_string()))?;
        let Some(case) = case else {
            return Err(Undone::Reject(format!("there is no case {}", spoken.case_id)));
        };
        if case.heard(&spoken.id).is_some() {
            tracing::info!(case_id = case.id, word = spoken.id, "a word came twice");
            return Ok(());
        }
        if let Some(why) = out_of_time(spoken.said_at, (self.worker.now)()) {
            return self.not_taken(spoken, "", why).await;
        }
        let speaker = match self.vouched(spoken).await {
            Ok(speaker) => speaker,
            Err(NotVouched::Refused(why)) => return self.not_taken(spoken, "", why).await,
            Err(NotVouched::Later(why)) => return self.later(spoken, &why).await,
        };
        match self.take(spoken, &speaker).await {
            Ok(case) => {
                let (case_id, word) = (&case.id, spoken.word.as_str());
                tracing::info!(case_id, word, by = speaker.by, "a person's word was taken");
                // The order goes out now. Where that fails, the sweep does it.
                if let Err(why) = self.go_on(case_id, until).await {
                    tracing::info!(case_id, %why, "the case goes on with the next sweep");
                }
                Ok(())
            }
            Err(Missed::Refused(why)) => self.not_taken(spoken, &speaker.by, why).await,
            Err(Missed::Later(why)) => self.later(spoken, &why).await,
        }
    }

    /// Takes the word of somebody who is known.
    async fn take(&self, spoken: &Spoken, speaker: &Speaker) -> Result<Case, Missed> {
        let (store, policy) = (&self.worker.backend, &self.worker.policy);
        let decision = Decision {
            by: speaker.by.clone(),
            how: speaker.how,
            evidence_sha256: spoken.evidence_sha256.clone(),
            measures: spoken.measures.clone(),
        };
        let give_up = tokio::time::Instant::now() + PATIENCE;
        for _ in 0..ROUNDS {
            let (mut case, hold) = remediate::in_hand(store, &spoken.case_id, give_up).await?;
            if case.heard(&spoken.id).is_some() {
                return Ok(case);
            }
            let now = (self.worker.now)();
            // What somebody else wrote there stands in nobody's way.
            let before = self.count_none_unsealed(&mut case, now).await?;
            shown_as_it_is(spoken, &case)?;
            let event = remediate::event(store, &case, spoken.word, &decision, policy, now).await;
            let event = event.map_err(NotTaken::from)?;
            let mut step = case.advance(event, policy, now).map_err(NotTaken::from)?;
            self.seal_since(&mut step.case, before).await?;
            step.case.hear(heard(spoken, &policy.person(&speaker.by), None, now));
            let written = store.commit(&step, now).await.map_err(NotTaken::from)?;
            drop(hold);
            match written {
                Committed::Done => return Ok(step.case),
                // Another order took the slot in this moment, or the case was written: look again.
                Committed::Held(_) | Committed::Stale | Committed::Freed(_) => {}
            }
        }
        Err(NotTaken::Busy(spoken.case_id.clone()).into())
    }

    /// Lets approvals without a valid seal count for nothing. Returns how many approvals there are.
    async fn count_none_unsealed(&self, case: &mut Case, now: Timestamp) -> Result<usize, Missed> {
        let approvals = case.remediation.as_ref().map(|kept| kept.approvals.as_slice()).unwrap_or_default();
        let standing: Vec<usize> = (0..approvals.len())
            .filter(|n| !approvals[*n].unsealed && now < approvals[*n].expires_at)
            .collect();
        let count = approvals.len();
        let unsealed = self.worker.performer.unsealed(case, &standing).await.map_err(Missed::Later)?;
        case.unseal(&unsealed, now);
        Ok(count)
    }

    /// Seals the approvals that came after the first so many.
    async fn seal_since(&self, case: &mut Case, before: usize) -> Result<(), Missed> {
        let count = case.remediation.as_ref().map_or(0, |kept| kept.approvals.len());
        for n in before..count {
            let Some(approval) = case.remediation.as_ref().map(|kept| kept.approvals[n].clone()) else {
                break;
            };
            let seal = self.worker.performer.seal_of(case, &approval).await.map_err(Missed::Later)?;
            if let Some(kept) = &mut case.remediation {
                kept.approvals[n].seal = Some(seal);
            }
        }
        Ok(())
    }

    /// Notes on the case that a word was not taken.
    async fn not_taken(&self, spoken: &Spoken, by: &str, why: String) -> Result<(), Undone> {
        let store = &self.worker.backend;
        let retry = |error: &dyn std::fmt::Display| Undone::Retry(error.to_string());
        tracing::warn!(
            case_id = spoken.case_id,
            word = spoken.word.as_str(),
            by,
            why,
            "a word was not taken"
        );
        let give_up = tokio::time::Instant::now() + PATIENCE;
        let by = self.worker.policy.person(by);
        for _ in 0..ROUNDS {
            let (case, hold) =
                remediate::in_hand(store, &spoken.case_id, give_up).await.map_err(|error| retry(&error))?;
            let now = (self.worker.now)();
            let Some(step) = case.word_refused(heard(spoken, &by, Some(why.clone()), now), now) else {
                return Ok(());
            };
            let written = store.commit(&step, now).await.map_err(|error| retry(&error))?;
            drop(hold);
            if written == Committed::Done {
                self.worker.performer.metrics.add(Metric::WordsRefused, 1);
                return Ok(());
            }
        }
        Err(Undone::Retry(NotTaken::Busy(spoken.case_id.clone()).to_string()))
    }

    /// Lets a word come again in a moment. It is put on the queue anew and does not go back to it: a queue that gives a
    /// message back waits longer than the word lives.
    async fn later(&self, spoken: &Spoken, why: &str) -> Result<(), Undone> {
        let performer = &self.worker.performer;
        let queue = &performer.deployment.decisions_queue_url;
        tracing::info!(case_id = spoken.case_id, why, "a word is taken later");
        let sent = spoken.send_after(performer.clients.sqs(), queue, AGAIN_SECONDS).await;
        sent.map_err(|error| Undone::Retry(format!("{why}; and {error}")))
    }
}

/// Why a word does not count at `now`.
fn out_of_time(said_at: Timestamp, now: Timestamp) -> Option<String> {
    let age = now.duration_since(said_at);
    if age >= LIFE {
        return Some(format!(
            "it came too late: it was said at {said_at:.0} and counts for 15 minutes; say it again"
        ));
    }
    (age < -AHEAD)
        .then(|| format!("it was said at {said_at:.0}, which is yet to come: set the clock where it is said"))
}

/// A yes is to what was shown: where the case says something else by now, it is none.
fn shown_as_it_is(spoken: &Spoken, case: &Case) -> Result<(), Missed> {
    if spoken.word == Word::Reject {
        return Ok(());
    }
    let Some(seen) = &spoken.seen else {
        return match spoken.voucher {
            // A link says itself what it is for.
            Voucher::Link { .. } => Ok(()),
            Voucher::Sts(_) => Err(Missed::Refused("it does not say what was shown".to_owned())),
        };
    };
    let is = case.plan_sha256(&spoken.measures, spoken.word == Word::Undo);
    if *seen == is {
        return Ok(());
    }
    Err(Missed::Refused("what the case proposes is not what was shown: look at the case again".to_owned()))
}

fn heard(spoken: &Spoken, by: &str, refused: Option<String>, at: Timestamp) -> Heard {
    Heard {
        id: spoken.id.clone(),
        by: by.to_owned(),
        word: spoken.word.as_str().to_owned(),
        measures: spoken.measures.clone(),
        at,
        refused,
    }
}
