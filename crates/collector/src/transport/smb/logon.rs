//! From an address to a session in which both sides have proven who they are: negotiation, logon, and a check that
//! nobody on the way has weakened what was negotiated.

use std::net::IpAddr;

use investigation::text::one_line;
use jiff::{SignedDuration, Timestamp};

use super::bytes::Malformed;
use super::config::SmbConfig;
use super::connection::{Answer, Ask, Connection};
use super::failure::Failure;
use super::header::{Command, Status};
use super::keys::{Dialect, Forged, Keys};
use super::message;
use super::negotiation::{self, Client, Negotiated};
use super::share::{Shares, unsealed};
use super::spnego::{self, Mechanism};
use crate::contact_error::ContactError;
use crate::transport::account::accounts::{Accounts, Resting};
use crate::transport::account::hosts::Hosts;
use crate::transport::account::ntlm::{self, Names, Ntlm};
use crate::transport::account::password::Password;

/// What was agreed on, and what the endpoint said of itself before it was proven.
#[derive(Clone, Debug)]
pub(super) struct Hello {
    pub(super) dialect: &'static str,
    pub(super) is_sealed: bool,
    /// How it calls itself in its challenge.
    pub(super) name: Option<String>,
    /// Its clock, and ours when it was read.
    pub(super) clock: Option<(Timestamp, Timestamp)>,
    /// When it was started, where it says.
    pub(super) boot: Option<Timestamp>,
}

/// Connects, and proves who we are, once.
pub(super) async fn log_on(
    target: IpAddr,
    config: &SmbConfig,
    accounts: &Accounts,
) -> Result<(Shares, Hello), ContactError> {
    // First of all: whether anything answers there has nothing to do with the account.
    let mut connection = Connection::open(target, config.port, config.connect_timeout).await?;
    let client = Client { guid: fastrand::u128(..).to_le_bytes(), salt: salt() };
    let asked = Timestamp::now();
    let said = negotiated(target, &mut connection, &client).await?;
    let heard = Timestamp::now();

    let failed = |source| ContactError::SmbFile { file: config.password_file.clone(), source };
    let password = Password::read(&config.password_file).map_err(failed)?;
    let mut logon = Logon { target, config, connection: &mut connection };
    let name = logon.prove(accounts, &password, &said).await?;
    if said.can_large() {
        connection.allow_large();
    }
    let is_sealed = connection.seals();
    let mut shares = Shares::new(target, connection, said.max_read, said.max_transact);
    if said.dialect != Dialect::Smb311 {
        validate(target, &mut shares, &client, &said).await?;
    }
    let halfway = asked.checked_add(heard.duration_since(asked) / 2).unwrap_or(asked);
    let hello = Hello {
        dialect: said.dialect.name(),
        is_sealed,
        name,
        clock: time(said.time).map(|theirs| (theirs, halfway)),
        boot: time(said.start),
    };
    Ok((shares, hello))
}

fn salt() -> [u8; 32] {
    let mut salt = [0; 32];
    fastrand::fill(&mut salt);
    salt
}

async fn negotiated(
    target: IpAddr,
    connection: &mut Connection,
    client: &Client,
) -> Result<Negotiated, ContactError> {
    let refused = |detail: &str| ContactError::SmbRefused {
        target,
        phase: "negotiation",
        detail: detail.to_owned(),
        may_pass: false,
    };
    const OLD: &str = "it speaks SMB 1 only, which protects nothing and is not spoken here: \
                       switch SMB 2 on there, or reach it in another way";
    let body = negotiation::negotiate(client);
    let ask = Ask { command: Command::Negotiate, tree: 0, body, room: 0, phase: "negotiation" };
    let answer = match connection.ask(ask).await {
        Ok(answer) => answer,
        Err(Failure::Broken(error)) => {
            return Err(match *error {
                // It hangs up, or answers in kind.
                ContactError::Disconnected { detail, .. } if detail == SMB1 => refused(OLD),
                ContactError::Disconnected { detail, .. } => refused(&format!(
                    "it hung up when SMB 2 was offered ({detail}): it speaks SMB 1 only, or admits nobody from here"
                )),
                error => error,
            });
        }
        Err(other) => return Err(refused(&other.to_string())),
    };
    match answer.status {
        Status::SUCCESS => {}
        Status::NOT_SUPPORTED | Status::INVALID_PARAMETER => {
            return Err(refused(&format!(
                "it takes none of SMB 2.1, 3.0, 3.0.2 and 3.1.1 ({:?})",
                answer.status
            )));
        }
        status => return Err(refused(&status.to_string())),
    }
    let said = negotiation::negotiated(&answer.message).map_err(|error| refused(&error.to_string()))?;
    if !said.can_sign() {
        return Err(refused(
            "it refuses to sign what it says: RequireSecuritySignature may not be off on both sides",
        ));
    }
    Ok(said)
}

/// The text of the error for an answer in SMB 1.
const SMB1: &str = "it answers in SMB 1";

/// Proving by NTLM, in the wrapping that another mechanism would come in as well.
struct Logon<'a> {
    target: IpAddr,
    config: &'a SmbConfig,
    connection: &'a mut Connection,
}

impl Logon<'_> {
    async fn prove(
        &mut self,
        accounts: &Accounts,
        password: &Password,
        said: &Negotiated,
    ) -> Result<Option<String>, ContactError> {
        let (target, config) = (self.target, self.config);
        let rests = |resting: Resting| ContactError::AccountRests {
            target,
            user: one_line(&config.user, 200),
            minutes: resting.left.as_secs().div_ceil(60),
        };
        accounts.check(&config.user, password.fingerprint(), target).map_err(rests)?;
        let (mut ntlm, first) = Ntlm::begin(&config.user, password, None).map_err(|e| self.failed(&e))?;
        let asked = self.set_up(&spnego::offer(Mechanism::Ntlm, &first)).await?;
        if asked.status != Status::MORE_PROCESSING {
            return Err(self.failed(&asked.status));
        }
        self.connection.session = asked.session;
        let (_, token) = message::set_up(&asked.message).map_err(|error| self.malformed(&error))?;
        let challenge = spnego::token(token).map_err(|error| self.malformed(&error))?;
        let names = ntlm::names(challenge).map_err(|error| self.failed(&error))?;
        self.expect(&names)?;
        let answer = ntlm.answer(challenge).map_err(|error| self.failed(&error))?;
        let key = ntlm.session_key().map_err(|error| self.failed(&error))?;
        let list = ntlm.sign_first(&spnego::offered(Mechanism::Ntlm)).map_err(|error| self.failed(&error))?;

        let attempt = accounts.begin(&config.user, password.fingerprint(), target);
        let attempt = tokio::time::timeout(config.connect_timeout * 3, attempt).await;
        let attempt = attempt.map_err(|_| self.late())?.map_err(rests)?;
        let answered = self.set_up(&spnego::answer(&answer, &list)).await?;
        match answered.status {
            Status::SUCCESS => {}
            status if status.refuses_account() => {
                attempt.refused();
                let hint = match (status, said.cipher) {
                    (Status::ACCESS_DENIED, None) => "; it may demand encryption, which was not agreed on",
                    _ => "",
                };
                return Err(self.refused(&format!("{status}{hint}")));
            }
            status => return Err(self.failed(&status)),
        }
        let (flags, _) = message::set_up(&answered.message).map_err(|error| self.malformed(&error))?;
        if flags.is_guest() {
            attempt.refused();
            return Err(
                self.refused("it lets the account in as a guest only: the password has proven nothing there")
            );
        }
        // What ends the logon is signed with the key that only who knows the password has.
        let keys = Keys::derive(&key, said.dialect, said.cipher, &self.connection.transcript);
        keys.verify(&answered.message)
            .map_err(|forged: Forged| contact(target, self.connection.forged(forged)))?;
        attempt.accepted();
        if flags.wants_seal() && !keys.seal() {
            return Err(contact(target, unsealed(target)));
        }
        self.connection.protect(keys);
        Ok(names.best().map(str::to_owned))
    }

    async fn set_up(&mut self, token: &[u8]) -> Result<Answer, ContactError> {
        let body = message::session_setup(token);
        let ask = Ask { command: Command::SessionSetup, tree: 0, body, room: 0, phase: "authentication" };
        self.connection.ask(ask).await.map_err(|failure| contact(self.target, failure))
    }

    fn expect(&self, names: &Names) -> Result<(), ContactError> {
        let expected = Hosts::new(&self.config.expected_hosts);
        if expected.is_empty() || names.best().is_some_and(|name| expected.contains(name)) {
            return Ok(());
        }
        let host = names.best().unwrap_or("no name").to_owned();
        Err(ContactError::UnexpectedHost { target: self.target, host })
    }

    fn refused(&self, detail: &str) -> ContactError {
        let user = one_line(&self.config.user, 200);
        ContactError::LogonRefused { target: self.target, user, detail: one_line(detail, 200) }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ContactError {
        let detail = one_line(&error.to_string(), 200);
        let may_pass = detail == Status::REQUEST_NOT_ACCEPTED.to_string();
        ContactError::SmbRefused { target: self.target, phase: "authentication", detail, may_pass }
    }

    fn malformed(&self, error: &Malformed) -> ContactError {
        self.failed(error)
    }

    fn late(&self) -> ContactError {
        let seconds = (self.config.connect_timeout * 3).as_secs();
        ContactError::TimedOut { target: self.target, phase: "authentication", seconds }
    }
}

/// Below 3.1.1 nothing has proven yet that the endpoint itself chose this version and these capabilities.
async fn validate(
    target: IpAddr,
    shares: &mut Shares,
    client: &Client,
    said: &Negotiated,
) -> Result<(), ContactError> {
    let weakened =
        || ContactError::NotSealed { target, detail: "it did not choose what was negotiated".to_owned() };
    let answer =
        shares.validate(&negotiation::validation(client)).await.map_err(|failure| match failure {
            // Who is told that something else was offered hangs up.
            Failure::Broken(error) => match *error {
                ContactError::Disconnected { detail, .. } => {
                    ContactError::disconnected(target, "the check of what was negotiated", &detail)
                }
                error => error,
            },
            other => ContactError::SmbRefused {
                target,
                phase: "authentication",
                detail: format!("its share IPC$: {other}"),
                may_pass: false,
            },
        })?;
    let confirmed = match answer.status {
        Status::SUCCESS => message::controlled(&answer.message)
            .and_then(|output| negotiation::confirms(output, said))
            .map_err(|_| weakened())?,
        // One that knows nothing of it says so under the session's key, and was never able to choose more.
        status => status != Status::ACCESS_DENIED && said.dialect == Dialect::Smb21,
    };
    if confirmed { Ok(()) } else { Err(weakened()) }
}

/// What a failure means while there is nothing but the contact.
fn contact(target: IpAddr, failure: Failure) -> ContactError {
    match failure {
        Failure::Broken(error) => *error,
        other => ContactError::disconnected(target, "authentication", &other),
    }
}

/// 100 ns since 1601, where it is set.
pub(super) fn time(filetime: u64) -> Option<Timestamp> {
    /// Seconds from 1601 to 1970.
    const EPOCH: i64 = 11_644_473_600;
    let seconds = i64::try_from(filetime / 10_000_000).ok()?.checked_sub(EPOCH)?;
    let nanoseconds = i32::try_from(filetime % 10_000_000).ok()? * 100;
    if filetime == 0 {
        return None;
    }
    Timestamp::from_second(seconds).ok()?.checked_add(SignedDuration::new(0, nanoseconds)).ok()
}
