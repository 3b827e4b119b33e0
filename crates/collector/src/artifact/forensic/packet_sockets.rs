//! `Linux.Network.PacketSockets`: sockets that see packets as they are (ATT&CK T1040, T1205), and who holds them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, PacketSocket};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, some_text, text};
use super::super::tally::Tally;
use super::{NAME_CAP, PATH_CAP, Rows, cut, note_whole};

/// Longest value.
const VALUE_CAP: usize = 8 << 10;
/// Holders that are kept, of all sockets together.
const HOLDERS: usize = 200_000;
/// Processes that are listed for one socket.
const PIDS: usize = 64;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::packet_sockets()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::PacketSockets(Vec::new()), tally));
    };
    let mut holders: HashMap<u64, BTreeSet<u32>> = HashMap::new();
    let (mut names, mut images): (BTreeMap<u32, String>, BTreeMap<u32, String>) = Default::default();
    let (mut pid, mut held, mut answered) = (None, 0, false);
    while let Some(record) = records.next()? {
        match record.key {
            b"table" => {
                answered = true;
                let family = text(record.value);
                while let Some(line) = records.line()? {
                    if let Some(row) = socket(&family, &String::from_utf8_lossy(line), facts) {
                        rows.push(row, &mut tally);
                    }
                }
            }
            b"closed" => {
                let what = "tables of sockets are not there, or closed to this account";
                tally.count(ArtifactStatus::Partial, what);
            }
            b"unreadable" if record.value != b"0" => {
                // What the endpoint calls a number is outside text until it is one.
                let count =
                    text(record.value).parse::<u64>().map_or_else(|_| "some".to_owned(), |n| n.to_string());
                tally.partial(format!("what {count} processes hold is closed to this account"));
            }
            b"holders" => {
                while let Some(line) = records.line()? {
                    if let Some((pid, inode)) = holder(&String::from_utf8_lossy(line))
                        && held < HOLDERS
                    {
                        held += usize::from(holders.entry(inode).or_default().insert(pid));
                    }
                }
            }
            b"pid" => pid = text(record.value).parse().ok(),
            b"comm" => {
                if let Some((pid, name)) = pid.zip(some_text(record.value)) {
                    names.insert(pid, cut(name, NAME_CAP));
                }
            }
            b"exe" => {
                if let Some((pid, path)) = pid.zip(some_text(record.value)) {
                    images.insert(pid, cut(path, PATH_CAP));
                }
            }
            _ => {}
        }
    }
    note_whole(&records, &mut tally);
    if !answered {
        tally.failed("the endpoint showed none of its tables");
    }
    for row in &mut rows.rows {
        let pids = holders.get(&row.inode).into_iter().flatten().copied();
        row.pids = pids.take(PIDS).collect();
        let first = row.pids.first();
        row.path = first.and_then(|pid| images.get(pid).cloned());
        row.process = first.and_then(|pid| names.get(pid).cloned());
    }
    Ok((Parsed::PacketSockets(rows.rows), tally))
}

/// A row of `/proc/net/packet`, `/proc/net/raw` or `/proc/net/raw6` (Linux, `net/packet/af_packet.c`, `net/ipv4/raw.c`).
fn socket(family: &str, line: &str, facts: &Facts) -> Option<PacketSocket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(16).collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let (protocol, interface, uid, inode) = match family {
        "packet" => {
            let protocol = u32::from_str_radix(fields.get(3)?, 16).ok()?;
            let interface = number(4).and_then(|index| u32::try_from(index).ok()).filter(|index| *index != 0);
            (protocol, interface, number(7)?, number(8)?)
        }
        "raw" | "raw6" => {
            // The port of a raw socket is its protocol.
            let (_, protocol) = fields.get(1)?.rsplit_once(':')?;
            (u32::from_str_radix(protocol, 16).ok()?, None, number(7)?, number(9)?)
        }
        _ => return None,
    };
    let user = u32::try_from(uid).ok().map(|uid| cut(facts.account(uid), NAME_CAP));
    let family = family.to_owned();
    Some(PacketSocket { family, protocol, interface, inode, user, ..PacketSocket::default() })
}

/// `/proc/812/fd/5 socket:[23456]`
fn holder(line: &str) -> Option<(u32, u64)> {
    let (path, link) = line.split_once(' ')?;
    let pid = path.strip_prefix("/proc/")?.split('/').next()?.parse().ok()?;
    let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    Some((pid, inode))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, run};
    use super::*;

    // As printed by Linux 6.1.
    const TABLES: &[u8] = b"table\0packet\0sk               RefCnt Type Proto  Iface R Rmem   User   Inode\0\
        00000000f2d3a1c5 3      3    0003   2     1 0      0      41231 \0\0\
        table\0raw\0  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\0\
           1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 52110 2 00000000d0e1f2a3 0         \0\0\
        table\0raw6\0  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\0\
           58: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18233 2 0000000000000000 0\0\0\
        unreadable\x000\0holders\0\0/proc/900/fd/3 socket:[41231]\0/proc/812/fd/7 socket:[41231]\0/proc/77/fd/1 socket:[52110]\0\0\
        pid\x00812\0comm\0tcpdump\n\0exe\0/usr/bin/tcpdump\n\0pid\x0077\0comm\0ping\n\0exe\0\0";

    fn rows(parsed: Parsed) -> Vec<PacketSocket> {
        let Parsed::PacketSockets(rows) = parsed else { panic!("packet sockets") };
        rows
    }

    #[test]
    fn sockets_have_their_protocol_and_their_holders() {
        let (parsed, status, reasons) = read(parse, TABLES, &Limits::default());
        let rows = rows(parsed);
        assert_eq!((rows.len(), status), (3, ArtifactStatus::Ok), "{reasons:?}");
        let packet = &rows[0];
        assert_eq!((packet.family.as_str(), packet.protocol, packet.interface), ("packet", 3, Some(2)));
        assert_eq!(
            (packet.pids.as_slice(), packet.path.as_deref()),
            (&[812, 900][..], Some("/usr/bin/tcpdump"))
        );
        let raw = &rows[1];
        assert_eq!(
            (raw.protocol, raw.user.as_deref(), raw.process.as_deref()),
            (1, Some("alice"), Some("ping"))
        );
        assert_eq!((rows[2].family.as_str(), rows[2].protocol, rows[2].pids.len()), ("raw6", 58, 0));
    }

    #[test]
    fn what_is_missing_is_said() {
        let (_, status, reasons) =
            read(parse, b"closed\0/proc/net/raw\0table\0packet\0\0unreadable\x005\0", &Limits::default());
        assert_eq!((status, reasons.len()), (ArtifactStatus::Partial, 2), "{reasons:?}");
        assert_eq!(read(parse, b"", &Limits::default()).1, ArtifactStatus::Failed);
    }

    /// A real one, where this account may open it.
    #[test]
    fn this_machine_answers() {
        let (parsed, status, reasons) =
            super::super::testing::read_bare(parse, &run(script()), &Limits::default());
        assert!(status != ArtifactStatus::Failed && status != ArtifactStatus::Truncated, "{reasons:?}");
        drop(rows(parsed));
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, line in "[ -~]{0,100}") {
            keeps_to_its_word(parse, &bytes);
            holder(&line);
            for family in ["packet", "raw", "raw6"] {
                socket(family, &line, &Facts::default());
            }
        }
    }
}
