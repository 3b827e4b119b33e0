//! The alert's socket is there and nobody is named as its holder.

use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_socket, tied_how};

pub(super) const RULE: Rule = Rule {
    id: "socket.unowned_at_peer",
    title: "Socket to the alert's peer without a known owner",
    rationale: "The flow is real. Its holder may have closed it a moment ago, run as a user whose processes could not be \
                read, or hide.",
    technique: None,
    runbook: "Collect again with the rights to read every process; a socket that stays without an owner is a rootkit's sign.",
    changes: "A collection with more rights that names the owner decides; an owner that is honest software settles it.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut tied: Vec<_> =
        scene.sockets.iter().filter(|held| held.owner.is_none() && held.tie.is_some()).collect();
    tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
    let Some(strongest) = tied.first() else { return Vec::new() };
    let p2p_port = tied.iter().any(|held| scene.on_p2p_port(held.socket, None));
    vec![Draft {
        uncited: 0,
        confidence: if p2p_port { Confidence::Medium } else { Confidence::Low },
        bearing: Bearing::Suspicion,
        headline: format!("A socket to {} has no known owner", tied_how(scene, strongest)),
        details: Vec::new(),
        citations: tied.iter().map(|held| cite_socket(scene, held)).collect(),
    }]
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    use crate::evidence::SocketState;
    vec![
        Case::finds("to the very peer", Bearing::Suspicion, Confidence::Medium, Bench::new().flow_unowned())
            .saying(&["203.0.113.7:6881", "no known owner"]),
        Case::finds("closing", Bearing::Suspicion, Confidence::Medium, {
            Bench::new().flow_unowned().socket(|s| s.state = SocketState::Closing)
        }),
        Case::finds("another port of the peer", Bearing::Suspicion, Confidence::Low, {
            Bench::new().flow_unowned().socket(|s| s.remote_port = Some(443))
        }),
        Case::nothing("another peer", {
            Bench::new()
                .flow_unowned()
                .socket(|s| s.remote_ip = Some("198.51.100.9".parse().expect("an address")))
        }),
        Case::nothing("with an owner", Bench::new().client(4242).flow(4242)),
    ]
}
