//! Why: what was found, strongest first, with the rows that it was read off, and what is missing.

use serde::Serialize;
use serde_json::Value;

use super::Subject;
use super::html::Html;
use super::table::{Row, Set, Table, rest, table};
use crate::assess::{Basis, Bearing, Citation, Finding};

/// Most findings that are shown.
const MAX_FINDINGS: usize = 30;
/// Most lines of what is missing.
const MAX_MISSING: usize = 50;
/// Most further fields of a finding.
const MAX_FURTHER: usize = 20;

/// What is set by name below; a field that is not is shown all the same.
const NAMED: [&str; 8] =
    ["rule", "title", "technique", "confidence", "bearing", "explanation", "runbook", "citations"];
const NAMED_OF_ALL: [&str; 7] =
    ["verdict", "confidence", "summary", "findings", "missing", "indicators_version", "basis"];

const CITED: &[(&str, Set)] = &[
    ("As it stands there", Set::Text),
    ("Process", Set::Code),
    ("User", Set::Text),
    ("Peer", Set::Address),
    ("Entry of the evidence", Set::Code),
];

pub(super) fn applies(subject: &Subject<'_>) -> bool {
    subject.case.assessment.is_some()
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let Some(assessment) = &subject.case.assessment else { return };
    if assessment.findings.is_empty() {
        page.say("p", &[], "No rule found anything in the evidence.");
    }
    for (number, finding) in assessment.findings.iter().enumerate().take(MAX_FINDINGS) {
        write_finding(page, number + 1, finding);
    }
    rest(page, assessment.findings.len().saturating_sub(MAX_FINDINGS), "assessment.json");
    further(page, assessment, &NAMED_OF_ALL);
    page.say("h3", &[("id", "missing")], "What is missing from the evidence");
    if assessment.missing.is_empty() {
        page.say("p", &[], "Nothing that the verdict would need.");
    } else {
        page.tag("ul", &[], |page| {
            for missing in assessment.missing.iter().take(MAX_MISSING) {
                page.tag("li", &[], |page| page.outside(missing));
            }
        });
        rest(page, assessment.missing.len().saturating_sub(MAX_MISSING), "assessment.json");
    }
    write_basis(page, &assessment.basis);
    page.tag("p", &[("class", "muted")], |page| {
        page.text("Read with the indicators of version ");
        page.brief(&assessment.indicators_version, 60);
        if let Some(version) = &assessment.basis.rules_version {
            page.text(" and the site's rules of version ");
            page.brief(version, 60);
        }
        page.text(".");
    });
}

/// The chain from the alert to a person, what would change the verdict, and what rules in shadow say.
fn write_basis(page: &mut Html, basis: &Basis) {
    if !basis.chain.is_empty() {
        page.say("h3", &[("id", "chain")], "From the alert to a person");
        page.tag("ol", &[], |page| {
            for link in basis.chain.iter().take(MAX_MISSING) {
                page.tag("li", &[], |page| {
                    page.brief(&link.link, 40);
                    let (class, word) =
                        if link.holds { ("badge good", "holds") } else { ("badge bad", "breaks") };
                    page.text(" ");
                    page.say("span", &[("class", class)], word);
                    page.text(" ");
                    page.brief(&link.says, 700);
                });
            }
        });
    }
    if !basis.would_change.is_empty() {
        page.say("h3", &[("id", "would-change")], "What would change the verdict");
        page.tag("ul", &[], |page| {
            for what in basis.would_change.iter().take(MAX_MISSING) {
                page.tag("li", &[], |page| page.brief(what, 700));
            }
        });
    }
    if !basis.shadow.is_empty() {
        page.say("h3", &[("id", "shadow")], "What rules on trial say, which have no say");
        page.tag("ul", &[], |page| {
            for finding in basis.shadow.iter().take(MAX_FINDINGS) {
                page.tag("li", &[], |page| {
                    page.brief(&finding.title, 200);
                    page.text(" (");
                    page.tag("code", &[], |page| page.brief(&finding.rule, 80));
                    page.text("): ");
                    page.brief(&finding.explanation, 700);
                });
            }
        });
        rest(page, basis.shadow.len().saturating_sub(MAX_FINDINGS), "assessment.json");
    }
}

fn write_finding(page: &mut Html, number: usize, finding: &Finding) {
    let (class, bearing) = match finding.bearing {
        Bearing::Compromise => ("finding compromised", "shows a compromise"),
        Bearing::Violation => ("finding violation", "proves use"),
        Bearing::Suspicion => ("finding inconclusive", "raises suspicion"),
        Bearing::Context => ("finding context", "explains, changes nothing"),
    };
    let id = format!("finding-{number}");
    page.tag("article", &[("class", class), ("aria-labelledby", &id)], |page| {
        page.tag("h3", &[("id", &id)], |page| {
            page.text(&format!("{number}. "));
            page.brief(&finding.title, 200);
        });
        page.tag("p", &[("class", "badges")], |page| {
            page.say("span", &[("class", "badge strong")], bearing);
            page.say("span", &[("class", "badge")], &format!("{} confidence", finding.confidence));
            page.tag("span", &[("class", "badge")], |page| {
                page.text("rule ");
                page.tag("code", &[], |page| page.brief(&finding.rule, 80));
            });
            if let Some(technique) = &finding.technique {
                page.tag("span", &[("class", "badge")], |page| write_technique(page, technique));
            }
        });
        page.tag("p", &[], |page| page.brief(&finding.explanation, 2_000));
        further(page, finding, &NAMED);
        let caption = "Read off these rows";
        let cited = Table { caption, columns: CITED, rows: 20, rest_in: "assessment.json" };
        table(page, &cited, finding.citations.iter(), cite);
        page.tag("p", &[("class", "next")], |page| {
            page.say("strong", &[], "Next: ");
            page.brief(&finding.runbook, 2_000);
        });
    });
}

fn cite(row: &mut Row<'_>, citation: &Citation) {
    row.outside(&citation.excerpt);
    row.cell(|page| {
        match citation.image.as_deref() {
            Some(image) => page.outside(image),
            None => page.say("span", &[("class", "muted")], "–"),
        }
        if let Some(pid) = citation.pid {
            page.say("div", &[("class", "path")], &format!("PID {pid}"));
        }
    });
    row.maybe(citation.user.as_deref());
    row.maybe(citation.peer.as_deref());
    row.cell(|page| {
        page.outside(&citation.entry);
        page.say("div", &[("class", "path")], &format!("row {}", citation.row));
    });
}

/// A technique of ATT&CK, linked where its id is one.
fn write_technique(page: &mut Html, technique: &str) {
    let (id, part) = technique.split_once('.').map_or((technique, None), |(id, part)| (id, Some(part)));
    let digits = |text: &str, many| text.len() == many && text.bytes().all(|b| b.is_ascii_digit());
    page.text("ATT&CK ");
    if id.strip_prefix('T').is_some_and(|id| digits(id, 4)) && part.is_none_or(|part| digits(part, 3)) {
        let part = part.map(|part| format!("/{part}")).unwrap_or_default();
        let address = format!("https://attack.mitre.org/techniques/{id}{part}/");
        page.say("a", &[("href", &address), ("rel", "noopener noreferrer")], technique);
    } else {
        page.brief(technique, 40);
    }
}

/// The fields that this page does not know by name, so that none that a finding has is left out.
pub(super) fn further(page: &mut Html, of: &impl Serialize, named: &[&str]) {
    let Ok(Value::Object(fields)) = serde_json::to_value(of) else { return };
    let unnamed: Vec<_> = fields.iter().filter(|(name, _)| !named.contains(&name.as_str())).collect();
    if unnamed.is_empty() {
        return;
    }
    page.tag("dl", &[("class", "facts")], |page| {
        for (name, value) in unnamed.iter().take(MAX_FURTHER) {
            page.tag("div", &[], |page| {
                page.tag("dt", &[], |page| page.brief(&name.replace('_', " "), 60));
                page.tag("dd", &[], |page| match value {
                    Value::String(text) => page.outside(text),
                    value => page.outside(&value.to_string()),
                });
            });
        }
    });
}
