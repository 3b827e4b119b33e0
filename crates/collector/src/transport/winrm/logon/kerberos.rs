//! Proving by Kerberos: the endpoint's verified name, a ticket for WinRM's service there, and the endpoint's own proof.

use hyper::StatusCode;
use investigation::policy::Kerberos;
use investigation::text::one_line;

use super::{Logon, Proven, Untried, no_token, refused, strange, token};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::Accounts;
use crate::transport::account::host_name;
use crate::transport::account::hosts::Hosts;
use crate::transport::account::kerberos::{Exchange, KerberosError, Request, refusal_in};
use crate::transport::account::password::Password;
use crate::transport::account::sealing::Sealing;

pub(super) async fn prove(
    who: &Kerberos,
    password: &Password,
    logon: &mut Logon<'_>,
    accounts: &Accounts,
) -> Result<Result<Proven, Untried>, ContactError> {
    let (target, config) = (logon.target, logon.config);
    let expected = Hosts::new(&config.expected_hosts);
    let name = match host_name::verified(target, &expected, config.connect_timeout).await {
        Ok(name) => name,
        Err(why) => {
            let may_pass = matches!(why, host_name::NoName::Late(_));
            let detail = format!("{why}, and a ticket is for a name: give it one, both ways");
            return Ok(Err(Untried { detail, may_pass }));
        }
    };
    // Windows has this service under the machine's own account, whether or not it is written there.
    let service = format!("HTTP/{name}");
    let request = Request {
        who,
        user: &config.user,
        password,
        accounts,
        target,
        service: &service,
        patience: config.connect_timeout,
    };
    let ticket = match accounts.tickets().service(&request).await {
        Ok(ticket) => ticket,
        Err(error @ KerberosError::Unanswered(_)) => {
            return Ok(Err(Untried { detail: error.to_string(), may_pass: true }));
        }
        Err(error) => return Err(logon.no_ticket(error)),
    };
    let binding = logon.binding();
    let begun = Exchange::begin(&ticket, binding.as_deref());
    let (exchange, first) = begun.map_err(|error| logon.no_ticket(error))?;
    let reply = logon.send(&first).await?;
    match reply.status {
        StatusCode::UNAUTHORIZED => return Err(logon.ticket_refused(&service, token(&reply).as_deref())),
        status if status.is_success() => {}
        _ => return Err(strange(target, "authentication", &reply)),
    }
    let answer = token(&reply).ok_or_else(|| logon.refusal(&no_token(&reply, "Kerberos")))?;
    let sealed = exchange.finish(&answer).map_err(|error| ContactError::NotSealed {
        target,
        detail: one_line(&format!("{error}: it is not {name}"), 200),
    })?;
    Ok(Ok(Proven {
        sealing: Sealing::Kerberos(Box::new(sealed)),
        endpoint: Some(format!("Kerberos:{service}")),
    }))
}

impl Logon<'_> {
    fn no_ticket(&self, error: KerberosError) -> ContactError {
        let may_pass = matches!(error, KerberosError::Lost(_) | KerberosError::Late);
        match error {
            KerberosError::Rests(resting) => self.rests(resting),
            KerberosError::AccountRefused { kdc, why } => {
                ContactError::AccountRefused { kdc, user: one_line(&self.config.user, 200), detail: why }
            }
            error => {
                let detail = one_line(&error.to_string(), 400);
                ContactError::KerberosFailed { target: self.target, detail, may_pass }
            }
        }
    }

    /// The password was not shown to it, so it does not rest.
    fn ticket_refused(&self, service: &str, answer: Option<&[u8]>) -> ContactError {
        let why = answer.and_then(refusal_in).unwrap_or_else(|| {
            "the account may not log on there, the machine's account in the domain is stale, or its clock is off"
                .to_owned()
        });
        refused(self.target, &self.config.user, &format!("it does not take a ticket for {service}: {why}"))
    }
}
