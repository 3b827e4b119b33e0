//! A connection on which we have proven who we are, and over which nothing goes unprotected: sealed by NTLM over HTTP,
//! or through TLS.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use hyper::StatusCode;
use investigation::text::one_line;
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::connection::{Connection, Reply};
use super::{WinrmConfig, binding, sealed};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::{Accounts, Resting};
use crate::transport::account::hosts::Hosts;
use crate::transport::account::ntlm::{self, Names, Ntlm};
use crate::transport::account::password::Password;

const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// How a client certificate is announced. The certificate itself is TLS's.
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";

/// How long a logon waits for those of others. Windows keeps a connection on which nothing happens for two minutes.
const OTHERS: Duration = Duration::from_secs(100);

/// An open channel.
pub(super) struct Channel {
    target: IpAddr,
    user: String,
    connection: Connection,
    protection: Protection,
    patience: Duration,
    /// After a failure nobody knows what the endpoint has seen.
    is_lost: bool,
}

enum Protection {
    /// TLS does it, and NTLM has proven the connection.
    Tls,
    /// TLS does it, and each request names its client certificate.
    Certificate,
    /// NTLM does it.
    Sealed(Box<Ntlm>),
}

impl Channel {
    /// Connects and proves who we are, once.
    pub(super) async fn open(
        target: IpAddr,
        config: &WinrmConfig,
        accounts: &Accounts,
    ) -> Result<(Self, Option<String>), ContactError> {
        // First of all: whether anything answers there has nothing to do with the account.
        let mut connection = Connection::open(target, config).await?;
        let Some(file) = &config.password_file else {
            let endpoint = fingerprint(&connection);
            return Ok((Self::new(target, config, connection, Protection::Certificate), endpoint));
        };
        let failed = |source| ContactError::WinrmFile { file: file.clone(), source };
        let password = Password::read(file).map_err(failed)?;
        let rests = |resting: Resting| ContactError::AccountRests {
            target,
            user: one_line(&config.user, 200),
            minutes: resting.left.as_secs().div_ceil(60),
        };
        accounts.check(&config.user, password.fingerprint(), target).map_err(rests)?;

        let mut logon = Logon { target, config, connection: &mut connection };
        let (mut ntlm, challenge) = logon.challenge(&password).await?;
        let names = ntlm::names(&challenge).map_err(|error| logon.failed(&error))?;
        logon.expect(&names)?;
        let answer = ntlm.answer(&challenge).map_err(|error| logon.failed(&error))?;
        let attempt = accounts.begin(&config.user, password.fingerprint(), target);
        let attempt = tokio::time::timeout(OTHERS, attempt).await;
        let attempt = attempt.map_err(|_| logon.late())?.map_err(rests)?;
        match logon.prove(&answer).await? {
            true => attempt.accepted(),
            false => {
                attempt.refused();
                return Err(refused(
                    target,
                    &config.user,
                    "the password is wrong, or the account may not log on",
                ));
            }
        }
        let endpoint = fingerprint(&connection).or_else(|| names.best().map(|name| format!("NTLM:{name}")));
        let protection = if config.https { Protection::Tls } else { Protection::Sealed(Box::new(ntlm)) };
        Ok((Self::new(target, config, connection, protection), endpoint))
    }

    fn new(target: IpAddr, config: &WinrmConfig, connection: Connection, protection: Protection) -> Self {
        let (user, patience) = (config.user.clone(), config.connect_timeout);
        Self { target, user, connection, protection, patience, is_lost: false }
    }

    /// Sends an envelope and reads the answer, which the endpoint may take `wait` for.
    pub(super) async fn exchange(
        &mut self,
        envelope: String,
        phase: &'static str,
        wait: Duration,
    ) -> Result<Answer, ContactError> {
        if self.is_lost {
            return Err(ContactError::disconnected(self.target, phase, &"it was lost before"));
        }
        // Also if this is dropped in the middle.
        self.is_lost = true;
        let answer = self.protected(envelope.into_bytes(), phase, wait + self.patience).await?;
        let answer = Answer::read(&answer).map_err(|error| {
            ContactError::disconnected(self.target, phase, &format_args!("its answer: {error}"))
        })?;
        self.is_lost = false;
        Ok(answer)
    }

    async fn protected(
        &mut self,
        mut envelope: Vec<u8>,
        phase: &'static str,
        patience: Duration,
    ) -> Result<Vec<u8>, ContactError> {
        let target = self.target;
        let connection = &mut self.connection;
        let ntlm = match &mut self.protection {
            Protection::Tls => {
                let reply = connection.post(None, Some((SOAP, envelope)), phase, patience).await?;
                return plain(target, &self.user, reply, phase);
            }
            Protection::Certificate => {
                let reply = connection.post(Some(MUTUAL), Some((SOAP, envelope)), phase, patience).await?;
                return plain(target, &self.user, reply, phase);
            }
            Protection::Sealed(ntlm) => ntlm,
        };
        let broken = |error: &dyn std::fmt::Display| ContactError::NotSealed {
            target,
            detail: one_line(&error.to_string(), 200),
        };
        let signature = ntlm.seal(&mut envelope).map_err(|error| broken(&error))?;
        let body = sealed::wrap(&signature, &envelope);
        let reply = connection.post(None, Some((sealed::CONTENT_TYPE, body)), phase, patience).await?;
        if !matches!(reply.status, StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR) {
            return Err(strange(target, phase, &reply));
        }
        let (signature, sealed) =
            sealed::unwrap(reply.content_type(), &reply.body).map_err(|error| broken(&error))?;
        let mut answer = sealed.to_vec();
        ntlm.open(signature, &mut answer).map_err(|error| broken(&error))?;
        Ok(answer)
    }
}

/// Proving by NTLM. Neither of its requests has a body: nothing is said before it can be sealed.
struct Logon<'a> {
    target: IpAddr,
    config: &'a WinrmConfig,
    connection: &'a mut Connection,
}

impl Logon<'_> {
    async fn challenge(&mut self, password: &Password) -> Result<(Ntlm, Vec<u8>), ContactError> {
        let binding = self.connection.certificate().map(|der| binding::to_certificate(der));
        let (ntlm, first) = Ntlm::begin(&self.config.user, password, binding.as_deref())
            .map_err(|error| self.failed(&error))?;
        let reply = self.send(&first).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Err(strange(self.target, "authentication", &reply));
        }
        let token = reply.offers().find_map(|offer| {
            let (scheme, token) = offer.split_once(' ')?;
            scheme.eq_ignore_ascii_case("Negotiate").then(|| BASE64.decode(token.trim().as_bytes()).ok())?
        });
        token.map(|challenge| (ntlm, challenge)).ok_or_else(|| {
            let offers: Vec<&str> =
                reply.offers().map(|offer| offer.split(' ').next().unwrap_or(offer)).collect();
            let offers = if offers.is_empty() { "nothing".to_owned() } else { offers.join(", ") };
            self.refusal(&format!("it offers {} and does not answer to NTLM", one_line(&offers, 100)))
        })
    }

    /// Over TLS the certificate has settled this.
    fn expect(&self, names: &Names) -> Result<(), ContactError> {
        let expected = Hosts::new(&self.config.expected_hosts);
        if self.config.https
            || expected.is_empty()
            || names.best().is_some_and(|name| expected.contains(name))
        {
            return Ok(());
        }
        let host = names.best().unwrap_or("no name").to_owned();
        Err(ContactError::UnexpectedHost { target: self.target, host })
    }

    /// Whether the endpoint takes the answer to its challenge.
    async fn prove(&mut self, answer: &[u8]) -> Result<bool, ContactError> {
        let reply = self.send(answer).await?;
        match reply.status {
            StatusCode::UNAUTHORIZED => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(strange(self.target, "authentication", &reply)),
        }
    }

    async fn send(&mut self, token: &[u8]) -> Result<Reply, ContactError> {
        let authorization = format!("Negotiate {}", BASE64.encode(token));
        self.connection.post(Some(&authorization), None, "authentication", self.config.connect_timeout).await
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ContactError {
        self.refusal(&error.to_string())
    }

    fn refusal(&self, detail: &str) -> ContactError {
        let detail = one_line(detail, 200);
        ContactError::WinrmRefused { target: self.target, phase: "authentication", detail, may_pass: false }
    }

    fn late(&self) -> ContactError {
        let phase = "the wait for other endpoints' logons";
        ContactError::TimedOut { target: self.target, phase, seconds: OTHERS.as_secs() }
    }
}

/// What came through TLS.
fn plain(target: IpAddr, user: &str, reply: Reply, phase: &'static str) -> Result<Vec<u8>, ContactError> {
    match reply.status {
        StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR => Ok(reply.body),
        StatusCode::UNAUTHORIZED => {
            let why = "it takes no account from the certificate: map one to it there, and see that the listener asks \
                       for a client certificate when TLS begins";
            Err(refused(target, user, why))
        }
        _ => Err(strange(target, phase, &reply)),
    }
}

fn refused(target: IpAddr, user: &str, detail: &str) -> ContactError {
    ContactError::LogonRefused { target, user: one_line(user, 200), detail: detail.to_owned() }
}

fn strange(target: IpAddr, phase: &'static str, reply: &Reply) -> ContactError {
    let detail = match reply.status {
        StatusCode::NOT_FOUND => "there is no WinRM service behind this port".to_owned(),
        status => format!("it answers with HTTP {}", status.as_u16()),
    };
    ContactError::WinrmRefused { target, phase, detail, may_pass: reply.status.is_server_error() }
}

fn fingerprint(connection: &Connection) -> Option<String> {
    connection.certificate().map(|der| format!("SHA256:{}", HEXLOWER.encode(&Sha256::digest(der))))
}
