//! All addresses but some, as the Windows firewall takes them. A block wins over every allow there, whoever made it, so that
//! blocking all others is what cuts a host off, and what is kept needs no rule (MS-FASP 2.2.34: allow-bypass, block, allow).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Ranges for the rules of an isolation, each `first-last`, or one address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Of IPv4.
    pub(crate) v4: Vec<String>,
    /// Of IPv6.
    pub(crate) v6: Vec<String>,
    /// Of IPv6, beyond the link: neighbours find each other by ICMPv6.
    pub(crate) beyond: Vec<String>,
}

impl Cut {
    /// Everything but these networks and what never leaves the host.
    pub(crate) fn all_but(kept: &[IpNet]) -> Self {
        let mut v4 = vec![(0x7f00_0000, 0x7fff_ffff)];
        // The unspecified address is what a neighbour asks from that has none yet.
        let mut v6 = vec![(0, 1)];
        for network in kept {
            match network {
                IpNet::V4(network) => v4.push((bits4(network.network()), bits4(network.broadcast()))),
                IpNet::V6(network) => v6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        let mut link = v6.clone();
        link.extend([(0xfe80 << 112, (0xfec0 << 112) - 1), (0xff << 120, u128::MAX)]);
        let spell4 = |at: u128| Ipv4Addr::from_bits(u32::try_from(at).unwrap_or(u32::MAX)).to_string();
        let spell6 = |at: u128| Ipv6Addr::from_bits(at).to_string();
        Self {
            v4: between(v4, u128::from(u32::MAX), spell4),
            v6: between(v6, u128::MAX, spell6),
            beyond: between(link, u128::MAX, spell6),
        }
    }
}

fn bits4(address: Ipv4Addr) -> u128 {
    u128::from(address.to_bits())
}

/// What lies between ranges that are kept, up to the last address.
fn between(mut kept: Vec<(u128, u128)>, last: u128, spell: impl Fn(u128) -> String) -> Vec<String> {
    kept.sort_unstable();
    let mut ranges = Vec::new();
    let range = |first, last| match first == last {
        true => spell(first),
        false => format!("{}-{}", spell(first), spell(last)),
    };
    let mut next = Some(0u128);
    for (from, to) in kept {
        let Some(start) = next else { break };
        if from > start {
            ranges.push(range(start, from - 1));
        }
        if to >= start {
            next = to.checked_add(1).filter(|next| *next <= last);
        }
    }
    if let Some(start) = next {
        ranges.push(range(start, last));
    }
    ranges
}

/// What stays reachable: networks, hosts, and where the order comes from.
pub(crate) fn kept(keep: &[IpNet], hosts: &[IpAddr], peer: Option<IpAddr>) -> Vec<IpNet> {
    let hosts = hosts.iter().chain(peer.iter()).map(|host| IpNet::from(*host));
    keep.iter().map(IpNet::trunc).chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Whether a rule with these ranges is about an address.
    fn hits(ranges: &[String], address: IpAddr) -> bool {
        ranges.iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
            assert!(first <= last, "{range}");
            (first..=last).contains(&address)
        })
    }

    #[test]
    fn everything_but_what_is_kept_is_cut() {
        let cut = Cut::all_but(&nets(&["10.0.0.0/8", "192.0.2.53/32", "fd00::/16"]));
        let expected = [
            "0.0.0.0-9.255.255.255",
            "11.0.0.0-126.255.255.255",
            "128.0.0.0-192.0.2.52",
            "192.0.2.54-255.255.255.255",
        ];
        assert_eq!(cut.v4, expected);
        let expected =
            ["::2-fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd01::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];
        assert_eq!(cut.v6, expected);
        for (address, far) in
            [("fe80::1", false), ("ff02::1:ff00:1", false), ("fec0::1", true), ("2001:db8::1", true)]
        {
            assert_eq!(hits(&cut.beyond, address.parse().unwrap()), far, "{address}");
        }
    }

    #[test]
    fn networks_at_the_edges_and_inside_one_another() {
        let cut = Cut::all_but(&nets(&[
            "0.0.0.0/1",
            "1.2.3.4/32",
            "128.0.0.0/2",
            "224.0.0.0/3",
            "::/1",
            "8000::/1",
        ]));
        assert_eq!(cut.v4, ["192.0.0.0-223.255.255.255"]);
        assert!(cut.v6.is_empty() && cut.beyond.is_empty());
        let cut = Cut::all_but(&nets(&[
            "0.0.0.0/1",
            "128.0.0.0/32",
            "128.0.0.2/31",
            "128.0.0.4/30",
            "128.0.0.8/29",
        ]));
        assert_eq!(cut.v4, ["128.0.0.1", "128.0.0.16-255.255.255.255"]);
    }

    #[test]
    fn where_an_order_comes_from_is_kept() {
        let (peer, host) = ("10.1.2.3".parse().unwrap(), "fd00::5".parse().unwrap());
        let cut = Cut::all_but(&kept(&nets(&["192.0.2.9/24"]), &[host], Some(peer)));
        assert!(!hits(&cut.v4, peer) && !hits(&cut.v6, host));
        assert!(!hits(&cut.v4, "192.0.2.1".parse().unwrap()));
        assert!(hits(&cut.v4, "10.1.2.4".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn an_address_is_cut_or_kept_and_never_both(
            networks in proptest::collection::vec((any::<u32>(), 1u8..=32), 0..40),
            more in proptest::collection::vec((any::<u128>(), 1u8..=128), 0..40),
            probes in proptest::collection::vec(any::<u32>(), 20),
        ) {
            let mut kept: Vec<IpNet> = networks.iter().map(|(at, length)| {
                ipnet::Ipv4Net::new_assert(Ipv4Addr::from_bits(*at), *length).into()
            }).collect();
            kept.extend(more.iter().map(|(at, length)| {
                IpNet::from(ipnet::Ipv6Net::new_assert(Ipv6Addr::from_bits(*at), *length))
            }));
            let cut = Cut::all_but(&kept);
            let edges = kept.iter().flat_map(|network| [network.network(), network.broadcast()]);
            let probes: Vec<IpAddr> = probes.into_iter().map(|at| Ipv4Addr::from_bits(at).into()).chain(edges).collect();
            for address in probes {
                let never = address.is_loopback() || address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
                let wanted = !never && !kept.iter().any(|network| network.contains(&address));
                let ranges = if address.is_ipv4() { &cut.v4 } else { &cut.v6 };
                prop_assert_eq!(hits(ranges, address), wanted, "{}", address);
            }
        }
    }
}
