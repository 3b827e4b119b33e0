//! A torrent client is at work, but not visibly with the alert's peer.

use std::collections::BTreeSet;

use super::super::rulebook::Mode;
use super::super::scene::{Held, Scene, listens_outside, outside_peer};
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, who};
use crate::assess::Client;

pub(super) const RULE: Rule = Rule {
    id: "p2p.client_with_peers",
    title: "Peer-to-peer client exchanging data or waiting for peers",
    rationale: "Peers come and go within minutes, so the alert's own peer may be gone by now; a client that talks to \
                others or listens for them was at work all the same.",
    technique: None,
    runbook: "Have the client removed; compare the peers with the firewall's log of the alert's time.",
    changes: "A firewall log that shows the alert's own peer at this client makes it certain; only an image that is no client takes it back.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

/// Web ports: a tracker, a web seed or the client's own update.
pub(super) fn is_web(port: u16) -> bool {
    matches!(port, 53 | 80 | 123 | 443 | 853)
}

/// Sockets to peers, without the client's own user interface and the web.
pub(super) fn peers<'s, 'a>(
    scene: &'s Scene<'a>,
    owner: usize,
    client: Option<&Client>,
) -> Vec<&'s Held<'a>> {
    let control = |held: &&Held<'_>| {
        client.is_some_and(|client| client.is_control(held.socket.transport, held.socket.local_port))
    };
    scene
        .held_by(owner)
        .filter(|held| outside_peer(held.socket).is_some() && !held.socket.remote_port.is_some_and(is_web))
        .filter(|held| !control(held))
        .collect()
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        let Some(client) = owner.client.filter(|client| !client.dual_use) else { continue };
        if scene.held_by(index).any(|held| held.tie.is_some()) {
            continue;
        }
        let peers = peers(scene, index, Some(client));
        let distinct: BTreeSet<_> = peers.iter().filter_map(|held| outside_peer(held.socket)).collect();
        let on_p2p_port = peers.iter().any(|held| scene.on_p2p_port(held.socket, Some(client)));
        let listeners: Vec<_> = scene
            .held_by(index)
            .filter(|held| listens_outside(held.socket))
            .filter(|held| !client.is_control(held.socket.transport, held.socket.local_port))
            .collect();
        let doing = match (distinct.len(), listeners.is_empty()) {
            (0, true) => continue,
            (0, false) => "waits for peers".to_owned(),
            (1, _) => "is connected to 1 peer".to_owned(),
            (many, _) => format!("is connected to {many} peers"),
        };
        let doubts = doubts(scene, owner);
        let strong = (distinct.len() > 1 || on_p2p_port) && doubts.is_empty();
        let mut details = vec!["none of its sockets is the alert's".to_owned()];
        details.extend(doubts);
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence: if strong { Confidence::High } else { Confidence::Medium },
            bearing: Bearing::Violation,
            headline: format!("{} {doing}", who(owner)),
            details,
            citations: cite_process(owner)
                .into_iter()
                .chain(peers.iter().chain(&listeners).map(|held| cite_socket(scene, held)))
                .collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    let base = || Bench::new().client(4242);
    vec![
        Case::finds("two peers", Bearing::Violation, Confidence::High, {
            base().tcp(4242, "198.51.100.9", 41000).tcp(4242, "198.51.100.10", 41001)
        })
        .saying(&["2 peers", "PID 4242", "user alice"]),
        Case::finds("one peer on a BitTorrent port", Bearing::Violation, Confidence::High, {
            base().tcp(4242, "198.51.100.9", 6881)
        }),
        Case::finds(
            "one peer",
            Bearing::Violation,
            Confidence::Medium,
            base().tcp(4242, "198.51.100.9", 41000),
        ),
        Case::finds(
            "listening only",
            Bearing::Violation,
            Confidence::Medium,
            base().listening(4242, "0.0.0.0", 40001),
        )
        .saying(&["waits for peers"]),
        Case::finds("bound to UDP", Bearing::Violation, Confidence::Medium, base().udp_bound(4242, 40001)),
        Case::nothing("no socket", base()),
        Case::nothing(
            "loopback only",
            base().listening(4242, "127.0.0.1", 9091).tcp(4242, "127.0.0.1", 40000),
        ),
        Case::nothing(
            "its web interface only",
            base().listening(4242, "0.0.0.0", 8080).tcp(4242, "198.51.100.9", 443),
        ),
        Case::nothing("a dual-use program", {
            Bench::new().program(5, "/usr/bin/syncthing").tcp(5, "198.51.100.9", 22000).tcp(
                5,
                "198.51.100.10",
                22000,
            )
        }),
        Case::nothing("the alert's own peer is another rule's", base().flow(4242)),
    ]
}
