//! Traces: programs that ran by Prefetch, programs that are installed, names in the resolver's cache, and the machines on
//! the endpoint's own link. Systems do not keep all of them, and what is not kept has no part on the page.

use std::cmp::Reverse;

use super::Subject;
use super::html::Html;
use super::table::{Set, Table, table};
use super::timeline::Cited;
use super::words::count;
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, DnsRecord, Evidence, Neighbor, NeighborState, Prefetched, Program,
};

/// Most programs that ran.
const MAX_RUNS: usize = 60;
/// Most programs that are installed: those that no finding is about are many, and say little.
const MAX_PROGRAMS: usize = 60;
/// Most names.
const MAX_NAMES: usize = 80;
/// Most machines.
const MAX_NEIGHBORS: usize = 60;

const RUNS: &[(&str, Set)] = &[
    ("Program", Set::Text),
    ("Last ran (UTC)", Set::Code),
    ("First ran (UTC)", Set::Code),
    ("File", Set::Code),
];
const PROGRAMS: &[(&str, Set)] = &[
    ("Name", Set::Text),
    ("Version", Set::Text),
    ("Publisher", Set::Text),
    ("Installed", Set::Word),
    ("For", Set::Text),
    ("Kept by", Set::Text),
];
const NAMES: &[(&str, Set)] =
    &[("Name", Set::Code), ("Type", Set::Text), ("Answer", Set::Code), ("Kept for (s)", Set::Number)];
const NEIGHBORS: &[(&str, Set)] = &[
    ("Address", Set::Address),
    ("Link-layer address", Set::Code),
    ("Interface", Set::Text),
    ("State", Set::Word),
];

/// Whether something of a kind was looked for: it is there, or the outcome says why not.
fn looked_for(subject: &Subject<'_>, kind: ArtifactKind, is_there: fn(&Evidence) -> bool) -> bool {
    let asked = |outcomes: &[ArtifactOutcome]| outcomes.iter().any(|outcome| outcome.kind == kind);
    let Some(evidence) = subject.evidence else { return false };
    is_there(evidence)
        || asked(&subject.case.artifacts)
        || subject.collection.is_some_and(|collection| asked(&collection.outcomes))
}

pub(super) fn has_runs(subject: &Subject<'_>) -> bool {
    looked_for(subject, ArtifactKind::Prefetch, |evidence| evidence.prefetch.is_some())
}

pub(super) fn has_programs(subject: &Subject<'_>) -> bool {
    looked_for(subject, ArtifactKind::Programs, |evidence| evidence.programs.is_some())
}

pub(super) fn has_names(subject: &Subject<'_>) -> bool {
    looked_for(subject, ArtifactKind::DnsCache, |evidence| evidence.dns_cache.is_some())
}

pub(super) fn has_neighbors(subject: &Subject<'_>) -> bool {
    looked_for(subject, ArtifactKind::Neighbors, |evidence| evidence.neighbors.is_some())
}

/// Rows with those that the findings cite first, else by what `order` says, else as they came.
fn in_order<'e, T, K: Ord>(
    subject: &Subject<'_>,
    kind: ArtifactKind,
    rows: &'e [T],
    order: impl Fn(&T) -> K,
) -> Vec<(bool, &'e T)> {
    let cited = Cited::rows(subject, kind);
    let mut rows: Vec<(bool, &T)> =
        rows.iter().enumerate().map(|(row, item)| (cited.contains(&row), item)).collect();
    rows.sort_by_key(|(cited, item)| (!*cited, order(item)));
    rows
}

/// The first cell of a row: its name, and whether a finding is about it.
fn named(page: &mut Html, name: &str, cited: bool) {
    page.outside(name);
    if cited {
        page.text(" ");
        page.say("span", &[("class", "badge strong")], "named by a finding");
    }
}

pub(super) fn runs(page: &mut Html, subject: &Subject<'_>) {
    let Some(files) = subject.evidence.and_then(|evidence| evidence.prefetch.as_ref()) else {
        return page.say("p", &[], "The Prefetch folder could not be read; see what was collected.");
    };
    if files.is_empty() {
        return page.say(
            "p",
            &[],
            "Windows remembers no program: it does not prefetch, or the folder was emptied.",
        );
    }
    let kind = ArtifactKind::Prefetch;
    let rows = in_order(subject, kind, files, |file: &Prefetched| Reverse(file.modified));
    let caption =
        format!("{}, those of findings first, then the latest", count(rows.len(), "program", "programs"));
    let entry = kind.parsed_entry();
    let shown = Table { caption: &caption, columns: RUNS, rows: MAX_RUNS, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (cited, file)| {
        row.cell(|page| named(page, &file.program, *cited));
        row.time(file.modified);
        row.time(file.created);
        row.outside(&file.file);
    });
}

pub(super) fn programs(page: &mut Html, subject: &Subject<'_>) {
    let Some(programs) = subject.evidence.and_then(|evidence| evidence.programs.as_ref()) else {
        return page.say("p", &[], "They could not be listed; see what was collected.");
    };
    if programs.is_empty() {
        return page.say("p", &[], "None was found.");
    }
    let kind = ArtifactKind::Programs;
    // What a person installed, and when, says more than the hundreds of packages that a system comes with.
    let rows = in_order(subject, kind, programs, |program: &Program| Reverse(program.installed));
    let caption =
        format!("{}, those of findings first, then the latest", count(rows.len(), "program", "programs"));
    let entry = kind.parsed_entry();
    let shown = Table { caption: &caption, columns: PROGRAMS, rows: MAX_PROGRAMS, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (cited, program)| {
        row.cell(|page| {
            named(page, &program.name, *cited);
            if let Some(image) = program.image.as_deref().or(program.folder.as_deref()) {
                page.tag("div", &[("class", "path")], |page| page.outside(image));
            }
        });
        row.maybe(program.version.as_deref());
        row.maybe(program.publisher.as_deref());
        row.maybe(program.installed.map(|day| day.to_string()).as_deref());
        match &program.user {
            Some(user) => row.outside(user),
            None => row.text("everybody"),
        }
        row.outside(&program.source);
    });
}

pub(super) fn names(page: &mut Html, subject: &Subject<'_>) {
    let Some(records) = subject.evidence.and_then(|evidence| evidence.dns_cache.as_ref()) else {
        return page.say("p", &[], "The cache could not be read; see what was collected.");
    };
    if records.is_empty() {
        return page.say("p", &[], "The resolver kept nothing.");
    }
    let kind = ArtifactKind::DnsCache;
    let rows = in_order(subject, kind, records, |_: &DnsRecord| ());
    let caption = format!("{}, those of findings first", count(rows.len(), "record", "records"));
    let entry = kind.parsed_entry();
    let shown = Table { caption: &caption, columns: NAMES, rows: MAX_NAMES, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (cited, record)| {
        row.cell(|page| named(page, &record.name, *cited));
        row.maybe(record.kind.as_deref());
        row.maybe(record.data.as_deref());
        row.maybe_number(record.ttl);
    });
}

pub(super) fn neighbors(page: &mut Html, subject: &Subject<'_>) {
    let Some(neighbors) = subject.evidence.and_then(|evidence| evidence.neighbors.as_ref()) else {
        return page.say("p", &[], "They could not be listed; see what was collected.");
    };
    if neighbors.is_empty() {
        return page.say("p", &[], "The endpoint knew of none.");
    }
    let kind = ArtifactKind::Neighbors;
    let peer = subject.case.peer_ip;
    let rows = in_order(subject, kind, neighbors, |neighbor: &Neighbor| {
        (Some(neighbor.ip) != peer, rank(neighbor.state), neighbor.ip)
    });
    let caption = format!(
        "{} on the endpoint's own link, those that answered lately first",
        count(rows.len(), "machine", "machines")
    );
    let entry = kind.parsed_entry();
    let shown = Table { caption: &caption, columns: NEIGHBORS, rows: MAX_NEIGHBORS, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (_, neighbor)| {
        row.cell(|page| {
            page.text(&neighbor.ip.to_string());
            if Some(neighbor.ip) == peer {
                page.text(" ");
                page.say("span", &[("class", "badge strong")], "the alert's peer");
            }
        });
        row.maybe(neighbor.mac.as_deref());
        row.maybe(neighbor.interface.as_deref());
        row.text(match neighbor.state {
            Some(NeighborState::Reachable) => "answered lately",
            Some(NeighborState::Stale) => "was there",
            Some(NeighborState::Permanent) => "set by hand",
            Some(NeighborState::Incomplete) => "silent",
            None => "not known",
        });
    });
}

fn rank(state: Option<NeighborState>) -> u8 {
    match state {
        Some(NeighborState::Reachable) => 0,
        Some(NeighborState::Stale) => 1,
        None => 2,
        Some(NeighborState::Permanent) => 3,
        Some(NeighborState::Incomplete) => 4,
    }
}
