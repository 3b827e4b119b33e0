//! Finding an alert by what a person has in hand.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use investigation::claim::ClaimKey;

use super::super::{AlertRow, StoreError, Stored, SuppressedAlert};
use super::Aws;
use super::alerts::{event_key, id_of, row};
use super::call::{Table, failed};
use super::change::names;
use super::item::{Item, alert_key, needed, s, set, text, time};

/// Answers to one question.
const SHOWN: usize = 20;

/// Pages of a table that one question may read; each is a megabyte at most.
const PAGES: usize = 1000;

/// Whether a text may be the start of an id.
fn is_start(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Aws {
    pub(super) async fn find_alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        if let Some(item) = self.read_alert(id).await? {
            return Ok(vec![row(&item, &self.cases)?]);
        }
        let mut ids = self.by_event(id).await?;
        if is_start(id) && ids.len() < SHOWN {
            let filter = "begins_with(#pk, :start) AND #sk = :alert";
            let values = [(":start", s(format!("alert#{id}"))), (":alert", s("alert"))];
            let mut take = |item: &Item| {
                ids.push(id_of(item).to_owned());
                Ok(ids.len() < SHOWN)
            };
            if self.scan(filter, &values, &mut take).await? == Read::UpToTheBound && ids.is_empty() {
                return Err(self.nothing_found());
            }
        }
        ids.sort();
        ids.dedup();
        let mut rows = self.alert_rows(ids).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.received_at));
        rows.truncate(SHOWN);
        Ok(rows)
    }

    async fn by_event(&self, event_id: &str) -> Stored<Vec<String>> {
        let Some(event_id) = event_key(event_id) else { return Ok(Vec::new()) };
        let condition = "#event_id = :event";
        let query = self
            .client
            .query()
            .table_name(&*self.cases)
            .index_name("by_event")
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":event", s(event_id))
            .limit(i32::try_from(SHOWN).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(|error| failed(&self.cases, &error))?;
        Ok(answer.items().iter().map(|item| id_of(item).to_owned()).collect())
    }

    pub(super) async fn alert_rows(&self, ids: Vec<String>) -> Stored<Vec<AlertRow>> {
        let keys = ids.iter().map(|id| (Table::Cases, alert_key(id))).collect();
        self.read(keys).await?.iter().map(|(_, item)| row(item, &self.cases)).collect()
    }

    /// The cases that an alert is counted on, by its id or the start of it (8 characters or more). Alerts that were
    /// counted as a batch are found nowhere else. Reads the whole table, up to a bound.
    ///
    /// # Errors
    /// When the store fails, or the bound is reached and nothing was found.
    pub async fn find_suppressed(&self, alert_id: &str) -> Stored<Vec<(String, SuppressedAlert)>> {
        if alert_id.is_empty() {
            return Ok(Vec::new());
        }
        let by_start = is_start(alert_id);
        let is_meant = |id: &str| id == alert_id || (by_start && id.starts_with(alert_id));
        let mut found: BTreeMap<(String, String), SuppressedAlert> = BTreeMap::new();
        let mut take = |item: &Item| {
            let case_id = text(item, "pk").and_then(|pk| pk.strip_prefix("case#"));
            let Some(case_id) = case_id else { return Ok(true) };
            let single = text(item, "sk").and_then(|sk| sk.strip_prefix("suppressed#"));
            let batch = set(item, "ids").iter().map(String::as_str);
            for id in single.into_iter().chain(batch).filter(|id| is_meant(id)) {
                let place = (case_id.to_owned(), id.to_owned());
                found.entry(place).or_insert(listed(item, id, &self.cases)?);
            }
            Ok(found.len() < SHOWN)
        };
        let filter = "begins_with(#sk, :one) OR begins_with(#sk, :batch)";
        let values = [(":one", s(format!("suppressed#{alert_id}"))), (":batch", s("batch#"))];
        if self.scan(filter, &values, &mut take).await? == Read::UpToTheBound && found.is_empty() {
            return Err(self.nothing_found());
        }
        Ok(found.into_iter().map(|((case_id, _), alert)| (case_id, alert)).take(SHOWN).collect())
    }

    /// Reads the table until `take` has enough.
    async fn scan(
        &self,
        filter: &str,
        values: &[(&str, AttributeValue)],
        take: &mut (dyn FnMut(&Item) -> Stored<bool> + Send),
    ) -> Stored<Read> {
        let mut scan = self
            .client
            .scan()
            .table_name(&*self.cases)
            .filter_expression(filter)
            .set_expression_attribute_names(names(&[Some(filter)]));
        for (name, value) in values {
            scan = scan.expression_attribute_values(*name, value.clone());
        }
        let mut pages = scan.into_paginator().send();
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else { return Ok(Read::Enough) };
            for item in page.map_err(|error| failed(&self.cases, &error))?.items() {
                if !take(item)? {
                    return Ok(Read::Enough);
                }
            }
        }
        Ok(Read::UpToTheBound)
    }

    fn nothing_found(&self) -> StoreError {
        let why = format!("nothing was found in its first {PAGES} MB, and the question reads no further");
        StoreError::Other { place: self.cases.to_string(), why }
    }
}

/// How far a scan went.
#[derive(PartialEq)]
enum Read {
    Enough,
    UpToTheBound,
}

/// An alert as a case lists it.
pub(super) fn listed(item: &Item, alert_id: &str, table: &str) -> Stored<SuppressedAlert> {
    let key = ClaimKey::stored(needed(item, "key", table)?.to_owned());
    Ok(SuppressedAlert { alert_id: alert_id.to_owned(), key, at: time(item, "at", table)? })
}
