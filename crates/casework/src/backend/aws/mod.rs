//! The store on AWS: two DynamoDB tables.
//!
//! `cooldowns`, with the key `pk`:
//!
//! | `pk` | Attributes |
//! |---|---|
//! | `ip#<address>`, `user#<domain>\<name>`, `limit#<limit>#<hash of whom>#<slot>` | `case_id`, `kind`, `claimed_at`, `expires_at`, `expires_ns` (nanoseconds since 1970, compared in every condition), `touched` (counts writes and confirmations), `alert_id` (whose case took it), `ttl` |
//!
//! `cases`, with the keys `pk` and `sk`:
//!
//! | `pk` | `sk` | Attributes |
//! |---|---|---|
//! | `case#<id>` | `case` | `version`, `body`, `day` and `at` (of opening); while open `queue` = `open` and `due`; while it waits for its machine `waits` |
//! | `case#<id>` | `suppressed#<alert id>` | `key`, `at`: one alert that is counted on the case |
//! | `case#<id>` | `batch#<at>#<hash>` | `ids`, `key`, `at`: the same for all alerts of a batch |
//! | `case#<id>` | `hold` | `owner`, `until_ns`: one worker's right to perform the case's effects |
//! | `alert#<id>` | `alert` | `body`, `disposition`, `outcome` (its word), `received_at`, `settled_at`, `event_id`; `counted_on` (a case); `queue` = `waiting` or `review` and `at`; once policy has left it alone `day` = `settled#<date>` and `at` |
//! | `waits#<address>` | `waits` | `cases`: `<opened at>\|<case id>` of those that wait for the machine |
//! | `settled#<address>` | `batch#<at>#<hash>` | `ids`, `disposition`, `day` = `settled#<date>` and `at`: alerts of a batch that opened nothing |
//! | `command#<id>` | `command` | `node`, `body`: what was sent to a relay |
//! | `digest` | `day#<date>` | `version`, `body`: what is on record of a day's digest |
//!
//! and with three sparse indexes, of which nothing but the keys is used: `by_queue` (`queue`, `at`; and `due`), `by_day`
//! (`day`, `at`) and `by_event` (`event_id`).
//!
//! A `body` is JSON, deflated where it is long. `ttl` is when the table may delete an item, in seconds since 1970; it
//! decides nothing. An alert's own item and its place on a case's list are always written by one transaction, so that
//! either says the same as the other.

mod alerts;
mod call;
mod change;
mod claims;
mod command;
mod commit;
mod find;
mod hold;
mod item;
mod ledger;
mod lists;
mod prune;
mod requeue;
mod settle;
mod storm;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use investigation::case::{Case, Disposition, Step};
use investigation::claim::{Claim, ClaimKey};
use jiff::{SignedDuration, Timestamp};

pub use command::{CommandEntry, SentCommand};
pub use storm::{Repeats, Standing};

use super::{AlertRow, Backend, CaseRow, Committed, Hold, Received, Stored, SuppressedAlert};

/// Longer than a function may take.
const HOLD: SignedDuration = SignedDuration::from_mins(5);

/// The store. Cheap to clone; clones wait for each other's holds.
#[derive(Clone)]
pub struct Aws {
    client: Client,
    cases: Arc<str>,
    cooldowns: Arc<str>,
    hold: SignedDuration,
    /// Seconds for which alerts that opened no case are kept.
    retention: Option<i64>,
    releases: hold::Releases,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aws({}, {})", self.cases, self.cooldowns)
    }
}

impl Aws {
    /// A store in two tables, by their names. Asks nobody anything.
    pub fn new(client: Client, cases: String, cooldowns: String) -> Self {
        Self {
            client,
            cases: cases.into(),
            cooldowns: cooldowns.into(),
            hold: HOLD,
            retention: None,
            releases: hold::Releases::default(),
        }
    }

    /// How long a worker may have a case in hand, five minutes if not said otherwise: at least what an invocation may
    /// take. After that another worker goes on, whatever became of the first.
    #[must_use]
    pub fn with_hold(mut self, hold: Duration) -> Self {
        self.hold = hold.try_into().unwrap_or(SignedDuration::MAX);
        self
    }

    /// How long alerts that opened no case are kept after they were settled; for ever if not said otherwise.
    #[must_use]
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = Some(i64::try_from(retention.as_secs()).unwrap_or(i64::MAX));
        self
    }
}

impl Backend for Aws {
    async fn take_in(&self, alerts: Vec<Received>, now: Timestamp) -> Stored<Vec<AlertRow>> {
        self.each(alerts, move |this, received| async move { this.take_in_one(received, now).await }).await
    }

    async fn settle(&self, alert_id: &str, disposition: &Disposition, now: Timestamp) -> Stored<()> {
        self.settle_one(alert_id, disposition, now).await
    }

    async fn commit(&self, step: &Step, now: Timestamp) -> Stored<Committed> {
        self.commit_step(step, now).await
    }

    async fn case(&self, id: &str) -> Stored<Option<Case>> {
        self.read_case(id).await
    }

    async fn cases(&self, only_open: bool, limit: usize) -> Stored<Vec<CaseRow>> {
        self.list_cases(only_open, limit).await
    }

    async fn waiting_case(&self, target: IpAddr) -> Stored<Option<String>> {
        let item = self.get(call::Table::Cases, item::waits_key(target)).await?;
        Ok(item.as_ref().and_then(storm::oldest))
    }

    async fn open_cases(&self) -> Stored<Vec<String>> {
        self.list_open().await
    }

    async fn alert(&self, id: &str) -> Stored<Vec<AlertRow>> {
        self.find_alert(id).await
    }

    async fn waiting(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.list_alerts("waiting", true, limit).await
    }

    async fn review(&self, limit: usize) -> Stored<Vec<AlertRow>> {
        self.list_alerts("review", false, limit).await
    }

    async fn claims_on(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        self.claims_in_force(keys, now).await
    }

    async fn claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        self.all_claims(now).await
    }

    async fn release(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        self.take_away(key, now).await
    }

    async fn suppressed(&self, case_id: &str) -> Stored<(u64, Vec<SuppressedAlert>)> {
        self.count_suppressed(case_id).await
    }

    async fn hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        self.take_hold(case_id).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        self.prune_all(before, now).await
    }
}
