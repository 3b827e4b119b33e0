//! `Windows.Network.Connections`: which process holds which socket.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::net::IpAddr;

use investigation::evidence::{ArtifactStatus, Socket, SocketState, TransportProtocol};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::tally::{Tally, counted};
use super::answers::Answers;
use super::netstat::{self, Line};
use super::rows::{self, Row};
use super::{base_name, image_path, named, tasklist, wmic};

/// Longest row.
const ROW_CAP: usize = 256 << 10;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let join = Join::new(limits);
    let (join, mut tally) = rows::read(input, ROW_CAP, join, |join, row, tally| match row.kind() {
        "tcp" | "udp" => match socket(&row) {
            Some(socket) => join.socket(socket, tally),
            None => tally.count(ArtifactStatus::Partial, "sockets could not be read"),
        },
        "netstat" => join.line(row.text("line"), tally),
        "process" => {
            if let Some(pid) = row.number("pid") {
                join.describe(pid, row.text("name"), row.text("path"), tally);
            }
        }
        _ => {}
    })?;
    Ok((Parsed::Sockets(join.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (join, mut tally) =
        answers.read(Join::new(limits), |join, tally| gather(answers, facts.code_page, join, tally))?;
    Ok((Parsed::Sockets(join.finish(&mut tally)), tally))
}

fn gather(
    answers: &Answers,
    code_page: Option<u16>,
    join: &mut Join<'_>,
    tally: &mut Tally,
) -> io::Result<()> {
    answers.lines("netstat", code_page, tally, |line, tally| join.line(line, tally))?;
    let sockets = join.sockets.len() as u64;
    answers.expect("netstat", sockets, tally);
    let mut tasks = 0;
    answers.lines("tasklist", code_page, tally, |line, tally| {
        if let Some(task) = tasklist::task(line) {
            tasks += 1;
            join.describe(task.pid, &task.image, "", tally);
        }
    })?;
    answers.expect("tasklist", tasks, tally);
    let mut records = wmic::Records::default();
    let mut place = |record: wmic::Record, tally: &mut Tally| {
        if let Some((pid, path)) =
            record.get("ProcessId").and_then(|p| p.parse().ok()).zip(record.get("ExecutablePath"))
        {
            join.describe(pid, "", path, tally);
        }
    };
    answers.lines("images", code_page, tally, |line, tally| {
        if let Some(record) = records.line(line) {
            place(record, tally);
        }
    })?;
    if let Some(record) = records.finish() {
        place(record, tally);
    }
    // Only for names that no other command gave.
    let mut pid = None;
    answers.lines("modules", code_page, tally, |line, tally| match netstat::line(line) {
        Line::Socket { socket, .. } => pid = socket.pid,
        Line::Module(name) => {
            if let Some(pid) = pid.take() {
                join.describe(pid, &name, "", tally);
            }
        }
        Line::Named | Line::Other => {}
    })
}

/// A row of the cmdlets.
fn socket(row: &Row) -> Option<Socket> {
    let ip = |name: &str| {
        let text = row.text(name);
        text.split('%').next().and_then(|ip| ip.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical())
    };
    let tcp = row.kind() == "tcp";
    let peer = (ip("remote"), row.number::<u16>("peer"));
    let alone = !tcp || peer.1.is_none_or(|port| port == 0);
    Some(Socket {
        transport: if tcp { TransportProtocol::Tcp } else { TransportProtocol::Udp },
        local_ip: ip("local")?,
        local_port: row.number("port")?,
        remote_ip: peer.0.filter(|_| !alone),
        remote_port: peer.1.filter(|_| !alone),
        state: if tcp {
            netstat::state_of(row.text("state")).unwrap_or(SocketState::Other)
        } else {
            SocketState::Listening
        },
        pid: row.number("pid").filter(|&pid: &u32| pid != 0),
        process: None,
        path: None,
        user: None,
    })
}

/// Joins sockets to the processes that hold them.
struct Join<'a> {
    limits: &'a Limits,
    sockets: Vec<Socket>,
    processes: HashMap<u32, (String, Option<String>)>,
    unknown_states: u64,
}

impl<'a> Join<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, sockets: Vec::new(), processes: HashMap::new(), unknown_states: 0 }
    }

    fn line(&mut self, line: &str, tally: &mut Tally) {
        match netstat::line(line) {
            Line::Socket { socket, unknown_state } => {
                self.unknown_states += u64::from(unknown_state);
                self.socket(socket, tally);
            }
            Line::Named => {
                tally.count(ArtifactStatus::Partial, "sockets are listed by names and not by addresses")
            }
            Line::Module(_) | Line::Other => {}
        }
    }

    fn socket(&mut self, socket: Socket, tally: &mut Tally) {
        if self.sockets.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "sockets beyond the cap on rows were left out");
        } else {
            self.sockets.push(socket);
        }
    }

    /// Adds to what is known of a process; what is known already stays.
    fn describe(&mut self, pid: u32, name: &str, path: &str, tally: &mut Tally) {
        let full = self.processes.len() as u64 >= self.limits.rows;
        if full && !self.processes.contains_key(&pid) {
            tally.count(ArtifactStatus::Truncated, "processes beyond the cap on rows were left out");
            return;
        }
        let (known, place) = self.processes.entry(pid).or_default();
        if known.is_empty() {
            *known = named(name.to_owned());
        }
        if place.is_none() {
            *place = image_path(path);
        }
    }

    fn finish(self, tally: &mut Tally) -> Vec<Socket> {
        let Self { mut sockets, processes, unknown_states, .. } = self;
        if unknown_states > 0 {
            tally.partial(counted(
                unknown_states,
                "sockets are in a state whose name is not known in this language",
            ));
        }
        let mut ownerless = 0u64;
        for socket in &mut sockets {
            let Some((name, path)) = socket.pid.and_then(|pid| processes.get(&pid)) else {
                ownerless += u64::from(socket.pid.is_some());
                continue;
            };
            let name = if name.is_empty() { path.as_deref().map_or("", base_name) } else { name };
            socket.process = Some(name.to_owned()).filter(|name| !name.is_empty());
            socket.path.clone_from(path);
        }
        if ownerless > 0 {
            tally.partial(counted(
                ownerless,
                "sockets have no known process: it ended meanwhile, or is hidden",
            ));
        }
        sockets
    }
}
