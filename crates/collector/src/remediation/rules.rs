//! Rules for nftables, made of numbers and addresses alone, and the names of what they lie in.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

/// Before every rule of anybody else's at these hooks.
const PRIORITY: i32 = -300;
/// What IPv6 finds its neighbours and routers by. Switches that listen to multicast pass solicitations on only to hosts
/// that say that they want them, so those words are kept as well.
const NEIGHBOURS: &str = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, \
                          mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report";

/// The table of one measure. Its grammar knows no `-` at the start of a word, and older versions none inside it.
pub(crate) fn table(case_id: &str, n: u32) -> String {
    format!("peerhound_{}_{n}", case_id.replace('-', "_"))
}

/// Drops what comes to and goes out from these local ports. Lines with a drop: four.
pub(crate) fn block(table: &str, ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(", ");
    let mut text = begin(table);
    for (chain, hook, side) in [("to_here", "input", "dport"), ("from_here", "output", "sport")] {
        let _ = writeln!(
            text,
            "\tchain {chain} {{\n\t\ttype filter hook {hook} priority {PRIORITY}; policy accept;\n\
             \t\ttcp {side} {{ {ports} }} drop\n\t\tudp {side} {{ {ports} }} drop\n\t}}"
        );
    }
    text.push_str("}\n");
    text
}

/// Drops everything but loopback, what it takes to have an address, and what is kept. Chains with the policy to drop:
/// three.
pub(crate) fn isolate(table: &str, peer: Option<IpAddr>, keep: &[IpNet], hosts: &[IpAddr]) -> String {
    let mut kept: Vec<IpNet> = keep.iter().map(IpNet::trunc).collect();
    kept.extend(peer.iter().chain(hosts).map(|host| IpNet::from(*host)));
    kept.sort();
    kept.dedup();
    let mut text = begin(table);
    let ways = [
        ("to_here", "input", "iifname", "saddr", "udp sport 67 udp dport 68", "udp sport 547 udp dport 546"),
        (
            "from_here",
            "output",
            "oifname",
            "daddr",
            "udp sport 68 udp dport 67",
            "udp sport 546 udp dport 547",
        ),
    ];
    for (chain, hook, interface, side, dhcp, dhcp6) in ways {
        let _ = writeln!(
            text,
            "\tchain {chain} {{\n\t\ttype filter hook {hook} priority {PRIORITY}; policy drop;\n\
             \t\t{interface} \"lo\" accept\n\t\t{dhcp} accept\n\t\t{dhcp6} accept\n\
             \t\ticmpv6 type {{ {NEIGHBOURS} }} accept"
        );
        if hook == "input" {
            // A way with smaller packets would swallow the larger ones of what is kept, without a word.
            text.push_str(
                "\t\ticmp type destination-unreachable icmp code frag-needed accept\n\
                 \t\ticmpv6 type packet-too-big accept\n",
            );
        }
        for network in &kept {
            let family = if network.addr().is_ipv4() { "ip" } else { "ip6" };
            let _ = writeln!(text, "\t\t{family} {side} {network} accept");
        }
        text.push_str("\t}\n");
    }
    let _ = writeln!(
        text,
        "\tchain through_here {{\n\t\ttype filter hook forward priority {PRIORITY}; policy drop;\n\t}}\n}}"
    );
    text
}

/// In one step, whether the table was there or not.
fn begin(table: &str) -> String {
    format!("add table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_dropped_both_ways_and_nothing_else_is() {
        let text = block(&table("ph-20261124-t24ozwgy", 3), &[6881, 51413]);
        assert!(
            text.starts_with("add table inet peerhound_ph_20261124_t24ozwgy_3\ndelete table inet "),
            "{text}"
        );
        let drops: Vec<&str> = text.lines().map(str::trim).filter(|line| line.ends_with("drop")).collect();
        let expected = [
            "tcp dport { 6881, 51413 } drop",
            "udp dport { 6881, 51413 } drop",
            "tcp sport { 6881, 51413 } drop",
            "udp sport { 6881, 51413 } drop",
        ];
        assert_eq!(drops, expected);
        assert_eq!(text.matches("policy accept").count(), 2);
    }

    #[test]
    fn an_isolation_keeps_what_it_is_told_and_who_ordered_it() {
        let keep = ["10.1.2.3/8".parse().unwrap(), "fd00::/16".parse().unwrap()];
        let hosts = ["10.9.9.9".parse().unwrap(), "192.0.2.53".parse().unwrap()];
        let peer = Some("192.0.2.53".parse().unwrap());
        let text = isolate("peerhound_c_1", peer, &keep, &hosts);
        let accepted = |side: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim);
            lines.filter(|line| line.contains(side)).map(str::to_owned).collect()
        };
        for side in ["saddr", "daddr"] {
            let expected = [
                format!("ip {side} 10.0.0.0/8 accept"),
                format!("ip {side} 10.9.9.9/32 accept"),
                format!("ip {side} 192.0.2.53/32 accept"),
                format!("ip6 {side} fd00::/16 accept"),
            ];
            assert_eq!(accepted(side), expected);
        }
        assert_eq!(text.matches("policy drop").count(), 3);
        assert_eq!(text.matches("\"lo\" accept").count(), 2);
        assert_eq!(text.matches("nd-neighbor-solicit").count(), 2);
        assert_eq!(text.matches("mld2-listener-report").count(), 2);
        // What comes in may say that a packet was too large; nothing of the kind goes out.
        assert_eq!(text.matches("packet-too-big").count(), 1);
        let out = text.find("chain from_here").unwrap();
        assert!(text.find("packet-too-big").unwrap() < out && text.find("frag-needed").unwrap() < out);
    }
}
