//! A real mail server (aiosmtpd) on the `soc` host's loopback address.

use std::path::PathBuf;

use anyhow::Result;
use serde::Deserialize;

use crate::network::Network;
use crate::receiver::Receiver;
use crate::workspace;

/// A message as the server took it.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body as they came over the wire (RFC 5322).
    pub message: String,
}

/// The server; stops on drop.
#[derive(Debug)]
pub struct MailServer(Receiver);

impl MailServer {
    /// Where `scripts/test-requirements` puts the Python that has aiosmtpd.
    ///
    /// # Errors
    /// When the target folder cannot be told.
    pub fn python() -> Result<PathBuf> {
        Ok(workspace::root().join("target/test-venv/bin/python"))
    }

    /// Starts it on a free port of 127.0.0.1 in the network of `soc`.
    ///
    /// # Errors
    /// When Python or aiosmtpd is missing (`scripts/test-requirements` installs them).
    pub fn start(network: &Network) -> Result<Self> {
        Ok(Self(Receiver::start(network, &Self::python()?, "smtp.py", &[])?))
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// All messages so far, oldest first.
    ///
    /// # Errors
    /// When a stored message cannot be read.
    pub fn mails(&self) -> Result<Vec<Mail>> {
        self.0.received()
    }
}
