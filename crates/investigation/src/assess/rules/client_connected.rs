//! A torrent client holds the socket of the alert: the whole chain, alert to socket to PID to image to user.

use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::Bearing;
use super::Rule;
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, tied_how, unless_doubted, who};

pub(super) const RULE: Rule = Rule {
    id: "p2p.client_connected_to_peer",
    title: "Peer-to-peer client connected to the alert's peer",
    rationale: "The alert names a flow. The endpoint shows that flow's socket and the peer-to-peer client that holds it, \
                so the alert is explained by software that has no other purpose.",
    technique: None,
    runbook: "Have the client removed and ask the user what was shared; check the torrent inventory for its content.",
    changes: "If the process list shows another program behind the PID, or the machine is another than the alert's, the chain breaks.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        if owner.client.is_none_or(|client| client.dual_use) {
            continue;
        }
        let mut tied: Vec<_> = scene.held_by(index).filter(|held| held.tie.is_some()).collect();
        tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
        let Some(strongest) = tied.first() else { continue };
        let mut details = doubts(scene, owner);
        if owner.process.user.is_none() {
            details.push("the account that it runs as is not known".to_owned());
        }
        let confidence = unless_doubted(&details);
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence,
            bearing: Bearing::Violation,
            headline: format!("{} holds a socket to {}", who(owner), tied_how(scene, strongest)),
            details,
            citations: tied.iter().map(|held| cite_socket(scene, held)).chain(cite_process(owner)).collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    use super::super::verdict::Confidence::{High, Medium};
    let base = || Bench::new().client(4242);
    vec![
        Case::finds("socket to the very peer", Bearing::Violation, High, base().flow(4242)).saying(&[
            "PID 4242",
            "/usr/bin/qbittorrent-nox",
            "203.0.113.7:6881",
            "user alice",
        ]),
        Case::finds("on Windows, where case means nothing", Bearing::Violation, High, {
            Bench::new()
                .program(77, r"C:\Users\JÖRG\AppData\Roaming\uTorrent\uTorrent.exe")
                .process(77, |p| p.user = Some(r"CORP\jörg".into()))
                .flow(77)
                .socket(|s| s.path = Some(r"c:\users\jörg\appdata\roaming\utorrent\utorrent.exe".into()))
        })
        .saying(&["PID 77", r"user CORP\jörg"]),
        Case::finds(
            "another port of the peer",
            Bearing::Violation,
            High,
            base().tcp(4242, "203.0.113.7", 50123),
        ),
        Case::finds("the endpoint's own UDP port", Bearing::Violation, High, base().udp_bound(4242, 51000)),
        Case::finds("evidence that came hours after the alert", Bearing::Violation, Medium, {
            base().alert(|a| a.timestamp = Some(Bench::at("2026-03-02T06:00:00Z"))).flow(4242)
        })
        .saying(&["4 hours younger than the alert"]),
        Case::finds(
            "image path unknown",
            Bearing::Violation,
            Medium,
            base().process(4242, |p| p.path = None).flow(4242),
        ),
        Case::finds(
            "user unknown",
            Bearing::Violation,
            Medium,
            base().process(4242, |p| p.user = None).flow(4242),
        ),
        Case::finds(
            "started after the alert",
            Bearing::Violation,
            Medium,
            base().process(4242, |p| p.start_time = Some(Bench::at("2026-03-02T10:20:00Z"))).flow(4242),
        )
        .saying(&["after the alert"]),
        Case::finds(
            "image deleted",
            Bearing::Violation,
            High,
            base().process(4242, |p| p.image_deleted = true).flow(4242),
        )
        .saying(&["deleted or replaced"]),
        Case::finds(
            "not in the process list",
            Bearing::Violation,
            Medium,
            Bench::new().flow_named(9, "/usr/bin/rtorrent"),
        )
        .saying(&["no process with this PID", "PID 9"]),
        Case::finds("without a process list", Bearing::Violation, Medium, {
            Bench::new().flow_named(9, "/usr/bin/rtorrent").without_processes()
        }),
        Case::nothing("another peer", base().tcp(4242, "198.51.100.9", 6881)),
        Case::nothing(
            "another transport",
            base().flow(4242).alert(|a| a.transport = Some(super::super::testing::UDP)),
        ),
        Case::nothing("the PID was reused by a client", {
            base().flow(4242).socket(|s| {
                s.process = Some("sshd".into());
                s.path = Some("/usr/sbin/sshd".into());
            })
        }),
        Case::nothing("the client started after the sockets were listed", {
            base()
                .process(4242, |p| p.start_time = Some(Bench::at("2026-03-02T10:31:00Z")))
                .flow(4242)
                .socket(|s| (s.process, s.path) = (None, None))
        }),
        Case::nothing("a dual-use program", Bench::new().program(5, "/usr/bin/aria2c").flow(5)),
        Case::nothing("its RPC port on loopback", base().listening(4242, "127.0.0.1", 51000)),
        Case::nothing(
            "a name that contains a client's",
            Bench::new().program(5, "/opt/transmission-exporter").flow(5),
        ),
    ]
}
