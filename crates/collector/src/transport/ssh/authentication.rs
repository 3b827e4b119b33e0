//! Proving who we are: keys of an agent, then keys from files. Never a password.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::{Error as KeyError, HashAlg, PrivateKeyWithHashAlg, load_secret_key};

use super::host_key::Pinning;
use super::{SshConfig, short};
use crate::contact_error::ContactError;

/// Most keys that are offered. Servers close the connection, and may lock the account, after a few more.
const OFFERS: usize = 5;

/// Offers the keys one after the other on this one connection.
pub(super) async fn authenticate(
    handle: &mut Handle<Pinning>,
    target: IpAddr,
    config: &SshConfig,
) -> Result<(), ContactError> {
    let broken = |error: russh::Error| ContactError::disconnected(target, "authentication", &error);
    let rsa_hash = match handle.best_supported_rsa_hash().await.map_err(broken)? {
        Some(hash) => hash,
        None => Some(HashAlg::Sha512),
    };
    let mut attempt = Attempt { user: &config.user, rsa_hash, offered: 0, said: Vec::new() };
    if let Some(socket) = &config.agent_socket
        && attempt.with_agent(handle, socket).await.map_err(broken)?
    {
        return Ok(());
    }
    for file in &config.identity_files {
        if attempt.with_file(handle, file).await.map_err(broken)? {
            return Ok(());
        }
    }
    let detail = match attempt.said.is_empty() {
        true => "there is no key to offer, neither from an agent nor from a file".to_owned(),
        false => attempt.said.join(", "),
    };
    Err(ContactError::AuthenticationFailed { target, user: short(&config.user), detail })
}

struct Attempt<'a> {
    user: &'a str,
    rsa_hash: Option<HashAlg>,
    offered: usize,
    said: Vec<String>,
}

impl Attempt<'_> {
    #[cfg(unix)]
    async fn with_agent(
        &mut self,
        handle: &mut Handle<Pinning>,
        socket: &Path,
    ) -> Result<bool, russh::Error> {
        use russh::keys::Algorithm;
        use russh::keys::agent::AgentIdentity;
        use russh::keys::agent::client::AgentClient;

        let mut agent = match AgentClient::connect_uds(socket).await {
            Ok(agent) => agent,
            Err(error) => {
                self.said.push(format!("agent {}: {}", socket.display(), short(&error.to_string())));
                return Ok(false);
            }
        };
        // An agent that restricts its keys to certain hosts wants to know which this is; others refuse the question.
        if let Some(binding) = handle.agent_session_binding() {
            let _ = agent.bind_session(binding, false).await;
        }
        let identities = match agent.request_identities().await {
            Ok(identities) => identities,
            Err(error) => {
                self.said.push(format!("agent {}: {}", socket.display(), short(&error.to_string())));
                return Ok(false);
            }
        };
        for identity in identities {
            if self.offered == OFFERS {
                break;
            }
            self.offered += 1;
            let comment = short(identity.comment());
            let answer = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    let hash = self.rsa_hash.filter(|_| matches!(key.algorithm(), Algorithm::Rsa { .. }));
                    handle.authenticate_publickey_with(self.user, key, hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    let hash =
                        self.rsa_hash.filter(|_| matches!(certificate.algorithm(), Algorithm::Rsa { .. }));
                    handle.authenticate_certificate_with(self.user, certificate, hash, &mut agent).await
                }
            };
            match answer {
                Ok(AuthResult::Success) => return Ok(true),
                Ok(AuthResult::Failure { .. }) => self.said.push(format!("agent key {comment} refused")),
                Err(error) => self.said.push(format!("agent key {comment}: {}", short(&error.to_string()))),
            }
        }
        Ok(false)
    }

    #[cfg(not(unix))]
    async fn with_agent(&mut self, _: &mut Handle<Pinning>, _: &Path) -> Result<bool, russh::Error> {
        self.said.push("an agent's socket is not supported on this system".into());
        Ok(false)
    }

    async fn with_file(&mut self, handle: &mut Handle<Pinning>, file: &Path) -> Result<bool, russh::Error> {
        let shown = file.display();
        if self.offered == OFFERS {
            self.said.push(format!("{shown} not offered after {OFFERS} refusals"));
            return Ok(false);
        }
        let key = match load_secret_key(file, None) {
            Ok(key) => key,
            Err(KeyError::KeyIsEncrypted) => {
                self.said.push(format!("{shown} has a passphrase: load it into an agent"));
                return Ok(false);
            }
            Err(error) => {
                self.said.push(format!("{shown} not usable: {}", short(&error.to_string())));
                return Ok(false);
            }
        };
        self.offered += 1;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), self.rsa_hash);
        match handle.authenticate_publickey(self.user, key).await? {
            AuthResult::Success => Ok(true),
            AuthResult::Failure { partial_success: true, .. } => {
                self.said.push(format!("{shown} accepted, but the endpoint wants a second factor"));
                Ok(false)
            }
            AuthResult::Failure { .. } => {
                self.said.push(format!("{shown} refused"));
                Ok(false)
            }
        }
    }
}
