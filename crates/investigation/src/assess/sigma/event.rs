//! Rows of the evidence as events with the fields that Sigma rules for Windows and Linux read (those of Sysmon).

use std::net::IpAddr;

use super::rule::Category;
use crate::assess::rules::{
    cite_autostart, cite_listed, cite_socket, entry_words, is_winlogon_default, who, who_listed,
};
use crate::assess::scene::Scene;
use crate::assess::verdict::Citation;
use crate::evidence::{AutostartEntry, Process, SocketState, TransportProtocol};

/// Longest text that a rule is held against, in bytes: rules look at starts, ends and words.
const MAX_TEXT: usize = 8 << 10;
/// Bytes of text that weigh as much as the row itself.
const WEIGHT: usize = 64;

/// One row as an event.
#[derive(Debug)]
pub(super) struct Event {
    category: Category,
    /// Row in its artifact; of sockets, index into the scene's.
    row: usize,
    pub(super) fields: sigma_rust::Event,
    /// What holding a rule against it costs, in rows of no text.
    cost: usize,
}

/// All rows, by category.
#[derive(Debug)]
pub(super) struct Events {
    processes: Vec<Event>,
    registry: Vec<Event>,
    network: Vec<Event>,
}

impl Events {
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let row = |category| {
            move |(row, fields): (usize, sigma_rust::Event)| {
                let text: usize = fields.values().map(|value| value.value_to_string().len()).sum();
                Event { category, row, fields, cost: 1 + text / WEIGHT }
            }
        };
        // Of the kernel's own nothing is known that a rule could look at.
        let told = |process: &&Process| process.path.is_some() || process.command_line.is_some();
        let processes = scene.processes.iter().enumerate().filter(|(_, process)| told(process));
        let processes = processes.map(|(row, process)| (row, process_fields(scene, process)));
        let registry = scene.autostart.iter().enumerate();
        let registry = registry.filter_map(|(row, entry)| Some((row, registry_fields(entry)?)));
        let network = (0..scene.sockets.len()).filter_map(|row| Some((row, socket_fields(scene, row)?)));
        Self {
            processes: processes.map(row(Category::Process)).collect(),
            registry: registry.map(row(Category::Registry)).collect(),
            network: network.map(row(Category::Network)).collect(),
        }
    }

    /// What holding a rule against all rows of a category costs.
    pub(super) fn cost(&self, category: Category) -> usize {
        self.of_category(category).iter().map(|event| event.cost).sum()
    }

    pub(super) fn of_category(&self, category: Category) -> &[Event] {
        match category {
            Category::Process => &self.processes,
            Category::Registry => &self.registry,
            Category::Network => &self.network,
        }
    }
}

impl Event {
    /// What it is, as the beginning of a sentence.
    pub(super) fn shown(&self, scene: &Scene<'_>) -> String {
        let shown = match self.category {
            Category::Process => scene.processes.get(self.row).map(|process| who_listed(self.row, process)),
            Category::Registry => scene.autostart.get(self.row).map(entry_words),
            Category::Network => {
                let owner = scene.sockets.get(self.row).and_then(|held| held.owner);
                owner.and_then(|owner| scene.owners.get(owner)).map(who)
            }
        };
        shown.unwrap_or_else(|| "A row".to_owned())
    }

    pub(super) fn cite(&self, scene: &Scene<'_>) -> Option<Citation> {
        match self.category {
            Category::Process => cite_listed(self.row, scene.processes.get(self.row)?),
            Category::Registry => Some(cite_autostart(self.row, scene.autostart.get(self.row)?)),
            Category::Network => Some(cite_socket(scene, scene.sockets.get(self.row)?)),
        }
    }
}

/// Sets a field where there is something to set: an absent field is one that is not known.
fn put(event: &mut sigma_rust::Event, field: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        let mut end = value.len().min(MAX_TEXT);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        event.insert(field, &value[..end]);
    }
}

fn process_fields(scene: &Scene<'_>, process: &Process) -> sigma_rust::Event {
    let mut event = sigma_rust::Event::new();
    put(&mut event, "Image", process.path.as_deref());
    put(&mut event, "CommandLine", process.command_line.as_deref());
    put(&mut event, "User", process.user.as_deref());
    event.insert("ProcessId", i64::from(process.pid));
    if let Some(hash) = process.sha256.as_deref() {
        put(&mut event, "Hashes", Some(&format!("SHA256={}", hash.to_ascii_uppercase())));
        put(&mut event, "sha256", Some(hash));
    }
    if let Some(parent) = process.parent_pid {
        event.insert("ParentProcessId", i64::from(parent));
    }
    if let Some((_, parent)) = scene.parent_of(process) {
        put(&mut event, "ParentImage", parent.path.as_deref());
        put(&mut event, "ParentCommandLine", parent.command_line.as_deref());
        put(&mut event, "ParentUser", parent.user.as_deref());
    }
    event
}

/// Values that somebody wrote: of services the program, of other keys the value itself.
fn registry_fields(entry: &AutostartEntry) -> Option<sigma_rust::Event> {
    let value = match entry.mechanism.as_str() {
        "run_key" | "winlogon" => entry.name.as_str(),
        "service" => "ImagePath",
        _ => return None,
    };
    if is_winlogon_default(entry) {
        return None;
    }
    let mut key = entry.location.clone();
    for (long, short) in [
        ("HKEY_LOCAL_MACHINE", "HKLM"),
        ("HKEY_USERS", "HKU"),
        ("HKEY_CURRENT_USER", "HKCU"),
        ("HKEY_CLASSES_ROOT", "HKCR"),
    ] {
        if let Some(rest) = key.strip_prefix(long) {
            key = format!("{short}{rest}");
        }
    }
    let mut event = sigma_rust::Event::new();
    put(&mut event, "TargetObject", Some(&format!("{key}\\{value}")));
    put(&mut event, "Details", entry.command.as_deref());
    put(&mut event, "EventType", Some("SetValue"));
    Some(event)
}

/// A socket with a peer, of a program whose image is known.
fn socket_fields(scene: &Scene<'_>, row: usize) -> Option<sigma_rust::Event> {
    let held = scene.sockets.get(row)?;
    let owner = scene.owners.get(held.owner?)?;
    let socket = held.socket;
    let (remote, port) = (socket.remote_ip?.to_canonical(), socket.remote_port?);
    if !matches!(socket.state, SocketState::Established | SocketState::Opening | SocketState::Closing) {
        return None;
    }
    let mut event = sigma_rust::Event::new();
    put(&mut event, "Image", owner.process.path.as_deref());
    put(&mut event, "User", owner.process.user.as_deref());
    put(&mut event, "DestinationIp", Some(&remote.to_string()));
    event.insert("DestinationPort", i64::from(port));
    put(&mut event, "SourceIp", Some(&socket.local_ip.to_canonical().to_string()));
    event.insert("SourcePort", i64::from(socket.local_port));
    let truth = |is: bool| Some(if is { "true" } else { "false" });
    put(&mut event, "DestinationIsIpv6", truth(matches!(remote, IpAddr::V6(_))));
    put(&mut event, "SourceIsIpv6", truth(socket.local_ip.to_canonical().is_ipv6()));
    event.insert("ProcessId", i64::from(owner.process.pid));
    match socket.transport {
        TransportProtocol::Tcp => {
            put(&mut event, "Protocol", Some("tcp"));
            // What somebody waits for on the port came from outside.
            let accepted = scene.is_listening(socket.local_port);
            put(&mut event, "Initiated", truth(!accepted));
        }
        TransportProtocol::Udp => put(&mut event, "Protocol", Some("udp")),
    }
    Some(event)
}
