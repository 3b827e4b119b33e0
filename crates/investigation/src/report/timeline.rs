//! The timeline: the alert, what the evidence dates, and what was done, in one order.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Subject;
use super::html::Html;
use super::table::{Set, Table, table};
use super::words::file_name;
use crate::assess::Citation;
use crate::evidence::ArtifactKind;

/// Most moments of each kind that the evidence gives.
const MAX_OF_KIND: usize = 30;
/// Most rows.
const MAX_ROWS: usize = 250;

const COLUMNS: &[(&str, Set)] = &[("Time (UTC)", Set::Code), ("What", Set::Text), ("Known from", Set::Text)];

/// The one source that the eye looks for.
const ALERT: &str = "the alert";

/// Something that happened.
struct Moment {
    at: Timestamp,
    what: String,
    from: &'static str,
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let mut moments = Vec::new();
    of_case(&mut moments, subject);
    of_endpoint(&mut moments, subject);
    moments.sort_by_key(|moment| moment.at);
    if let Some(skew) = subject.collection.and_then(|collection| collection.clock_skew_ms)
        && skew.unsigned_abs() >= 1_000
    {
        let side = if skew < 0 { "behind" } else { "ahead of" };
        let text = format!(
            "The endpoint's clock was {} s {side} the collector's; its times are as it gave them.",
            skew.unsigned_abs() / 1_000
        );
        page.say("p", &[], &text);
    }
    let shown = Table {
        caption: "What happened, the earliest first",
        columns: COLUMNS,
        rows: MAX_ROWS,
        rest_in: "case.json",
    };
    table(page, &shown, moments.iter(), |row, moment| {
        row.time(Some(moment.at));
        row.outside(&moment.what);
        row.cell(|page| match moment.from {
            ALERT => page.say("span", &[("class", "badge strong")], ALERT),
            from => page.text(from),
        });
    });
}

fn of_case(moments: &mut Vec<Moment>, subject: &Subject<'_>) {
    let case = subject.case;
    let mut add = |at, what: String, from| moments.push(Moment { at, what, from });
    if let Some(seen) = case.alert.timestamp {
        let rule = case.alert.rule_name.as_deref().unwrap_or("alert");
        add(seen, format!("The sensor saw it: {rule}"), ALERT);
    }
    for entry in &case.history {
        add(entry.at, entry.what.clone(), "case");
    }
    if let Some(collection) = subject.collection {
        let way = format!("Collection begins over {}", collection.transport);
        add(collection.started_at, way, "collector");
        add(collection.finished_at, "Collection ends".to_owned(), "collector");
    }
}

/// What the endpoint dates of what the findings rest on: its start, sessions, the cited processes and files.
fn of_endpoint(moments: &mut Vec<Moment>, subject: &Subject<'_>) {
    let Some(evidence) = subject.evidence else { return };
    let mut add = |at: Option<Timestamp>, what: String, from| {
        moments.extend(at.map(|at| Moment { at, what, from }));
    };
    if let Some(identity) = &evidence.identity {
        add(identity.boot_time, "The machine starts".to_owned(), "endpoint, identity");
        for user in identity.users.iter().take(MAX_OF_KIND) {
            add(user.since, format!("{} logs in", user.name), "endpoint, identity");
        }
    }
    let cited = Cited::of(subject);
    let processes = evidence.processes.iter().flatten().filter(|process| cited.pids.contains(&process.pid));
    for process in processes.take(MAX_OF_KIND) {
        let what = format!("{} (PID {}) starts", process.name, process.pid);
        add(process.start_time, what, "endpoint, processes");
    }
    let files = evidence.torrents.iter().flatten().enumerate();
    let files = files.filter(|(row, _)| cited.torrent_rows.contains(row)).take(MAX_OF_KIND);
    for (_, file) in files {
        let name = file_name(&file.path);
        add(file.created, format!("{name} is created"), "endpoint, torrents");
        add(file.modified, format!("{name} is changed"), "endpoint, torrents");
    }
}

/// What the findings cite.
pub(super) struct Cited {
    /// Processes.
    pub pids: BTreeSet<u32>,
    /// Rows of the torrents.
    pub torrent_rows: BTreeSet<usize>,
}

impl Cited {
    pub(super) fn of(subject: &Subject<'_>) -> Self {
        Self {
            torrent_rows: Self::rows(subject, ArtifactKind::Torrents),
            pids: citations(subject).filter_map(|citation| citation.pid).collect(),
        }
    }

    /// Rows of one kind.
    pub(super) fn rows(subject: &Subject<'_>, kind: ArtifactKind) -> BTreeSet<usize> {
        let entry = kind.parsed_entry();
        citations(subject).filter(|citation| citation.entry == entry).map(|citation| citation.row).collect()
    }
}

fn citations<'s>(subject: &Subject<'s>) -> impl Iterator<Item = &'s Citation> {
    let findings = subject.case.assessment.iter().flat_map(|assessment| &assessment.findings);
    findings.flat_map(|finding| &finding.citations)
}
