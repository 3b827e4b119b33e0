//! Software that speaks to peers of its own maker's network explains the alert.

use super::super::indicators::Mark;
use super::super::rulebook::Mode;
use super::super::scene::{Owner, Scene};
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_process, cite_socket, remarks, tied_how, who};

pub(super) const RULE: Rule = Rule {
    id: "explained.own_network",
    title: "Honest software with a peer-to-peer network of its own holds the alert's socket",
    rationale: "Windows shares updates between machines, games fetch theirs from players, meetings send pictures from one to \
                the other, and synchronisers do nothing else. Sensors take that for file sharing. It counts as explained \
                only where the program is its maker's and the socket fits what it does.",
    technique: None,
    runbook: "Nothing to be done, unless the company does not allow the program; tune the sensor's rule.",
    changes: "A torrent, or a socket on BitTorrent's ports, at the same program takes the explanation away.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

/// Whether it is what it says it is.
pub(super) fn is_at_home(owner: &Owner<'_>) -> bool {
    owner.mark == Some(Mark::Name)
        && owner.client.is_some_and(|client| client.own_network && client.is_genuine(&owner.process))
}

/// Whether the alert's sockets at this program are what it has them for: on its own ports, or, where its maker's
/// signature is on it, on any that are not BitTorrent's.
pub(super) fn explains(scene: &Scene<'_>, index: usize, owner: &Owner<'_>) -> bool {
    let Some(client) = owner.client.filter(|_| is_at_home(owner) && !owner.torrent_argument()) else {
        return false;
    };
    let signed = owner.process.signer.is_some() && !client.signers.is_empty();
    let mut tied = scene.held_by(index).filter(|held| held.tie.is_some()).peekable();
    tied.peek().is_some()
        && tied
            .all(|held| client.is_own_port(held.socket) || (signed && !scene.on_p2p_port(held.socket, None)))
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, owner) in scene.owners.iter().enumerate() {
        if !explains(scene, index, owner) {
            continue;
        }
        let mut tied: Vec<_> = scene.held_by(index).filter(|held| held.tie.is_some()).collect();
        tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
        let Some(strongest) = tied.first() else { continue };
        drafts.push(Draft {
            uncited: 0,
            confidence: Confidence::Medium,
            bearing: Bearing::Context,
            headline: format!("{} holds a socket to {}", who(owner), tied_how(scene, strongest)),
            details: [
                vec!["it has a peer-to-peer network of its own, which explains the alert".to_owned()],
                remarks(scene, owner),
            ]
            .concat(),
            citations: tied.iter().map(|held| cite_socket(scene, held)).chain(cite_process(owner)).collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    let optimizer = || {
        Bench::new().program(5, r"C:\Windows\System32\svchost.exe").process(5, |p| {
            p.command_line = Some(r"C:\Windows\System32\svchost.exe -k NetworkService -p -s DoSvc".into());
        })
    };
    let on = |port: u16| {
        move |bench: Bench| bench.alert(|a| a.destination_port = Some(port)).tcp(5, "203.0.113.7", port)
    };
    vec![
        Case::finds(
            "Windows' own sharing of updates",
            Bearing::Context,
            Confidence::Medium,
            on(7680)(optimizer()),
        )
        .saying(&["Delivery Optimization", "explains the alert"]),
        Case::finds(
            "Syncthing",
            Bearing::Context,
            Confidence::Medium,
            on(22000)(Bench::new().program(5, "/usr/bin/syncthing")),
        ),
        Case::finds("a meeting, by its maker's signature", Bearing::Context, Confidence::Medium, {
            let zoom = r"C:\Users\alice\AppData\Roaming\Zoom\bin\Zoom.exe";
            on(51123)(Bench::new().program(5, zoom).signed(5, "CN=Zoom Video Communications, Inc., O=Zoom"))
        }),
        Case::nothing("another service in the same host", {
            on(7680)(
                optimizer().process(5, |p| p.command_line = Some("svchost.exe -k netsvcs -s Themes".into())),
            )
        }),
        Case::nothing("on a port of BitTorrent's", Bench::new().program(5, "/usr/bin/syncthing").flow(5)),
        Case::nothing(
            "a program that only has the name",
            on(22000)(Bench::new().program(5, "/tmp/syncthing")),
        ),
        Case::nothing("signed by somebody else", {
            let zoom = r"C:\Users\alice\AppData\Roaming\Zoom\bin\Zoom.exe";
            on(8801)(Bench::new().program(5, zoom).signed(5, "CN=Example Ltd"))
        }),
        Case::nothing("a torrent client", Bench::new().client(5).flow(5)),
        Case::nothing(
            "another peer",
            Bench::new().program(5, "/usr/bin/syncthing").tcp(5, "198.51.100.9", 22000),
        ),
    ]
}
