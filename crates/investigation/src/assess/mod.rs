//! What the evidence means: rules find, [`assess`] decides.
//!
//! The verdict follows from the findings' bearing and from what is missing:
//!
//! 1. Any finding that proves use gives `policy_violation`, however much is missing: more evidence cannot take it back.
//! 2. Otherwise any suspicion gives `inconclusive`.
//! 3. Otherwise a process list, socket list or inventory that is not whole, an endpoint that did not say who it is, or
//!    evidence too young to speak for the alert gives `inconclusive`: what was not seen was not refuted.
//! 4. Only nothing in whole, fresh evidence gives `false_positive`.

mod gaps;
pub mod indicators;
mod rules;
mod scene;
pub mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use gaps::Gap;
use scene::Scene;

pub use indicators::{Client, Indicators, IndicatorsError};
pub use rules::{RULES, Rule};
pub use verdict::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};

use crate::alert::Alert;
use crate::evidence::Evidence;

/// Rows that one finding cites at most; the explanation gives the number of the rest.
pub const MAX_CITATIONS: usize = 10;

/// Findings that an assessment keeps at most, strongest first: a hostile endpoint can make any number of processes.
pub const MAX_FINDINGS: usize = 100;

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
pub fn assess(question: &Question<'_>, evidence: &Evidence, indicators: &Indicators) -> Assessment {
    let scene = Scene::new(question, evidence, indicators);
    let mut found: Vec<(String, Finding)> = RULES
        .iter()
        .flat_map(|rule| {
            (rule.evaluate)(&scene).into_iter().map(|draft| (draft.headline.clone(), draft.signed(rule)))
        })
        .collect();
    // Stable: among equals the order of the rules, then of the rows, holds.
    found.sort_by_key(|(_, finding)| std::cmp::Reverse((finding.bearing, finding.confidence)));
    found.truncate(MAX_FINDINGS);
    let (headlines, findings): (Vec<String>, Vec<Finding>) = found.into_iter().unzip();
    let gaps = gaps::gaps(question, evidence);
    let (verdict, confidence) = decide(question, &findings, &gaps);
    Assessment {
        verdict,
        confidence,
        summary: summary::sentence(
            question,
            verdict,
            confidence,
            headlines.first().map(String::as_str),
            &gaps,
        ),
        findings,
        missing: gaps.into_iter().map(|gap| gap.text).collect(),
        indicators_version: indicators.version().to_owned(),
    }
}

fn decide(question: &Question<'_>, findings: &[Finding], gaps: &[Gap]) -> (Verdict, Confidence) {
    match findings.first() {
        Some(finding) if finding.bearing == Bearing::Violation => {
            (Verdict::PolicyViolation, finding.confidence)
        }
        Some(finding) => (Verdict::Inconclusive, finding.confidence),
        None if gaps.iter().any(|gap| gap.blocks) => (Verdict::Inconclusive, Confidence::Low),
        None => {
            let age = question.seen().map(|seen| question.collected_at.duration_since(seen).abs());
            let prompt = age.is_some_and(|age| age <= PROMPT);
            (Verdict::FalsePositive, if prompt { Confidence::High } else { Confidence::Medium })
        }
    }
}
