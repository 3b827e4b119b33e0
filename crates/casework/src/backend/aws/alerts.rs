//! Alerts: how they are stored, and how they are taken in.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use investigation::alert::Alert;
use investigation::case::{Case, Disposition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{AlertRow, Received, StoreError, Stored};
use super::Aws;
use super::call::{Table, failed};
use super::change::names;
use super::item::{
    Item, alert_key, body, can_be_key, case_key, needed, put_body, s, stamp, text, time, to_json, ttl,
};

/// What of an alert never changes.
#[derive(Serialize, Deserialize)]
struct Kept {
    origin: String,
    alert: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
}

pub(super) fn disposition(item: &Item, table: &str) -> Stored<Disposition> {
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

/// The list in which an alert is found.
pub(super) fn queue(disposition: &Disposition) -> Option<&'static str> {
    match disposition {
        Disposition::Waiting => Some("waiting"),
        Disposition::Refused { .. } | Disposition::Review { .. } | Disposition::Unreadable { .. } => {
            Some("review")
        }
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
        item.insert("outcome".to_owned(), s(disposition.as_str()));
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
