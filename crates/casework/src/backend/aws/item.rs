//! How things are spelled in the tables: keys, times, and bodies.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::IpAddr;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use investigation::claim::ClaimKey;
use investigation::text::one_line;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{StoreError, Stored};

/// One item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// JSON that is longer is deflated: what is written is paid for by the kilobyte.
const PLAIN: usize = 4 << 10;

/// An item may take 400 KB. The rest of it is small.
const LIMIT: usize = 350 << 10;

/// What a body may grow to when it is read. Nothing as large is ever written.
const INFLATED: u64 = 64 << 20;

/// A key may take 2048 bytes, and an outsider's words are cut well below.
const KEY_LIMIT: usize = 1000;

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A time stamp with a fixed number of digits, so that text order is time order.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A moment to compare in a condition: nanoseconds since 1970.
pub(super) fn ns(at: Timestamp) -> AttributeValue {
    n(at.as_nanosecond())
}

/// When the table may delete an item: a moment and some seconds, in seconds since 1970. Decides nothing.
pub(super) fn ttl(at: Timestamp, seconds: i64) -> AttributeValue {
    n(at.as_second().saturating_add(seconds))
}

pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

pub(super) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok())
}

pub(super) fn set<'a>(item: &'a Item, name: &str) -> &'a [String] {
    item.get(name).and_then(|value| value.as_ss().ok()).map_or(&[], Vec::as_slice)
}

/// A time stamp that has to be there.
pub(super) fn time(item: &Item, name: &str, table: &str) -> Stored<Timestamp> {
    let found = text(item, name).and_then(|stamp| stamp.parse().ok());
    found.ok_or_else(|| unreadable(table, item, &format!("{name} is no time stamp")))
}

/// A text that has to be there.
pub(super) fn needed<'a>(item: &'a Item, name: &str, table: &str) -> Stored<&'a str> {
    text(item, name).ok_or_else(|| unreadable(table, item, &format!("{name} is missing")))
}

fn unreadable(table: &str, item: &Item, why: &str) -> StoreError {
    let pk = one_line(text(item, "pk").unwrap_or("?"), 100);
    StoreError::Other { place: table.to_owned(), why: format!("the item {pk} cannot be read: {why}") }
}

/// The key of an item of `cases`.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

pub(super) fn case_pk(id: &str) -> String {
    format!("case#{id}")
}

pub(super) fn case_key(id: &str) -> Item {
    key(case_pk(id), "case")
}

pub(super) fn alert_key(id: &str) -> Item {
    key(format!("alert#{id}"), "alert")
}

pub(super) fn suppressed_key(case_id: &str, alert_id: &str) -> Item {
    key(case_pk(case_id), format!("suppressed#{alert_id}"))
}

/// The key of what waits for a machine, in the one spelling that its claims have too.
pub(super) fn waits_key(target: IpAddr) -> Item {
    key(waits_pk(target), "waits")
}

pub(super) fn waits_pk(target: IpAddr) -> String {
    format!("waits#{}", address(target))
}

pub(super) fn address(ip: IpAddr) -> String {
    let key = ClaimKey::ip(ip);
    key.as_str().strip_prefix("ip#").unwrap_or(key.as_str()).to_owned()
}

/// The key of a claim in `cooldowns`.
pub(super) fn claim_key(key: &ClaimKey) -> Item {
    HashMap::from([("pk".to_owned(), s(key.as_str()))])
}

/// Whether a text can be the key of an item at all.
pub(super) fn can_be_key(text: &str) -> bool {
    (1..=KEY_LIMIT).contains(&text.len())
}

pub(super) fn to_json<T: Serialize>(value: &T, table: &str) -> Stored<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Other { place: table.to_owned(), why: error.to_string() })
}

/// Puts a value's JSON into an item, deflated where that saves something.
pub(super) fn put_body<T: Serialize>(item: &mut Item, value: &T, table: &str, what: &str) -> Stored<()> {
    let json = to_json(value, table)?;
    let (attribute, bytes) = if json.len() <= PLAIN {
        let bytes = json.len();
        (AttributeValue::S(json), bytes)
    } else {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish());
        let packed =
            packed.map_err(|error| StoreError::Other { place: table.to_owned(), why: error.to_string() })?;
        let bytes = packed.len();
        (AttributeValue::B(Blob::new(packed)), bytes)
    };
    if bytes > LIMIT {
        let (place, what) = (table.to_owned(), one_line(what, 100));
        return Err(StoreError::TooLarge { place, what, bytes, limit: LIMIT });
    }
    item.insert("body".to_owned(), attribute);
    Ok(())
}

pub(super) fn body<T: DeserializeOwned>(item: &Item, table: &str) -> Stored<T> {
    let parsed = match item.get("body") {
        Some(AttributeValue::S(json)) => serde_json::from_str(json).map_err(|error| error.to_string()),
        Some(AttributeValue::B(packed)) => {
            let mut json = Vec::new();
            let inflated = ZlibDecoder::new(packed.as_ref()).take(INFLATED).read_to_end(&mut json);
            inflated
                .map_err(|error| error.to_string())
                .and_then(|_| serde_json::from_slice(&json).map_err(|error| error.to_string()))
        }
        _ => Err("it has no body".to_owned()),
    };
    parsed.map_err(|why| unreadable(table, item, &why))
}
