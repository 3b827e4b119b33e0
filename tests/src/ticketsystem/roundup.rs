//! Roundup of the Python package index, with its classic template.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::{Supervised, curl, curl_json, free_port, output};
use crate::mailserver::MailServer;
use crate::workspace;

/// The password of the user that Peerhound is there.
const PASSWORD: &str = "peerhound-pw";

/// The running system.
#[derive(Debug)]
pub struct Roundup {
    _server: Supervised,
    _folder: TempDir,
    port: u16,
}

impl Roundup {
    /// What is missing on this machine, if something is.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        let admin = MailServer::python().map(|python| python.with_file_name("roundup-admin").exists());
        (!admin.unwrap_or(false))
            .then_some("roundup is not installed (scripts/test-requirements installs it)")
    }

    /// Sets one up and starts it.
    ///
    /// # Errors
    /// When one of its programs fails.
    pub fn start() -> Result<Self> {
        let python = MailServer::python()?;
        let admin = python.with_file_name("roundup-admin");
        let folder = TempDir::new()?;
        let port = free_port()?;
        let home = folder.path().join("tracker").display().to_string();
        let run = |arguments: &[&str]| {
            output(Command::new(&admin).env("HOME", folder.path()).args(["-i", &home]).args(arguments))
        };
        let settings = format!(
            "admin_email=a@example.com,mail_domain=example.com,mail_host=127.0.0.1,mail_debug={home}/mails,\
             tracker_web=http://127.0.0.1:{port}/"
        );
        run(&["install", "classic", "sqlite", &settings])?;
        run(&["initialise", "admin-pw"])?;
        let password = format!("password={PASSWORD}");
        run(&[
            "create",
            "user",
            "username=peerhound",
            "address=peerhound@example.com",
            "roles=User",
            &password,
        ])?;
        let script = workspace::root().join("tests/receivers/roundup_server.py").display().to_string();
        let (python, port_word) = (python.display().to_string(), port.to_string());
        let log = folder.path().join("log");
        let server = Supervised::start(&[&python, &script, &home, &port_word], &[], port, &log)?;
        Ok(Self { _server: server, _folder: folder, port })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the user `peerhound`.
    #[must_use]
    pub fn password(&self) -> &str {
        PASSWORD
    }

    fn get(&self, path: &str) -> Result<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        curl(&["--user", "admin:admin-pw", "--header", "X-Requested-With: rest", &url])
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}/rest/data{path}", self.port);
        curl_json(&["--user", "admin:admin-pw", "--header", "X-Requested-With: rest", &url])
    }

    /// Ids and titles of all issues whose title has this word.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn tickets(&self, word: &str) -> Result<Vec<(String, String)>> {
        let found = self.ask(&format!("/issue?title={word}&@fields=title"))?;
        let items = found["data"]["collection"].as_array().context("no collection")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(items.iter().map(|item| (text(&item["id"]), text(&item["title"]))).collect())
    }

    /// The name of an issue's priority.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn priority(&self, id: &str) -> Result<String> {
        let issue = self.ask(&format!("/issue/{id}"))?;
        let priority = &issue["data"]["attributes"]["priority"]["id"];
        let number = priority.as_str().context("no priority")?;
        let found = self.ask(&format!("/priority/{number}/name"))?;
        Ok(found["data"]["data"].as_str().unwrap_or_default().to_owned())
    }

    /// The messages of an issue, the oldest first.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn texts(&self, id: &str) -> Result<Vec<String>> {
        let issue = self.ask(&format!("/issue/{id}"))?;
        let messages = issue["data"]["attributes"]["messages"].as_array().context("no messages")?;
        let content = |message: &Value| {
            let id = message["id"].as_str().unwrap_or_default();
            let found = self.ask(&format!("/msg/{id}/content"))?;
            Ok(found["data"]["data"].as_str().unwrap_or_default().to_owned())
        };
        messages.iter().map(content).collect()
    }

    /// How many messages there are at all.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn messages(&self) -> Result<usize> {
        let found = self.ask("/msg")?;
        Ok(found["data"]["collection"].as_array().map_or(0, Vec::len))
    }

    /// The page of an issue, as a person sees it.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn page(&self, id: &str) -> Result<String> {
        self.get(&format!("/issue{id}"))
    }
}
