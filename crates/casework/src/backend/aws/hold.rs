//! The right to perform a case's effects: an item with an expiry.
//!
//! A function is frozen between two invocations, and with it whatever it still had to write. So what is let go is
//! remembered until it is written: the next [`Aws::take_hold`] on the same case waits for it, and [`Aws::flush`] waits
//! for all of it at the end of an invocation. The hold of a worker that died ends by its expiry, which is compared in
//! the condition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::super::{Hold, Stored};
use super::Aws;
use super::call::{Table, failed, token};
use super::change::names;
use super::item::{Item, case_pk, key, ns, s, ttl};

/// A hold that ran out is kept a day for whoever looks for what went wrong.
const KEPT_SECONDS: i64 = 86_400;

/// What was let go and is not known to be written, by case.
#[derive(Clone, Default)]
pub(super) struct Releases(Arc<Mutex<HashMap<String, Vec<JoinHandle<()>>>>>);

impl Releases {
    fn add(&self, case_id: &str, task: JoinHandle<()>) {
        let mut of_cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        of_cases.retain(|_, tasks| {
            tasks.retain(|task| !task.is_finished());
            !tasks.is_empty()
        });
        of_cases.entry(case_id.to_owned()).or_default().push(task);
    }

    fn of_case(&self, case_id: &str) -> Vec<JoinHandle<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(case_id).unwrap_or_default()
    }

    fn all(&self) -> Vec<JoinHandle<()>> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_values().flatten().collect()
    }
}

/// A hold on one case; writes that it is given up when it is dropped.
struct ItemHold {
    aws: Aws,
    case_id: String,
    owner: String,
}

impl Hold for ItemHold {}

impl Drop for ItemHold {
    fn drop(&mut self) {
        // Without a runtime nothing can be written any more, and the hold runs out by itself.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (aws, case_id, owner) = (self.aws.clone(), self.case_id.clone(), self.owner.clone());
        let task = runtime.spawn(async move { aws.let_go(&case_id, &owner).await });
        self.aws.releases.add(&self.case_id, task);
    }
}

fn hold_key(case_id: &str) -> Item {
    key(case_pk(case_id), "hold")
}

impl Aws {
    pub(super) async fn take_hold(&self, case_id: &str) -> Stored<Option<Box<dyn Hold>>> {
        for release in self.releases.of_case(case_id) {
            // One that failed has said so in the log.
            let _ = release.await;
        }
        let (owner, now) = (token(), Timestamp::now());
        let until = now.checked_add(self.hold).unwrap_or(Timestamp::MAX);
        let update = "SET #owner = :me, #until_ns = :until, #ttl = :ttl";
        // The owner itself is let in, as the SDK repeats a call whose answer was lost.
        let condition = "attribute_not_exists(#pk) OR #until_ns <= :now OR #owner = :me";
        let call = self
            .client
            .update_item()
            .table_name(self.name(Table::Cases))
            .set_key(Some(hold_key(case_id)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(update), Some(condition)]))
            .expression_attribute_values(":me", s(&owner))
            .expression_attribute_values(":until", ns(until))
            .expression_attribute_values(":ttl", ttl(until, KEPT_SECONDS))
            .expression_attribute_values(":now", ns(now));
        match call.send().await {
            Ok(_) => Ok(Some(Box::new(ItemHold { aws: self.clone(), case_id: case_id.to_owned(), owner }))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(failed(&self.cases, &error)),
            },
        }
    }

    async fn let_go(&self, case_id: &str, owner: &str) {
        let condition = "#owner = :me";
        let call = self
            .client
            .delete_item()
            .table_name(self.name(Table::Cases))
            .set_key(Some(hold_key(case_id)))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":me", s(owner));
        if let Err(error) = call.send().await
            && !error.as_service_error().is_some_and(
                aws_sdk_dynamodb::operation::delete_item::DeleteItemError::is_conditional_check_failed_exception,
            )
        {
            tracing::warn!(case_id, error = %failed(&self.cases, &error), "a hold was not given up and has to run out");
        }
    }

    /// Waits until every hold that was dropped is written as given up. To be called at the end of an invocation.
    pub async fn flush(&self) {
        for release in self.releases.all() {
            let _ = release.await;
        }
    }
}
