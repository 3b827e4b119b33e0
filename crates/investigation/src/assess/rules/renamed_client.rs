//! A program that is no known client and behaves as one in so many ways that it is one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::rulebook::Mode;
use super::super::scene::{Owner, Scene, Sign, listens_outside, outside_peer};
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::client_swarm::is_web;
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, show, who};
use super::webtorrent::is_browser;
use crate::evidence::TransportProtocol;

pub(super) const RULE: Rule = Rule {
    id: "p2p.renamed_client",
    title: "Program under another name that behaves as a torrent client",
    rationale: "A client can take another name, but not other habits: one port for TCP and UDP (uTP and DHT), the port of \
                local peer discovery, many peers away from the web's ports, an unfinished download that it has open, a user \
                whose downloads are being written. One of these is chance. Four, or three with one that nothing else does, \
                are not.",
    technique: Some("T1036.005"),
    runbook: "Keep the image and its hash, and add the hash to the site's rules; have the program removed.",
    changes: "If the program is identified as honest software, it falls away; name it in the site's rules.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

/// Port of local peer discovery (BEP 14).
const DISCOVERY: u16 = 6771;
/// Peers away from the web's ports from which on a program looks like a member of a swarm.
const SWARM: usize = 8;
/// Peers on BitTorrent's own ports.
const ON_PORT: usize = 3;

/// What speaks for a client, in words, and how much of it nothing else does.
struct Habits {
    words: Vec<String>,
    telling: usize,
}

fn habits(scene: &Scene<'_>, index: usize, owner: &Owner<'_>) -> Habits {
    let on_port = |transport, port| scene.indicators.is_bittorrent_port(transport, port);
    let mut habits = Habits { words: Vec::new(), telling: 0 };
    let (mut tcp, mut udp) = (BTreeSet::new(), BTreeSet::new());
    let (mut peers, mut on_ports): (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = Default::default();
    let (mut discovery, mut usual, mut alerts) = (false, false, false);
    for held in scene.held_by(index) {
        let socket = held.socket;
        alerts |= held.tie.is_some();
        if listens_outside(socket) {
            let ports = if socket.transport == TransportProtocol::Udp { &mut udp } else { &mut tcp };
            ports.insert(socket.local_port);
            discovery |= socket.transport == TransportProtocol::Udp && socket.local_port == DISCOVERY;
            usual |= on_port(socket.transport, socket.local_port);
        }
        if let (Some(ip), Some(port)) = (outside_peer(socket), socket.remote_port)
            && !is_web(port)
        {
            peers.insert(ip);
            if on_port(socket.transport, port) {
                on_ports.insert(ip);
            }
        }
    }
    let mut add = |is: bool, words: String| {
        if is {
            habits.words.push(words);
        }
    };
    add(discovery, format!("listens on UDP {DISCOVERY}, where clients look for peers nearby"));
    add(owner.torrent_argument(), "was given a torrent on its command line".to_owned());
    let both = tcp.intersection(&udp).find(|port| !is_web(**port));
    add(
        both.is_some(),
        format!("listens on one port ({}) by TCP and UDP", both.copied().unwrap_or_default()),
    );
    add(usual, "listens on a port of BitTorrent's".to_owned());
    add(on_ports.len() >= ON_PORT, format!("talks to {} addresses on BitTorrent's ports", on_ports.len()));
    add(peers.len() >= SWARM, format!("talks to {} addresses off the web's ports", peers.len()));
    add(alerts, "holds the alert's socket".to_owned());
    add(
        scene.has_use(owner.process.user.as_deref()),
        "its user's downloads were being written around the alert".to_owned(),
    );
    let open = open_download(scene, owner);
    let says = open.map_or_else(String::new, |(sign, file)| match sign {
        Sign::Unfinished => format!("has a torrent client's unfinished download open ({})", show(file)),
        Sign::Named => format!("has a file open that a torrent on the disk names ({})", show(file)),
        Sign::Shared => format!("has an unfinished download open ({})", show(file)),
    });
    add(open.is_some(), says);
    let folder = owner.process.path.as_deref().and_then(|path| scene.indicators.client_of_file(path));
    add(folder.is_some(), "lies in the folder of a client".to_owned());
    let unfinished = open.is_some_and(|(sign, _)| sign == Sign::Unfinished);
    habits.telling = usize::from(discovery) + usize::from(owner.torrent_argument()) + usize::from(unfinished);
    habits
}

/// The one open file that speaks for a client: however many there are, they are one habit, since whatever copies or
/// searches a folder has them open too. A browser's own unfinished downloads have such names as well.
fn open_download<'o>(scene: &Scene<'_>, owner: &'o Owner<'_>) -> Option<(Sign, &'o str)> {
    scene.open_download(owner).filter(|(sign, _)| *sign != Sign::Shared || !is_browser(owner))
}

impl Habits {
    fn are_a_clients(&self) -> bool {
        self.words.len() >= 4 || (self.telling > 0 && self.words.len() >= 3)
    }
}

/// Whether this rule speaks for the program, so that weaker ones need not.
pub(super) fn finds(scene: &Scene<'_>, index: usize, owner: &Owner<'_>) -> bool {
    scene.is_stranger(owner) && habits(scene, index, owner).are_a_clients()
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate().filter(|(_, owner)| scene.is_stranger(owner)) {
        let habits = habits(scene, index, owner);
        if !habits.are_a_clients() {
            continue;
        }
        let mut details = doubts(scene, owner);
        details.extend(remarks(scene, owner));
        let sockets = scene
            .held_by(index)
            .filter(|held| outside_peer(held.socket).is_some() || listens_outside(held.socket));
        drafts.push(Draft {
            uncited: 0,
            confidence: Confidence::Medium,
            bearing: Bearing::Violation,
            headline: format!("{} behaves as a torrent client: it {}", who(owner), habits.words.join("; ")),
            details,
            citations: cite_process(owner)
                .into_iter()
                .chain(sockets.map(|held| cite_socket(scene, held)))
                .collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    use crate::evidence::TorrentKind;
    let swarm =
        |bench: Bench| (1..=9).fold(bench, |bench, n| bench.tcp(5, &format!("198.51.100.{n}"), 40_000 + n));
    let renamed = || Bench::new().program(5, r"C:\Users\alice\Documents\notes.exe");
    let both = |bench: Bench| bench.listening(5, "0.0.0.0", 50_001).udp_bound(5, 50_001);
    let opening = |bench: Bench, files: &[&str]| {
        bench.process(5, |p| p.open_files = files.iter().map(|file| (*file).to_owned()).collect())
    };
    let violation = |name, bench| Case::finds(name, Bearing::Violation, Confidence::Medium, bench);
    vec![
        violation("local discovery, one port and a swarm", swarm(both(renamed())).udp_bound(5, 6771))
            .saying(&["notes.exe", "PID 5", "9 addresses", "UDP 6771", "50001"]),
        violation("a magnet link and the alert's socket", {
            swarm(renamed().process(5, |p| p.command_line = Some("notes magnet:?xt=urn:btih:x".into())))
                .flow(5)
        }),
        violation("one port, a swarm, the alert's socket and downloads", {
            swarm(both(renamed())).flow(5).file(
                "/d/f.!qB",
                TorrentKind::PartialDownload,
                "2026-03-02T09:00:00Z",
            )
        }),
        violation("an unfinished download, one port and a swarm", {
            swarm(both(opening(renamed(), &["/home/alice/film.mkv.!qB", "/home/alice/notes.txt"])))
        })
        .saying(&["unfinished download", "film.mkv.!qB", "9 addresses"]),
        violation("a file that a torrent names, one port, a swarm and the alert's socket", {
            let named = |bench: Bench| {
                bench
                    .file("/home/alice/x.torrent", TorrentKind::Metainfo, "2025-01-01T00:00:00Z")
                    .torrent(|f| f.name = Some("Big Buck Bunny".into()))
            };
            swarm(named(both(opening(renamed(), &["/srv/media/Big Buck Bunny/1.mkv"])))).flow(5)
        })
        .saying(&["a torrent on the disk names"]),
        violation("an unfinished download of some program's, one port, a swarm and the alert's socket", {
            swarm(both(opening(renamed(), &["/srv/film.part"]))).flow(5)
        }),
        Case::nothing("what copies a folder with downloads", {
            let copies = opening(Bench::new().program(5, "/usr/bin/rsync"), &["/home/alice/film.mkv.!qB"]);
            copies.tcp(5, "198.51.100.9", 873).file(
                "/home/alice/film.mkv.!qB",
                TorrentKind::PartialDownload,
                "2026-03-02T09:00:00Z",
            )
        }),
        Case::nothing("a browser that fetches a file", {
            let browser =
                opening(Bench::new().program(5, "/usr/lib/firefox/firefox"), &["/home/alice/film.part"]);
            swarm(both(browser))
        }),
        Case::nothing("a player of a film and one port", {
            both(opening(renamed(), &["/home/alice/Videos/film.mkv"])).flow(5)
        }),
        Case::nothing("a swarm and one port alone", swarm(both(renamed()))),
        Case::nothing("a web server", {
            let server =
                Bench::new().program(5, "/usr/sbin/nginx").listening(5, "0.0.0.0", 443).udp_bound(5, 443);
            swarm(server)
        }),
        Case::nothing("somebody else's downloads", {
            swarm(both(renamed()))
                .file("/d/f.!qB", TorrentKind::PartialDownload, "2026-03-02T09:00:00Z")
                .torrent(|f| f.owner = Some("bob".into()))
        }),
        Case::nothing(
            "a known client is another rule's",
            swarm(both(Bench::new().client(5))).udp_bound(5, 6771),
        ),
        Case::nothing("a video call", (0..20).fold(renamed(), |b, n| b.udp_bound(5, 50_000 + n))),
    ]
}
