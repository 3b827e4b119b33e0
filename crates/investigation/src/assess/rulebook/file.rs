//! A TOML file of a site's rules.
//!
//! ```toml
//! version = "2026-11-30"                 # assessments quote it
//!
//! [[rule]]                               # a shipped rule: "decide", "shadow" or "off"
//! id = "files.torrent_history"
//! mode = "off"
//! reason = "download archive, agreed with the works council"
//!
//! [[client]]                             # as in data/indicators.toml
//! id = "inhouse-seeder"
//! name = "In-house seeder"
//! dual_use = true
//! images = ["seeder"]
//! source = "deployment team"
//!
//! [[known_bad]]                          # one of address, sha256
//! address = "203.0.113.0/24"
//! reason = "C2 of intrusion 2026-14"
//!
//! [sigma]                                # Sigma rules run in shadow unless this says otherwise
//! mode = "shadow"
//! rule = [{ id = "0b9ad457-2554-44c1-82c2-d56a99c42377", mode = "decide" }]
//! ```

use serde::Deserialize;

use super::{KnownBadEntry, Mode};
use crate::assess::Client;

/// The whole file. An unknown key is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// What assessments quote.
    pub version: String,
    /// Switches of shipped rules.
    #[serde(default)]
    pub rule: Vec<Switch>,
    /// Further programs.
    #[serde(default)]
    pub client: Vec<Client>,
    /// What is known to be bad.
    #[serde(default)]
    pub known_bad: Vec<KnownBadEntry>,
    /// What Sigma rules may do.
    #[serde(default)]
    pub sigma: Option<Sigma>,
}

/// A rule and what it may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Its id.
    pub id: String,
    /// What it may do.
    pub mode: Mode,
    /// Why; for the reader of the file.
    #[serde(default, rename = "reason")]
    _reason: String,
}

/// `[sigma]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigma {
    /// What every rule may do that is not named. Absent: shadow.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// By the rule's own `id`, or by the name of its file.
    #[serde(default)]
    pub rule: Vec<Switch>,
}

impl RuleFile {
    /// Reads a file strictly.
    ///
    /// # Errors
    /// One line that says what and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            format!("line {line}: {}", crate::text::one_line(error.message().trim(), 240))
        })?;
        if file.version.trim().is_empty() {
            return Err("version is empty: every assessment quotes it".to_owned());
        }
        Ok(file)
    }
}
