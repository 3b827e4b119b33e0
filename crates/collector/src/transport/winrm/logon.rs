//! Proving an account by its password: by Kerberos where a KDC is named, else by NTLM. NTLM stands in for Kerberos only
//! where that could not be tried at all, and never where it is forbidden or the password was refused.

mod kerberos;
mod ntlm;

use std::net::IpAddr;

use hyper::StatusCode;
use investigation::text::one_line;

use super::connection::{Connection, Reply};
use super::{WinrmConfig, binding};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::{Accounts, Resting};
use crate::transport::account::password::Password;
use crate::transport::account::sealing::Sealing;

/// What was proven.
pub(super) struct Proven {
    pub(super) sealing: Sealing,
    /// Who the endpoint is: by Kerberos the service that it holds the key of, by NTLM what it calls itself.
    pub(super) endpoint: Option<String>,
}

/// Proves who we are, once.
pub(super) async fn prove(
    password: &Password,
    logon: &mut Logon<'_>,
    accounts: &Accounts,
) -> Result<Proven, ContactError> {
    accounts
        .check(&logon.config.user, password.fingerprint(), logon.target)
        .map_err(|resting| logon.rests(resting))?;
    let Some(who) = &logon.config.kerberos else { return ntlm::prove(password, logon, accounts).await };
    match kerberos::prove(who, password, logon, accounts).await? {
        Ok(proven) => Ok(proven),
        Err(untried) if logon.config.ntlm => {
            tracing::warn!(target = %logon.target, why = %untried.detail, "NTLM stands in for Kerberos");
            ntlm::prove(password, logon, accounts).await
        }
        Err(untried) => Err(untried.into_error(logon.target)),
    }
}

/// Why Kerberos could not be tried. Nothing of the password was sent.
struct Untried {
    detail: String,
    may_pass: bool,
}

impl Untried {
    fn into_error(self, target: IpAddr) -> ContactError {
        let Self { detail, may_pass } = self;
        ContactError::KerberosFailed { target, detail: format!("{detail}; and NTLM is forbidden"), may_pass }
    }
}

/// One exchange on one connection. None of its requests has a body: nothing is said before it can be sealed.
pub(super) struct Logon<'a> {
    pub(super) target: IpAddr,
    pub(super) config: &'a WinrmConfig,
    pub(super) connection: &'a mut Connection,
}

impl Logon<'_> {
    /// What ties it to the certificate that the endpoint has shown.
    fn binding(&self) -> Option<Vec<u8>> {
        self.connection.certificate().map(|der| binding::to_certificate(der))
    }

    async fn send(&mut self, token: &[u8]) -> Result<Reply, ContactError> {
        let authorization = format!("Negotiate {}", data_encoding::BASE64.encode(token));
        self.connection.post(Some(&authorization), None, "authentication", self.config.connect_timeout).await
    }

    fn rests(&self, resting: Resting) -> ContactError {
        ContactError::AccountRests {
            target: self.target,
            user: one_line(&self.config.user, 200),
            minutes: resting.left.as_secs().div_ceil(60),
        }
    }

    fn refusal(&self, detail: &str) -> ContactError {
        let detail = one_line(detail, 200);
        ContactError::WinrmRefused { target: self.target, phase: "authentication", detail, may_pass: false }
    }

    fn late(&self) -> ContactError {
        let seconds = (self.config.connect_timeout * 3).as_secs();
        ContactError::TimedOut { target: self.target, phase: "authentication", seconds }
    }
}

/// What the endpoint answers to our token, if it answers in kind.
fn token(reply: &Reply) -> Option<Vec<u8>> {
    reply.offers().find_map(|offer| {
        let (scheme, token) = offer.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("Negotiate")
            .then(|| data_encoding::BASE64.decode(token.trim().as_bytes()).ok())?
    })
}

/// Why an endpoint refuses that does not answer in kind.
fn no_token(reply: &Reply, to: &str) -> String {
    let offers: Vec<&str> = reply.offers().map(|offer| offer.split(' ').next().unwrap_or(offer)).collect();
    let offers = if offers.is_empty() { "nothing".to_owned() } else { offers.join(", ") };
    format!("it offers {} and does not answer to {to}", one_line(&offers, 100))
}

pub(super) fn refused(target: IpAddr, user: &str, detail: &str) -> ContactError {
    ContactError::LogonRefused { target, user: one_line(user, 200), detail: detail.to_owned() }
}

pub(super) fn strange(target: IpAddr, phase: &'static str, reply: &Reply) -> ContactError {
    let detail = match reply.status {
        StatusCode::NOT_FOUND => "there is no WinRM service behind this port".to_owned(),
        status => format!("it answers with HTTP {}", status.as_u16()),
    };
    ContactError::WinrmRefused { target, phase, detail, may_pass: reply.status.is_server_error() }
}
