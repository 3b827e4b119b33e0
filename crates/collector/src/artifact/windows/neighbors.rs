//! `Windows.Network.Neighbors`: which machines on the same link the endpoint knows.

use std::io::{self, BufRead};

use investigation::evidence::{Neighbor, NeighborState};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::neighbors::{Table, address, mac};
use super::super::tally::Tally;
use super::answers::Answers;
use super::rows::{self, Row};
use super::some;

/// Longest row.
const ROW_CAP: usize = 16 << 10;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (Table::new(limits), Section::default());
    let ((table, _), tally) =
        rows::read(input, ROW_CAP, reading, |(table, section), row, tally| match row.kind() {
            "neighbor" => {
                if let Some(neighbor) = neighbor(&row) {
                    table.push(neighbor, tally);
                }
            }
            "arp" => {
                if let Some(neighbor) = section.line(row.text("line")) {
                    table.push(neighbor, tally);
                }
            }
            _ => {}
        })?;
    Ok((Parsed::Neighbors(table.finish()), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (table, mut tally) = answers.read(Table::new(limits), |table, tally| {
        for name in ["arp", "ipv6"] {
            let mut section = Section::default();
            answers.lines(name, facts.code_page, tally, |line, tally| {
                if let Some(neighbor) = section.line(line) {
                    table.push(neighbor, tally);
                }
            })?;
            if name == "arp" {
                answers.expect(name, table.len(), tally);
            }
        }
        Ok(())
    })?;
    if !tally.is_failed() && !answers.said("ipv6")? {
        tally.partial("neighbours over IPv6 are not known: `arp` has none");
    }
    Ok((Parsed::Neighbors(table.finish()), tally))
}

/// A row of `Get-NetNeighbor`.
fn neighbor(row: &Row) -> Option<Neighbor> {
    let state = match row.text("state") {
        "Reachable" => Some(NeighborState::Reachable),
        "Stale" | "Delay" | "Probe" => Some(NeighborState::Stale),
        "Permanent" => Some(NeighborState::Permanent),
        "Incomplete" | "Unreachable" => Some(NeighborState::Incomplete),
        _ => None,
    };
    Some(Neighbor {
        ip: address(row.text("ip"))?,
        mac: mac(row.text("mac")),
        interface: some(row.text("interface")),
        state,
    })
}

/// What `arp -a` and `netsh interface ipv6 show neighbors` print, line by line: a line that names an interface, and below
/// it rows of an address and a link-layer address. Labels and states are in the language of the endpoint.
#[derive(Debug, Default)]
struct Section {
    interface: Option<String>,
}

impl Section {
    fn line(&mut self, line: &str) -> Option<Neighbor> {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        if let Some(ip) = address(first) {
            let mac = words.next().and_then(mac);
            return Some(Neighbor { ip, mac, interface: self.interface.clone(), state: None });
        }
        if let Some(interface) = named_by_arp(line).or_else(|| named_by_netsh(line)) {
            self.interface = some(interface);
        }
        None
    }
}

/// `Interface: 10.20.3.7 --- 0xc`: the interface's own address.
fn named_by_arp(line: &str) -> Option<&str> {
    let (before, number) = line.split_once(" --- ")?;
    number.trim_start().starts_with("0x").then_some(())?;
    before.split_whitespace().next_back().filter(|word| address(word).is_some())
}

/// `Interface 12: Ethernet`.
fn named_by_netsh(line: &str) -> Option<&str> {
    let (before, name) = line.split_once(": ")?;
    let number = before.split_whitespace().next_back()?;
    number.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let mut section = Section::default();
        let rows = text.lines().filter_map(|line| section.line(line));
        rows.map(|row| (row.ip.to_string(), row.mac, row.interface)).collect()
    }

    #[test]
    fn sections_and_rows_in_any_language() {
        let german = "\nSchnittstelle: 10.20.3.7 --- 0xc\n  Internetadresse       Physische Adresse     Typ\n  10.20.3.1             00-11-22-aa-bb-cc     dynamisch \n\nInterface: 192.168.56.1 --- 0x3\n  192.168.56.255        ff-ff-ff-ff-ff-ff     static\n";
        let row = |ip: &str, mac: &str, at: &str| (ip.into(), Some(mac.to_owned()), Some(at.to_owned()));
        assert_eq!(
            read(german),
            [
                row("10.20.3.1", "00:11:22:aa:bb:cc", "10.20.3.7"),
                row("192.168.56.255", "ff:ff:ff:ff:ff:ff", "192.168.56.1")
            ]
        );
        let netsh = "\n\nSchnittstelle 12: Ethernet 2\n\n\nInternetadresse        Physische Adresse  Typ\n----  ----  ----\nfe80::2%12             00-11-22-aa-bb-cd  Abgelaufen (Router)\nfe80::9                Unerreichbar       Unerreichbar\n";
        assert_eq!(
            read(netsh),
            [
                row("fe80::2", "00:11:22:aa:bb:cd", "Ethernet 2"),
                ("fe80::9".into(), None, Some("Ethernet 2".into()))
            ]
        );
        assert!(read("No ARP Entries Found.\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, line in "[ -~]{0,60}") {
            read(&text);
            read(&format!("10.0.0.1 {line}\n{line} --- 0x{line}\n{line}: {line}"));
        }
    }
}
