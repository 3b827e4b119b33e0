//! What is collected besides from a machine that is compromised, an artifact a file. No rule reads it: it is for the
//! people who take over. What they have in common is here.

pub(crate) mod authorized_keys;
pub(crate) mod kernel_modules;
pub(crate) mod logins;
pub(crate) mod memory;
pub(crate) mod name_resolution;
pub(crate) mod packet_sockets;
pub(crate) mod recent_executables;
pub(crate) mod scheduled_tasks;
pub(crate) mod shell_histories;

#[cfg(test)]
mod testing;

use investigation::evidence::ArtifactStatus;
use investigation::order::Limits;
use jiff::Timestamp;

use super::facts::Facts;
use super::record::{Records, cut_text};
use super::tally::Tally;

/// Longest name that is kept, in bytes.
pub(crate) const NAME_CAP: usize = 255;
/// Longest path that is kept, in bytes: Linux has none above 4,095.
pub(crate) const PATH_CAP: usize = 4096;

/// The scripts, beside those of the other artifacts.
mod script_of {
    use super::super::script;

    pub(super) fn packet_sockets() -> &'static str {
        script!("sh/packet_sockets.sh")
    }

    pub(super) fn logins() -> &'static str {
        script!("sh/logins.sh")
    }

    pub(super) fn kernel_modules() -> &'static str {
        script!("sh/kernel_modules.sh")
    }

    pub(super) fn name_resolution() -> &'static str {
        script!("sh/name_resolution.sh")
    }

    pub(super) fn scheduled_tasks() -> &'static str {
        script!("sh/scheduled_tasks.sh")
    }

    pub(super) fn authorized_keys() -> &'static str {
        script!("sh/authorized_keys.sh")
    }

    pub(super) fn shell_histories() -> &'static str {
        script!("sh/shell_histories.sh")
    }

    pub(super) fn recent_executables() -> &'static str {
        script!("sh/recent_executables.sh")
    }
}

/// Rows up to the cap; the rest is counted.
pub(crate) struct Rows<'a, T> {
    pub(crate) rows: Vec<T>,
    limits: &'a Limits,
}

impl<'a, T> Rows<'a, T> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { rows: Vec::new(), limits }
    }

    pub(crate) fn push(&mut self, row: T, tally: &mut Tally) {
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "rows beyond the cap were left out");
        } else {
            self.rows.push(row);
        }
    }
}

/// Says whether the answer came to its end.
fn note_whole(records: &Records<'_>, tally: &mut Tally) {
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end: rows are missing");
    }
}

/// Seconds since 1970, with or without a fraction.
fn seconds(text: &str) -> Option<Timestamp> {
    let whole = text.trim().split('.').next()?;
    Timestamp::from_second(whole.parse().ok()?).ok()
}

/// The owner that `stat` names by number.
fn owner(facts: &Facts, uid: &str) -> Option<String> {
    Some(cut(facts.account(uid.parse().ok()?), NAME_CAP))
}

pub(crate) fn cut(mut text: String, cap: usize) -> String {
    cut_text(&mut text, cap);
    text
}

/// Text that says something.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
