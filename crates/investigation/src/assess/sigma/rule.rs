//! One Sigma rule: what it is about, what it weighs, and when it holds.

use serde_norway::Value;
use sigma_rust::Rule;

use super::condition::{Answer, Exclusion, exclusions};
use super::event::Event;
use crate::assess::rulebook::Mode;
use crate::assess::rules::Draft;
use crate::assess::scene::Scene;
use crate::assess::verdict::{Bearing, Confidence, Finding};
use crate::text::one_line;

/// Rows that a rule is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The process list.
    Process,
    /// Values of the registry in the autostart list.
    Registry,
    /// Sockets with a peer.
    Network,
}

/// How bad its author says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

/// One rule.
#[derive(Debug)]
pub(super) struct SigmaRule {
    /// `sigma.` and its own id, or the name of its file where it has none.
    pub(super) id: String,
    /// Its file, without folders and ending.
    file: String,
    pub(super) title: String,
    pub(super) category: Category,
    pub(super) mode: Mode,
    product: Option<String>,
    level: Level,
    technique: Option<String>,
    description: String,
    false_positives: Vec<String>,
    rule: Rule,
    exclusions: Vec<Exclusion>,
}

impl SigmaRule {
    /// Reads a rule. `None`: it is about a log source that the evidence has nothing of.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn parse(file: &str, text: &str) -> Result<Option<Self>, String> {
        let yaml: Value =
            serde_norway::from_str(text).map_err(|error| format!("no YAML of one document: {error}"))?;
        if yaml.get("correlation").is_some() {
            return Err("correlations of several events are not supported".to_owned());
        }
        let words = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let source = yaml.get("logsource").ok_or("it has no logsource")?;
        let category = words(source, "category").unwrap_or_default();
        let product = words(source, "product").map(|product| product.to_lowercase());
        let category = match category.as_str() {
            "process_creation" => Category::Process,
            "registry_set" | "registry_event" | "registry_add" => Category::Registry,
            "network_connection" => Category::Network,
            _ => return Ok(None),
        };
        if source.get("service").is_some() || !matches!(product.as_deref(), None | Some("windows" | "linux"))
        {
            return Ok(None);
        }
        let level = match words(&yaml, "level").as_deref() {
            Some("informational") => Level::Informational,
            Some("low") => Level::Low,
            Some("high") => Level::High,
            Some("critical") => Level::Critical,
            None | Some("medium") => Level::Medium,
            Some(other) => return Err(format!("level {other:?} is none of Sigma's")),
        };
        let detection = yaml.get("detection").and_then(Value::as_mapping).ok_or("it has no detection")?;
        let exclusions = exclusions(detection)?;
        let list = |key: &str| -> Vec<String> {
            let items = yaml.get(key).and_then(Value::as_sequence).into_iter().flatten();
            items.filter_map(Value::as_str).map(|text| one_line(text, 120)).collect()
        };
        let technique = list("tags").iter().find_map(|tag| technique(tag));
        let stem = file.rsplit('/').next().unwrap_or(file);
        let stem = one_line(stem.rsplit_once('.').map_or(stem, |(stem, _)| stem), 120);
        let own = words(&yaml, "id").filter(|id| !id.trim().is_empty());
        let id = format!("sigma.{}", own.map_or_else(|| stem.clone(), |id| one_line(id.trim(), 80)));
        let title = one_line(words(&yaml, "title").ok_or("it has no title")?.trim(), 160);
        let description = one_line(words(&yaml, "description").unwrap_or_default().trim(), 300);
        let false_positives = list("falsepositives");
        let rule = serde_norway::from_value(yaml).map_err(|error| error.to_string())?;
        let mode = Mode::Shadow;
        Ok(Some(Self {
            id,
            file: stem,
            title,
            category,
            mode,
            product,
            level,
            technique,
            description,
            false_positives,
            rule,
            exclusions,
        }))
    }

    /// Whether a site's file means this rule.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let name = name.trim();
        let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(name);
        self.id.strip_prefix("sigma.") == Some(name) || self.file == stem
    }

    /// Whether the machine is of the system that it is for.
    pub(super) fn is_for(&self, scene: &Scene<'_>) -> bool {
        match self.product.as_deref() {
            Some("windows") => scene.is_windows(),
            Some(_) => !scene.is_windows(),
            None => true,
        }
    }

    pub(super) fn holds(&self, event: &Event) -> Answer {
        if !self.rule.is_match(&event.fields) {
            return Answer::No;
        }
        match self.exclusions.iter().find_map(|exclusion| exclusion.wants(&event.fields)) {
            Some(field) => Answer::Unknown(one_line(field, 60)),
            None => Answer::Yes,
        }
    }

    /// What it finds weighs, see the head of [`super`].
    pub(super) fn weight(&self) -> (Bearing, Confidence) {
        let written = self.category == Category::Registry;
        match self.level {
            Level::Critical if written => (Bearing::Suspicion, Confidence::Medium),
            Level::Critical => (Bearing::Compromise, Confidence::Medium),
            Level::High if written => (Bearing::Suspicion, Confidence::Low),
            Level::High => (Bearing::Suspicion, Confidence::Medium),
            Level::Medium => (Bearing::Context, Confidence::Medium),
            Level::Low | Level::Informational => (Bearing::Context, Confidence::Low),
        }
    }

    pub(super) fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if !self.description.is_empty() {
            details.push(format!("the rule says: {}", self.description.trim_end_matches('.')));
        }
        if self.category == Category::Registry {
            details.push("the value is there; when and by what it was written is not known".to_owned());
        }
        details
    }

    pub(super) fn signed(&self, draft: Draft) -> Finding {
        let honest = match self.false_positives.iter().any(|text| !text.eq_ignore_ascii_case("unknown")) {
            true => {
                format!(" Known to be honest: {}.", self.false_positives.join("; ").trim_end_matches('.'))
            }
            false => String::new(),
        };
        draft.signed_as(
            &self.id,
            &format!("Sigma: {}", self.title),
            self.technique.as_deref(),
            &format!("Judge the rows by the rule's own description.{honest}"),
        )
    }
}

/// `attack.t1059.001` is `T1059.001`.
fn technique(tag: &str) -> Option<String> {
    let id = tag.strip_prefix("attack.")?.to_ascii_uppercase();
    let digits = id.strip_prefix('T')?;
    (digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(id)
}
