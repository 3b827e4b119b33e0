//! A way to the emulator that counts calls and reckons what DynamoDB would charge for them, by its published rules:
//! a write costs one unit for each begun kilobyte of the larger of the item before and after it, twice as much in a
//! transaction, and once more for each index whose entry it changes; a strongly consistent read costs one unit for each
//! begun four kilobytes of each item, and one where there is none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The indexes of the table `cases`: their keys, and what else they hold.
const INDEXES: [(&[&str], &[&str]); 3] =
    [(&["queue", "at"], &["due"]), (&["day", "at"], &[]), (&["event_id"], &[])];

/// What was called, and what it costs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spent {
    /// By operation; those of S3 by method.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Write request units of the tables.
    pub(crate) writes: u64,
    /// Write request units of their indexes.
    pub(crate) indexes: u64,
    /// Read request units.
    pub(crate) reads: u64,
}

impl Spent {
    /// How often an operation was called.
    pub(crate) fn of(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or(0)
    }
}

#[derive(Default)]
struct State {
    spent: Spent,
    /// What lies in the tables, by table and key.
    items: HashMap<String, Value>,
}

/// The way, open until it is dropped.
pub(crate) struct Meter {
    endpoint: String,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Meter {
    pub(crate) async fn to(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = format!("http://{}", listener.local_addr().expect("its port"));
        let state = Arc::new(Mutex::new(State::default()));
        let (upstream, shared) = (endpoint.trim_start_matches("http://").to_owned(), Arc::clone(&state));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, upstream.clone(), Arc::clone(&shared)));
            }
        });
        Self { endpoint: own, state, accepting }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was spent since the last time this was asked.
    pub(crate) fn spent(&self) -> Spent {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).spent)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A request as it came.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let body = bytes.split_off(end);
        let mut request = Self { head: String::from_utf8(bytes).ok()?, body };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while request.body.len() < length {
            if stream.read_buf(&mut request.body).await.ok()? == 0 {
                return None;
            }
        }
        Some(request)
    }

    /// Sends it on; one call for each connection.
    async fn forward(&self, upstream: &str) -> std::io::Result<Vec<u8>> {
        let mut connection = TcpStream::connect(upstream).await?;
        let head = format!("{}\r\nconnection: close\r\n\r\n", self.head.trim_end());
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(&self.body).await?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

async fn serve(mut stream: TcpStream, upstream: String, state: Arc<Mutex<State>>) {
    let Some(request) = Request::read(&mut stream).await else { return };
    let target = request.header("x-amz-target").unwrap_or_default().to_owned();
    let method = request.head.split(' ').next().unwrap_or_default();
    let operation = target.rsplit('.').next().filter(|name| !name.is_empty()).unwrap_or(method).to_owned();
    let answer = request.forward(&upstream).await.expect("an answer of the emulator");
    if target.starts_with("DynamoDB") {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let done = answer.starts_with(b"HTTP/1.1 200");
        account(&request, &upstream, &state, &operation, &body, done).await;
    }
    *state.lock().unwrap_or_else(PoisonError::into_inner).spent.calls.entry(operation).or_insert(0) += 1;
    // Who asked may be gone.
    let _ = stream.write_all(&answer).await;
}

/// Puts a call on the bill.
async fn account(
    request: &Request,
    upstream: &str,
    state: &Mutex<State>,
    operation: &str,
    body: &Value,
    done: bool,
) {
    // Spelled as single ones are.
    let batched: Vec<Value> = body["RequestItems"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(table, requests)| requests.as_array().into_iter().flatten().map(move |request| (table, request)))
        .map(|(table, request)| serde_json::json!({ "TableName": table, "Item": request["PutRequest"]["Item"] }))
        .collect();
    let changes: Vec<(&Value, u64)> = match operation {
        "BatchWriteItem" => batched.iter().map(|change| (change, 1)).collect(),
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![(body, 1)],
        "TransactWriteItems" => {
            let actions = body["TransactItems"].as_array().into_iter().flatten();
            actions
                .flat_map(|action| action.as_object().into_iter().flatten())
                .map(|(_, change)| (change, 2))
                .collect()
        }
        "GetItem" => return read(state, &[(&body["TableName"], &body["Key"])]),
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys: Vec<(Value, &Value)> = tables
                .flat_map(|(table, wanted)| {
                    assert_eq!(wanted["ConsistentRead"], true);
                    let keys = wanted["Keys"].as_array().into_iter().flatten();
                    keys.map(|key| (Value::String(table.clone()), key)).collect::<Vec<_>>()
                })
                .collect();
            let keys: Vec<(&Value, &Value)> = keys.iter().map(|(table, key)| (table, *key)).collect();
            return read(state, &keys);
        }
        "Query" | "Scan" => panic!("{operation} is not reckoned here"),
        _ => return,
    };
    for (change, factor) in changes {
        let key = if change["Item"].is_object() { &change["Item"] } else { &change["Key"] };
        let place = place(&change["TableName"], key);
        let after = match (done, &change["Item"]) {
            (true, item @ Value::Object(_)) => Some(item.clone()),
            _ => current(request, upstream, &change["TableName"], key).await,
        };
        let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { spent, items } = &mut *locked;
        let before = items.get(&place);
        let larger = before.map_or(0, size).max(after.as_ref().map_or(0, size));
        spent.writes += factor * units(larger, 1024);
        spent.indexes += INDEXES.iter().map(|index| changed(*index, before, after.as_ref())).sum::<u64>();
        match after {
            Some(after) => items.insert(place, after),
            None => items.remove(&place),
        };
    }
}

fn read(state: &Mutex<State>, keys: &[(&Value, &Value)]) {
    let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
    let State { spent, items } = &mut *locked;
    for (table, key) in keys {
        spent.reads += units(items.get(&place(table, key)).map_or(0, size), 4096);
    }
}

/// The item as it is now, asked past the meter.
async fn current(request: &Request, upstream: &str, table: &Value, key: &Value) -> Option<Value> {
    let key: serde_json::Map<String, Value> =
        ["pk", "sk"].iter().filter_map(|name| Some(((*name).to_owned(), key.get(*name)?.clone()))).collect();
    let body = json!({ "TableName": table, "Key": key, "ConsistentRead": true }).to_string().into_bytes();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {upstream}\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n\
         content-type: application/x-amz-json-1.0\r\nauthorization: {}\r\ncontent-length: {}\r\n",
        request.header("authorization").unwrap_or_default(),
        body.len()
    );
    let answer = Request { head, body }.forward(upstream).await.expect("an answer of the emulator");
    let start = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a body") + 4;
    let found: Value = serde_json::from_slice(&answer[start..]).expect("JSON");
    found.get("Item").cloned()
}

fn place(table: &Value, key: &Value) -> String {
    format!("{table} {} {}", key["pk"]["S"], key["sk"]["S"])
}

/// Begun units of `each` bytes, at least one.
fn units(bytes: usize, each: usize) -> u64 {
    bytes.div_ceil(each).max(1) as u64
}

/// What a change of an item costs in one index.
fn changed((keys, others): (&[&str], &[&str]), before: Option<&Value>, after: Option<&Value>) -> u64 {
    let entry = |item: Option<&Value>| -> Option<serde_json::Map<String, Value>> {
        let item = item?;
        keys.iter().all(|name| item.get(*name).is_some()).then(|| {
            let held = keys.iter().chain(others).chain(&["pk", "sk"]);
            held.filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect()
        })
    };
    let cost = |entry: &serde_json::Map<String, Value>| units(size(&Value::Object(entry.clone())), 1024);
    match (entry(before), entry(after)) {
        (None, None) => 0,
        (Some(one), None) | (None, Some(one)) => cost(&one),
        (Some(old), Some(new)) if old == new => 0,
        (Some(old), Some(new)) if keys.iter().all(|name| old[*name] == new[*name]) => {
            cost(&old).max(cost(&new))
        }
        (Some(old), Some(new)) => cost(&old) + cost(&new),
    }
}

/// The size of an item, or of a map in one: names and values, as the service counts them.
fn size(item: &Value) -> usize {
    item.as_object().into_iter().flatten().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("B", Value::String(base64)) => base64.len() / 4 * 3,
        ("SS", Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::len).sum(),
        ("BOOL" | "NULL", _) => 1,
        // Nothing else is written.
        (other, _) => panic!("an attribute of type {other}"),
    }
}
