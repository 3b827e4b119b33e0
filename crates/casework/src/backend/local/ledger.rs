//! What a digest reads: pages along two indexes, and one row for each day that was mailed.

use investigation::case::{Case, Disposition};
use investigation::digest::daily::Mailing;
use investigation::digest::{AlertLine, Window};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::super::Stored;
use super::super::ledger::{Ledger, TellAlert, TellCase};
use super::{Local, Verdict, read};

/// Alerts, and cases, that are read in one go. Others may write between two of them.
const ALERTS: usize = 2_000;
const CASES: usize = 200;

/// Up to where a page went: a time and an id.
type Mark = (String, String);

impl Ledger for Local {
    async fn tell_alerts(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        let mut mark = (read::stamp(window.from), String::new());
        loop {
            let from = mark.clone();
            let page = self.read(move |connection| alerts(connection, &from, window)).await?;
            let more = page.len() == ALERTS;
            if let Some((last, _)) = page.last() {
                mark = last.clone();
            }
            page.into_iter().for_each(|(_, line)| tell(line));
            if !more {
                return Ok(());
            }
        }
    }

    async fn tell_cases(&self, window: Window, tell: &mut TellCase<'_>) -> Stored<()> {
        let mut mark = (read::stamp(window.from), String::new());
        loop {
            let from = mark.clone();
            let page = self.read(move |connection| cases(connection, &from, window)).await?;
            let more = page.len() == CASES;
            if let Some((last, _)) = page.last() {
                mark = last.clone();
            }
            page.iter().for_each(|(_, case)| tell(case));
            if !more {
                return Ok(());
            }
        }
    }

    async fn mailing(&self, day: &str) -> Stored<Option<Mailing>> {
        let day = day.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT body FROM mailings WHERE day = ?1")?
                .query_row([day], |row| read::json(row, 0))
                .optional()
        })
        .await
    }

    async fn last_mailing(&self) -> Stored<Option<Mailing>> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT body FROM mailings ORDER BY day DESC LIMIT 1")?
                .query_row([], |row| read::json(row, 0))
                .optional()
        })
        .await
    }

    async fn keep_mailing(&self, mailing: &Mailing) -> Stored<bool> {
        let mailing = mailing.clone();
        self.write(move |transaction| {
            Ok(match keep(transaction, &mailing)? {
                true => Verdict::Keep(true),
                false => Verdict::Undo(false),
            })
        })
        .await
    }
}

fn alerts(connection: &Connection, from: &Mark, window: Window) -> rusqlite::Result<Vec<(Mark, AlertLine)>> {
    let mut query = connection.prepare_cached(
        "SELECT received_at, id, detail FROM alerts WHERE (received_at, id) > (?1, ?2) AND received_at < ?3
         ORDER BY received_at, id LIMIT ?4",
    )?;
    let limit = i64::try_from(ALERTS).unwrap_or(i64::MAX);
    let rows = query.query_map((&from.0, &from.1, read::stamp(window.to), limit), |row| {
        let disposition: Disposition = read::json(row, 2)?;
        let line = AlertLine { received_at: read::time(row, 0)?, disposition, alerts: 1 };
        Ok(((row.get(0)?, row.get(1)?), line))
    })?;
    rows.collect()
}

fn cases(connection: &Connection, from: &Mark, window: Window) -> rusqlite::Result<Vec<(Mark, Case)>> {
    let mut query = connection.prepare_cached(
        "SELECT opened_at, id, body FROM cases WHERE (opened_at, id) > (?1, ?2) AND opened_at < ?3
         ORDER BY opened_at, id LIMIT ?4",
    )?;
    let limit = i64::try_from(CASES).unwrap_or(i64::MAX);
    let rows = query.query_map((&from.0, &from.1, read::stamp(window.to), limit), |row| {
        Ok(((row.get(0)?, row.get(1)?), read::json(row, 2)?))
    })?;
    rows.collect()
}

fn keep(transaction: &Transaction<'_>, mailing: &Mailing) -> rusqlite::Result<bool> {
    let version = i64::try_from(mailing.version).unwrap_or(i64::MAX);
    let body = read::to_json(mailing)?;
    let written = match mailing.version {
        1 => transaction
            .prepare_cached(
                "INSERT INTO mailings (day, version, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute((&mailing.day, version, body))?,
        _ => transaction
            .prepare_cached(
                "UPDATE mailings SET version = ?2, body = ?3 WHERE day = ?1 AND version = ?2 - 1",
            )?
            .execute((&mailing.day, version, body))?,
    };
    Ok(written == 1)
}
