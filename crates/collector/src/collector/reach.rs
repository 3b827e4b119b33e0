//! Which way to an endpoint is taken: the configured ones in their order, and the next one only where nothing answers.

use std::net::IpAddr;

use investigation::policy::Transport;
use investigation::text::one_line;

use super::Config;
use crate::contact_error::ContactError;
use crate::transport::Session;
use crate::transport::account::accounts::Accounts;
use crate::transport::smb::SmbSession;
use crate::transport::ssh::SshSession;
use crate::transport::winrm::WinrmSession;

/// Reaches a machine that is not this one.
pub(super) async fn reach(
    target: IpAddr,
    config: &Config,
    accounts: &Accounts,
) -> Result<Session, ContactError> {
    let mut unanswered = Vec::new();
    for transport in &config.transports {
        let reached = match transport {
            Transport::Winrm => {
                let Some(winrm) = &config.winrm else { continue };
                WinrmSession::connect(target, winrm, accounts).await.map(Session::Winrm)
            }
            Transport::Ssh => {
                SshSession::connect(target, &config.ssh).await.map(|session| Session::Ssh(Box::new(session)))
            }
            Transport::Smb => {
                let Some(smb) = &config.smb else { continue };
                SmbSession::connect(target, smb, accounts)
                    .await
                    .map(|session| Session::Smb(Box::new(session)))
            }
        };
        match reached {
            Ok(session) => return Ok(session),
            Err(error) if nothing_answers(&error) => {
                tracing::debug!(%target, transport = transport.as_str(), %error, "nothing answers");
                unanswered.push((*transport, error));
            }
            // Whoever refuses us here is not asked in another way: that would be another refusal, or another account
            // handed to a machine that is not what it should be.
            Err(error) => return Err(error),
        }
    }
    if unanswered.len() > 1 {
        let tried: Vec<String> = unanswered
            .iter()
            .map(|(transport, error)| format!("{}: {}", transport.as_str(), in_short(error)))
            .collect();
        return Err(ContactError::NoneAnswers { target, tried: tried.join("; ") });
    }
    Err(unanswered.pop().map_or(ContactError::NoTransport { target }, |(_, error)| error))
}

/// The port is closed, filtered, or has no way to it.
fn nothing_answers(error: &ContactError) -> bool {
    matches!(error, ContactError::Unreachable { .. } | ContactError::TimedOut { phase: "connection", .. })
}

fn in_short(error: &ContactError) -> String {
    match error {
        ContactError::Unreachable { port, source, .. } => {
            format!("port {port} cannot be reached ({})", one_line(&source.to_string(), 100))
        }
        ContactError::TimedOut { seconds, .. } => format!("no answer in {seconds} s"),
        other => other.to_string(),
    }
}
