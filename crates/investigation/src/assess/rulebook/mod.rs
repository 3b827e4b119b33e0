//! The rules that an assessment is made by: those that are shipped, and what a site adds to them or takes from them.
//!
//! A site's folder holds TOML files (see [`file`]) and Sigma rules (see [`super::sigma`]). It is read by the shell and
//! handed in as text; a file that cannot be used is named with its reason and left out, and the rest is used.

pub mod file;
mod known_bad;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use known_bad::{KnownBad, KnownBadEntry};

use super::indicators::Indicators;
use super::rules::RULES;
use super::sigma::SigmaRules;
use file::RuleFile;

/// Longest file, in bytes.
pub const MAX_FILE_BYTES: usize = 512 << 10;
/// Most files of one folder.
pub const MAX_FILES: usize = 10_000;
/// Most faults that are told apart.
pub const MAX_FAULTS: usize = 200;

/// What a rule may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Its findings bear on the verdict.
    #[default]
    Decide,
    /// Its findings are shown apart and have no say: how a rule proves itself before it may decide.
    Shadow,
    /// It is not asked.
    Off,
}

/// Everything that decides, besides the code.
#[derive(Debug)]
pub struct Rulebook {
    indicators: Indicators,
    modes: BTreeMap<String, Mode>,
    known_bad: KnownBad,
    sigma: SigmaRules,
    version: Option<String>,
}

/// A file of the site's folder that could not be used, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct RuleFault {
    /// Its name below the folder.
    pub file: String,
    /// What is wrong with it, in one line.
    pub why: String,
}

/// One file of a site's folder.
#[derive(Clone, Copy, Debug)]
pub struct RuleText<'a> {
    /// Its name below the folder, with `/`.
    pub file: &'a str,
    /// What it holds.
    pub text: &'a str,
}

impl Default for Rulebook {
    fn default() -> Self {
        Self {
            indicators: Indicators::bundled().clone(),
            modes: BTreeMap::new(),
            known_bad: KnownBad::default(),
            sigma: SigmaRules::default(),
            version: None,
        }
    }
}

impl Rulebook {
    /// The rules that are compiled in, and nothing else.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Rulebook> = OnceLock::new();
        SHIPPED.get_or_init(Self::default)
    }

    /// The shipped rules with a site's own, and what could not be used of these. Files count in the order of their names.
    pub fn with_site(files: &[RuleText<'_>]) -> (Self, Vec<RuleFault>) {
        let mut files = files.to_vec();
        files.sort_by_key(|file| file.file);
        let mut book = Self::default();
        let mut faults = Faults::default();
        if files.len() > MAX_FILES {
            faults.add(
                "the folder",
                format!("{} files, more than {MAX_FILES}: the rest is left out", files.len()),
            );
            files.truncate(MAX_FILES);
        }
        let mut sigma = Vec::new();
        let mut switches = file::Sigma::default();
        for RuleText { file, text } in &files {
            if text.len() > MAX_FILE_BYTES {
                faults.add(file, format!("{} bytes, more than {MAX_FILE_BYTES}", text.len()));
            } else if is_yaml(file) {
                sigma.push(RuleText { file, text });
            } else {
                match RuleFile::parse(text) {
                    Ok(parsed) => book.take(file, parsed, &mut switches, &mut faults),
                    Err(why) => faults.add(file, why),
                }
            }
        }
        book.sigma = SigmaRules::read(&sigma, &switches, &mut faults);
        (book, faults.0)
    }

    fn take(&mut self, file: &str, parsed: RuleFile, switches: &mut file::Sigma, faults: &mut Faults) {
        // A table with one row too many is of no use: what it was before is kept until all of a file fits.
        let mut indicators = self.indicators.clone();
        match parsed.client.into_iter().try_for_each(|client| indicators.add(client)) {
            Ok(()) => self.indicators = indicators,
            Err(why) => faults.add(file, format!("its clients are left out: {why}")),
        }
        for switch in parsed.rule {
            if RULES.iter().any(|rule| rule.id == switch.id) {
                self.modes.insert(switch.id, switch.mode);
            } else {
                faults.add(file, format!("there is no rule {:?}; docs/verdicts.md lists them", switch.id));
            }
        }
        for entry in parsed.known_bad {
            if let Err(why) = self.known_bad.add(entry) {
                faults.add(file, why);
            }
        }
        if let Some(sigma) = parsed.sigma {
            switches.mode = sigma.mode.or(switches.mode);
            switches.rule.extend(sigma.rule);
        }
        let version = crate::text::one_line(&parsed.version, 60);
        self.version = Some(match self.version.take() {
            Some(before) => crate::text::one_line(&format!("{before}, {version}"), 200),
            None => version,
        });
    }

    /// Programs and ports.
    pub fn indicators(&self) -> &Indicators {
        &self.indicators
    }

    /// What the site knows to be bad.
    pub fn known_bad(&self) -> &KnownBad {
        &self.known_bad
    }

    /// The site's Sigma rules.
    pub fn sigma(&self) -> &SigmaRules {
        &self.sigma
    }

    /// `version` of the site's own files, where there are any.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What a shipped rule may do here.
    pub fn mode(&self, rule: &super::Rule) -> Mode {
        self.modes.get(rule.id).copied().unwrap_or(rule.mode)
    }
}

/// Faults up to [`MAX_FAULTS`].
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<RuleFault>);

impl Faults {
    pub(super) fn add(&mut self, file: &str, why: impl std::fmt::Display) {
        if self.0.len() > MAX_FAULTS {
            return;
        }
        let (file, why) = match self.0.len() == MAX_FAULTS {
            true => ("…".to_owned(), "more faults are not listed".to_owned()),
            false => (crate::text::one_line(file, 200), crate::text::one_line(&why.to_string(), 300)),
        };
        self.0.push(RuleFault { file, why });
    }
}

fn is_yaml(file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    file.ends_with(".yml") || file.ends_with(".yaml")
}

#[cfg(test)]
mod tests;
