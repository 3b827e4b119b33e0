//! What most tests start from: one endpoint, a mail server, a ticket server, and a policy that knows them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::mailserver::MailServer;
use crate::network::Network;
use crate::peerhound::Peerhound;
use crate::policy::PolicyText;
use crate::requirements::{require_or_skip, skip_or_fail};
use crate::ticketserver::TicketServer;

/// The last number of the endpoint's address.
pub const ENDPOINT: u8 = 20;
/// The last number of the address of a peer, outside the company.
pub const PEER: u8 = 200;
/// The last number of an address of the company that no host has.
pub const NOBODY: u8 = 99;

/// One endpoint and two servers. Fields are dropped in this order, the network last.
#[derive(Debug)]
pub struct Lab {
    /// Takes mail.
    pub mail: MailServer,
    /// Takes tickets.
    pub tickets: TicketServer,
    /// The suspected machine, `laptop`.
    pub endpoint: Endpoint,
    /// All of them are in it.
    pub network: Network,
}

impl Lab {
    /// Starts it, or says why the test is skipped.
    ///
    /// # Errors
    /// When something that is installed does not start.
    pub fn start() -> Result<Option<Self>> {
        if !require_or_skip(&["sshd", "ssh-keygen", "python3"]) {
            return Ok(None);
        }
        if !MailServer::python()?.exists() {
            skip_or_fail("aiosmtpd is not installed (scripts/test-requirements installs it)");
            return Ok(None);
        }
        let network = Network::new()?;
        let endpoint = Endpoint::start(&network, "laptop", ENDPOINT)?;
        let mail = MailServer::start(&network)?;
        let tickets = TicketServer::start(&network)?;
        Ok(Some(Self { mail, tickets, endpoint, network }))
    }

    /// As [`Lab::start`], and skips where hosts are no machines of their own.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub fn start_isolated() -> Result<Option<Self>> {
        let lab = Self::start()?;
        if lab.as_ref().is_some_and(|lab| !lab.network.isolated()) {
            skip_or_fail("needs machines of their own, and network namespaces are not permitted here");
            return Ok(None);
        }
        Ok(lab)
    }

    /// The policy that knows the endpoint's key and both servers.
    #[must_use]
    pub fn policy(&self) -> PolicyText {
        PolicyText::new(&self.network).ssh(&self.endpoint).mail(&self.mail).tickets(&self.tickets)
    }

    /// The binary with [`Lab::policy`].
    ///
    /// # Errors
    /// When it does not build.
    pub fn peerhound(&self) -> Result<Peerhound<'_>> {
        Peerhound::new(&self.network, &self.policy().text())
    }

    /// Writes a file to the run's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
        write(&self.network, name, content)
    }
}

/// Writes a file to the run's folder and returns its path.
///
/// # Errors
/// When it cannot be written.
pub fn write(network: &Network, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
    let path = network.workspace().folder().join(name);
    std::fs::write(&path, content)?;
    Ok(path.to_string_lossy().into_owned())
}

/// The parsed form of one artifact in a sealed container, read with a zip library that Peerhound's `verify` does not
/// use.
///
/// # Errors
/// When the container or the entry cannot be read.
pub fn artifact(container: &str, name: &str) -> Result<Value> {
    let path = PathBuf::from(container);
    let file = std::fs::File::open(&path).with_context(|| format!("cannot open {container}"))?;
    let mut archive = zip::ZipArchive::new(file)?;
    let entry = archive
        .by_name(&format!("artifacts/{name}.json"))
        .with_context(|| format!("no {name} in {container}"))?;
    Ok(serde_json::from_reader(entry)?)
}
