//! What a rule hands back, and the sentences and citations that rules share.

use super::super::MAX_CITATIONS;
use super::super::gaps::{second, staleness, words};
use super::super::indicators::Mark;
use super::super::scene::{CLOCK_TOLERANCE, Held, Owner, Scene, Tie, bare_user};
use super::super::verdict::{Bearing, Citation, Confidence, Finding};
use super::Rule;
use crate::evidence::{
    ArtifactKind, AutostartEntry, FirewallRule, Process, Socket, SocketState, TorrentFile, TorrentKind,
    TransportProtocol,
};
use crate::text::one_line;

/// A finding before its rule has signed it.
#[derive(Debug)]
pub(crate) struct Draft {
    /// How sure.
    pub(crate) confidence: Confidence,
    /// Of what.
    pub(crate) bearing: Bearing,
    /// A sentence without its full stop that stands by itself.
    pub(crate) headline: String,
    /// Further sentences, without full stops.
    pub(crate) details: Vec<String>,
    /// The rows; a rule with very many may leave some out.
    pub(crate) citations: Vec<Citation>,
    /// How many rows the rule left out.
    pub(crate) uncited: usize,
}

impl Draft {
    /// Headline and details as sentences.
    pub(crate) fn explanation(&self) -> String {
        let more = self.citations.len().saturating_sub(MAX_CITATIONS) + self.uncited;
        let counted = (more > 0).then(|| format!("{more} further rows are not cited"));
        let mut text = format!("{}.", self.headline);
        for detail in self.details.iter().map(String::as_str).chain(counted.as_deref()) {
            let mut chars = detail.chars();
            if let Some(first) = chars.next() {
                text.push(' ');
                text.extend(first.to_uppercase());
                text.push_str(chars.as_str());
                text.push('.');
            }
        }
        text
    }

    /// Signed by its rule.
    pub(crate) fn signed(self, rule: &Rule) -> Finding {
        self.signed_as(rule.id, rule.title, rule.technique, rule.runbook)
    }

    /// Signed by a rule of the site's.
    pub(crate) fn signed_as(self, id: &str, title: &str, technique: Option<&str>, runbook: &str) -> Finding {
        let explanation = self.explanation();
        let mut citations = self.citations;
        citations.truncate(MAX_CITATIONS);
        Finding {
            rule: id.to_owned(),
            title: title.to_owned(),
            technique: technique.map(str::to_owned),
            confidence: self.confidence,
            bearing: self.bearing,
            explanation,
            runbook: runbook.to_owned(),
            citations,
        }
    }
}

/// Hostile text in a sentence: quoted where it could be taken for the sentence's own words.
pub(super) fn show(text: &str) -> String {
    let line = one_line(text, 160);
    if line.contains(['"', '(', ')', ',', ';']) { format!("\"{}\"", line.replace('"', "\\\"")) } else { line }
}

/// `qBittorrent (PID 4242, /usr/bin/qbittorrent-nox, user alice)`.
pub(in crate::assess) fn who(owner: &Owner<'_>) -> String {
    let name = owner.client.map_or_else(|| show(&owner.process.name), |client| client.name.clone());
    let name = if name.is_empty() { "a program without a name".to_owned() } else { name };
    let mut facts = Vec::new();
    facts.push(owner.pid.map_or_else(|| "PID unknown".to_owned(), |pid| format!("PID {pid}")));
    facts.push(match &owner.process.path {
        Some(path) => show(path),
        None => "image path unknown".to_owned(),
    });
    facts.push(
        owner
            .process
            .user
            .as_deref()
            .map_or_else(|| "user unknown".to_owned(), |user| format!("user {}", show(user))),
    );
    format!("{name} ({})", facts.join(", "))
}

/// What weakens the chain from the alert to this process.
pub(super) fn doubts(scene: &Scene<'_>, owner: &Owner<'_>) -> Vec<String> {
    let mut doubts = owner.doubts.clone();
    doubts.extend(scene.other_machine().map(|why| why.trim_end_matches('.').to_owned()));
    if let Some(delay) = staleness(scene.question) {
        doubts.push(format!(
            "the evidence is {} younger than the alert, so the socket need not be the one that the alert saw",
            words(delay)
        ));
    }
    if let Some(start) = owner.process.start_time
        && start > scene.moment() + CLOCK_TOLERANCE
    {
        doubts.push(format!("it was started at {}, after the alert", second(start)));
    }
    doubts
}

/// What an analyst should know of the process that changes nothing.
pub(super) fn remarks(scene: &Scene<'_>, owner: &Owner<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    match owner.mark {
        Some(Mark::Hash) => remarks.push("its image is known by its hash, under another name".to_owned()),
        Some(Mark::Signer) => {
            remarks.push("its image is signed by the client's maker, and has another name".to_owned());
        }
        Some(Mark::Name) | None => {}
    }
    if owner.process.image_deleted {
        remarks.push(
            "its image was deleted or replaced after it started, so the file on disk is not what runs"
                .to_owned(),
        );
    }
    if let (Some(named), Some(user)) =
        (scene.question.alert.user_name.as_deref(), owner.process.user.as_deref())
        && bare_user(named) != bare_user(user)
    {
        remarks.push(format!(
            "the alert names the user {}, the process belongs to {}",
            show(named),
            show(user)
        ));
    }
    remarks
}

/// High when nothing is in doubt, medium otherwise.
pub(super) fn unless_doubted(doubts: &[String]) -> Confidence {
    if doubts.is_empty() { Confidence::High } else { Confidence::Medium }
}

/// How the strongest of some sockets belongs to the alert, as the end of a sentence.
pub(super) fn tied_how(scene: &Scene<'_>, held: &Held<'_>) -> String {
    match held.tie {
        Some(Tie::Peer) => format!("{}, the peer that the alert names", peer(held.socket)),
        Some(Tie::PeerAddress) => {
            format!("{}, on the address of the peer that the alert names", peer(held.socket))
        }
        Some(Tie::LocalPort) | None => format!(
            "{} port {}, the endpoint's own port in the alert",
            transport(held.socket.transport),
            scene.question.target_port.unwrap_or(held.socket.local_port)
        ),
    }
}

/// `203.0.113.7:6881`, with brackets around IPv6.
pub(super) fn peer(socket: &Socket) -> String {
    match (socket.remote_ip, socket.remote_port) {
        (Some(ip), Some(port)) => std::net::SocketAddr::new(ip.to_canonical(), port).to_string(),
        (Some(ip), None) => ip.to_canonical().to_string(),
        (None, _) => "no peer".to_owned(),
    }
}

pub(super) fn transport(transport: TransportProtocol) -> &'static str {
    match transport {
        TransportProtocol::Tcp => "TCP",
        TransportProtocol::Udp => "UDP",
    }
}

/// A row of the socket list.
pub(in crate::assess) fn cite_socket(scene: &Scene<'_>, held: &Held<'_>) -> Citation {
    let socket = held.socket;
    let owner = held.owner.and_then(|owner| scene.owners.get(owner));
    let state = match socket.state {
        SocketState::Listening => "listening",
        SocketState::Established => "established",
        SocketState::Opening => "opening",
        SocketState::Closing => "closing",
        SocketState::Other => "other",
    };
    let local = std::net::SocketAddr::new(socket.local_ip.to_canonical(), socket.local_port);
    let holder = owner.map_or_else(|| "owner unknown".to_owned(), who);
    Citation {
        entry: ArtifactKind::Connections.parsed_entry(),
        row: held.row,
        excerpt: format!("{} {local} -> {} {state}, {holder}", transport(socket.transport), peer(socket)),
        pid: socket.pid,
        image: owner.map(|owner| owner.image().to_owned()).filter(|image| !image.is_empty()),
        user: owner.and_then(|owner| owner.process.user.clone()),
        peer: socket.remote_ip.map(|_| peer(socket)),
        sha256: owner.and_then(|owner| owner.process.sha256.clone()),
    }
}

/// A row of the process list, where the owner is in it.
pub(super) fn cite_process(owner: &Owner<'_>) -> Option<Citation> {
    let process = &owner.process;
    let line = process.command_line.as_deref().filter(|line| !line.is_empty());
    let started = process.start_time.map(|time| format!(", started {}", second(time))).unwrap_or_default();
    let command = line.map(|line| format!(": {}", show(line))).unwrap_or_default();
    Some(Citation {
        entry: ArtifactKind::Processes.parsed_entry(),
        row: owner.row?,
        excerpt: format!("{}{started}{command}", who(owner)),
        pid: owner.pid,
        image: Some(owner.image().to_owned()).filter(|image| !image.is_empty()),
        user: process.user.clone(),
        peer: None,
        sha256: process.sha256.clone(),
    })
}

/// A row of the process list, for a process that need not hold a socket.
pub(in crate::assess) fn cite_listed(row: usize, process: &Process) -> Option<Citation> {
    cite_process(&Owner::listed(row, process))
}

/// [`who`] for a process that need not hold a socket.
pub(in crate::assess) fn who_listed(row: usize, process: &Process) -> String {
    who(&Owner::listed(row, process))
}

/// A row of the autostart list.
pub(in crate::assess) fn cite_autostart(row: usize, entry: &AutostartEntry) -> Citation {
    let command = entry.command.as_deref().map(|command| format!(": {}", show(command))).unwrap_or_default();
    Citation {
        entry: ArtifactKind::Autostart.parsed_entry(),
        row,
        excerpt: format!("{}{command}", entry_words(entry)),
        user: entry.user.clone(),
        ..Citation::default()
    }
}

/// `run_key Updater in HKEY_…`.
pub(in crate::assess) fn entry_words(entry: &AutostartEntry) -> String {
    format!("{} {} in {}", show(&entry.mechanism), show(&entry.name), show(&entry.location))
}

/// A row of the firewall's rules.
pub(super) fn cite_firewall(row: usize, rule: &FirewallRule) -> Citation {
    Citation {
        entry: ArtifactKind::Firewall.parsed_entry(),
        row,
        excerpt: show(&rule.text),
        image: rule.program.clone(),
        ..Citation::default()
    }
}

/// A row of the torrent inventory.
pub(super) fn cite_file(row: usize, file: &TorrentFile) -> Citation {
    let modified = file.modified.map(|time| format!(", modified {}", second(time))).unwrap_or_default();
    let hash = file.infohash_v1.as_deref().or(file.infohash_v2.as_deref());
    let hash = hash.map(|hash| format!(", infohash {}", show(hash))).unwrap_or_default();
    let owner = file.owner.as_deref().map(|owner| format!(", owner {}", show(owner))).unwrap_or_default();
    Citation {
        entry: ArtifactKind::Torrents.parsed_entry(),
        row,
        excerpt: format!("{} {}{modified}{owner}{hash}", kind_words(file.kind), show(&file.path)),
        user: file.owner.clone(),
        ..Citation::default()
    }
}

pub(super) fn kind_words(kind: TorrentKind) -> &'static str {
    match kind {
        TorrentKind::Metainfo => "torrent file",
        TorrentKind::PartialDownload => "unfinished download",
        TorrentKind::Resume => "resume record",
        TorrentKind::ClientData => "client data",
    }
}
