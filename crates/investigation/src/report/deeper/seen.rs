//! What was seen on it: programs that came, sockets, names, the virus scanner's words, event logs, its memory.

use std::cmp::Reverse;

use super::super::table::Set;
use super::super::words::{bytes, number};
use super::{Head, Lists};
use crate::evidence::{
    ArtifactKind, EventLog, MemoryImage, NameEntry, PacketSocket, ProtectionFact, RecentExecutable,
};

const PROGRAMS: &[(&str, Set)] = &[
    ("File, and its SHA-256", Set::Code),
    ("Written (UTC)", Set::Code),
    ("Owner", Set::Text),
    ("Mode", Set::Code),
    ("Size", Set::Number),
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
const PROTECTION: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("Name", Set::Text),
    ("Value, or file", Set::Code),
    ("Account", Set::Text),
    ("Brought by", Set::Code),
    ("At (UTC)", Set::Code),
];
const LOGS: &[(&str, Set)] = &[
    ("Log", Set::Code),
    ("Mark", Set::Word),
    ("Events", Set::Number),
    ("May grow to", Set::Number),
    ("Oldest event, or cleared at (UTC)", Set::Code),
    ("Cleared by", Set::Text),
];
const MEMORY: &[(&str, Set)] = &[
    ("Image, and its SHA-256", Set::Code),
    ("Mark", Set::Word),
    ("Size", Set::Number),
    ("Of the machine's memory", Set::Text),
    ("Read from", Set::Code),
    ("Tool", Set::Code),
];

impl Lists<'_, '_> {
    pub(super) fn programs(&mut self, rows: Option<&[RecentExecutable]>) {
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
                row.file(Some(&file.path), file.sha256.as_deref());
                row.time(file.changed_at.or(file.modified_at));
                row.maybe(file.owner.as_deref());
                row.outside(&file.mode);
                row.text(&bytes(file.size));
            },
        );
    }

    pub(super) fn sockets(&mut self, rows: Option<&[PacketSocket]>) {
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

    pub(super) fn names(&mut self, rows: Option<&[NameEntry]>) {
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

    pub(super) fn protection(&mut self, rows: Option<&[ProtectionFact]>) {
        let head = Head {
            kind: ArtifactKind::Antivirus,
            heading: "What the virus scanner says, and is told",
            columns: PROTECTION,
            order: "what it found first, then what it may not look at",
        };
        let rank = |fact: &ProtectionFact| match fact.kind.as_str() {
            "detection" => 0,
            "exclusion" => 1,
            "state" => 2,
            "setting" => 3,
            _ => 4,
        };
        self.list(
            &head,
            rows,
            |fact| (rank(fact), Reverse(fact.at)),
            |row, fact| {
                row.outside(&fact.kind);
                row.outside(&fact.name);
                row.maybe(fact.value.as_deref());
                row.maybe(fact.user.as_deref());
                row.maybe(fact.program.as_deref());
                row.time(fact.at);
            },
        );
    }

    pub(super) fn logs(&mut self, rows: Option<&[EventLog]>) {
        let head = Head {
            kind: ArtifactKind::EventLogs,
            heading: "Event logs",
            columns: LOGS,
            order: "those that were cleared first, then those that are off",
        };
        let order = |log: &EventLog| {
            (
                log.kind != "cleared",
                log.enabled != Some(false),
                Reverse(log.at.filter(|_| log.kind == "cleared")),
            )
        };
        self.list(&head, rows, order, |row, log| {
            row.outside(&log.log);
            row.marks(&[
                (log.kind == "cleared", "badge bad", "cleared"),
                (log.enabled == Some(false), "badge doubt", "off"),
            ]);
            row.maybe_number(log.records);
            match log.max_bytes {
                Some(most) => row.text(&bytes(most)),
                None => row.unknown(),
            }
            row.time(log.at);
            row.maybe(log.user.as_deref());
        });
    }

    pub(super) fn memory(&mut self, image: Option<&MemoryImage>) {
        let head = Head {
            kind: ArtifactKind::Memory,
            heading: "The machine's memory",
            columns: MEMORY,
            order: "taken before everything else here",
        };
        self.list(
            &head,
            image.map(std::slice::from_ref),
            |_| (),
            |row, image| {
                row.file(Some(&image.entry), Some(&image.sha256));
                row.marks(&[
                    (image.whole, "badge good", "✓ whole"),
                    (!image.whole, "badge bad", "✕ broken off"),
                ]);
                row.text(&bytes(image.size));
                row.text(&format!("{} of {} bytes", number(image.memory_bytes), number(image.ram_bytes)));
                row.outside(&image.source);
                row.outside(&format!("{} ({})", image.tool, image.tool_version));
            },
        );
    }
}

fn is_loopback(value: &str) -> bool {
    value.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
