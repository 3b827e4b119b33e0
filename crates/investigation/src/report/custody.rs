//! The chain of custody: how each artifact went, what was run on the endpoint, what was done with the result, and the
//! hashes by which all of it is found unchanged.

use super::facts::{code, outside, row};
use super::html::Html;
use super::table::{Set, Table, rest, table};
use super::words::{bytes, count, instant};
use super::{REPORT_HTML, Subject};
use crate::evidence::manifest::MANIFEST_PATH;
use crate::evidence::{ArtifactOutcome, ArtifactStatus, Collection};

/// Most reasons of one artifact.
const MAX_REASONS: usize = 20;
/// Most commands.
const MAX_COMMANDS: usize = 200;
/// Most entries with their hashes.
const MAX_HASHES: usize = 400;

const ARTIFACTS: &[(&str, Set)] = &[
    ("Artifact", Set::Text),
    ("Outcome", Set::Word),
    ("Rows", Set::Number),
    ("Took", Set::Number),
    ("What is missing, and why", Set::Text),
];
const COMMANDS: &[(&str, Set)] = &[
    ("Started (UTC)", Set::Code),
    ("Command", Set::Code),
    ("For", Set::Text),
    ("Exit", Set::Number),
    ("Output", Set::Number),
    ("Took", Set::Number),
];
const HASHES: &[(&str, Set)] = &[("Entry", Set::Code), ("Size", Set::Number), ("SHA-256", Set::Code)];

pub(super) fn artifacts(page: &mut Html, subject: &Subject<'_>) {
    outcomes(page, subject.collection.map_or(&subject.case.artifacts, |collection| &collection.outcomes));
}

/// How each artifact of a collection went, also of the second one.
pub(super) fn outcomes(page: &mut Html, outcomes: &[ArtifactOutcome]) {
    let whole = outcomes.iter().filter(|outcome| outcome.status == ArtifactStatus::Ok).count();
    let text = match outcomes.len() - whole {
        0 => "Every artifact is whole.".to_owned(),
        short => format!(
            "{} not whole: what was not seen was not refuted.",
            count(short, "artifact is", "artifacts are")
        ),
    };
    page.say("p", &[], &text);
    let caption = "Artifacts, in the order of collection";
    let shown = Table { caption, columns: ARTIFACTS, rows: 50, rest_in: "collection.json" };
    table(page, &shown, outcomes.iter(), |row, outcome| {
        row.outside(&outcome.artifact);
        row.cell(|page| status(page, outcome));
        row.number(outcome.items);
        row.text(&milliseconds(outcome.finished_at.duration_since(outcome.started_at).as_millis()));
        row.cell(|page| {
            page.tag("ul", &[("class", "plain")], |page| {
                for reason in outcome.reasons.iter().take(MAX_REASONS) {
                    page.tag("li", &[], |page| page.outside(reason));
                }
            });
            rest(page, outcome.reasons.len().saturating_sub(MAX_REASONS), "collection.json");
        });
    });
}

/// As sign and word, never as colour alone.
fn status(page: &mut Html, outcome: &ArtifactOutcome) {
    let (class, text) = match outcome.status {
        ArtifactStatus::Ok => ("badge good", "✓ ok"),
        ArtifactStatus::Partial => ("badge doubt", "◐ partial"),
        ArtifactStatus::Truncated => ("badge doubt", "✂ truncated"),
        ArtifactStatus::Failed => ("badge bad", "✕ failed"),
    };
    page.say("span", &[("class", class)], text);
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    if let Some(collection) = subject.collection {
        page.say("h3", &[], "How it was collected");
        page.tag("dl", &[("class", "facts")], |page| write_collection(page, collection));
        commands(page, collection);
    }
    if let Some(sealed) = &subject.case.evidence {
        page.say("h3", &[], "The container");
        page.tag("dl", &[("class", "facts")], |page| {
            outside(page, "Lies at", Some(&sealed.location));
            code(page, "SHA-256", Some(&sealed.sha256));
            row(page, "Size", |page| page.text(&bytes(sealed.size)));
            row(page, "Sealed", |page| instant(page, sealed.sealed_at));
        });
    }
    hashes(page, subject);
}

fn write_collection(page: &mut Html, collection: &Collection) {
    outside(page, "By", Some(&collection.collector_host));
    outside(page, "With", Some(&format!("Peerhound {}", collection.collector_version)));
    outside(page, "Over", Some(&collection.transport));
    row(page, "From", |page| page.text(&collection.target.to_string()));
    outside(page, "The endpoint proved itself by", collection.endpoint_key.as_deref());
    row(page, "Begun", |page| instant(page, collection.started_at));
    row(page, "Done", |page| instant(page, collection.finished_at));
    row(page, "The endpoint's clock", |page| match collection.clock_skew_ms {
        Some(skew) => page.text(&format!(
            "{} {} the collector's",
            milliseconds(i128::from(skew.unsigned_abs())),
            if skew < 0 { "behind" } else { "ahead of" }
        )),
        None => page.text("not known"),
    });
}

fn commands(page: &mut Html, collection: &Collection) {
    let caption = "Everything that was run on the endpoint";
    let shown = Table { caption, columns: COMMANDS, rows: MAX_COMMANDS, rest_in: "collection.json" };
    table(page, &shown, collection.commands.iter(), |row, command| {
        row.time(Some(command.started_at));
        row.outside(&command.command);
        row.outside(&command.artifact);
        match command.exit_code {
            Some(code) => row.text(&code.to_string()),
            None => row.unknown(),
        }
        row.text(&bytes(command.stdout_bytes));
        row.text(&milliseconds(i128::from(command.elapsed_ms)));
    });
}

fn hashes(page: &mut Html, subject: &Subject<'_>) {
    if subject.entries.is_empty() {
        return;
    }
    page.say("h3", &[], "Hashes");
    page.tag("p", &[], |page| {
        page.say("code", &[], MANIFEST_PATH);
        page.text(" lists every entry of the container with its SHA-256, ");
        page.say("code", &[], REPORT_HTML);
        page.text(" included, which cannot state its own; where they differ, the manifest counts. ");
        page.say("code", &[], &format!("peerhound verify {}.zip", crate::text::one_line(&subject.case.id, 60)));
        page.text(" proves all of it, offline. That it is the file which was sealed is shown by the SHA-256 of the whole, in the ticket and on the case.");
    });
    let caption = "Entries of the container";
    let shown = Table { caption, columns: HASHES, rows: MAX_HASHES, rest_in: MANIFEST_PATH };
    table(page, &shown, subject.entries.iter(), |row, entry| {
        row.outside(&entry.path);
        row.text(&bytes(entry.size));
        row.outside(&entry.sha256);
    });
}

fn milliseconds(value: i128) -> String {
    match value {
        ..0 => "–".to_owned(),
        0..1_000 => format!("{value}\u{a0}ms"),
        1_000..120_000 => format!("{}.{}\u{a0}s", value / 1_000, value % 1_000 / 100),
        _ => format!("{}\u{a0}min", value / 60_000),
    }
}
