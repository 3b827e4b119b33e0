//! Deliveries: a mail through SMTP, a ticket over HTTP, or either as a file in the outbox folder; a finding as a line in a
//! file; and the site's own actions. [`http`] is the one place where requests to configured servers are sent.
//!
//! A delivery is tried at most once for what may have arrived. So the one thing that an error has to say is whether
//! the other side can have accepted it: see [`DeliveryError`].

mod action;
mod answer;
mod findings;
pub(crate) mod http;
mod mail;
mod outbox;
pub(crate) mod secret;
mod smtp;
mod ticket;

#[cfg(test)]
pub(crate) mod tests;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use investigation::text::one_line;
use serde::{Deserialize, Serialize};

pub use action::{CustomAction, Header, What, perform_action, send_action};
pub use findings::append_finding;
pub use mail::{Attachment, MailConfig, Smtp, Tls, send_mail, send_mail_with};
pub use ticket::{Authority, Filed, TicketConfig, Token, post_ticket, update_ticket};

/// Longest `why`, in characters.
pub(crate) const MAX_WHY: usize = 300;

/// Why a delivery did not succeed, by what may be done next. Each `why` is one line and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Surely not delivered, and may be tried again: no connection, no name, no TLS, an SMTP answer 4xx, HTTP 429
    /// or 503.
    #[error("not delivered: {why}")]
    NotAccepted {
        /// What happened.
        why: String,
        /// How long the other side asks to wait.
        retry_after: Option<Duration>,
    },
    /// Surely not delivered, and trying again would give the same answer: SMTP 5xx, HTTP 4xx, a setting that
    /// cannot work.
    #[error("refused: {why}")]
    Rejected {
        /// What happened.
        why: String,
    },
    /// It may have been accepted: the connection was lost after the end of the message, no answer came in time to
    /// a request that was sent, HTTP 500, 502 or 504. Trying again may deliver it twice.
    #[error("may have been delivered: {why}")]
    Uncertain {
        /// What happened.
        why: String,
    },
}

impl DeliveryError {
    pub(crate) fn not_accepted(why: &str) -> Self {
        Self::NotAccepted { why: one_line(why, MAX_WHY), retry_after: None }
    }

    pub(crate) fn rejected(why: &str) -> Self {
        Self::Rejected { why: one_line(why, MAX_WHY) }
    }

    pub(crate) fn uncertain(why: &str) -> Self {
        Self::Uncertain { why: one_line(why, MAX_WHY) }
    }
}

/// By which way something was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A mail server accepted it.
    Smtp,
    /// Amazon's mail service accepted it.
    Ses,
    /// A ticket system or another receiver over HTTP accepted it.
    Webhook,
    /// A file in the outbox folder.
    Outbox,
    /// The file of findings.
    File,
    /// An event bus.
    EventBus,
    /// A program of the site's own.
    Program,
}

/// The proof of a delivery, as far as the other side gives one. All of it is outside text in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// By which way.
    pub channel: Channel,
    /// `host:port` of the server, or the path of the file.
    pub location: String,
    /// The mail server's answer, or the ticket's id.
    pub reference: Option<String>,
    /// The ticket's page.
    pub url: Option<String>,
    /// Recipients that the mail server refused for good, with its answer, while it accepted others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = one_line(&self.location, MAX_WHY);
        match self.channel {
            Channel::Smtp | Channel::Ses | Channel::Webhook | Channel::EventBus => {
                write!(f, "accepted by {location}")?;
            }
            Channel::Outbox | Channel::File => write!(f, "written to {location}")?,
            Channel::Program => write!(f, "done by {location}")?,
        }
        for detail in self.reference.iter().chain(&self.url).chain(&self.refused) {
            write!(f, "; {}", one_line(detail, MAX_WHY))?;
        }
        Ok(())
    }
}

impl Receipt {
    fn outbox(path: PathBuf) -> Self {
        let location = path.display().to_string();
        Self { channel: Channel::Outbox, location, reference: None, url: None, refused: Vec::new() }
    }
}

/// Makes ring the process's provider of cryptography, as no HTTP client can be built without one. Safe to call more
/// than once; a provider that is already chosen stays.
pub fn install_crypto() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // An error says that there is a provider already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// An error with its causes in one line. A cause that its parent already quotes is not repeated.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..8 {
        let Some(cause) = source else { break };
        let message = cause.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

/// Whether a host is this machine, so that what is sent to it crosses no network.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}
