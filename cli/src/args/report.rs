//! Arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(super) const AFTER_HELP: &str = "\
Counts what came in over a time and what became of it: alerts received, suppressed and why, cases by verdict, who came \
again, how long evidence took, what was not reached, which actions failed, what is open. Changes nothing. The policy's \
[digest] mails the same once a day; docs/digest.md says what each figure counts.

An end of the time is how long ago (7d, 24h), a date (its first moment, UTC) or a moment (RFC 3339).

Examples:
  peerhound report
  peerhound report --since 24h
  peerhound report --since 2026-11-01 --until 2026-12-01 --format html --out november.html
  peerhound report --since 30d --format csv --out - > month.csv
  peerhound report --since 7d --json | jq '.people.share_without'
  peerhound --deployment deployment.toml report --since 7d

Exit codes: 0 it is written; 2 the time is none, or the file exists already; 4 the database failed.";

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Its beginning: how long ago, a date, or a moment
    #[arg(long, default_value = "7d", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: String,
    /// Its end, which is not part of it [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// How it is written [default: text, or json with --json]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// File to write, or - for standard output; never one that exists
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal
    Text,
    /// A page with charts, which loads nothing and runs nothing
    Html,
    /// One value a line, for a spreadsheet
    Csv,
    /// One object
    Json,
}
