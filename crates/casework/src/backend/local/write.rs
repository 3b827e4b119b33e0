//! The writes. Each runs inside one immediate transaction.

use investigation::case::{Disposition, Step};
use investigation::claim::{Claim, ClaimKey, ClaimOp};
use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::super::{AlertRow, Committed, Received};
use super::read;

/// Repeats that are listed for one case; the count goes on. Those that a user's claim stood in the way of are all
/// kept: they wait again if it is given up, and there are never many, as each was a case of its own first.
const LISTED: i64 = 1000;

pub(super) fn take_in(
    transaction: &Transaction<'_>,
    alerts: &[Received],
    now: Timestamp,
) -> rusqlite::Result<Vec<AlertRow>> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO alerts (id, event_id, origin, received_at, alert, original, disposition, detail, settled_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
    )?;
    let mut rows = Vec::with_capacity(alerts.len());
    for received in alerts {
        let (event_id, alert, original, disposition, settled_at) = match &received.content {
            Ok(alert) => {
                (alert.event_id.as_deref(), Some(read::to_json(alert)?), None, Disposition::Waiting, None)
            }
            Err(unread) => {
                let disposition = Disposition::Unreadable { reason: unread.reason.clone() };
                (None, None, Some(&unread.original), disposition, Some(read::stamp(now)))
            }
        };
        let (word, detail) = (disposition.as_str(), read::to_json(&disposition)?);
        let at = read::stamp(now);
        insert.execute(params![
            received.id,
            event_id,
            received.origin,
            at,
            alert,
            original,
            word,
            detail,
            settled_at
        ])?;
        rows.extend(read::alert_by_id(transaction, &received.id)?);
    }
    Ok(rows)
}

pub(super) fn settle(
    transaction: &Transaction<'_>,
    alert_id: &str,
    disposition: &Disposition,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let before = read::disposition(transaction, alert_id)?;
    if let Some(Disposition::Opened { case_id }) = &before
        && !matches!(disposition, Disposition::Opened { .. })
        && read::is_open_or_sealed(transaction, case_id)?
    {
        return Ok(());
    }
    transaction
        .prepare_cached("UPDATE alerts SET disposition = ?2, detail = ?3, settled_at = ?4 WHERE id = ?1")?
        .execute(params![alert_id, disposition.as_str(), read::to_json(disposition)?, read::stamp(now)])?;
    let (was, is) = (before.as_ref().and_then(counted_on), counted_on(disposition));
    if was.map(|(case_id, _)| case_id) == is.map(|(case_id, _)| case_id) {
        return Ok(());
    }
    if let Some((case_id, _)) = was {
        uncount(transaction, case_id, alert_id)?;
    }
    if let Some((case_id, key)) = is {
        let new = transaction
            .prepare_cached(
                "INSERT INTO suppressed (case_id, alert_id, key, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![case_id, alert_id, key, read::stamp(now)])?;
        if new == 1 {
            count_suppressed(transaction, case_id)?;
        }
    }
    Ok(())
}

/// The case that an alert of this outcome is counted on, with the claim in its way.
fn counted_on(disposition: &Disposition) -> Option<(&str, &str)> {
    match disposition {
        Disposition::Suppressed { key, case_id, .. } => Some((case_id, key.as_str())),
        Disposition::Folded { case_id, .. } => Some((case_id, "")),
        _ => None,
    }
}

/// Takes an alert off a case that it was counted on: it has one outcome, and that is another now.
fn uncount(transaction: &Transaction<'_>, case_id: &str, alert_id: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM suppressed WHERE case_id = ?1 AND alert_id = ?2")?
        .execute((case_id, alert_id))?;
    transaction
        .prepare_cached("UPDATE cases SET suppressed = MAX(suppressed - 1, 0) WHERE id = ?1")?
        .execute([case_id])?;
    Ok(())
}

/// Counts exactly, as the alert itself says where it was counted. The list is for people, and beyond the bound its
/// oldest entries go.
fn count_suppressed(transaction: &Transaction<'_>, case_id: &str) -> rusqlite::Result<()> {
    let count: i64 = transaction
        .prepare_cached("UPDATE cases SET suppressed = suppressed + 1 WHERE id = ?1 RETURNING suppressed")?
        .query_row([case_id], |row| row.get(0))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(0),
            error => Err(error),
        })?;
    if count > LISTED {
        transaction
            .prepare_cached(
                "DELETE FROM suppressed WHERE case_id = ?1 AND alert_id =
                 (SELECT alert_id FROM suppressed WHERE case_id = ?1 AND key NOT LIKE 'user#%' ORDER BY at LIMIT 1)",
            )?
            .execute([case_id])?;
    }
    Ok(())
}

pub(super) fn commit(
    transaction: &Transaction<'_>,
    step: &Step,
    now: Timestamp,
) -> rusqlite::Result<Committed> {
    for op in &step.claims {
        match op {
            ClaimOp::Take(claim) | ClaimOp::TakeOver { claim, .. } => {
                if let Some(held) = take(transaction, op, claim, now)? {
                    return Ok(Committed::Held(held));
                }
            }
            ClaimOp::Confirm(claim) => {
                if !op.admits(read::claim(transaction, &claim.key)?.as_ref(), now) {
                    return Ok(Committed::Freed(claim.key.clone()));
                }
            }
            ClaimOp::Release(key) => {
                transaction
                    .prepare_cached("DELETE FROM claims WHERE key = ?1 AND case_id = ?2")?
                    .execute([key.as_str(), &step.case.id])?;
            }
        }
    }
    let case = &step.case;
    if step.alert_was.is_some() && step.alert_was != read::disposition(transaction, &case.alert.id)? {
        return Ok(Committed::Stale);
    }
    let body = read::to_json(case)?;
    let version = i64::try_from(case.version).unwrap_or(i64::MAX);
    let waits_for = case.is_waiting().then(|| case.target.to_string());
    let written = if version == 0 {
        transaction
            .prepare_cached(
                "INSERT INTO cases (id, version, open, opened_at, body) VALUES (?1, 0, 1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![case.id, read::stamp(case.opened_at), body])?
    } else {
        transaction
            .prepare_cached(
                "UPDATE cases SET version = ?2, open = ?3, body = ?4, waits_for = ?5
                 WHERE id = ?1 AND version = ?2 - 1",
            )?
            .execute(params![case.id, version, !case.is_at_rest(), body, waits_for])?
    };
    if written != 1 {
        return Ok(Committed::Stale);
    }
    for key in &step.requeue {
        requeue(transaction, &case.id, key)?;
    }
    if let Some(disposition) = &step.alert {
        settle(transaction, &case.alert.id, disposition, now)?;
    }
    Ok(Committed::Done)
}

/// Lets the alerts wait again that this case suppressed because of a user whose claim it gives up.
fn requeue(transaction: &Transaction<'_>, case_id: &str, key: &ClaimKey) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE alerts SET disposition = ?3, detail = ?4, settled_at = NULL WHERE disposition = 'suppressed'
             AND id IN (SELECT alert_id FROM suppressed WHERE case_id = ?1 AND key = ?2)",
        )?
        .execute(params![case_id, key.as_str(), Disposition::Waiting.as_str(), read::to_json(&Disposition::Waiting)?])?;
    let gone = transaction
        .prepare_cached("DELETE FROM suppressed WHERE case_id = ?1 AND key = ?2")?
        .execute(params![case_id, key.as_str()])?;
    transaction
        .prepare_cached("UPDATE cases SET suppressed = suppressed - ?2 WHERE id = ?1")?
        .execute(params![case_id, i64::try_from(gone).unwrap_or(0)])?;
    Ok(())
}

/// Takes a claim, or returns the one that stands in the way. The transaction is immediate, so that nothing changes
/// between the look and the write.
fn take(
    transaction: &Transaction<'_>,
    op: &ClaimOp,
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Option<Claim>> {
    let existing = read::claim(transaction, &claim.key)?;
    if !op.admits(existing.as_ref(), now) {
        return Ok(existing);
    }
    transaction
        .prepare_cached(
            "INSERT INTO claims (key, case_id, kind, claimed_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (key) DO UPDATE SET case_id = ?2, kind = ?3, claimed_at = ?4, expires_at = ?5",
        )?
        .execute(params![
            claim.key.as_str(),
            claim.case_id,
            read::to_word(claim.kind),
            read::stamp(claim.claimed_at),
            read::stamp(claim.expires_at),
        ])?;
    Ok(None)
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    key: &ClaimKey,
    now: Timestamp,
) -> rusqlite::Result<Option<Claim>> {
    let claim = read::claim(transaction, key)?;
    transaction.execute("DELETE FROM claims WHERE key = ?1", [key.as_str()])?;
    Ok(claim.filter(|claim| claim.in_force(now)))
}

pub(super) struct Pruned {
    pub(super) alerts: u64,
    pub(super) closed_cases: Vec<String>,
}

pub(super) fn prune(
    transaction: &Transaction<'_>,
    before: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Pruned> {
    let alerts = transaction.execute(
        "DELETE FROM alerts WHERE disposition <> 'waiting' AND received_at < ?1
         AND NOT EXISTS (SELECT 1 FROM cases WHERE open = 1 AND cases.body ->> '$.alert.id' = alerts.id)",
        [read::stamp(before)],
    )?;
    transaction.execute("DELETE FROM claims WHERE expires_at <= ?1", [read::stamp(now)])?;
    let mut closed =
        transaction.prepare("SELECT id FROM cases WHERE open = 0 ORDER BY opened_at DESC LIMIT 10000")?;
    let closed_cases = closed.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Pruned { alerts: alerts as u64, closed_cases })
}
