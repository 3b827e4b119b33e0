//! The picture of the connections: processes on the left, peers on the right, the alert's own connection stressed. The
//! table that follows it in the page says the same and more, for those who do not see it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::connections::{Link, Owner};
use super::html::Html;
use super::words::{count, end, number, state};
use crate::evidence::SocketState;

/// Most processes, and most peers.
const MAX_OWNERS: usize = 14;
const MAX_PEERS: usize = 24;

const WIDTH: usize = 900;
/// A box, and how far apart two of them begin.
const BOX: (usize, usize) = (310, 42);
const STEP: usize = 50;
const MARGIN: usize = 8;

/// What is drawn of all that is there.
struct Drawn<'l> {
    owners: Vec<&'l Owner>,
    peers: Vec<IpAddr>,
    links: Vec<&'l Link>,
}

/// Draws the picture; nothing where nothing leaves the machine.
pub(super) fn draw(page: &mut Html, links: &[Link], listeners: &BTreeMap<Owner, Vec<String>>) {
    if links.is_empty() {
        return page.say("p", &[], "Nothing was connected to another machine.");
    }
    let drawn = choose(links);
    let places = places(&drawn);
    let rows = drawn.owners.len().max(drawn.peers.len());
    let height = rows * STEP + 2 * MARGIN;
    let view = format!("0 0 {WIDTH} {height}");
    page.tag("figure", &[("class", "picture")], |page| {
        let attributes =
            [("viewBox", view.as_str()), ("role", "img"), ("aria-labelledby", "picture-title picture-text")];
        page.tag("svg", &attributes, |page| {
            page.say("title", &[("id", "picture-title")], "Which process is connected to which peer");
            page.tag("desc", &[("id", "picture-text")], |page| describe(page, &drawn));
            for link in drawn.links.iter().filter(|link| !link.of_alert) {
                line(page, &drawn, &places, link);
            }
            // Above all others.
            for link in drawn.links.iter().filter(|link| link.of_alert) {
                line(page, &drawn, &places, link);
            }
            for (owner, y) in drawn.owners.iter().zip(&places.0) {
                owner_box(page, owner, *y, links, listeners.get(owner));
            }
            for (peer, y) in drawn.peers.iter().zip(&places.1) {
                peer_box(page, *peer, *y, &drawn.links);
            }
        });
        page.tag("figcaption", &[], |page| legend(page, &drawn, links));
    });
}

/// The links that say most, as long as there is room for their ends. Peers lie in the order of their processes, so that
/// few lines cross.
fn choose(links: &[Link]) -> Drawn<'_> {
    let mut drawn = Drawn { owners: Vec::new(), peers: Vec::new(), links: Vec::new() };
    for link in links {
        let (new_owner, new_peer) = (!drawn.owners.contains(&&link.owner), !drawn.peers.contains(&link.peer));
        if (new_owner && drawn.owners.len() == MAX_OWNERS) || (new_peer && drawn.peers.len() == MAX_PEERS) {
            continue;
        }
        if new_owner {
            drawn.owners.push(&link.owner);
        }
        if new_peer {
            drawn.peers.push(link.peer);
        }
        drawn.links.push(link);
    }
    let (owners, chosen) = (&drawn.owners, &drawn.links);
    let first = |peer: &IpAddr| {
        let of_peer = chosen.iter().filter(|link| link.peer == *peer);
        of_peer.filter_map(|link| owners.iter().position(|owner| **owner == link.owner)).min()
    };
    // Stable: a process's own peers stay in the order of what they say.
    drawn.peers.sort_by_key(first);
    drawn
}

/// Where each box begins: peers one below the other, processes at the middle of their peers as far as others let them.
fn places(drawn: &Drawn<'_>) -> (Vec<usize>, Vec<usize>) {
    let peers: Vec<usize> = (0..drawn.peers.len()).map(|index| MARGIN + index * STEP).collect();
    let mut owners = Vec::with_capacity(drawn.owners.len());
    let mut next = MARGIN;
    for owner in &drawn.owners {
        let own = drawn.links.iter().filter(|link| link.owner == **owner);
        let at: Vec<usize> = own
            .filter_map(|link| drawn.peers.iter().position(|peer| *peer == link.peer))
            .map(|n| peers[n])
            .collect();
        let middle = at.iter().sum::<usize>() / at.len().max(1);
        owners.push(middle.max(next));
        next = middle.max(next) + STEP;
    }
    // What was pushed below the last peer moves up again, and those above it with it.
    let mut most = MARGIN + (drawn.peers.len().max(drawn.owners.len()) - 1) * STEP;
    for place in owners.iter_mut().rev() {
        *place = (*place).min(most);
        most = place.saturating_sub(STEP);
    }
    (owners, peers)
}

fn line(page: &mut Html, drawn: &Drawn<'_>, (owners, peers): &(Vec<usize>, Vec<usize>), link: &Link) {
    let owner = drawn.owners.iter().position(|owner| **owner == link.owner);
    let peer = drawn.peers.iter().position(|peer| *peer == link.peer);
    let (Some(owner), Some(peer)) = (owner, peer) else { return };
    let (from, to) = (owners[owner] + BOX.1 / 2, peers[peer] + BOX.1 / 2);
    let (left, right) = (BOX.0, WIDTH - BOX.0);
    let middle = (left + right) / 2;
    let path = format!("M{left} {from}C{middle} {from} {middle} {to} {right} {to}");
    let class = match (link.of_alert, link.state) {
        (true, _) => "line alert",
        (false, SocketState::Established) => "line",
        (false, SocketState::Opening) => "line opening",
        (false, _) => "line closing",
    };
    let width = (1 + link.sockets.ilog2().min(4) + if link.of_alert { 2 } else { 0 }).to_string();
    page.tag("path", &[("class", class), ("d", &path), ("stroke-width", &width)], |_| {});
}

fn owner_box(page: &mut Html, owner: &Owner, y: usize, links: &[Link], listens: Option<&Vec<String>>) {
    let own = || links.iter().filter(|link| link.owner == *owner);
    let of_alert = own().any(|link| link.of_alert);
    let cited = own().any(|link| link.cited);
    let pid = owner.0.map_or_else(|| "no PID".to_owned(), |pid| format!("PID {pid}"));
    let peers = count(own().count(), "peer", "peers");
    let listens = match listens.map(Vec::as_slice) {
        None | Some([]) => String::new(),
        Some([one]) => format!(" · listens on {one}"),
        Some(ports) => format!(" · listens on {} ports", ports.len()),
    };
    let below = format!("{pid} · {peers}{listens}");
    labelled_box(page, 0, y, class(of_alert, cited), &owner.1, &below);
}

fn peer_box(page: &mut Html, peer: IpAddr, y: usize, links: &[&Link]) {
    let own: Vec<&&Link> = links.iter().filter(|link| link.peer == peer).collect();
    let of_alert = own.iter().any(|link| link.of_alert);
    let sockets = own.iter().map(|link| link.sockets).sum();
    let port = own
        .first()
        .and_then(|first| first.port)
        .filter(|port| own.iter().all(|link| link.port == Some(*port)));
    let states = own.first().map_or("", |link| state(link.state));
    let mark = if of_alert { "the alert's peer · " } else { "" };
    let below = format!("{mark}{} · {states}", count(sockets, "socket", "sockets"));
    labelled_box(page, WIDTH - BOX.0, y, class(of_alert, false), &end(peer, port), &below);
}

fn class(of_alert: bool, cited: bool) -> &'static str {
    match (of_alert, cited) {
        (true, _) => "node alert",
        (false, true) => "node cited",
        (false, false) => "node",
    }
}

/// Two lines in a box of which nothing sticks out: the inner picture has its own edges.
fn labelled_box(page: &mut Html, x: usize, y: usize, class: &str, name: &str, below: &str) {
    let (x, y) = (x.to_string(), y.to_string());
    let (width, height) = (BOX.0.to_string(), BOX.1.to_string());
    let edges = [("x", x.as_str()), ("y", &y), ("width", &width), ("height", &height)];
    page.tag("svg", &edges, |page| {
        let inner = ((BOX.0 - 2).to_string(), (BOX.1 - 2).to_string());
        let frame = [
            ("class", class),
            ("x", "1"),
            ("y", "1"),
            ("rx", "6"),
            ("width", &inner.0),
            ("height", &inner.1),
        ];
        page.tag("rect", &frame, |_| {});
        page.say("text", &[("class", "name"), ("x", "12"), ("y", "18")], &crate::text::one_line(name, 36));
        page.say("text", &[("class", "below"), ("x", "12"), ("y", "33")], below);
    });
}

/// The picture in one sentence.
fn describe(page: &mut Html, drawn: &Drawn<'_>) {
    let (owners, peers) = (drawn.owners.len(), drawn.peers.len());
    page.text(&format!("{} and {}", count(owners, "process", "processes"), count(peers, "peer", "peers")));
    for link in drawn.links.iter().filter(|link| link.of_alert).take(3) {
        page.text(&format!(
            "; {} is connected to the alert's peer ",
            crate::text::one_line(&link.owner.1, 60)
        ));
        page.text(&end(link.peer, link.port));
    }
    page.text(". The table below lists every connection.");
}

fn legend(page: &mut Html, drawn: &Drawn<'_>, links: &[Link]) {
    page.text(
        "Processes on the left, peers on the right. Solid: established. Dashed: opening. Dotted: closing, or without a \
         connection. Heavy: the alert's own. The thicker, the more sockets.",
    );
    let left_out = links.len() - drawn.links.len();
    if left_out > 0 {
        page.text(&format!(" {} more that say less are not drawn.", number(left_out as u64)));
    }
}
