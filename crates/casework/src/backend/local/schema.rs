//! The layout of the database. What is searched by lies in columns; the rest of a row is its JSON.

use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, Stored, from_sqlite, show};

/// The layout that this version writes. A change appends to [`MIGRATIONS`] and never edits what is there.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE alerts (
        id           TEXT PRIMARY KEY,
        event_id     TEXT,
        origin       TEXT NOT NULL,
        received_at  TEXT NOT NULL,
        alert        TEXT,
        original     TEXT,
        disposition  TEXT NOT NULL,
        detail       TEXT NOT NULL,
        settled_at   TEXT
    ) STRICT;
    CREATE INDEX alerts_by_event ON alerts (event_id) WHERE event_id IS NOT NULL;
    CREATE INDEX alerts_by_disposition ON alerts (disposition, received_at);

    CREATE TABLE cases (
        id            TEXT PRIMARY KEY,
        version       INTEGER NOT NULL,
        open          INTEGER NOT NULL,
        opened_at     TEXT NOT NULL,
        suppressed    INTEGER NOT NULL DEFAULT 0,
        waits_for     TEXT,
        body          TEXT NOT NULL
    ) STRICT;
    CREATE INDEX cases_open ON cases (opened_at) WHERE open = 1;
    CREATE INDEX cases_by_age ON cases (opened_at);
    CREATE INDEX cases_waiting ON cases (waits_for, opened_at) WHERE waits_for IS NOT NULL;

    CREATE TABLE claims (
        key         TEXT PRIMARY KEY,
        case_id     TEXT NOT NULL,
        kind        TEXT NOT NULL,
        claimed_at  TEXT NOT NULL,
        expires_at  TEXT NOT NULL
    ) STRICT;

    CREATE TABLE suppressed (
        case_id   TEXT NOT NULL,
        alert_id  TEXT NOT NULL,
        key       TEXT NOT NULL,
        at        TEXT NOT NULL,
        PRIMARY KEY (case_id, alert_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX suppressed_by_age ON suppressed (case_id, at);
",
    "
    CREATE INDEX alerts_by_age ON alerts (received_at, id);

    CREATE TABLE mailings (
        day      TEXT PRIMARY KEY,
        version  INTEGER NOT NULL,
        body     TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// Brings a database to the newest layout, or says that it is newer than this program.
pub(super) fn migrate(connection: &Connection, database: &Path) -> Stored<()> {
    let fail = |error: rusqlite::Error| from_sqlite(database, &error);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = layout(connection).map_err(fail)?;
    if found > known {
        return Err(StoreError::Newer { place: show(database), found, known });
    }
    if found == known {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
    // Another process may have brought it up to date while this one waited for the lock.
    let found = layout(connection).map_err(fail)?;
    for (number, migration) in (0_i64..).zip(MIGRATIONS).skip_while(|(number, _)| *number < found) {
        connection.execute_batch(migration).map_err(fail)?;
        connection.pragma_update(None, "user_version", number + 1).map_err(fail)?;
    }
    connection.execute_batch("COMMIT").map_err(fail)
}

fn layout(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
