//! What the rules said of it.

use super::{CLIENT, INFOHASH};
use crate::assess::{Assessment, Basis, Bearing, Citation, Confidence, Finding, Link, Verdict};
use crate::evidence::ArtifactKind;

fn citation(kind: ArtifactKind, row: usize, excerpt: &str) -> Citation {
    Citation {
        entry: kind.parsed_entry(),
        row,
        excerpt: excerpt.to_owned(),
        pid: Some(4711),
        image: Some(CLIENT.to_owned()),
        user: Some("alice".to_owned()),
        peer: None,
        sha256: None,
    }
}

pub(super) fn assessment() -> Assessment {
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
