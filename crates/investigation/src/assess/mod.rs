//! What the evidence means: rules find, [`assess`] decides.
//!
//! The verdict follows from the findings' bearing and from what is missing:
//!
//! 1. Any finding that shows a compromise gives `compromised`, whatever else was found: it is the worse of the two.
//! 2. Otherwise any that proves use gives `policy_violation`, however much is missing: more evidence cannot take it back.
//! 3. Otherwise any suspicion gives `inconclusive`.
//! 4. Otherwise a process list, socket list or inventory that is not whole, an endpoint that did not say who it is, or
//!    evidence too young to speak for the alert gives `inconclusive`: what was not seen was not refuted.
//! 5. Only nothing in whole, fresh evidence gives `false_positive`. What honestly explains the alert is told, and changes
//!    nothing.
//!
//! Rules in shadow are asked like the others, and what they find is kept apart.

mod chain;
mod change;
mod gaps;
#[cfg(test)]
mod ground_truth;
pub mod indicators;
mod places;
pub mod rulebook;
mod rules;
mod scene;
pub mod sigma;
pub mod summary;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod verdict;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use gaps::Gap;
use scene::Scene;

pub use indicators::{Client, Indicators, IndicatorsError};
pub use rulebook::{Mode, RuleFault, RuleText, Rulebook};
pub use rules::{RULES, Rule};
pub use verdict::{Assessment, Basis, Bearing, Citation, Confidence, Finding, Link, Verdict};

use crate::alert::Alert;
use crate::evidence::Evidence;

/// Rows that one finding cites at most; the explanation gives the number of the rest.
pub const MAX_CITATIONS: usize = 10;

/// Findings that an assessment keeps at most, strongest first: a hostile endpoint can make any number of processes.
pub const MAX_FINDINGS: usize = 100;

/// Findings in shadow that an assessment keeps at most, and rows that each of them cites: a store's record of a case is
/// small, and a site may have thousands of Sigma rules there.
const MAX_SHADOW: usize = 25;
const MAX_SHADOW_CITATIONS: usize = 3;

/// A clean bill within this time of the alert is as sure as it gets.
const PROMPT: SignedDuration = SignedDuration::from_hours(1);

/// What is asked of the evidence.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The alert.
    pub alert: &'a Alert,
    /// The end of the alert's flow that was investigated.
    pub target: IpAddr,
    /// Its port in the alert.
    pub target_port: Option<u16>,
    /// The other end.
    pub peer_ip: Option<IpAddr>,
    /// The other end's port.
    pub peer_port: Option<u16>,
    /// When the case was opened: the alert is not younger than that, whatever it says itself.
    pub opened_at: Timestamp,
    /// When the evidence was collected.
    pub collected_at: Timestamp,
}

impl Question<'_> {
    /// The moment that the endpoint is judged for: the alert's own, or that of the case where the alert has none, or
    /// one that was still to come.
    pub(crate) fn moment(&self) -> Timestamp {
        self.alert.timestamp.map_or(self.opened_at, |seen| seen.min(self.opened_at))
    }

    /// The same where the alert itself says it, as far as clocks agree.
    pub(crate) fn seen(&self) -> Option<Timestamp> {
        let credible =
            self.alert.timestamp.filter(|seen| *seen <= self.opened_at + scene::CLOCK_TOLERANCE)?;
        Some(credible.min(self.opened_at))
    }
}

/// Reads the evidence for the alert.
pub fn assess(question: &Question<'_>, evidence: &Evidence, rules: &Rulebook) -> Assessment {
    let scene = Scene::new(question, evidence, rules);
    let mut found: Vec<(String, Finding)> = Vec::new();
    let mut shadow: Vec<Finding> = Vec::new();
    for rule in RULES {
        let mode = rules.mode(rule);
        if mode == Mode::Off {
            continue;
        }
        for draft in (rule.evaluate)(&scene) {
            let headline = draft.headline.clone();
            let finding = draft.signed(rule);
            if mode == Mode::Decide { found.push((headline, finding)) } else { shadow.push(finding) }
        }
    }
    let sigma = rules.sigma().search(&scene);
    found.extend(sigma.found);
    shadow.extend(sigma.shadow);
    // Stable: among equals the order of the rules, then of the rows, holds.
    found.sort_by_key(|(_, finding)| std::cmp::Reverse((finding.bearing, finding.confidence)));
    found.truncate(MAX_FINDINGS);
    shadow.sort_by_key(|finding| std::cmp::Reverse((finding.bearing, finding.confidence)));
    let unshown = shadow.len().saturating_sub(MAX_SHADOW);
    shadow.truncate(MAX_SHADOW);
    for finding in shadow.iter_mut().filter(|finding| finding.citations.len() > MAX_SHADOW_CITATIONS) {
        finding.citations.truncate(MAX_SHADOW_CITATIONS);
        finding.explanation.push_str(&format!(" Only {MAX_SHADOW_CITATIONS} of its rows are listed."));
    }
    let (headlines, findings): (Vec<String>, Vec<Finding>) = found.into_iter().unzip();
    let gaps = gaps::gaps(question, evidence);
    let uncounted = (unshown > 0).then(|| format!("{unshown} further findings in shadow are not listed."));
    let (verdict, confidence) = decide(question, &findings, &gaps);
    let basis = Basis {
        chain: chain::chain(question, &scene),
        would_change: change::would_change(verdict, &findings, &gaps),
        shadow,
        rules_version: rules.version().map(str::to_owned),
    };
    Assessment {
        verdict,
        confidence,
        summary: summary::sentence(question, (verdict, confidence), &headlines, &findings, &gaps),
        findings,
        missing: gaps.into_iter().map(|gap| gap.text).chain(sigma.missing).chain(uncounted).collect(),
        indicators_version: rules.indicators().version().to_owned(),
        basis,
    }
}

fn decide(question: &Question<'_>, findings: &[Finding], gaps: &[Gap]) -> (Verdict, Confidence) {
    let deciding = findings.first().filter(|finding| finding.bearing > Bearing::Context);
    match deciding.map(|finding| (finding.bearing, finding.confidence)) {
        Some((Bearing::Compromise, confidence)) => (Verdict::Compromised, confidence),
        Some((Bearing::Violation, confidence)) => (Verdict::PolicyViolation, confidence),
        Some((_, confidence)) => (Verdict::Inconclusive, confidence),
        None if gaps.iter().any(|gap| gap.blocks) => (Verdict::Inconclusive, Confidence::Low),
        None => {
            let age = question.seen().map(|seen| question.collected_at.duration_since(seen).abs());
            let prompt = age.is_some_and(|age| age <= PROMPT);
            let whole = gaps.is_empty() && findings.is_empty();
            (Verdict::FalsePositive, if prompt && whole { Confidence::High } else { Confidence::Medium })
        }
    }
}
