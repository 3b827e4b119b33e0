//! SSH: pinned host keys, public-key authentication, and a POSIX shell that reads our constant scripts from its
//! standard input.

mod authentication;
mod host_key;
pub(crate) mod known_hosts;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use investigation::text::one_line;
use russh::client::{self, Handle};
use russh::{Channel, ChannelMsg, Disconnect};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Ended, Gathering, Run, Script, Silence};
use crate::contact_error::ContactError;
use crate::staging::RawOutput;
use host_key::{HandshakeError, Pinning};

/// Reads a script to the end of the standard input and runs it as one piece. `-Command -` would run it line by line as
/// if it was typed. Only what constrained language mode allows.
pub(super) const POWERSHELL: &str = "powershell.exe -NoLogo -NoProfile -NonInteractive -Command \"($input -join [char]10) | Invoke-Expression\"";

/// How endpoints are reached over SSH.
#[derive(Clone, Debug)]
pub struct SshConfig {
    /// Account on the endpoint.
    pub user: String,
    /// TCP port.
    pub port: u16,
    /// Private keys without a passphrase, tried in this order after the agent's.
    pub identity_files: Vec<PathBuf>,
    /// Socket of an SSH agent (`SSH_AUTH_SOCK`).
    pub agent_socket: Option<PathBuf>,
    /// The pinned host keys, in OpenSSH's format.
    pub known_hosts: PathBuf,
    /// Whether an unknown host key is trusted and written to `known_hosts`. A changed key never is.
    pub accept_new_host_keys: bool,
    /// Longest time for each of connection, key exchange, authentication and opening a channel.
    pub connect_timeout: Duration,
    /// How the account gets the right to see other accounts' processes and files.
    pub privilege: Option<Privilege>,
}

/// How an account becomes root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// `sudo -n`, which fails rather than ask for a password. Where it fails, the account's own rights are used and
    /// the outcome of each artifact says so.
    Sudo,
}

/// A connection on which the endpoint and we have proven who we are.
pub(crate) struct SshSession {
    target: IpAddr,
    handle: Handle<Pinning>,
    fingerprint: String,
    accepted: bool,
    privilege: Option<Privilege>,
    patience: Duration,
}

impl SshSession {
    /// Connects and authenticates.
    pub(crate) async fn connect(target: IpAddr, config: &SshConfig) -> Result<Self, ContactError> {
        let patience = config.connect_timeout;
        let late = |phase| ContactError::TimedOut { target, phase, seconds: patience.as_secs() };
        let pinning = Pinning::prepare(target, config)?;
        let seen = pinning.seen();
        let settings = Arc::new(settings(&pinning));

        let stream = timeout(patience, TcpStream::connect(SocketAddr::new(target, config.port)))
            .await
            .map_err(|_| late("connection"))?
            .map_err(|source| ContactError::Unreachable { target, port: config.port, source })?;
        let mut handle = timeout(patience, client::connect_stream(settings, stream, pinning))
            .await
            .map_err(|_| late("key exchange"))?
            .map_err(|error| match error {
                HandshakeError::Refused(refusal) => refusal,
                HandshakeError::Ssh(error) => ContactError::disconnected(target, "key exchange", &error),
            })?;
        timeout(patience, authentication::authenticate(&mut handle, target, config))
            .await
            .map_err(|_| late("authentication"))??;

        let (fingerprint, accepted) = seen.into_answer();
        Ok(Self { target, handle, fingerprint, accepted, privilege: config.privilege, patience })
    }

    /// Fingerprint of the key that the endpoint proved itself by.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether that key was unknown before and is pinned since.
    pub(crate) fn accepted_new_key(&self) -> bool {
        self.accepted
    }

    /// Goes on with the account's own rights. False where those are in use already.
    pub(crate) fn renounce_privilege(&mut self) -> bool {
        self.privilege.take().is_some()
    }

    pub(crate) fn command(&self, script: Script<'_>) -> String {
        match (script, self.privilege) {
            // `exec`: the login shell is not needed twice.
            (Script::Posix(_), None) => "exec sh -s".to_owned(),
            (Script::Posix(_), Some(Privilege::Sudo)) => "exec sudo -n sh -s".to_owned(),
            (Script::PowerShell(_), _) => POWERSHELL.to_owned(),
            (Script::Command(line), _) => format!("cmd.exe /d /c {line}"),
            (Script::Line { line, .. }, _) => line.to_owned(),
        }
    }

    /// Opens one more channel.
    pub(crate) async fn open_channel(&self) -> Result<Channel<client::Msg>, ContactError> {
        let (target, seconds) = (self.target, self.patience.as_secs());
        timeout(self.patience, self.handle.channel_open_session())
            .await
            .map_err(|_| ContactError::TimedOut { target, phase: "channel", seconds })?
            .map_err(|error| ContactError::disconnected(target, "collection", &error))
    }

    /// How the account becomes root, if it does.
    pub(crate) fn privilege(&self) -> Option<Privilege> {
        self.privilege
    }

    pub(crate) async fn run(
        &mut self,
        script: Script<'_>,
        out: &mut RawOutput,
        limit: Duration,
    ) -> Result<Run, ContactError> {
        let target = self.target;
        let broken = |error: russh::Error| ContactError::disconnected(target, "collection", &error);
        let mut channel = self.open_channel().await?;
        let mut gathering = Gathering::start();
        channel.exec(true, self.command(script)).await.map_err(broken)?;
        let (input, hold_open) = match script {
            // No end of file after it: the script's watch takes that as the sign to stop.
            Script::Posix(text) => (text.as_bytes(), true),
            Script::PowerShell(text) => (text.as_bytes(), false),
            Script::Command(_) => (&[][..], false),
            Script::Line { input, hold_open, .. } => (input, hold_open),
        };
        let feeding = feed(channel.make_writer(), input, hold_open);
        tokio::pin!(feeding);
        let mut fed = false;

        let time_up = tokio::time::sleep(limit);
        tokio::pin!(time_up);
        let mut silence = Silence::before(out);
        let mut exit_code = None;
        let mut closed = false;
        let ended = loop {
            let message = tokio::select! {
                message = channel.wait() => message,
                // Where it does not take its input, it has ended, and says so.
                _ = &mut feeding, if !fed => {
                    fed = true;
                    continue;
                }
                () = &mut time_up => break Ended::TimeUp,
                () = silence.too_long() => break Ended::TimeUp,
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    silence.broken();
                    if !gathering.stdout(&data, out)? {
                        break Ended::TooMuch;
                    }
                }
                Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                    if !gathering.stderr(&data) {
                        break Ended::TooMuch;
                    }
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => exit_code = i32::try_from(exit_status).ok(),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    gathering.stderr(format!("ended by signal {signal_name:?}\n").as_bytes());
                }
                Some(ChannelMsg::Failure) => {
                    let detail = "it refuses to run commands".to_owned();
                    return Err(ContactError::Unsupported { target, detail });
                }
                Some(ChannelMsg::Close) => {
                    closed = true;
                    break Ended::ByItself;
                }
                // The connection's end closes every channel without a word.
                None => break Ended::ByItself,
                Some(_) => {}
            }
        };
        if ended == Ended::ByItself && !closed && exit_code.is_none() {
            let said = "the connection ended while a script ran";
            return Err(ContactError::disconnected(target, "collection", &said));
        }
        if ended != Ended::ByItself {
            // Closing the channel ends the script on the endpoint.
            let _ = timeout(self.patience, channel.close()).await;
        }
        Ok(gathering.finish(exit_code, ended))
    }

    pub(crate) async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        let _ = timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// Writes what a command reads, and ends it unless it is to be held open.
async fn feed(mut to: impl AsyncWrite + Unpin, input: &[u8], hold_open: bool) -> std::io::Result<()> {
    to.write_all(input).await?;
    to.flush().await?;
    if !hold_open {
        to.shutdown().await?;
    }
    Ok(())
}

fn settings(pinning: &Pinning) -> client::Config {
    let mut settings = client::Config {
        // A machine that vanished is noticed within a minute, whatever the script's own time is.
        keepalive_interval: Some(Duration::from_secs(15)),
        keepalive_max: 3,
        nodelay: true,
        ..client::Config::default()
    };
    pinning.prefer_pinned_algorithms(&mut settings.preferred);
    settings
}

/// Outside text in a message of ours.
fn short(text: &str) -> String {
    one_line(text, 200)
}
