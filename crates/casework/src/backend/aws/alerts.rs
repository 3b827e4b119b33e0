//! Alerts: how they are stored, and what becomes of them.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use investigation::alert::Alert;
use investigation::case::{Case, Disposition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{AlertRow, Received, StoreError, Stored};
use super::Aws;
use super::call::{Table, failed, pause, refused};
use super::change::{Change, names};
use super::item::{
    Item, alert_key, body, can_be_key, case_key, needed, put_body, s, stamp, suppressed_key, text, time,
    to_json, ttl,
};

/// How often an alert may change under the write that settles it.
const ROUNDS: u32 = 8;

/// What of an alert never changes.
#[derive(Serialize, Deserialize)]
struct Kept {
    origin: String,
    alert: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
}

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

fn disposition(item: &Item, table: &str) -> Stored<Disposition> {
    let json = needed(item, "disposition", table)?;
    serde_json::from_str(json)
        .map_err(|error| StoreError::Other { place: table.to_owned(), why: error.to_string() })
}

pub(super) fn row(item: &Item, table: &str) -> Stored<AlertRow> {
    let Kept { origin, alert, original } = body(item, table)?;
    let settled_at = item.contains_key("settled_at").then(|| time(item, "settled_at", table)).transpose()?;
    let id = needed(item, "pk", table)?;
    Ok(AlertRow {
        id: id.strip_prefix("alert#").unwrap_or(id).to_owned(),
        origin,
        received_at: time(item, "received_at", table)?,
        alert,
        original,
        disposition: disposition(item, table)?,
        settled_at,
    })
}

/// The word that a disposition is found and compared by.
pub(super) fn word(disposition: &Disposition) -> &'static str {
    match disposition {
        Disposition::Waiting => "waiting",
        Disposition::Opened { .. } => "opened",
        Disposition::Suppressed { .. } => "suppressed",
        Disposition::Folded { .. } => "folded",
        Disposition::Exempt { .. } => "exempt",
        Disposition::Refused { .. } => "refused",
        Disposition::Review { .. } => "review",
        Disposition::Unreadable { .. } => "unreadable",
    }
}

/// The list in which an alert is found.
fn queue(disposition: &Disposition) -> Option<&'static str> {
    match disposition {
        Disposition::Waiting => Some("waiting"),
        Disposition::Refused { .. } | Disposition::Review { .. } | Disposition::Unreadable { .. } => {
            Some("review")
        }
        _ => None,
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

/// A sender's own id as the key of an index: what is too long for one is not found by it.
pub(super) fn event_key(event_id: &str) -> Option<&str> {
    can_be_key(event_id).then_some(event_id)
}

impl Aws {
    pub(super) async fn take_in_one(&self, received: Received, now: Timestamp) -> Stored<AlertRow> {
        let Received { id, origin, content } = received;
        let mut item = alert_key(&id);
        let (alert, original, disposition, settled_at) = match content {
            Ok(alert) => (Some(alert), None, Disposition::Waiting, None),
            Err(unread) => {
                (None, Some(unread.original), Disposition::Unreadable { reason: unread.reason }, Some(now))
            }
        };
        if let Some(event_id) = alert.as_ref().and_then(|alert| alert.event_id.as_deref()).and_then(event_key)
        {
            item.insert("event_id".to_owned(), s(event_id));
        }
        item.insert("received_at".to_owned(), s(stamp(now)));
        item.insert("disposition".to_owned(), s(to_json(&disposition, &self.cases)?));
        item.insert("outcome".to_owned(), s(word(&disposition)));
        if let Some(queue) = queue(&disposition) {
            item.insert("queue".to_owned(), s(queue));
            item.insert("at".to_owned(), s(stamp(now)));
        }
        if let Some(at) = settled_at {
            item.insert("settled_at".to_owned(), s(stamp(at)));
            if let Some(seconds) = self.retention {
                item.insert("ttl".to_owned(), ttl(at, seconds));
            }
        }
        let kept = Kept { origin, alert, original };
        put_body(&mut item, &kept, &self.cases, &format!("alert {id}"))?;
        let condition = "attribute_not_exists(#pk)";
        let call = self
            .client
            .put_item()
            .table_name(&*self.cases)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call.send().await {
            Ok(_) => {
                let Kept { origin, alert, original } = kept;
                Ok(AlertRow { id, origin, received_at: now, alert, original, disposition, settled_at })
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let known = match refused.item() {
                        Some(item) => Some(item.clone()),
                        None => self.get(Table::Cases, alert_key(&id)).await?,
                    };
                    let gone = || self.bug(&std::io::Error::other("an alert vanished while it was taken in"));
                    row(&known.ok_or_else(gone)?, &self.cases)
                }
                _ => Err(failed(&self.cases, &error)),
            },
        }
    }

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
            .with(":outcome", s(word(after)))
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
            None => remove.extend(["#queue", "#at"]),
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

    pub(super) async fn read_case(&self, id: &str) -> Stored<Option<Case>> {
        if !can_be_key(id) {
            return Ok(None);
        }
        let item = self.get(Table::Cases, case_key(id)).await?;
        item.map(|item| body(&item, &self.cases)).transpose()
    }

    pub(super) async fn read_alert(&self, id: &str) -> Stored<Option<Item>> {
        if can_be_key(id) { self.get(Table::Cases, alert_key(id)).await } else { Ok(None) }
    }
}

/// The id of an alert's item.
pub(super) fn id_of(item: &Item) -> &str {
    text(item, "pk").and_then(|pk| pk.strip_prefix("alert#")).unwrap_or_default()
}
