//! What is wrong with a site's texts, before the first mail is written from them: every name in every branch, and how
//! they come out for a full case and for one of which little is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::context::{Common, Fact, Moment, SocContext, UserContext};
use super::render::{engine, fault, render};
use super::words::{Word, Words};
use super::{Layout, TextFault};
use crate::text::one_line;

/// Names that every text knows.
const COMMON: [&str; 6] = ["case_id", "machine", "organisation", "company", "contact", "team"];

/// The faults of a layout that stands in `file`.
pub(super) fn layout(layout: Layout, file: &str, source: &str) -> Result<(), Vec<TextFault>> {
    match layout {
        Layout::UserText | Layout::UserHtml => tried(file, source, &[user(true), user(false)]),
        Layout::SocText | Layout::SocHtml => tried(file, source, &[soc(true), soc(false)]),
    }
}

/// The faults of those words that stand in `file`.
pub(super) fn words(words: &Words, file: &str) -> Result<(), Vec<TextFault>> {
    let mut faults = Vec::new();
    for (section, key, word) in words.all().filter(|(.., word)| word.file == file) {
        let extra: &[&str] = match (section, key) {
            ("user", "subject_line") => &["subject"],
            ("soc", "subject_line") => &["verdict"],
            ("soc", "verdict_line") => &["verdict", "confidence"],
            _ => &[],
        };
        let known: BTreeSet<String> = COMMON.iter().chain(extra).map(|name| (*name).to_owned()).collect();
        if let Err(found) = names(&word.file, word, &known) {
            faults.extend(found);
            continue;
        }
        let context: BTreeMap<&String, &str> = known.iter().map(|name| (name, "x")).collect();
        match render(&word.file, word.line, &word.text, &context) {
            Err(found) => faults.push(found),
            Ok(text) if text.trim().is_empty() => faults.push(TextFault {
                file: word.file.clone(),
                line: Some(word.line),
                why: format!("[{section}] {key} says nothing"),
            }),
            Ok(_) => {}
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn tried<C: Serialize>(file: &str, source: &str, samples: &[C]) -> Result<(), Vec<TextFault>> {
    let word = Word { file: file.to_owned(), line: 1, text: source.to_owned() };
    let mut known = BTreeSet::new();
    for sample in samples {
        if let Ok(value) = serde_json::to_value(sample) {
            name_all("", &value, &mut known);
        }
    }
    names(file, &word, &known)?;
    for sample in samples {
        render(file, 1, source, sample).map_err(|fault| vec![fault])?;
    }
    Ok(())
}

/// `heading.rule` for each value in a context. What is in lists is known to their loops alone.
fn name_all(before: &str, value: &serde_json::Value, known: &mut BTreeSet<String>) {
    // Two levels deep: a context has no more.
    for (name, value) in value.as_object().into_iter().flatten() {
        known.insert(format!("{before}{name}"));
        if before.is_empty() {
            name_all(&format!("{name}."), value, known);
        }
    }
}

/// Every name that a template looks up has to be known, whether a case gets there or not.
fn names(file: &str, word: &Word, known: &BTreeSet<String>) -> Result<(), Vec<TextFault>> {
    let said = |line: Option<usize>, why: String| TextFault { file: file.to_owned(), line, why };
    let line_of = |what: &str| {
        let found = word.text.lines().position(|line| line.contains(what));
        found.map(|line| word.line + line)
    };
    if let Some(line) = line_of("autoescape") {
        let why = "autoescape: outside text has to stay escaped; remove it".to_owned();
        return Err(vec![said(Some(line), why)]);
    }
    let engine = engine();
    let template = engine.template_from_named_str(file, &word.text);
    let template = template.map_err(|error| vec![fault(file, word.line, &error)])?;
    let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    used.sort();
    let faults: Vec<TextFault> = used
        .into_iter()
        .filter(|name| !known.contains(name))
        .map(|name| {
            let last = name.rsplit('.').next().unwrap_or(&name);
            let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let why = format!("unknown name {{{{ {} }}}}; known here: {known}", one_line(&name, 60));
            said(line_of(&name).or_else(|| line_of(last)), why)
        })
        .take(20)
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn text(full: bool) -> String {
    if full { "<x>".to_owned() } else { String::new() }
}

fn common(full: bool) -> Common {
    Common {
        case_id: "x".to_owned(),
        machine: "x".to_owned(),
        organisation: text(full),
        company: "x".to_owned(),
        contact: "x".to_owned(),
        team: "x".to_owned(),
    }
}

fn headings(names: &[&str]) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
}

fn user(full: bool) -> UserContext {
    let count = if full { 2 } else { 0 };
    UserContext {
        common: common(full),
        language: "en".to_owned(),
        subject: "x".to_owned(),
        title: "x".to_owned(),
        heading: headings(&["contest", "rule", "seen", "steps", "when", "where"]),
        greeting: "x".to_owned(),
        opening: "x".to_owned(),
        rule: "x".to_owned(),
        seen: "x".to_owned(),
        findings: vec![text(true); count],
        times: vec![Moment { at: "x".to_owned(), what: "x".to_owned() }; 1 + count],
        steps: vec!["x".to_owned(); 1 + count],
        ask: "x".to_owned(),
        contest: "x".to_owned(),
        footer: "x".to_owned(),
        settled: !full,
    }
}

fn soc(full: bool) -> SocContext {
    let fact = || Fact { name: text(true), padded: text(true), value: text(true), link: full };
    SocContext {
        common: common(full),
        language: "en".to_owned(),
        subject: "x".to_owned(),
        title: "x".to_owned(),
        heading: headings(&["assessment", "facts"]),
        facts: vec![fact(), fact()],
        assessment: text(full),
        waiting: text(full),
        prove: text(full),
    }
}
