//! A conditional change of one item, as an action of a transaction or by itself.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};

use super::super::Stored;
use super::Aws;
use super::call::Table;
use super::item::Item;

/// A change of one item. In its expressions every attribute is written `#name`, as half of the plain names are
/// reserved words, and every value `:name`.
pub(super) struct Change {
    table: Table,
    key: Item,
    update: Option<String>,
    condition: Option<String>,
    values: HashMap<String, AttributeValue>,
}

impl Change {
    pub(super) fn of(table: Table, key: Item) -> Self {
        Self { table, key, update: None, condition: None, values: HashMap::new() }
    }

    pub(super) fn set(mut self, update: impl Into<String>) -> Self {
        self.update = Some(update.into());
        self
    }

    pub(super) fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        names(&[self.update.as_deref(), self.condition.as_deref()])
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        debug_assert!(self.uses_its_values(), "DynamoDB refuses {:?} / {:?}", self.update, self.condition);
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// Whether the values are those that the expressions name: no more, no fewer.
    fn uses_its_values(&self) -> bool {
        let expressions = [self.update.as_deref(), self.condition.as_deref()];
        let mut named = HashSet::new();
        for part in expressions.into_iter().flatten().flat_map(|text| text.split(':').skip(1)) {
            named.insert(word(part));
        }
        named == self.values.keys().map(|name| name.trim_start_matches(':')).collect()
    }

    /// Changes attributes.
    pub(super) fn update(self, aws: &Aws) -> Stored<TransactWriteItem> {
        let action = Update::builder()
            .table_name(aws.name(self.table))
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .set_update_expression(self.update)
            .set_condition_expression(self.condition)
            .set_key(Some(self.key))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| aws.bug(&error))?;
        Ok(TransactWriteItem::builder().update(action).build())
    }

    /// Deletes the item.
    pub(super) fn delete(self, aws: &Aws) -> Stored<TransactWriteItem> {
        let action = Delete::builder()
            .table_name(aws.name(self.table))
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .set_condition_expression(self.condition)
            .set_key(Some(self.key))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| aws.bug(&error))?;
        Ok(TransactWriteItem::builder().delete(action).build())
    }

    /// Changes nothing.
    pub(super) fn check(self, aws: &Aws) -> Stored<TransactWriteItem> {
        let action = ConditionCheck::builder()
            .table_name(aws.name(self.table))
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .set_condition_expression(self.condition)
            .set_key(Some(self.key))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| aws.bug(&error))?;
        Ok(TransactWriteItem::builder().condition_check(action).build())
    }

    /// Writes the whole item, which is given in place of the key.
    pub(super) fn put(self, aws: &Aws) -> Stored<TransactWriteItem> {
        let action = Put::builder()
            .table_name(aws.name(self.table))
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .set_condition_expression(self.condition)
            .set_item(Some(self.key))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| aws.bug(&error))?;
        Ok(TransactWriteItem::builder().put(action).build())
    }
}

/// The attributes that expressions name as `#name`.
pub(super) fn names(expressions: &[Option<&str>]) -> Option<HashMap<String, String>> {
    let mut names = HashMap::new();
    for expression in expressions.iter().copied().flatten() {
        for part in expression.split('#').skip(1) {
            names.insert(format!("#{}", word(part)), word(part).to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The name at the start of a text.
fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(text.len())]
}
