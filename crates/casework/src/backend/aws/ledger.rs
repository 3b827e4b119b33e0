//! What a digest reads. Nothing here scans: days and lists are asked for by the indexes, and items by their keys.
//!
//! An alert is found by what became of it. Those that opened a case and those that are counted on one are read from the
//! cases, of the window and of as long before it as a claim may last; those that wait or are for a person from their lists;
//! those that policy leaves alone by the day on which that was decided (`day` = `settled#2026-11-30` in `by_day`).

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use investigation::case::{Case, Disposition};
use investigation::claim::ClaimKey;
use investigation::digest::daily::Mailing;
use investigation::digest::{AlertLine, Window};
use jiff::{SignedDuration, Timestamp};

use super::super::Stored;
use super::super::ledger::{Ledger, TellAlert, TellCase};
use super::Aws;
use super::alerts::{disposition, id_of, row};
use super::call::{Table, failed};
use super::change::names;
use super::item::{
    Item, alert_key, body, case_key, case_pk, key, n, needed, put_body, s, set, stamp, text, time, ttl,
};

/// Items that are read in one go.
const PAGE: usize = 100;
/// How long it is on record that a digest was mailed.
const KEPT_SECONDS: i64 = 400 * 86_400;
/// How long after an alert came its case may be opened, or it be settled, and still be found.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The day in `by_day` of what policy left alone then.
pub(super) fn settled_day(at: Timestamp) -> String {
    format!("settled#{}", day_of(at))
}

fn day_of(at: Timestamp) -> String {
    stamp(at)[..10].to_owned()
}

/// The days that a time touches, in UTC.
fn days(from: Timestamp, to: Timestamp) -> Vec<String> {
    let day = SignedDuration::from_hours(24);
    let mut days = vec![day_of(from)];
    let mut at = from;
    while let Ok(next) = at.checked_add(day)
        && next < to
    {
        days.push(day_of(next));
        at = next;
    }
    days.push(day_of(to));
    days.dedup();
    days
}

impl Ledger for Aws {
    async fn tell_alerts(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        self.tell_of_cases(window, tell).await?;
        self.tell_of_lists(window, tell).await?;
        self.tell_of_left_alone(window, tell).await
    }

    async fn tell_cases(&self, window: Window, tell: &mut TellCase<'_>) -> Stored<()> {
        for day in days(window.from, window.to) {
            for ids in self.ids_of_day(&day).await?.chunks(PAGE) {
                let cases = self.cases_by(ids).await?;
                cases.iter().filter(|case| window.holds(case.opened_at)).for_each(&mut *tell);
            }
        }
        Ok(())
    }

    async fn mailing(&self, day: &str) -> Stored<Option<Mailing>> {
        let item = self.get(Table::Cases, mailing_key(day)).await?;
        item.map(|item| body(&item, &self.cases)).transpose()
    }

    async fn last_mailing(&self) -> Stored<Option<Mailing>> {
        let query = self.below(MAILINGS.to_owned(), "day#").scan_index_forward(false).limit(1);
        let answer = query.send().await.map_err(|error| failed(&self.cases, &error))?;
        answer.items().first().map(|item| body(item, &self.cases)).transpose()
    }

    async fn keep_mailing(&self, mailing: &Mailing) -> Stored<bool> {
        let mut item = mailing_key(&mailing.day);
        item.insert("version".to_owned(), n(mailing.version));
        item.insert("ttl".to_owned(), ttl(mailing.at, KEPT_SECONDS));
        put_body(&mut item, mailing, &self.cases, &format!("the digest of {}", mailing.day))?;
        // The very same write is let in, as the SDK repeats a call whose answer was lost.
        let condition = match mailing.version {
            1 => "attribute_not_exists(#pk) OR #body = :body",
            _ => "#version = :before OR #body = :body",
        };
        let same = item.get("body").cloned().unwrap_or_else(|| s(""));
        let mut call = self
            .client
            .put_item()
            .table_name(&*self.cases)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":body", same);
        if let Some(before) = mailing.version.checked_sub(1).filter(|before| *before > 0) {
            call = call.expression_attribute_values(":before", n(before));
        }
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failed(&self.cases, &error)),
            },
        }
    }
}

/// The partition of what is on record of digests.
const MAILINGS: &str = "digest";

fn mailing_key(day: &str) -> Item {
    key(MAILINGS.to_owned(), format!("day#{day}"))
}

impl Aws {
    /// Alerts that opened a case, and those that are counted on one.
    async fn tell_of_cases(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        let to = window.to.checked_add(LATE).unwrap_or(Timestamp::MAX);
        for day in days(window.owners_from, to.min(Timestamp::now().max(window.to))) {
            for ids in self.ids_of_day(&day).await?.chunks(PAGE) {
                let cases = self.cases_by(ids).await?;
                self.tell_openers(&cases, window, tell).await?;
                let owners: Vec<String> = cases
                    .into_iter()
                    .filter(|case| may_be_repeated(case, window))
                    .map(|case| case.id)
                    .collect();
                let lines =
                    self.each(
                        owners,
                        move |this, case_id| async move { this.repeats_of(&case_id, window).await },
                    );
                lines.await?.into_iter().flatten().for_each(&mut *tell);
            }
        }
        Ok(())
    }

    /// The alerts that opened these cases, as far as they are still known and have no other outcome by now.
    async fn tell_openers(&self, cases: &[Case], window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        let near: Vec<&Case> = cases.iter().filter(|case| case.opened_at >= window.from).collect();
        let mut seen = HashSet::new();
        let alerts = near.iter().map(|case| case.alert.id.as_str()).filter(|id| seen.insert(*id));
        let keys = alerts.map(|id| (Table::Cases, alert_key(id))).collect();
        let mut known = HashMap::new();
        for (_, item) in self.read(keys).await? {
            let place = (time(&item, "received_at", &self.cases)?, disposition(&item, &self.cases)?);
            known.insert(id_of(&item).to_owned(), place);
        }
        for case in near {
            let opened = Disposition::Opened { case_id: case.id.clone() };
            let received_at = match known.get(&case.alert.id) {
                Some((at, disposition)) if *disposition == opened => *at,
                // It has another outcome, and is told of where that lies.
                Some(_) => continue,
                None => case.opened_at,
            };
            if window.holds(received_at) {
                tell(AlertLine { received_at, disposition: opened, alerts: 1 });
            }
        }
        Ok(())
    }

    /// What was counted on a case inside the window: each alert once.
    async fn repeats_of(&self, case_id: &str, window: Window) -> Stored<Vec<AlertLine>> {
        let mut counted = HashSet::new();
        let mut lines = Vec::new();
        for start in ["suppressed#", "batch#"] {
            let mut items = self.below(case_pk(case_id), start).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(|error| failed(&self.cases, &error))?;
                let single = text(&item, "sk").and_then(|sk| sk.strip_prefix("suppressed#"));
                let ids = single.into_iter().chain(set(&item, "ids").iter().map(String::as_str));
                let new = ids.filter(|id| counted.insert((*id).to_owned())).count() as u64;
                let received_at = time(&item, "at", &self.cases)?;
                if new == 0 || !window.holds(received_at) {
                    continue;
                }
                let claim = needed(&item, "key", &self.cases)?;
                lines.push(AlertLine { received_at, disposition: counted_as(claim, case_id), alerts: new });
            }
        }
        Ok(lines)
    }

    /// Alerts that wait, and those that are for a person.
    async fn tell_of_lists(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        for queue in ["waiting", "review"] {
            let condition = "#queue = :queue AND #at BETWEEN :from AND :to";
            let query = self
                .client
                .query()
                .table_name(&*self.cases)
                .index_name("by_queue")
                .key_condition_expression(condition)
                .set_expression_attribute_names(names(&[Some(condition)]))
                .expression_attribute_values(":queue", s(queue))
                .expression_attribute_values(":from", s(stamp(window.from)))
                .expression_attribute_values(":to", s(stamp(window.to)));
            let mut pages = query.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failed(&self.cases, &error))?;
                for listed in page.items().chunks(PAGE) {
                    self.tell_of_listed(queue, listed, window, tell).await?;
                }
            }
        }
        Ok(())
    }

    /// The alerts of a list that still belong to it. An index may still name what is settled by now.
    async fn tell_of_listed(
        &self,
        queue: &str,
        listed: &[Item],
        window: Window,
        tell: &mut TellAlert<'_>,
    ) -> Stored<()> {
        let mut seen = HashSet::new();
        let ids = listed.iter().map(id_of).filter(|id| seen.insert(*id));
        let keys = ids.map(|id| (Table::Cases, alert_key(id))).collect();
        for (_, item) in self.read(keys).await? {
            let disposition = disposition(&item, &self.cases)?;
            let received_at = time(&item, "received_at", &self.cases)?;
            if super::alerts::queue(&disposition) == Some(queue) && window.holds(received_at) {
                tell(AlertLine { received_at, disposition, alerts: 1 });
            }
        }
        Ok(())
    }

    /// Alerts that policy leaves alone or refuses, one by one and as batches.
    async fn tell_of_left_alone(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        let to = window.to.checked_add(LATE).unwrap_or(Timestamp::MAX);
        for day in days(window.from, to.min(Timestamp::now().max(window.to))) {
            for keys in self.keys_of_day(&format!("settled#{day}")).await?.chunks(PAGE) {
                let keys = keys.iter().map(|key| (Table::Cases, key.clone())).collect();
                for (_, item) in self.read(keys).await? {
                    let line = if text(&item, "sk") == Some("alert") {
                        let row = row(&item, &self.cases)?;
                        AlertLine { received_at: row.received_at, disposition: row.disposition, alerts: 1 }
                    } else {
                        let at = time(&item, "at", &self.cases)?;
                        let disposition = disposition(&item, &self.cases)?;
                        AlertLine { received_at: at, disposition, alerts: set(&item, "ids").len() as u64 }
                    };
                    let told_elsewhere = super::alerts::queue(&line.disposition).is_some();
                    let as_batch = text(&item, "sk") != Some("alert");
                    if window.holds(line.received_at) && (as_batch || !told_elsewhere) {
                        tell(line);
                    }
                }
            }
        }
        Ok(())
    }

    async fn ids_of_day(&self, day: &str) -> Stored<Vec<String>> {
        let keys = self.keys_of_day(day).await?;
        let id = |item: &Item| text(item, "pk").and_then(|pk| pk.strip_prefix("case#")).map(str::to_owned);
        Ok(keys.iter().filter_map(id).collect())
    }

    /// The keys of what `by_day` lists of a day, the oldest first.
    async fn keys_of_day(&self, day: &str) -> Stored<Vec<Item>> {
        let condition = "#day = :day";
        let query = self
            .client
            .query()
            .table_name(&*self.cases)
            .index_name("by_day")
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":day", s(day));
        let mut items = query.into_paginator().items().send();
        let (mut keys, mut seen) = (Vec::new(), HashSet::new());
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(&self.cases, &error))?;
            let (pk, sk) = (needed(&item, "pk", &self.cases)?, needed(&item, "sk", &self.cases)?);
            // An index may list an item twice while it changes, and no key may be read twice.
            if seen.insert((pk.to_owned(), sk.to_owned())) {
                keys.push(key(pk.to_owned(), sk.to_owned()));
            }
        }
        Ok(keys)
    }

    async fn cases_by(&self, ids: &[String]) -> Stored<Vec<Case>> {
        let keys = ids.iter().map(|id| (Table::Cases, case_key(id))).collect();
        self.read(keys).await?.iter().map(|(_, item)| body(item, &self.cases)).collect()
    }
}

/// Whether something can have been counted on a case inside the window: it was open in it, or has a claim that was in force.
fn may_be_repeated(case: &Case, window: Window) -> bool {
    let claimed = case.claims.iter().any(|claim| claim.expires_at > window.from);
    case.opened_at < window.to && (!case.is_closed() || claimed || case.updated_at >= window.from)
}

/// What an alert became that is counted on a case. When its claim ran out is not on record here.
fn counted_as(claim: &str, case_id: &str) -> Disposition {
    let (case_id, until) = (case_id.to_owned(), Timestamp::UNIX_EPOCH);
    match claim {
        "" => Disposition::Folded { case_id, until },
        key => Disposition::Suppressed { key: ClaimKey::stored(key.to_owned()), case_id, until },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_that_a_time_touches() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(days(at("2026-11-30T07:00:00Z"), at("2026-11-30T08:00:00Z")), ["2026-11-30"]);
        assert_eq!(
            days(at("2026-11-29T23:00:00Z"), at("2026-12-01T01:00:00Z")),
            ["2026-11-29", "2026-11-30", "2026-12-01"]
        );
        assert_eq!(
            days(at("2026-11-30T07:00:00Z"), at("2026-12-01T07:00:00Z")),
            ["2026-11-30", "2026-12-01"]
        );
    }
}
