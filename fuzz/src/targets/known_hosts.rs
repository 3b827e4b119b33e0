//! Pinned host keys: no key is trusted that the file does not hold.

use std::net::IpAddr;

use collector::fuzzing::{HostKey, host_key};

use super::{seeds as given, way};

/// Keys that an endpoint shows.
const KEYS: &[&str] = &[
    "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    "AAAAC3NzaC1lZDI1NTE5AAAAIHVwcnZ0enh+gIKEhoiKjI6QkpSWmJqcnqCipKaoqqyu",
];

/// `known_hosts`, for an address and a port.
///
/// - A key is pinned only where the text holds it, and never where the text revokes it for this address.
/// - What is pinned for an address says nothing of another that no line names.
/// - A line that cannot be read, a comment and the order of the lines change nothing.
/// - Lines that are named exist.
pub fn known_hosts(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let mut said = String::new();
    for (target, port) in [("10.0.0.5", 22), ("10.0.0.5", 2222), ("fd12::5", 22)] {
        let target: IpAddr = target.parse().expect("an address");
        for key in KEYS {
            let (pinned, says) = host_key(&text, target, port, key).expect("the key is one");
            said.push_str(&format!("{says:?}"));
            check(&text, key, pinned, says);
            let reversed: Vec<&str> = text.lines().rev().collect();
            let noisy =
                format!("#{}\n\nnot a line\n{}", text.replace(['\n', '\r'], " "), reversed.join("\n"));
            let (count, turned) = host_key(&noisy, target, port, key).expect("the key is one");
            let kind = |says: HostKey| match says {
                HostKey::Pinned => 0,
                HostKey::Revoked(_) => 1,
                HostKey::Other(_) => 2,
                HostKey::Unknown => 3,
            };
            assert_eq!((count, kind(turned)), (pinned, kind(says)), "the lines in another order");
            let revoked = format!("{text}\n@revoked * ssh-ed25519 {key}\n");
            let (_, after) = host_key(&revoked, target, port, key).expect("the key is one");
            assert!(matches!(after, HostKey::Revoked(_)), "a revoked key is {after:?}");
        }
    }
    way(&said)
}

fn check(text: &str, key: &str, pinned: usize, says: HostKey) {
    let lines = text.lines().count();
    match says {
        HostKey::Pinned => assert!(pinned > 0 && text.contains(key), "pinned without being there"),
        HostKey::Revoked(line) => assert!((1..=lines).contains(&line) && text.contains("@revoked")),
        HostKey::Other(line) => assert!(pinned > 0 && (1..=lines).contains(&line)),
        HostKey::Unknown => assert_eq!(pinned, 0),
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let [one, two] = [KEYS[0], KEYS[1]];
    vec![
        format!("10.0.0.5 ssh-ed25519 {one}\n").into_bytes(),
        format!("[10.0.0.5]:2222,fd12::5 ssh-ed25519 {two} comment\n10.0.0.* ssh-ed25519 {one}\n")
            .into_bytes(),
        format!("@revoked 10.0.0.5 ssh-ed25519 {one}\n!10.0.0.5,* ssh-ed25519 {two}\n").into_bytes(),
        format!(
            "@cert-authority * ssh-ed25519 {one}\n# 10.0.0.5 ssh-ed25519 {two}\n10.0.?.5 ssh-rsa {two}\r\n"
        )
        .into_bytes(),
        // The name hashed: HMAC-SHA1 of `10.0.0.5` under the salt.
        format!("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|yYp6vR4fZnkno874WwkS7kckR7s= ssh-ed25519 {one}\n")
            .into_bytes(),
        // Hostile by design: patterns that backtrack, many patterns, many lines.
        [given::many(b"*0", 256 << 10), format!("x ssh-ed25519 {one}\n").into_bytes()].concat(),
        [given::many(b"*.?,", 256 << 10), format!(" ssh-ed25519 {one}\n").into_bytes()].concat(),
        given::many(format!("* ssh-ed25519 {two}\n").as_bytes(), 128 << 10),
        given::many(b"|1|AAAA|AAAA ssh-ed25519 AAAA\n", 128 << 10),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"10.0.0.5",
    b"[10.0.0.5]:2222",
    b"fd12::5",
    b"@revoked ",
    b"@cert-authority ",
    b"ssh-ed25519 ",
    b"ssh-rsa ",
    b"!",
    b"*",
    b"?",
    b",",
    b"|1|",
    b"|",
    b"#",
    b" ",
    b"\n",
    b"\r",
    b"\t",
    b"\x0b",
    b"=",
    b"AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    b"AAAAC3NzaC1lZDI1NTE5AAAAIHVwcnZ0enh+gIKEhoiKjI6QkpSWmJqcnqCipKaoqqyu",
    b"AAAAB3NzaC1yc2EAAAADAQAB",
];
