//! Kerberos: proving who we are by a ticket that a KDC gives us for one service of one host, and who the endpoint is by
//! the same: only it holds the key to read the ticket. What follows is sealed with a key that nobody else knows.
//!
//! From the bottom up: asking a [`kdc`], the [`messages`] to it, the [`tickets`] that come of them, the exchange with an
//! [`endpoint`], and the [`seal`] on what follows. The messages are `sspi`'s and the cryptography is `picky-krb`'s. What
//! comes back is checked here: `sspi` leaves out whether a reply belongs to its request, whether the endpoint's proof is
//! a fresh one, and whether sealed messages come in their order, and it panics on one that is too short.

mod endpoint;
mod kdc;
mod messages;
mod refusal;
mod seal;
mod tickets;

use picky_krb::crypto::CipherSuite;
use picky_krb::data_types::EncryptionKey;
use sspi::Secret;
use sspi::kerberos::EncryptionParams;

use super::accounts::Resting;
pub(in crate::transport) use endpoint::{Exchange, refusal_in};
pub(in crate::transport) use seal::Sealed;
pub(in crate::transport) use tickets::{Request, Tickets};

/// Why there is no ticket, or no proof. One line that holds no secret.
#[derive(Debug, thiserror::Error)]
pub(in crate::transport) enum KerberosError {
    /// Nothing was proven, and nothing of the password was sent.
    #[error("no KDC answers ({0}); see kdc in the settings, and whether its port is open to this host")]
    Unanswered(String),
    /// It is not known what came of the password.
    #[error("the KDC does not answer any more ({0})")]
    Lost(String),
    /// Others ask the KDC for the same, and it takes too long.
    #[error("the KDCs take too long to answer")]
    Late,
    /// The password was refused not long ago.
    #[error("the account rests")]
    Rests(Resting),
    /// The KDC refuses the account.
    #[error("the KDC {kdc} refuses the account: {why}")]
    AccountRefused { kdc: String, why: String },
    /// The KDC does not give the ticket.
    #[error("the KDC {kdc} says that {why}")]
    Refused { kdc: String, why: String },
    /// The clocks differ.
    #[error(
        "the clock of the KDC {kdc} differs too much from this host's ({skew}); set both by the same source of time"
    )]
    Skew { kdc: String, skew: String },
    /// The service has no account.
    #[error(
        "the KDC {kdc} knows no {service}: the machine is not in the domain, or its name is stale in DNS"
    )]
    UnknownService { kdc: String, service: String },
    /// The host belongs to another domain.
    #[error(
        "the KDC {kdc} refers {service} to the realm {realm}, whose KDCs are not configured; only one realm is spoken to"
    )]
    OtherRealm { kdc: String, service: String, realm: String },
    /// An answer is none, or was changed.
    #[error("what answers as KDC {kdc} is none, or its answer was changed on the way ({what})")]
    NoAnswer { kdc: String, what: &'static str },
    /// The endpoint does not prove who it is.
    #[error("{0}")]
    Unproven(&'static str),
    /// Our own side fails.
    #[error("{0}")]
    Internal(String),
}

impl From<sspi::Error> for KerberosError {
    fn from(error: sspi::Error) -> Self {
        // Its description may hold what came from outside.
        Self::Internal(refusal::shown(&format!("{:?}: {}", error.error_type, error.description)))
    }
}

/// A key, and what it is for. It is wiped when it is gone.
#[derive(Clone)]
struct Key {
    suite: CipherSuite,
    bytes: Secret<Vec<u8>>,
}

impl Key {
    /// None where it is of another kind than we speak, or has the wrong length.
    fn new(suite: CipherSuite, bytes: Vec<u8>) -> Option<Self> {
        let bytes = Secret::new(bytes);
        (bytes.as_ref().len() == suite.cipher().key_size()).then_some(Self { suite, bytes })
    }

    fn read(key: &EncryptionKey) -> Option<Self> {
        Self::new(suite(&key.key_type.0.0)?, key.key_value.0.0.clone())
    }

    /// One that nobody knows.
    fn random(suite: CipherSuite) -> Result<Self, KerberosError> {
        let mut bytes = Secret::new(vec![0; suite.cipher().key_size()]);
        random(bytes.as_mut())?;
        Ok(Self { suite, bytes })
    }

    /// What a password and a salt make.
    fn from_password(suite: CipherSuite, password: &str, salt: &str) -> Result<Self, KerberosError> {
        let made = suite.cipher().generate_key_from_password(password.as_bytes(), salt.as_bytes());
        made.ok()
            .and_then(|bytes| Self::new(suite, bytes))
            .ok_or_else(|| KerberosError::Internal("no key can be made of the password".to_owned()))
    }

    /// None where it was not sealed with this key, for this use.
    fn open(&self, usage: i32, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        self.suite.cipher().decrypt(self.bytes.as_ref(), usage, sealed).ok().map(Secret::new)
    }

    fn seal(&self, usage: i32, plain: &[u8]) -> Option<Vec<u8>> {
        self.suite.cipher().encrypt(self.bytes.as_ref(), usage, plain).ok()
    }

    fn params(&self) -> EncryptionParams {
        EncryptionParams {
            encryption_type: Some(self.suite.clone()),
            ..EncryptionParams::default_for_client()
        }
    }
}

/// The kinds of keys that are spoken: AES, and nothing older.
fn suite(etype: &[u8]) -> Option<CipherSuite> {
    match etype {
        [17] => Some(CipherSuite::Aes128CtsHmacSha196),
        [18] => Some(CipherSuite::Aes256CtsHmacSha196),
        _ => None,
    }
}

/// Fills with what nobody can guess.
fn random(bytes: &mut [u8]) -> Result<(), KerberosError> {
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(bytes).map_err(|_| KerberosError::Internal("this system gives no random numbers".to_owned()))
}

/// A number that a reply has to repeat. Some take it for a signed one.
fn nonce() -> Result<u32, KerberosError> {
    let mut bytes = [0; 4];
    random(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes) & 0x3fff_ffff)
}

/// Without a log: `sspi` traces keys and passwords' proofs.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), work)
}

/// Reads bytes as everything that a KDC or an endpoint may send, for the fuzz harness: a bit for each thing that they are.
pub(crate) fn read_anything(bytes: &[u8]) -> u64 {
    use picky_krb::data_types::EncApRepPart;
    use picky_krb::messages::{ApRep, AsRep, EncAsRepPart, EncTgsRepPart, TgsRep};

    use picky_asn1_der::from_bytes;

    let mut sealed = Sealed::of_zeroes();
    let (before, after) = bytes.split_at(bytes.len().min(60));
    [
        from_bytes::<AsRep>(bytes).is_ok(),
        from_bytes::<TgsRep>(bytes).is_ok(),
        from_bytes::<ApRep>(bytes).is_ok(),
        from_bytes::<EncAsRepPart>(bytes).is_ok(),
        from_bytes::<EncTgsRepPart>(bytes).is_ok(),
        from_bytes::<EncApRepPart>(bytes).is_ok(),
        refusal::Refusal::read(bytes).is_some_and(|refusal| !refusal.meaning().is_empty()),
        refusal_in(bytes).is_some(),
        sealed.open(before, &mut after.to_vec()).is_ok(),
    ]
    .into_iter()
    .fold(0, |way, is| way << 1 | u64::from(is))
}

#[cfg(test)]
mod tests;
