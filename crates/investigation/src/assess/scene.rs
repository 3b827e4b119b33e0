//! The evidence put together for the rules: sockets joined to processes, processes to clients, and both to the alert.

mod downloads;
mod join;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use downloads::Downloads;
pub(super) use downloads::Sign;
use join::{OwnerKey, join};

use super::Question;
use super::indicators::{Client, Indicators, Mark, clean};
use super::places::expanded;
use super::rulebook::Rulebook;
use crate::evidence::{
    ArtifactKind, AutostartEntry, DnsRecord, Evidence, FirewallRule, Identity, Prefetched, Process, Program,
    Socket, SocketState, TorrentFile, TransportProtocol,
};

/// How far apart the clocks of sensor, collector and endpoint may be before their order means something.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Use of a file this long before the alert or after it still speaks for the alert.
pub(super) const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// How a socket belongs to the alert, strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    /// It is bound, without a peer, to the endpoint's own port in the alert.
    LocalPort,
    /// Its peer has the alert's peer address, but another port.
    PeerAddress,
    /// Its peer is the alert's peer, port and all.
    Peer,
}

/// Who holds a socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner<'a> {
    /// `process.pid`.
    pub(super) pid: Option<u32>,
    /// Row in the process list, where the join held.
    pub(super) row: Option<usize>,
    /// As the process list says, or as the socket list says where the join did not hold.
    pub(super) process: Process,
    /// Which client it is.
    pub(super) client: Option<&'a Client>,
    /// What it was recognised by.
    pub(super) mark: Option<Mark>,
    /// Why the chain from socket to user is weaker than it should be.
    pub(super) doubts: Vec<String>,
}

/// One socket with all that is known of it.
pub(super) struct Held<'a> {
    /// Row in the socket list.
    pub(super) row: usize,
    /// The row itself.
    pub(super) socket: &'a Socket,
    /// Index into [`Scene::owners`]; `None` where nobody could be named.
    pub(super) owner: Option<usize>,
    /// How it belongs to the alert.
    pub(super) tie: Option<Tie>,
}

/// All of it.
pub(super) struct Scene<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) rules: &'a Rulebook,
    pub(super) indicators: &'a Indicators,
    /// Who the endpoint says it is.
    pub(super) identity: Option<&'a Identity>,
    /// The process list.
    pub(super) processes: &'a [Process],
    /// What starts by itself.
    pub(super) autostart: &'a [AutostartEntry],
    /// Rules of the firewall.
    pub(super) firewall: &'a [FirewallRule],
    /// First row of each image in the process list, by its cleaned path. The lists may be long, and are the endpoint's:
    /// no rule may hold every row of one against every row of another.
    by_image: HashMap<String, usize>,
    /// Owner of each row of the process list that is one.
    by_row: HashMap<usize, usize>,
    /// Owners of downloads that were being written around the alert, without domain, in lower case.
    using_users: HashSet<String>,
    /// TCP ports that something waits on.
    listening: HashSet<u16>,
    /// Whether signatures of images were read: only then a process without a signer is not signed.
    pub(super) signatures_read: bool,
    /// First row of each PID in the process list.
    by_pid: HashMap<u32, usize>,
    /// Processes that are a client or hold a socket.
    pub(super) owners: Vec<Owner<'a>>,
    pub(super) sockets: Vec<Held<'a>>,
    /// For each owner, its sockets.
    held: Vec<Vec<usize>>,
    /// Owners of files that were touched around the alert, without domain, in lower case.
    recent_users: HashSet<String>,
    pub(super) torrents: &'a [TorrentFile],
    /// What they say of the files that programs have open.
    downloads: Downloads,
    pub(super) programs: &'a [Program],
    pub(super) prefetch: &'a [Prefetched],
    pub(super) dns_cache: &'a [DnsRecord],
    /// Whether the socket list was there at all.
    pub(super) saw_sockets: bool,
}

impl<'a> Scene<'a> {
    pub(super) fn new(question: &'a Question<'a>, evidence: &'a Evidence, rules: &'a Rulebook) -> Self {
        let indicators = rules.indicators();
        let processes = evidence.processes.as_deref().unwrap_or_default();
        let mut by_pid: HashMap<u32, usize> = HashMap::with_capacity(processes.len());
        for (row, process) in processes.iter().enumerate() {
            by_pid.entry(process.pid).or_insert(row);
        }
        let mut scene = Self {
            question,
            rules,
            indicators,
            identity: evidence.identity.as_ref(),
            processes,
            autostart: evidence.autostart.as_deref().unwrap_or_default(),
            firewall: evidence.firewall.as_ref().map_or(&[], |firewall| firewall.rules.as_slice()),
            signatures_read: processes.iter().any(|process| process.signer.is_some()),
            by_image: HashMap::new(),
            by_row: HashMap::new(),
            using_users: HashSet::new(),
            listening: HashSet::new(),
            by_pid: HashMap::new(),
            owners: Vec::new(),
            sockets: Vec::new(),
            held: Vec::new(),
            recent_users: HashSet::new(),
            torrents: evidence.torrents.as_deref().unwrap_or_default(),
            downloads: Downloads::new(evidence.torrents.as_deref().unwrap_or_default()),
            programs: evidence.programs.as_deref().unwrap_or_default(),
            prefetch: evidence.prefetch.as_deref().unwrap_or_default(),
            dns_cache: evidence.dns_cache.as_deref().unwrap_or_default(),
            saw_sockets: evidence.sockets.is_some(),
        };
        let mut known: BTreeMap<OwnerKey, usize> = BTreeMap::new();
        for (row, process) in processes.iter().enumerate() {
            if let Some((client, mark)) = indicators.recognise(process) {
                known.insert(OwnerKey::Row(row), scene.owners.len());
                let owner = Owner::listed(row, process);
                scene.owners.push(Owner { client: Some(client), mark: Some(mark), ..owner });
            }
        }
        let listed_at = outcome_end(evidence, ArtifactKind::Connections);
        for (row, socket) in evidence.sockets.as_deref().unwrap_or_default().iter().enumerate() {
            let owner = join(socket, processes, &by_pid, listed_at).map(|(key, mut owner)| {
                *known.entry(key).or_insert_with(|| {
                    (owner.client, owner.mark) = indicators.recognise(&owner.process).unzip();
                    scene.owners.push(owner);
                    scene.owners.len() - 1
                })
            });
            scene.sockets.push(Held { row, socket, owner, tie: tie(question, socket) });
        }
        scene.by_pid = by_pid;
        for (row, process) in processes.iter().enumerate() {
            if let Some(path) = process.path.as_deref() {
                scene.by_image.entry(expanded(&clean(path))).or_insert(row);
            }
        }
        let rows = scene.owners.iter().enumerate().filter_map(|(index, owner)| Some((owner.row?, index)));
        scene.by_row = rows.collect();
        let waiting = scene.sockets.iter().map(|held| held.socket).filter(|socket| {
            socket.transport == TransportProtocol::Tcp && socket.state == SocketState::Listening
        });
        scene.listening = waiting.map(|socket| socket.local_port).collect();
        scene.held = vec![Vec::new(); scene.owners.len()];
        for (index, held) in scene.sockets.iter().enumerate() {
            if let Some(sockets) = held.owner.and_then(|owner| scene.held.get_mut(owner)) {
                sockets.push(index);
            }
        }
        let recent = scene.torrents.iter().filter(|file| scene.is_recent(file));
        scene.recent_users = recent.filter_map(|file| file.owner.as_deref().map(bare_user)).collect();
        let written = scene.torrents.iter().filter(|file| super::rules::is_use(&scene, file));
        scene.using_users = written.filter_map(|file| file.owner.as_deref().map(bare_user)).collect();
        scene
    }

    /// The moment that the endpoint is judged for.
    pub(super) fn moment(&self) -> Timestamp {
        self.question.moment()
    }

    /// Sockets of one owner.
    pub(super) fn held_by(&self, owner: usize) -> impl Iterator<Item = &Held<'a>> {
        self.held.get(owner).into_iter().flatten().filter_map(|index| self.sockets.get(*index))
    }

    /// Whether either end of the socket is on a port that BitTorrent uses, or that the client listens on.
    pub(super) fn on_p2p_port(&self, socket: &Socket, client: Option<&Client>) -> bool {
        let p2p = |port| {
            self.indicators.is_bittorrent_port(socket.transport, port)
                || client.is_some_and(|client| client.peers_on(socket.transport, port))
        };
        p2p(socket.local_port) || socket.remote_port.is_some_and(p2p)
    }

    /// When the file was last touched in a way that its times can vouch for; later than the collection is no time.
    pub(super) fn touched(&self, file: &TorrentFile) -> Option<Timestamp> {
        let limit = self.question.collected_at + CLOCK_TOLERANCE;
        [file.modified, file.created].into_iter().flatten().filter(|time| *time <= limit).max()
    }

    /// Whether the file was touched around the alert or after it.
    pub(super) fn is_recent(&self, file: &TorrentFile) -> bool {
        self.touched(file).is_some_and(|time| time >= self.moment() - RECENT)
    }

    /// Whether the file was touched so long after the alert that it does not speak for it: somebody used it in the days
    /// before a late collection.
    pub(super) fn is_late(&self, file: &TorrentFile) -> bool {
        self.touched(file).is_some_and(|time| time > self.moment() + RECENT)
    }

    /// When a program ran last, by its Prefetch file; later than the collection is no time.
    pub(super) fn last_run(&self, file: &Prefetched) -> Option<Timestamp> {
        file.modified.filter(|time| *time <= self.question.collected_at + CLOCK_TOLERANCE)
    }

    /// Whether that was around the alert.
    pub(super) fn ran_around(&self, file: &Prefetched) -> bool {
        self.last_run(file).is_some_and(|time| time.duration_since(self.moment()).abs() <= RECENT)
    }

    /// The process that started another, and its row. A PID may be somebody else's by now: who started later than its
    /// child did not start it, and where either start is not known, nothing is.
    pub(super) fn parent_of(&self, process: &Process) -> Option<(usize, &'a Process)> {
        let row = *self.by_pid.get(&process.parent_pid?)?;
        let parent = self.processes.get(row)?;
        (parent.pid != process.pid && parent.start_time? <= process.start_time?).then_some((row, parent))
    }

    /// The process that runs a file, by its cleaned path, and its row.
    pub(super) fn running(&self, file: &str) -> Option<(usize, &'a Process)> {
        let row = *self.by_image.get(file)?;
        Some((row, self.processes.get(row)?))
    }

    /// The sockets of a row of the process list.
    pub(super) fn held_by_row(&self, row: usize) -> impl Iterator<Item = &Held<'a>> {
        self.by_row.get(&row).into_iter().flat_map(|owner| self.held_by(*owner))
    }

    /// The file that a program has open and that speaks most for a torrent client, and how it does.
    pub(super) fn open_download<'o>(&self, owner: &'o Owner<'_>) -> Option<(Sign, &'o str)> {
        self.downloads.sign(&owner.process.open_files)
    }

    /// Whether downloads of a user were being written around the alert.
    pub(super) fn has_use(&self, user: Option<&str>) -> bool {
        user.map(bare_user).is_some_and(|user| !user.is_empty() && self.using_users.contains(&user))
    }

    /// Whether something waits on a TCP port.
    pub(super) fn is_listening(&self, port: u16) -> bool {
        self.listening.contains(&port)
    }

    /// Whether the endpoint runs Windows: it says so, or its images lie on drives.
    pub(super) fn is_windows(&self) -> bool {
        match self.identity.and_then(|identity| identity.os.as_deref()) {
            Some(os) => os.to_lowercase().contains("windows"),
            None => {
                let on_drive = |path: &str| path.as_bytes().get(1) == Some(&b':') && path.contains('\\');
                self.processes.iter().filter_map(|process| process.path.as_deref()).any(on_drive)
            }
        }
    }

    /// Whether a program's image carries no signature, as far as signatures were read.
    pub(super) fn is_unsigned(&self, process: &Process) -> bool {
        self.signatures_read && process.signer.is_none()
    }

    /// Whether the owner is nobody that the table knows: a name that a torrent client could take to hide counts as
    /// nobody's until it is shown to be its maker's.
    pub(super) fn is_stranger(&self, owner: &Owner<'_>) -> bool {
        owner.client.is_none_or(|client| client.own_network && !client.is_genuine(&owner.process))
    }

    /// Why the endpoint may not be the one that the alert saw, though it answers at the address.
    pub(super) fn other_machine(&self) -> Option<String> {
        super::gaps::other_machine(self.question, self.identity?)
    }

    /// Whether a user has torrent files that were touched around the alert.
    pub(super) fn has_recent_torrents(&self, user: Option<&str>) -> bool {
        user.map(bare_user).is_some_and(|user| !user.is_empty() && self.recent_users.contains(&user))
    }
}

impl<'a> Owner<'a> {
    /// A row of the process list.
    pub(super) fn listed(row: usize, process: &Process) -> Self {
        let process = process.clone();
        let mut doubts = Vec::new();
        if process.path.is_none() {
            doubts
                .push("the path of its image could not be read, so it is known by its name only".to_owned());
        }
        Self { pid: Some(process.pid), row: Some(row), process, doubts, ..Self::default() }
    }

    /// The image's path, or the name.
    pub(super) fn image(&self) -> &str {
        self.process.path.as_deref().unwrap_or(&self.process.name)
    }

    /// A magnet link or a `.torrent` among its arguments.
    pub(super) fn torrent_argument(&self) -> bool {
        self.process.command_line.as_deref().is_some_and(|line| {
            line.chars().take(8192).collect::<String>().to_lowercase().split_whitespace().skip(1).any(
                |word| {
                    let word = word.trim_matches(['"', '\'']);
                    word.starts_with("magnet:?") || word.ends_with(".torrent")
                },
            )
        })
    }
}

fn tie(question: &Question<'_>, socket: &Socket) -> Option<Tie> {
    if question.alert.transport.is_some_and(|transport| transport != socket.transport) {
        return None;
    }
    let peer = question.peer_ip.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_unspecified());
    let remote = socket.remote_ip.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_unspecified());
    match (peer, remote) {
        (Some(peer), Some(remote)) if peer == remote => {
            if question.peer_port.is_some() && question.peer_port == socket.remote_port {
                Some(Tie::Peer)
            } else if peer.is_loopback() && question.peer_port.is_some() {
                // Everything on the machine shares this address.
                None
            } else {
                Some(Tie::PeerAddress)
            }
        }
        (_, None)
            if question.target_port == Some(socket.local_port)
                && serves(question.target, socket.local_ip) =>
        {
            Some(Tie::LocalPort)
        }
        _ => None,
    }
}

/// Whether what is bound to `local` answers on `target`.
fn serves(target: IpAddr, local: IpAddr) -> bool {
    let (target, local) = (target.to_canonical(), local.to_canonical());
    local.is_unspecified() || local == target
}

/// The other machine, where the socket has one: loopback traffic has no peer.
pub(super) fn outside_peer(socket: &Socket) -> Option<IpAddr> {
    let remote = socket.remote_ip?.to_canonical();
    let live = matches!(socket.state, SocketState::Established | SocketState::Opening);
    (live
        && !remote.is_loopback()
        && !remote.is_unspecified()
        && !socket.local_ip.to_canonical().is_loopback())
    .then_some(remote)
}

/// Waits for peers from outside: a TCP listener, or a UDP socket without a peer.
pub(super) fn listens_outside(socket: &Socket) -> bool {
    let waiting = socket.state == SocketState::Listening
        || (socket.transport == TransportProtocol::Udp
            && socket.remote_ip.is_none_or(|ip| ip.is_unspecified()));
    waiting && !socket.local_ip.to_canonical().is_loopback()
}

/// Account name without its domain, in lower case.
pub(super) fn bare_user(user: &str) -> String {
    let user = user.rsplit('\\').next().unwrap_or(user);
    user.split('@').next().unwrap_or(user).to_lowercase()
}

fn outcome_end(evidence: &Evidence, kind: ArtifactKind) -> Option<Timestamp> {
    evidence.outcomes.iter().filter(|outcome| outcome.kind == kind).map(|outcome| outcome.finished_at).max()
}
