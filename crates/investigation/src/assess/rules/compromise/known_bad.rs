//! What the site itself knows to be bad.

use std::collections::BTreeMap;

use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_listed, cite_socket, peer, show, who, who_listed};
use super::finding;

pub(in super::super) const PEER: Rule = Rule {
    id: "compromise.known_bad_peer",
    title: "A socket to an address that the site knows to be bad",
    rationale: "The site lists addresses of its own incidents and of sources that it trusts. A program that talks to one is \
                under its control; only peers of a torrent client are met by chance.",
    technique: Some("T1071"),
    runbook: "Isolate the machine; keep the program and a dump of its memory; look for the same address elsewhere.",
    changes: "If the entry of the list is out of date or too wide, it falls away: correct the list and assess again.",
    mode: Mode::Decide,
    evaluate: peers,
    #[cfg(test)]
    cases: peer_cases,
};

pub(in super::super) const IMAGE: Rule = Rule {
    id: "compromise.known_bad_image",
    title: "A process whose image the site knows to be bad",
    rationale: "A hash is the image itself, whatever it is called.",
    technique: Some("T1204.002"),
    runbook: "Isolate the machine; look for the same hash elsewhere; find out what started it.",
    changes: "If the entry of the list is wrong, it falls away: correct the list and assess again.",
    mode: Mode::Decide,
    evaluate: images,
    #[cfg(test)]
    cases: image_cases,
};

fn peers(scene: &Scene<'_>) -> Vec<Draft> {
    // One finding for each program and reason: a hostile program may open any number of sockets.
    let mut found: BTreeMap<(Option<usize>, &str), Vec<_>> = BTreeMap::new();
    for held in &scene.sockets {
        let reason = held.socket.remote_ip.and_then(|ip| scene.rules.known_bad().address(ip));
        if let Some(reason) = reason {
            found.entry((held.owner, reason)).or_default().push(held);
        }
    }
    found
        .into_iter()
        .map(|((owner, reason), sockets)| {
            let owner = owner.and_then(|owner| scene.owners.get(owner));
            let client = owner.is_some_and(|owner| owner.client.is_some() && !scene.is_stranger(owner));
            let mut details = vec![format!("the site says of it: {}", show(reason))];
            if client {
                details.push("a client meets such addresses by chance in a swarm".to_owned());
            }
            let weight = match client {
                true => (Bearing::Suspicion, Confidence::Medium),
                false => (Bearing::Compromise, Confidence::High),
            };
            let holder = owner.map_or_else(|| "A program that is not known".to_owned(), who);
            let to = sockets.first().map(|held| peer(held.socket)).unwrap_or_default();
            let headline = format!("{holder} holds a socket to {to}, which the site knows to be bad");
            let citations = sockets.into_iter().map(|held| cite_socket(scene, held)).collect();
            finding(weight, headline, details, citations)
        })
        .collect()
}

fn images(scene: &Scene<'_>) -> Vec<Draft> {
    let rows = scene.processes.iter().enumerate();
    rows.filter_map(|(row, process)| {
        let reason = scene.rules.known_bad().image(process.sha256.as_deref()?)?;
        let headline =
            format!("The image of {} is one that the site knows to be bad", who_listed(row, process));
        let details = vec![format!("the site says of it: {}", show(reason))];
        let weight = (Bearing::Compromise, Confidence::High);
        Some(finding(weight, headline, details, cite_listed(row, process).into_iter().collect()))
    })
    .collect()
}

#[cfg(test)]
use super::super::super::testing::{Bench, Case};

#[cfg(test)]
const LIST: &str = "version = '1'\n\
    [[known_bad]]\naddress = '198.51.100.0/28'\nreason = 'C2 of intrusion 14'\n\
    [[known_bad]]\nsha256 = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'\nreason = 'stealer'\n";

#[cfg(test)]
fn peer_cases() -> Vec<Case> {
    let listed = || Bench::new().with_rules(LIST);
    vec![
        Case::finds("by a program", Bearing::Compromise, Confidence::High, {
            listed().program(66, r"C:\Program Files\A\a.exe").tcp(66, "198.51.100.9", 443)
        })
        .saying(&["198.51.100.9:443", "C2 of intrusion 14", "PID 66"]),
        Case::finds("by nobody in particular", Bearing::Compromise, Confidence::High, {
            listed().tcp(66, "198.51.100.9", 443).socket(|s| s.pid = None)
        }),
        Case::finds("by a torrent client", Bearing::Suspicion, Confidence::Medium, {
            listed().client(5).tcp(5, "198.51.100.9", 6881)
        })
        .saying(&["by chance"]),
        Case::nothing("another address", listed().program(66, "/x").tcp(66, "198.51.100.99", 443)),
        Case::nothing("without a list", Bench::new().program(66, "/x").tcp(66, "198.51.100.9", 443)),
    ]
}

#[cfg(test)]
fn image_cases() -> Vec<Case> {
    let runs = |hash: &str| {
        Bench::new()
            .with_rules(LIST)
            .program(66, r"C:\A\a.exe")
            .process(66, |p| p.sha256 = Some(hash.repeat(64)))
    };
    vec![
        Case::finds("listed", Bearing::Compromise, Confidence::High, runs("b"))
            .saying(&["stealer", "PID 66"]),
        Case::nothing("another", runs("c")),
        Case::nothing("hash unknown", Bench::new().with_rules(LIST).program(66, r"C:\A\a.exe")),
    ]
}
