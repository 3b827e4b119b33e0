//! Mails: to a server, or as `.eml` into the outbox.

use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use investigation::act::Message;
use lettre::address::Address;
use lettre::message::header::{self, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::outbox::{self, file_name};
use super::{Channel, DeliveryError, Receipt, smtp};

/// Longest text of a mail, in bytes.
const MAX_TEXT: usize = 256 << 10;
/// Longest page of a mail, in bytes. A mail with a longer one goes out as text alone.
const MAX_HTML: usize = 1 << 20;
/// Most recipients of one mail.
const MAX_RECIPIENTS: usize = 50;

/// How mails leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// Server; without one, mails go to the outbox.
    pub smtp: Option<Smtp>,
    /// Sender: `address` or `Name <address>`.
    pub from: String,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Host name, as in its certificate.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection of the connection.
    pub tls: Tls,
    /// Account, where the server wants one.
    pub username: Option<String>,
    /// File that holds the account's password.
    pub password_file: Option<PathBuf>,
    /// Time for one delivery as a whole.
    pub timeout: Duration,
}

/// Protection of the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte.
    Required,
    /// STARTTLS; nothing is sent when the server does not offer it.
    StartTls,
    /// None. Passwords are then sent to this machine only.
    None,
}

/// A file that goes with a mail. Name and type are the program's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type, as `text/csv; charset=utf-8`.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Sends one mail without attachments, see [`send_mail_with`].
///
/// # Errors
/// See [`DeliveryError`].
pub async fn send_mail(
    config: &MailConfig,
    to: &[String],
    message: &Message,
    message_id: &str,
    outbox: &Path,
) -> Result<Receipt, DeliveryError> {
    send_mail_with(config, to, message, &[], message_id, outbox).await
}

/// Sends one mail, in one try. `message_id` is the same for every try of the same mail and becomes the left side of
/// its `Message-ID`, so that a receiver can fold repeats, and the name of the file in the outbox.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn send_mail_with(
    config: &MailConfig,
    to: &[String],
    message: &Message,
    attachments: &[Attachment],
    message_id: &str,
    outbox: &Path,
) -> Result<Receipt, DeliveryError> {
    let from: Mailbox =
        config.from.parse().map_err(|_| DeliveryError::rejected("the sender's address is not an address"))?;
    let (recipients, mut refused) = recipients(to)?;
    let mail = compose(&from, &recipients, message, attachments, message_id)?;
    let Some(server) = &config.smtp else {
        let path = outbox::write(outbox, message_id, "eml", mail).await?;
        return Ok(Receipt { refused, ..Receipt::outbox(path) });
    };
    let accepted = smtp::send(server, &from.email, &recipients, &mail).await?;
    refused.extend(accepted.refused);
    Ok(Receipt {
        channel: Channel::Smtp,
        location: format!("{}:{}", server.host, server.port),
        reference: Some(accepted.answer),
        url: None,
        refused,
    })
}

/// Addresses that are addresses, and what to say of the others.
fn recipients(to: &[String]) -> Result<(Vec<Address>, Vec<String>), DeliveryError> {
    if to.len() > MAX_RECIPIENTS {
        return Err(DeliveryError::rejected(&format!("more than {MAX_RECIPIENTS} recipients")));
    }
    let mut recipients = Vec::new();
    let mut refused = Vec::new();
    for text in to {
        match text.trim().parse::<Address>() {
            Ok(address) if !recipients.contains(&address) => recipients.push(address),
            Ok(_) => {}
            Err(_) => refused.push(investigation::text::one_line(&format!("{text}: not an address"), 200)),
        }
    }
    if recipients.is_empty() {
        let why = if refused.is_empty() { "no recipient".to_owned() } else { refused.join("; ") };
        return Err(DeliveryError::rejected(&why));
    }
    Ok((recipients, refused))
}

/// The mail as it goes over the wire. Everything but its date follows from the arguments.
fn compose(
    from: &Mailbox,
    to: &[Address],
    message: &Message,
    attachments: &[Attachment],
    message_id: &str,
) -> Result<Vec<u8>, DeliveryError> {
    let id = format!("<{}@{}>", file_name(message_id), from.email.domain());
    let mut builder = lettre::Message::builder()
        .from(from.clone())
        .subject(message.subject.as_str())
        .message_id(Some(id))
        .header(AutoSubmitted);
    for address in to {
        builder = builder.to(Mailbox::new(None, address.clone()));
    }
    let plain = SinglePart::builder().header(header::ContentType::TEXT_PLAIN).body(capped(&message.text));
    // The last one is what a reader that can show both takes (RFC 2046, section 5.1.4).
    let both = message.html.as_ref().filter(|html| html.len() <= MAX_HTML).map(|html| {
        let page = SinglePart::builder().header(header::ContentType::TEXT_HTML).body(html.clone());
        let boundary = boundary(message_id, "alternative");
        MultiPart::alternative().boundary(boundary).singlepart(plain.clone()).singlepart(page)
    });
    let mail = match (both, attachments) {
        (None, []) => builder.singlepart(plain),
        (Some(both), []) => builder.multipart(both),
        (both, attachments) => {
            let mixed = MultiPart::mixed().boundary(boundary(message_id, "mixed"));
            let mixed = match both {
                Some(both) => mixed.multipart(both),
                None => mixed.singlepart(plain),
            };
            let add = |mixed: MultiPart, file: &Attachment| Ok(mixed.singlepart(attached(file)?));
            builder.multipart(attachments.iter().try_fold(mixed, add)?)
        }
    };
    mail.map(|mail| mail.formatted()).map_err(|error| DeliveryError::rejected(&error.to_string()))
}

fn attached(file: &Attachment) -> Result<SinglePart, DeliveryError> {
    let media_type = header::ContentType::parse(file.media_type)
        .map_err(|error| DeliveryError::rejected(&error.to_string()))?;
    Ok(lettre::message::Attachment::new(file.name.clone()).body(file.bytes.clone(), media_type))
}

/// What stands between the parts: the same for every try of the same mail, and in no honest text.
fn boundary(message_id: &str, part: &str) -> String {
    let hash = Sha256::digest(message_id.as_bytes());
    format!("=_peerhound_{part}_{}", HEXLOWER.encode(&hash[..16]))
}

/// The text, cut where it is longer than any mail of ours should be.
fn capped(text: &str) -> String {
    match text.len() {
        0..=MAX_TEXT => text.to_owned(),
        _ => format!("{}\n(cut)\n", &text[..text.floor_char_boundary(MAX_TEXT)]),
    }
}

/// Keeps out-of-office robots from answering (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
