//! One request with the case as its body.

use std::time::Duration;

use investigation::text::one_line;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Response, StatusCode, Url};

use super::super::outbox::file_name;
use super::super::ticket::{body, client, failed, redirected, words};
use super::super::{Channel, DeliveryError, MAX_WHY, Receipt, answer, is_loopback, secret};
use super::Header;
use crate::failpoint::failpoint;

/// Headers that belong to the request itself.
const OWN: [&str; 6] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"];

/// Where to, and how.
pub(super) struct Request<'r> {
    pub(super) url: &'r str,
    pub(super) put: bool,
    pub(super) header: Option<&'r Header>,
    pub(super) key: &'r str,
}

/// Sends it, in one try. Redirects are not followed and proxies of the environment are not used, so that neither the case
/// nor the header goes anywhere but to the configured host.
pub(super) async fn send(
    request: &Request<'_>,
    document: Vec<u8>,
    idempotent: bool,
    timeout: Duration,
) -> Result<Receipt, DeliveryError> {
    let url =
        Url::parse(request.url).map_err(|_| DeliveryError::rejected("the action's url is not a URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let location = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    if !matches!(url.scheme(), "http" | "https") {
        return Err(DeliveryError::rejected("the action's url is neither http nor https"));
    }
    let header = match request.header {
        Some(_) if url.scheme() == "http" && !is_loopback(&host) => {
            return Err(DeliveryError::rejected(
                "a secret header is not sent over an unprotected connection: use https",
            ));
        }
        Some(Header::File(file)) => Some(parted(&secret::read(file, "header file")?)?),
        Some(Header::Line(line)) => Some(parted(line)?),
        None => None,
    };
    let client = client(timeout)?;
    let sending = if request.put { client.put(url) } else { client.post(url) };
    let mut sending = sending
        .header("Idempotency-Key", file_name(request.key))
        .header(USER_AGENT, concat!("peerhound/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .body(document);
    if let Some((name, value)) = &header {
        sending = sending.header(name, value);
    }
    failpoint("request.sending");
    let response = sending.send().await.map_err(|error| failed(&location, error))?;
    failpoint("request.answered");
    let secret = header.as_ref().and_then(|(_, value)| value.to_str().ok());
    settle(&location, secret, idempotent, response).await
}

/// A header's name and value. The value is marked as one that is never shown.
fn parted(line: &str) -> Result<(HeaderName, HeaderValue), DeliveryError> {
    let wrong = || DeliveryError::not_accepted("the header of the action is none: write `Name: value`");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
    if OWN.contains(&name.as_str()) || value.is_empty() {
        return Err(wrong());
    }
    value.set_sensitive(true);
    Ok((name, value))
}

/// What an answer means, as for tickets.
async fn settle(
    location: &str,
    secret: Option<&str>,
    idempotent: bool,
    mut response: Response,
) -> Result<Receipt, DeliveryError> {
    let status = response.status();
    if status.is_success() {
        let (reference, url) = answer::ticket(&body(&mut response).await);
        let location = location.to_owned();
        return Ok(Receipt { channel: Channel::Webhook, location, reference, url, refused: Vec::new() });
    }
    if status.is_redirection() {
        return Err(redirected(location, &response));
    }
    let retry_after = answer::retry_after(response.headers(), Timestamp::now());
    // A value may be two words of which only the last is the secret.
    let secret = secret.and_then(|value| value.rsplit(' ').next());
    let words = words(&body(&mut response).await, secret);
    let why = one_line(&format!("{location}: HTTP {status}{words}"), MAX_WHY);
    Err(match status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE => DeliveryError::NotAccepted { why, retry_after },
        // The same key is being worked on.
        StatusCode::CONFLICT if idempotent => DeliveryError::Uncertain { why },
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
            DeliveryError::Rejected { why }
        }
        status if status.is_client_error() => DeliveryError::Rejected { why },
        _ => DeliveryError::Uncertain { why },
    })
}
