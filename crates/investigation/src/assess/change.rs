//! What would change a verdict: said beforehand, so that it can be held against what comes.

use super::gaps::Gap;
use super::rules::RULES;
use super::verdict::{Bearing, Finding, Verdict};

/// Rules that are quoted at most.
const MAX_RULES: usize = 4;

/// A sentence for each thing, the most telling first.
pub(super) fn would_change(verdict: Verdict, findings: &[Finding], gaps: &[Gap]) -> Vec<String> {
    let mut said = Vec::new();
    let deciding = findings.iter().map(|finding| finding.bearing).max();
    for finding in findings
        .iter()
        .filter(|finding| Some(finding.bearing) == deciding && finding.bearing > Bearing::Context)
    {
        let Some(rule) = RULES.iter().find(|rule| rule.id == finding.rule) else { continue };
        let sentence = format!("{}: {}", rule.title, rule.changes);
        if said.len() < MAX_RULES && !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    let blocking = gaps.iter().filter(|gap| gap.blocks).count();
    match verdict {
        Verdict::FalsePositive => said.push(
            "A torrent client, its files or a socket to the alert's peer in a later collection would take the clean bill \
             back; so would the word of the sensor that it saw an infohash."
                .to_owned(),
        ),
        Verdict::Inconclusive if blocking > 0 => said.push(format!(
            "A collection that closes the {blocking} {} the clean bill back could give a false positive, where nothing \
             is found.",
            if blocking == 1 { "gap which holds" } else { "gaps which hold" }
        )),
        Verdict::Inconclusive => {}
        Verdict::PolicyViolation => {
            said.push("A sign of somebody else at work on the machine would make it a compromise.".to_owned());
        }
        Verdict::Compromised => said.push(
            "Only the proof that every finding above is honest takes it back; a clean scan of the machine is none.".to_owned(),
        ),
    }
    said
}
