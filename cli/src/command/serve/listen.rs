//! The socket: how many may come, how much they may send, and how long they may take.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exit::{Exit, WithExit};

/// Connections at the same time.
const CONNECTIONS: usize = 64;
/// Time for the headers of a request, and for the whole of one with its answer, unless that is a download that goes on.
const HEADERS: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
/// Bytes of a request's line and headers.
const HEAD: usize = 16 << 10;
/// Time for those that run when the program is asked to end.
const LEAVING: Duration = Duration::from_secs(2);

/// Says of a connection that it is sending something long, which watches over its own progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Busy(Arc<AtomicBool>);

impl Busy {
    pub(super) fn set(&self, busy: bool) {
        self.0.store(busy, Ordering::Relaxed);
    }
}

/// A socket that listens.
pub(super) struct Listening(TcpListener);

impl Listening {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}: name another place with --listen"))
            .context(WithExit(Exit::Failed))?;
        Ok(Self(listener))
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// Serves until `stop` returns.
    pub(super) async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(stop);
        loop {
            let accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, self.0.accept().await)
            };
            tokio::select! {
                () = &mut stop => break,
                (permit, accepted) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let router = router.clone();
                        tokio::spawn(async move {
                            connection(router, stream).await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LEAVING, permits.acquire_many(all)).await;
    }
}

/// One request a connection: a browser that holds one open keeps nobody out.
async fn connection(router: Router, stream: TcpStream) {
    let busy = Busy::default();
    let (service, told) = (TowerToHyperService::new(router), busy.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(told.clone());
        service.call(request)
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    loop {
        match tokio::time::timeout(WHOLE, &mut serving).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => return tracing::debug!(%error, "a request broke off"),
            Err(_) if busy.0.load(Ordering::Relaxed) => {}
            Err(_) => return tracing::debug!("a request took too long"),
        }
    }
}
