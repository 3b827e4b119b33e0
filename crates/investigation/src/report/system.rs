//! What starts by itself, and what the firewall lets through.

use super::Subject;
use super::html::Html;
use super::table::{Set, Table, table};
use super::words::count;
use crate::evidence::{ArtifactKind, AutostartEntry, FirewallRule};

/// Most entries that start by themselves.
const MAX_ENTRIES: usize = 100;
/// Most rules of the firewall.
const MAX_RULES: usize = 60;

const AUTOSTART: &[(&str, Set)] = &[
    ("Name", Set::Text),
    ("By", Set::Text),
    ("Runs", Set::Code),
    ("As", Set::Text),
    ("Enabled", Set::Word),
    ("Kept in", Set::Code),
];
const FIREWALL: &[(&str, Set)] = &[
    ("Rule", Set::Code),
    ("Does", Set::Text),
    ("Program", Set::Code),
    ("Ports", Set::Text),
    ("In", Set::Text),
];

/// Images of the processes that the findings name: what belongs to them comes first.
fn cited_images(subject: &Subject<'_>) -> Vec<String> {
    let findings = subject.case.assessment.iter().flat_map(|assessment| &assessment.findings);
    let images =
        findings.flat_map(|finding| &finding.citations).filter_map(|citation| citation.image.as_deref());
    let names = |image: &str| [image.to_lowercase(), super::words::file_name(image).to_lowercase()];
    let mut images: Vec<String> = images.flat_map(names).filter(|name| name.len() > 2).collect();
    images.sort_unstable();
    images.dedup();
    images.truncate(20);
    images
}

fn names_any(text: Option<&str>, images: &[String]) -> bool {
    let Some(text) = text.filter(|_| !images.is_empty()).map(str::to_lowercase) else { return false };
    images.iter().any(|image| text.contains(image))
}

pub(super) fn autostart(page: &mut Html, subject: &Subject<'_>) {
    let Some(entries) = subject.evidence.and_then(|evidence| evidence.autostart.as_ref()) else {
        return page.say("p", &[], "It could not be listed; see what was collected.");
    };
    if entries.is_empty() {
        return page.say("p", &[], "Nothing was found that starts by itself.");
    }
    let images = cited_images(subject);
    let mut rows: Vec<&AutostartEntry> = entries.iter().collect();
    rows.sort_by_key(|entry| !names_any(entry.command.as_deref(), &images));
    let entry = ArtifactKind::Autostart.parsed_entry();
    let caption =
        format!("{}, those that run what the findings name first", count(entries.len(), "entry", "entries"));
    let shown = Table { caption: &caption, columns: AUTOSTART, rows: MAX_ENTRIES, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, entry| {
        row.cell(|page| {
            page.outside(&entry.name);
            if names_any(entry.command.as_deref(), &images) {
                page.text(" ");
                page.say("span", &[("class", "badge strong")], "named by a finding");
            }
        });
        row.outside(&entry.mechanism);
        row.maybe(entry.command.as_deref());
        row.maybe(entry.user.as_deref());
        row.text(match entry.enabled {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        });
        row.outside(&entry.location);
    });
}

pub(super) fn firewall(page: &mut Html, subject: &Subject<'_>) {
    let Some(firewall) = subject.evidence.and_then(|evidence| evidence.firewall.as_ref()) else {
        return page.say("p", &[], "It could not be read; see what was collected.");
    };
    page.tag("p", &[], |page| {
        page.text(match firewall.active {
            Some(true) => "Rules are in force",
            Some(false) => "No rule is in force",
            None => "Whether rules are in force could not be read",
        });
        for (index, engine) in firewall.engines.iter().take(10).enumerate() {
            page.text(if index == 0 { " (" } else { ", " });
            page.brief(engine, 40);
        }
        page.text(if firewall.engines.is_empty() { "." } else { ")." });
    });
    let images = cited_images(subject);
    let named = |rule: &FirewallRule| {
        names_any(rule.program.as_deref(), &images) || names_any(Some(&rule.text), &images)
    };
    let mut rows: Vec<(bool, &FirewallRule)> =
        firewall.rules.iter().map(|rule| (named(rule), rule)).collect();
    rows.sort_by_key(|(named, _)| !*named);
    let entry = ArtifactKind::Firewall.parsed_entry();
    let caption = format!("{}, those for what the findings name first", count(rows.len(), "rule", "rules"));
    let shown = Table { caption: &caption, columns: FIREWALL, rows: MAX_RULES, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (_, rule)| {
        row.outside(&rule.text);
        row.maybe(rule.action.as_deref());
        row.maybe(rule.program.as_deref());
        let ports: Vec<String> = rule.ports.iter().take(10).map(ToString::to_string).collect();
        let more = if rule.ports.len() > 10 { ", …" } else { "" };
        row.text(&format!("{}{more}", ports.join(", ")));
        row.cell(|page| {
            page.brief(&rule.engine, 40);
            if let Some(chain) = &rule.chain {
                page.text(" ");
                page.brief(chain, 80);
            }
        });
    });
}
