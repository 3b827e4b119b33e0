//! Listening for alerts over HTTP: the same door as on AWS, on this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use casework::backend::{Backend, Received};
use casework::door::{Answer, Door, Keys, Rate, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exit::{Exit, WithExit};
use crate::setup::{Setup, Site};
use crate::show;

/// Connections at the same time.
const CONNECTIONS: usize = 256;
/// Time for the headers of a request, and for the whole of one with its answer.
const HEADERS: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
/// Bytes that are read of a body beyond its cap, and thrown away.
const DRAINED: usize = 16 << 20;
/// Wrong keys a minute: more is guessing.
const WRONG_KEYS: u32 = 60;

/// A socket that listens.
pub(super) struct Listening {
    listener: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    worker: Arc<Site>,
    keys: Keys,
    rate: Rate,
    wrong: Rate,
    requests: AtomicU64,
    started: Timestamp,
}

impl Listening {
    /// Opens the socket.
    ///
    /// # Errors
    /// Where the address is not of this machine alone, the keys cannot be used, or the address is taken.
    pub(super) async fn open(setup: &Setup, worker: &Arc<Site>, address: SocketAddr) -> Result<Self> {
        if !address.ip().is_loopback() {
            let text = format!(
                "--listen {address}: keys would cross the network unprotected: listen on 127.0.0.1 or [::1], and put a \
                 proxy with TLS in front"
            );
            return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
        }
        let keys = setup.door_keys(&worker.policy)?;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))
            .context(WithExit(Exit::Failed))?;
        show::note(&format!("peerhound: listening for alerts on http://{}", listener.local_addr()?));
        let now = Instant::now();
        let shared = Shared {
            worker: Arc::clone(worker),
            keys,
            rate: Rate::new(worker.policy.door.per_minute, now),
            wrong: Rate::new(WRONG_KEYS, now),
            requests: AtomicU64::new(0),
            started: Timestamp::now(),
        };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// Serves until the task is dropped.
    pub(super) async fn serve(self) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&self.shared);
                    tokio::spawn(async move {
                        connection(shared, stream).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// One request a connection: a sender that holds a connection open keeps no other out.
async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(written(shared.answer(request).await)) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(WHOLE, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request broke off"),
        Err(_) => tracing::debug!("a request took too long"),
    }
}

impl Shared {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        if !self.rate.take(Instant::now()) {
            return Answer::too_often();
        }
        let door =
            Door { keys: &self.keys, policy: &self.worker.policy.door, formats: &self.worker.policy.format };
        let (parts, body) = request.into_parts();
        let body = match whole(body, door.max_body()).await {
            Ok(Some(body)) => body,
            Ok(None) => return Answer::too_large(door.max_body()),
            Err(error) => {
                tracing::debug!(%error, "a body broke off");
                return Answer::unavailable();
            }
        };
        let records = match self.records(&door, &parts, &body) {
            Ok(records) => records,
            // Guessing costs time.
            Err(answer) if answer.status == 401 && !self.wrong.take(Instant::now()) => {
                return Answer::too_often();
            }
            Err(answer) => return answer,
        };
        let answer = Answer::of(&records);
        // What is answered for is stored.
        match self.worker.backend.take_in(records, Timestamp::now()).await {
            Ok(_) => answer,
            Err(error) => {
                tracing::error!(%error, "alerts could not be stored");
                Answer::unavailable()
            }
        }
    }

    fn records(&self, door: &Door<'_>, parts: &Parts, body: &[u8]) -> Result<Vec<Received>, Answer> {
        let header = |name: &str| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
        let request = Request { method: parts.method.as_str(), header: &header, body };
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        door.admit(&request, &format!("{}-{number}", self.started.as_second()), Timestamp::now())
    }
}

/// A body, or nothing where it is longer than `most`. Of a longer one some more is read, since a sender or a proxy that is
/// not done sending takes an early answer for a broken connection, and tries again.
async fn whole(mut body: Incoming, most: usize) -> hyper::Result<Option<Vec<u8>>> {
    let (mut kept, mut seen) = (Vec::new(), 0usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen > most.saturating_add(DRAINED) {
            return Ok(None);
        }
        if seen > most {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&data);
        }
    }
    Ok((seen <= most).then_some(kept))
}

fn written(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body.to_string() + "\n")));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, hyper::header::HeaderValue::from_static("close"));
    if matches!(answer.status, 429 | 503) {
        headers.insert(RETRY_AFTER, hyper::header::HeaderValue::from_static("10"));
    }
    response
}
