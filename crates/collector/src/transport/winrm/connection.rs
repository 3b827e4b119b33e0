//! One HTTP connection to an endpoint. NTLM proves who we are for a connection and not for a request, so there is never
//! a second one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{WinrmConfig, tls};
use crate::contact_error::ContactError;
use crate::transport::account::hosts::Hosts;

/// Largest answer. Endpoints are asked for 150 KiB, and some send a little more.
const ANSWER: usize = 1 << 20;

/// Where WinRM listens.
pub(super) const PATH: &str = "/wsman";

/// A connection. It ends with its value.
pub(super) struct Connection {
    target: IpAddr,
    host: String,
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    certificate: Option<CertificateDer<'static>>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The type of its body.
    pub(super) fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The ways to prove oneself that it offers, each with what belongs to it.
    pub(super) fn offers(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
    }
}

impl Connection {
    /// Connects, over TLS if the settings say so.
    pub(super) async fn open(target: IpAddr, config: &WinrmConfig) -> Result<Self, ContactError> {
        let patience = config.connect_timeout;
        let late = |phase| ContactError::TimedOut { target, phase, seconds: patience.as_secs() };
        let address = SocketAddr::new(target, config.port);
        let stream = timeout(patience, TcpStream::connect(address))
            .await
            .map_err(|_| late("connection"))?
            .map_err(|source| ContactError::Unreachable { target, port: config.port, source })?;
        // Each request waits for the answer to the one before.
        let _ = stream.set_nodelay(true);
        if !config.https {
            return Self::speak(target, address, stream, None).await;
        }
        let (ca, client) = (config.ca_file.as_deref(), config.client_certificate.as_deref());
        let settings = tls::settings(ca, client, Hosts::new(&config.expected_hosts))
            .map_err(|(file, source)| ContactError::WinrmFile { file, source })?;
        let connecting = TlsConnector::from(settings).connect(tls::server_name(target), stream);
        let stream = timeout(patience, connecting)
            .await
            .map_err(|_| late("TLS handshake"))?
            .map_err(|error| not_secured(target, &error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = certificate.map(|certificate| certificate.clone().into_owned());
        Self::speak(target, address, stream, certificate).await
    }

    async fn speak(
        target: IpAddr,
        address: SocketAddr,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        certificate: Option<CertificateDer<'static>>,
    ) -> Result<Self, ContactError> {
        let (sender, connection) = http1::Builder::new()
            .max_headers(64)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(target, "connection", &error))?;
        let driver = tokio::spawn(async move {
            // What breaks it is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { target, host: address.to_string(), sender, driver, certificate })
    }

    /// The certificate that the endpoint has proven itself by.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// Sends one request and waits for the whole answer.
    pub(super) async fn post(
        &mut self,
        authorization: Option<&str>,
        body: Option<(&str, Vec<u8>)>,
        phase: &'static str,
        patience: Duration,
    ) -> Result<Reply, ContactError> {
        let target = self.target;
        let mut request =
            Request::post(PATH).header(HOST, self.host.as_str()).header(USER_AGENT, "Peerhound");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((content_type, _)) = &body {
            request = request.header(CONTENT_TYPE, *content_type);
        }
        let body = Full::new(Bytes::from(body.map(|(_, body)| body).unwrap_or_default()));
        let request =
            request.body(body).map_err(|error| ContactError::disconnected(target, phase, &error))?;
        let sender = &mut self.sender;
        let exchange = async {
            sender.ready().await.map_err(|error| broken(target, phase, &error))?;
            let reply = sender.send_request(request).await.map_err(|error| broken(target, phase, &error))?;
            let (head, body) = reply.into_parts();
            let body = Limited::new(body, ANSWER).collect().await.map_err(|error| {
                ContactError::disconnected(target, phase, &format_args!("its answer: {error}"))
            })?;
            Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes().into() })
        };
        timeout(patience, exchange).await.map_err(|_| ContactError::TimedOut {
            target,
            phase,
            seconds: patience.as_secs(),
        })?
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn broken(target: IpAddr, phase: &'static str, error: &hyper::Error) -> ContactError {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    ContactError::disconnected(target, phase, &format_args!("{error}{source}"))
}

fn not_secured(target: IpAddr, error: &std::io::Error) -> ContactError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let detail = investigation::text::one_line(&why.to_string(), 200);
            ContactError::CertificateRefused { target, detail }
        }
        _ => ContactError::disconnected(target, "TLS handshake", error),
    }
}
