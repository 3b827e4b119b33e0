//! `report.md`: what a person reads first when a container is opened.

use std::fmt::Write as _;

use super::brief::{Brief, MAX_VALUE, minute};
use super::message::short;
use super::ticket::facts_table;
use crate::assess::summary;
use crate::evidence::{ArtifactStatus, Collection};
use crate::text::markdown;

/// Most commands that the report lists; the manifest lists all.
const MAX_COMMANDS: usize = 200;

/// The report for the container: facts, verdict, how the collection went, and what was run on the endpoint.
pub fn report_markdown(brief: &Brief, collection: &Collection) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# Case {}\n", cell(&brief.case_id));
    out.push_str(&facts_table(brief));
    if let Some(assessment) = &brief.assessment {
        let _ = write!(out, "\n{}", summary::explain_markdown(assessment));
    }
    collected(&mut out, collection);
    commands(&mut out, collection);
    let _ = writeln!(
        out,
        "\n## How to check this\n\n`peerhound verify` proves every file here against `manifest.json`. That this is the file \
         which was sealed is shown by its own SHA-256 in the ticket and on the case."
    );
    out
}

fn collected(out: &mut String, collection: &Collection) {
    let _ = writeln!(out, "\n## Collection\n");
    let _ = writeln!(
        out,
        "{} by {} {} over {}, from {} to {}.",
        if collection.is_complete() { "Whole" } else { "**Not whole**" },
        cell(&collection.collector_host),
        cell(&collection.collector_version),
        cell(&collection.transport),
        minute(collection.started_at),
        minute(collection.finished_at),
    );
    if let Some(key) = &collection.endpoint_key {
        let _ = writeln!(out, "The endpoint proved itself by {}.", cell(key));
    }
    if let Some(skew) = collection.clock_skew_ms {
        let _ = writeln!(out, "Its clock was {} ms {} the collector's.", skew.unsigned_abs(), side(skew));
    }
    if let Some(program) = &collection.program {
        let _ = writeln!(
            out,
            "A program was sent to it, {} {} (SHA-256 {}), {}.",
            cell(&program.name),
            cell(&program.version),
            cell(&program.sha256),
            if program.removed {
                "and removed again".to_owned()
            } else {
                format!("**and could not be removed: it lies at {}**", cell(&program.path))
            }
        );
    }
    let _ = writeln!(out, "\n| Artifact | Status | Items | Why |\n| --- | --- | ---: | --- |");
    for outcome in &collection.outcomes {
        let status = match outcome.status {
            ArtifactStatus::Ok => "ok",
            ArtifactStatus::Partial => "partial",
            ArtifactStatus::Truncated => "truncated",
            ArtifactStatus::Failed => "failed",
        };
        let why: Vec<String> = outcome.reasons.iter().take(20).map(|reason| cell(reason)).collect();
        let rest = outcome.reasons.len().saturating_sub(20);
        let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let _ = writeln!(
            out,
            "| {} | {status} | {} | {}{rest} |",
            cell(&outcome.artifact),
            outcome.items,
            why.join("; ")
        );
    }
}

fn commands(out: &mut String, collection: &Collection) {
    if collection.commands.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Commands run on the endpoint\n");
    let _ = writeln!(
        out,
        "| Started | Artifact | Command | Exit | Bytes | ms |\n| --- | --- | --- | ---: | ---: | ---: |"
    );
    for command in collection.commands.iter().take(MAX_COMMANDS) {
        let exit = command.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {exit} | {} | {} |",
            minute(command.started_at),
            cell(&command.artifact),
            cell(&command.command),
            command.stdout_bytes,
            command.elapsed_ms,
        );
    }
    let rest = collection.commands.len().saturating_sub(MAX_COMMANDS);
    if rest > 0 {
        let _ = writeln!(out, "\nAnd {rest} more, see `manifest.json`.");
    }
}

fn side(skew: i64) -> &'static str {
    if skew < 0 { "behind" } else { "ahead of" }
}

fn cell(text: &str) -> String {
    markdown(&short(text, MAX_VALUE))
}
