//! One step of a case as one transaction.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem};
use investigation::case::{Case, Disposition, Step};
use investigation::claim::{ClaimKey, ClaimOp};
use jiff::Timestamp;

use super::super::{Committed, StoreError, Stored};
use super::Aws;
use super::call::{ACTIONS, Table, pause, refused};
use super::change::Change;
use super::claims;
use super::item::{Item, address, case_key, n, number, put_body, s, stamp, waits_key};
use super::requeue::{Guard, LAST};
use super::settle::Before;
use crate::failpoint::failpoint;

/// How often what a step rests on may change under it.
const ROUNDS: u32 = 10;

/// What one action of the transaction is for, so that its refusal can be understood.
enum Purpose {
    Take(ClaimOp),
    Confirm(ClaimKey),
    Release(ClaimKey),
    Case,
    Alert,
    /// A suppressed alert that waits again.
    Again(String),
    /// Refused only if something else changed: look again.
    Other,
}

/// What refusals have taught about the state of the tables.
struct Known {
    before: Before,
    /// Nobody has said so yet: it is only likely.
    guessed: bool,
    /// Claims that are another case's by now, and are left alone.
    anothers: HashSet<ClaimKey>,
    /// The case waited for its machine before this step.
    waited: bool,
    /// Suppressed alerts that are forgotten.
    gone: HashSet<String>,
}

type Actions = Vec<(Purpose, TransactWriteItem)>;

impl Aws {
    pub(super) async fn commit_step(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        let case = &step.case;
        let before = match case.version {
            0 => step.alert_was.clone().unwrap_or(Disposition::Waiting),
            _ => Disposition::Opened { case_id: case.id.clone() },
        };
        let mut known = Known {
            before: Before::Is(before),
            guessed: true,
            anothers: HashSet::new(),
            waited: case.failed_tries > 0 && (case.is_closed() || case.state.as_str() == "identifying"),
            gone: HashSet::new(),
        };
        for round in 0..ROUNDS {
            if round > 0 {
                pause(round).await;
            }
            let mut actions = self.actions(step, &mut known, now).await?;
            let guards = self.guards(step).await?;
            self.add_releases(step, &known, &guards, &mut actions)?;
            if actions.len() > ACTIONS {
                let why = format!("a step of case {} changes {} items at once", case.id, actions.len());
                return Err(StoreError::Other { place: self.tables(), why });
            }
            let room = LAST.min((ACTIONS - actions.len()) / 2);
            for again in self.requeue_all_but(room, step, &mut known.gone).await? {
                let [alert, count] = self.again(&case.id, &again)?;
                actions.push((Purpose::Again(again.alert_id), alert));
                actions.push((Purpose::Other, count));
            }
            let (purposes, actions): (Vec<Purpose>, Vec<TransactWriteItem>) = actions.into_iter().unzip();
            failpoint("store.begun");
            let written = self.transact(actions).await?;
            failpoint("store.committed");
            match written {
                Ok(()) => return Ok(Committed::Done),
                Err(reasons) => {
                    if let Some(refusal) = self.learn(step, &purposes, &reasons, &mut known, now).await? {
                        return Ok(refusal);
                    }
                }
            }
        }
        let why = format!("case {} met with other writes again and again", case.id);
        Err(StoreError::Unavailable { place: self.tables(), why })
    }

    /// Everything but the releases and the alerts that wait again.
    async fn actions(&self, step: &Step, known: &mut Known, now: Timestamp) -> Stored<Actions> {
        let case = &step.case;
        let mut actions: Actions = Vec::new();
        for op in last_of_each(&step.claims) {
            match op {
                ClaimOp::Take(claim) => {
                    let take = self.take(claim, None, &case.alert.id, now)?;
                    actions.push((Purpose::Take(op.clone()), take));
                }
                ClaimOp::TakeOver { claim, from } => {
                    let take = self.take(claim, Some(from), &case.alert.id, now)?;
                    actions.push((Purpose::Take(op.clone()), take));
                }
                ClaimOp::Confirm(claim) => {
                    actions.push((Purpose::Confirm(claim.key.clone()), self.confirm(claim, now)?));
                }
                ClaimOp::Release(_) => {}
            }
        }
        actions.push((Purpose::Case, self.write_case(case, known.waited)?));
        if case.is_waiting() || known.waited {
            actions.push((Purpose::Other, self.write_waits(case)?));
        }
        if let Some(after) = &step.alert {
            let id = &case.alert.id;
            let leaves = match &known.before {
                Before::Is(before) => self.stays_with_its_case(before, after, Some(case)).await?,
                Before::Missing => false,
            };
            if leaves && known.guessed {
                known.before = Before::of(self.read_alert(id).await?.as_ref(), &self.cases)?;
                known.guessed = false;
            }
            let leaves = match &known.before {
                Before::Is(before) => {
                    (!known.guessed && before == after)
                        || self.stays_with_its_case(before, after, Some(case)).await?
                }
                Before::Missing => false,
            };
            if !leaves {
                let changes = self.disposing(id, &known.before, after, now)?;
                let purposes =
                    std::iter::once(Purpose::Alert).chain(std::iter::repeat_with(|| Purpose::Other));
                actions.extend(purposes.zip(changes));
            }
        }
        Ok(actions)
    }

    fn add_releases(
        &self,
        step: &Step,
        known: &Known,
        guards: &HashMap<ClaimKey, Guard>,
        actions: &mut Actions,
    ) -> Stored<()> {
        for op in last_of_each(&step.claims) {
            let ClaimOp::Release(key) = op else { continue };
            let action = match guards.get(key) {
                Some(Guard::Anothers) => continue,
                Some(Guard::Own { touched }) => self.give_up_untouched(key, &step.case.id, *touched)?,
                None if known.anothers.contains(key) => continue,
                None => self.give_up(key, &step.case.id)?,
            };
            actions.push((Purpose::Release(key.clone()), action));
        }
        Ok(())
    }

    fn write_case(&self, case: &Case, waited: bool) -> Stored<TransactWriteItem> {
        let mut item = case_key(&case.id);
        let opened = stamp(case.opened_at);
        item.insert("day".to_owned(), s(&opened[..10]));
        item.insert("at".to_owned(), s(opened));
        item.insert("version".to_owned(), n(case.version));
        if !case.is_at_rest() {
            item.insert("queue".to_owned(), s("open"));
            if let Some(due) = case.next_due() {
                item.insert("due".to_owned(), s(stamp(due)));
            }
        }
        if case.is_waiting() {
            item.insert("waits".to_owned(), s(address(case.target)));
        }
        put_body(&mut item, case, &self.cases, &format!("case {}", case.id))?;
        let put = Change::of(Table::Cases, item);
        match case.version.checked_sub(1) {
            None => put.only_if("attribute_not_exists(#pk)"),
            Some(version) if case.is_waiting() || waited => {
                put.only_if("#version = :version").with(":version", n(version))
            }
            // A case that waited has to be taken off its machine's list in the same write.
            Some(version) => put
                .only_if("#version = :version AND attribute_not_exists(#waits)")
                .with(":version", n(version)),
        }
        .put(self)
    }

    fn write_waits(&self, case: &Case) -> Stored<TransactWriteItem> {
        let entry = format!("{}|{}", stamp(case.opened_at), case.id);
        let verb = if case.is_waiting() { "ADD" } else { "DELETE" };
        Change::of(Table::Cases, waits_key(case.target))
            .set(format!("{verb} #cases :entry"))
            .with(":entry", AttributeValue::Ss(vec![entry]))
            .update(self)
    }

    /// What a refusal means: an end, or something to be taken into account in the next round.
    async fn learn(
        &self,
        step: &Step,
        purposes: &[Purpose],
        reasons: &[CancellationReason],
        known: &mut Known,
        now: Timestamp,
    ) -> Stored<Option<Committed>> {
        let refusals = || purposes.iter().zip(reasons).filter(|(_, reason)| refused(reason));
        for (purpose, reason) in refusals() {
            match purpose {
                Purpose::Take(op) => {
                    let existing = match (old(reason), op.wanted()) {
                        (Some(item), _) => Some(claims::found(item, &self.cooldowns)?),
                        (None, Some(claim)) => self.claim_on(&claim.key).await?,
                        (None, None) => None,
                    };
                    let existing = existing.map(|found| found.claim);
                    if !op.admits(existing.as_ref(), now) {
                        return Ok(existing.map(Committed::Held));
                    }
                }
                Purpose::Confirm(key) => return Ok(Some(Committed::Freed(key.clone()))),
                _ => {}
            }
        }
        for (purpose, reason) in refusals() {
            match purpose {
                Purpose::Case => {
                    let version = old(reason).and_then(|item| number(item, "version"));
                    let waits = old(reason).is_some_and(|item| item.contains_key("waits"));
                    let fits = step.case.version.checked_sub(1).is_some_and(|from| version == Some(from));
                    if !fits || !waits || known.waited {
                        return Ok(Some(Committed::Stale));
                    }
                    known.waited = true;
                }
                Purpose::Alert => {
                    known.before = Before::of(old(reason), &self.cases)?;
                    known.guessed = false;
                    if step.alert_was.clone().is_some_and(|was| known.before != Before::Is(was)) {
                        return Ok(Some(Committed::Stale));
                    }
                }
                Purpose::Release(key) => drop(known.anothers.insert(key.clone())),
                Purpose::Again(alert_id) if old(reason).is_none() => {
                    known.gone.insert(alert_id.clone());
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// What lay there when a condition was refused.
fn old(reason: &CancellationReason) -> Option<&Item> {
    reason.item().filter(|item| !item.is_empty())
}

/// The last word on each key: an item may appear in a transaction once.
fn last_of_each(ops: &[ClaimOp]) -> impl Iterator<Item = &ClaimOp> {
    let key = |op: &ClaimOp| match op {
        ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } | ClaimOp::Confirm(claim) => claim.key.clone(),
        ClaimOp::Release(key) => key.clone(),
    };
    let mut seen = HashSet::new();
    let mut kept: Vec<&ClaimOp> = ops.iter().rev().filter(|op| seen.insert(key(op))).collect();
    kept.reverse();
    kept.into_iter()
}
