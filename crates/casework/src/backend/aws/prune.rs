//! Forgetting. On AWS the tables' own TTL does most of it; this reads both tables whole, and is for an operator.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use investigation::case::Disposition;
use investigation::claim::ClaimKey;
use jiff::Timestamp;

use super::super::Stored;
use super::Aws;
use super::alerts::{id_of, row};
use super::call::{Table, failed};
use super::change::names;
use super::item::{Item, alert_key, claim_key, ns, s, stamp, text};

impl Aws {
    pub(super) async fn prune_all(&self, before: Timestamp, now: Timestamp) -> Stored<u64> {
        let filter = "#sk = :alert AND #outcome <> :waiting AND #received_at < :before";
        let scan = self
            .client
            .scan()
            .table_name(&*self.cases)
            .filter_expression(filter)
            .set_expression_attribute_names(names(&[Some(filter)]))
            .expression_attribute_values(":alert", s("alert"))
            .expression_attribute_values(":waiting", s("waiting"))
            .expression_attribute_values(":before", s(stamp(before)));
        let mut pages = scan.into_paginator().send();
        let mut forgotten = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&self.cases, &error))?;
            let items = page.items().to_vec();
            let deleted =
                self.each(items, |this, item| async move { this.forget_alert(&item).await }).await?;
            forgotten += deleted.into_iter().filter(|deleted| *deleted).count() as u64;
        }
        self.prune_claims(now).await?;
        Ok(forgotten)
    }

    /// Forgets one alert, unless its case is open or it was settled otherwise meanwhile.
    async fn forget_alert(&self, item: &Item) -> Stored<bool> {
        if let Disposition::Opened { case_id } = row(item, &self.cases)?.disposition
            && self.read_case(&case_id).await?.is_some_and(|case| !case.is_at_rest())
        {
            return Ok(false);
        }
        let condition = "#disposition = :seen";
        let call = self
            .client
            .delete_item()
            .table_name(self.name(Table::Cases))
            .set_key(Some(alert_key(id_of(item))))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[Some(condition)]))
            .expression_attribute_values(":seen", s(text(item, "disposition").unwrap_or_default()));
        self.deleted(call.send().await)
    }

    async fn prune_claims(&self, now: Timestamp) -> Stored<()> {
        let filter = "#expires_ns <= :now";
        let scan = self
            .client
            .scan()
            .table_name(&*self.cooldowns)
            .filter_expression(filter)
            .set_expression_attribute_names(names(&[Some(filter)]))
            .expression_attribute_values(":now", ns(now));
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(&self.cooldowns, &error))?;
            let key = ClaimKey::stored(text(&item, "pk").unwrap_or_default().to_owned());
            let call = self
                .client
                .delete_item()
                .table_name(&*self.cooldowns)
                .set_key(Some(claim_key(&key)))
                .condition_expression(filter)
                .set_expression_attribute_names(names(&[Some(filter)]))
                .expression_attribute_values(":now", ns(now));
            self.deleted(call.send().await)?;
        }
        Ok(())
    }

    fn deleted<T, R>(
        &self,
        answer: Result<T, aws_sdk_dynamodb::error::SdkError<DeleteItemError, R>>,
    ) -> Stored<bool>
    where
        R: std::fmt::Debug + 'static,
    {
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failed(&self.tables(), &error)),
            },
        }
    }
}
