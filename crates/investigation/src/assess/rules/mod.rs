//! The rules: each looks at the scene and says what it found. None of them decides; see [`super::assess`].
//!
//! To add a rule: a file here with a `RULE` and its cases beside it, and a line in [`RULES`]. A rule that is new to
//! the field begins in [`Mode::Shadow`], and a site's own file turns it on there.
//!
//! Most rules on peer-to-peer software name no ATT&CK technique on purpose. An employee who runs a torrent client is a breach of policy and not
//! an adversary's technique; T1071 and T1105 would claim command and control that nobody saw.

mod client_connected;
mod client_running;
mod client_swarm;
mod compromise;
mod draft;
mod dual_use;
mod files;
mod infohash;
mod own_network;
mod renamed_client;
mod traces;
mod unknown_program;
mod unknown_swarm;
mod unowned_socket;
mod webtorrent;

pub(super) use compromise::is_winlogon_default;
pub(super) use draft::{Draft, cite_autostart, cite_listed, cite_socket, entry_words, who, who_listed};
pub(super) use files::is_use;

use super::rulebook::Mode;
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
    /// What would take its findings back, or make more of them.
    pub changes: &'static str,
    /// What it may do where the site's own files do not say otherwise.
    pub mode: Mode,
    /// Looks.
    pub(super) evaluate: fn(&Scene<'_>) -> Vec<Draft>,
    /// What it must and must not find.
    #[cfg(test)]
    pub(super) cases: fn() -> Vec<super::testing::Case>,
}

/// Every rule; among equals, findings keep this order.
pub static RULES: &[Rule] = &[
    compromise::known_bad::PEER,
    compromise::known_bad::IMAGE,
    compromise::masquerade::SYSTEM,
    compromise::winlogon::RULE,
    compromise::recycle_bin::RULE,
    compromise::parent_chain::RULE,
    compromise::no_file::RULE,
    compromise::foothold::RULE,
    compromise::autostart::COMMAND,
    compromise::autostart::TEMP,
    compromise::firewall::RULE,
    compromise::autostart::LOOSE,
    compromise::masquerade::LOOK_ALIKE,
    client_connected::RULE,
    infohash::RULE,
    client_swarm::RULE,
    renamed_client::RULE,
    client_running::RULE,
    files::IN_USE,
    dual_use::AT_PEER,
    dual_use::IN_SWARM,
    webtorrent::RULE,
    unknown_program::RULE,
    unowned_socket::RULE,
    unknown_swarm::RULE,
    files::RECENT,
    traces::RAN,
    traces::RESOLVED,
    traces::INSTALLED,
    files::OLD,
    own_network::RULE,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::assess::Rulebook;
    use crate::assess::testing::Case;

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
            assert!(rule.changes.ends_with('.') && rule.changes.len() > 20, "{}", rule.id);
            if let Some(technique) = rule.technique {
                assert!(technique.starts_with('T') && technique.len() >= 5, "{}", rule.id);
            }
        }
    }

    /// What a rule finds at most, of its own positive cases.
    fn strongest(rule: &Rule) -> &'static str {
        let most = (rule.cases)().into_iter().filter_map(|case| case.expected).max();
        most.map_or("", |(bearing, _)| bearing.words())
    }

    #[test]
    fn the_manual_lists_every_rule() {
        let mut table =
            "| rule | what it finds | at most it | ATT&CK | mode |\n| --- | --- | --- | --- | --- |\n"
                .to_owned();
        for rule in RULES {
            let mode = match rule.mode {
                Mode::Decide => "decides",
                Mode::Shadow => "shadow",
                Mode::Off => "off",
            };
            let technique = rule.technique.unwrap_or("");
            table.push_str(&format!(
                "| `{}` | {} | {} | {technique} | {mode} |\n",
                rule.id,
                rule.title,
                strongest(rule)
            ));
        }
        let manual = include_str!("../../../../../docs/verdicts.md");
        assert!(manual.contains(&table), "docs/verdicts.md should say\n{table}");
    }

    fn rulebook(case: &Case) -> Rulebook {
        let text = case.bench.rules.unwrap_or("version = 'none'");
        let (book, faults) = Rulebook::with_site(&[crate::assess::RuleText { file: "a.toml", text }]);
        assert!(faults.is_empty(), "{}: {faults:?}", case.name);
        book
    }

    #[test]
    fn every_rule_holds_its_cases() {
        for rule in RULES {
            let cases = (rule.cases)();
            assert!(cases.iter().any(|case| case.expected.is_some()), "{} has no positive case", rule.id);
            assert!(cases.iter().any(|case| case.expected.is_none()), "{} has no negative case", rule.id);
            for case in cases {
                let question = case.bench.question();
                let book = rulebook(&case);
                let scene = Scene::new(&question, &case.bench.evidence, &book);
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
