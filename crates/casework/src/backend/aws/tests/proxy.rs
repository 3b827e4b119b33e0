//! A way to the emulator on which answers get lost and calls are refused, as on a real network. It counts the calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What befalls one call.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// It arrives, and so does the answer.
    Pass,
    /// It arrives and is done, and the answer is lost.
    AnswerLost,
    /// DynamoDB has too much to do.
    Throttled,
    /// Another transaction has the item.
    Conflict,
}

type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

/// The way, open until it is dropped.
pub(super) struct Proxy {
    endpoint: String,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// `rule` is told the operation of each call, and says what becomes of it.
    pub(super) async fn to(endpoint: &str, rule: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let (calls, rule) =
            (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(Box::new(rule) as Rule)));
        let (upstream, counted) = (endpoint.trim_start_matches("http://").to_owned(), Arc::clone(&calls));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, upstream.clone(), Arc::clone(&counted), Arc::clone(&rule)));
            }
        });
        Self { endpoint: own, calls, accepting }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How often each operation was called since the last time this was asked.
    pub(super) fn calls(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One call for each connection.
async fn serve(
    mut stream: TcpStream,
    upstream: String,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    rule: Arc<Mutex<Rule>>,
) {
    let Some((head, body)) = request(&mut stream).await else { return };
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let target = header("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    *calls.lock().unwrap().entry(operation.clone()).or_insert(0) += 1;
    let fate = (rule.lock().unwrap())(&operation);
    let refusal = match fate {
        Fate::Pass | Fate::AnswerLost => None,
        Fate::Throttled => {
            Some(r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate"}"#)
        }
        Fate::Conflict => Some(
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"ongoing"}]}"#,
        ),
    };
    let answer = match refusal {
        Some(json) => format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}",
            json.len()
        )
        .into_bytes(),
        None => forward(&upstream, &head, &body).await,
    };
    if !matches!(fate, Fate::AnswerLost) {
        stream.write_all(&answer).await.unwrap();
    }
}

async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body_start = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = body_start;
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

async fn forward(upstream: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(upstream).await.unwrap();
    let head = head.trim_end().to_owned() + "\r\nconnection: close\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    answer
}
