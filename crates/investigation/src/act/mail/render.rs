//! From a brief to the values, and from the values to the two parts of a mail.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::context::{Common, Fact, Moment, SocContext, UserContext};
use super::words::{Word, Words};
use super::{Layout, MAX_PART, TextFault};
use crate::act::brief::{Brief, MAX_VALUE, minute};
use crate::act::message::{Message, short, title};
use crate::assess::{Verdict, summary};

/// Most findings that the user is told.
const MAX_FINDINGS: usize = 5;
/// Instructions that one text may take: far more than any honest one, and an end to those that loop.
const FUEL: u64 = 200_000;

/// Texts of one language.
pub(super) struct Render<'t> {
    pub(super) words: &'t Words,
    pub(super) language: &'t str,
    pub(super) layouts: &'t BTreeMap<Layout, String>,
    pub(super) of_verdict: &'t BTreeMap<(Layout, Verdict), String>,
}

/// Head, style and frame of every page.
const LAYOUT: &str = "layout.html";

/// The template engine: strict about names, bounded, and without a way round the escaping.
pub(super) fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_keep_trailing_newline(true);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(32);
    engine.remove_filter("safe");
    // What the shipped pages extend; a site's own may too. It is ours, and a test renders it.
    let _ = engine.add_template(LAYOUT, include_str!("../../../data/mail/layout.html"));
    engine
}

impl Render<'_> {
    pub(super) fn user(&self, brief: &Brief) -> Result<Message, TextFault> {
        let common = self.common(brief)?;
        let notice = match brief.verdict() {
            Some(Verdict::PolicyViolation) => "policy_violation",
            Some(Verdict::FalsePositive) => "false_positive",
            // Whoever else is at work may read the user's mail: it says no more than that somebody will call.
            Some(Verdict::Compromised | Verdict::Inconclusive) | None => "unsettled",
        };
        let of_notice = |key| self.word(notice, key, &common);
        let of_user = |key| self.word("user", key, &common);
        let title = of_notice("subject")?;
        let subject = self.word("user", "subject_line", &Extra { common: &common, subject: &title })?;
        let seen = brief.alert.timestamp.map(|at| Ok((minute(at), of_user("alert_raised")?)));
        let times = seen.into_iter().chain([Ok((minute(brief.opened_at), of_user("looked_at")?))]);
        let times = times.map(|time| time.map(|(at, what)| Moment { at, what }));
        let steps = of_notice("steps")?;
        let steps = steps.lines().map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned);
        let context = UserContext {
            language: self.language.to_owned(),
            subject: subject.clone(),
            title,
            heading: self.headings("user", &common)?,
            greeting: of_user("greeting")?,
            opening: of_notice("opening")?,
            rule: of_user("rule")?,
            seen: of_notice("seen")?,
            findings: self.findings(brief, &common)?,
            times: times.collect::<Result<_, _>>()?,
            steps: steps.collect(),
            ask: of_user("ask")?,
            contest: of_user("contest")?,
            footer: of_user("footer")?,
            settled: brief.verdict() == Some(Verdict::FalsePositive),
            common,
        };
        // As with the words: its looks tell the two apart no more than they do.
        let verdict = match brief.verdict() {
            Some(Verdict::Compromised) => Some(Verdict::Inconclusive),
            other => other,
        };
        self.message(&subject, verdict, [Layout::UserText, Layout::UserHtml], &context)
    }

    pub(super) fn soc(&self, brief: &Brief) -> Result<Message, TextFault> {
        let common = self.common(brief)?;
        let verdict = match brief.verdict() {
            Some(verdict) => self.word("verdicts", verdict.as_str(), &common)?,
            None => self.word("soc", "not_assessed", &common)?,
        };
        let subject =
            self.word("soc", "subject_line", &ExtraVerdict { common: &common, verdict: &verdict })?;
        let assessment = brief.assessment.as_ref().map(summary::explain_text).unwrap_or_default();
        let prove = match brief.evidence_location.as_str() {
            "" => String::new(),
            _ => self.word("soc", "prove", &common)?,
        };
        let waiting = match brief.waiting {
            Some(_) => self.word("soc", "waiting", &common)?,
            None => String::new(),
        };
        let context = SocContext {
            language: self.language.to_owned(),
            subject: subject.clone(),
            title: format!("{verdict}: {}", common.machine),
            heading: self.headings("soc", &common)?,
            facts: self.facts(brief, &verdict, &common)?,
            assessment: assessment.trim_end().to_owned(),
            waiting,
            prove,
            common,
        };
        self.message(&subject, brief.verdict(), [Layout::SocText, Layout::SocHtml], &context)
    }

    fn message<C: Serialize>(
        &self,
        subject: &str,
        verdict: Option<Verdict>,
        [text, html]: [Layout; 2],
        context: &C,
    ) -> Result<Message, TextFault> {
        Ok(Message {
            subject: title(subject),
            text: self.part(text, verdict, context)?,
            html: Some(self.part(html, verdict, context)?),
        })
    }

    fn part<C: Serialize>(
        &self,
        layout: Layout,
        verdict: Option<Verdict>,
        context: &C,
    ) -> Result<String, TextFault> {
        let special = verdict.and_then(|verdict| self.of_verdict.get_key_value(&(layout, verdict)));
        if let Some(((_, verdict), source)) = special {
            // The ending is what the engine escapes by.
            let (who, ending) = layout.file().split_once('.').unwrap_or((layout.file(), "html"));
            return render(&format!("{who}.{}.{ending}", verdict.as_str()), 1, source, context);
        }
        let source = self.layouts.get(&layout).map_or(layout.shipped(), String::as_str);
        render(layout.file(), 1, source, context)
    }

    fn common(&self, brief: &Brief) -> Result<Common, TextFault> {
        let organisation = brief.organisation.as_deref().map(|name| short(name, 100)).unwrap_or_default();
        let mut common = Common {
            case_id: short(&brief.case_id, 80),
            machine: brief.machine(),
            organisation,
            ..Common::default()
        };
        let named = !common.organisation.is_empty();
        common.company = match named {
            true => common.organisation.clone(),
            false => self.word("user", "company", &common)?,
        };
        common.contact = match &brief.soc_contact {
            Some(contact) => short(contact, MAX_VALUE),
            None => self.word("user", "contact", &common)?,
        };
        common.team = self.word("user", if named { "team_of" } else { "team" }, &common)?;
        Ok(common)
    }

    /// What was found, without the evidence, where it broke the rule.
    fn findings(&self, brief: &Brief, common: &Common) -> Result<Vec<String>, TextFault> {
        let assessment =
            brief.assessment.as_ref().filter(|_| brief.verdict() == Some(Verdict::PolicyViolation));
        let mut told = Vec::new();
        for finding in assessment.into_iter().flat_map(|assessment| &assessment.findings) {
            let words = match self.words.get("rules", &finding.rule) {
                Some(word) => said(word, common)?,
                None => short(&finding.title, MAX_VALUE),
            };
            if !told.contains(&words) && told.len() < MAX_FINDINGS {
                told.push(words);
            }
        }
        Ok(told)
    }

    fn facts(&self, brief: &Brief, verdict: &str, common: &Common) -> Result<Vec<Fact>, TextFault> {
        let facts = brief.facts();
        let mut rows = Vec::with_capacity(facts.len());
        let mut longest = 0;
        for (_, key, _) in self.words.all().filter(|(section, ..)| *section == "facts") {
            longest = longest.max(self.word("facts", key, common)?.chars().count());
        }
        for (name, value) in facts {
            let label = match self.words.get("facts", name) {
                Some(word) => said(word, common)?,
                None => name.to_owned(),
            };
            let value = match (name, &brief.assessment) {
                ("Verdict", Some(assessment)) => {
                    let confidence = self.word("confidence", assessment.confidence.as_str(), common)?;
                    let extra = ExtraConfidence { common, verdict, confidence: &confidence };
                    self.word("soc", "verdict_line", &extra)?
                }
                _ => short(&value, MAX_VALUE),
            };
            let colon = format!("{label}:");
            let link = name == "Case page";
            let padded = format!("{colon:<width$}", width = longest + 1);
            rows.push(Fact { padded, name: label, value, link });
        }
        Ok(rows)
    }

    fn headings<C: Serialize>(
        &self,
        section: &str,
        context: &C,
    ) -> Result<BTreeMap<String, String>, TextFault> {
        let words = self.words.all().filter(|(of, ..)| *of == section);
        words
            .filter_map(|(_, key, word)| Some((key.strip_prefix("heading_")?, word)))
            .map(|(name, word)| Ok((name.to_owned(), said(word, context)?)))
            .collect()
    }

    fn word<C: Serialize>(&self, section: &str, key: &str, context: &C) -> Result<String, TextFault> {
        let missing = || TextFault {
            file: format!("{}.toml", self.language),
            line: None,
            why: format!("[{section}] {key} is missing"),
        };
        said(self.words.get(section, key).ok_or_else(missing)?, context)
    }
}

#[derive(Serialize)]
struct Extra<'a> {
    #[serde(flatten)]
    common: &'a Common,
    subject: &'a str,
}

#[derive(Serialize)]
struct ExtraVerdict<'a> {
    #[serde(flatten)]
    common: &'a Common,
    verdict: &'a str,
}

#[derive(Serialize)]
struct ExtraConfidence<'a> {
    #[serde(flatten)]
    common: &'a Common,
    verdict: &'a str,
    confidence: &'a str,
}

/// A text of ours with its values.
fn said<C: Serialize>(word: &Word, context: &C) -> Result<String, TextFault> {
    render(&word.file, word.line, &word.text, context)
}

/// Renders one template. `first_line` is where it begins in its file.
pub(super) fn render<C: Serialize>(
    file: &str,
    first_line: usize,
    source: &str,
    context: &C,
) -> Result<String, TextFault> {
    let rendered = engine().render_named_str(file, source, context);
    let text = rendered.map_err(|error| fault(file, first_line, &error))?;
    if text.len() > MAX_PART {
        let why = format!("it makes more than {} KiB of text", MAX_PART >> 10);
        return Err(TextFault { file: file.to_owned(), line: None, why });
    }
    // Values hold no controls; a template may.
    Ok(text.replace('\t', "    ").chars().filter(|c| *c == '\n' || !c.is_control()).collect())
}

/// What the engine says, in one line.
pub(super) fn fault(file: &str, first_line: usize, error: &minijinja::Error) -> TextFault {
    let why = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TextFault {
        file: file.to_owned(),
        line: error.line().map(|line| first_line + line.saturating_sub(1)),
        why: crate::text::one_line(&why, 300),
    }
}
