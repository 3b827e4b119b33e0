//! The rules: each looks at the scene and says what it found. None of them decides; see [`super::assess`].
//!
//! To add a rule: a file here with a `RULE` and its cases beside it, and a line in [`RULES`].
//!
//! Most rules name no ATT&CK technique on purpose. An employee who runs a torrent client is a breach of policy and not
//! an adversary's technique; T1071 and T1105 would claim command and control that nobody saw.

mod client_connected;
mod client_running;
mod client_swarm;
mod draft;
mod dual_use;
mod files;
mod infohash;
mod traces;
mod unknown_program;
mod unknown_swarm;
mod unowned_socket;

pub(super) use draft::Draft;

use super::scene::Scene;

/// One rule.
pub struct Rule {
    /// Stable id; findings carry it.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it means what it says it means.
    pub rationale: &'static str,
    /// MITRE ATT&CK technique, where one fits.
    pub technique: Option<&'static str>,
    /// What an analyst does next.
    pub runbook: &'static str,
    /// Looks.
    pub(super) evaluate: fn(&Scene<'_>) -> Vec<Draft>,
    /// What it must and must not find.
    #[cfg(test)]
    pub(super) cases: fn() -> Vec<super::testing::Case>,
}

/// Every rule; among equals, findings keep this order.
pub static RULES: &[Rule] = &[
    client_connected::RULE,
    infohash::RULE,
    client_swarm::RULE,
    client_running::RULE,
    files::IN_USE,
    dual_use::AT_PEER,
    dual_use::IN_SWARM,
    unknown_program::RULE,
    unowned_socket::RULE,
    unknown_swarm::RULE,
    files::RECENT,
    traces::RAN,
    traces::RESOLVED,
    traces::INSTALLED,
    files::OLD,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::assess::Indicators;

    #[test]
    fn ids_are_unique_and_every_rule_says_what_it_is() {
        let mut seen = HashSet::new();
        for rule in RULES {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            assert!(
                rule.id.contains('.') && !rule.title.is_empty() && rule.rationale.len() > 20,
                "{}",
                rule.id
            );
            assert!(rule.runbook.ends_with('.') && rule.runbook.len() > 20, "{}", rule.id);
            if let Some(technique) = rule.technique {
                assert!(technique.starts_with('T') && technique.len() >= 5, "{}", rule.id);
            }
        }
    }

    #[test]
    fn every_rule_holds_its_cases() {
        for rule in RULES {
            let cases = (rule.cases)();
            assert!(cases.iter().any(|case| case.expected.is_some()), "{} has no positive case", rule.id);
            assert!(cases.iter().any(|case| case.expected.is_none()), "{} has no negative case", rule.id);
            for case in cases {
                let question = case.bench.question();
                let scene = Scene::new(&question, &case.bench.evidence, Indicators::bundled());
                let drafts = (rule.evaluate)(&scene);
                let found = drafts.first().map(|draft| (draft.bearing, draft.confidence));
                assert_eq!(found, case.expected, "{}: {}\n{drafts:#?}", rule.id, case.name);
                for draft in &drafts {
                    assert!(!draft.citations.is_empty(), "{}: {}: cites nothing", rule.id, case.name);
                }
                for word in case.says {
                    let text = drafts.first().map(Draft::explanation).unwrap_or_default();
                    assert!(text.contains(word), "{}: {}: {word:?} is not in {text:?}", rule.id, case.name);
                }
            }
        }
    }
}
