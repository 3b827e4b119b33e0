//! The queries, and how values are spelled in the database.

use std::net::IpAddr;

use investigation::case::{Case, Disposition, Outcome, State};
use investigation::claim::{Claim, ClaimKey, ClaimKind};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{AlertRow, CaseRow, SuppressedAlert};

/// Suppressed alerts returned with a case.
const SHOWN: i64 = 20;

/// A time stamp with a fixed number of digits, so that text order is time order.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.9}")
}

pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn to_word(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Lease => "lease",
        ClaimKind::Cooldown => "cooldown",
    }
}

fn wrong<E: std::error::Error + Send + Sync + 'static>(column: usize, error: E) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| wrong(column, error))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| wrong::<jiff::Error>(column, error))
}

pub(super) fn case(connection: &Connection, id: &str) -> rusqlite::Result<Option<Case>> {
    connection
        .prepare_cached("SELECT body FROM cases WHERE id = ?1")?
        .query_row([id], |row| json(row, 0))
        .optional()
}

pub(super) fn cases(
    connection: &Connection,
    only_open: bool,
    limit: usize,
) -> rusqlite::Result<Vec<CaseRow>> {
    let mut query = connection.prepare_cached(
        "SELECT body, suppressed FROM cases WHERE (open = 1 AND body ->> '$.state' <> 'closed') OR NOT ?1
         ORDER BY opened_at DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map((only_open, limit), |row| Ok(brief(&json(row, 0)?, row.get::<_, i64>(1)?)))?.collect()
}

pub(super) fn cases_since(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<CaseRow>> {
    let mut query = connection.prepare_cached(
        "SELECT body, suppressed FROM cases WHERE opened_at >= ?1 ORDER BY opened_at DESC, id DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map((stamp(since), limit), |row| Ok(brief(&json(row, 0)?, row.get::<_, i64>(1)?)))?.collect()
}

fn brief(case: &Case, suppressed: i64) -> CaseRow {
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
        suppressed: suppressed.unsigned_abs(),
        approvals_until: case.remediation.as_ref().and_then(|kept| kept.waits_until()),
    }
}

pub(super) fn waiting_case(connection: &Connection, target: IpAddr) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT id FROM cases WHERE waits_for = ?1 ORDER BY opened_at LIMIT 1")?
        .query_row([target.to_string()], |row| row.get(0))
        .optional()
}

pub(super) fn open_cases(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached("SELECT id FROM cases WHERE open = 1 ORDER BY opened_at")?;
    query.query_map([], |row| row.get(0))?.collect()
}

/// What became of an alert so far.
pub(super) fn disposition(connection: &Connection, id: &str) -> rusqlite::Result<Option<Disposition>> {
    connection
        .prepare_cached("SELECT detail FROM alerts WHERE id = ?1")?
        .query_row([id], |row| json(row, 0))
        .optional()
}

/// Whether a case is being worked, or has sealed evidence.
pub(super) fn is_open_or_sealed(connection: &Connection, case_id: &str) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT open = 1 OR body ->> '$.evidence' IS NOT NULL FROM cases WHERE id = ?1")?
        .query_row([case_id], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(false))
}

const ALERT: &str = "SELECT id, origin, received_at, alert, detail, settled_at, original FROM alerts";

fn alert_row(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    let alert = match row.get_ref(3)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(json(row, 3)?),
    };
    let settled_at = match row.get_ref(5)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(time(row, 5)?),
    };
    Ok(AlertRow {
        id: row.get(0)?,
        origin: row.get(1)?,
        received_at: time(row, 2)?,
        alert,
        original: row.get(6)?,
        disposition: json(row, 4)?,
        settled_at,
    })
}

pub(super) fn alert_by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<AlertRow>> {
    connection.prepare_cached(&format!("{ALERT} WHERE id = ?1"))?.query_row([id], alert_row).optional()
}

pub(super) fn alert(connection: &Connection, id: &str) -> rusqlite::Result<Vec<AlertRow>> {
    if let Some(row) = alert_by_id(connection, id)? {
        return Ok(vec![row]);
    }
    let by_start = id.len() >= 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let mut query = connection.prepare_cached(&format!(
        "{ALERT} WHERE event_id = ?1 OR (?2 AND substr(id, 1, length(?1)) = ?1) ORDER BY received_at DESC LIMIT 20"
    ))?;
    query.query_map((id, by_start), alert_row)?.collect()
}

pub(super) fn alerts_that_are(
    connection: &Connection,
    words: &[&str],
    oldest_first: bool,
    limit: usize,
) -> rusqlite::Result<Vec<AlertRow>> {
    let order = if oldest_first { "ASC" } else { "DESC" };
    let mut query = connection.prepare_cached(&format!(
        "{ALERT} WHERE disposition IN (SELECT value FROM json_each(?1)) ORDER BY received_at {order} LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map((to_json(&words)?, limit), alert_row)?.collect()
}

fn claim_row(row: &Row<'_>) -> rusqlite::Result<Claim> {
    let kind = match row.get_ref(2)?.as_str()? {
        "cooldown" => ClaimKind::Cooldown,
        _ => ClaimKind::Lease,
    };
    let key = ClaimKey::stored(row.get(0)?);
    Ok(Claim { key, case_id: row.get(1)?, kind, claimed_at: time(row, 3)?, expires_at: time(row, 4)? })
}

pub(super) fn claim(connection: &Connection, key: &ClaimKey) -> rusqlite::Result<Option<Claim>> {
    connection
        .prepare_cached("SELECT key, case_id, kind, claimed_at, expires_at FROM claims WHERE key = ?1")?
        .query_row([key.as_str()], claim_row)
        .optional()
}

pub(super) fn claims(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Claim>> {
    let mut query = connection.prepare_cached(
        "SELECT key, case_id, kind, claimed_at, expires_at FROM claims WHERE expires_at > ?1
         AND key NOT LIKE 'limit#%' ORDER BY expires_at, key",
    )?;
    query.query_map([stamp(now)], claim_row)?.collect()
}

pub(super) fn suppressed(
    connection: &Connection,
    case_id: &str,
) -> rusqlite::Result<(u64, Vec<SuppressedAlert>)> {
    let count: Option<i64> = connection
        .prepare_cached("SELECT suppressed FROM cases WHERE id = ?1")?
        .query_row([case_id], |row| row.get(0))
        .optional()?;
    let mut query = connection.prepare_cached(
        "SELECT alert_id, key, at FROM suppressed WHERE case_id = ?1 ORDER BY at DESC LIMIT ?2",
    )?;
    let listed = query.query_map((case_id, SHOWN), |row| {
        Ok(SuppressedAlert { alert_id: row.get(0)?, key: ClaimKey::stored(row.get(1)?), at: time(row, 2)? })
    })?;
    Ok((count.unwrap_or(0).unsigned_abs(), listed.collect::<rusqlite::Result<_>>()?))
}
