//! One SMTP conversation, step by step, so that it is known what a failure means: up to the end of the message
//! nothing was accepted; from there to the answer nobody can tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use investigation::text::one_line;
use lettre::address::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::{Instant, timeout, timeout_at};

use super::mail::{Smtp, Tls};
use super::{DeliveryError, install_crypto, is_loopback, secret, with_causes};
use crate::failpoint::failpoint;

/// Bytes of the message written at a time.
const PART: usize = 16 << 10;
/// How long to wait for the answer to QUIT. The mail is accepted by then; this is courtesy.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the server accepted.
pub(super) struct Accepted {
    /// Its last answer.
    pub answer: String,
    /// Recipients that it refused for good.
    pub refused: Vec<String>,
}

/// Hands one mail to the server, in one try.
///
/// # Errors
/// See [`DeliveryError`]. A recipient that is refused for the moment fails the whole, so that the next try is for
/// all and nobody gets it twice.
pub(super) async fn send(
    server: &Smtp,
    from: &Address,
    to: &[Address],
    mail: &[u8],
) -> Result<Accepted, DeliveryError> {
    let credentials = credentials(server)?;
    let deadline = Instant::now() + server.timeout;
    let (mut connection, refused) = timeout_at(deadline, prepare(server, credentials, from, to))
        .await
        .unwrap_or_else(|_| Err(DeliveryError::not_accepted("the mail server did not answer in time")))?;

    failpoint("smtp.data");
    let whole = AtomicBool::new(false);
    let answer = timeout_at(deadline, connection.message_iter(parts(mail, &whole))).await;
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(after_data(&error, whole.load(Ordering::Acquire))),
        Err(_) if whole.load(Ordering::Acquire) => {
            return Err(DeliveryError::uncertain("no answer in time after the end of the message"));
        }
        Err(_) => return Err(DeliveryError::not_accepted("the message could not be sent in time")),
    };
    failpoint("smtp.accepted");
    let _ = timeout(GOODBYE, connection.quit()).await;
    Ok(Accepted { answer: show(&answer), refused })
}

/// Everything up to the answer to DATA: connection, TLS, login, sender, recipients.
async fn prepare(
    server: &Smtp,
    credentials: Option<Credentials>,
    from: &Address,
    to: &[Address],
) -> Result<(AsyncSmtpConnection, Vec<String>), DeliveryError> {
    install_crypto();
    let tls = || {
        TlsParameters::new(server.host.clone())
            .map_err(|error| DeliveryError::not_accepted(&format!("TLS: {}", with_causes(&error))))
    };
    let hello = ClientId::Domain(from.domain().to_owned());
    let implicit = if server.tls == Tls::Required { Some(tls()?) } else { None };
    let mut connection = AsyncSmtpConnection::connect_tokio1(
        (server.host.as_str(), server.port),
        Some(server.timeout),
        &hello,
        implicit,
        None,
    )
    .await
    .map_err(|error| before_data("connection", &error))?;
    if server.tls == Tls::StartTls {
        if !connection.can_starttls() {
            return Err(DeliveryError::not_accepted("the mail server does not offer STARTTLS"));
        }
        connection.starttls(tls()?, &hello).await.map_err(|error| before_data("STARTTLS", &error))?;
    }
    if let Some(credentials) = credentials {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        connection.auth(&mechanisms, &credentials).await.map_err(|error| login_failed(&error))?;
    }
    failpoint("smtp.connected");
    let refused = envelope(&mut connection, from, to).await?;
    connection.command(Data).await.map_err(|error| before_data("DATA", &error))?;
    Ok((connection, refused))
}

/// Sender and recipients; returns the recipients that were refused for good.
async fn envelope(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &[Address],
) -> Result<Vec<String>, DeliveryError> {
    let mut parameters = Vec::new();
    if std::iter::once(from).chain(to).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(DeliveryError::rejected("the mail server takes no addresses outside ASCII"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let sender = Mail::new(Some(from.clone()), parameters);
    connection.command(sender).await.map_err(|error| before_data("sender", &error))?;
    let mut refused = Vec::new();
    for address in to {
        match connection.command(Rcpt::new(address.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(error) if error.is_permanent() => {
                refused.push(one_line(&format!("{address}: {}", with_causes(&error)), 200));
            }
            Err(error) => return Err(before_data(&format!("recipient {address}"), &error)),
        }
    }
    if refused.len() == to.len() {
        return Err(DeliveryError::rejected(&refused.join("; ")));
    }
    Ok(refused)
}

/// Name and password, where the server wants them and the way to it may carry them.
fn credentials(server: &Smtp) -> Result<Option<Credentials>, DeliveryError> {
    let Some(name) = &server.username else { return Ok(None) };
    if server.tls == Tls::None && !is_loopback(&server.host) {
        return Err(DeliveryError::rejected("a password is not sent over an unprotected connection"));
    }
    let Some(file) = &server.password_file else {
        return Err(DeliveryError::rejected("a user name for the mail server without a password file"));
    };
    Ok(Some(Credentials::new(name.clone(), secret::read(file, "password file")?)))
}

/// The message in parts. `whole` is set once the last part was handed out and the end mark may follow.
fn parts<'m>(mail: &'m [u8], whole: &'m AtomicBool) -> impl Iterator<Item = &'m [u8]> {
    let mut parts = mail.chunks(PART);
    std::iter::from_fn(move || {
        let part = parts.next();
        if part.is_none() {
            failpoint("smtp.whole");
            whole.store(true, Ordering::Release);
        }
        part
    })
}

/// A failure before the message: nothing was accepted.
fn before_data(step: &str, error: &SmtpError) -> DeliveryError {
    let why = format!("{step}: {}", with_causes(error));
    if error.is_permanent() { DeliveryError::rejected(&why) } else { DeliveryError::not_accepted(&why) }
}

/// A failed login, without the server's words: they may quote what was sent.
fn login_failed(error: &SmtpError) -> DeliveryError {
    match error.status() {
        Some(code) if error.is_permanent() => DeliveryError::rejected(&format!("login refused ({code})")),
        Some(code) => DeliveryError::not_accepted(&format!("login failed ({code})")),
        None => {
            DeliveryError::not_accepted("login failed: no answer that could be read, or no common mechanism")
        }
    }
}

/// A failure during or after the message. An answer settles it either way (RFC 5321, section 4.2.5); without one it
/// is settled only if the end of the message was surely not sent.
fn after_data(error: &SmtpError, whole: bool) -> DeliveryError {
    let why = format!("end of the message: {}", with_causes(error));
    if error.is_permanent() {
        DeliveryError::rejected(&why)
    } else if error.is_transient() || !whole {
        DeliveryError::not_accepted(&why)
    } else {
        DeliveryError::uncertain(&why)
    }
}

fn show(answer: &Response) -> String {
    let text = answer.message().collect::<Vec<_>>().join(" ");
    one_line(&format!("{} {text}", answer.code()), 200)
}
