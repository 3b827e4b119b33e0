//! A small endpoint to build cases on: whole evidence of a clean machine, to which a case adds what it is about.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Question;
use super::verdict::{Bearing, Confidence};
use crate::alert::{Alert, AlertFields};
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, AutostartEntry, DnsRecord, Evidence, FirewallRule,
    FirewallState, Identity, Prefetched, Process, Program, Socket, SocketState, TorrentFile, TorrentKind,
    TransportProtocol,
};

pub(crate) const UDP: TransportProtocol = TransportProtocol::Udp;

const TARGET: &str = "10.20.0.5";
const PEER: &str = "203.0.113.7";
const PEER_PORT: u16 = 6881;
const TARGET_PORT: u16 = 51000;
const ALERTED: &str = "2026-03-02T10:00:00Z";
pub(crate) const OPENED: &str = "2026-03-02T10:01:00Z";
const COLLECTED: &str = "2026-03-02T10:30:00Z";

/// One case of one rule.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) bench: Bench,
    pub(crate) expected: Option<(Bearing, Confidence)>,
    pub(crate) says: &'static [&'static str],
}

impl Case {
    pub(crate) fn finds(name: &'static str, bearing: Bearing, confidence: Confidence, bench: Bench) -> Self {
        Self { name, bench, expected: Some((bearing, confidence)), says: &[] }
    }

    pub(crate) fn nothing(name: &'static str, bench: Bench) -> Self {
        Self { name, bench, expected: None, says: &[] }
    }

    /// Words that the explanation must have.
    pub(crate) fn saying(mut self, words: &'static [&'static str]) -> Self {
        self.says = words;
        self
    }
}

/// An alert and the evidence for it.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) alert: Alert,
    pub(crate) evidence: Evidence,
    /// A site's own rules, as text.
    pub(crate) rules: Option<&'static str>,
}

impl Bench {
    /// A clean machine, collected whole half an hour after the alert.
    pub(crate) fn new() -> Self {
        let alert = AlertFields {
            timestamp: Some(Self::at(ALERTED)),
            rule_name: Some("P2P BitTorrent traffic".into()),
            source_ip: Some(Self::ip(TARGET)),
            source_port: Some(TARGET_PORT),
            destination_ip: Some(Self::ip(PEER)),
            destination_port: Some(PEER_PORT),
            ..AlertFields::default()
        };
        let alert = alert.into_alert("a-1".into(), "peerhound", "{}".into());
        let outcome = |kind: ArtifactKind| ArtifactOutcome {
            artifact: format!("Linux.{}", kind.as_str()),
            kind,
            status: ArtifactStatus::Ok,
            reasons: Vec::new(),
            items: 1,
            entries: vec![kind.parsed_entry()],
            started_at: Self::at("2026-03-02T10:29:50Z"),
            finished_at: Self::at(COLLECTED),
        };
        let evidence = Evidence {
            identity: Some(Identity {
                host_name: "ws-17".into(),
                addresses: vec![Self::ip(TARGET)],
                boot_time: Some(Self::at("2026-03-01T07:00:00Z")),
                ..Identity::default()
            }),
            processes: Some(vec![Process {
                pid: 1,
                name: "systemd".into(),
                path: Some("/usr/lib/systemd/systemd".into()),
                user: Some("root".into()),
                ..Process::default()
            }]),
            sockets: Some(Vec::new()),
            torrents: Some(Vec::new()),
            autostart: Some(Vec::new()),
            firewall: Some(FirewallState::default()),
            neighbors: Some(Vec::new()),
            dns_cache: Some(Vec::new()),
            prefetch: Some(Vec::new()),
            programs: Some(Vec::new()),
            outcomes: ArtifactKind::ALL.into_iter().map(outcome).collect(),
        };
        Self { alert, evidence, rules: None }
    }

    pub(crate) fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    pub(crate) fn ip(ip: &str) -> IpAddr {
        ip.parse().expect("an address")
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            alert: &self.alert,
            target: Self::ip(TARGET),
            target_port: self.alert.source_port,
            peer_ip: self.alert.destination_ip,
            peer_port: self.alert.destination_port,
            opened_at: Self::at(OPENED),
            collected_at: Self::at(COLLECTED),
        }
    }

    pub(crate) fn alert(mut self, change: impl FnOnce(&mut Alert)) -> Self {
        change(&mut self.alert);
        self
    }

    /// A running program of alice's.
    pub(crate) fn program(mut self, pid: u32, path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        self.evidence.processes.get_or_insert_default().push(Process {
            pid,
            name: name.to_owned(),
            path: Some(path.to_owned()),
            user: Some("alice".into()),
            start_time: Some(Self::at("2026-03-02T08:00:00Z")),
            ..Process::default()
        });
        self
    }

    /// qBittorrent, running as alice.
    pub(crate) fn client(self, pid: u32) -> Self {
        self.program(pid, "/usr/bin/qbittorrent-nox")
    }

    pub(crate) fn process(mut self, pid: u32, change: impl FnOnce(&mut Process)) -> Self {
        let process = self.evidence.processes.iter_mut().flatten().find(|process| process.pid == pid);
        change(process.expect("a process with this PID"));
        self
    }

    fn push(mut self, socket: Socket) -> Self {
        self.evidence.sockets.get_or_insert_default().push(socket);
        self
    }

    fn owned(&self, pid: u32, local_ip: &str, local_port: u16) -> Socket {
        let process = self.evidence.processes.iter().flatten().find(|process| process.pid == pid);
        Self::socket_of(pid, process, local_ip, local_port)
    }

    fn socket_of(pid: u32, process: Option<&Process>, local_ip: &str, local_port: u16) -> Socket {
        Socket {
            transport: TransportProtocol::Tcp,
            local_ip: Self::ip(local_ip),
            local_port,
            remote_ip: None,
            remote_port: None,
            state: SocketState::Listening,
            pid: Some(pid),
            process: process.map(|process| process.name.clone()),
            path: process.and_then(|process| process.path.clone()),
            user: process.and_then(|process| process.user.clone()),
        }
    }

    pub(crate) fn tcp(self, pid: u32, peer: &str, port: u16) -> Self {
        let local = if peer.starts_with("127.") { "127.0.0.1" } else { TARGET };
        let mut socket = self.owned(pid, local, 45_000);
        (socket.remote_ip, socket.remote_port) = (Some(Self::ip(peer)), Some(port));
        socket.state = SocketState::Established;
        self.push(socket)
    }

    /// The alert's own flow.
    pub(crate) fn flow(self, pid: u32) -> Self {
        self.tcp(pid, PEER, PEER_PORT)
    }

    /// The alert's own flow, held by a program that only the socket list knows.
    pub(crate) fn flow_named(self, pid: u32, path: &str) -> Self {
        self.flow(pid).socket(|socket| {
            socket.process = path.rsplit('/').next().map(str::to_owned);
            socket.path = Some(path.to_owned());
            socket.user = Some("alice".into());
        })
    }

    /// The alert's own flow, held by nobody.
    pub(crate) fn flow_unowned(self) -> Self {
        self.flow(0).socket(|socket| socket.pid = None)
    }

    pub(crate) fn listening(self, pid: u32, local_ip: &str, port: u16) -> Self {
        let socket = self.owned(pid, local_ip, port);
        self.push(socket)
    }

    pub(crate) fn udp_bound(self, pid: u32, port: u16) -> Self {
        let mut socket = self.owned(pid, "0.0.0.0", port);
        socket.transport = UDP;
        self.push(socket)
    }

    /// The same without a look into the process list.
    pub(crate) fn udp_bound_by(self, pid: u32, port: u16) -> Self {
        let mut socket = Self::socket_of(pid, None, "0.0.0.0", port);
        socket.transport = UDP;
        self.push(socket)
    }

    /// Changes the socket that was added last.
    pub(crate) fn socket(mut self, change: impl FnOnce(&mut Socket)) -> Self {
        change(self.evidence.sockets.iter_mut().flatten().last().expect("a socket"));
        self
    }

    /// A file of alice's.
    pub(crate) fn file(mut self, path: &str, kind: TorrentKind, modified: &str) -> Self {
        self.evidence.torrents.get_or_insert_default().push(TorrentFile {
            path: path.to_owned(),
            path_hex: None,
            kind,
            application: None,
            size: 1000,
            modified: Some(Self::at(modified)),
            created: None,
            accessed: None,
            owner: Some("alice".into()),
            owner_id: None,
            name: None,
            infohash_v1: None,
            infohash_v2: None,
            trackers: Vec::new(),
            total_size: None,
            file_count: None,
            private: None,
            created_by: None,
            creation_date: None,
            weak: false,
            notes: Vec::new(),
        });
        self
    }

    /// Changes the file that was added last.
    pub(crate) fn torrent(mut self, change: impl FnOnce(&mut TorrentFile)) -> Self {
        change(self.evidence.torrents.iter_mut().flatten().last().expect("a file"));
        self
    }

    /// Something that starts by itself.
    pub(crate) fn autostart(mut self, mechanism: &str, location: &str, name: &str, command: &str) -> Self {
        self.evidence.autostart.get_or_insert_default().push(AutostartEntry {
            mechanism: mechanism.to_owned(),
            location: location.to_owned(),
            name: name.to_owned(),
            command: Some(command.to_owned()),
            user: None,
            enabled: Some(true),
        });
        self
    }

    /// An entry below a Run key of alice's.
    pub(crate) fn run_key(self, name: &str, command: &str) -> Self {
        let key = r"HKEY_USERS\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows\CurrentVersion\Run";
        self.autostart("run_key", key, name, command)
    }

    /// A value of Winlogon.
    pub(crate) fn winlogon(self, name: &str, data: &str) -> Self {
        let key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
        self.autostart("winlogon", key, name, data)
    }

    /// A program that the firewall lets in.
    pub(crate) fn let_in(mut self, program: &str) -> Self {
        let firewall = self.evidence.firewall.get_or_insert_default();
        firewall.rules.push(FirewallRule {
            engine: "windows".into(),
            chain: Some("in, Public".into()),
            action: Some("accept".into()),
            program: Some(program.to_owned()),
            ports: Vec::new(),
            text: format!("v2.30|Action=Allow|Active=TRUE|Dir=In|App={program}|Name=x|"),
        });
        self
    }

    /// A program that another started, a second later.
    pub(crate) fn child(self, pid: u32, parent: u32, path: &str, line: &str) -> Self {
        self.program(pid, path).process(pid, |process| {
            process.parent_pid = Some(parent);
            process.command_line = Some(line.to_owned());
            process.start_time = Some(Self::at("2026-03-02T08:00:01Z"));
        })
    }

    /// Signed by somebody.
    pub(crate) fn signed(self, pid: u32, subject: &str) -> Self {
        self.process(pid, |process| process.signer = Some(subject.to_owned()))
    }

    /// Judged by a site's own rules too.
    pub(crate) fn with_rules(mut self, rules: &'static str) -> Self {
        self.rules = Some(rules);
        self
    }

    /// A program that is installed for alice.
    pub(crate) fn installed(mut self, name: &str) -> Self {
        self.evidence.programs.get_or_insert_default().push(Program {
            name: name.to_owned(),
            source: "uninstall_key".into(),
            user: Some("alice".into()),
            ..Program::default()
        });
        self
    }

    /// Changes the program that was added last.
    pub(crate) fn program_entry(mut self, change: impl FnOnce(&mut Program)) -> Self {
        change(self.evidence.programs.iter_mut().flatten().last().expect("a program"));
        self
    }

    pub(crate) fn prefetched(mut self, file: &str, program: &str, modified: &str) -> Self {
        self.evidence.prefetch.get_or_insert_default().push(Prefetched {
            file: file.to_owned(),
            program: program.to_owned(),
            created: None,
            modified: Some(Self::at(modified)),
        });
        self
    }

    /// Changes the prefetched program that was added last.
    pub(crate) fn prefetched_entry(mut self, change: impl FnOnce(&mut Prefetched)) -> Self {
        change(self.evidence.prefetch.iter_mut().flatten().last().expect("a file"));
        self
    }

    /// A name that the resolver keeps.
    pub(crate) fn resolved(mut self, name: &str) -> Self {
        self.evidence.dns_cache.get_or_insert_default().push(DnsRecord {
            name: name.to_owned(),
            kind: Some("A".into()),
            data: Some("203.0.113.9".into()),
            ttl: Some(60),
        });
        self
    }

    /// Changes the record that was added last.
    pub(crate) fn dns_record(mut self, change: impl FnOnce(&mut DnsRecord)) -> Self {
        change(self.evidence.dns_cache.iter_mut().flatten().last().expect("a record"));
        self
    }

    pub(crate) fn without_processes(mut self) -> Self {
        self.evidence.processes = None;
        self
    }

    pub(crate) fn without_sockets(mut self) -> Self {
        self.evidence.sockets = None;
        self
    }

    pub(crate) fn outcome(mut self, kind: ArtifactKind, status: ArtifactStatus, reason: &str) -> Self {
        for outcome in self.evidence.outcomes.iter_mut().filter(|outcome| outcome.kind == kind) {
            outcome.status = status;
            outcome.reasons = vec![reason.to_owned()];
        }
        self
    }
}
