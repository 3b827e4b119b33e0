//! Orders for a collector.

use investigation::order::Order;
use serde_json::Value;

use super::{seeds as given, way};

/// Orders.
///
/// - An order that is read is written and read to the same.
/// - What an order does not know is refused wherever it stands: nothing can ride along.
pub fn order(data: &[u8]) -> u64 {
    let order: Order = match serde_json::from_slice(data) {
        Ok(order) => order,
        Err(error) => return way(&error.to_string()),
    };
    let written = serde_json::to_vec(&order).expect("an order is written");
    let again: Order = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(order, again, "written and read");

    let value: Value = serde_json::from_slice(&written).expect("JSON");
    for place in ["", "/task", "/task/limits"] {
        let mut value = value.clone();
        let Some(object) = value.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
        object.insert("command".to_owned(), "id".into());
        assert!(serde_json::from_value::<Order>(value).is_err(), "an order with more in {place:?} is taken");
    }
    way(&String::from_utf8_lossy(&written))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    vec![
        br#"{"case_id":"c-1","target":"10.0.0.5","task":{"kind":"identify"}}"#.to_vec(),
        br#"{"case_id":"c-1","target":"fd12::5","task":{"kind":"collect","artifacts":["identity","connections","neighbors","dns_cache","processes","prefetch","autostart","firewall","programs","torrents"],"limits":{"artifact_seconds":300,"artifact_bytes":268435456,"rows":20000,"depth":64,"files":20000000,"torrent_bytes":16777216,"hash_bytes":536870912}}}"#.to_vec(),
        br#"{"task":{"artifacts":[],"limits":{},"kind":"collect"},"target":"::ffff:10.0.0.5","case_id":""}"#.to_vec(),
        [br#"{"case_id":"c","target":"10.0.0.5","task":{"kind":"collect","limits":{},"artifacts":["#.to_vec(), given::many(b"\"identity\",", 256 << 10), b"\"identity\"]}}".to_vec()].concat(),
        [br#"{"case_id":"c","target":"10.0.0.5","task":"#.to_vec(), given::many(b"{\"task\":", 64 << 10)].concat(),
        [br#"{"case_id":"c","target":"10.0.0.5","task":{"kind":"identify","x":"#.to_vec(), given::many(b"[", 64 << 10)].concat(),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"\"case_id\":",
    b"\"target\":",
    b"\"task\":",
    b"\"kind\":",
    b"\"collect\"",
    b"\"identify\"",
    b"\"artifacts\":",
    b"\"limits\":",
    b"\"rows\":",
    b"\"depth\":",
    b"\"files\":",
    b"\"artifact_seconds\":",
    b"\"command\":\"id\",",
    b"\"identity\"",
    b"\"torrents\"",
    b"\"10.0.0.5\"",
    b"null",
    b"{}",
    b"[]",
    b",",
    b"1.0",
    b"-1",
    b"1e3",
    b"\"\\u0000\"",
];
