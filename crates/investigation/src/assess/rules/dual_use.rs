//! Programs with honest uses: never enough alone.

use std::collections::BTreeSet;

use super::super::gaps::staleness;
use super::super::rulebook::Mode;
use super::super::scene::{Owner, Scene, listens_outside, outside_peer};
use super::super::verdict::{Bearing, Confidence};
use super::client_swarm::peers;
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, tied_how, who};
use super::{Rule, own_network};
use crate::assess::Client;

pub(super) const AT_PEER: Rule = Rule {
    id: "p2p.dual_use_at_peer",
    title: "Dual-use program connected to the alert's peer",
    rationale: "Download managers, synchronisers and launchers speak to peers for honest reasons too. One that can join \
                a swarm, holds the alert's socket and shows a torrent besides was used for one.",
    technique: None,
    runbook: "Ask what it was fetching: its command line, session file and log say whether it was a torrent.",
    changes: "Its session file or log decides: a torrent makes it a violation, a plain download or its own network settles it.",
    mode: Mode::Decide,
    evaluate: at_peer,
    #[cfg(test)]
    cases: at_peer_cases,
};

pub(super) const IN_SWARM: Rule = Rule {
    id: "p2p.dual_use_in_swarm",
    title: "Dual-use program with BitTorrent-like sockets",
    rationale: "A download manager opens its BitTorrent ports only for a torrent, and talks to many peers only in a \
                swarm. Without the alert's own peer that is a reason to look closer and no more.",
    technique: None,
    runbook: "Ask what it was fetching: its command line, session file and log say whether it was a torrent.",
    changes: "Its session file or log decides: a torrent makes it a violation, a plain download settles it.",
    mode: Mode::Decide,
    evaluate: in_swarm,
    #[cfg(test)]
    cases: in_swarm_cases,
};

/// Peers from which on a download manager looks like a member of a swarm.
const SWARM: usize = 3;

/// What besides the sockets says that it was a torrent.
fn torrent_signs(scene: &Scene<'_>, owner: &Owner<'_>) -> Vec<String> {
    let mut signs = Vec::new();
    if owner.torrent_argument() {
        signs.push("its command line names a torrent".to_owned());
    }
    if scene.has_recent_torrents(owner.process.user.as_deref()) {
        signs.push("its user has torrent files that were touched around the alert".to_owned());
    }
    signs
}

fn listening(scene: &Scene<'_>, owner: usize, client: &Client) -> Vec<usize> {
    let on_its_ports = |held: &&super::super::scene::Held<'_>| {
        listens_outside(held.socket) && client.peers_on(held.socket.transport, held.socket.local_port)
    };
    scene.held_by(owner).filter(on_its_ports).map(|held| held.row).collect()
}

fn at_peer(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        let Some(client) = owner.client.filter(|client| client.dual_use) else { continue };
        if scene.is_stranger(owner) || own_network::explains(scene, index, owner) {
            continue;
        }
        let mut tied: Vec<_> = scene.held_by(index).filter(|held| held.tie.is_some()).collect();
        tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
        let Some(strongest) = tied.first() else { continue };
        let mut signs = if client.bittorrent { torrent_signs(scene, owner) } else { Vec::new() };
        if client.bittorrent && !listening(scene, index, client).is_empty() {
            signs.push("it listens on its BitTorrent ports".to_owned());
        }
        let p2p_port =
            client.bittorrent && tied.iter().any(|held| scene.on_p2p_port(held.socket, Some(client)));
        let stale = staleness(scene.question).is_some();
        let (bearing, confidence) = match (signs.is_empty(), p2p_port) {
            // Its other uses explain a later connection as well as the alert's.
            (false, _) if stale => (Bearing::Suspicion, Confidence::Medium),
            (false, _) => (Bearing::Violation, Confidence::Medium),
            (true, true) => (Bearing::Suspicion, Confidence::Medium),
            (true, false) => (Bearing::Suspicion, Confidence::Low),
        };
        let mut details = vec!["it has honest uses, so the connection alone proves nothing".to_owned()];
        details.extend(signs);
        details.extend(doubts(scene, owner));
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence,
            bearing,
            headline: format!("{} holds a socket to {}", who(owner), tied_how(scene, strongest)),
            details,
            citations: tied.iter().map(|held| cite_socket(scene, held)).chain(cite_process(owner)).collect(),
        });
    }
    drafts
}

fn in_swarm(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        let Some(client) = owner.client.filter(|client| client.dual_use && client.bittorrent) else {
            continue;
        };
        if scene.is_stranger(owner) || own_network::is_at_home(owner) {
            continue;
        }
        if scene.held_by(index).any(|held| held.tie.is_some()) {
            continue;
        }
        let listening = listening(scene, index, client);
        let peers: Vec<_> = peers(scene, index, Some(client));
        let distinct: BTreeSet<_> = peers.iter().filter_map(|held| outside_peer(held.socket)).collect();
        if listening.is_empty() && distinct.len() < SWARM {
            continue;
        }
        let signs = torrent_signs(scene, owner);
        let confidence = if signs.is_empty() { Confidence::Low } else { Confidence::Medium };
        let does = match (listening.is_empty(), distinct.len()) {
            (false, 0) => "listens on its BitTorrent ports".to_owned(),
            (false, peers) => format!("listens on its BitTorrent ports and talks to {peers} addresses"),
            (true, peers) => format!("talks to {peers} addresses off the web's ports"),
        };
        let mut details = vec!["it has honest uses, so this alone proves nothing".to_owned()];
        details.extend(signs);
        details.extend(doubts(scene, owner));
        let shown = |held: &&&super::super::scene::Held<'_>| {
            listening.contains(&held.row) || peers.iter().any(|peer| peer.row == held.row)
        };
        drafts.push(Draft {
            uncited: 0,
            confidence,
            bearing: Bearing::Suspicion,
            headline: format!("{} {does}", who(owner)),
            details,
            citations: cite_process(owner)
                .into_iter()
                .chain(
                    scene
                        .held_by(index)
                        .collect::<Vec<_>>()
                        .iter()
                        .filter(shown)
                        .map(|held| cite_socket(scene, held)),
                )
                .collect(),
        });
    }
    drafts
}

#[cfg(test)]
use super::super::testing::{Bench, Case};
#[cfg(test)]
use crate::evidence::TorrentKind;

#[cfg(test)]
fn at_peer_cases() -> Vec<Case> {
    let aria2 = || Bench::new().program(5, "/usr/bin/aria2c");
    let magnet = "aria2c magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
    vec![
        Case::finds("a magnet link on the command line", Bearing::Violation, Confidence::Medium, {
            aria2().process(5, |p| p.command_line = Some(magnet.into())).flow(5)
        })
        .saying(&["aria2", "PID 5", "names a torrent"]),
        Case::finds("the user's fresh torrent", Bearing::Violation, Confidence::Medium, {
            aria2().flow(5).file("/home/alice/x.torrent", TorrentKind::Metainfo, "2026-03-02T09:00:00Z")
        }),
        Case::finds("listening on its BitTorrent ports", Bearing::Violation, Confidence::Medium, {
            aria2().flow(5).listening(5, "0.0.0.0", 6890)
        }),
        Case::finds("a torrent, hours after the alert", Bearing::Suspicion, Confidence::Medium, {
            aria2()
                .process(5, |p| p.command_line = Some(magnet.into()))
                .alert(|a| a.timestamp = Some(Bench::at("2026-03-02T06:00:00Z")))
                .flow(5)
        }),
        Case::finds("the connection alone", Bearing::Suspicion, Confidence::Medium, aria2().flow(5)),
        Case::finds("no port that says BitTorrent", Bearing::Suspicion, Confidence::Low, {
            aria2().alert(|a| a.destination_port = None).tcp(5, "203.0.113.7", 443)
        }),
        Case::finds("Syncthing, whatever else is there", Bearing::Suspicion, Confidence::Low, {
            Bench::new().program(5, "/usr/bin/syncthing").flow(5).file(
                "/home/alice/x.torrent",
                TorrentKind::Metainfo,
                "2026-03-02T09:00:00Z",
            )
        }),
        Case::nothing("another peer", aria2().tcp(5, "198.51.100.9", 6881)),
        Case::nothing("merely running", aria2()),
        Case::nothing("a client", Bench::new().client(4242).flow(4242)),
    ]
}

#[cfg(test)]
fn in_swarm_cases() -> Vec<Case> {
    let aria2 = || Bench::new().program(5, "/usr/bin/aria2c");
    let busy =
        || aria2().tcp(5, "198.51.100.1", 40000).tcp(5, "198.51.100.2", 40000).tcp(5, "198.51.100.3", 40000);
    vec![
        Case::finds(
            "listening on its ports",
            Bearing::Suspicion,
            Confidence::Low,
            aria2().listening(5, "0.0.0.0", 6881),
        ),
        Case::finds("three peers", Bearing::Suspicion, Confidence::Low, busy()).saying(&["3 addresses"]),
        Case::finds("three peers and a torrent", Bearing::Suspicion, Confidence::Medium, {
            busy().process(5, |p| p.command_line = Some("aria2c /tmp/x.torrent".into()))
        }),
        Case::nothing("a plain download", aria2().tcp(5, "198.51.100.1", 443)),
        Case::nothing("many connections for a web download", {
            aria2().tcp(5, "198.51.100.1", 443).tcp(5, "198.51.100.2", 443).tcp(5, "198.51.100.3", 443)
        }),
        Case::nothing("its RPC port", aria2().listening(5, "0.0.0.0", 6800)),
        Case::nothing("Syncthing's peers", {
            let peers = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];
            peers
                .iter()
                .fold(Bench::new().program(5, "/usr/bin/syncthing"), |bench, peer| bench.tcp(5, peer, 22000))
        }),
    ]
}
