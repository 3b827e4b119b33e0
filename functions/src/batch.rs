//! A batch of SQS messages, read one by one: what is wrong with one of them is no matter of the others.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

/// What an invocation brings: any JSON. Only what is needed of it is kept; a tree of all of it would take longer to make than
/// what comes after.
#[derive(Debug, Default)]
pub(crate) struct Event {
    records: Option<Vec<Entry>>,
}

/// One of `Records`, whatever it is.
#[derive(Debug, Default)]
struct Entry {
    id: Option<String>,
    body: Option<Text>,
}

/// A field that ought to be text: `None` if it is not.
#[derive(Debug, Default)]
struct Text(Option<String>);

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) body: String,
}

/// The messages of a batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    /// Ids of messages that are not of SQS's shape.
    pub(crate) unreadable: Vec<String>,
}

/// Why an event is no batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotABatch;

impl fmt::Display for NotABatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the event holds no records of a queue: this function is invoked by an event source mapping",
        )
    }
}

impl std::error::Error for NotABatch {}

impl Batch {
    pub(crate) fn read(event: Event) -> Result<Self, NotABatch> {
        let entries = event.records.ok_or(NotABatch)?;
        let mut batch = Self { records: Vec::with_capacity(entries.len()), unreadable: Vec::new() };
        for Entry { id, body } in entries {
            match (id, body) {
                (Some(id), None) => batch.records.push(Record { id, body: String::new() }),
                (Some(id), Some(Text(Some(body)))) => batch.records.push(Record { id, body }),
                (Some(id), Some(Text(None))) => batch.unreadable.push(id),
                (None, _) => tracing::error!("a record of the queue has no id"),
            }
        }
        Ok(batch)
    }
}

/// Takes whatever comes, and reads only what it is made for.
trait Lenient: Default {
    fn text(_: String) -> Self {
        Self::default()
    }

    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl Lenient for Text {
    fn text(text: String) -> Self {
        Self(Some(text))
    }
}

impl Lenient for Entry {
    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut entry = Self::default();
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::MessageId => entry.id = map.next_value::<Any<Text>>()?.0.0,
                Name::Body => entry.body = Some(map.next_value::<Any<Text>>()?.0),
                Name::Records | Name::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(entry)
    }
}

impl Lenient for Event {
    fn map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut event = Self::default();
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Records => event.records = map.next_value::<Any<Records>>()?.0.0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(event)
    }
}

/// `None` if it is no list.
#[derive(Default)]
struct Records(Option<Vec<Entry>>);

impl Lenient for Records {
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut records = Vec::new();
        while let Some(Any(entry)) = list.next_element()? {
            records.push(entry);
        }
        Ok(Self(Some(records)))
    }
}

/// The names that are looked for.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Name {
    #[serde(rename = "Records")]
    Records,
    #[serde(rename = "messageId")]
    MessageId,
    #[serde(rename = "body")]
    Body,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Any::deserialize(deserializer).map(|Any(event)| event)
    }
}

struct Any<T>(T);

impl<'de, T: Lenient> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor(std::marker::PhantomData)).map(Self)
    }
}

struct AnyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
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

    fn read(event: Value) -> Result<Batch, NotABatch> {
        Batch::read(serde_json::from_str(&event.to_string()).expect("any JSON is an event"))
    }

    #[test]
    fn one_odd_record_is_no_matter_of_the_others() {
        let event = json!({ "Records": [
            { "messageId": "a", "body": "{\"k\": \"\u{1b}\"}", "attributes": { "ApproximateReceiveCount": "1" } },
            { "messageId": "b", "body": 7 },
            { "messageId": "c" },
            { "body": "no id" }, 7, null, ["x"],
            { "messageId": "d", "body": { "messageId": "not this" } },
            { "messageAttributes": { "messageId": "nor this", "body": [1, { "Records": [] }] }, "messageId": "e", "body": "" },
        ], "other": [1.5, true, { "Records": 1 }] });
        let batch = read(event).unwrap();
        let records: Vec<(&str, &str)> =
            batch.records.iter().map(|record| (record.id.as_str(), record.body.as_str())).collect();
        assert_eq!(records, [("a", "{\"k\": \"\u{1b}\"}"), ("c", ""), ("e", "")]);
        assert_eq!(batch.unreadable, ["b", "d"]);
        let mut failures = Failures::of(batch.unreadable);
        failures.extend(["c".to_owned()]);
        let answer = failures.into_answer();
        let ids = ["b", "d", "c"].map(|id| json!({ "itemIdentifier": id }));
        assert_eq!(answer, json!({ "batchItemFailures": ids }));
    }

    #[test]
    fn an_event_of_something_else_fails_as_a_whole() {
        for event in
            [json!(null), json!([]), json!({ "Records": {} }), json!({ "detail": {} }), json!("x"), json!(-1)]
        {
            assert_eq!(read(event).unwrap_err(), NotABatch);
        }
    }
}
