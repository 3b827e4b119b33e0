//! The calls: what a failure means, what is tried again, and for how long.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, KeysAndAttributes, TransactWriteItem};
use investigation::text::one_line;
use tokio::task::JoinSet;

use super::super::{StoreError, Stored};
use super::Aws;
use super::change::names;
use super::item::{Item, s};

/// How often a transaction that met another one, or was throttled, is sent.
pub(super) const ATTEMPTS: u32 = 10;

/// How often a transaction is sent of which nobody knows how it went. The SDK has tried four times for each of these.
const UNKNOWN: u32 = 2;

/// The first wait; each is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Keys that one `BatchGetItem` takes.
const KEYS: usize = 100;

/// Calls that are under way at the same time.
const AT_ONCE: usize = 16;

/// Actions that one transaction takes.
pub(super) const ACTIONS: usize = 100;

/// Why a transaction wrote nothing, for each of its actions.
pub(super) type Reasons = Vec<CancellationReason>;

/// Whether this is the action whose condition did not hold.
pub(super) fn refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// A wait before the `attempt`th repetition, of random length so that those who met do not meet again.
pub(super) async fn pause(attempt: u32) {
    let most = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
    tokio::time::sleep(Duration::from_micros(random() % micros)).await;
}

/// 64 random bits: the standard library seeds its hashers from the system's generator.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A name that nothing else has.
pub(super) fn token() -> String {
    format!("{:016x}{:016x}", random(), random())
}

/// Whether the same call may succeed a moment later.
fn passes(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "LimitExceededException"
    )
}

/// What a failed call means for whoever wanted it.
pub(super) fn failed<E, R>(table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: Debug + 'static,
{
    let place = table.to_owned();
    let SdkError::ServiceError(context) = error else {
        let why = causes(error);
        return match error {
            SdkError::ConstructionFailure(_) => StoreError::Other { place, why },
            _ => StoreError::Unavailable { place, why },
        };
    };
    let (code, message) =
        (context.err().code().unwrap_or("no code"), context.err().message().unwrap_or_default());
    let why = one_line(&format!("{code}: {message}"), 300);
    if passes(code) { StoreError::Unavailable { place, why } } else { StoreError::Other { place, why } }
}

fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    one_line(&text, 300)
}

impl Aws {
    /// Writes all of it, or nothing: then the reasons, one for each action, at least one of which is a condition that
    /// does not hold. A transaction whose answer was lost is sent again under the same token, so that it is applied
    /// once.
    pub(super) async fn transact(&self, actions: Vec<TransactWriteItem>) -> Stored<Result<(), Reasons>> {
        let mut same = token();
        let (mut unknown, mut last) = (0, String::new());
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let call = self.client.transact_write_items().client_request_token(&same);
            let Err(error) = call.set_transact_items(Some(actions.clone())).send().await else {
                return Ok(Ok(()));
            };
            if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            {
                let reasons = cancelled.cancellation_reasons();
                if reasons.iter().any(refused) {
                    return Ok(Err(reasons.to_vec()));
                }
                last = self.passing(reasons)?;
                // Unless an earlier one may still arrive, this is a new transaction.
                if unknown == 0 {
                    same = token();
                }
                continue;
            }
            let why = failed(&self.cases, &error);
            if !why.is_passing() {
                return Err(why);
            }
            unknown += u32::from(error.as_service_error().is_none());
            if unknown >= UNKNOWN {
                return Err(why);
            }
            last = why.to_string();
        }
        Err(StoreError::Unavailable { place: self.tables(), why: last })
    }

    /// Why a transaction met with something that passes; an error where it never will.
    fn passing(&self, reasons: &[CancellationReason]) -> Stored<String> {
        for reason in reasons {
            let code = reason.code().unwrap_or("None");
            let passes = matches!(
                code,
                "None" | "TransactionConflict" | "ProvisionedThroughputExceeded" | "ThrottlingError"
            );
            if !passes {
                let why = one_line(&format!("{code}: {}", reason.message().unwrap_or_default()), 300);
                return Err(StoreError::Other { place: self.tables(), why });
            }
        }
        let codes = reasons.iter().filter_map(CancellationReason::code).find(|code| *code != "None");
        Ok(codes.unwrap_or("cancelled without a reason").to_owned())
    }

    pub(super) fn tables(&self) -> String {
        format!("{} and {}", self.cases, self.cooldowns)
    }

    /// Reads items by their keys, strongly consistent, in any order. No key may be given twice.
    pub(super) async fn read(&self, keys: Vec<(Table, Item)>) -> Stored<Vec<(Table, Item)>> {
        let chunks: Vec<Vec<(Table, Item)>> = keys.chunks(KEYS).map(<[_]>::to_vec).collect();
        let found = self.each(chunks, |this, chunk| async move { this.read_some(chunk).await }).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn read_some(&self, keys: Vec<(Table, Item)>) -> Stored<Vec<(Table, Item)>> {
        let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
        for table in [Table::Cases, Table::Cooldowns] {
            let of_table: Vec<Item> =
                keys.iter().filter(|(t, _)| *t == table).map(|(_, key)| key.clone()).collect();
            if !of_table.is_empty() {
                let request =
                    KeysAndAttributes::builder().consistent_read(true).set_keys(Some(of_table)).build();
                let request = request.map_err(|error| self.bug(&error))?;
                wanted.insert(self.name(table).to_owned(), request);
            }
        }
        let mut found = Vec::with_capacity(keys.len());
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let call = self.client.batch_get_item().set_request_items(Some(wanted)).send().await;
            let answer = call.map_err(|error| failed(&self.cases, &error))?;
            for (name, items) in answer.responses.unwrap_or_default() {
                let table = if name == *self.cases { Table::Cases } else { Table::Cooldowns };
                found.extend(items.into_iter().map(|item| (table, item)));
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
        }
        Err(StoreError::Unavailable { place: self.tables(), why: "keys are left unprocessed".to_owned() })
    }

    /// Reads one item of `cases`, strongly consistent.
    pub(super) async fn get(&self, table: Table, key: Item) -> Stored<Option<Item>> {
        let name = self.name(table);
        let call = self.client.get_item().table_name(name).set_key(Some(key)).consistent_read(true);
        Ok(call.send().await.map_err(|error| failed(name, &error))?.item)
    }

    /// A query for the items of one partition of `cases` whose sort key begins with `start`, strongly consistent.
    pub(super) fn below(&self, pk: String, start: &str) -> QueryFluentBuilder {
        let condition = "#pk = :pk AND begins_with(#sk, :start)";
        self.client
            .query()
            .table_name(&*self.cases)
            .consistent_read(true)
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":start", s(start))
    }

    /// Does the same for each, a bounded number at a time, and gives the results in order.
    pub(super) async fn each<T, R, F, G>(&self, items: Vec<T>, run: F) -> Stored<Vec<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(Self, T) -> G,
        G: Future<Output = Stored<R>> + Send + 'static,
    {
        let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let mut running = JoinSet::new();
        let mut items = items.into_iter().enumerate();
        loop {
            while running.len() < AT_ONCE
                && let Some((position, item)) = items.next()
            {
                let task = run(self.clone(), item);
                running.spawn(async move { (position, task.await) });
            }
            let Some(ended) = running.join_next().await else { break };
            let (position, result) = ended.map_err(|error| self.bug(&error))?;
            results[position] = Some(result?);
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// What cannot be, said instead of a panic.
    pub(super) fn bug(&self, error: &(dyn Error + 'static)) -> StoreError {
        StoreError::Other { place: self.tables(), why: causes(error) }
    }

    pub(super) fn name(&self, table: Table) -> &str {
        match table {
            Table::Cases => &self.cases,
            Table::Cooldowns => &self.cooldowns,
        }
    }
}

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Cases,
    Cooldowns,
}
