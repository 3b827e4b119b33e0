//! A torrent client runs and shows no traffic.

use super::super::rulebook::Mode;
use super::super::scene::{Scene, listens_outside, outside_peer};
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::client_swarm::is_web;
use super::draft::{Draft, cite_process, doubts, remarks, who};

pub(super) const RULE: Rule = Rule {
    id: "p2p.client_running",
    title: "Peer-to-peer client running without visible traffic",
    rationale: "A paused or just started client holds no peer sockets. That it runs breaks the policy; that it caused \
                the alert is likely and not shown. A process that is known by its name only proves nothing yet.",
    technique: None,
    runbook: "Have the client removed; look at its transfer history for the alert's time.",
    changes: "A collection that catches it with peers raises the confidence; an image that is no client takes it back.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        let Some(client) = owner.client.filter(|client| !client.dual_use) else { continue };
        let Some(citation) = cite_process(owner) else { continue };
        let busy = scene.held_by(index).any(|held| {
            let socket = held.socket;
            let control = client.is_control(socket.transport, socket.local_port);
            let peer = outside_peer(socket).is_some() && !socket.remote_port.is_some_and(is_web);
            held.tie.is_some() || (!control && (peer || listens_outside(socket)))
        });
        if busy {
            continue;
        }
        let by_name_only = owner.process.path.is_none();
        let mut details = vec![if scene.saw_sockets {
            "it holds no socket to a peer".to_owned()
        } else {
            "whether it has peers could not be seen: there is no socket list".to_owned()
        }];
        details.extend(doubts(scene, owner));
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence: if by_name_only { Confidence::Low } else { Confidence::Medium },
            bearing: if by_name_only { Bearing::Suspicion } else { Bearing::Violation },
            headline: format!("{} is running", who(owner)),
            details,
            citations: vec![citation],
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    let base = || Bench::new().client(4242);
    vec![
        Case::finds("no sockets", Bearing::Violation, Confidence::Medium, base())
            .saying(&["no socket to a peer"]),
        Case::finds("its RPC port on loopback", Bearing::Violation, Confidence::Medium, {
            base().listening(4242, "127.0.0.1", 9091)
        }),
        Case::finds("no socket list", Bearing::Violation, Confidence::Medium, base().without_sockets())
            .saying(&["there is no socket list"]),
        Case::finds("Deluge under Python", Bearing::Violation, Confidence::Medium, {
            Bench::new()
                .program(7, "/usr/bin/python3.11")
                .process(7, |p| p.command_line = Some("/usr/bin/python3 /usr/bin/deluged -d".into()))
        })
        .saying(&["Deluge"]),
        Case::finds(
            "known by name only",
            Bearing::Suspicion,
            Confidence::Low,
            base().process(4242, |p| p.path = None),
        ),
        Case::nothing(
            "a name that contains a client's",
            Bench::new().program(5, "/opt/gears/power-transmission"),
        ),
        Case::nothing("a client's name on another image", {
            Bench::new().program(5, "/opt/office/writer").process(5, |p| p.name = "qbittorrent".into())
        }),
        Case::nothing("a dual-use program", Bench::new().program(5, "/usr/bin/aria2c")),
        Case::nothing("peers are another rule's", base().tcp(4242, "198.51.100.9", 41000)),
    ]
}
