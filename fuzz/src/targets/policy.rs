//! The policy, and the scope that it draws.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use investigation::policy::{DEFAULT, Policy, PolicyError};
use investigation::scope::{Standing, fold};

use super::{assert_one_line, reference, seeds as given, way};

/// The policy file.
///
/// - A policy that is read is written and read to the same, and has no error among its remarks.
/// - Why one is refused is one line (one for each remark).
/// - The scope admits no address outside its networks, none that is exempt, none of a class that is never contacted,
///   by a second reading bit by bit; and an IPv4 address spelled as IPv6 is judged as the address that it is.
pub fn policy(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => {
            let said = error.to_string();
            match error {
                PolicyError::Wrong(remarks) => {
                    remarks.iter().for_each(|remark| assert_one_line(&remark.text))
                }
                PolicyError::Syntax(_) | PolicyError::Version(_) => assert_one_line(&said),
            }
            return way(&said);
        }
    };
    assert!(policy.remarks().iter().all(|remark| !remark.is_error), "errors in an accepted policy");
    policy.remarks().iter().for_each(|remark| assert_one_line(&remark.text));
    let written = toml::to_string(&policy).expect("a policy is written");
    let again = Policy::parse(&written).expect("what was written is read");
    assert_eq!(policy, again, "written and read");

    let admitted = addresses(data, &policy).into_iter().filter(|&ip| admits(&policy, ip)).count();
    let remarks: String = policy.remarks().iter().map(|remark| remark.text.as_str()).collect();
    way(&format!("{} {remarks}", admitted.min(3)))
}

/// Whether the scope admits an address; asserts that it may.
fn admits(policy: &Policy, ip: IpAddr) -> bool {
    let scope = &policy.scope;
    let standing = scope.check(ip);
    if let Standing::Refused(refusal) = &standing {
        assert_one_line(&refusal.to_string());
    }
    if let IpAddr::V4(v4) = ip {
        assert_eq!(standing, scope.check(v4.to_ipv6_mapped().into()), "{ip} in two spellings");
    }
    if standing != Standing::InScope {
        return false;
    }
    let ip = fold(ip);
    assert!(scope.networks.iter().any(|network| reference::holds(network, ip)), "{ip} is in no network");
    assert!(!scope.exempt.iter().any(|exempt| reference::holds(&exempt.network, ip)), "{ip} is exempt");
    assert!(!reference::never(ip), "{ip} is never contacted");
    assert!(scope.permit_loopback || !ip.is_loopback(), "{ip} is loopback");
    true
}

/// The edges of every range and what lies beside them, addresses out of the input, and the notorious ones.
fn addresses(data: &[u8], policy: &Policy) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = [
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "::",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "10.0.0.5",
        "8.8.8.8",
    ]
    .iter()
    .filter_map(|text| text.parse().ok())
    .collect();
    let networks =
        policy.scope.networks.iter().chain(policy.scope.exempt.iter().map(|exempt| &exempt.network));
    for network in networks.take(50) {
        for edge in [network.network(), network.broadcast()] {
            addresses.extend((-2..=2).map(|by: i8| beside(edge, by)));
        }
    }
    addresses.extend(data.chunks_exact(4).take(16).map(|c| IpAddr::from([c[0], c[1], c[2], c[3]])));
    addresses
}

fn beside(ip: IpAddr, by: i8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().wrapping_add_signed(by.into())).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().wrapping_add_signed(by.into())).into(),
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let whole = r#"version = 1
[organisation]
name = "Example"
contact = "soc@example.com"
[scope]
networks = ["10.0.0.0/8", "fd12:3456::/32", "192.0.2.7"]
exempt = [{ network = "10.9.0.0/16", reason = "scanners" }, { network = "10.9.1.0/24", reason = "jump hosts" }]
permit_loopback = false
[users]
exempt = [{ name = 'CORP\svc-scan', reason = 'scanner' }]
mail = "{user}@example.com"
mail_domains = ["example.com"]
[users.domains]
"corp.example.com" = "CORP"
[cooldown]
window = "3d"
lease = "2h"
[collection]
jobs = 4
artifacts = ["identity", "connections", "torrents"]
identify_timeout = "1m"
collect_timeout = "30m"
limits = { rows = 100, artifact_seconds = 5 }
[ssh]
user = "peerhound"
port = 2222
identity_files = ["id"]
[actions]
policy_violation = ["mail_user", "ticket"]
attempts = 3
backoff = "5s"
[mail]
from = "a@example.com"
soc = ["soc@example.com"]
smtp = { host = "mail.example.com", tls = "implicit", username = "u", password_file = "p" }
[ticket.webhook]
url = "https://t.example.com/"
honours_idempotency_key = true
timeout = "10s"
"#;
    let desks = r#"version = 1
[scope]
networks = ["10.0.0.0/8"]
[ticket]
preset = "own"
url = "https://t.example.com"
user = "u"
token_file = "t"
parameters = { project = "SEC" }
fields = { priority = { name = "High" } }
[chat]
preset = "slack"
token_file = "s"
[[preset]]
name = "own"
about = "x"
auth = { scheme = "token" }
markup = "adf"
title_chars = 100
body_bytes = 1000
parameters = { project = { about = "x" } }
map = { level = { from = "peerhound.verdict", values = { compromised = 1 }, otherwise = 2 } }
find = { items = "/a", matches = "/b", request = { method = "GET", path = "/t/${project}", capture = { id = "/id" } } }
create = { fields_at = "", steps = [{ method = "POST", path = "/t", json = { t = "${title}", l = "${level}" }, capture = { id = "/id" } }] }
comment = { steps = [{ method = "POST", path = "/t/${id}", form = { c = "${text}" } }] }
"#;
    let mut seeds = vec![
        desks.as_bytes().to_vec(),
        DEFAULT.as_bytes().to_vec(),
        whole.as_bytes().to_vec(),
        b"version = 1\n[scope]\nnetworks = []\n".to_vec(),
        b"version = 1\nscope.networks = ['127.0.0.0/8', '::1', '169.254.0.0/16', '0.0.0.0/8', 'ff00::/16', '2002::/16', '64:ff9b::/96']\nscope.permit_loopback = true\n".to_vec(),
        b"version = 1\nscope.networks = ['10.0.0.0/31', '10.0.1.1/32', '2001:db8::/127']\n".to_vec(),
    ];
    // Hostile by design.
    seeds.push([b"version = ".to_vec(), given::many(b"[", 256 << 10)].concat());
    seeds.push([b"version = 1\n".to_vec(), given::many(b"a.", 64 << 10), b"b = 1".to_vec()].concat());
    seeds.push(
        [
            b"version = 1\n[scope]\nnetworks = [".to_vec(),
            given::many(b"'10.0.0.0/8',", 128 << 10),
            b"]".to_vec(),
        ]
        .concat(),
    );
    seeds.push(given::many(b"[[a]]\n", 128 << 10));
    seeds
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"version = 1\n",
    b"[scope]\n",
    b"networks = ",
    b"exempt = ",
    b"network = ",
    b"reason = ",
    b"permit_loopback = true\n",
    b"[users]\n",
    b"[users.domains]\n",
    b"[cooldown]\n",
    b"window = ",
    b"lease = ",
    b"[collection]\n",
    b"limits = {",
    b"rows = ",
    b"[mail.smtp]\n",
    b"[ticket.webhook]\n",
    b"[[preset]]\n",
    b"preset = ",
    b"${title}",
    b"${secret}",
    b"${field:host.ip}",
    b"[ssh]\n",
    b"[actions]\n",
    b"'10.0.0.0/8'",
    b"'::/16'",
    b"'10.0.0.1/32'",
    b"'::ffff:0:0/96'",
    b"'127.0.0.0/8'",
    b"'169.254.0.0/16'",
    b"'64:ff9b::/96'",
    b"'2002::/16'",
    b"\"3d\"",
    b"\"0s\"",
    b"\"36525d\"",
    b"true",
    b"[]",
    b"{}",
    b"[[",
    b"]]",
    b"\"\"\"",
    b"'''",
    b"\\u0000",
    b"\\U0010FFFF",
    b"0x7fffffffffffffff",
    b"1979-05-27",
    b"nan",
    b"#",
    b"\n",
    b"=",
    b".",
];
