//! Connections: which process talks to whom, as a picture and as a table.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Subject;
use super::html::Html;
use super::picture;
use super::table::{Row, Set, Table, table};
use super::timeline::Cited;
use super::words::{count, end, state, transport};
use crate::evidence::{ArtifactKind, Socket, SocketState};

/// Most rows.
const MAX_ROWS: usize = 200;

const COLUMNS: &[(&str, Set)] = &[
    ("Process", Set::Text),
    ("PID", Set::Number),
    ("User", Set::Text),
    ("Over", Set::Word),
    ("Own end", Set::Address),
    ("Peer", Set::Address),
    ("State", Set::Word),
];

/// A process in the picture: its PID, where one is known, and its name.
pub(super) type Owner = (Option<u32>, String);

/// What one process has with one peer.
#[derive(Debug)]
pub(super) struct Link {
    /// Who.
    pub owner: Owner,
    /// Whom with.
    pub peer: IpAddr,
    /// The peer's port, where it is only one.
    pub port: Option<u16>,
    /// Sockets.
    pub sockets: usize,
    /// Of the state that says most.
    pub state: SocketState,
    /// One of them is the alert's.
    pub of_alert: bool,
    /// The findings name the process.
    pub cited: bool,
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let Some(sockets) = subject.evidence.and_then(|evidence| evidence.sockets.as_ref()) else {
        return page.say("p", &[], "The sockets could not be listed; see what was collected.");
    };
    if sockets.is_empty() {
        return page.say("p", &[], "The endpoint had no sockets.");
    }
    let cited = Cited::of(subject);
    let mut rows: Vec<(bool, bool, &Socket)> = sockets
        .iter()
        .map(|socket| {
            let named = socket.pid.is_some_and(|pid| cited.pids.contains(&pid));
            (is_of_alert(socket, subject), named, socket)
        })
        .collect();
    say_alert(page, subject, &rows);
    picture::draw(page, &links(&rows), &listeners(sockets));
    rows.sort_by_key(|(of_alert, named, socket)| {
        (Reverse(*of_alert), Reverse(*named), is_within(socket), socket.state != SocketState::Established)
    });
    let entry = ArtifactKind::Connections.parsed_entry();
    let caption = format!("{}, those of the alert first", count(sockets.len(), "socket", "sockets"));
    let shown = Table { caption: &caption, columns: COLUMNS, rows: MAX_ROWS, rest_in: &entry };
    let mut named = BTreeSet::new();
    table(page, &shown, rows.iter(), |row, (of_alert, _, socket)| {
        let path = socket.path.as_deref().filter(|path| named.insert((socket.pid, *path)));
        write_socket(row, socket, path, *of_alert);
    });
}

/// The one thing that everybody looks for, in words.
fn say_alert(page: &mut Html, subject: &Subject<'_>, rows: &[(bool, bool, &Socket)]) {
    let Some(peer) = subject.case.peer_ip else { return };
    let found: Vec<&Socket> =
        rows.iter().filter(|(of_alert, ..)| *of_alert).map(|(.., socket)| *socket).collect();
    page.tag("p", &[], |page| {
        page.text("The alert's peer is ");
        page.say("code", &[], &end(peer, subject.case.peer_port));
        let Some(first) = found.first() else {
            return page.text(": no socket to it was found when the machine was looked at.");
        };
        page.text(&format!(": {} to it, held by ", count(found.len(), "socket", "sockets")));
        page.tag("strong", &[], |page| page.brief(&owner(first).1, 60));
        if let Some(pid) = first.pid {
            page.text(&format!(" (PID {pid})"));
        }
        page.text(".");
    });
}

/// The path is given once for each process.
fn write_socket(row: &mut Row<'_>, socket: &Socket, path: Option<&str>, of_alert: bool) {
    row.cell(|page| {
        match &socket.process {
            Some(name) => page.outside(name),
            None => page.say("span", &[("class", "muted")], "not known"),
        }
        if of_alert {
            page.text(" ");
            page.say("span", &[("class", "badge strong")], "the alert's");
        }
        if let Some(path) = path {
            page.tag("div", &[("class", "path")], |page| page.outside(path));
        }
    });
    match socket.pid {
        Some(pid) => row.text(&pid.to_string()),
        None => row.unknown(),
    }
    row.maybe(socket.user.as_deref());
    row.text(transport(socket.transport));
    row.text(&end(socket.local_ip, Some(socket.local_port)));
    match socket.remote_ip {
        Some(ip) => row.text(&end(ip, socket.remote_port)),
        None => row.unknown(),
    }
    row.text(state(socket.state));
}

/// Whether it is to the alert's peer, as far as the alert names it.
fn is_of_alert(socket: &Socket, subject: &Subject<'_>) -> bool {
    let case = subject.case;
    let (Some(remote), Some(peer)) = (socket.remote_ip, case.peer_ip) else { return false };
    remote.to_canonical() == peer.to_canonical()
        && (case.peer_port.is_none() || socket.remote_port.is_none() || socket.remote_port == case.peer_port)
}

/// Whether it leaves the machine not at all.
fn is_within(socket: &Socket) -> bool {
    socket.remote_ip.is_none_or(|ip| ip.to_canonical().is_loopback() || ip.to_canonical().is_unspecified())
}

fn owner(socket: &Socket) -> Owner {
    let name = socket.process.as_deref().filter(|name| !name.is_empty());
    (socket.pid, name.unwrap_or("process not known").to_owned())
}

/// What leaves the machine, folded by process and peer: what says most first.
fn links(rows: &[(bool, bool, &Socket)]) -> Vec<Link> {
    let mut folded: BTreeMap<(Owner, IpAddr), Link> = BTreeMap::new();
    for (of_alert, named, socket) in rows.iter().filter(|(.., socket)| !is_within(socket)) {
        let Some(peer) = socket.remote_ip.map(|ip| ip.to_canonical()) else { continue };
        let link = folded.entry((owner(socket), peer)).or_insert_with(|| Link {
            owner: owner(socket),
            peer,
            port: socket.remote_port,
            sockets: 0,
            state: socket.state,
            of_alert: false,
            cited: false,
        });
        link.sockets += 1;
        link.of_alert |= of_alert;
        link.cited |= named;
        if link.port != socket.remote_port {
            link.port = None;
        }
        if weight(socket.state) > weight(link.state) {
            link.state = socket.state;
        }
    }
    let mut links: Vec<Link> = folded.into_values().collect();
    links.sort_by_key(|link| Reverse((link.of_alert, link.cited, weight(link.state), link.sockets)));
    links
}

fn weight(state: SocketState) -> u8 {
    match state {
        SocketState::Established => 3,
        SocketState::Opening => 2,
        SocketState::Listening | SocketState::Other => 1,
        SocketState::Closing => 0,
    }
}

/// The ports that each process listens on.
fn listeners(sockets: &[Socket]) -> BTreeMap<Owner, Vec<String>> {
    let mut ports: BTreeMap<Owner, Vec<String>> = BTreeMap::new();
    for socket in sockets.iter().filter(|socket| socket.state == SocketState::Listening) {
        let port = format!("{} {}", transport(socket.transport), socket.local_port);
        let of_owner = ports.entry(owner(socket)).or_default();
        if of_owner.len() < 20 && !of_owner.contains(&port) {
            of_owner.push(port);
        }
    }
    ports
}
