//! A store of objects on loopback that speaks HTTP/1.1 and keeps S3's rules for conditional writes. It can be told to
//! misbehave, request by request.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How one request is answered instead of properly.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// With this status line, these header lines and this body.
    Answer(&'static str, String, Vec<u8>),
    /// With this body and no length: what ends it is the end of the connection.
    Endless(Vec<u8>),
    /// Not, for so long; then the connection is closed.
    Silence(Duration),
    /// The connection is closed after this much of the request's body.
    Cut(usize),
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Without its query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
}

/// The store. Its threads end with the test.
pub(crate) struct Store {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Store {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is what some tests are about.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        self.state.lock().unwrap().objects.insert(path.to_owned(), content.to_vec());
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    /// The next requests for `path` meet these, one each.
    pub(crate) fn misbehave(&self, path: &str, faults: &[Fault]) {
        let mut state = self.state.lock().unwrap();
        state.faults.entry(path.to_owned()).or_default().extend(faults.iter().cloned());
    }

    /// Requests of one method, in the order in which they came.
    pub(crate) fn seen(&self, method: &str) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|seen| seen.method == method).cloned().collect()
    }
}

/// Serves one connection until it ends.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut out = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = path(words.next().unwrap_or_default());
        let headers = headers(&mut reader)?;
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let seen = Seen { method: method.clone(), path: path.clone(), headers, at: Instant::now() };
        let conditional = seen.headers.get("if-none-match").is_some_and(|value| value == "*");
        let fault = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen);
            state.faults.get_mut(&path).and_then(VecDeque::pop_front)
        };
        if let Some(Fault::Cut(bytes)) = fault {
            io::copy(&mut (&mut reader).take(bytes as u64), &mut io::sink())?;
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        match fault {
            Some(Fault::Answer(status, more, body)) => {
                answer(&mut out, status, &more, &body)?;
                continue;
            }
            Some(Fault::Endless(body)) => {
                out.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                return out.write_all(&body);
            }
            Some(Fault::Silence(time)) => {
                std::thread::sleep(time);
                return Ok(());
            }
            Some(Fault::Cut(_)) | None => {}
        }
        let mut state = state.lock().unwrap();
        match method.as_str() {
            "GET" => match state.objects.get(&path) {
                Some(content) => answer(&mut out, "200 OK", "", content)?,
                None => answer(&mut out, "404 Not Found", "", b"<Error><Code>NoSuchKey</Code></Error>")?,
            },
            "PUT" if conditional && state.objects.contains_key(&path) => {
                let body = b"<Error><Code>PreconditionFailed</Code></Error>";
                answer(&mut out, "412 Precondition Failed", "", body)?;
            }
            "PUT" => {
                state.objects.insert(path, body);
                answer(&mut out, "200 OK", "", b"")?;
            }
            _ => answer(&mut out, "405 Method Not Allowed", "", b"")?,
        }
    }
}

/// Without query, and without the host that a request to a proxy has.
fn path(target: &str) -> String {
    let target = target.split('?').next().unwrap_or_default();
    let path = target.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    path.unwrap_or(target).to_owned()
}

fn headers(reader: &mut impl io::BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(headers) };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

fn answer(out: &mut impl Write, status: &str, more: &str, body: &[u8]) -> io::Result<()> {
    write!(out, "HTTP/1.1 {status}\r\n{more}content-length: {}\r\n\r\n", body.len())?;
    out.write_all(body)
}
