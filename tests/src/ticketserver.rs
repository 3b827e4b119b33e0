//! The receiving side of a ticket webhook on the `soc` host's loopback address.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::network::Network;
use crate::receiver::Receiver;
use crate::requirements::find_tool;

/// A request as the server took it.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// Path and query.
    pub path: String,
    /// How it was answered; 0 for not at all.
    pub status: u16,
    /// Header names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub body: String,
}

/// How the server answers from now on.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// With 201, after so many seconds.
    Slow(u32),
    /// Not at all: it takes the request and closes the connection.
    Silence,
}

/// The server; stops on drop.
#[derive(Debug)]
pub struct TicketServer(Receiver);

impl TicketServer {
    /// Starts it on a free port of 127.0.0.1 in the network of `soc`; it answers 201.
    ///
    /// # Errors
    /// When Python 3 is missing.
    pub fn start(network: &Network) -> Result<Self> {
        let python = find_tool("python3").context("python3 is not installed")?;
        Ok(Self(Receiver::start(network, Path::new(&python), "tickets.py", &[("answer", "201")])?))
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Changes how it answers.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn answer(&self, answer: Answer) -> Result<()> {
        let line = match answer {
            Answer::Status(status) => status.to_string(),
            Answer::Slow(seconds) => format!("201 {seconds}"),
            Answer::Silence => "0".to_owned(),
        };
        let new = self.0.folder().join("answer.new");
        fs::write(&new, line)?;
        Ok(fs::rename(new, self.0.folder().join("answer"))?)
    }

    /// All requests so far, oldest first.
    ///
    /// # Errors
    /// When a stored request cannot be read.
    pub fn tickets(&self) -> Result<Vec<Ticket>> {
        self.0.received()
    }
}
