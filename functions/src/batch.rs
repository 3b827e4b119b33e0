//! A batch of SQS messages, read one by one: what is wrong with one of them is no matter of the others.

use serde::Deserialize;
use serde_json::{Value, json};

/// A message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(rename = "messageId")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) body: String,
}

/// What an invocation brings.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    /// Ids of messages that are not of SQS's shape.
    pub(crate) unreadable: Vec<String>,
}

/// Why an event is no batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotABatch;

impl std::fmt::Display for NotABatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the event holds no records of a queue: this function is invoked by an event source mapping",
        )
    }
}

impl std::error::Error for NotABatch {}

impl Batch {
    pub(crate) fn read(event: Value) -> Result<Self, NotABatch> {
        let Value::Object(mut event) = event else { return Err(NotABatch) };
        let Some(Value::Array(records)) = event.remove("Records") else { return Err(NotABatch) };
        let mut batch = Self { records: Vec::with_capacity(records.len()), unreadable: Vec::new() };
        for record in records {
            let id = record.get("messageId").and_then(Value::as_str).map(str::to_owned);
            match (serde_json::from_value(record), id) {
                (Ok(record), _) => batch.records.push(record),
                (Err(_), Some(id)) => batch.unreadable.push(id),
                (Err(error), None) => tracing::error!(%error, "a record of the queue has no id"),
            }
        }
        Ok(batch)
    }
}

/// The messages of a batch that have to come again.
#[derive(Debug)]
pub(crate) struct Failures(Vec<String>);

impl Failures {
    pub(crate) fn of(ids: Vec<String>) -> Self {
        Self(ids)
    }

    pub(crate) fn extend(&mut self, ids: impl IntoIterator<Item = String>) {
        self.0.extend(ids);
    }

    /// The answer that a mapping with `ReportBatchItemFailures` reads.
    pub(crate) fn into_answer(self) -> Value {
        let failures = self.0.into_iter().map(|id| json!({ "itemIdentifier": id }));
        json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_record_is_no_matter_of_the_others() {
        let event = json!({ "Records": [
            { "messageId": "a", "body": "{}", "attributes": { "ApproximateReceiveCount": "1" } },
            { "messageId": "b", "body": 7 },
            { "messageId": "c" },
        ]});
        let batch = Batch::read(event).unwrap();
        assert_eq!(batch.records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let mut failures = Failures::of(batch.unreadable);
        failures.extend(["c".to_owned()]);
        let answer = failures.into_answer();
        assert_eq!(
            answer,
            json!({ "batchItemFailures": [{ "itemIdentifier": "b" }, { "itemIdentifier": "c" }] })
        );
    }

    #[test]
    fn an_event_of_something_else_fails_as_a_whole() {
        for event in [json!(null), json!([]), json!({ "Records": {} }), json!({ "detail": {} })] {
            assert_eq!(Batch::read(event).unwrap_err(), NotABatch);
        }
    }
}
