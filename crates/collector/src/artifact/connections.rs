//! `Linux.Network.Connections`: which process holds which socket, in every network namespace.

mod table;

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, Process, Socket, TransportProtocol};
use investigation::order::Limits;

use super::facts::Facts;
use super::processes::set_image;
use super::record::{Records, cut_text, some_text, text};
use super::tally::{Tally, counted};
use super::{Parsed, script};

pub(crate) use table::Row;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/connections.sh")
}

/// Longest value: a path.
const VALUE_CAP: usize = 8 << 10;

/// Longest name of a process that is kept. Linux has none above 15 bytes, and a program's is a file's name.
const NAME_CAP: usize = 255;

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Sockets(Vec::new()), tally));
    };
    let mut join = Join::default();
    let mut unreadable = 0u64;
    let mut current = None;
    while let Some(record) = records.next()? {
        match record.key {
            b"table" => {
                let transport = match record.value {
                    b"udp" | b"udp6" => TransportProtocol::Udp,
                    _ => TransportProtocol::Tcp,
                };
                while let Some(line) = records.line()? {
                    if let Some(row) = Row::parse(&String::from_utf8_lossy(line), transport, facts.big_endian)
                    {
                        join.socket(row, limits, &mut tally);
                    }
                }
            }
            b"unreadable" => unreadable = text(record.value).parse().unwrap_or(0),
            b"holders" => {
                while let Some(line) = records.line()? {
                    if let Some((pid, inode)) = holder(&String::from_utf8_lossy(line)) {
                        join.holder(inode, pid, limits, &mut tally);
                    }
                }
            }
            b"pid" => current = text(record.value).parse().ok(),
            b"comm" => join.describe(current, |p| p.name = name(record.value)),
            b"exe" => join.describe(current, |p| set_image(p, some_text(record.value))),
            _ => {}
        }
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end: sockets or their processes are missing");
    }
    let sockets = join.finish(facts);
    if unreadable > 0 {
        let unmatched = sockets.iter().filter(|socket| socket.pid.is_none()).count();
        tally.partial(format!(
            "{}; {}",
            counted(unreadable, "processes do not let this account see their sockets"),
            counted(unmatched as u64, "sockets have no process")
        ));
    }
    Ok((Parsed::Sockets(sockets), tally))
}

/// The name is repeated at each of the process's sockets.
fn name(value: &[u8]) -> String {
    let mut name = some_text(value).unwrap_or_default();
    cut_text(&mut name, NAME_CAP);
    name
}

/// `/proc/PID/fd/N socket:[INODE]`.
fn holder(line: &str) -> Option<(u32, u64)> {
    let (path, link) = line.split_once(' ')?;
    let pid = path.strip_prefix("/proc/")?.split('/').next()?.parse().ok()?;
    let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    Some((pid, inode))
}

/// Joins sockets to the processes that hold them.
#[derive(Default)]
pub(crate) struct Join {
    rows: Vec<Row>,
    inodes: HashSet<u64>,
    holders: HashMap<u64, u32>,
    processes: HashMap<u32, Process>,
}

impl Join {
    /// Takes in a socket, up to the cap on rows.
    pub(crate) fn socket(&mut self, row: Row, limits: &Limits, tally: &mut Tally) {
        if self.rows.len() as u64 >= limits.rows {
            tally.count(ArtifactStatus::Truncated, "sockets beyond the cap on rows were left out");
            return;
        }
        self.inodes.insert(row.inode);
        self.rows.push(row);
    }

    /// Takes in that a process holds a socket. Several may (after a fork, or by socket activation): the oldest is
    /// named, and the init process only where nobody else holds it. Up to the cap on rows for processes.
    pub(crate) fn holder(&mut self, inode: u64, pid: u32, limits: &Limits, tally: &mut Tally) {
        if !self.inodes.contains(&inode) {
            return;
        }
        if self.processes.len() as u64 >= limits.rows && !self.processes.contains_key(&pid) {
            tally.count(ArtifactStatus::Truncated, "holders of sockets beyond the cap on rows were left out");
            return;
        }
        let held = self.holders.entry(inode).or_insert(pid);
        if *held == 1 || (pid != 1 && pid < *held) {
            *held = pid;
        }
        self.processes.entry(pid).or_default();
    }

    /// Adds to what is known of a process, where it holds a socket.
    pub(crate) fn describe(&mut self, pid: Option<u32>, add: impl FnOnce(&mut Process)) {
        if let Some(process) = pid.and_then(|pid| self.processes.get_mut(&pid)) {
            add(process);
        }
    }

    /// Every process that holds a socket.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.processes.keys().copied().collect()
    }

    /// The joined rows.
    pub(crate) fn finish(self, facts: &Facts) -> Vec<Socket> {
        let Self { rows, holders, processes, .. } = self;
        let join = |row: Row| {
            let pid = holders.get(&row.inode).copied();
            let process = pid.and_then(|pid| processes.get(&pid));
            Socket {
                transport: row.transport,
                local_ip: row.local.ip(),
                local_port: row.local.port(),
                remote_ip: row.remote.map(|remote| remote.ip()),
                remote_port: row.remote.map(|remote| remote.port()),
                state: row.state,
                pid,
                process: process.map(|p| p.name.clone()).filter(|name| !name.is_empty()),
                path: process.and_then(|p| p.path.clone()),
                user: row.uid.map(|uid| facts.account(uid)),
            }
        };
        rows.into_iter().map(join).collect()
    }
}

#[cfg(test)]
mod tests;
