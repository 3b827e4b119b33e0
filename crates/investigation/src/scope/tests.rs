use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn scope(networks: &[&str]) -> Scope {
    Scope {
        networks: networks.iter().map(|n| n.parse().expect("a network")).collect(),
        exempt: Vec::new(),
        permit_loopback: false,
    }
}

fn code(scope: &Scope, text: &str) -> &'static str {
    match scope.check(ip(text)) {
        Standing::InScope => "in_scope",
        Standing::Exempt { .. } => "exempt",
        Standing::Refused(refusal) => refusal.code(),
    }
}

#[test]
fn only_listed_networks_are_in_scope() {
    let scope = scope(&["10.0.0.0/8", "fd12:3456::/32"]);
    for (address, expected) in [
        ("10.0.0.5", "in_scope"),
        ("::ffff:10.0.0.5", "in_scope"),
        ("fd12:3456::5", "in_scope"),
        ("192.168.0.5", "not_in_networks"),
        ("100.64.0.5", "not_in_networks"),
        ("fd99::5", "not_in_networks"),
        ("8.8.8.8", "public"),
        ("2a00::5", "public"),
        ("203.0.113.5", "documentation"),
        ("2001:db8::5", "documentation"),
        ("::ffff:8.8.8.8", "public"),
    ] {
        assert_eq!(code(&scope, address), expected, "{address}");
    }
    assert_eq!(code(&Scope::default(), "10.0.0.5"), "not_in_networks");
}

#[test]
fn some_classes_are_refused_however_wide_the_list_is() {
    let everything = Scope { permit_loopback: false, ..scope(&["0.0.0.0/0", "::/0"]) };
    for (address, expected) in [
        ("169.254.169.254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.7.7", "link_local"),
        ("fe80::1", "link_local"),
        ("239.192.152.143", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("255.255.255.255", "broadcast"),
        ("2002:7f00:1::1", "transition"),
        ("64:ff9b::169.254.169.254", "transition"),
        ("64:ff9b::10.0.0.5", "transition"),
        ("64:ff9b:1::10.0.0.5", "transition"),
        ("2001:0:1::1", "transition"),
        ("::127.0.0.1", "transition"),
        ("::ffff:0:10.0.0.5", "transition"),
    ] {
        assert_eq!(code(&everything, address), expected, "{address}");
    }
}

#[test]
fn a_transition_range_must_be_listed_as_such_and_carries_nothing_that_is_always_refused() {
    let listed = scope(&["64:ff9b::/96", "2002:a00::/24"]);
    assert_eq!(code(&listed, "64:ff9b::10.0.0.5"), "in_scope");
    assert_eq!(code(&listed, "2002:a00:5::1"), "in_scope");
    assert_eq!(code(&listed, "2002:b00:5::1"), "transition");
    for inner in ["169.254.169.254", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"] {
        assert_eq!(
            code(&listed, &format!("64:ff9b::{inner}")).replace("network_address", "transition"),
            "transition"
        );
    }
}

#[test]
fn the_edges_of_a_listed_network_are_no_machines() {
    let scope = scope(&["10.1.2.0/24", "10.9.0.0/31", "10.9.0.5/32", "fd12:3456::/64", "fd99::7/128"]);
    for (address, expected) in [
        ("10.1.2.0", "network_address"),
        ("10.1.2.255", "broadcast"),
        ("10.1.2.254", "in_scope"),
        ("10.9.0.0", "in_scope"),
        ("10.9.0.1", "in_scope"),
        ("10.9.0.5", "in_scope"),
        ("fd12:3456::", "network_address"),
        ("fd12:3456::ffff:ffff:ffff:ffff", "in_scope"),
        ("fd99::7", "in_scope"),
    ] {
        assert_eq!(code(&scope, address), expected, "{address}");
    }
}

#[test]
fn loopback_must_be_permitted_and_listed() {
    let mut scope = scope(&["127.0.0.2/32", "10.0.0.0/8"]);
    assert_eq!(code(&scope, "127.0.0.2"), "loopback");
    scope.permit_loopback = true;
    assert_eq!(code(&scope, "127.0.0.2"), "in_scope");
    assert_eq!(code(&scope, "127.0.0.1"), "loopback");
    assert_eq!(code(&scope, "::1"), "loopback");
}

#[test]
fn the_narrowest_exemption_is_named() {
    let mut scope = scope(&["10.0.0.0/8"]);
    for (network, reason) in
        [("10.9.0.0/16", "guests"), ("10.9.8.0/24", "scanners"), ("192.168.0.0/16", "elsewhere")]
    {
        scope
            .exempt
            .push(Exemption { network: network.parse().expect("a network"), reason: reason.to_owned() });
    }
    let standing = scope.check(ip("10.9.8.7"));
    let network = "10.9.8.0/24".parse().expect("a network");
    assert_eq!(standing, Standing::Exempt { network, reason: "scanners".to_owned() });
    assert_eq!(code(&scope, "10.8.8.7"), "in_scope");
    assert_eq!(code(&scope, "192.168.1.1"), "not_in_networks", "an exemption puts nothing in scope");
}

#[test]
fn a_scope_is_read_strictly() {
    let read = toml::from_str::<Scope>;
    let scope = read("networks = ['10.0.0.0/8']\nexempt = [{ network = '10.0.0.5', reason = 'proxy' }]")
        .expect("valid");
    assert!(!scope.permit_loopback);
    assert_eq!(code(&scope, "10.0.0.5"), "exempt");
    assert_eq!(toml::from_str::<Scope>(&toml::to_string(&scope).expect("written")), Ok(scope));
    for wrong in [
        "",
        "networks = ['10.0.0.0/8']\nnetwork = ['10.0.0.0/8']",
        "networks = ['10.0.0.5/8']",
        "networks = ['0.0.0.0/0']",
        "networks = '10.0.0.0/8'",
        "networks = []\nexempt = [{ network = '10.0.0.5' }]",
        "networks = []\nexempt = [{ network = '10.0.0.5', reason = '', until = 'x' }]",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_refusal_is_one_line_that_says_what_to_do() {
    let scope = scope(&["10.0.0.0/24"]);
    for text in [
        "127.0.0.1",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "0.0.0.0",
        "10.0.0.0",
        "2002::1",
        "8.8.8.8",
        "192.168.1.1",
    ] {
        let Standing::Refused(refusal) = scope.check(ip(text)) else { panic!("{text} is not refused") };
        let line = refusal.to_string();
        assert!(line.starts_with(text) && line.contains(':') && !line.contains('\n'), "{line}");
        let json = serde_json::to_string(&refusal).expect("written");
        assert_eq!(serde_json::from_str::<Refusal>(&json).expect("read"), refusal);
    }
}

#[test]
fn addresses_are_read_strictly_and_folded() {
    for text in [
        "010.0.0.1",
        "10.1",
        "0x0a000001",
        "167772161",
        "10.0.0.1.",
        " 10.0.0.1",
        "10.0.0.1:80",
        "[fd12::1]",
        "fe80::1%eth0",
        "10.0.0.256",
        "10.0.0.1/32",
        "",
        "::ffff:010.0.0.1",
        "1::2::3",
    ] {
        assert_eq!(parse_address(text), None, "{text}");
    }
    assert_eq!(parse_address("::FFFF:10.0.0.1"), Some(ip("10.0.0.1")));
    assert_eq!(parse_address("::ffff:a00:1"), Some(ip("10.0.0.1")));
    assert_eq!(parse_address("64:ff9b::10.0.0.1"), Some(ip("64:ff9b::a00:1")));
    assert_eq!(parse_address("2002:a00:1::"), Some(ip("2002:a00:1::")));
}

/// Addresses near the networks and near the special ranges are as likely as any.
fn addresses() -> impl Strategy<Value = IpAddr> {
    let special = prop::sample::select(vec![
        "10.0.0.0",
        "127.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "192.168.3.4",
        "203.0.113.9",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "fd12:3456::1",
    ])
    .prop_map(ip);
    let near = (special, any::<u8>()).prop_map(|(ip, step)| match ip {
        IpAddr::V4(v4) => IpAddr::from(u32::from(v4).wrapping_add(u32::from(step)).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from(u128::from(v6).wrapping_add(u128::from(step)).to_be_bytes()),
    });
    prop_oneof![any::<IpAddr>(), near]
}

fn networks() -> impl Strategy<Value = Vec<IpNet>> {
    let network = (addresses(), 0..=128u8).prop_map(|(ip, len)| {
        let max = if ip.is_ipv4() { 32 } else { 128 };
        IpNet::new(ip, len.min(max)).expect("a network").trunc()
    });
    prop::collection::vec(network, 0..6)
}

proptest! {
    #[test]
    fn nothing_outside_the_networks_is_ever_in_scope(
        networks in networks(), exempt in networks(), permit_loopback: bool, ip in addresses(),
    ) {
        let exempt = exempt.into_iter().map(|network| Exemption { network, reason: "r".to_owned() }).collect();
        let scope = Scope { networks, exempt, permit_loopback };
        let folded = fold(ip);
        // Written again without the code under test: octets and bits only.
        let holds = |network: &IpNet| match (network, folded) {
            (IpNet::V4(n), IpAddr::V4(a)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(n.prefix_len())).unwrap_or(0);
                u32::from(n.addr()) & mask == u32::from(a) & mask
            }
            (IpNet::V6(n), IpAddr::V6(a)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(n.prefix_len())).unwrap_or(0);
                u128::from(n.addr()) & mask == u128::from(a) & mask
            }
            _ => false,
        };
        let standing = scope.check(ip);
        if !scope.networks.iter().any(holds) {
            prop_assert!(matches!(standing, Standing::Refused(_)), "{ip} is {standing:?}");
        }
        if matches!(standing, Standing::InScope) {
            prop_assert!(!scope.exempt.iter().any(|e| holds(&e.network)));
            prop_assert!(!folded.is_multicast() && !folded.is_unspecified());
            prop_assert!(!folded.is_loopback() || permit_loopback);
            prop_assert_ne!(folded, "169.254.169.254".parse::<IpAddr>().expect("an address"));
        }
        prop_assert_eq!(scope.check(folded), standing, "folding twice changes nothing");
    }
}
