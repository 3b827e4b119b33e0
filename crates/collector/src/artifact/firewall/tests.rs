use proptest::prelude::*;

use super::*;

fn read(records: &str, uid: u32) -> (FirewallState, ArtifactStatus, Vec<String>) {
    let output = format!("\0PEERHOUND-1\0{records}end\0\0");
    let facts = Facts { uid: Some(uid), ..Facts::default() };
    let (Parsed::Firewall(state), tally) = parse(&mut output.as_bytes(), &facts, &Limits::default()).unwrap()
    else {
        panic!("another kind")
    };
    let (status, reasons) = tally.settle();
    (state, status, reasons)
}

/// Engine, chain, action, ports.
type Seen<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [u16]);

fn seen(state: &FirewallState) -> Vec<Seen<'_>> {
    state
        .rules
        .iter()
        .map(|r| (r.engine.as_str(), r.chain.as_deref(), r.action.as_deref(), r.ports.as_slice()))
        .collect()
}

const NFT: &str = "table inet filter {
	set blocked {
		type ipv4_addr
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport { 6881-6889, 51413 } counter packets 0 bytes 0 accept comment \"drop } chain x {\"
		udp dport 51413 accept
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
}
";

#[test]
fn nft_rules() {
    let (state, status, _) = read(&format!("engine\0nftables\0rules\0{NFT}\0exit\x000\0"), 0);
    assert_eq!((status, state.active), (ArtifactStatus::Ok, Some(true)));
    assert_eq!(state.engines, ["nftables"]);
    let chain = Some("inet filter input");
    assert_eq!(
        seen(&state),
        [
            ("nftables", chain, Some("drop"), &[][..]),
            ("nftables", chain, Some("accept"), &[]),
            ("nftables", chain, Some("accept"), &[6881, 6889, 51413]),
            ("nftables", chain, Some("accept"), &[51413]),
        ]
    );
}

#[test]
fn iptables_and_ufw_rules() {
    let iptables = "# Generated\n*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [1:2]\n-A INPUT -p tcp -m multiport --dports 6881:6889,51413 -j ACCEPT\nCOMMIT\n";
    let ufw = "Status: active\n\nTo                         Action      From\n--                         ------      ----\n51413/tcp                  ALLOW IN    Anywhere\n22                         LIMIT IN    10.0.0.0/8\n";
    let (state, status, _) = read(
        &format!(
            "engine\0iptables\0rules\0{iptables}\0exit\x000\0engine\0ip6tables\0rules\0\0exit\x000\0engine\0ufw\0rules\0{ufw}\0exit\x000\0"
        ),
        0,
    );
    assert_eq!(status, ArtifactStatus::Ok);
    assert_eq!(state.engines, ["iptables", "ufw"]);
    assert_eq!(
        seen(&state),
        [
            ("iptables", Some("filter INPUT"), Some("drop"), &[][..]),
            ("iptables", Some("filter INPUT"), Some("accept"), &[6881, 6889, 51413]),
            ("ufw", None, Some("allow"), &[51413]),
            ("ufw", None, Some("limit"), &[22]),
        ]
    );
}

#[test]
fn an_account_without_the_right_is_a_failure_with_the_reason() {
    let said = "Operation not permitted (you must be root)\n";
    let (state, status, reasons) = read(&format!("engine\0nftables\0rules\0{said}\0exit\x001\0"), 1000);
    assert_eq!((status, state.active), (ArtifactStatus::Failed, None));
    assert_eq!(
        reasons,
        [
            "nftables did not answer: Operation not permitted (you must be root)",
            "this account may not list the firewall",
        ]
    );
}

#[test]
fn nothing_loaded_is_told_from_nothing_known() {
    let (state, status, _) = read("idle\0nftables\0", 0);
    assert_eq!((status, state.active), (ArtifactStatus::Ok, Some(false)));
    let (state, status, _) = read("", 0);
    assert_eq!((status, state.active), (ArtifactStatus::Failed, None));
}

proptest! {
    #[test]
    fn any_answer_is_read(engine in 0usize..4, answer: String) {
        const ENGINES: [&str; 4] = ["nftables", "iptables", "ip6tables", "ufw"];
        read(&format!("engine\0{}\0rules\0{answer}\0exit\x000\0", ENGINES[engine]), 0);
    }
}

#[test]
fn an_answer_is_told_of_once() {
    let answer = "engine\0iptables\0rules\0*filter\n-A INPUT -j DROP\n\0";
    let (state, ..) = read(&format!("{answer}{}", "exit\x000\0".repeat(1000)), 0);
    assert_eq!(state.rules.len(), 1);
    let (_, status, reasons) = read(&format!("{answer}{}", "exit\x001\0".repeat(1000)), 0);
    assert_eq!((status, reasons.len()), (ArtifactStatus::Failed, 3), "{reasons:?}");
}

#[test]
fn a_long_name_is_not_repeated_in_each_rule_in_full() {
    let long = "\u{e4}".repeat(50_000);
    for rules in [
        format!("engine\0nftables\0rules\0table {long} {{\nchain {long} {{\naccept\ndrop\n\0exit\x000\0"),
        format!("engine\0iptables\0rules\0*{long}\n-A {long} -j {long}\n:{long} DROP\n\0exit\x000\0"),
    ] {
        let (state, ..) = read(&rules, 0);
        assert_eq!(state.rules.len(), 2);
        for rule in &state.rules {
            assert!(rule.chain.as_ref().is_some_and(|chain| chain.len() <= 259), "{:?}", rule.chain);
            assert!(rule.action.as_ref().is_none_or(|action| action.len() <= 128), "{:?}", rule.action);
        }
    }
}
