//! The policy of a test: only this test's network is in scope, and deliveries go to this test's servers.

use crate::endpoint::Endpoint;
use crate::mailserver::MailServer;
use crate::network::Network;
use crate::ticketserver::TicketServer;

/// A policy file being written.
#[derive(Debug, Clone)]
pub struct PolicyText {
    scope: String,
    actions: String,
    sections: String,
}

impl PolicyText {
    /// With the company's part of the network in scope, data in the run's folder, and short waits.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let loopback = if network.isolated() { "" } else { "permit_loopback = true\n" };
        Self {
            scope: format!("[scope]\nnetworks = [\"{}\"]\n{loopback}", network.company()),
            actions: "[actions]\nattempts = 3\nbackoff = \"1s\"\n".to_owned(),
            sections: "[storage]\ndata_dir = \"data\"\n[users]\nmail = \"{user}@corp.example\"\n".to_owned(),
        }
    }

    /// Adds lines to `[scope]`.
    #[must_use]
    pub fn scope(mut self, lines: &str) -> Self {
        self.scope.push_str(lines);
        self.scope.push('\n');
        self
    }

    /// Adds lines to `[actions]`.
    #[must_use]
    pub fn actions(mut self, lines: &str) -> Self {
        self.actions.push_str(lines);
        self.actions.push('\n');
        self
    }

    /// With the key, account and pinned host keys of the run's endpoints.
    #[must_use]
    pub fn ssh(self, endpoint: &Endpoint) -> Self {
        self.section(&format!(
            "[ssh]\nuser = \"{}\"\nport = {}\nidentity_files = [\"{}\"]\nknown_hosts = \"{}\"\nconnect_timeout = \"5s\"",
            endpoint.user(),
            endpoint.port(),
            endpoint.identity().display(),
            endpoint.known_hosts().display(),
        ))
    }

    /// With mail to alice and the SOC through this server.
    #[must_use]
    pub fn mail(self, server: &MailServer) -> Self {
        self.section(&format!(
            "[mail]\nfrom = \"peerhound@corp.example\"\nsoc = [\"soc@corp.example\"]\n\
             [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\ntimeout = \"10s\"",
            server.port()
        ))
    }

    /// With tickets to this server.
    #[must_use]
    pub fn tickets(self, server: &TicketServer) -> Self {
        let url = format!("http://127.0.0.1:{}/tickets", server.port());
        self.section(&format!("[ticket.webhook]\nurl = \"{url}\"\ntimeout = \"5s\""))
    }

    /// With one more section.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.sections.push_str(text);
        self.sections.push('\n');
        self
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("version = 1\n{}{}{}", self.scope, self.actions, self.sections)
    }
}
