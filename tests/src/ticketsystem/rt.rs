//! Request Tracker 5 of Debian, on SQLite.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::{Supervised, curl, curl_json, free_port, output};
use crate::workspace;

const SETUP: &str = "/usr/sbin/rt-setup-database-5";
const SERVER: &str = "/usr/share/request-tracker5/libexec/rt-server";

/// The running system.
#[derive(Debug)]
pub struct RequestTracker {
    _server: Supervised,
    _folder: TempDir,
    port: u16,
    token: String,
}

impl RequestTracker {
    /// What is missing on this machine, if something is.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        let there = Path::new(SETUP).exists() && Path::new(SERVER).exists();
        (!there).then_some("request-tracker5 is not installed (scripts/test-requirements installs it)")
    }

    /// Sets one up and starts it.
    ///
    /// # Errors
    /// When one of its programs fails.
    pub fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let port = free_port()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["none", "mason", "session"] {
            std::fs::create_dir(at(name))?;
        }
        let config = format!(
            "Set($rtname, 'example.com');\nSet($WebDomain, '127.0.0.1');\nSet($WebPort, {port});\n\
             Set($DatabaseType, 'SQLite');\nSet($DatabaseName, '{}');\nSet($MailCommand, 'testfile');\n\
             Set($LogToSyslog, undef);\nSet($LogToSTDERR, 'error');\nSet($MasonDataDir, '{}');\nSet($MasonSessionDir, '{}');\n1;\n",
            at("rt.sqlite"),
            at("mason"),
            at("session"),
        );
        std::fs::write(at("RT_SiteConfig.pm"), config)?;
        let variables = [("RT_SITE_CONFIG", at("RT_SiteConfig.pm")), ("RT_SITE_CONFIG_DIR", at("none"))];
        let configured = |command: &mut Command| {
            command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
            output(command)
        };
        configured(Command::new(SETUP).args([
            "--action",
            "init",
            "--skip-create",
            "--dba",
            "root",
            "--dba-password",
            "x",
        ]))?;
        let user = workspace::root().join("tests/receivers/rt_user.pl");
        let token = configured(Command::new("perl").arg(user))?.trim().to_owned();
        let (port_word, log) = (port.to_string(), folder.path().join("log"));
        let server = [SERVER, "--host", "127.0.0.1", "--port", &port_word, "--max-workers", "3"];
        let server = Supervised::start(&server, &variables, port, &log)?;
        Ok(Self { _server: server, _folder: folder, port, token })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A token of the user that Peerhound is there.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    fn ask(&self, path: &str) -> Result<Value> {
        curl_json(&["--user", "root:password", &format!("http://127.0.0.1:{}/REST/2.0{path}", self.port)])
    }

    /// Ids and subjects of all tickets whose subject has this word.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn tickets(&self, word: &str) -> Result<Vec<(String, String)>> {
        let found = self.ask(&format!("/tickets?query=Subject+LIKE+'{word}'&fields=Subject"))?;
        let items = found["items"].as_array().context("no items")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(items.iter().map(|item| (text(&item["id"]), text(&item["Subject"]))).collect())
    }

    /// The texts on a ticket, the oldest first, each with its media type.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn texts(&self, id: &str) -> Result<Vec<(String, String)>> {
        let found = self.ask(&format!("/ticket/{id}/attachments?fields=Content,ContentType"))?;
        let items = found["items"].as_array().context("no items")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(items.iter().map(|item| (text(&item["Content"]), text(&item["ContentType"]))).collect())
    }

    /// The priority of a ticket, as Request Tracker shows it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn priority(&self, id: &str) -> Result<String> {
        let found = self.ask(&format!("/ticket/{id}"))?;
        Ok(found["Priority"].as_str().map_or_else(|| found["Priority"].to_string(), str::to_owned))
    }

    /// The page of a ticket, as a person sees it.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn page(&self, id: &str) -> Result<String> {
        let url = format!("http://127.0.0.1:{}/Ticket/History.html?id={id}", self.port);
        curl(&["--data", "user=root&pass=password", "--cookie", "none", "--location", &url])
    }
}
