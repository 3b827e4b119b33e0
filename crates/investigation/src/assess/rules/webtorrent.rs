//! A browser at the alert's peer: a page on a tracker's site, or a swarm inside the browser (WebTorrent).

use super::super::indicators::clean;
use super::super::places::{Place, place};
use super::super::rulebook::Mode;
use super::super::scene::{Owner, Scene, listens_outside};
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_process, cite_socket, doubts, remarks, show, tied_how, who};
use crate::evidence::TransportProtocol;

pub(super) const RULE: Rule = Rule {
    id: "p2p.browser_webtorrent",
    title: "Browser connected to the alert's peer",
    rationale: "WebTorrent runs a swarm inside a page: its trackers speak WebSocket, its peers WebRTC, and no client is \
                installed. A browser on a tracker's site looks much the same to a sensor, and so does a meeting in a page, \
                so that only an infohash on the wire together with such a tracker proves it.",
    technique: None,
    runbook: "Ask which page was open; the browser's history and the proxy's log of the alert's time name it.",
    changes: "A page of a WebTorrent site in the proxy's log makes it a violation; any other page settles it.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

const BROWSERS: [&str; 12] = [
    "chrome",
    "msedge",
    "firefox",
    "firefox-bin",
    "firefox-esr",
    "opera",
    "vivaldi",
    "vivaldi-bin",
    "chromium",
    "chromium-browser",
    "google chrome",
    "safari",
];
/// Where browsers are installed without an administrator.
const HOMES: [&str; 6] = [
    "/appdata/local/google/chrome/",
    "/appdata/local/mozilla firefox/",
    "/appdata/local/programs/opera",
    "/appdata/local/vivaldi/",
    "/appdata/local/chromium/",
    "/applications/",
];
/// UDP sockets from which on a browser looks as if it spoke WebRTC to several peers.
const PEERS: usize = 6;

/// A browser by its name, at a place where browsers are installed: a client that calls itself one lies elsewhere.
pub(super) fn is_browser(owner: &Owner<'_>) -> bool {
    let Some(path) = owner.process.path.as_deref().map(clean) else { return false };
    let base = super::super::indicators::base(&path);
    BROWSERS.contains(&base.strip_suffix(".exe").unwrap_or(base))
        && owner.client.is_none()
        && (place(&path) == Place::System || HOMES.iter().any(|home| path.contains(home)))
}

/// A tracker of WebTorrent's that the alert names.
fn tracker<'a>(scene: &Scene<'a>) -> Option<&'a str> {
    let alert = scene.question.alert;
    let text: String = alert.original.chars().take(64 << 10).collect::<String>().to_lowercase();
    let named = alert.destination_address.as_deref().unwrap_or_default().to_lowercase();
    let trackers = scene.indicators.webtorrent_trackers().iter();
    trackers.map(String::as_str).find(|tracker| named == *tracker || text.contains(tracker))
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let tracker = tracker(scene);
    for (index, owner) in scene.owners.iter().enumerate().filter(|(_, owner)| is_browser(owner)) {
        let mut tied: Vec<_> = scene.held_by(index).filter(|held| held.tie.is_some()).collect();
        tied.sort_by_key(|held| std::cmp::Reverse(held.tie));
        let udp = |held: &&super::super::scene::Held<'_>| {
            held.socket.transport == TransportProtocol::Udp
                && listens_outside(held.socket)
                && held.socket.local_port >= 1024
        };
        let talks: Vec<_> = scene.held_by(index).filter(udp).collect();
        let rtc = talks.len() >= PEERS;
        let infohash = scene.question.alert.infohash.is_some();
        let mut signs = Vec::new();
        if let Some(tracker) = tracker {
            signs.push(format!("the alert names {}, a tracker that speaks to browsers", show(tracker)));
        }
        if rtc {
            signs.push(format!("it holds {} UDP sockets, as WebRTC does", talks.len()));
        }
        if infohash {
            signs.push("the alert saw an infohash on the wire".to_owned());
        }
        if scene.has_recent_torrents(owner.process.user.as_deref()) {
            signs.push("its user has torrent files that were touched around the alert".to_owned());
        }
        if owner.torrent_argument() {
            signs.push("its command line names a torrent".to_owned());
        }
        let at_peer = tied.first().map(|held| format!("holds a socket to {}", tied_how(scene, held)));
        let weight = match (&at_peer, tracker.is_some()) {
            (Some(_), true) if infohash => (Bearing::Violation, Confidence::Medium),
            (Some(_), _) if signs.is_empty() => (Bearing::Suspicion, Confidence::Low),
            (Some(_), _) => (Bearing::Suspicion, Confidence::Medium),
            (None, true) if rtc => (Bearing::Suspicion, Confidence::Medium),
            (None, _) => continue,
        };
        let does = at_peer.unwrap_or_else(|| "looks as if it spoke to peers".to_owned());
        let mut details = vec!["it is none of the known clients, and a page in it may be one".to_owned()];
        details.extend(signs);
        details.extend(doubts(scene, owner));
        details.extend(remarks(scene, owner));
        let sockets = tied.iter().chain(talks.iter().filter(|_| rtc).filter(|held| held.tie.is_none()));
        drafts.push(Draft {
            uncited: 0,
            confidence: weight.1,
            bearing: weight.0,
            headline: format!("{} {does}", who(owner)),
            details,
            citations: sockets.map(|held| cite_socket(scene, held)).chain(cite_process(owner)).collect(),
        });
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    use crate::evidence::TorrentKind;
    let browser = || Bench::new().program(5, "/usr/lib/firefox/firefox");
    let at_peer = || browser().tcp(5, "203.0.113.7", 443);
    let tracked =
        |bench: Bench| bench.alert(|a| a.original = r#"{"tls":{"sni":"tracker.openwebtorrent.com"}}"#.into());
    let calls = |bench: Bench| (0..8).fold(bench, |bench, n| bench.udp_bound(5, 50_000 + n));
    vec![
        Case::finds("at the peer", Bearing::Suspicion, Confidence::Low, at_peer()).saying(&[
            "firefox",
            "PID 5",
            "none of the known clients",
        ]),
        Case::finds("and WebRTC", Bearing::Suspicion, Confidence::Medium, calls(at_peer()))
            .saying(&["8 UDP sockets"]),
        Case::finds("and its user's fresh torrents", Bearing::Suspicion, Confidence::Medium, {
            at_peer().file("/home/alice/x.torrent", TorrentKind::Metainfo, "2026-03-02T09:00:00Z")
        }),
        Case::finds(
            "a tracker in the alert, an infohash on the wire",
            Bearing::Violation,
            Confidence::Medium,
            {
                tracked(at_peer())
                    .alert(|a| a.infohash = Some("0123456789abcdef0123456789abcdef01234567".into()))
            },
        )
        .saying(&["tracker.openwebtorrent.com"]),
        Case::finds(
            "a tracker in the alert, and WebRTC",
            Bearing::Suspicion,
            Confidence::Medium,
            tracked(calls(browser())),
        ),
        Case::nothing("a meeting in a page", calls(browser())),
        Case::nothing("another peer", browser().tcp(5, "198.51.100.9", 443)),
        Case::nothing("a client that calls itself a browser", {
            Bench::new().program(5, r"C:\Users\alice\Downloads\chrome.exe").flow(5)
        }),
    ]
}
