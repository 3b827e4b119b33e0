//! Sockets joined to processes.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::Owner;
use crate::evidence::{Process, Socket};

/// What makes two sockets the same owner's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OwnerKey {
    /// A row of the process list.
    Row(usize),
    /// PID, name and path as the socket list gives them.
    Socket(Option<u32>, Option<String>, Option<String>),
}

/// Socket to process. The PID alone does not prove it: PIDs are reused, and the two lists are not one moment.
pub(super) fn join<'a>(
    socket: &Socket,
    processes: &[Process],
    by_pid: &HashMap<u32, usize>,
    listed_at: Option<Timestamp>,
) -> Option<(OwnerKey, Owner<'a>)> {
    let row = socket.pid.and_then(|pid| by_pid.get(&pid).copied());
    let doubt = match (socket.pid, row.and_then(|row| processes.get(row).map(|process| (row, process)))) {
        (Some(_), Some((row, process))) => match reuse(socket, process, listed_at) {
            None => {
                let mut owner = Owner::listed(row, process);
                if owner.process.user.is_none() {
                    owner.process.user.clone_from(&socket.user);
                }
                return Some((OwnerKey::Row(row), owner));
            }
            Some(doubt) => doubt,
        },
        (Some(_), None) => "the process list has no process with this PID".to_owned(),
        (None, _) => "the socket list names no PID".to_owned(),
    };
    if socket.pid.is_none() && socket.process.is_none() && socket.path.is_none() {
        return None;
    }
    let process = Process {
        pid: socket.pid.unwrap_or_default(),
        name: socket.process.clone().unwrap_or_default(),
        path: socket.path.clone(),
        user: socket.user.clone(),
        ..Process::default()
    };
    let key = OwnerKey::Socket(socket.pid, socket.process.clone(), socket.path.clone());
    Some((key, Owner { pid: socket.pid, process, doubts: vec![doubt], ..Owner::default() }))
}

/// Signs that the PID changed hands between the socket list and the process list.
fn reuse(socket: &Socket, process: &Process, listed_at: Option<Timestamp>) -> Option<String> {
    let differs = match (&socket.path, &process.path) {
        // Windows ignores case, in every script.
        (Some(here), Some(there)) => here.to_lowercase() != there.to_lowercase(),
        _ => socket.process.as_deref().is_some_and(|name| !same_name(name, &process.name)),
    };
    if differs {
        return Some("socket list and process list name different programs for this PID".to_owned());
    }
    let started = process.start_time?;
    (started > listed_at? + SignedDuration::from_secs(2))
        .then(|| "the process with this PID started after the sockets were listed".to_owned())
}

/// Names may be cut (Linux) or carry `.exe`.
fn same_name(here: &str, there: &str) -> bool {
    let stem = |name: &str| name.to_lowercase().trim_end_matches(".exe").to_owned();
    let (here, there) = (stem(here), stem(there));
    here.is_empty() || there.is_empty() || here.starts_with(&there) || there.starts_with(&here)
}
