//! `Linux.Network.Neighbors`: which machines on the same link the endpoint knows, and the table that every system's
//! answers end in.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::net::IpAddr;

use investigation::evidence::{ArtifactStatus, Neighbor, NeighborState};
use investigation::order::Limits;

use super::facts::Facts;
use super::record::{Records, cut_text};
use super::tally::Tally;
use super::{Parsed, script};

/// Longest line.
const VALUE_CAP: usize = 4 << 10;
/// Longest name of an interface that is kept, in bytes.
const NAME_CAP: usize = 255;
/// Bytes of a link-layer address: 6 on Ethernet, 20 on InfiniBand.
const MAC_BYTES: std::ops::RangeInclusive<usize> = 6..=20;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/neighbors.sh")
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut table = Table::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Neighbors(Vec::new()), tally));
    };
    let mut answered = false;
    while let Some(record) = records.next()? {
        let read = match record.key {
            b"neigh" => of_ip,
            b"arp" => of_proc,
            b"no_ip" => {
                tally.partial("the endpoint has no `ip` that answers: neighbours over IPv6 are not known");
                continue;
            }
            _ => continue,
        };
        answered = true;
        while let Some(line) = records.line()? {
            if let Some(neighbor) = read(&String::from_utf8_lossy(line)) {
                table.push(neighbor, &mut tally);
            }
        }
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end: neighbours are missing");
    } else if !answered {
        tally.failed("the endpoint showed neither of its tables");
    }
    Ok((Parsed::Neighbors(table.finish()), tally))
}

/// A row of `ip neigh`: `fe80::2 dev eth0 lladdr 52:54:00:12:35:02 router STALE`.
fn of_ip(line: &str) -> Option<Neighbor> {
    let mut words = line.split_ascii_whitespace();
    let mut neighbor = Neighbor { ip: address(words.next()?)?, mac: None, interface: None, state: None };
    while let Some(word) = words.next() {
        match word {
            "dev" => neighbor.interface = words.next().map(str::to_owned),
            "lladdr" => neighbor.mac = words.next().and_then(mac),
            "REACHABLE" => neighbor.state = Some(NeighborState::Reachable),
            "STALE" | "DELAY" | "PROBE" => neighbor.state = Some(NeighborState::Stale),
            "PERMANENT" | "NOARP" => neighbor.state = Some(NeighborState::Permanent),
            "INCOMPLETE" | "FAILED" => neighbor.state = Some(NeighborState::Incomplete),
            _ => {}
        }
    }
    Some(neighbor)
}

/// A row of `/proc/net/arp`: address, type, flags, link-layer address, mask, device.
fn of_proc(line: &str) -> Option<Neighbor> {
    let words: Vec<&str> = line.split_ascii_whitespace().take(6).collect();
    let [ip, _, flags, link, _, device] = words.as_slice() else { return None };
    // if_arp.h: 2 is complete, 4 permanent.
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    let state = match flags {
        flags if flags & 4 != 0 => Some(NeighborState::Permanent),
        flags if flags & 2 != 0 => None,
        _ => Some(NeighborState::Incomplete),
    };
    Some(Neighbor { ip: address(ip)?, mac: mac(link), interface: Some((*device).to_owned()), state })
}

/// An address, without the zone that some put behind it.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// A link-layer address with `:`, `-` or nothing between its bytes, in one spelling. Nothing where it is all zeros: nobody has that one.
pub(crate) fn mac(text: &str) -> Option<String> {
    let whole = text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = if whole {
        (0..12).step_by(2).filter_map(|at| text.get(at..at + 2)).collect()
    } else {
        text.split([':', '-']).take(MAC_BYTES.end() + 1).collect()
    };
    let is_byte = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let known = MAC_BYTES.contains(&parts.len())
        && parts.iter().all(is_byte)
        && parts.iter().any(|part| *part != "00");
    known.then(|| parts.join(":").to_ascii_lowercase())
}

/// Neighbours up to the cap on rows; each once on its interface, with all that was said of it.
pub(crate) struct Table<'a> {
    limits: &'a Limits,
    rows: Vec<Neighbor>,
    places: HashMap<(IpAddr, Option<String>), usize>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new(), places: HashMap::new() }
    }

    pub(crate) fn push(&mut self, mut row: Neighbor, tally: &mut Tally) {
        if let Some(interface) = &mut row.interface {
            cut_text(interface, NAME_CAP);
        }
        let key = (row.ip, row.interface.clone());
        if let Some(known) = self.places.get(&key).and_then(|place| self.rows.get_mut(*place)) {
            known.mac = known.mac.take().or(row.mac);
            known.state = known.state.or(row.state);
        } else if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "neighbours beyond the cap on rows were left out");
        } else {
            self.places.insert(key, self.rows.len());
            self.rows.push(row);
        }
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(crate) fn finish(self) -> Vec<Neighbor> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8], rows: u64) -> (Vec<Neighbor>, ArtifactStatus, Vec<String>) {
        let output = [b"\0PEERHOUND-1\0", body, b"end\0\0"].concat();
        let limits = Limits { rows, ..Limits::default() };
        let (parsed, tally) = parse(&mut output.as_slice(), &Facts::default(), &limits).unwrap();
        let Parsed::Neighbors(rows) = parsed else { panic!("neighbours") };
        let (status, reasons) = tally.settle();
        (rows, status, reasons)
    }

    const BOTH: &[u8] = b"neigh\0\x0010.20.3.1 dev eth0 lladdr 52:54:00:12:35:02 REACHABLE\0fe80::2 dev eth0 lladdr 52:54:00:12:35:03 router STALE\x0010.20.3.9 dev eth0  FAILED\0\0\
        arp\0\0IP address       HW type     Flags       HW address            Mask     Device\x0010.20.3.1        0x1         0x2         52:54:00:12:35:02     *        eth0\x0010.20.3.8        0x1         0x6         52:54:00:12:35:08     *        br-x\0\0";

    #[test]
    fn both_tables_are_one() {
        let (rows, status, reasons) = read(BOTH, 100);
        assert_eq!((rows.len(), status, reasons.len()), (4, ArtifactStatus::Ok, 0), "{rows:#?}");
        let shown: Vec<_> =
            rows.iter().map(|row| (row.ip.to_string(), row.mac.as_deref(), row.state)).collect();
        assert_eq!(
            shown,
            [
                ("10.20.3.1".to_owned(), Some("52:54:00:12:35:02"), Some(NeighborState::Reachable)),
                ("fe80::2".to_owned(), Some("52:54:00:12:35:03"), Some(NeighborState::Stale)),
                ("10.20.3.9".to_owned(), None, Some(NeighborState::Incomplete)),
                ("10.20.3.8".to_owned(), Some("52:54:00:12:35:08"), Some(NeighborState::Permanent)),
            ]
        );
        assert_eq!(rows[3].interface.as_deref(), Some("br-x"));
        let (rows, status, _) = read(BOTH, 2);
        assert_eq!((rows.len(), status), (2, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_is_missing_is_said() {
        let (_, status, reasons) = read(b"no_ip\0\0arp\0\0\0", 100);
        assert_eq!(status, ArtifactStatus::Partial);
        assert!(reasons[0].contains("IPv6"), "{reasons:?}");
        assert_eq!(read(b"", 100).1, ArtifactStatus::Failed);
        let (parsed, tally) = parse(
            &mut &b"\0PEERHOUND-1\0neigh\0\x0010.20.3.1 dev"[..],
            &Facts::default(),
            &Limits::default(),
        )
        .unwrap();
        assert_eq!((parsed.items(), tally.settle().0), (0, ArtifactStatus::Truncated));
    }

    #[test]
    fn link_layer_addresses_have_one_spelling() {
        assert_eq!(mac("00-11-22-AA-BB-CC").as_deref(), Some("00:11:22:aa:bb:cc"));
        assert_eq!(mac("001122AABBCC").as_deref(), Some("00:11:22:aa:bb:cc"));
        for nothing in [
            "00:00:00:00:00:00",
            "000000000000",
            "00-11-22",
            "001122aabbc",
            "zz:11:22:aa:bb:cc",
            "",
            "fe80::1",
        ] {
            assert_eq!(mac(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_are_read(lines in proptest::collection::vec("[ -~]{0,80}", 0..8), text: String) {
            mac(&text);
            of_ip(&text);
            of_proc(&text);
            let body = format!("neigh\0\0{}\0\0", lines.join("\0"));
            let (rows, ..) = read(body.as_bytes(), 3);
            prop_assert!(rows.len() <= 3);
        }
    }
}
