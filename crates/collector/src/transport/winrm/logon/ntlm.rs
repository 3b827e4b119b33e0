//! Proving by NTLM.

use hyper::StatusCode;

use super::{Logon, Proven, no_token, refused, strange, token};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::Accounts;
use crate::transport::account::hosts::Hosts;
use crate::transport::account::ntlm::{self, Names, Ntlm};
use crate::transport::account::password::Password;
use crate::transport::account::sealing::Sealing;

pub(super) async fn prove(
    password: &Password,
    logon: &mut Logon<'_>,
    accounts: &Accounts,
) -> Result<Proven, ContactError> {
    let (target, config) = (logon.target, logon.config);
    let (mut ntlm, challenge) = logon.challenge(password).await?;
    let names = ntlm::names(&challenge).map_err(|error| logon.failed(&error))?;
    logon.expect(&names)?;
    let answer = ntlm.answer(&challenge).map_err(|error| logon.failed(&error))?;
    let attempt = accounts.begin(&config.user, password.fingerprint(), target);
    let attempt = tokio::time::timeout(config.connect_timeout * 3, attempt).await;
    let attempt = attempt.map_err(|_| logon.late())?.map_err(|resting| logon.rests(resting))?;
    match logon.takes(&answer).await? {
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
    let endpoint = names.best().map(|name| format!("NTLM:{name}"));
    Ok(Proven { sealing: Sealing::Ntlm(Box::new(ntlm)), endpoint })
}

impl Logon<'_> {
    async fn challenge(&mut self, password: &Password) -> Result<(Ntlm, Vec<u8>), ContactError> {
        let binding = self.binding();
        let (ntlm, first) = Ntlm::begin(&self.config.user, password, binding.as_deref())
            .map_err(|error| self.failed(&error))?;
        let reply = self.send(&first).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Err(strange(self.target, "authentication", &reply));
        }
        let challenge = token(&reply).ok_or_else(|| self.refusal(&no_token(&reply, "NTLM")))?;
        Ok((ntlm, challenge))
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
    async fn takes(&mut self, answer: &[u8]) -> Result<bool, ContactError> {
        let reply = self.send(answer).await?;
        match reply.status {
            StatusCode::UNAUTHORIZED => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(strange(self.target, "authentication", &reply)),
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ContactError {
        self.refusal(&error.to_string())
    }
}
