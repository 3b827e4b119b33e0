//! Tickets: a POST to a webhook, or a Markdown file into the outbox.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use investigation::act::Ticket;
use investigation::text::{markdown, one_line};
use jiff::Timestamp;
use reqwest::header::{LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Serialize;

use super::outbox::{self, file_name};
use super::{Channel, DeliveryError, Receipt, answer, install_crypto, is_loopback, secret, with_causes};
use crate::failpoint::failpoint;

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;

/// How tickets leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketConfig {
    /// Receiver; without one, tickets go to the outbox.
    pub webhook: Option<Webhook>,
}

/// A receiver of tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to POST. May hold a secret, so only its host is ever shown.
    pub url: String,
    /// Bearer token.
    pub token: Option<Token>,
    /// The receiver folds requests with the same `Idempotency-Key`. Whoever decides on another try after
    /// [`DeliveryError::Uncertain`] decides by this.
    pub honours_idempotency_key: bool,
    /// Time for one delivery as a whole.
    pub timeout: Duration,
}

/// Where a bearer token is.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// In this file.
    File(PathBuf),
    /// Here.
    Value(String),
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Value(_) => f.write_str("Value"),
        }
    }
}

/// What is posted: the ticket, and the key once more for receivers that look at nothing but the body.
#[derive(Serialize)]
struct Posted<'t> {
    #[serde(flatten)]
    ticket: &'t Ticket,
    idempotency_key: &'t str,
}

/// Posts one ticket, in one try: JSON in the shape of [`Ticket`] with the same `key` for every try of the same ticket,
/// in the body and as `Idempotency-Key`. Redirects are
/// not followed, so that neither ticket nor token goes anywhere but to the configured host; proxies of the
/// environment are not used.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn post_ticket(
    config: &TicketConfig,
    ticket: &Ticket,
    key: &str,
    outbox: &Path,
) -> Result<Receipt, DeliveryError> {
    let Some(webhook) = &config.webhook else {
        let path = outbox::write(outbox, key, "md", as_markdown(ticket).into_bytes()).await?;
        return Ok(Receipt::outbox(path));
    };
    let url =
        Url::parse(&webhook.url).map_err(|_| DeliveryError::rejected("the webhook's URL is not a URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let location = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    if !matches!(url.scheme(), "http" | "https") {
        return Err(DeliveryError::rejected("the webhook's URL is neither http nor https"));
    }
    let token = match &webhook.token {
        Some(_) if url.scheme() == "http" && !is_loopback(&host) => {
            return Err(DeliveryError::rejected("a token is not sent over an unprotected connection"));
        }
        Some(Token::File(file)) => Some(secret::read(file, "token file")?),
        Some(Token::Value(token)) => Some(token.clone()),
        None => None,
    };
    let key = file_name(key);
    let mut request = client(webhook.timeout)?
        .post(url)
        .header("Idempotency-Key", &key)
        .header(USER_AGENT, concat!("peerhound/", env!("CARGO_PKG_VERSION")))
        .json(&Posted { ticket, idempotency_key: &key });
    if let Some(token) = &token {
        request = request.bearer_auth(token);
    }
    failpoint("ticket.sending");
    let response = request.send().await.map_err(|error| failed(&location, error))?;
    failpoint("ticket.answered");
    settle(webhook, &location, token.as_deref(), response).await
}

pub(super) fn client(timeout: Duration) -> Result<Client, DeliveryError> {
    install_crypto();
    Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(timeout)
        // Less than the whole, so that a connection that never came about is told from an answer that never came.
        .connect_timeout((timeout / 2).min(Duration::from_secs(10)))
        .build()
        .map_err(|error| DeliveryError::not_accepted(&with_causes(&error)))
}

/// A request without an answer.
pub(super) fn failed(location: &str, error: reqwest::Error) -> DeliveryError {
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

/// What an answer means for the delivery.
async fn settle(
    webhook: &Webhook,
    location: &str,
    token: Option<&str>,
    mut response: Response,
) -> Result<Receipt, DeliveryError> {
    let status = response.status();
    if status.is_success() {
        // It is accepted; whether the rest of the answer can be read changes nothing about that.
        let (reference, url) = answer::ticket(&body(&mut response).await);
        let location = location.to_owned();
        return Ok(Receipt { channel: Channel::Webhook, location, reference, url, refused: Vec::new() });
    }
    if status.is_redirection() {
        return Err(redirected(location, &response));
    }
    let retry_after = answer::retry_after(response.headers(), Timestamp::now());
    let words = words(&body(&mut response).await, token);
    let why = one_line(&format!("{location}: HTTP {status}{words}"), super::MAX_WHY);
    Err(match status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE => DeliveryError::NotAccepted { why, retry_after },
        // The same key is being worked on: an earlier try is there already.
        StatusCode::CONFLICT if webhook.honours_idempotency_key => DeliveryError::Uncertain { why },
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
            DeliveryError::Rejected { why }
        }
        status if status.is_client_error() => DeliveryError::Rejected { why },
        _ => DeliveryError::Uncertain { why },
    })
}

/// An answer that names another place. "See other" is what some send once the request is done.
pub(super) fn redirected(location: &str, response: &Response) -> DeliveryError {
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = target.and_then(|text| response.url().join(text).ok());
    let target =
        target.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "nowhere".to_owned());
    let why = format!("{location}: HTTP {} to {target}, not followed", response.status());
    if response.status() == StatusCode::SEE_OTHER {
        DeliveryError::uncertain(&why)
    } else {
        DeliveryError::rejected(&why)
    }
}

/// The answer's body, as far as the cap goes and as long as it comes.
pub(super) async fn body(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ANSWER {
            break;
        }
    }
    body
}

/// The first words of an error's text, for the person who has to put it right; nothing if it quotes the token.
pub(super) fn words(body: &[u8], token: Option<&str>) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() || token.is_some_and(|token| text.contains(token)) {
        return String::new();
    }
    format!(": {}", one_line(text.trim(), 120))
}

/// A ticket as a file that a person can read and paste.
fn as_markdown(ticket: &Ticket) -> String {
    let labels: Vec<String> = ticket.labels.iter().map(|label| markdown(label)).collect();
    let fields = serde_json::to_string_pretty(&ticket.fields).unwrap_or_default();
    // JSON has no line that begins with a fence unless a text in it does, and texts have no lines there.
    format!(
        "# {}\n\n{}\n\nLabels: {}\n\n```json\n{fields}\n```\n",
        markdown(&ticket.title),
        ticket.body_markdown.trim_end(),
        labels.join(", "),
    )
}
