//! Lists: of cases, of alerts, and of what is counted on a case.
//!
//! The indexes say which items to look at, and are eventually consistent. The items themselves are then read by their
//! keys, strongly consistent, so that an index needs no more than the keys (and `due`).

use std::collections::{BTreeMap, HashSet};

use investigation::case::{Case, Outcome, State};
use jiff::{SignedDuration, Timestamp};

use super::super::{AlertRow, CaseRow, Stored, SuppressedAlert};
use super::Aws;
use super::alerts::{id_of, row};
use super::call::{Table, failed};
use super::change::names;
use super::find::listed;
use super::item::{Item, alert_key, body, case_key, case_pk, s, set, stamp, text};

/// Suppressed alerts returned with a case.
const SHOWN: usize = 20;

/// Days whose cases are looked for one by one, before the whole index is read.
const DAYS: i64 = 32;

/// Alerts read in one go for a list.
const PIECE: usize = 1000;

impl Aws {
    pub(super) async fn list_cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        let mut ids: Vec<String> = if only_open {
            self.queued("open", false, usize::MAX, None).await?.iter().map(case_id).collect()
        } else {
            self.latest_cases(limit).await?
        };
        self.briefly(&mut ids, only_open, limit).await
    }

    /// The cases that were opened since a moment, the latest first, up to `limit`. Of the last month, only the days that
    /// are asked for are read; of more than that, the whole index.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cases_since(&self, since: Timestamp, limit: usize) -> Stored<Vec<CaseRow>> {
        let days = Timestamp::now().duration_since(since).as_hours().div_euclid(24).saturating_add(3);
        let mut ids = match days < DAYS {
            true => self.cases_of_days(days, limit).await?,
            false => self.latest_cases(limit).await?,
        };
        let mut rows = self.briefly(&mut ids, false, limit).await?;
        rows.retain(|row| row.opened_at >= since);
        Ok(rows)
    }

    /// The rows of these cases, the latest first.
    async fn briefly(&self, ids: &mut Vec<String>, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        let mut rows = Vec::new();
        // An index may still list as open what is closed already.
        while rows.len() < limit && !ids.is_empty() {
            let piece: Vec<String> = ids.drain(..ids.len().min(limit - rows.len()).min(PIECE)).collect();
            let keys = piece.iter().map(|id| (Table::Cases, case_key(id))).collect();
            let mut cases = Vec::new();
            for (_, item) in self.read(keys).await? {
                cases.push(body::<Case>(&item, &self.cases)?);
            }
            cases.retain(|case| !only_open || !case.is_closed());
            rows.extend(
                self.each(cases, |this, case| async move {
                    let (suppressed, _) = this.count_suppressed(&case.id).await?;
                    Ok(brief(&case, suppressed))
                })
                .await?,
            );
        }
        rows.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
        Ok(rows)
    }

    /// The latest cases of the last `days` days, day by day.
    async fn cases_of_days(&self, days: i64, limit: usize) -> Stored<Vec<String>> {
        let tomorrow = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        let day = |back: i64| {
            let then = tomorrow.checked_sub(SignedDuration::from_hours(24 * back)).unwrap_or(Timestamp::MIN);
            stamp(then)[..10].to_owned()
        };
        let days: Vec<String> = (0..days).map(day).collect();
        let of_days =
            self.each(days, move |this, day| async move { this.cases_of(&day, limit).await }).await?;
        Ok(of_days.into_iter().flatten().take(limit).collect())
    }

    /// The latest cases: of the last days day by day, and if those are too few, from the whole index.
    async fn latest_cases(&self, limit: usize) -> Stored<Vec<String>> {
        let ids = self.cases_of_days(DAYS, limit).await?;
        if ids.len() == limit {
            return Ok(ids);
        }
        let scan = self.client.scan().table_name(&*self.cases).index_name("by_day");
        let mut items = scan.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(&self.cases, &error))?;
            // What policy left alone lies in this index too.
            let id = Some(case_id(&item)).filter(|id| !id.is_empty());
            all.extend(id.map(|id| (text(&item, "at").unwrap_or_default().to_owned(), id)));
        }
        all.sort_by(|a, b| b.cmp(a));
        Ok(all.into_iter().map(|(_, id)| id).take(limit).collect())
    }

    async fn cases_of(&self, day: &str, limit: usize) -> Stored<Vec<String>> {
        let condition = "#day = :day";
        let query = self
            .client
            .query()
            .table_name(&*self.cases)
            .index_name("by_day")
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":day", s(day))
            .scan_index_forward(false);
        let mut items = query.into_paginator().items().send();
        let mut ids = Vec::new();
        while ids.len() < limit
            && let Some(item) = items.next().await
        {
            ids.push(case_id(&item.map_err(|error| failed(&self.cases, &error))?));
        }
        Ok(ids)
    }

    /// What lies in a list of `by_queue`, by its time, up to `limit`; if `due_by` is given, only what is due then.
    pub(super) async fn queued(
        &self,
        queue: &str,
        oldest_first: bool,
        limit: usize,
        due_by: Option<Timestamp>,
    ) -> Stored<Vec<Item>> {
        let condition = "#queue = :queue";
        let filter = due_by.map(|_| "#due <= :now");
        let query = self
            .client
            .query()
            .table_name(&*self.cases)
            .index_name("by_queue")
            .key_condition_expression(condition)
            .set_filter_expression(filter.map(str::to_owned))
            .set_expression_attribute_names(names(&[Some(condition), filter]))
            .expression_attribute_values(":queue", s(queue))
            .scan_index_forward(oldest_first);
        let query = match due_by {
            Some(now) => query.expression_attribute_values(":now", s(stamp(now))),
            None => query,
        };
        let page = i32::try_from(limit.max(1)).ok().filter(|_| due_by.is_none());
        let mut items = query.set_limit(page).into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(item) = items.next().await
        {
            found.push(item.map_err(|error| failed(&self.cases, &error))?);
        }
        Ok(found)
    }

    /// The cases of which something is due, the longest overdue first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_cases(&self, now: Timestamp, limit: usize) -> Stored<Vec<String>> {
        let mut due: Vec<(String, String)> = self
            .queued("open", true, usize::MAX, Some(now))
            .await?
            .iter()
            .map(|item| (text(item, "due").unwrap_or_default().to_owned(), case_id(item)))
            .collect();
        due.sort();
        Ok(due.into_iter().map(|(_, id)| id).take(limit).collect())
    }

    /// The cases with something left to do, whole, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(&self) -> Stored<Vec<Case>> {
        let keys = self.list_open().await?.iter().map(|id| (Table::Cases, case_key(id))).collect();
        let mut cases = Vec::new();
        for (_, item) in self.read(keys).await? {
            cases.push(body::<Case>(&item, &self.cases)?);
        }
        cases.retain(|case| !case.is_at_rest());
        cases.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        Ok(cases)
    }

    pub(super) async fn list_open(&self) -> Stored<Vec<String>> {
        Ok(self.queued("open", true, usize::MAX, None).await?.iter().map(case_id).collect())
    }

    /// Alerts in a list, which still belong there.
    pub(super) async fn list_alerts(
        &self,
        queue: &'static str,
        oldest_first: bool,
        limit: usize,
    ) -> Stored<Vec<AlertRow>> {
        let listed = self.queued(queue, oldest_first, limit, None).await?;
        let mut seen = HashSet::new();
        let ids = listed.iter().map(|item| id_of(item).to_owned()).filter(|id| seen.insert(id.clone()));
        let keys = ids.map(|id| (Table::Cases, alert_key(&id))).collect();
        let mut rows = Vec::new();
        for (_, item) in self.read(keys).await? {
            rows.push(row(&item, &self.cases)?);
        }
        rows.retain(|row| (queue == "waiting") == (row.disposition.as_str() == "waiting"));
        rows.retain(|row| {
            queue == "waiting" || matches!(row.disposition.as_str(), "unreadable" | "review" | "refused")
        });
        rows.sort_by(|a, b| (a.received_at, &a.id).cmp(&(b.received_at, &b.id)));
        if !oldest_first {
            rows.reverse();
        }
        Ok(rows)
    }

    /// How many distinct alerts are counted on a case, and the latest of them.
    pub(super) async fn count_suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        let mut counted: BTreeMap<String, SuppressedAlert> = BTreeMap::new();
        for start in ["suppressed#", "batch#"] {
            let mut items = self.below(case_pk(case_id), start).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(|error| failed(&self.cases, &error))?;
                let single = text(&item, "sk").and_then(|sk| sk.strip_prefix("suppressed#"));
                for id in single.into_iter().chain(set(&item, "ids").iter().map(String::as_str)) {
                    if !counted.contains_key(id) {
                        counted.insert(id.to_owned(), listed(&item, id, &self.cases)?);
                    }
                }
            }
        }
        let count = counted.len() as u64;
        let mut latest: Vec<SuppressedAlert> = counted.into_values().collect();
        latest.sort_by_key(|alert| std::cmp::Reverse(alert.at));
        latest.truncate(SHOWN);
        Ok((count, latest))
    }
}

fn case_id(item: &Item) -> String {
    text(item, "pk").and_then(|pk| pk.strip_prefix("case#")).unwrap_or_default().to_owned()
}

fn brief(case: &Case, suppressed: u64) -> CaseRow {
    let status = match &case.state {
        State::Closed { outcome: Outcome::Investigated { .. } } => "investigated",
        State::Closed { outcome: Outcome::Suppressed { .. } } => "suppressed",
        State::Closed { outcome: Outcome::Exempt { .. } } => "exempt",
        State::Closed { outcome: Outcome::Failed { .. } } => "failed",
        open => open.as_str(),
    };
    CaseRow {
        id: case.id.clone(),
        target: case.target,
        status: status.to_owned(),
        verdict: case.verdict().map(|verdict| verdict.as_str().to_owned()),
        host_name: case.identity.as_ref().map(|identity| identity.host_name.clone()),
        users: case.suspects(),
        opened_at: case.opened_at,
        updated_at: case.updated_at,
        suppressed,
        approvals_until: case.remediation.as_ref().and_then(|kept| kept.waits_until()),
    }
}
