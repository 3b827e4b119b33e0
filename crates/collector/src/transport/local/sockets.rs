//! This machine's sockets, in its own network namespace and, on Linux, in those of its containers.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use investigation::evidence::{ArtifactStatus, Process, Socket, SocketState, TransportProtocol};
use investigation::order::Limits;
use investigation::scope::fold;
use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState, iterate_sockets_info,
};

use crate::artifact::connections::{Join, Row};
use crate::artifact::facts::Facts;
use crate::artifact::tally::{Tally, counted};

/// Reads all sockets and joins them to their processes.
pub(crate) fn read(facts: &Facts, limits: &Limits, cancel: &AtomicBool) -> (Vec<Socket>, Tally) {
    let mut tally = Tally::default();
    let mut join = Join::default();
    let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
    match iterate_sockets_info(families, ProtocolFlags::TCP | ProtocolFlags::UDP) {
        Ok(sockets) => {
            for (number, socket) in sockets.enumerate() {
                match socket {
                    Ok(socket) => take(&mut join, &socket, number, limits, &mut tally),
                    Err(_) => tally.count(ArtifactStatus::Partial, "sockets could not be read"),
                }
            }
        }
        Err(error) => tally.partial(format!("the socket tables are closed: {error}")),
    }
    #[cfg(target_os = "linux")]
    linux::other_namespaces(&mut join, limits, cancel, &mut tally);
    for pid in join.pids() {
        if cancel.load(Ordering::Relaxed) {
            tally.truncated("out of time: some processes are not named");
            break;
        }
        join.describe(Some(pid), |process| name(process, pid));
    }
    let sockets = join.finish(facts);
    #[cfg(target_os = "linux")]
    linux::unreadable(&sockets, &mut tally);
    #[cfg(windows)]
    ownerless(&sockets, &mut tally);
    (sockets, tally)
}

fn take(join: &mut Join, socket: &SocketInfo, number: usize, limits: &Limits, tally: &mut Tally) {
    let remote = |ip: IpAddr, port| {
        Some(SocketAddr::new(fold(ip), port)).filter(|r| r.port() != 0 || !r.ip().is_unspecified())
    };
    let (transport, remote, state) = match &socket.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => {
            (TransportProtocol::Tcp, remote(tcp.remote_addr, tcp.remote_port), fold_state(tcp.state))
        }
        ProtocolSocketInfo::Udp(_) => (TransportProtocol::Udp, None, SocketState::Listening),
    };
    let local = SocketAddr::new(fold(socket.local_addr()), socket.local_port());
    #[cfg(target_os = "linux")]
    let (inode, uid) = (u64::from(socket.inode), Some(socket.uid).filter(|_| socket.inode != 0));
    // Elsewhere sockets have no number of their own.
    #[cfg(not(target_os = "linux"))]
    let (inode, uid) = (1 + number as u64, None);
    let _ = number;
    join.socket(Row { transport, local, remote, state, inode, uid }, limits, tally);
    if inode != 0 {
        // Windows says 0 for a socket whose process is gone or not known.
        let holders = socket.associated_pids.iter().filter(|&&pid| pid != 0);
        holders.for_each(|&pid| join.holder(inode, pid, limits, tally));
    }
}

/// Says how many sockets have no process. Those that are closing have none any more.
#[cfg(any(windows, test))]
fn ownerless(sockets: &[Socket], tally: &mut Tally) {
    let unmatched = sockets.iter().filter(|s| s.pid.is_none() && s.state != SocketState::Closing).count();
    if unmatched > 0 {
        tally.partial(counted(
            unmatched as u64,
            "sockets have no process: it is hidden from this account, or gone",
        ));
    }
}

fn fold_state(state: TcpState) -> SocketState {
    match state {
        TcpState::Listen => SocketState::Listening,
        TcpState::Established => SocketState::Established,
        TcpState::SynSent | TcpState::SynReceived => SocketState::Opening,
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::TimeWait
        | TcpState::DeleteTcb => SocketState::Closing,
        TcpState::Closed | TcpState::Unknown => SocketState::Other,
    }
}

#[cfg(target_os = "linux")]
fn name(process: &mut Process, pid: u32) {
    use crate::artifact::processes::set_image;
    use crate::artifact::record::text;

    process.name = std::fs::read(format!("/proc/{pid}/comm")).map(|comm| text(&comm)).unwrap_or_default();
    let link = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    set_image(process, link.map(|path| path.to_string_lossy().into_owned()));
}

#[cfg(not(target_os = "linux"))]
fn name(process: &mut Process, pid: u32) {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

    let Ok(mut system) = System::new() else { return };
    let pid = Pid::from_u32(pid);
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    if let Some(seen) = system.process(pid) {
        process.name = seen.name().to_string_lossy().into_owned();
        process.path = seen.exe().map(|path| path.to_string_lossy().into_owned());
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashSet;
    use std::fs::{self, File};
    use std::io::{self, BufRead as _, BufReader};
    use std::path::{Path, PathBuf};

    use super::*;

    /// Adds the sockets of network namespaces other than our own, and who holds them.
    pub(super) fn other_namespaces(join: &mut Join, limits: &Limits, cancel: &AtomicBool, tally: &mut Tally) {
        let mut seen: HashSet<PathBuf> = fs::read_link("/proc/self/ns/net").into_iter().collect();
        let known = seen.len();
        for (_, process) in processes() {
            let Ok(namespace) = fs::read_link(process.join("ns/net")) else { continue };
            if cancel.load(Ordering::Relaxed) || !seen.insert(namespace) {
                continue;
            }
            for (table, transport) in [
                ("tcp", TransportProtocol::Tcp),
                ("tcp6", TransportProtocol::Tcp),
                ("udp", TransportProtocol::Udp),
                ("udp6", TransportProtocol::Udp),
            ] {
                let Ok(file) = File::open(process.join("net").join(table)) else { continue };
                for line in BufReader::new(file).lines().map_while(Result::ok) {
                    if let Some(row) = Row::parse(&line, transport, cfg!(target_endian = "big")) {
                        join.socket(row, limits, tally);
                    }
                }
            }
        }
        if seen.len() == known {
            return;
        }
        for (pid, process) in processes() {
            for descriptor in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
                let Ok(link) = fs::read_link(descriptor.path()) else { continue };
                let inode = link
                    .to_str()
                    .and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
                if let Some(inode) = inode {
                    join.holder(inode, pid, limits, tally);
                }
            }
        }
    }

    /// Says how many processes keep their descriptors from this account.
    pub(super) fn unreadable(sockets: &[Socket], tally: &mut Tally) {
        let closed = |process: &Path| matches!(fs::read_dir(process.join("fd")), Err(e) if e.kind() == io::ErrorKind::PermissionDenied);
        let unreadable = processes().filter(|(_, process)| closed(process)).count();
        if unreadable > 0 {
            let unmatched = sockets.iter().filter(|socket| socket.pid.is_none()).count();
            tally.partial(format!(
                "{}; {}",
                counted(unreadable as u64, "processes do not let this account see their sockets"),
                counted(unmatched as u64, "sockets have no process")
            ));
        }
    }

    fn processes() -> impl Iterator<Item = (u32, PathBuf)> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_closing_may_be_without_a_process() {
        let says = |pid, state| {
            let socket = Socket {
                transport: TransportProtocol::Tcp,
                local_ip: IpAddr::from([10, 0, 0, 5]),
                local_port: 1,
                remote_ip: None,
                remote_port: None,
                state,
                pid,
                process: None,
                path: None,
                user: None,
            };
            let mut tally = Tally::default();
            ownerless(&[socket], &mut tally);
            tally.settle().0
        };
        assert_eq!(says(None, SocketState::Established), ArtifactStatus::Partial);
        assert_eq!(says(None, SocketState::Listening), ArtifactStatus::Partial);
        assert_eq!(says(None, SocketState::Closing), ArtifactStatus::Ok);
        assert_eq!(says(Some(4), SocketState::Established), ArtifactStatus::Ok);
    }
}
