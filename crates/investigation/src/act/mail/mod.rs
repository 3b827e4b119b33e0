//! The two mails: the notice to the user and the mail to the SOC, each as plain text and as HTML.
//!
//! Both parts come from one set of values, so that they say the same. The words lie in a file for each language and the
//! layouts in four templates, see `data/mail/`; a site's folder may replace any of them and add languages. Outside text
//! is made one line and capped before it becomes a value, is never read as a template, and is escaped in HTML by the
//! template engine. A name that a template does not know is a fault that [`Texts::with_site`] reports with file and line.

mod check;
mod context;
mod render;
pub mod sample;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::OnceLock;

use super::brief::{Brief, MAX_VALUE};
use super::message::{Message, short, title};
use crate::assess::Verdict;
use render::Render;
use words::Words;

/// Longest file of a site's texts, in bytes.
pub const MAX_FILE_BYTES: usize = 64 << 10;
/// Most files of a site's texts.
pub const MAX_FILES: usize = 64;
/// Longest part of a mail, in bytes.
const MAX_PART: usize = 256 << 10;

/// The language that has every word, and that a text falls back to.
const BASE: &str = "en";

/// The words that are shipped.
const LANGUAGES: [(&str, &str); 3] = [
    ("en.toml", include_str!("../../../data/mail/en.toml")),
    ("de.toml", include_str!("../../../data/mail/de.toml")),
    ("fr.toml", include_str!("../../../data/mail/fr.toml")),
];

/// A template that both parts of a mail are laid out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    UserText,
    UserHtml,
    SocText,
    SocHtml,
}

impl Layout {
    const ALL: [Self; 4] = [Self::UserText, Self::UserHtml, Self::SocText, Self::SocHtml];

    /// The file's name. The template engine escapes by its ending.
    fn file(self) -> &'static str {
        match self {
            Self::UserText => "user.txt",
            Self::UserHtml => "user.html",
            Self::SocText => "soc.txt",
            Self::SocHtml => "soc.html",
        }
    }

    /// The layout and the verdict of a file such as `soc.compromised.html`.
    fn of_verdict(file: &str) -> Option<(Self, Verdict)> {
        let mut parts = file.split('.');
        let (who, verdict, ending) = (parts.next()?, parts.next()?, parts.next()?);
        let layout = Self::ALL.into_iter().find(|layout| layout.file() == format!("{who}.{ending}"))?;
        let verdict = Verdict::ALL.into_iter().find(|known| known.as_str() == verdict)?;
        parts.next().is_none().then_some((layout, verdict))
    }

    /// Whether it is of the notice to the user.
    fn is_users(self) -> bool {
        matches!(self, Self::UserText | Self::UserHtml)
    }

    fn shipped(self) -> &'static str {
        match self {
            Self::UserText => include_str!("../../../data/mail/user.txt"),
            Self::UserHtml => include_str!("../../../data/mail/user.html"),
            Self::SocText => include_str!("../../../data/mail/soc.txt"),
            Self::SocHtml => include_str!("../../../data/mail/soc.html"),
        }
    }
}

/// What is wrong with a file of texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TextFault {
    /// The file's name.
    pub file: String,
    /// The line, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do, in one line.
    pub why: String,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}: {}", self.file, self.why),
            None => write!(f, "{}: {}", self.file, self.why),
        }
    }
}

/// One file of a site's texts.
#[derive(Clone, Copy, Debug)]
pub struct TextFile<'a> {
    /// Its name: `de.toml`, `user.html`.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// A mail, and what kept the site's own texts from being used for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The mail. Where there is a fault, it is written from the texts that are shipped.
    pub message: Message,
    /// The fault.
    pub fault: Option<TextFault>,
}

/// The words and layouts that mails are written from.
#[derive(Clone, Debug)]
pub struct Texts {
    languages: BTreeMap<String, Words>,
    layouts: BTreeMap<Layout, String>,
    /// A site's layouts for one verdict, which come before the others.
    of_verdict: BTreeMap<(Layout, Verdict), String>,
}

impl Texts {
    /// Those that are shipped.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Texts> = OnceLock::new();
        SHIPPED.get_or_init(|| {
            let read = |(file, text): (&'static str, &'static str)| {
                Words::read(file, text).ok().map(|words| (language_of(file).to_owned(), words))
            };
            Self {
                languages: LANGUAGES.into_iter().filter_map(read).collect(),
                layouts: Layout::ALL.iter().map(|l| (*l, l.shipped().to_owned())).collect(),
                of_verdict: BTreeMap::new(),
            }
        })
    }

    /// The shipped ones with a site's in their place: `LANGUAGE.toml` changes the words that it names, or adds a language
    /// if it has all of them; `user.txt`, `user.html`, `soc.txt` and `soc.html` replace a layout, and `soc.compromised.txt`
    /// and its like replace it for one verdict. A file with a fault is left out as a whole.
    pub fn with_site(files: &[TextFile<'_>]) -> (Self, Vec<TextFault>) {
        let mut texts = Self::shipped().clone();
        let mut faults = Vec::new();
        if files.len() > MAX_FILES {
            let why = format!("more than {MAX_FILES} files of texts: the rest is left out");
            faults.push(TextFault { file: short(files[MAX_FILES].name, 100), line: None, why });
        }
        for file in files.iter().take(MAX_FILES) {
            if let Err(found) = texts.replace(file) {
                faults.extend(found);
            }
        }
        (texts, faults)
    }

    fn replace(&mut self, file: &TextFile<'_>) -> Result<(), Vec<TextFault>> {
        let fault = |why: String| vec![TextFault { file: short(file.name, 100), line: None, why }];
        if file.text.len() > MAX_FILE_BYTES {
            return Err(fault(format!("longer than {} KiB", MAX_FILE_BYTES >> 10)));
        }
        if let Some(layout) = Layout::ALL.into_iter().find(|layout| layout.file() == file.name) {
            check::layout(layout, file.name, file.text)?;
            self.layouts.insert(layout, file.text.to_owned());
            return Ok(());
        }
        if let Some((layout, verdict)) = Layout::of_verdict(file.name) {
            if layout.is_users() && verdict == Verdict::Compromised {
                // Whoever else is at work may read the user's mail, and must not learn the verdict from its looks.
                return Err(fault(
                    "the notice after compromised is the one after inconclusive: remove this file".to_owned(),
                ));
            }
            check::layout(layout, file.name, file.text)?;
            self.of_verdict.insert((layout, verdict), file.text.to_owned());
            return Ok(());
        }
        let Some(language) = file.name.strip_suffix(".toml").filter(|name| is_language(name)) else {
            return Err(fault(
                "no file of texts: use LANGUAGE.toml (as in de.toml), user.txt, user.html, soc.txt, soc.html, or one of these four for one verdict (as in soc.compromised.html)"
                    .to_owned(),
            ));
        };
        let site = Words::read(file.name, file.text).map_err(|fault| vec![fault])?;
        let Some(base) = Self::shipped().languages.get(BASE) else {
            return Err(fault("there are no words to hold it against".to_owned()));
        };
        let words = match self.languages.get(language) {
            Some(words) => words.with(&site, base),
            None => site.whole(base),
        }?;
        check::words(&words, file.name)?;
        self.languages.insert(language.to_owned(), words);
        Ok(())
    }

    /// The languages that there are words for.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The language that is meant by what a directory says, as in `de`, `de-CH` or `fr-CH, en;q=0.8`: the first that
    /// there are words for.
    pub fn language(&self, wanted: &str) -> Option<&str> {
        wanted.split(',').take(16).find_map(|one| {
            let tag = one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
            let primary = tag.split('-').next().unwrap_or_default();
            let known = |name: &str| self.languages.get_key_value(name).map(|(name, _)| name.as_str());
            known(&tag).or_else(|| known(primary))
        })
    }

    /// The notice to the user of the machine: the rule, what was seen, when and where, what to do, whom to ask, how to
    /// object. It quotes no evidence: what people run and download concerns them and the SOC, and mail is read by others.
    pub fn mail_user(&self, brief: &Brief, language: &str) -> Written {
        self.write(brief, language, |by, brief| by.user(brief))
    }

    /// The mail to the SOC: all facts, the findings with what they cite, and where the evidence lies.
    pub fn mail_soc(&self, brief: &Brief, language: &str) -> Written {
        self.write(brief, language, |by, brief| by.soc(brief))
    }

    fn write(
        &self,
        brief: &Brief,
        language: &str,
        render: fn(&Render<'_>, &Brief) -> Result<Message, TextFault>,
    ) -> Written {
        let fault = match self.render(language).and_then(|by| render(&by, brief)) {
            Ok(message) => return Written { message, fault: None },
            Err(fault) => fault,
        };
        let message = Self::shipped().render(language).and_then(|by| render(&by, brief));
        Written { message: message.unwrap_or_else(|_| bare(brief)), fault: Some(fault) }
    }

    fn render(&self, language: &str) -> Result<Render<'_>, TextFault> {
        let name = self.language(language).unwrap_or(BASE);
        let missing = || TextFault { file: format!("{name}.toml"), line: None, why: "not there".to_owned() };
        let words = self.languages.get(name).ok_or_else(missing)?;
        Ok(Render { words, language: name, layouts: &self.layouts, of_verdict: &self.of_verdict })
    }
}

/// What is said if no text can be used at all: nothing is left unsaid because of a template.
fn bare(brief: &Brief) -> Message {
    let mut text = String::new();
    for (name, value) in [("Case", brief.case_id.clone()), ("Machine", brief.machine())] {
        let _ = writeln!(text, "{name}: {}", short(&value, MAX_VALUE));
    }
    let subject = title(&format!("Network alert: {} [case {}]", brief.machine(), brief.case_id));
    Message { subject, text, html: None }
}

/// `de` of `de.toml`.
fn language_of(file: &str) -> &str {
    file.strip_suffix(".toml").unwrap_or(file)
}

/// A language tag in lower case, as in `de` or `pt-br`.
fn is_language(name: &str) -> bool {
    let mut parts = name.split('-');
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && plain(first)
        && parts.all(|part| (2..=8).contains(&part.len()) && plain(part))
}
