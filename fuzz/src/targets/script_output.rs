//! What the collector's scripts print on an endpoint that may be an attacker's.

mod hostile;
pub(super) mod rows;
mod seeds;

use collector::fuzzing::{Reading, read};
use investigation::evidence::{ArtifactKind, ArtifactStatus, Socket, SocketState};
use investigation::order::Limits;

use super::{assert_one_line, reference, way};
use rows::rows;

pub(super) use seeds::{TOKENS, record_seeds, socket_seeds};

const MARKER: &[u8] = b"\0PEERHOUND-1\0";
const END: &[u8] = b"end\0\0";

/// Longest output whose rows are looked at one by one.
const LOOKED_AT: usize = 64 << 10;

/// Bits of an input's second byte (for `sockets` of its first).
mod flag {
    /// The output stands as it is; else marker and end are put around it.
    pub(super) const BARE: u8 = 1;
    /// Caps are a few rows.
    pub(super) const TIGHT: u8 = 2;
    /// Up to its first `end` the output is that of the identity script.
    pub(super) const IDENTITY: u8 = 4;
    /// For `sockets`: the rest is the text of one table of `/proc/net`.
    pub(super) const TABLE: u8 = 8;
}

/// What the scripts of everything but connections print. The first byte says which one, the
/// second one how.
///
/// - The same output read twice is the same; it is written as JSON that reads as its rows.
/// - No more rows than the cap, and a cap that was reached or an end that is missing shows: never `ok`.
/// - Reasons are listed for everything but `ok`, and are capped.
/// - Every text of a row is capped, whatever the endpoint sends.
pub fn records(data: &[u8]) -> u64 {
    let [kind, flags, rest @ ..] = data else { return 0 };
    let kind = match kind {
        b'i' | 0..=47 => ArtifactKind::Identity,
        b'p' | 56..=96 => ArtifactKind::Processes,
        b'a' | 97..=99 => ArtifactKind::Autostart,
        b'n' => ArtifactKind::Neighbors,
        b'g' => ArtifactKind::Programs,
        b'0' => ArtifactKind::PacketSockets,
        b'1' => ArtifactKind::Logins,
        b'2' => ArtifactKind::KernelModules,
        b'3' => ArtifactKind::NameResolution,
        b'4' => ArtifactKind::ScheduledTasks,
        b'5' => ArtifactKind::AuthorizedKeys,
        b'6' => ArtifactKind::ShellHistories,
        b'7' => ArtifactKind::RecentExecutables,
        b'f' | 100..=110 => ArtifactKind::Firewall,
        _ => ArtifactKind::Torrents,
    };
    let (identity, output) = split(*flags, rest);
    let reading = twice(&identity, kind, &output, &limits(*flags));
    if output.len() <= LOOKED_AT {
        rows(kind, &reading);
    }
    outcome(kind, &reading)
}

/// What the script of connections prints: sockets, who holds them, and what those are.
///
/// Beside the properties of [`records`]: a table alone gives the sockets that a second reader sees in it, in its order.
pub fn sockets(data: &[u8]) -> u64 {
    let Some((flags, rest)) = data.split_first() else { return 0 };
    let limits = limits(*flags);
    if flags & flag::TABLE != 0 {
        return table(rest, &limits);
    }
    let (identity, output) = split(*flags, rest);
    let reading = twice(&identity, ArtifactKind::Connections, &output, &limits);
    if output.len() <= LOOKED_AT {
        rows(ArtifactKind::Connections, &reading);
    }
    outcome(ArtifactKind::Connections, &reading)
}

fn limits(flags: u8) -> Limits {
    match flags & flag::TIGHT {
        0 => Limits::default(),
        _ => Limits { rows: 3, depth: 4, torrent_bytes: 1 << 10, hash_bytes: 1 << 10, ..Limits::default() },
    }
}

/// Identity and output.
fn split(flags: u8, rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let framed = |body: &[u8]| match flags & flag::BARE {
        0 => [MARKER, body, END].concat(),
        _ => body.to_vec(),
    };
    if flags & flag::IDENTITY == 0 {
        return (Vec::new(), framed(rest));
    }
    let end = rest.windows(END.len()).position(|window| window == END).unwrap_or(rest.len());
    let (identity, output) = rest.split_at(end);
    ([MARKER, identity, END].concat(), framed(output.strip_prefix(END).unwrap_or(output)))
}

fn twice(identity: &[u8], kind: ArtifactKind, output: &[u8], limits: &Limits) -> Reading {
    let reading = read(identity, kind, output, limits).expect("memory is read");
    if output.len() <= LOOKED_AT {
        let again = read(identity, kind, output, limits).expect("memory is read");
        assert_eq!(
            (reading.items, reading.status, &reading.reasons),
            (again.items, again.status, &again.reasons)
        );
        assert_eq!(reading.json().expect("JSON"), again.json().expect("JSON"), "read twice");
    }
    assert!(reading.items <= limits.rows.max(1), "{} rows of at most {}", reading.items, limits.rows);
    assert!(reading.reasons.len() <= 60, "{} reasons", reading.reasons.len());
    // What is whole may come with a remark where it is for people and not for rules.
    let remarked = kind.is_forensic() && reading.status == ArtifactStatus::Ok;
    let told = reading.reasons.is_empty() == (reading.status == ArtifactStatus::Ok);
    assert!(told || remarked, "{:?}", reading.reasons);
    for reason in &reading.reasons {
        assert_one_line(reason);
        assert!(reason.len() < 4096, "{} bytes of a reason", reason.len());
    }
    if !output.windows(4).any(|window| window == b"end\0") {
        assert_ne!(reading.status, ArtifactStatus::Ok, "without an end");
    }
    reading
}

fn outcome(kind: ArtifactKind, reading: &Reading) -> u64 {
    way(&format!("{kind:?} {:?} {} {:?}", reading.status, rough(reading.items), reading.reasons))
}

/// Letters, since digits do not count.
fn rough(items: u64) -> String {
    "x".repeat(items.min(6) as usize)
}

fn table(text: &[u8], limits: &Limits) -> u64 {
    // As the script does it: a line is a value, and an empty one ends the list.
    let lines: Vec<&[u8]> = text.split(|b| matches!(b, b'\n' | 0)).filter(|line| !line.is_empty()).collect();
    let output = [MARKER, b"table\0tcp\0", &lines.join(&0), b"\0\0", END].concat();
    let reading = twice(b"", ArtifactKind::Connections, &output, limits);
    if output.len() > LOOKED_AT {
        return outcome(ArtifactKind::Connections, &reading);
    }
    let sockets: Vec<Socket> = serde_json::from_slice(&reading.json().expect("JSON")).expect("sockets");
    let mut seen = sockets.iter();
    for line in lines {
        // The longest value that is kept.
        let line = String::from_utf8_lossy(&line[..line.len().min(8 << 10)]);
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some((local, remote)) = fields.get(1).zip(fields.get(2)).and_then(|(local, remote)| {
            reference::proc_net_address(local).zip(reference::proc_net_address(remote))
        }) else {
            continue;
        };
        let inode = fields.get(9).and_then(|inode| inode.parse::<u64>().ok());
        let state = fields.get(3).and_then(|state| u8::from_str_radix(state, 16).ok());
        let (Some(_), Some(state)) = (inode, state) else { continue };
        let Some(socket) = seen.next() else {
            assert_eq!(reading.items, limits.rows, "{line:?} is missing");
            break;
        };
        assert_eq!((socket.local_ip, socket.local_port), local, "{line:?}");
        if let Some(ip) = socket.remote_ip {
            assert_eq!((ip, socket.remote_port), (remote.0, Some(remote.1)), "{line:?}");
        } else {
            assert!(remote.0.is_unspecified() && remote.1 == 0, "{line:?}");
        }
        assert_eq!(socket.state == SocketState::Established, state == 1, "{line:?}");
    }
    way(&format!("table {} {:?}", rough(reading.items), reading.status))
}
