//! Sigma rules over the evidence.
//!
//! Sigma describes events: a process is created, a value of the registry is set, a connection is opened. Evidence is a
//! state: what runs, what is set, what is open when the machine is looked at. Rules of three log sources still mean
//! something there: `process_creation`, `registry_set` (with `registry_event` and `registry_add`) and
//! `network_connection`. The differences are kept in view:
//!
//! * A state shows less. A rule whose **exclusion** reads a field that is not known here (who the parent was, once it
//!   has ended) could fire on what it means to leave out. It does not: what it would have found is on record among what
//!   is missing.
//! * A state shows more. Values that Windows ships, which nobody wrote, are not shown to rules for the registry; what they
//!   find weighs a step less, as nobody saw the value being written.
//! * What a rule finds is a hint of its author's level: `critical` shows a compromise, `high` keeps a case open, the rest
//!   is told and changes nothing.

mod condition;
mod event;
mod rule;

use std::collections::{BTreeMap, HashSet};

use event::{Event, Events};
pub use rule::Category;
use rule::SigmaRule;

use super::MAX_CITATIONS;
use super::rulebook::file::Sigma;
use super::rulebook::{Faults, Mode, RuleText};
use super::rules::Draft;
use super::scene::Scene;
use super::verdict::Finding;
#[cfg(test)]
use super::verdict::{Bearing, Confidence};

/// Most rules.
pub const MAX_RULES: usize = 5_000;
/// Most that one assessment may cost: rules held against rows, and against every 64 bytes of their text.
const MAX_COST: usize = 20_000_000;
/// Rules that could not be decided and are named.
const MAX_UNDECIDED: usize = 8;

/// The Sigma rules of a site.
#[derive(Debug, Default)]
pub struct SigmaRules {
    rules: Vec<SigmaRule>,
    /// Rules of log sources that the evidence has nothing of.
    elsewhere: usize,
}

/// What Sigma rules found.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// By rules that may decide.
    pub(super) found: Vec<(String, Finding)>,
    /// By rules in shadow.
    pub(super) shadow: Vec<Finding>,
    /// What could not be looked at or decided.
    pub(super) missing: Vec<String>,
}

impl SigmaRules {
    /// Reads rules, one a file. What cannot be used is named in `faults`; rules of other log sources are counted.
    pub(super) fn read(files: &[RuleText<'_>], switches: &Sigma, faults: &mut Faults) -> Self {
        let mut read = Self::default();
        let mut seen = HashSet::new();
        let mut known = HashSet::new();
        for RuleText { file, text } in files {
            if read.rules.len() >= MAX_RULES {
                faults.add(
                    file,
                    format!("more than {MAX_RULES} Sigma rules: this one and the rest are left out"),
                );
                break;
            }
            match SigmaRule::parse(file, text) {
                Ok(Some(mut rule)) => {
                    if !seen.insert(rule.id.clone()) {
                        faults.add(file, format!("another rule has the id {} already", rule.id));
                        continue;
                    }
                    let own = switches.rule.iter().rev().find(|switch| rule.is_called(&switch.id));
                    rule.mode = own.map(|switch| switch.mode).or(switches.mode).unwrap_or(Mode::Shadow);
                    known.extend(
                        switches
                            .rule
                            .iter()
                            .map(|switch| &switch.id)
                            .filter(|id| rule.is_called(id))
                            .cloned(),
                    );
                    read.rules.push(rule);
                }
                Ok(None) => read.elsewhere += 1,
                Err(why) => faults.add(file, why),
            }
        }
        for switch in switches.rule.iter().filter(|switch| !known.contains(&switch.id)) {
            faults.add(
                "[sigma] rule",
                format!("no Sigma rule that can be used has the id or file name {:?}", switch.id),
            );
        }
        read
    }

    /// How many rules are in use.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules are about log sources that the evidence has nothing of.
    pub fn elsewhere(&self) -> usize {
        self.elsewhere
    }

    /// Holds every rule that is not off against every row that it is about.
    pub(super) fn search(&self, scene: &Scene<'_>) -> Matches {
        let mut matches = Matches::default();
        if self.rules.iter().all(|rule| rule.mode == Mode::Off) {
            return matches;
        }
        let events = Events::of(scene);
        let of = |category| (category, events.cost(category));
        let of = [Category::Process, Category::Registry, Category::Network].map(of);
        let costs = |wanted| of.iter().find(|(category, _)| *category == wanted).map_or(0, |(_, cost)| *cost);
        let mut left = MAX_COST;
        let mut undecided: BTreeMap<&str, String> = BTreeMap::new();
        let mut unasked = 0_usize;
        for rule in self.rules.iter().filter(|rule| rule.mode != Mode::Off && rule.is_for(scene)) {
            let rows = events.of_category(rule.category);
            let cost = costs(rule.category);
            if cost > left {
                unasked += 1;
                continue;
            }
            left -= cost;
            let mut hits: Vec<&Event> = Vec::new();
            for event in rows {
                match rule.holds(event) {
                    condition::Answer::No => {}
                    condition::Answer::Yes => hits.push(event),
                    // What a rule in shadow misses had no say either.
                    condition::Answer::Unknown(_) if rule.mode == Mode::Shadow => {}
                    condition::Answer::Unknown(field) => {
                        undecided.entry(&rule.title).or_insert(field);
                    }
                }
            }
            if let Some(draft) = draft(scene, rule, &hits) {
                let headline = draft.headline.clone();
                let finding = rule.signed(draft);
                match rule.mode {
                    Mode::Decide => matches.found.push((headline, finding)),
                    Mode::Shadow => matches.shadow.push(finding),
                    Mode::Off => {}
                }
            }
        }
        if unasked > 0 {
            matches.missing.push(format!(
                "{unasked} Sigma rules were not asked: there are too many rows for all of them."
            ));
        }
        if !undecided.is_empty() {
            let named: Vec<String> = undecided
                .iter()
                .take(MAX_UNDECIDED)
                .map(|(title, field)| format!("{title} ({field})"))
                .collect();
            let rest = undecided.len().saturating_sub(MAX_UNDECIDED);
            let more = if rest == 0 { String::new() } else { format!("; and {rest} more") };
            matches.missing.push(format!(
                "Sigma rules that match but for an exclusion which reads what is not known here: {}{more}.",
                named.join("; ")
            ));
        }
        matches
    }
}

fn draft(scene: &Scene<'_>, rule: &SigmaRule, hits: &[&Event]) -> Option<Draft> {
    let first = hits.first()?;
    let (bearing, confidence) = rule.weight();
    let rest = match hits.len() {
        1 => String::new(),
        2 => ", and 1 more row".to_owned(),
        all => format!(", and {} more rows", all - 1),
    };
    Some(Draft {
        confidence,
        bearing,
        headline: format!("{} matches the Sigma rule \"{}\"{rest}", first.shown(scene), rule.title),
        details: rule.details(),
        citations: hits.iter().take(MAX_CITATIONS).filter_map(|event| event.cite(scene)).collect(),
        uncited: hits.len().saturating_sub(MAX_CITATIONS),
    })
}

#[cfg(test)]
mod tests;
