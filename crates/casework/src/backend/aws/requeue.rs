//! Alerts that wait again, because the claim of a user that stood in their way is given up without evidence.
//!
//! There may be thousands, and a transaction takes a hundred actions. To let an alert wait earlier than the case gives
//! its claim up is harmless: it is looked at once more. So all but the last few go ahead of the step, and the step
//! takes the rest along. That none is missed follows from the claim's counter: it is read first, every suppression on
//! the claim counts on it in its own write (`ClaimOp::Confirm`), and the step gives the claim up only while the
//! counter is what was read.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use investigation::case::{Disposition, Step};
use investigation::claim::ClaimKey;

use super::super::{StoreError, Stored};
use super::Aws;
use super::call::{ACTIONS, Table, failed, refused};
use super::change::Change;
use super::item::{alert_key, case_pk, s, suppressed_key, text, to_json};

/// Alerts that a step's own transaction takes along, at most.
pub(super) const LAST: usize = 40;

/// How often a chunk that goes ahead may lose members to other writers.
const ROUNDS: usize = 50;

/// A claim that alerts may rest on, as it was before they were looked for.
pub(super) enum Guard {
    /// It is this case's, and was touched this often.
    Own { touched: u64 },
    /// It is nobody's, or another case's: nothing new can come to rest on this case through it.
    Anothers,
}

/// One alert that waits again.
#[derive(Clone)]
pub(super) struct Again {
    pub(super) alert_id: String,
    /// The alert itself is forgotten; only its place on the case's list is left.
    gone: bool,
}

impl Aws {
    /// Reads the claims that alerts may rest on.
    pub(super) async fn guards(&self, step: &Step) -> Stored<HashMap<ClaimKey, Guard>> {
        let mut guards = HashMap::new();
        for key in &step.requeue {
            let guard = match self.claim_on(key).await? {
                Some(found) if found.claim.case_id == step.case.id => Guard::Own { touched: found.touched },
                _ => Guard::Anothers,
            };
            guards.insert(key.clone(), guard);
        }
        Ok(guards)
    }

    /// Lets all alerts wait again that this step frees, but for at most `room`, which it returns: they are the step's
    /// own transaction's.
    pub(super) async fn requeue_all_but(
        &self,
        room: usize,
        step: &Step,
        gone: &mut HashSet<String>,
    ) -> Stored<Vec<Again>> {
        if step.requeue.is_empty() {
            return Ok(Vec::new());
        }
        let case = &step.case;
        let mut alerts = self.resting_on(&case.id, &step.requeue).await?;
        // What becomes of the case's own alert is the step's to say.
        alerts.retain(|alert_id| step.alert.is_none() || *alert_id != case.alert.id);
        let ahead = alerts.len().saturating_sub(room);
        let last = alerts.split_off(ahead);
        for chunk in alerts.chunks(ACTIONS / 2) {
            self.requeue_ahead(&case.id, chunk, gone).await?;
        }
        let again = |alert_id: String| Again { gone: gone.contains(&alert_id), alert_id };
        Ok(last.into_iter().map(again).collect())
    }

    /// The alerts that are counted on a case because of these claims.
    async fn resting_on(&self, case_id: &str, keys: &[ClaimKey]) -> Stored<Vec<String>> {
        let mut items = self.below(case_pk(case_id), "suppressed#").into_paginator().items().send();
        let mut alerts = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(&self.cases, &error))?;
            let rests =
                text(&item, "key").is_some_and(|key| keys.iter().any(|wanted| wanted.as_str() == key));
            let alert_id = text(&item, "sk").and_then(|sk| sk.strip_prefix("suppressed#"));
            alerts.extend(alert_id.filter(|_| rests).map(str::to_owned));
        }
        Ok(alerts)
    }

    async fn requeue_ahead(&self, case_id: &str, chunk: &[String], gone: &mut HashSet<String>) -> Stored<()> {
        let mut left: Vec<String> = chunk.to_vec();
        for _ in 0..ROUNDS {
            if left.is_empty() {
                return Ok(());
            }
            let mut actions = Vec::with_capacity(2 * left.len());
            for alert_id in &left {
                let again = Again { alert_id: alert_id.clone(), gone: gone.contains(alert_id) };
                actions.extend(self.again(case_id, &again)?);
            }
            let Err(reasons) = self.transact(actions).await? else { return Ok(()) };
            let own = |position: usize| reasons.get(2 * position).filter(|reason| refused(reason));
            let mut moved_on = HashSet::new();
            for (position, alert_id) in left.iter().enumerate() {
                match own(position)
                    .map(|reason| CancellationReason::item(reason).is_some_and(|i| !i.is_empty()))
                {
                    // It is settled otherwise, and with that off this case's list.
                    Some(true) if !gone.remove(alert_id) => drop(moved_on.insert(alert_id.clone())),
                    Some(true) | None => {}
                    Some(false) => drop(gone.insert(alert_id.clone())),
                }
            }
            left.retain(|alert_id| !moved_on.contains(alert_id));
        }
        let why = format!("the alerts of case {case_id} are being settled elsewhere");
        Err(StoreError::Unavailable { place: self.tables(), why })
    }

    /// Lets one alert wait, and takes it off the case's list.
    pub(super) fn again(&self, case_id: &str, again: &Again) -> Stored<[TransactWriteItem; 2]> {
        let alert = Change::of(Table::Cases, alert_key(&again.alert_id));
        let alert = if again.gone {
            alert.only_if("attribute_not_exists(#pk)").check(self)?
        } else {
            alert
                .set(
                    "SET #disposition = :after, #outcome = :waiting, #queue = :waiting, #at = #received_at \
                     REMOVE #settled_at, #counted_on, #ttl",
                )
                .only_if("#outcome = :suppressed AND #counted_on = :case")
                .with(":after", s(to_json(&Disposition::Waiting, &self.cases)?))
                .with(":waiting", s("waiting"))
                .with(":suppressed", s("suppressed"))
                .with(":case", s(case_id))
                .update(self)?
        };
        let count = Change::of(Table::Cases, suppressed_key(case_id, &again.alert_id)).delete(self)?;
        Ok([alert, count])
    }
}
