//! The addresses that a Linux endpoint holds, from `ip -o addr show` or from `/proc/net`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use investigation::scope::fold;

/// Most addresses that are kept of one table.
pub(super) const CAP: usize = 4096;

/// Lines `4: eth0    inet 192.0.2.2/24 brd …`.
pub(super) fn from_ip(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "inet" && *word != "inet6");
        words.next()?;
        let address = words.next()?;
        address.split('/').next()?.parse().ok().map(fold)
    };
    text.lines().filter_map(address).take(CAP).collect()
}

/// Leaves of the trie that are `/32 host LOCAL`.
pub(super) fn from_fib_trie(text: &str) -> Vec<IpAddr> {
    let mut leaf: Option<Ipv4Addr> = None;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf
            && found.len() < CAP
        {
            found.push(IpAddr::V4(address));
        }
    }
    found
}

/// Lines `fd000000000000000000000000000002 04 40 00 82     eth0`.
pub(super) fn from_if_inet6(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let hex = line.split_ascii_whitespace().next().filter(|hex| hex.len() == 32)?;
        u128::from_str_radix(hex, 16).ok().map(|bits| fold(Ipv6Addr::from(bits).into()))
    };
    text.lines().filter_map(address).take(CAP).collect()
}
