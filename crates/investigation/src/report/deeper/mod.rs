//! What the deeper look found: the second container, each artifact with its outcome, and what is in it, with what says
//! most on top. No rule of the verdict reads any of it: these are rows for a person to read.

mod access;
mod persistence;
mod seen;

use super::Subject;
use super::custody::outcomes;
use super::html::Html;
use super::table::{Row, Set, Table, table};
use super::words::count;
use crate::evidence::{ArtifactKind, Collection, ForensicEvidence};

/// What the report knows of a second container.
#[derive(Clone, Copy, Debug, Default)]
pub enum Deeper<'a> {
    /// There is none, or it is not there yet.
    #[default]
    None,
    /// It was proven, and read.
    Read {
        /// What is in it.
        evidence: &'a ForensicEvidence,
        /// How it was collected.
        collection: &'a Collection,
    },
    /// It is on record and could not be read: why, in one line.
    Unread(&'a str),
}

/// Most rows of each table.
const MAX_ROWS: usize = 40;

pub(super) fn applies(subject: &Subject<'_>) -> bool {
    let look = subject.case.forensics.as_ref();
    !matches!(subject.deeper, Deeper::None) || look.is_some_and(|look| !look.artifacts.is_empty())
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let on_case = subject.case.forensics.as_ref().map_or(&[][..], |look| &look.artifacts);
    match subject.deeper {
        Deeper::None => {
            page.say("p", &[], "What was found lies in the second container, and is not part of this page.");
            outcomes(page, on_case);
        }
        Deeper::Unread(why) => {
            page.tag("p", &[], |page| {
                page.say("span", &[("class", "badge bad")], "✕ not read");
                page.text(" The second container could not be read, so nothing of it is here: ");
                page.outside(why);
            });
            outcomes(page, on_case);
        }
        Deeper::Read { evidence, collection } => {
            page.say("p", &[], "Collected after the verdict, which rests on nothing of it. The tables name the entry of the second container that has every row.");
            outcomes(page, &collection.outcomes);
            found(page, evidence, collection);
        }
    }
}

fn found(page: &mut Html, evidence: &ForensicEvidence, collection: &Collection) {
    let mut lists = Lists { page, collection, written: Vec::new() };
    lists.memory(evidence.memory.as_deref());
    lists.protection(evidence.antivirus.as_deref());
    lists.programs(evidence.recent_executables.as_deref());
    lists.keys(evidence.authorized_keys.as_deref());
    lists.accounts(evidence.accounts.as_deref());
    lists.tasks(evidence.scheduled_tasks.as_deref());
    lists.services(evidence.services.as_deref());
    lists.registry(evidence.registry_persistence.as_deref());
    lists.wmi(evidence.wmi_subscriptions.as_deref());
    lists.transfers(evidence.transfer_jobs.as_deref());
    lists.logins(evidence.logins.as_deref());
    lists.shares(evidence.shares.as_deref());
    lists.logs(evidence.event_logs.as_deref());
    lists.modules(evidence.kernel_modules.as_deref());
    lists.sockets(evidence.packet_sockets.as_deref());
    lists.names(evidence.name_resolution.as_deref());
    lists.histories(evidence.shell_histories.as_deref());
    lists.others();
}

/// Writes one list after the other.
struct Lists<'p, 'c> {
    page: &'p mut Html,
    collection: &'c Collection,
    /// Kinds that have a list.
    written: Vec<ArtifactKind>,
}

/// What stands above a list.
struct Head {
    kind: ArtifactKind,
    heading: &'static str,
    columns: &'static [(&'static str, Set)],
    /// In which order the rows are.
    order: &'static str,
}

impl Lists<'_, '_> {
    /// A list in its order, or why there is none. What nobody asked for has no heading.
    fn list<T, K: Ord>(
        &mut self,
        head: &Head,
        rows: Option<&[T]>,
        order: impl Fn(&T) -> K,
        write: impl FnMut(&mut Row<'_>, &T),
    ) {
        if rows.is_none() && self.collection.outcome(head.kind).is_none() {
            return;
        }
        self.written.push(head.kind);
        self.page.say("h3", &[], head.heading);
        let Some(rows) = rows else {
            return self.page.say("p", &[], "It could not be had: see the outcome above.");
        };
        if rows.is_empty() {
            return self.page.say("p", &[], "None was found.");
        }
        let mut sorted: Vec<&T> = rows.iter().collect();
        sorted.sort_by_key(|row| order(row));
        let (caption, entry) =
            (format!("{}, {}", count(rows.len(), "row", "rows"), head.order), head.kind.parsed_entry());
        let shown = Table { caption: &caption, columns: head.columns, rows: MAX_ROWS, rest_in: &entry };
        let mut write = write;
        table(self.page, &shown, sorted.iter(), |row, item| write(row, item));
    }

    /// What else was collected, and has no list.
    fn others(self) {
        let Self { page, collection, written } = self;
        let rest = collection.outcomes.iter().filter(|outcome| !written.contains(&outcome.kind));
        let rest: Vec<_> = rest.collect();
        if rest.is_empty() {
            return;
        }
        page.say("h3", &[], "What else lies in the second container");
        page.tag("ul", &[], |page| {
            for outcome in rest.iter().take(MAX_ROWS) {
                page.tag("li", &[], |page| {
                    page.outside(&outcome.artifact);
                    page.text(&format!(
                        ": {} in ",
                        count(usize::try_from(outcome.items).unwrap_or(usize::MAX), "row", "rows")
                    ));
                    page.say("code", &[], &outcome.kind.parsed_entry());
                });
            }
        });
    }
}

/// The words of ours that hold, each with its class.
fn badges(page: &mut Html, marks: &[(bool, &str, &str)]) {
    for (_, class, mark) in marks.iter().filter(|(holds, ..)| *holds) {
        page.text(" ");
        page.say("span", &[("class", class)], mark);
    }
}

/// Cells that several lists have.
impl Row<'_> {
    /// Words of ours that hold of the row.
    fn marks(&mut self, marks: &[(bool, &str, &str)]) {
        if !marks.iter().any(|(holds, ..)| *holds) {
            return self.unknown();
        }
        self.cell(|page| badges(page, marks));
    }

    /// The one list that still names what hides from the others.
    fn only_in(&mut self, list: Option<&str>) {
        let Some(list) = list else { return self.unknown() };
        self.cell(|page| {
            page.say("span", &[("class", "badge bad")], "in one list only");
            page.text(" ");
            page.brief(list, 60);
        });
    }

    /// What the system says of a signature, and who signed.
    fn signature(&mut self, signature: Option<&str>, signer: Option<&str>) {
        let Some(signature) = signature else { return self.unknown() };
        self.cell(|page| {
            if signature == "Valid" {
                page.text("valid");
            } else {
                page.tag("span", &[("class", "badge bad")], |page| page.brief(signature, 40));
            }
            if let Some(signer) = signer {
                page.tag("div", &[("class", "path")], |page| page.brief(signer, 120));
            }
        });
    }

    /// A file, or what runs one, and its SHA-256.
    fn file(&mut self, path: Option<&str>, sha256: Option<&str>) {
        let Some(path) = path else { return self.unknown() };
        self.cell(|page| {
            page.outside(path);
            if let Some(sha256) = sha256 {
                page.tag("div", &[("class", "path")], |page| page.brief(sha256, 64));
            }
        });
    }
}
