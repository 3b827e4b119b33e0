//! A program that is no known client behaves as one: a renamed client, or one that is not in the table.

use std::collections::BTreeSet;

use super::super::rulebook::Mode;
use super::super::scene::{Scene, listens_outside, outside_peer};
use super::super::verdict::{Bearing, Confidence};
use super::draft::{Draft, cite_process, cite_socket, remarks, who};
use super::{Rule, renamed_client};

pub(super) const RULE: Rule = Rule {
    id: "process.unknown_program_on_bittorrent_ports",
    title: "Program that is no known client on BitTorrent's ports",
    rationale: "A renamed client keeps its habits: it listens on BitTorrent's ports or talks to several peers on them. \
                Other software seldom does both by chance, and one such port alone means little.",
    technique: Some("T1496.002"),
    runbook: "Identify the program: image path, hash and parent; compare the hash with those of known clients.",
    changes: "If the program is identified as honest software, it falls away; if its hash is a client's, it is a violation.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate().filter(|(_, owner)| scene.is_stranger(owner)) {
        if scene.held_by(index).any(|held| held.tie.is_some()) {
            continue;
        }
        if renamed_client::finds(scene, index, owner) {
            continue;
        }
        let on_port = |transport, port| scene.indicators.is_bittorrent_port(transport, port);
        let listeners: Vec<_> = scene
            .held_by(index)
            .filter(|held| {
                listens_outside(held.socket) && on_port(held.socket.transport, held.socket.local_port)
            })
            .collect();
        let peers: Vec<_> = scene
            .held_by(index)
            .filter(|held| outside_peer(held.socket).is_some())
            .filter(|held| held.socket.remote_port.is_some_and(|port| on_port(held.socket.transport, port)))
            .collect();
        let distinct: BTreeSet<_> = peers.iter().filter_map(|held| outside_peer(held.socket)).collect();
        let does = match (listeners.is_empty(), distinct.len()) {
            (true, 0 | 1) => continue,
            (true, many) => format!("talks to {many} addresses on BitTorrent's ports"),
            (false, 0) => "listens on a BitTorrent port".to_owned(),
            (false, many) => {
                format!("listens on a BitTorrent port and talks to {many} addresses on such ports")
            }
        };
        let both = !listeners.is_empty() && distinct.len() > 1;
        let mut details = vec!["it is none of the known clients and holds no socket of the alert".to_owned()];
        details.extend(owner.doubts.iter().cloned());
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence: if both { Confidence::Medium } else { Confidence::Low },
            bearing: Bearing::Suspicion,
            headline: format!("{} {does}", who(owner)),
            details,
            citations: listeners
                .iter()
                .chain(&peers)
                .map(|held| cite_socket(scene, held))
                .chain(cite_process(owner))
                .collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    let renamed = || Bench::new().program(5, "/home/alice/bin/notes");
    let two_peers = || renamed().tcp(5, "198.51.100.1", 6881).tcp(5, "198.51.100.2", 51413);
    vec![
        Case::finds(
            "listening",
            Bearing::Suspicion,
            Confidence::Low,
            renamed().listening(5, "0.0.0.0", 6881),
        ),
        Case::finds("two peers", Bearing::Suspicion, Confidence::Low, two_peers())
            .saying(&["notes", "2 addresses"]),
        Case::finds("both", Bearing::Suspicion, Confidence::Medium, two_peers().udp_bound(5, 6881)),
        Case::nothing("one peer", renamed().tcp(5, "198.51.100.1", 6881)),
        Case::nothing("loopback", renamed().listening(5, "127.0.0.1", 6881)),
        Case::nothing("other ports", renamed().listening(5, "0.0.0.0", 8443).tcp(5, "198.51.100.1", 443)),
        Case::nothing("a known client", Bench::new().client(4242).listening(4242, "0.0.0.0", 6881)),
        Case::nothing(
            "the alert's own socket is another rule's",
            renamed().flow(5).listening(5, "0.0.0.0", 6881),
        ),
    ]
}
