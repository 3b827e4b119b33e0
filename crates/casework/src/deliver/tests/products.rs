//! Every preset against its product's documented contract: a server that takes what the product's documentation takes and
//! nothing else, answers as documented, and loses an answer where a test says so.

mod chats;
pub(crate) mod forges;
mod jira;
mod pagerduty;
mod servicenow;
mod thehive;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::desk::desk;
use super::servers::read_request;
use super::*;

/// The case of every ticket here.
pub(super) const CASE: &str = "ph-20261130-aaaaaaaa";
/// The secret that every product knows.
const SECRET: &str = "s3cret-t0ken";

/// A request as a product gets it.
struct Call {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// What a product answers.
struct Reply {
    status: u16,
    headers: String,
    body: String,
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: String::new(), body: body.to_string() }
}

/// What a product has.
#[derive(Default)]
struct State {
    made: Vec<Value>,
    comments: Vec<(String, String)>,
    calls: Vec<String>,
}

/// What a product answers. An error is what it refuses, with its status and its words.
type Answer = fn(&Call, &mut State) -> Result<Reply, (u16, Value)>;

/// A product.
struct Product {
    /// Its `[ticket]` section; `URL` stands for the server's address.
    section: &'static str,
    /// What it answers.
    answer: Answer,
}

/// What happens to the next request.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// It is refused for a while.
    Busy,
    /// The next one that changes something is done, and its answer is lost.
    Lost,
    /// Everything is refused from now on as by a proxy in front.
    NoApi,
}

#[derive(Default)]
struct Shared {
    state: State,
    faults: VecDeque<Fault>,
}

/// A product at work.
pub(crate) struct Running {
    port: u16,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Product {
    async fn start(&self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (state, answer) = (Arc::clone(&shared), self.answer);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &state, answer).await;
            }
        });
        Running { port, shared, task }
    }

    fn config(&self, running: &Running, secret: &str) -> TicketConfig {
        let url = format!("http://127.0.0.1:{}", running.port);
        let has_url = self.section.contains("URL");
        let section = self.section.replace("URL", &url);
        // Where the address is the secret, the secret is the path.
        desk(&section, Some(&if has_url { secret.to_owned() } else { format!("{url}/hook/{secret}") }))
    }
}

impl Running {
    fn fault(&self, fault: Fault) {
        self.shared.lock().unwrap().faults.push_back(fault);
    }

    pub(crate) fn made(&self) -> Vec<Value> {
        self.shared.lock().unwrap().state.made.clone()
    }

    pub(crate) fn comments(&self) -> Vec<(String, String)> {
        self.shared.lock().unwrap().state.comments.clone()
    }
}

async fn serve(mut stream: TcpStream, shared: &Mutex<Shared>, answer: Answer) {
    let request = read_request(&mut stream).await;
    let call = call(&request);
    let reply = {
        let mut shared = shared.lock().unwrap();
        shared.state.calls.push(format!("{} {}", call.method, call.path));
        match shared.faults.front() {
            Some(Fault::Busy) => {
                shared.faults.pop_front();
                let headers = "retry-after: 7\r\n".to_owned();
                Some(Reply { status: 503, headers, body: "maintenance".to_owned() })
            }
            Some(Fault::NoApi) => {
                let body = "<html>Please log in</html>".to_owned();
                Some(Reply { status: 200, headers: String::new(), body })
            }
            fault => {
                let loses = fault == Some(&Fault::Lost);
                let before = (shared.state.made.len(), shared.state.comments.len());
                let reply = answer(&call, &mut shared.state);
                let changed = before != (shared.state.made.len(), shared.state.comments.len());
                if loses && changed {
                    shared.faults.pop_front();
                }
                let reply = reply.unwrap_or_else(|(status, words)| self::reply(status, &words));
                (!(loses && changed)).then_some(reply)
            }
        }
    };
    if let Some(Reply { status, headers, body }) = reply {
        let text = format!(
            "HTTP/1.1 {status} Documented\r\n{headers}content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(text.as_bytes()).await;
    }
    let _ = stream.shutdown().await;
}

fn call(request: &str) -> Call {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    Call {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.split('&').filter(|part| !part.is_empty()).map(pair).collect(),
        headers: lines.filter_map(header).collect(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, behind @ ..]) => {
                let hex = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                rest = behind;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl Call {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether a body has these keys and no others; `required` have to be there.
    fn has_keys(body: &Value, required: &[&str], optional: &[&str]) -> bool {
        let Some(object) = body.as_object() else { return false };
        required.iter().all(|key| object.contains_key(*key))
            && object.keys().all(|key| required.contains(&key.as_str()) || optional.contains(&key.as_str()))
    }
}

fn text<'v>(body: &'v Value, pointer: &str) -> &'v str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A ticket whose every outside text is hostile.
fn hostile_ticket() -> Ticket {
    let evil =
        "Grüße \"}],\"owner\":\"root\" {noformat} <!channel> <script>alert(1)</script> ${secret} ' OR 1=1";
    Ticket {
        title: format!("Peer-to-peer alert, policy violation: ws-ü\"<b> (10.20.0.5) [case {CASE}]"),
        body_markdown: "| | |\n| --- | --- |\n| Machine | Grüße &lt;script> \\[x\\] |\n".to_owned(),
        body_text: format!("Machine: {evil}\nNext: look\n"),
        priority: Priority::Normal,
        labels: ["peerhound", "p2p", "policy_violation"].map(str::to_owned).to_vec(),
        fields: json!({
            "host.ip": "10.20.0.5", "host.name": evil, "message": format!("Policy violation: {evil}"),
            "peerhound.case_id": CASE, "peerhound.verdict": "policy_violation",
        }),
    }
}

fn key() -> String {
    format!("{CASE}.effect-6")
}

async fn post(config: &TicketConfig, ticket: &Ticket) -> Result<Filed, DeliveryError> {
    post_ticket(config, ticket, &key(), std::path::Path::new("/nowhere")).await
}

/// What every product with a look-up has to stand.
async fn keeps_its_contract(product: &Product, id: &str, page: Option<&str>) {
    // Made once, whole, however often it is delivered.
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    let filed = post(&config, &hostile_ticket()).await.unwrap();
    let ticket = filed.ticket.clone().unwrap();
    assert_eq!(
        (ticket.number.as_str(), ticket.url.as_deref()),
        (id, page.map(|page| page.replace("PORT", &running.port.to_string())).as_deref())
    );
    let made = running.made();
    let whole = made[0].to_string();
    assert!(whole.contains(CASE) && whole.contains("Grüße"), "{whole}");
    assert!(!whole.contains(SECRET), "{whole}");
    let again = post(&config, &hostile_ticket()).await.unwrap();
    assert_eq!(again.ticket, filed.ticket);
    assert!(again.receipt.to_string().contains("found from an earlier try"), "{}", again.receipt);
    assert_eq!(running.made().len(), 1);

    // A comment, once as well.
    for _ in 0..2 {
        let key = format!("{CASE}.effect-7");
        let told = update_ticket(&config, &ticket, "10 further alerts <b>\nGrüße", &key).await.unwrap();
        assert!(told.to_string().contains(id));
    }
    let key = format!("{CASE}.effect-77");
    update_ticket(&config, &ticket, "100 further alerts", &key).await.unwrap();
    let comments = running.comments();
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].1.contains("10 further alerts") && comments[0].1.contains("Grüße"), "{comments:?}");

    // An answer that was lost.
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    running.fault(Fault::Lost);
    uncertain(&post(&config, &hostile_ticket()).await.unwrap_err());
    let found = post(&config, &hostile_ticket()).await.unwrap();
    assert_eq!((found.ticket.unwrap().number.as_str(), running.made().len()), (id, 1));
    running.fault(Fault::Lost);
    let text = "10 further alerts";
    uncertain(&update_ticket(&config, &ticket, text, &self::key()).await.unwrap_err());
    update_ticket(&config, &ticket, text, &self::key()).await.unwrap();
    assert_eq!(running.comments().len(), 1);

    // A busy server says for how long; nothing was made.
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    running.fault(Fault::Busy);
    let busy = post(&config, &hostile_ticket()).await.unwrap_err();
    assert!(
        matches!(&busy, DeliveryError::NotAccepted { retry_after: Some(wait), .. } if wait.as_secs() == 7),
        "{busy}"
    );
    assert_eq!(running.made().len(), 0);

    refuses_the_wrong(product).await;
    cuts_what_is_too_long(product).await;
}

/// A wrong secret and a page that is no API: one line that says what.
async fn refuses_the_wrong(product: &Product) {
    let running = product.start().await;
    let error = post(&product.config(&running, "wr0ng-t0ken"), &hostile_ticket()).await.unwrap_err();
    let why = rejected(&error);
    assert!(why.contains("HTTP 4") && !why.contains('\n') && !why.contains("wr0ng"), "{why}");
    assert_eq!(running.made().len(), 0);
    let config = product.config(&running, SECRET);
    if config.desk.as_ref().unwrap().preset.find.is_some() {
        running.fault(Fault::NoApi);
        let error = post(&config, &hostile_ticket()).await.unwrap_err();
        assert!(rejected(&error).contains("is this the right url"), "{error}");
    }
}

/// The product refuses what is longer than it takes, so that this arrives only if it was cut.
async fn cuts_what_is_too_long(product: &Product) {
    let running = product.start().await;
    let line = "a line of the evidence, with \"quotes\", Grüße and <b>\n";
    let long = Ticket {
        title: format!("{} [case {CASE}]", "host ".repeat(400)),
        body_markdown: line.repeat(40_000),
        body_text: line.repeat(40_000),
        ..hostile_ticket()
    };
    post(&product.config(&running, SECRET), &long).await.unwrap();
    let made = running.made()[0].to_string();
    assert!(made.contains(CASE), "it could not be found again");
    assert!(
        made.contains("Cut here") || !made.contains("a line of the evidence"),
        "nobody is told of the cut"
    );
}
