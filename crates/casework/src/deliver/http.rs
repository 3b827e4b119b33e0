//! One HTTP request to a configured server, and what its answer means for a delivery.
//!
//! Redirects are not followed, so that neither what is sent nor a secret goes anywhere but to the configured host; proxies
//! of the environment are not used; TLS is always verified; without TLS only this machine is spoken to.

use std::time::{Duration, Instant};

use investigation::text::one_line;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url};

use super::{DeliveryError, MAX_WHY, answer, install_crypto, is_loopback, with_causes};

/// Bytes of an answer that are read.
pub(crate) const MAX_ANSWER: usize = 8 << 20;
/// Bytes of an error that are looked at.
const MAX_ERROR: usize = 64 << 10;

/// A client for one delivery.
pub(crate) struct HttpClient {
    client: Client,
    ends: Instant,
}

/// A request.
pub(crate) struct HttpRequest<'r> {
    /// Method.
    pub(crate) method: Method,
    /// Address. May hold a secret, so only its host is ever shown.
    pub(crate) url: &'r str,
    /// Headers besides the body's type and our name.
    pub(crate) headers: &'r [(String, String)],
    /// Media type and body.
    pub(crate) body: Option<(&'static str, String)>,
    /// Words that are never shown, also where the other side repeats them.
    pub(crate) secrets: &'r [&'r str],
}

/// An answer that settles the request.
pub(crate) struct HttpAnswer {
    /// `host:port` that gave it.
    pub(crate) location: String,
    /// Status.
    pub(crate) status: StatusCode,
    /// The body, as far as the cap goes and as long as it came.
    pub(crate) body: Vec<u8>,
    /// How long it asks to wait.
    retry_after: Option<Duration>,
    /// Its first words, without a secret.
    words: String,
    redirected: Option<String>,
}

impl HttpClient {
    /// A client whose requests have `timeout` together. `ca` are further certificates in PEM that servers are verified
    /// against.
    ///
    /// # Errors
    /// Rejected: the certificates cannot be read.
    pub(crate) fn new(timeout: Duration, ca: Option<&[u8]>) -> Result<Self, DeliveryError> {
        install_crypto();
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            // Less than the whole, so that a connection that never came about is told from an answer that never came.
            .connect_timeout((timeout / 2).min(Duration::from_secs(10)));
        if let Some(pem) = ca {
            let certificates = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
            let certificates = certificates
                .ok_or_else(|| DeliveryError::rejected("the CA file holds no certificate in PEM"))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| DeliveryError::not_accepted(&with_causes(&error)))?;
        Ok(Self { client, ends: Instant::now() + timeout })
    }

    /// Sends a request and reads the answer, whatever its status is.
    ///
    /// # Errors
    /// By whether the other side can have got it, see [`DeliveryError`].
    pub(crate) async fn ask(&self, request: HttpRequest<'_>) -> Result<HttpAnswer, DeliveryError> {
        let (url, location) = address(request.url)?;
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DeliveryError::not_accepted(&format!(
                "{location}: no time was left for this request"
            )));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::try_from(value.as_str());
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(DeliveryError::rejected("a header's name or value cannot be sent"));
            };
            headers.insert(name, value);
        }
        let mut sending = self.client.request(request.method, url).timeout(left).headers(headers);
        sending = sending.header(USER_AGENT, concat!("peerhound/", env!("CARGO_PKG_VERSION")));
        if let Some((media_type, body)) = request.body {
            sending = sending.header(CONTENT_TYPE, media_type).body(body);
        }
        let mut response = sending.send().await.map_err(|error| failed(&location, error))?;
        let status = response.status();
        let retry_after = answer::retry_after(response.headers(), Timestamp::now());
        let redirected = status.is_redirection().then(|| target(&response));
        let cap = if status.is_success() { MAX_ANSWER } else { MAX_ERROR };
        let body = body(&mut response, cap).await;
        let words = words(&body, request.secrets);
        Ok(HttpAnswer { location, status, body, retry_after, words, redirected })
    }
}

impl HttpAnswer {
    /// A success, or what another status means for the delivery.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    pub(crate) fn settled(self) -> Result<Self, DeliveryError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (status, location) = (self.status, &self.location);
        if let Some(target) = &self.redirected {
            let why = format!("{location}: HTTP {status} to {target}, not followed");
            // "See other" is what some send once the request is done.
            return Err(match status {
                StatusCode::SEE_OTHER => DeliveryError::uncertain(&why),
                _ => DeliveryError::rejected(&why),
            });
        }
        let why = one_line(&format!("{location}: HTTP {status}{}", self.words), MAX_WHY);
        let retry_after = self.retry_after;
        Err(match status {
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE => DeliveryError::NotAccepted { why, retry_after },
            // Some forbid for a while who asks too often, and say for how long.
            StatusCode::FORBIDDEN if retry_after.is_some() => DeliveryError::NotAccepted { why, retry_after },
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
                DeliveryError::Rejected { why }
            }
            status if status.is_client_error() => DeliveryError::Rejected { why },
            _ => DeliveryError::Uncertain { why },
        })
    }
}

/// Where a request goes.
fn address(url: &str) -> Result<(Url, String), DeliveryError> {
    let url = Url::parse(url).map_err(|_| DeliveryError::rejected("the configured URL is not a URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let location = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    match url.scheme() {
        "https" => Ok((url, location)),
        "http" if is_loopback(&host) => Ok((url, location)),
        "http" => Err(DeliveryError::rejected(&format!(
            "{location}: nothing is sent over an unprotected connection but to this machine: use https"
        ))),
        _ => Err(DeliveryError::rejected("the configured URL is neither http nor https")),
    }
}

/// A request without an answer.
fn failed(location: &str, error: reqwest::Error) -> DeliveryError {
    // The URL may hold a secret.
    let error = error.without_url();
    let why = format!("{location}: {}", with_causes(&error));
    if error.is_connect() {
        DeliveryError::not_accepted(&why)
    } else if error.is_builder() {
        DeliveryError::rejected(&why)
    } else if error.is_timeout() {
        DeliveryError::uncertain(&format!("{location}: no answer in time"))
    } else {
        DeliveryError::uncertain(&why)
    }
}

/// The host that an answer names instead.
fn target(response: &Response) -> String {
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = target.and_then(|text| response.url().join(text).ok());
    target.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "nowhere".to_owned())
}

async fn body(response: &mut Response, cap: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = cap - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == cap {
            break;
        }
    }
    body
}

/// The first words of an answer, for the person who has to put it right; nothing if it quotes a secret.
fn words(body: &[u8], secrets: &[&str]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(MAX_ERROR)]);
    if text.trim().is_empty() || secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret)) {
        return String::new();
    }
    format!(": {}", one_line(text.trim(), 120))
}
