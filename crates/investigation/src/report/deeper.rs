//! What the deeper look found: the second container, each artifact with its outcome, and what is in it, with what says
//! most on top. No rule of the verdict reads any of it: these are rows for a person to read.

use std::cmp::Reverse;

use super::Subject;
use super::custody::outcomes;
use super::html::Html;
use super::table::{Row, Set, Table, table};
use super::words::{bytes, count};
use crate::evidence::{
    ArtifactKind, AuthorizedKey, Collection, ForensicEvidence, HistoryFile, KernelModule, Login, LoginKind,
    NameEntry, PacketSocket, RecentExecutable, ScheduledTask,
};

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

/// What has a list below.
const LISTED: [ArtifactKind; 8] = [
    ArtifactKind::RecentExecutables,
    ArtifactKind::AuthorizedKeys,
    ArtifactKind::ScheduledTasks,
    ArtifactKind::Logins,
    ArtifactKind::KernelModules,
    ArtifactKind::PacketSockets,
    ArtifactKind::NameResolution,
    ArtifactKind::ShellHistories,
];

const PROGRAMS: &[(&str, Set)] = &[
    ("File, and its SHA-256", Set::Code),
    ("Written (UTC)", Set::Code),
    ("Owner", Set::Text),
    ("Mode", Set::Code),
    ("Size", Set::Number),
];
const KEYS: &[(&str, Set)] = &[
    ("Lets in", Set::Text),
    ("Key", Set::Code),
    ("Comment", Set::Text),
    ("Restricted by", Set::Code),
    ("File", Set::Code),
    ("Written (UTC)", Set::Code),
];
const TASKS: &[(&str, Set)] = &[
    ("File", Set::Code),
    ("By", Set::Text),
    ("Owner", Set::Text),
    ("Written (UTC)", Set::Code),
    ("What it says", Set::Code),
];
const LOGINS: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("At (UTC)", Set::Code),
    ("Account", Set::Text),
    ("From", Set::Text),
    ("On", Set::Text),
    ("Known from", Set::Code),
];
const MODULES: &[(&str, Set)] = &[
    ("Module", Set::Code),
    ("Mark", Set::Text),
    ("Taints by", Set::Text),
    ("State", Set::Text),
    ("Used by", Set::Text),
];
const SOCKETS: &[(&str, Set)] = &[
    ("Held by", Set::Text),
    ("Sees", Set::Word),
    ("Protocol", Set::Number),
    ("Interface", Set::Number),
    ("User", Set::Text),
];
const NAMES: &[(&str, Set)] = &[
    ("Kind", Set::Word),
    ("Value", Set::Code),
    ("Names", Set::Text),
    ("File", Set::Code),
    ("Written (UTC)", Set::Code),
];
const HISTORIES: &[(&str, Set)] = &[
    ("History", Set::Code),
    ("Owner", Set::Text),
    ("Size", Set::Number),
    ("Written (UTC)", Set::Code),
    ("Leads to", Set::Code),
];

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
    let mut lists = Lists { page, collection };
    lists.programs(evidence.recent_executables.as_deref());
    lists.keys(evidence.authorized_keys.as_deref());
    lists.tasks(evidence.scheduled_tasks.as_deref());
    lists.logins(evidence.logins.as_deref());
    lists.modules(evidence.kernel_modules.as_deref());
    lists.sockets(evidence.packet_sockets.as_deref());
    lists.names(evidence.name_resolution.as_deref());
    lists.histories(evidence.shell_histories.as_deref());
    others(page, collection);
}

/// What else was collected, and is not shown here.
fn others(page: &mut Html, collection: &Collection) {
    let rest: Vec<_> = collection.outcomes.iter().filter(|outcome| !LISTED.contains(&outcome.kind)).collect();
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

/// Writes one list after the other.
struct Lists<'p, 'c> {
    page: &'p mut Html,
    collection: &'c Collection,
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

    fn programs(&mut self, rows: Option<&[RecentExecutable]>) {
        let head = Head {
            kind: ArtifactKind::RecentExecutables,
            heading: "Programs that came lately",
            columns: PROGRAMS,
            order: "the latest first",
        };
        self.list(
            &head,
            rows,
            |file| Reverse(file.changed_at.or(file.modified_at)),
            |row, file| {
                row.cell(|page| {
                    page.outside(&file.path);
                    if let Some(sha256) = &file.sha256 {
                        page.tag("div", &[("class", "path")], |page| page.brief(sha256, 64));
                    }
                });
                row.time(file.changed_at.or(file.modified_at));
                row.maybe(file.owner.as_deref());
                row.outside(&file.mode);
                row.text(&bytes(file.size));
            },
        );
    }

    fn keys(&mut self, rows: Option<&[AuthorizedKey]>) {
        let head = Head {
            kind: ArtifactKind::AuthorizedKeys,
            heading: "Keys that let somebody in",
            columns: KEYS,
            order: "the latest files first, and in them what nothing restricts",
        };
        let order = |key: &AuthorizedKey| (Reverse(key.modified_at), key.options.is_some());
        self.list(&head, rows, order, |row, key| {
            row.maybe(key.user.as_deref());
            row.cell(|page| {
                page.brief(&key.key_type, 60);
                page.text(" ");
                page.outside(&key.fingerprint);
            });
            row.maybe(key.comment.as_deref());
            row.maybe(key.options.as_deref());
            row.cell(|page| {
                page.outside(&key.path);
                page.text(&format!(", line {}", key.line));
            });
            row.time(key.modified_at);
        });
    }

    fn tasks(&mut self, rows: Option<&[ScheduledTask]>) {
        let head = Head {
            kind: ArtifactKind::ScheduledTasks,
            heading: "What runs at its time",
            columns: TASKS,
            order: "what hides first, then the latest",
        };
        self.list(
            &head,
            rows,
            |task| (!task.hidden && task.only_in.is_none(), Reverse(task.modified_at)),
            |row, task| {
                row.cell(|page| {
                    page.outside(&task.path);
                    for (is_so, mark) in [(task.hidden, "hidden"), (task.only_in.is_some(), "not listed")] {
                        if is_so {
                            page.text(" ");
                            page.say("span", &[("class", "badge bad")], mark);
                        }
                    }
                });
                row.outside(&task.mechanism);
                row.maybe(task.owner.as_deref().or(task.run_as.as_deref()));
                row.time(task.modified_at);
                row.cell(|page| {
                    match &task.content {
                        Some(content) => page.outside(content),
                        None => page.say("span", &[("class", "muted")], "–"),
                    }
                    if task.cut {
                        page.say("span", &[("class", "badge doubt")], "✂ cut");
                    }
                });
            },
        );
    }

    fn logins(&mut self, rows: Option<&[Login]>) {
        let head = Head {
            kind: ArtifactKind::Logins,
            heading: "Who logged in",
            columns: LOGINS,
            order: "logins from elsewhere first, then tries that failed and uses of other credentials, the latest first",
        };
        let rank = |login: &Login| match (login.kind, login.from.as_deref().unwrap_or_default()) {
            (LoginKind::Login, from) if !from.is_empty() => 0,
            (LoginKind::Failed, _) => 1,
            (LoginKind::ExplicitCredentials, _) => 2,
            (LoginKind::Login, _) => 3,
            (LoginKind::ClockSet, _) => 4,
            _ => 5,
        };
        self.list(
            &head,
            rows,
            |login| (rank(login), Reverse(login.at)),
            |row, login| {
                row.text(match login.kind {
                    LoginKind::Login => "login",
                    LoginKind::Logout => "logout",
                    LoginKind::Failed => "failed try",
                    LoginKind::Boot => "start",
                    LoginKind::RunLevel => "run level",
                    LoginKind::ClockSet => "clock set",
                    LoginKind::Privileged => "administrator",
                    LoginKind::ExplicitCredentials => "other credentials",
                });
                row.time(login.at);
                row.maybe(login.user.as_deref());
                row.maybe(login.from.as_deref());
                row.maybe(login.session.as_deref());
                row.outside(&login.source);
            },
        );
    }

    fn modules(&mut self, rows: Option<&[KernelModule]>) {
        let head = Head {
            kind: ArtifactKind::KernelModules,
            heading: "Modules of the kernel",
            columns: MODULES,
            order: "those that hide first, then those that taint it",
        };
        let order = |module: &KernelModule| {
            (module.only_in.is_none(), module.taint.as_deref().is_none_or(str::is_empty))
        };
        self.list(&head, rows, order, |row, module| {
            row.outside(&module.name);
            row.cell(|page| match &module.only_in {
                Some(list) => {
                    page.say("span", &[("class", "badge bad")], "in one list only");
                    page.text(" ");
                    page.brief(list, 60);
                }
                None => page.say("span", &[("class", "muted")], "–"),
            });
            row.maybe(module.taint.as_deref());
            row.outside(&module.state);
            row.maybe(Some(&module.used_by.join(", ")));
        });
    }

    fn sockets(&mut self, rows: Option<&[PacketSocket]>) {
        let head = Head {
            kind: ArtifactKind::PacketSockets,
            heading: "Sockets that see packets as they are",
            columns: SOCKETS,
            order: "those that nobody is seen to hold first",
        };
        self.list(
            &head,
            rows,
            |socket| !socket.pids.is_empty(),
            |row, socket| {
                row.cell(|page| match socket.path.as_deref().or(socket.process.as_deref()) {
                    Some(program) => {
                        page.outside(program);
                        let pids: Vec<String> = socket.pids.iter().take(10).map(u32::to_string).collect();
                        page.text(&format!(" (PID {})", pids.join(", ")));
                    }
                    None => page.say("span", &[("class", "badge doubt")], "? not known"),
                });
                row.outside(&socket.family);
                row.number(socket.protocol.into());
                match socket.interface {
                    Some(index) => row.number(index.into()),
                    None => row.text("all"),
                }
                row.maybe(socket.user.as_deref());
            },
        );
    }

    fn names(&mut self, rows: Option<&[NameEntry]>) {
        let head = Head {
            kind: ArtifactKind::NameResolution,
            heading: "How names are resolved",
            columns: NAMES,
            order: "addresses of names first, then resolvers",
        };
        let rank = |entry: &NameEntry| match (entry.kind.as_str(), is_loopback(&entry.value)) {
            ("host", false) => 0,
            ("nameserver", _) => 1,
            ("host", true) => 3,
            _ => 2,
        };
        self.list(&head, rows, rank, |row, entry| {
            row.outside(&entry.kind);
            row.outside(&entry.value);
            let names: Vec<&str> = entry.names.iter().take(20).map(String::as_str).collect();
            row.maybe(Some(&names.join(", ")));
            row.outside(&entry.source);
            row.time(entry.modified_at);
        });
    }

    fn histories(&mut self, rows: Option<&[HistoryFile]>) {
        let head = Head {
            kind: ArtifactKind::ShellHistories,
            heading: "Histories, without what they hold",
            columns: HISTORIES,
            order: "those that keep nothing first",
        };
        let order = |file: &HistoryFile| (file.target.is_none(), file.size > 0, Reverse(file.modified_at));
        self.list(&head, rows, order, |row, file| {
            row.outside(&file.path);
            row.maybe(file.owner.as_deref());
            row.text(&bytes(file.size));
            row.time(file.modified_at);
            row.maybe(file.target.as_deref());
        });
    }
}

fn is_loopback(value: &str) -> bool {
    value.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
