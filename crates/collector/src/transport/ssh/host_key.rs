//! Whether the endpoint is who known_hosts says.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use russh::Preferred;
use russh::client::Handler;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use thiserror::Error;

use super::SshConfig;
use super::known_hosts::{KnownHosts, Match};
use crate::contact_error::ContactError;

/// Only one collection of this process writes to known_hosts at a time.
static APPENDING: Mutex<()> = Mutex::new(());

/// Checks the host key during the key exchange.
pub(super) struct Pinning {
    target: IpAddr,
    port: u16,
    file: PathBuf,
    known: KnownHosts,
    accept_new: bool,
    seen: Seen,
}

/// What the endpoint showed, for after the key exchange.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<(String, bool)>>);

impl Seen {
    /// The fingerprint, and whether the key was new.
    pub(super) fn into_answer(self) -> (String, bool) {
        self.0.get().cloned().unwrap_or_default()
    }
}

/// Why the key exchange did not come to its end.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    #[error("the host key is refused")]
    Refused(#[source] ContactError),
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

impl Pinning {
    pub(super) fn prepare(target: IpAddr, config: &SshConfig) -> Result<Self, ContactError> {
        let file = config.known_hosts.clone();
        let known = KnownHosts::read(&file, target, config.port)
            .map_err(|source| ContactError::KnownHosts { file: file.clone(), source })?;
        let accept_new = config.accept_new_host_keys;
        Ok(Self { target, port: config.port, file, known, accept_new, seen: Seen::default() })
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Asks for the kinds of key that are pinned before any other, so that an endpoint with several shows one of
    /// those.
    pub(super) fn prefer_pinned_algorithms(&self, preferred: &mut Preferred) {
        let pinned = |algorithm: &Algorithm| {
            self.known.keys().any(|key| match (key.algorithm(), algorithm) {
                (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
                (key, algorithm) => key == *algorithm,
            })
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = preferred.key.iter().cloned().partition(pinned);
        first.extend(rest);
        preferred.key = Cow::Owned(first);
    }

    fn check(&self, key: &PublicKey) -> Result<(), ContactError> {
        let target = self.target;
        let got = key.fingerprint(HashAlg::Sha256).to_string();
        let changed = |expected: String, line| {
            let (got, file) = (got.clone(), self.file.clone());
            Err(ContactError::HostKeyChanged { target, expected, got, file, line })
        };
        let new = match self.known.check(key) {
            Match::Pinned => false,
            Match::Revoked { line } => return changed(format!("revoked {got}"), line),
            Match::Other { pinned, line } => {
                return changed(pinned.fingerprint(HashAlg::Sha256).to_string(), line);
            }
            Match::Unknown if self.accept_new => {
                self.pin(key)
                    .map_err(|source| ContactError::KnownHosts { file: self.file.clone(), source })?;
                tracing::warn!(%target, fingerprint = %got, file = %self.file.display(), "an unknown host key is trusted on first use and pinned");
                true
            }
            Match::Unknown => {
                let algorithm = key.algorithm().to_string();
                let (fingerprint, file) = (got, self.file.clone());
                return Err(ContactError::HostKeyUnknown { target, fingerprint, algorithm, file });
            }
        };
        let _ = self.seen.0.set((got, new));
        Ok(())
    }

    /// Appends the key, unless another collection has pinned one meanwhile.
    fn pin(&self, key: &PublicKey) -> std::io::Result<()> {
        let _one = APPENDING.lock().unwrap_or_else(PoisonError::into_inner);
        let now = KnownHosts::read(&self.file, self.target, self.port)?;
        match now.check(key) {
            Match::Pinned => Ok(()),
            Match::Unknown => KnownHosts::append(&self.file, self.target, self.port, key),
            Match::Other { .. } | Match::Revoked { .. } => {
                Err(std::io::Error::other("another key was pinned for this address at the same moment"))
            }
        }
    }
}

impl Handler for Pinning {
    type Error = HandshakeError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, HandshakeError> {
        self.check(&shown.public_key()).map(|()| true).map_err(HandshakeError::Refused)
    }
}
