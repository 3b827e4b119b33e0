//! Tickets, pages and messages to chats: requests by a preset, or a Markdown file into the outbox.
//!
//! Before a ticket is made, it is looked up by its case, where the product can do that. So a delivery whose answer was lost
//! may be repeated: the second try finds what the first one made.

use std::fmt;
use std::path::{Path, PathBuf};

use investigation::act::Ticket;
use investigation::text::markdown;
use investigation::ticketing::{self, Auth, Desk, Exists, Method, Search, Step, TicketReference, Values};
use reqwest::StatusCode;
use serde_json::Value;

use super::http::{HttpAnswer, HttpClient, HttpRequest, MAX_ANSWER};
use super::outbox::{self, file_name};
use super::{Channel, DeliveryError, Receipt, answer, secret};
use crate::failpoint::failpoint;

/// Shortest part of an address that may be a secret by itself, in bytes.
const SHORTEST_PART: usize = 8;
/// Longest file of certificates, in bytes.
const MAX_CA: u64 = 1 << 20;

/// How tickets leave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketConfig {
    /// Receiver; without one, tickets go to the outbox.
    pub desk: Option<Desk>,
    /// Its secret.
    pub token: Option<Token>,
    /// Certificates that it is verified against besides the system's.
    pub ca: Option<Authority>,
}

/// Where a secret is.
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

/// Where certificates in PEM are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// In this file.
    File(PathBuf),
    /// Here.
    Pem(String),
}

/// A ticket that was made or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The proof.
    pub receipt: Receipt,
    /// The ticket, where its system named it.
    pub ticket: Option<TicketReference>,
}

/// Delivers one ticket, in one try, with the same `key` for every try of the same ticket.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn post_ticket(
    config: &TicketConfig,
    ticket: &Ticket,
    key: &str,
    outbox: &Path,
) -> Result<Filed, DeliveryError> {
    let Some(desk) = &config.desk else {
        let path = outbox::write(outbox, key, "md", as_markdown(ticket).into_bytes()).await?;
        return Ok(Filed { receipt: Receipt::outbox(path), ticket: None });
    };
    let exchange = Exchange::open(config, desk)?;
    let key = file_name(key);
    let mut values = desk.values(ticket, &key);
    let create = &desk.preset.create;
    if let Some(search) = &desk.preset.find
        && let Some(location) = exchange.find(search, &mut values).await?
    {
        return Ok(exchange.there_already(location, &values));
    }
    let (last, before) = split(&create.steps)?;
    for step in before {
        exchange.prepare(step, &mut values).await?;
    }
    failpoint("ticket.sending");
    let answered = exchange.ask(last, &values).await?;
    failpoint("ticket.answered");
    if let Some(exists) = &create.exists
        && says_so(exists, &answered)
    {
        let location = answered.location.clone();
        let found = match &desk.preset.find {
            Some(search) => exchange.find(search, &mut values).await?,
            None => None,
        };
        return match found {
            Some(location) => Ok(exchange.there_already(location, &values)),
            // It is there, and searches do not know it yet.
            None => {
                Err(DeliveryError::uncertain(&format!("{location}: there is a ticket of this case already")))
            }
        };
    }
    // A conflict over the key, where the receiver folds by it: an earlier try is being worked on.
    let in_work = desk.preset.folds_repeats && answered.status == StatusCode::CONFLICT;
    let answered = answered.settled().map_err(|error| match error {
        DeliveryError::Rejected { why } if in_work => DeliveryError::Uncertain { why },
        other => other,
    })?;
    // It is accepted; whether the rest of the answer can be read changes nothing about that.
    let location = answered.location.clone();
    if create.guess_answer {
        let (reference, url) = answer::ticket(&answered.body);
        let ticket =
            reference.clone().map(|number| TicketReference { id: number.clone(), number, url: url.clone() });
        return Ok(Filed { receipt: receipt(location, reference, url), ticket });
    }
    exchange.capture(last, &answered, &mut values);
    let ticket = ticketing::reference(desk, &values);
    let (number, url) = ticket.clone().map(|ticket| (ticket.number, ticket.url)).unzip();
    Ok(Filed { receipt: receipt(location, number, url.flatten()), ticket })
}

/// Adds a comment to a ticket, in one try, with the same `key` for every try of the same comment. The comment carries the
/// key, so that one whose answer was lost is found where its product can look for it.
///
/// # Errors
/// See [`DeliveryError`]. Rejected where there is no ticket system, or it takes no comments.
pub async fn update_ticket(
    config: &TicketConfig,
    to: &TicketReference,
    text: &str,
    key: &str,
) -> Result<Receipt, DeliveryError> {
    let nowhere = || DeliveryError::rejected("the policy's [ticket] names no system that takes comments");
    let desk = config.desk.as_ref().ok_or_else(nowhere)?;
    let comment = desk.preset.comment.as_ref().ok_or_else(nowhere)?;
    let exchange = Exchange::open(config, desk)?;
    let mut values = desk.comment_values(to, text, &file_name(key));
    let (last, before) = split(&comment.steps)?;
    if let Some(search) = &comment.find
        && let Some(location) = exchange.find(search, &mut values).await?
    {
        return Ok(receipt(location, Some(found_again(to)), to.url.clone()));
    }
    for step in before {
        exchange.prepare(step, &mut values).await?;
    }
    if let Some(location) = exchange.done_before(last, &mut values).await? {
        return Ok(receipt(location, Some(found_again(to)), to.url.clone()));
    }
    let answered = exchange.ask(last, &values).await?;
    let answered = answered.settled()?;
    Ok(receipt(answered.location, Some(to.number.clone()), to.url.clone()))
}

fn receipt(location: String, reference: Option<String>, url: Option<String>) -> Receipt {
    Receipt { channel: Channel::Webhook, location, reference, url, refused: Vec::new() }
}

fn split(steps: &[Step]) -> Result<(&Step, &[Step]), DeliveryError> {
    steps.split_last().ok_or_else(|| DeliveryError::rejected("the preset has no request"))
}

fn says_so(exists: &Exists, answered: &HttpAnswer) -> bool {
    answered.status.as_u16() == exists.status
        && String::from_utf8_lossy(&answered.body).contains(exists.contains.as_str())
}

/// The requests of one delivery.
struct Exchange<'d> {
    desk: &'d Desk,
    client: HttpClient,
    secret: Option<String>,
}

impl<'d> Exchange<'d> {
    fn open(config: &TicketConfig, desk: &'d Desk) -> Result<Self, DeliveryError> {
        let secret = match &config.token {
            Some(Token::File(file)) => Some(secret::read(file, "token file")?),
            Some(Token::Value(token)) => Some(token.clone()),
            None if desk.needs_secret() => {
                return Err(DeliveryError::rejected(&format!(
                    "{}: no token is configured",
                    desk.preset.name
                )));
            }
            None => None,
        };
        let ca = match &config.ca {
            Some(Authority::File(file)) => Some(read_ca(file)?),
            Some(Authority::Pem(pem)) => Some(pem.clone().into_bytes()),
            None => None,
        };
        let client = HttpClient::new(desk.timeout.duration(), ca.as_deref())?;
        Ok(Self { desk, client, secret })
    }

    async fn ask(&self, step: &Step, values: &Values) -> Result<HttpAnswer, DeliveryError> {
        let request = self.desk.request(step, values, self.secret.as_deref());
        let request = request.map_err(|why| DeliveryError::rejected(&why))?;
        let secrets = self.hidden();
        let sending = HttpRequest {
            method: match request.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
                Method::Patch => reqwest::Method::PATCH,
            },
            url: &request.url,
            headers: &request.headers,
            body: request.body.as_ref().map(|body| (body.media_type(), body.text())),
            secrets: &secrets,
        };
        self.client.ask(sending).await
    }

    /// What is never shown, although the other side may repeat it: the secret, and where it is an address, its parts.
    fn hidden(&self) -> Vec<&str> {
        let Some(secret) = self.secret.as_deref() else { return Vec::new() };
        let mut hidden = vec![secret];
        if self.desk.preset.auth == Auth::Url {
            // Scheme and host are no secrets: they are in every message.
            let behind_host = secret.splitn(4, '/').nth(3).unwrap_or_default();
            let parts = behind_host.split(['/', '?', '&', '=']);
            hidden.extend(parts.filter(|part| part.len() >= SHORTEST_PART));
        }
        hidden
    }

    /// Looks something up: where it was found, if it was. What the item captures is then among the values.
    async fn find(&self, search: &Search, values: &mut Values) -> Result<Option<String>, DeliveryError> {
        let answered = async { self.ask(&search.request, values).await?.settled() };
        let answered = answered.await.map_err(|error| unsent("look-up", error))?;
        let location = &answered.location;
        let wrong = |why: &str| {
            DeliveryError::rejected(&format!("{location}: look-up: {why}; is this the right url?"))
        };
        let json =
            serde_json::from_slice::<Value>(&answered.body).map_err(|_| match answered.body.len() {
                MAX_ANSWER.. => wrong("its answer is too long"),
                _ => wrong("its answer is not JSON"),
            })?;
        let item =
            ticketing::found(search, &json, &self.desk.word(search, values)).map_err(|why| wrong(&why))?;
        let Some(item) = item else { return Ok(None) };
        for (name, value) in ticketing::captured(&search.request.capture, item) {
            values.put(&name, value);
        }
        Ok(Some(answered.location))
    }

    /// Whether an earlier try has sent this request.
    async fn done_before(&self, step: &Step, values: &mut Values) -> Result<Option<String>, DeliveryError> {
        match &step.unless {
            Some(search) => self.find(search, values).await,
            None => Ok(None),
        }
    }

    /// A request before the last one. Nothing that people see comes of it alone.
    async fn prepare(&self, step: &Step, values: &mut Values) -> Result<(), DeliveryError> {
        if self.done_before(step, values).await?.is_some() {
            return Ok(());
        }
        let answered = async { self.ask(step, values).await?.settled() };
        let answered = answered.await.map_err(|error| unsent(&step.path, error))?;
        self.capture(step, &answered, values);
        match step.capture.keys().find(|name| values.get(name).is_none()) {
            Some(missing) => {
                let place = &answered.location;
                Err(DeliveryError::rejected(&format!("{place}{}: its answer has no {missing}", step.path)))
            }
            None => Ok(()),
        }
    }

    fn capture(&self, step: &Step, answered: &HttpAnswer, values: &mut Values) {
        let Ok(json) = serde_json::from_slice::<Value>(&answered.body) else { return };
        for (name, value) in ticketing::captured(&step.capture, &json) {
            values.put(&name, value);
        }
    }

    fn there_already(&self, location: String, values: &Values) -> Filed {
        let ticket = ticketing::reference(self.desk, values);
        let number = ticket.as_ref().map(found_again);
        let url = ticket.as_ref().and_then(|ticket| ticket.url.clone());
        Filed { receipt: receipt(location, number, url), ticket }
    }
}

fn found_again(ticket: &TicketReference) -> String {
    format!("{}, found from an earlier try", ticket.number)
}

/// A request that only prepared failed: nothing was delivered, whether it arrived or not.
fn unsent(what: &str, error: DeliveryError) -> DeliveryError {
    match error {
        DeliveryError::Uncertain { why } => DeliveryError::not_accepted(&format!("{why} ({what})")),
        DeliveryError::NotAccepted { why, retry_after } => {
            DeliveryError::NotAccepted { why: format!("{why} ({what})"), retry_after }
        }
        DeliveryError::Rejected { why } => DeliveryError::rejected(&format!("{why} ({what})")),
    }
}

fn read_ca(file: &Path) -> Result<Vec<u8>, DeliveryError> {
    let failed = |why: String| DeliveryError::not_accepted(&format!("CA file {}: {why}", file.display()));
    match std::fs::metadata(file) {
        Ok(found) if found.len() > MAX_CA => Err(failed("too long".to_owned())),
        _ => std::fs::read(file).map_err(|error| failed(error.to_string())),
    }
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
