//! Builds the machines of `machines.toml`.

use std::collections::HashMap;

use jiff::SignedDuration;
use serde::Deserialize;

use super::super::Verdict;
use super::super::testing::Bench;
use crate::evidence::{ArtifactKind, ArtifactStatus, Process, SessionUser, TorrentKind};

/// A machine and the truth about it.
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) truth: String,
    pub(super) expected: Verdict,
    pub(super) bench: Bench,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    machine: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    base: String,
    truth: String,
    expected: Verdict,
    #[serde(default)]
    alert: Alert,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    failed: Vec<ArtifactKind>,
    #[serde(default)]
    processes: Vec<Program>,
    #[serde(default)]
    sockets: Vec<String>,
    #[serde(default)]
    autostart: Vec<Entry>,
    #[serde(default)]
    firewall: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    os: String,
    processes: Vec<Program>,
    sockets: Vec<String>,
    autostart: Vec<Entry>,
    firewall: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Alert {
    port: Option<u16>,
    hours: i64,
    infohash: Option<String>,
    host: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    pid: u32,
    path: Option<String>,
    name: Option<String>,
    line: Option<String>,
    parent: Option<u32>,
    user: Option<String>,
    signer: Option<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    open: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    mechanism: String,
    location: String,
    name: String,
    command: String,
}

/// All of them.
pub(super) fn machines() -> Vec<Machine> {
    let bases: HashMap<String, Base> = toml::from_str(include_str!("bases.toml")).expect("bases.toml reads");
    let file: File = toml::from_str(include_str!("machines.toml")).expect("machines.toml reads");
    file.machine.into_iter().map(|row| machine(row, &bases)).collect()
}

fn machine(row: Row, bases: &HashMap<String, Base>) -> Machine {
    let base = bases.get(&row.base).unwrap_or_else(|| panic!("{}: no base {}", row.name, row.base));
    let mut bench = Bench::new();
    bench.evidence.processes = Some(Vec::new());
    let identity = bench.evidence.identity.as_mut().expect("identity");
    identity.os = Some(base.os.clone());
    identity.users =
        vec![SessionUser { name: "alice".into(), domain: None, session: None, from: None, since: None }];
    for program in base.processes.iter().chain(&row.processes) {
        bench = add_program(bench, program);
    }
    for socket in base.sockets.iter().chain(&row.sockets) {
        bench = add_socket(bench, socket);
    }
    for entry in base.autostart.iter().chain(&row.autostart) {
        bench = bench.autostart(&entry.mechanism, &entry.location, &entry.name, &entry.command);
    }
    for program in base.firewall.iter().chain(&row.firewall) {
        bench = bench.let_in(program);
    }
    for file in &row.files {
        bench = add_file(bench, file);
    }
    for kind in &row.failed {
        bench = bench.outcome(*kind, ArtifactStatus::Failed, "not permitted");
        if *kind == ArtifactKind::Processes {
            bench = bench.without_processes();
        }
    }
    let alert = row.alert;
    let bench = bench.alert(|fields| {
        fields.destination_port = alert.port.or(fields.destination_port);
        fields.infohash = alert.infohash;
        fields.host_name = alert.host;
        fields.original = alert.text.unwrap_or_default();
        fields.timestamp = fields.timestamp.map(|time| time - SignedDuration::from_hours(alert.hours));
    });
    Machine { name: row.name, truth: row.truth, expected: row.expected, bench }
}

fn add_program(mut bench: Bench, program: &Program) -> Bench {
    let base = program.path.as_deref().and_then(|path| path.rsplit(['/', '\\']).next());
    let minutes = if program.parent.is_some() { 1 } else { 0 };
    bench.evidence.processes.get_or_insert_default().push(Process {
        pid: program.pid,
        parent_pid: program.parent,
        name: program.name.as_deref().or(base).unwrap_or_default().to_owned(),
        path: program.path.clone(),
        command_line: program.line.clone().or(program.path.clone()),
        user: Some(program.user.clone().unwrap_or_else(|| "alice".into())),
        start_time: Some(Bench::at("2026-03-02T08:00:00Z") + SignedDuration::from_mins(minutes)),
        signer: program.signer.clone(),
        image_deleted: program.deleted,
        open_files: program.open.clone(),
        ..Process::default()
    });
    bench
}

/// `tcp PID -> IP:PORT [PATH]`, `tcp PID listen PORT`, `udp PID bind PORT`.
fn add_socket(bench: Bench, text: &str) -> Bench {
    let words: Vec<&str> = text.split(' ').collect();
    let pid: u32 = words[1].parse().expect("a PID");
    match (words[0], words[2]) {
        ("tcp", "->") => {
            let (ip, port) = words[3].rsplit_once(':').expect("IP:PORT");
            let bench = bench.tcp(pid, ip, port.parse().expect("a port"));
            match (pid, words.get(4)) {
                (0, _) => bench.socket(|socket| socket.pid = None),
                (_, Some(path)) => bench.socket(|socket| {
                    socket.path = Some((*path).to_owned());
                    socket.process = path.rsplit('/').next().map(str::to_owned);
                    socket.user = Some("alice".into());
                }),
                _ => bench,
            }
        }
        ("tcp", "listen") => bench.listening(pid, "0.0.0.0", words[3].parse().expect("a port")),
        ("udp", "bind") => bench.udp_bound(pid, words[3].parse().expect("a port")),
        _ => panic!("{text}"),
    }
}

/// `KIND TIME PATH [infohash=HEX]`.
fn add_file(bench: Bench, text: &str) -> Bench {
    let (text, hash) = match text.split_once(" infohash=") {
        Some((text, hash)) => (text, Some(hash.to_owned())),
        None => (text, None),
    };
    let mut words = text.splitn(3, ' ');
    let (kind, time, path) =
        (words.next().expect("a kind"), words.next().expect("a time"), words.next().expect("a path"));
    let kind_of = match kind {
        "metainfo" => TorrentKind::Metainfo,
        "partial" | "weak" => TorrentKind::PartialDownload,
        "resume" => TorrentKind::Resume,
        "data" => TorrentKind::ClientData,
        other => panic!("{other}"),
    };
    let time = match time {
        "fresh" => "2026-03-02T09:00:00Z",
        "old" => "2025-01-01T00:00:00Z",
        other => panic!("{other}"),
    };
    bench.file(path, kind_of, time).torrent(|file| {
        file.infohash_v1 = hash;
        file.weak = kind == "weak";
    })
}
