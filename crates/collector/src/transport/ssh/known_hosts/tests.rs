use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const A: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const B: &str = "AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 3, 7));

fn key(base64: &str) -> PublicKey {
    parse_public_key_base64(base64).unwrap()
}

fn check(text: &str, port: u16, base64: &str) -> &'static str {
    match KnownHosts::parse(text, HERE, port).check(&key(base64)) {
        Match::Pinned => "pinned",
        Match::Revoked { .. } => "revoked",
        Match::Other { .. } => "other",
        Match::Unknown => "unknown",
    }
}

#[test]
fn plain_entries_with_and_without_port() {
    let text = format!("# comment\n\n10.0.3.7,ws1 ssh-ed25519 {A} note\n[10.0.3.7]:2222\tssh-ed25519\t{B}\n");
    assert_eq!(check(&text, 22, A), "pinned");
    assert_eq!(check(&text, 22, B), "other");
    assert_eq!(check(&text, 2222, B), "pinned");
    assert_eq!(check(&text, 2200, A), "unknown");
    let known = KnownHosts::parse(&text, HERE, 22);
    assert_eq!(known.check(&key(B)), Match::Other { pinned: &key(A), line: 3 });
}

#[test]
fn a_key_of_another_kind_is_a_change_and_not_a_first_sight() {
    let rsa = "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDB";
    // Unreadable keys are skipped: what is left of the file counts.
    assert_eq!(check(&format!("10.0.3.7 ssh-rsa {rsa}\n"), 22, A), "unknown");
    let ecdsa = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
    assert_eq!(check(&format!("10.0.3.7 ecdsa-sha2-nistp256 {ecdsa}\n"), 22, A), "other");
}

#[test]
fn patterns_and_negation() {
    assert_eq!(check(&format!("10.0.*,!10.0.3.* ssh-ed25519 {A}\n"), 22, A), "unknown");
    assert_eq!(check(&format!("10.0.?.7 ssh-ed25519 {A}\n"), 22, A), "pinned");
    assert_eq!(check(&format!("10.0.* ssh-ed25519 {A}\n"), 2222, A), "unknown");
    assert_eq!(check(&format!("[10.0.*]:2222 ssh-ed25519 {A}\n"), 2222, A), "pinned");
}

#[test]
fn a_revoked_key_is_refused_even_where_it_is_pinned() {
    let text = format!("10.0.3.7 ssh-ed25519 {A}\n@revoked * ssh-ed25519 {A}\n");
    assert_eq!(check(&text, 22, A), "revoked");
    // Revoking one key pins no other.
    assert_eq!(check(&format!("@revoked * ssh-ed25519 {A}\n"), 22, B), "unknown");
    assert_eq!(check(&format!("@cert-authority * ssh-ed25519 {A}\n"), 22, A), "unknown");
}

#[test]
fn a_hashed_name_as_ssh_keygen_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_hosts");
    std::fs::write(&file, format!("10.0.3.7 ssh-ed25519 {A}\n[10.0.3.7]:2222 ssh-ed25519 {B}\n")).unwrap();
    let hashed = std::process::Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output();
    if !hashed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no ssh-keygen to hash with");
        return;
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("10.0.3.7"));
    assert_eq!(check(&text, 22, A), "pinned");
    assert_eq!(check(&text, 22, B), "other");
    assert_eq!(check(&text, 2222, B), "pinned");
    assert_eq!(check(&text, 2223, B), "unknown");
}

#[test]
fn what_is_appended_is_found_again_and_breaks_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_hosts");
    KnownHosts::append(&file, HERE, 22, &key(A)).unwrap();
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().trim_end()).unwrap();
    KnownHosts::append(&file, "fd00::2".parse().unwrap(), 2222, &key(B)).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(KnownHosts::read(&file, HERE, 22).unwrap().check(&key(A)), Match::Pinned);
    assert_eq!(
        KnownHosts::read(&file, "fd00::2".parse().unwrap(), 2222).unwrap().check(&key(B)),
        Match::Pinned
    );
}

#[test]
fn a_missing_file_knows_nothing_and_an_unreadable_one_is_an_error() {
    assert_eq!(KnownHosts::read(Path::new("/nonexistent/kh"), HERE, 22).unwrap().keys().count(), 0);
    assert!(KnownHosts::read(Path::new("/"), HERE, 22).is_err());
}

proptest! {
    #[test]
    fn any_file_is_read(text: String, hosts in "[!*?|1a-z0-9.,=+/\\[\\]:]{0,60}") {
        KnownHosts::parse(&text, HERE, 22);
        KnownHosts::parse(&format!("{hosts} ssh-ed25519 {A}"), HERE, 2222);
    }

    #[test]
    fn glob_matches_what_it_was_made_from(name in "[a-c.]{0,12}", cut in 0usize..12, question in 0usize..12) {
        let at = cut.min(name.len());
        let with_star = format!("{}*", &name[..at]);
        prop_assert!(glob(with_star.as_bytes(), name.as_bytes()));
        let mut one: Vec<u8> = name.clone().into_bytes();
        if let Some(byte) = one.get_mut(question) { *byte = b'?'; }
        prop_assert!(glob(&one, name.as_bytes()));
    }
}
