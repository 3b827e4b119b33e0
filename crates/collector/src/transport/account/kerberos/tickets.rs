//! Tickets. One for tickets is kept for each account and shared by all endpoints, so that a thousand of them cost one
//! logon. Those for services are asked for anew each time: an endpoint's proof is worth the more, the less its key is used.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, Instant};

use investigation::policy::Kerberos;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::kdc::Kdcs;
use super::messages::{self, Ticket, Unfit};
use super::refusal::{self, Refusal};
use super::{KerberosError, Key, nonce};
use crate::transport::account::accounts::Accounts;
use crate::transport::account::password::Password;

/// How long KDCs that did not answer are not asked again: whoever waits would wait for the same, one after the other.
const SILENCE: Duration = Duration::from_secs(15);

/// The tickets for tickets, by account. All clones share them.
#[derive(Clone, Default)]
pub(crate) struct Tickets(Arc<Lock<HashMap<String, Arc<Mutex<Held>>>>>);

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets(…)")
    }
}

#[derive(Default)]
struct Held {
    tickets: Option<Arc<Granted>>,
    silence: Option<(Instant, String)>,
}

/// A ticket for tickets.
struct Granted {
    ticket: Ticket,
    /// Of the password that it was got with.
    password: [u8; 32],
    /// The KDC that gave it.
    by: usize,
}

/// A ticket for one service of one host.
pub(in crate::transport) struct ServiceTicket(pub(super) Ticket);

/// Whose ticket, and what for.
pub(in crate::transport) struct Request<'a> {
    pub(in crate::transport) who: &'a Kerberos,
    /// The account as the settings name it, whose password rests once it was refused.
    pub(in crate::transport) user: &'a str,
    pub(in crate::transport) password: &'a Password,
    pub(in crate::transport) accounts: &'a Accounts,
    /// The endpoint that it is for.
    pub(in crate::transport) target: IpAddr,
    /// `HTTP/host`.
    pub(in crate::transport) service: &'a str,
    /// Longest time for a KDC to take a connection, and to answer.
    pub(in crate::transport) patience: Duration,
}

impl Tickets {
    /// A ticket for the service. Logs on where there is no ticket for tickets that still counts, and once more where the
    /// KDC takes it for expired.
    pub(in crate::transport) async fn service(
        &self,
        request: &Request<'_>,
    ) -> Result<ServiceTicket, KerberosError> {
        let slot = self.slot(request.who);
        let tickets = request.granted(&slot).await?;
        let refused = match request.serve(&tickets).await? {
            Ok(ticket) => return Ok(ticket),
            Err(refused) => refused,
        };
        // Whoever asks for a host that there is none of does not cost the others a logon.
        if refused.refusal.code != refusal::UNKNOWN_SERVICE {
            request.forget(&slot, &tickets).await?;
        }
        if refused.refusal.code != refusal::TICKET_EXPIRED {
            return Err(refused.into_error(request));
        }
        let tickets = request.granted(&slot).await?;
        request.serve(&tickets).await?.map_err(|refused| refused.into_error(request))
    }

    fn slot(&self, who: &Kerberos) -> Arc<Mutex<Held>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(format!("{}@{}", who.principal, who.realm)).or_default())
    }
}

/// What a KDC says against a ticket for a service.
struct ServiceRefused {
    kdc: String,
    refusal: Refusal,
}

impl ServiceRefused {
    fn into_error(self, request: &Request<'_>) -> KerberosError {
        match self.refusal.code {
            refusal::UNKNOWN_SERVICE => {
                KerberosError::UnknownService { kdc: self.kdc, service: request.service.to_owned() }
            }
            _ => refused(self.kdc, &self.refusal),
        }
    }
}

impl Request<'_> {
    /// The ticket for tickets. Whoever comes while another logs on waits for what comes of it.
    async fn granted(&self, slot: &Mutex<Held>) -> Result<Arc<Granted>, KerberosError> {
        let mut held = self.held(slot).await?;
        if let Some(granted) = &held.tickets
            && granted.password == self.password.fingerprint()
            && granted.ticket.ends > Timestamp::now()
        {
            return Ok(Arc::clone(granted));
        }
        if let Some((since, why)) = &held.silence
            && since.elapsed() < SILENCE
        {
            return Err(KerberosError::Unanswered(why.clone()));
        }
        held.tickets = None;
        let granted = self.log_on().await;
        held.silence = match &granted {
            Err(KerberosError::Unanswered(why)) => Some((Instant::now(), why.clone())),
            _ => None,
        };
        let granted = Arc::new(granted?);
        held.tickets = Some(Arc::clone(&granted));
        Ok(granted)
    }

    /// Forgets a ticket for tickets, unless there is another one by now.
    async fn forget(&self, slot: &Mutex<Held>, tickets: &Arc<Granted>) -> Result<(), KerberosError> {
        let mut held = self.held(slot).await?;
        if held.tickets.as_ref().is_some_and(|held| Arc::ptr_eq(held, tickets)) {
            held.tickets = None;
        }
        Ok(())
    }

    async fn held<'m>(
        &self,
        slot: &'m Mutex<Held>,
    ) -> Result<tokio::sync::MutexGuard<'m, Held>, KerberosError> {
        // As long as a logon may take: each KDC, the account's turn, and the KDC that answered once more.
        let turns = u32::try_from(self.who.kdcs.len()).unwrap_or(1).saturating_mul(2).saturating_add(6);
        timeout(self.patience * turns, slot.lock()).await.map_err(|_| KerberosError::Late)
    }

    fn kdcs(&self) -> Kdcs<'_> {
        Kdcs { kdcs: &self.who.kdcs, patience: self.patience }
    }

    /// Proves to a KDC that the password is known. It is sent to one and never to a second, and not in the clear.
    async fn log_on(&self) -> Result<Granted, KerberosError> {
        let kdcs = self.kdcs();
        let first = messages::logon(self.who, nonce()?, None)?;
        let reply = kdcs.ask(0, &first).await.map_err(KerberosError::Unanswered)?;
        let (by, kdc) = (reply.by, kdcs.name(reply.by));
        let Some(asked) = Refusal::read(&reply.bytes) else {
            return Err(match reply.bytes.first() {
                Some(0x6b) => KerberosError::Refused {
                    kdc,
                    why: "the account needs no pre-authentication, so that anybody may attack its password: require it"
                        .to_owned(),
                },
                _ => KerberosError::NoAnswer { kdc, what: "it is no Kerberos" },
            });
        };
        if asked.code != refusal::PREAUTH_REQUIRED {
            return Err(refused(kdc, &asked));
        }
        let Some(hint) = asked.hint else {
            let why =
                "the account has no key for AES: allow AES for it, and set its password anew".to_owned();
            return Err(KerberosError::Refused { kdc, why });
        };
        let salt = hint.salt.unwrap_or_else(|| format!("{}{}", self.who.realm, self.who.principal));
        let key = Key::from_password(hint.suite, self.password.expose(), &salt)?;

        let fingerprint = self.password.fingerprint();
        let attempt = self.accounts.begin(self.user, fingerprint, self.target);
        let attempt = timeout(self.patience * 3, attempt).await.map_err(|_| KerberosError::Late)?;
        let attempt = attempt.map_err(KerberosError::Rests)?;
        let nonce = nonce()?;
        let second = messages::logon(self.who, nonce, Some(&key))?;
        let reply = kdcs.ask_only(by, &second).await.map_err(KerberosError::Lost)?;
        if let Some(answer) = Refusal::read(&reply) {
            if answer.is_about_the_account() {
                attempt.refused_for_all();
            }
            return Err(refused(kdc, &answer));
        }
        let ticket = messages::logged_on(&reply, self.who, nonce, &key).map_err(|unfit| unfit.at(kdc, ""))?;
        attempt.accepted();
        Ok(Granted { ticket, password: fingerprint, by })
    }

    async fn serve(&self, tickets: &Granted) -> Result<Result<ServiceTicket, ServiceRefused>, KerberosError> {
        let kdcs = self.kdcs();
        let (request, nonce) = messages::service(&tickets.ticket, self.who, self.service)?;
        let reply = kdcs.ask(tickets.by, &request).await.map_err(KerberosError::Unanswered)?;
        let kdc = kdcs.name(reply.by);
        if let Some(refusal) = Refusal::read(&reply.bytes) {
            return Ok(Err(ServiceRefused { kdc, refusal }));
        }
        messages::served(&reply.bytes, &tickets.ticket, self.who, self.service, nonce)
            .map(|ticket| Ok(ServiceTicket(ticket)))
            .map_err(|unfit| unfit.at(kdc, self.service))
    }
}

impl Unfit {
    fn at(self, kdc: String, service: &str) -> KerberosError {
        match self {
            Self::Reply(what) => KerberosError::NoAnswer { kdc, what },
            Self::Referral(realm) => KerberosError::OtherRealm { kdc, service: service.to_owned(), realm },
        }
    }
}

fn refused(kdc: String, refusal: &Refusal) -> KerberosError {
    match refusal.code {
        refusal::SKEW => KerberosError::Skew { kdc, skew: refusal::skew(refusal.clock, Timestamp::now()) },
        _ if refusal.is_about_the_account() => KerberosError::AccountRefused { kdc, why: refusal.meaning() },
        _ => KerberosError::Refused { kdc, why: refusal.meaning() },
    }
}
