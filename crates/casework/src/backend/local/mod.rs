//! The embedded store: one SQLite file.
//!
//! Every write is one immediate transaction. It is flushed to disk before it returns (`synchronous = FULL`): what a
//! case has begun must still be known after a power cut, or it would be done twice. The one exception is settling an
//! alert: if that is lost, the alert waits again and is settled again, to the same effect.

mod ledger;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use investigation::case::{Case, Disposition, Step};
use investigation::claim::{Claim, ClaimKey};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{AlertRow, Backend, CaseRow, Committed, Hold, Received, StoreError, Stored, SuppressedAlert};
use crate::failpoint::failpoint;

/// How long a write waits for another process's write.
const BUSY: Duration = Duration::from_secs(10);

/// The embedded store.
#[derive(Clone)]
pub struct Local {
    place: Arc<Place>,
    connection: Arc<Mutex<Connection>>,
}

struct Place {
    database: PathBuf,
    locks: PathBuf,
}

impl Local {
    /// Opens the store in a folder, and makes both if they are missing.
    pub fn open(folder: &Path) -> Stored<Self> {
        let database = folder.join("peerhound.db");
        let locks = folder.join("locks");
        for dir in [folder, &locks] {
            create_private_dir(dir).map_err(|error| from_io(&database, &error))?;
        }
        let connection = connect(&database).map_err(|error| from_sqlite(&database, &error))?;
        schema::migrate(&connection, &database)?;
        Ok(Self { place: Arc::new(Place { database, locks }), connection: Arc::new(Mutex::new(connection)) })
    }

    /// The cases that were opened since a moment, the latest first, up to `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cases_since(&self, since: Timestamp, limit: usize) -> Stored<Vec<CaseRow>> {
        self.read(move |connection| read::cases_since(connection, since, limit)).await
    }

    /// Where the database lies.
    pub fn database(&self) -> &Path {
        &self.place.database
    }

    /// Runs a query on a thread where blocking is fine.
    async fn read<T, F>(&self, query: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let this = self.clone();
        let run = move || {
            let connection = this.connection.lock().unwrap_or_else(PoisonError::into_inner);
            query(&connection).map_err(|error| from_sqlite(&this.place.database, &error))
        };
        joined(&self.place.database, tokio::task::spawn_blocking(run).await)
    }

    /// Runs an all-or-nothing write on a thread where blocking is fine.
    async fn write<T, F>(&self, write: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Verdict<T>> + Send + 'static,
    {
        self.write_with("full", write).await
    }

    async fn write_with<T, F>(&self, synchronous: &'static str, write: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Verdict<T>> + Send + 'static,
    {
        let this = self.clone();
        let run = move || {
            let mut connection = this.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let fail = |error: rusqlite::Error| from_sqlite(&this.place.database, &error);
            connection.pragma_update(None, "synchronous", synchronous).map_err(fail)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
            failpoint("store.begun");
            let verdict = write(&transaction).map_err(fail)?;
            failpoint("store.written");
            let kept = match verdict {
                Verdict::Keep(value) => transaction.commit().map_err(fail).map(|()| value),
                Verdict::Undo(value) => transaction.rollback().map_err(fail).map(|()| value),
            };
            failpoint("store.committed");
            kept
        };
        joined(&self.place.database, tokio::task::spawn_blocking(run).await)
    }
}

/// Whether a transaction is kept.
enum Verdict<T> {
    Keep(T),
    Undo(T),
}

fn joined<T>(place: &Path, result: Result<Stored<T>, tokio::task::JoinError>) -> Stored<T> {
    result.unwrap_or_else(|error| Err(StoreError::Other { place: show(place), why: error.to_string() }))
}

fn connect(database: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A folder that only its owner may read: evidence and alerts are personal data.
pub(crate) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn show(place: &Path) -> String {
    investigation::text::one_line(&place.display().to_string(), 300)
}

fn from_io(place: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full { place: show(place) },
        _ => StoreError::Other { place: show(place), why: error.to_string() },
    }
}

fn from_sqlite(place: &Path, error: &rusqlite::Error) -> StoreError {
    let place = show(place);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { place },
        Some(ErrorCode::DiskFull) => StoreError::Full { place },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { place, why: error.to_string() }
        }
        _ => StoreError::Other { place, why: error.to_string() },
    }
}

/// A lock on a file, which the operating system lets go of when the process dies, however it dies.
struct FileHold {
    _file: File,
}

impl Hold for FileHold {}

impl Backend for Local {
    async fn take_in(&self, alerts: Vec<Received>, now: Timestamp) -> Stored<Vec<AlertRow>> {
        self.write(move |transaction| write::take_in(transaction, &alerts, now).map(Verdict::Keep)).await
    }

    async fn settle(&self, alert_id: &str, disposition: &Disposition, now: Timestamp) -> Stored<()> {
        let (alert_id, disposition) = (alert_id.to_owned(), disposition.clone());
        self.write(move |transaction| {
            write::settle(transaction, &alert_id, &disposition, now).map(Verdict::Keep)
        })
        .await
    }

    async fn commit(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        let step = step.clone();
        let write = move |transaction: &Transaction<'_>| {
            Ok(match write::commit(transaction, &step, now)? {
                Committed::Done => Verdict::Keep(Committed::Done),
                refused => Verdict::Undo(refused),
            })
        };
        self.write(write).await
    }

    async fn case(&self, id: &str) -> Stored<Option<Case>> {
        let id = id.to_owned();
        self.read(move |connection| read::case(connection, &id)).await
    }

    async fn cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        self.read(move |connection| read::cases(connection, only_open, limit)).await
    }

    async fn waiting_case(&self, target: IpAddr) -> Stored<Option<String>> {
        self.read(move |connection| read::waiting_case(connection, target)).await
    }

    async fn open_cases(&self) -> Stored<Vec<String>> {
        self.read(read::open_cases).await
    }

    async fn alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        let id = id.to_owned();
        self.read(move |connection| read::alert(connection, &id)).await
    }

    async fn waiting(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.read(move |connection| read::alerts_that_are(connection, &["waiting"], true, limit)).await
    }

    async fn review(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        let kinds = &["unreadable", "review", "refused"];
        self.read(move |connection| read::alerts_that_are(connection, kinds, false, limit)).await
    }

    async fn claims_on(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        let keys = keys.to_vec();
        self.read(move |connection| {
            let mut claims = Vec::new();
            for key in &keys {
                claims.extend(read::claim(connection, key)?.filter(|claim| claim.in_force(now)));
            }
            Ok(claims)
        })
        .await
    }

    async fn claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        self.read(move |connection| read::claims(connection, now)).await
    }

    async fn release(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        let key = key.clone();
        self.write(move |transaction| write::release(transaction, &key, now).map(Verdict::Keep)).await
    }

    async fn suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        let case_id = case_id.to_owned();
        self.read(move |connection| read::suppressed(connection, &case_id)).await
    }

    async fn hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        let path = self.place.locks.join(format!("{case_id}.lock"));
        let fail = |error: &std::io::Error| from_io(&path, error);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| fail(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(FileHold { _file: file }))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(fail(&error)),
        }
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        let pruned =
            self.write(move |transaction| write::prune(transaction, before, now).map(Verdict::Keep)).await?;
        failpoint("store.pruned");
        for case_id in &pruned.closed_cases {
            // A lock file that is gone already is as good as removed.
            let _ = std::fs::remove_file(self.place.locks.join(format!("{case_id}.lock")));
        }
        Ok(pruned.alerts)
    }
}
