//! A connection on which we have proven who we are, and over which nothing goes unprotected: sealed by Kerberos or NTLM
//! over HTTP, or through TLS.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hyper::StatusCode;
use investigation::text::one_line;
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::connection::{Connection, Reply};
use super::logon::{self, Logon, Proven, refused, strange};
use super::{WinrmConfig, sealed};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::Accounts;
use crate::transport::account::password::Password;
use crate::transport::account::sealing::Sealing;

const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// How a client certificate is announced. The certificate itself is TLS's.
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";

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
    /// TLS does it, and a password has proven the connection.
    Tls,
    /// TLS does it, and each request names its client certificate.
    Certificate,
    /// Kerberos or NTLM does it.
    Sealed(Sealing),
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
        let certificate = fingerprint(&connection);
        let Some(file) = &config.password_file else {
            return Ok((Self::new(target, config, connection, Protection::Certificate), certificate));
        };
        let failed = |source| ContactError::WinrmFile { file: file.clone(), source };
        let password = Password::read(file).map_err(failed)?;
        let mut logon = Logon { target, config, connection: &mut connection };
        let Proven { sealing, endpoint } = logon::prove(&password, &mut logon, accounts).await?;
        // Kerberos proves the host that was asked for, a certificate one that is expected, and NTLM none.
        let endpoint = match &sealing {
            Sealing::Kerberos(_) => endpoint,
            Sealing::Ntlm(_) => certificate.or(endpoint),
        };
        let protection = if config.https { Protection::Tls } else { Protection::Sealed(sealing) };
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
        let sealing = match &mut self.protection {
            Protection::Tls => {
                let reply = connection.post(None, Some((SOAP, envelope)), phase, patience).await?;
                return plain(target, &self.user, reply, phase);
            }
            Protection::Certificate => {
                let reply = connection.post(Some(MUTUAL), Some((SOAP, envelope)), phase, patience).await?;
                return plain(target, &self.user, reply, phase);
            }
            Protection::Sealed(sealing) => sealing,
        };
        let broken = |error: &dyn std::fmt::Display| ContactError::NotSealed {
            target,
            detail: one_line(&error.to_string(), 200),
        };
        let signature = sealing.seal(&mut envelope).map_err(|error| broken(&error))?;
        let body = sealed::wrap(&signature, &envelope);
        let reply = connection.post(None, Some((sealed::CONTENT_TYPE, body)), phase, patience).await?;
        if !matches!(reply.status, StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR) {
            return Err(strange(target, phase, &reply));
        }
        let (signature, sealed) =
            sealed::unwrap(reply.content_type(), &reply.body).map_err(|error| broken(&error))?;
        let mut answer = sealed.to_vec();
        sealing.open(signature, &mut answer).map_err(|error| broken(&error))?;
        Ok(answer)
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

fn fingerprint(connection: &Connection) -> Option<String> {
    connection.certificate().map(|der| format!("SHA256:{}", HEXLOWER.encode(&Sha256::digest(der))))
}
