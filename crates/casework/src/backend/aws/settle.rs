//! What becomes of alerts: an alert's own item and its place on a case's list change by one transaction.

use aws_sdk_dynamodb::types::TransactWriteItem;
use investigation::case::{Case, Disposition};
use jiff::Timestamp;

use super::super::{StoreError, Stored};
use super::Aws;
use super::alerts::{disposition, queue};
use super::call::{Table, pause, refused};
use super::change::Change;
use super::item::{Item, alert_key, s, stamp, suppressed_key, to_json, ttl};
use super::ledger::settled_day;

/// How often an alert may change under the write that settles it.
const ROUNDS: u32 = 8;

/// What is known of an alert before it is changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Before {
    /// It was never taken in, or is forgotten.
    Missing,
    /// This became of it.
    Is(Disposition),
}

impl Before {
    pub(super) fn of(item: Option<&Item>, table: &str) -> Stored<Self> {
        item.map_or(Ok(Self::Missing), |item| disposition(item, table).map(Self::Is))
    }
}

/// The case that an alert of this outcome is counted on, with the claim in its way.
fn counted_on(disposition: &Disposition) -> Option<(&str, &str)> {
    match disposition {
        Disposition::Suppressed { key, case_id, .. } => Some((case_id, key.as_str())),
        Disposition::Folded { case_id, .. } => Some((case_id, "")),
        _ => None,
    }
}

impl Aws {
    /// The changes of an alert's own item and of what is counted on cases. The first is the alert's.
    pub(super) fn disposing(
        &self,
        alert_id: &str,
        before: &Before,
        after: &Disposition,
        now: Timestamp,
    ) -> Stored<Vec<TransactWriteItem>> {
        let (own, was) = match before {
            Before::Missing => {
                let check = Change::of(Table::Cases, alert_key(alert_id));
                (check.only_if("attribute_not_exists(#pk)").check(self)?, None)
            }
            Before::Is(known) => (self.change_disposition(alert_id, known, after, now)?, counted_on(known)),
        };
        let is = counted_on(after);
        let mut changes = vec![own];
        if let Some((case_id, _)) = was
            && is.map(|(case_id, _)| case_id) != Some(case_id)
        {
            changes.push(Change::of(Table::Cases, suppressed_key(case_id, alert_id)).delete(self)?);
        }
        if let Some((case_id, key)) = is
            && was != is
        {
            let count = Change::of(Table::Cases, suppressed_key(case_id, alert_id))
                .set("SET #key = :key, #at = if_not_exists(#at, :now)")
                .with(":key", s(key))
                .with(":now", s(stamp(now)));
            changes.push(count.update(self)?);
        }
        Ok(changes)
    }

    fn change_disposition(
        &self,
        alert_id: &str,
        before: &Disposition,
        after: &Disposition,
        now: Timestamp,
    ) -> Stored<TransactWriteItem> {
        let mut set = "SET #disposition = :after, #outcome = :outcome, #settled_at = :now".to_owned();
        let mut remove = Vec::new();
        let mut change = Change::of(Table::Cases, alert_key(alert_id))
            .only_if("#disposition = :before")
            .with(":before", s(to_json(before, &self.cases)?))
            .with(":after", s(to_json(after, &self.cases)?))
            .with(":outcome", s(after.as_str()))
            .with(":now", s(stamp(now)));
        match counted_on(after) {
            Some((case_id, _)) => {
                set.push_str(", #counted_on = :counted");
                change = change.with(":counted", s(case_id));
            }
            None => remove.push("#counted_on"),
        }
        match queue(after) {
            Some(queue) => {
                set.push_str(", #queue = :queue, #at = #received_at");
                change = change.with(":queue", s(queue));
            }
            None => remove.push("#queue"),
        }
        // Where policy leaves it alone nothing else would find it again by its time.
        if matches!(after, Disposition::Exempt { .. } | Disposition::Withdrawn { .. }) {
            set.push_str(", #day = :day, #at = :now");
            change = change.with(":day", s(settled_day(now)));
        } else {
            remove.push("#day");
            if queue(after).is_none() {
                remove.push("#at");
            }
        }
        // What opened a case, or waits, stays until somebody prunes.
        match self.retention.filter(|_| !matches!(after, Disposition::Opened { .. } | Disposition::Waiting)) {
            Some(seconds) => {
                set.push_str(", #ttl = :ttl");
                change = change.with(":ttl", ttl(now, seconds));
            }
            None => remove.push("#ttl"),
        }
        if !remove.is_empty() {
            set = format!("{set} REMOVE {}", remove.join(", "));
        }
        change.set(set).update(self)
    }

    pub(super) async fn settle_one(&self, alert_id: &str, after: &Disposition, now: Timestamp) -> Stored<()> {
        // Nearly every alert waits when it is settled; where that is wrong, the refusal says what it is.
        let mut before = Before::Is(Disposition::Waiting);
        for round in 0..ROUNDS {
            if round > 0 {
                pause(round).await;
                match &before {
                    Before::Is(known) if known == after => return Ok(()),
                    Before::Is(known) if self.stays_with_its_case(known, after, None).await? => {
                        return Ok(());
                    }
                    _ => {}
                }
            }
            match self.transact(self.disposing(alert_id, &before, after, now)?).await? {
                Ok(()) => return Ok(()),
                Err(reasons) => {
                    if let Some(own) = reasons.first().filter(|reason| refused(reason)) {
                        before = Before::of(own.item().filter(|item| !item.is_empty()), &self.cases)?;
                    }
                }
            }
        }
        Err(StoreError::Unavailable {
            place: self.tables(),
            why: "the alert is being settled elsewhere".to_owned(),
        })
    }

    /// Whether an alert is left as it is: it opened a case that is worked, or that has sealed evidence. `written` is
    /// the case that the same write changes.
    pub(super) async fn stays_with_its_case(
        &self,
        before: &Disposition,
        after: &Disposition,
        written: Option<&Case>,
    ) -> Stored<bool> {
        let Disposition::Opened { case_id } = before else { return Ok(false) };
        if matches!(after, Disposition::Opened { .. }) {
            return Ok(false);
        }
        let is_open_or_sealed = |case: &Case| !case.is_closed() || case.evidence.is_some();
        if let Some(written) = written.filter(|case| case.id == *case_id) {
            return Ok(is_open_or_sealed(written));
        }
        Ok(self.read_case(case_id).await?.as_ref().is_some_and(is_open_or_sealed))
    }
}
