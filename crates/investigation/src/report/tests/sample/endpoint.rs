//! What was found on the machine.

use super::{CLIENT, INFOHASH, at, ip};
use crate::evidence::{
    AutostartEntry, DnsRecord, Evidence, FirewallRule, FirewallState, Identity, Neighbor, NeighborState,
    Prefetched, Process, Program, SessionUser, Socket, SocketState, TorrentFile, TorrentKind,
    TransportProtocol,
};

pub(in super::super) fn socket(
    pid: Option<u32>,
    name: Option<&str>,
    local: u16,
    peer: Option<(&str, u16)>,
) -> Socket {
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

pub(in super::super) fn torrent(path: &str, kind: TorrentKind) -> TorrentFile {
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

pub(super) fn evidence() -> Evidence {
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
        neighbors: Some(neighbors()),
        dns_cache: Some(names()),
        prefetch: Some(runs()),
        programs: Some(programs()),
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

fn neighbors() -> Vec<Neighbor> {
    let neighbor = |address: &str, mac: Option<&str>, state| Neighbor {
        ip: ip(address),
        mac: mac.map(str::to_owned),
        interface: Some("enp0s31f6".to_owned()),
        state,
    };
    vec![
        neighbor("10.20.0.77", None, Some(NeighborState::Incomplete)),
        neighbor("10.20.0.1", Some("00:11:22:aa:bb:cc"), Some(NeighborState::Reachable)),
        neighbor("fe80::211:22ff:feaa:bbcc", Some("00:11:22:aa:bb:cc"), Some(NeighborState::Stale)),
    ]
}

/// Windows keeps these two, and a sample has something of everything.
fn names() -> Vec<DnsRecord> {
    let record = |name: &str, kind: Option<&str>, data: Option<&str>| DnsRecord {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        data: data.map(str::to_owned),
        ttl: data.map(|_| 1_800),
    };
    vec![
        record("www.example.com", Some("A"), Some("192.0.2.80")),
        record("tracker.opentrackr.org", Some("A"), Some("203.0.113.80")),
        record("absent.example.com", None, None),
    ]
}

fn runs() -> Vec<Prefetched> {
    let run = |program: &str, hash: &str, last: &str| Prefetched {
        file: format!("{program}-{hash}.pf"),
        program: program.to_owned(),
        created: Some(at("07:31:12")),
        modified: Some(at(last)),
    };
    vec![run("NOTEPAD.EXE", "D8414F97", "07:45:10"), run("QBITTORRENT.EXE", "1A2B3C4D", "08:31:22")]
}

fn programs() -> Vec<Program> {
    let package = |name: &str, version: &str, installed: Option<&str>| Program {
        name: name.to_owned(),
        source: "dpkg".to_owned(),
        version: Some(version.to_owned()),
        publisher: Some("Debian".to_owned()),
        installed: installed.map(|day| day.parse().unwrap()),
        ..Program::default()
    };
    vec![
        package("bash", "5.2.15-2+b7", None),
        package("transmission-daemon", "3.00-2.1+deb12u1", Some("2026-02-27")),
        Program {
            source: "flatpak".to_owned(),
            image: Some(
                "/home/alice/.local/share/flatpak/exports/bin/org.qbittorrent.qBittorrent".to_owned(),
            ),
            user: Some("alice".to_owned()),
            ..package("org.qbittorrent.qBittorrent", "5.0.3", None)
        },
    ]
}
