//! Something else holds the alert's socket: it explains the alert and asks for a look.

use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::{Bearing, Confidence};
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, tied_how, who};
use super::{Rule, renamed_client, webtorrent};

pub(super) const RULE: Rule = Rule {
    id: "process.unknown_program_at_peer",
    title: "Program that is no known client connected to the alert's peer",
    rationale: "The alert is real and this program caused it. It may be a client under another name, an update service \
                or a bot that seeds torrents with the machine's bandwidth.",
    // "…and/or to seed malicious torrents" is in the technique's own text.
    technique: Some("T1496.002"),
    runbook: "Identify the program: image path, hash and parent. A browser or an update service closes the case.",
    changes: "If the program is identified as honest software, it falls away; if it is a client under another name, it is a violation.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate().filter(|(_, owner)| scene.is_stranger(owner)) {
        let mut tied: Vec<_> = scene.held_by(index).filter(|held| held.tie.is_some()).collect();
        tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
        let Some(strongest) = tied.first() else { continue };
        if renamed_client::finds(scene, index, owner) || webtorrent::is_browser(owner) {
            continue;
        }
        let mut signs = Vec::new();
        if tied.iter().any(|held| scene.on_p2p_port(held.socket, None)) {
            signs.push("the port is one that BitTorrent uses".to_owned());
        }
        if scene.has_recent_torrents(owner.process.user.as_deref()) {
            signs.push("its user has torrent files that were touched around the alert".to_owned());
        }
        let confidence = if signs.is_empty() { Confidence::Low } else { Confidence::Medium };
        let mut details = vec!["it is none of the known clients".to_owned()];
        details.extend(signs);
        details.extend(doubts(scene, owner));
        details.extend(remarks(scene, owner));
        drafts.push(Draft {
            uncited: 0,
            confidence,
            bearing: Bearing::Suspicion,
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
    use crate::evidence::TorrentKind;
    let tool = || Bench::new().program(5, "/opt/tool/agent");
    vec![
        Case::finds("a tool", Bearing::Suspicion, Confidence::Low, tool().tcp(5, "203.0.113.7", 443))
            .saying(&["agent", "PID 5", "none of the known clients"]),
        Case::finds("a BitTorrent port", Bearing::Suspicion, Confidence::Medium, {
            Bench::new().program(5, r"C:\Users\alice\AppData\Local\Temp\upd.exe").flow(5)
        }),
        Case::finds("its user's fresh torrents", Bearing::Suspicion, Confidence::Medium, {
            tool().tcp(5, "203.0.113.7", 443).file(
                "/home/alice/x.torrent",
                TorrentKind::Metainfo,
                "2026-03-02T09:00:00Z",
            )
        }),
        Case::finds("a hostile name", Bearing::Suspicion, Confidence::Medium, {
            Bench::new().program(5, "/tmp/a\u{1b}[2J\nPID 1").flow(5)
        })
        .saying(&["\\u{1b}[2J\\nPID 1"]),
        Case::finds("a client's name on another image", Bearing::Suspicion, Confidence::Medium, {
            Bench::new()
                .program(5, "/opt/office/writer")
                .process(5, |p| p.name = "qbittorrent".into())
                .flow(5)
        }),
        Case::nothing("another peer", tool().tcp(5, "198.51.100.9", 443)),
        Case::nothing(
            "a browser is another rule's",
            Bench::new().program(5, "/usr/lib/firefox/firefox").flow(5),
        ),
        Case::nothing("a known client", Bench::new().client(4242).flow(4242)),
        Case::nothing("nobody in particular", Bench::new().flow_unowned()),
    ]
}
