//! The words of one language: sections of texts, each a small template.

use std::collections::BTreeMap;

use toml::Spanned;

use super::TextFault;
use crate::text::one_line;

/// The section of what rules found: a site may name any rule in it, and need not.
const RULES: &str = "rules";
/// Most faults that are told of one file.
const MAX_FAULTS: usize = 20;

/// One text, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) file: String,
    /// Line of the file in which the text begins.
    pub(super) line: usize,
    pub(super) text: String,
}

/// Section → key → text.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    sections: BTreeMap<String, BTreeMap<String, Word>>,
}

impl Words {
    /// Reads a file. Whether it has the right texts is said by [`Words::with`] and [`Words::whole`].
    pub(super) fn read(file: &str, text: &str) -> Result<Self, TextFault> {
        type Read = BTreeMap<String, BTreeMap<String, Spanned<String>>>;
        let read: Read = toml::from_str(text).map_err(|error| TextFault {
            file: file.to_owned(),
            line: error.span().map(|span| line_at(text, span.start)),
            why: one_line(error.message().trim(), 300),
        })?;
        let word = |word: Spanned<String>| {
            let start = word.span().start;
            // The text of `"""` begins in the next line.
            let opened = text.get(start..).is_some_and(|rest| {
                rest.starts_with("\"\"\"\n") || rest.starts_with("'''\n") || rest.starts_with("\"\"\"\r\n")
            });
            Word {
                file: file.to_owned(),
                line: line_at(text, start) + usize::from(opened),
                text: word.into_inner(),
            }
        };
        let section = |words: BTreeMap<String, Spanned<String>>| {
            words.into_iter().map(|(key, text)| (key, word(text))).collect()
        };
        let sections = read.into_iter().map(|(name, words)| (name, section(words))).collect();
        Ok(Self { sections })
    }

    /// These words with the site's in their place.
    pub(super) fn with(&self, site: &Self, base: &Self) -> Result<Self, Vec<TextFault>> {
        site.known(base)?;
        let mut words = self.clone();
        for (section, texts) in &site.sections {
            let into = words.sections.entry(section.clone()).or_default();
            into.extend(texts.iter().map(|(key, word)| (key.clone(), word.clone())));
        }
        Ok(words)
    }

    /// These words, as a language of their own.
    pub(super) fn whole(self, base: &Self) -> Result<Self, Vec<TextFault>> {
        self.known(base)?;
        let file = self.sections.values().flat_map(BTreeMap::values).next().map(|word| word.file.clone());
        let file = file.unwrap_or_else(|| "an empty file".to_owned());
        let mut faults = Vec::new();
        for (section, key, _) in base.all().filter(|(section, ..)| *section != RULES) {
            if self.get(section, key).is_none() {
                let why = format!(
                    "[{section}] {key} is missing: a language of its own needs every text of en.toml"
                );
                faults.push(TextFault { file: file.clone(), line: None, why });
            }
        }
        faults.truncate(MAX_FAULTS);
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// Refuses what is named and never used.
    fn known(&self, base: &Self) -> Result<(), Vec<TextFault>> {
        let mut faults: Vec<TextFault> = self
            .all()
            .filter(|(section, key, _)| *section != RULES && base.get(section, key).is_none())
            .map(|(section, key, word)| TextFault {
                file: word.file.clone(),
                line: Some(word.line),
                why: format!("there is no text [{}] {}", one_line(section, 60), one_line(key, 60)),
            })
            .collect();
        faults.truncate(MAX_FAULTS);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Word> {
        self.sections.get(section)?.get(key)
    }

    /// Section, key and text of each.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str, &Word)> {
        self.sections.iter().flat_map(|(section, words)| {
            words.iter().map(move |(key, word)| (section.as_str(), key.as_str(), word))
        })
    }
}

fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}
