//! One request with the case as its body.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use super::super::http::{HttpClient, HttpRequest};
use super::super::outbox::file_name;
use super::super::{Channel, DeliveryError, Receipt, answer, secret};
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

/// Sends it, in one try.
pub(super) async fn send(
    request: &Request<'_>,
    document: Vec<u8>,
    idempotent: bool,
    timeout: Duration,
) -> Result<Receipt, DeliveryError> {
    let mut headers = vec![("Idempotency-Key".to_owned(), file_name(request.key))];
    match request.header {
        Some(Header::File(file)) => headers.push(parted(&secret::read(file, "header file")?)?),
        Some(Header::Line(line)) => headers.push(parted(line)?),
        None => {}
    }
    let secret = headers.get(1).map(|(_, value)| value.as_str()).unwrap_or_default();
    // A value may be two words of which only the last is the secret.
    let secrets = [secret, secret.rsplit(' ').next().unwrap_or_default()];
    let document = String::from_utf8(document)
        .map_err(|_| DeliveryError::rejected("the document of the case is no text"))?;
    let client = HttpClient::new(timeout, None)?;
    let sending = client.ask(HttpRequest {
        method: if request.put { Method::PUT } else { Method::POST },
        url: request.url,
        headers: &headers,
        body: Some(("application/json", document)),
        secrets: &secrets,
    });
    failpoint("request.sending");
    let answered = sending.await?;
    failpoint("request.answered");
    // A conflict over the key, where the receiver folds by it: an earlier try is being worked on.
    let in_work = idempotent && answered.status == StatusCode::CONFLICT;
    let answered = answered.settled().map_err(|error| match error {
        DeliveryError::Rejected { why } if in_work => DeliveryError::Uncertain { why },
        other => other,
    })?;
    let (reference, url) = answer::ticket(&answered.body);
    let location = answered.location;
    Ok(Receipt { channel: Channel::Webhook, location, reference, url, refused: Vec::new() })
}

/// A header's name and value.
fn parted(line: &str) -> Result<(String, String), DeliveryError> {
    let wrong = || DeliveryError::not_accepted("the header of the action is none: write `Name: value`");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let value = value.trim();
    if OWN.contains(&name.as_str()) || value.is_empty() || HeaderValue::from_str(value).is_err() {
        return Err(wrong());
    }
    Ok((name.as_str().to_owned(), value.to_owned()))
}
