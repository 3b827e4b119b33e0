//! Cases as they come: one with everything in it, and one with next to nothing.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::super::Subject;
use crate::act::ActionKind;
use crate::alert::Alert;
use crate::assess::{Assessment, Basis, Bearing, Citation, Confidence, Finding, Link, Verdict};
use crate::case::{ActionRecord, ActionStatus, Case, HistoryEntry, Outcome, SealedEvidence, State};
use crate::claim::{Claim, ClaimKey};
use crate::evidence::manifest::{Entry, media_type};
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, AutostartEntry, Collection, CommandRecord, Evidence,
    FirewallRule, FirewallState, Identity, Process, SessionUser, Socket, SocketState, TorrentFile,
    TorrentKind, TransportProtocol,
};

/// Everything that a report is written from.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) case: Case,
    pub(super) evidence: Evidence,
    pub(super) collection: Collection,
    pub(super) entries: Vec<Entry>,
}

impl Sample {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            case: &self.case,
            evidence: Some(&self.evidence),
            collection: Some(&self.collection),
            entries: &self.entries,
            organisation: Some("Example Ltd"),
            written_at: at("09:04:31"),
            version: "0.1.0",
        }
    }

    pub(super) fn html(&self) -> String {
        super::super::html(&self.subject())
    }
}

pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-03-02T{time}Z").parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const CLIENT: &str = "/usr/bin/transmission-daemon";
const INFOHASH: &str = "2b66980093bc11806fab50cb3cb41835b95a0362";

pub(super) fn socket(pid: Option<u32>, name: Option<&str>, local: u16, peer: Option<(&str, u16)>) -> Socket {
    Socket {
        transport: TransportProtocol::Tcp,
        local_ip: ip("10.20.0.5"),
        local_port: local,
        remote_ip: peer.map(|(peer, _)| ip(peer)),
        remote_port: peer.map(|(_, port)| port),
        state: if peer.is_some() { SocketState::Established } else { SocketState::Listening },
        pid,
        process: name.map(str::to_owned),
        path: name.filter(|name| *name == "transmission-daemon").map(|_| CLIENT.to_owned()),
        user: name.map(|_| "alice".to_owned()),
    }
}

pub(super) fn torrent(path: &str, kind: TorrentKind) -> TorrentFile {
    TorrentFile {
        path: path.to_owned(),
        path_hex: None,
        kind,
        application: None,
        size: 40_000,
        modified: Some(at("07:40:00")),
        created: None,
        accessed: None,
        owner: Some("alice".to_owned()),
        owner_id: Some(1000),
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
    }
}

fn citation(kind: ArtifactKind, row: usize, excerpt: &str) -> Citation {
    Citation {
        entry: kind.parsed_entry(),
        row,
        excerpt: excerpt.to_owned(),
        pid: Some(4711),
        image: Some(CLIENT.to_owned()),
        user: Some("alice".to_owned()),
        peer: None,
    }
}

fn assessment() -> Assessment {
    let connected = Finding {
        rule: "p2p.client_connected_to_peer".to_owned(),
        title: "A known client is connected to the alert's peer".to_owned(),
        technique: Some("T1105".to_owned()),
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        explanation: "transmission-daemon (PID 4711), run by alice, holds an established TCP connection to \
                      203.0.113.9:6881, the peer of the alert. The client is known as Transmission."
            .to_owned(),
        runbook: "Tell the user, have the client and its downloads removed, and check with the user where the files went."
            .to_owned(),
        citations: vec![
            Citation {
                peer: Some("203.0.113.9:6881".to_owned()),
                ..citation(
                    ArtifactKind::Connections,
                    0,
                    "tcp 10.20.0.5:51413 203.0.113.9:6881 established 4711 transmission-daemon",
                )
            },
            citation(ArtifactKind::Processes, 1, "4711 alice /usr/bin/transmission-daemon --foreground"),
        ],
    };
    let on_disk = Finding {
        rule: "p2p.infohash_on_disk".to_owned(),
        title: "The infohash of the alert lies on the disk".to_owned(),
        technique: None,
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        explanation: format!(
            "A resume record of Transmission has the infohash {INFOHASH}, which the sensor saw."
        ),
        runbook: "Keep the file; compare its time with the alert's.".to_owned(),
        citations: vec![Citation {
            pid: None,
            image: None,
            ..citation(ArtifactKind::Torrents, 0, "resume big-buck-bunny.resume alice 2026-03-02T08:41:07Z")
        }],
    };
    let touched = Finding {
        rule: "files.torrent_touched".to_owned(),
        title: "Torrent files were touched around the alert".to_owned(),
        technique: None,
        confidence: Confidence::Low,
        bearing: Bearing::Suspicion,
        explanation: "2 torrent files were written within a day of the alert.".to_owned(),
        runbook: "Intent, and not use: look at it with the findings above.".to_owned(),
        citations: vec![Citation {
            pid: None,
            image: None,
            ..citation(ArtifactKind::Torrents, 1, "metainfo ubuntu.torrent")
        }],
    };
    Assessment {
        verdict: Verdict::PolicyViolation,
        confidence: Confidence::High,
        summary: "Policy violation at 10.20.0.5 (high confidence): transmission-daemon, run by alice, is connected to \
                  the alert's peer 203.0.113.9:6881."
            .to_owned(),
        findings: vec![connected, on_disk, touched],
        missing: vec!["firewall: partial: iptables could not be read: permission denied".to_owned()],
        indicators_version: "2026-02".to_owned(),
        basis: basis(),
    }
}

fn basis() -> Basis {
    let link = |link: &str, holds, says: &str| Link { link: link.to_owned(), holds, says: says.to_owned() };
    Basis {
        chain: vec![
            link("flow", true, "10.20.0.5 (port 51413) with 203.0.113.9 (port 6881)"),
            link("machine", true, "ws-0317 holds the address"),
            link("socket", true, "row 0 of the socket list"),
            link("user", false, "alice has no session of her own"),
        ],
        would_change: vec![
            "If the process list shows another program behind the PID, the chain breaks.".to_owned(),
        ],
        shadow: Vec::new(),
        rules_version: Some("site 7".to_owned()),
    }
}

fn evidence() -> Evidence {
    let daemon = Some("transmission-daemon");
    let mut sockets = vec![socket(Some(4711), daemon, 51413, Some(("203.0.113.9", 6881)))];
    for peer in 1..=9 {
        let address = format!("198.51.100.{}", peer * 7);
        sockets.push(socket(Some(4711), daemon, 51413, Some((&address, 6880 + peer))));
    }
    sockets[4].state = SocketState::Opening;
    sockets[7].state = SocketState::Closing;
    sockets.push(socket(Some(4711), daemon, 51413, Some(("2001:db8::7", 51413))));
    for port in 0..4 {
        sockets.push(socket(Some(2210), Some("firefox-esr"), 40_100 + port, Some(("192.0.2.80", 443))));
    }
    sockets.push(socket(Some(2210), Some("firefox-esr"), 40_110, Some(("192.0.2.81", 443))));
    sockets.push(socket(Some(801), Some("sshd"), 22, Some(("10.20.9.1", 50_111))));
    sockets.push(socket(None, None, 40_500, Some(("192.0.2.99", 8080))));
    sockets.push(socket(Some(4711), daemon, 51413, None));
    sockets.push(socket(Some(4711), daemon, 9091, None));
    sockets.push(socket(Some(801), Some("sshd"), 22, None));
    let process = |pid, name: &str, path: &str| Process {
        pid,
        name: name.to_owned(),
        path: Some(path.to_owned()),
        user: Some("alice".to_owned()),
        start_time: Some(at("07:31:12")),
        ..Process::default()
    };
    Evidence {
        identity: Some(Identity {
            host_name: "ws-0042".to_owned(),
            domain: Some("corp.example.com".to_owned()),
            os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            kernel: Some("6.1.0-31-amd64".to_owned()),
            users: vec![SessionUser {
                name: "alice".to_owned(),
                domain: Some("CORP".to_owned()),
                session: Some("tty2".to_owned()),
                from: None,
                since: Some(at("07:29:50")),
            }],
            collected_as: Some("peerhound".to_owned()),
            addresses: vec![ip("10.20.0.5"), ip("fd12:3456::5")],
            endpoint_time: Some(at("09:01:00")),
            boot_time: Some(at("07:28:03")),
        }),
        processes: Some(vec![
            process(1, "systemd", "/usr/lib/systemd/systemd"),
            process(4711, "transmission-daemon", CLIENT),
        ]),
        sockets: Some(sockets),
        torrents: Some(torrents()),
        autostart: Some(autostart()),
        firewall: Some(FirewallState {
            engines: vec!["nftables".to_owned()],
            active: Some(true),
            rules: vec![FirewallRule {
                engine: "nftables".to_owned(),
                chain: Some("inet filter input".to_owned()),
                action: Some("accept".to_owned()),
                program: None,
                ports: vec![51413],
                text: "tcp dport 51413 accept".to_owned(),
            }],
        }),
        neighbors: Some(Vec::new()),
        dns_cache: None,
        prefetch: None,
        programs: Some(Vec::new()),
        outcomes: Vec::new(),
    }
}

fn torrents() -> Vec<TorrentFile> {
    vec![
        TorrentFile {
            application: Some("Transmission".to_owned()),
            modified: Some(at("08:41:07")),
            created: Some(at("07:33:20")),
            name: Some("Big Buck Bunny".to_owned()),
            infohash_v1: Some(INFOHASH.to_owned()),
            ..torrent(
                "/home/alice/.config/transmission-daemon/resume/big-buck-bunny.resume",
                TorrentKind::Resume,
            )
        },
        TorrentFile {
            name: Some("ubuntu-24.04.2-desktop-amd64.iso".to_owned()),
            infohash_v1: Some("d04da3a5d0a2a26b51d1c4e6a6a1d4b70c1b1a5d".to_owned()),
            infohash_v2: Some("a1".repeat(32)),
            trackers: vec![
                "https://torrent.example.org/announce".to_owned(),
                "udp://t.example.net:80".to_owned(),
            ],
            total_size: Some(6_200_000_000),
            file_count: Some(1),
            ..torrent("/home/alice/Downloads/ubuntu.torrent", TorrentKind::Metainfo)
        },
        TorrentFile {
            weak: true,
            ..torrent("/home/alice/Downloads/video.mkv.part", TorrentKind::PartialDownload)
        },
    ]
}

fn autostart() -> Vec<AutostartEntry> {
    let entry = |name: &str, command: &str, enabled| AutostartEntry {
        mechanism: "systemd".to_owned(),
        location: format!("/lib/systemd/system/{name}"),
        name: name.to_owned(),
        command: Some(command.to_owned()),
        user: None,
        enabled,
    };
    vec![
        entry("cron.service", "/usr/sbin/cron -f", Some(true)),
        entry("ssh.service", "/usr/sbin/sshd -D", Some(true)),
        AutostartEntry {
            user: Some("debian-transmission".to_owned()),
            ..entry("transmission-daemon.service", "/usr/bin/transmission-daemon -f --log-error", Some(true))
        },
        entry("rescue.service", "/bin/sulogin", None),
    ]
}

fn collection() -> Collection {
    let outcome = |artifact: &str, kind: ArtifactKind, items, status, reasons: &[&str]| ArtifactOutcome {
        artifact: format!("Linux.{artifact}"),
        kind,
        status,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        items,
        entries: vec![kind.parsed_entry()],
        started_at: at("09:01:00"),
        finished_at: at("09:01:00") + SignedDuration::from_millis(1_340),
    };
    let command = |artifact: &str, command: &str| CommandRecord {
        artifact: format!("Linux.{artifact}"),
        command: command.to_owned(),
        exit_code: Some(0),
        stdout_bytes: 18_204,
        stderr: String::new(),
        started_at: at("09:01:01"),
        elapsed_ms: 41,
    };
    Collection {
        program: None,
        case_id: "ph-20260302-kq3v7a2m".to_owned(),
        target: ip("10.20.0.5"),
        transport: "ssh".to_owned(),
        endpoint_key: Some("SHA256:Pz3d0f2l0mJZ1uY8yq1mN6u0H7i3Tq5e7fO1w0l9kRk".to_owned()),
        collector_host: "soc-collector-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(-2_400),
        started_at: at("09:01:00"),
        finished_at: at("09:03:12"),
        outcomes: vec![
            outcome("System.Identity", ArtifactKind::Identity, 1, ArtifactStatus::Ok, &[]),
            outcome("Network.Connections", ArtifactKind::Connections, 21, ArtifactStatus::Ok, &[]),
            outcome("System.Processes", ArtifactKind::Processes, 184, ArtifactStatus::Ok, &[]),
            outcome("Persistence.Autostart", ArtifactKind::Autostart, 4, ArtifactStatus::Ok, &[]),
            outcome(
                "Network.Firewall",
                ArtifactKind::Firewall,
                1,
                ArtifactStatus::Partial,
                &["iptables could not be read: permission denied"],
            ),
            outcome("Files.Torrents", ArtifactKind::Torrents, 3, ArtifactStatus::Ok, &[]),
        ],
        commands: vec![
            command("System.Identity", "identity.sh"),
            command("Network.Connections", "connections.sh"),
        ],
    }
}

fn case(collection: &Collection) -> Case {
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "id": "3f0c2a9d8e1b", "event.id": "998877", "@timestamp": "2026-03-02T08:58:59.9Z", "format": "suricata_eve",
        "rule.name": "ET P2P BitTorrent peer sync", "rule.id": "2000334", "event.severity": "1",
        "source.ip": "10.20.0.5", "source.port": 51413, "destination.ip": "203.0.113.9", "destination.port": 6881,
        "network.transport": "tcp", "observer.name": "ids-core-2", "torrent.infohash": INFOHASH,
        "event.original": "{}",
    }))
    .unwrap();
    let note = |time: &str, what: &str| HistoryEntry { at: at(time), what: what.to_owned() };
    let action = |kind, to: &str, status, detail: &str| ActionRecord {
        effect: Some(7),
        kind,
        to: if to.is_empty() { Vec::new() } else { vec![to.to_owned()] },
        status,
        detail: detail.to_owned(),
        attempts: 1,
        at: at("09:04:35"),
    };
    let claim = |key: &str| {
        let key = ClaimKey::stored(key.to_owned());
        Claim::lease(key, "ph-20260302-kq3v7a2m", at("09:00:00"), SignedDuration::from_hours(72))
    };
    Case {
        id: "ph-20260302-kq3v7a2m".to_owned(),
        version: 9,
        alert,
        target: ip("10.20.0.5"),
        target_port: Some(51413),
        peer_ip: Some(ip("203.0.113.9")),
        peer_port: Some(6881),
        opened_at: at("09:00:00"),
        updated_at: at("09:04:36"),
        state: State::Closed { outcome: Outcome::Investigated { verdict: Verdict::PolicyViolation } },
        claims: vec![claim("ip#10.20.0.5"), claim("user#corp\\alice")],
        identity: None,
        artifacts: collection.outcomes.clone(),
        staged: None,
        assessment: Some(assessment()),
        evidence: Some(SealedEvidence {
            location: "/var/lib/peerhound/evidence/ph-20260302-kq3v7a2m.zip".to_owned(),
            sha256: "c0ffee11".repeat(8),
            size: 482_133,
            sealed_at: at("09:04:31"),
        }),
        actions: vec![
            action(
                ActionKind::MailUser,
                "alice@example.com",
                ActionStatus::Done,
                "accepted by mail.example.com:587",
            ),
            action(ActionKind::Ticket, "", ActionStatus::Pending, ""),
        ],
        pending: Vec::new(),
        next_effect: 9,
        forensics: None,
        hold: None,
        failed_tries: 0,
        history: vec![
            note("09:00:00", "opened by the alert 3f0c2a9d8e1b, 10.20.0.5 claimed"),
            note("09:00:31", "identified as ws-0042; corp\\alice claimed"),
            note("09:03:12", "collected 6 artifacts"),
            note("09:03:13", "assessed: policy violation"),
            note("09:04:31", "sealed"),
        ],
    }
}

/// A case with something of everything.
pub(super) fn full() -> Sample {
    let collection = collection();
    let mut case = case(&collection);
    let evidence = evidence();
    case.identity.clone_from(&evidence.identity);
    let kinds = ArtifactKind::ALL.iter().map(|kind| kind.parsed_entry());
    let paths = ["alert.json".to_owned()].into_iter().chain(kinds).chain(["collection.json".to_owned()]);
    let entries = paths.enumerate().map(|(index, path)| Entry {
        size: 1_000 * (index as u64 + 1),
        sha256: format!("{:02x}", index * 29 + 16).repeat(32),
        media_type: media_type(&path).to_owned(),
        path,
    });
    Sample { entries: entries.collect(), case, evidence, collection }
}

/// A case of another verdict, with the findings that it can have.
pub(super) fn with_verdict(verdict: Verdict) -> Sample {
    let mut sample = full();
    let assessment = sample.case.assessment.as_mut().unwrap();
    assessment.verdict = verdict;
    assessment.summary = match verdict {
        Verdict::FalsePositive => {
            assessment.findings.clear();
            "False positive at 10.20.0.5 (high confidence): no peer-to-peer client, no torrent file and no socket to \
             203.0.113.9 in whole evidence, collected 2 minutes after the alert."
        }
        Verdict::Compromised => {
            assessment.findings[1].bearing = Bearing::Compromise;
            assessment.findings.swap(0, 1);
            "Compromised at 10.20.0.5 (high confidence): a program in a folder for temporary files starts by itself."
        }
        _ => {
            assessment.findings.retain(|finding| finding.bearing == Bearing::Suspicion);
            "Inconclusive at 10.20.0.5, an analyst must decide: torrent files were touched around the alert."
        }
    }
    .to_owned();
    sample.case.state = State::Closed { outcome: Outcome::Investigated { verdict } };
    if verdict == Verdict::FalsePositive {
        sample.evidence.sockets.as_mut().unwrap().retain(|socket| socket.pid != Some(4711));
        sample.evidence.torrents = Some(Vec::new());
    }
    sample
}
