//! Prints outcomes as they come, and remembers how the program should end.

use std::sync::Arc;

use investigation::text::one_line;

use super::outcome::Outcome;
use super::progress::Progress;
use super::safe;
use crate::exit::Exit;

/// Prints outcomes and remembers the worst.
pub(crate) struct Printer {
    json: bool,
    progress: Arc<Progress>,
    exit: Exit,
    counts: Vec<(String, u64)>,
}

impl Printer {
    pub(crate) fn new(json: bool, progress: Arc<Progress>) -> Self {
        Self { json, progress, exit: Exit::Done, counts: Vec::new() }
    }

    /// Prints one outcome.
    pub(crate) fn print(&mut self, outcome: &Outcome) {
        self.exit = self.exit.max(outcome.exit());
        let word = outcome.verdict.filter(|_| outcome.outcome == "investigated").unwrap_or(outcome.outcome);
        match self.counts.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((word.to_owned(), 1)),
        }
        if self.json {
            super::json(outcome);
        } else if outcome.outcome == "unreadable" {
            let reason = outcome.reason.as_deref().unwrap_or("cannot be read");
            let line = format!("peerhound: {}: {}", safe(&outcome.origin), one_line(reason, 600));
            self.progress.suspend(|| super::note(&line));
        } else {
            self.progress.suspend(|| super::lines(&outcome.lines()));
        }
    }

    /// Prints the sum, where there was more than one.
    pub(crate) fn finish(&self) {
        let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
        if self.json || total < 2 {
            return;
        }
        let parts: Vec<String> =
            self.counts.iter().map(|(word, count)| format!("{count} {}", word.replace('_', " "))).collect();
        self.progress.suspend(|| super::lines(&[format!("{total} alerts: {}", parts.join(", "))]));
    }

    /// The exit code so far.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}
