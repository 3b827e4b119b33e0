use data_encoding::BASE64;
use proptest::prelude::*;

use super::super::utmp::tests::record;
use super::*;

fn output(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"\0PEERHOUND-1\0".to_vec();
    for (key, value) in records {
        out.extend(key.as_bytes());
        out.push(0);
        out.extend(*value);
        out.push(0);
    }
    out.extend(b"end\0\0");
    out
}

fn read_all(records: &[(&str, &[u8])]) -> (Contact, Tally) {
    let (contact, tally) = read(&mut output(records).as_slice(), true).unwrap();
    (contact.unwrap(), tally)
}

#[test]
fn a_domain_member_with_local_and_domain_users() {
    let mut utmp = record(7, 812, "tty1", "root", "", 1_764_000_000);
    utmp.extend(record(7, 900, "pts/0", "alice", "10.1.2.3", 1_764_000_100));
    utmp.extend(record(7, 999, "pts/9", "gone", "", 1_764_000_200));
    let utmp = BASE64.encode(&utmp);
    let (contact, tally) = read_all(&[
        ("time", b"1795518655.880004858\n"),
        ("collected_as", b"root\n"),
        ("uid", b"0\n"),
        ("host", b"ws1\n"),
        ("machine", b"x86_64\n"),
        ("os", b"ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
        ("ip", b"1: lo    inet 127.0.0.1/8 scope host lo\\ x\n4: eth0    inet 192.0.2.2/24 brd 192.0.2.255\n4: eth0    inet6 fd00::2/64 scope global\n"),
        ("boot", b"1795517046"),
        ("ticks", b"100\n"),
        ("sssd", b"domains = corp.example\n"),
        ("own_cgroup", b"0::/user.slice/user-0.slice/session-7.scope\n"),
        ("alive", b"1 812 900 "),
        ("utmp", utmp.as_bytes()),
        ("accounts", b"root:0\ndaemon:1\n"),
        ("session", b"Id=7\nName=root\nTTY=\nClass=user\nState=active\n"),
        ("session", b"Id=8\nName=alice\nTTY=pts/0\nClass=user\nState=active\n"),
        ("session", b"Id=9\nName=bob\nDisplay=:0\nTimestamp=Tue 2026-11-24 10:00:00 UTC\nClass=user\nState=online\n"),
        ("session", b"Id=c1\nName=gdm\nClass=greeter\nState=online\n"),
        ("directory_account", b"alice:1000001\n"),
    ]);
    let identity = contact.identity;
    assert_eq!(tally, Tally::default());
    assert_eq!((identity.host_name.as_str(), identity.domain.as_deref()), ("ws1", Some("corp.example")));
    assert_eq!(identity.os.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    assert_eq!(
        identity.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1", "192.0.2.2", "fd00::2"]
    );
    assert_eq!(identity.endpoint_time, Timestamp::new(1_795_518_655, 880_004_858).ok());
    let users: Vec<_> =
        identity.users.iter().map(|u| (u.name.as_str(), u.domain.as_deref(), u.session.as_deref())).collect();
    // The session that has no process any more, the greeter and the collector's own are not there.
    assert_eq!(
        users,
        [
            ("root", Some("ws1"), Some("tty1")),
            ("alice", Some("corp.example"), Some("pts/0")),
            ("bob", Some("corp.example"), Some(":0")),
        ]
    );
    assert_eq!(identity.users[2].since, "2026-11-24T10:00:00Z".parse().ok());
    assert_eq!(contact.facts.account(1_000_001), "alice");
    assert_eq!(contact.facts.account(4242), "4242");
}

#[test]
fn only_a_visitor_leaves_out_its_own_session() {
    let records: [(&str, &[u8]); 2] =
        [("own_session", b"7\n"), ("session", b"Id=7\nName=root\nClass=user\n")];
    let users =
        |visiting| read(&mut output(&records).as_slice(), visiting).unwrap().0.unwrap().identity.users.len();
    assert_eq!((users(true), users(false)), (0, 1));
}

#[test]
fn without_any_session_table_the_identity_is_partial() {
    let (contact, tally) = read_all(&[("host", b"box\n")]);
    assert!(contact.identity.users.is_empty());
    assert_eq!(tally.settle().0, investigation::evidence::ArtifactStatus::Partial);
}

#[test]
fn addresses_without_the_ip_tool() {
    let trie = b"Local:\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
    let (contact, _) =
        read_all(&[("fib_trie", trie), ("if_inet6", b"fd000000000000000000000000000002 04 40 00 82 eth0\n")]);
    let addresses: Vec<_> = contact.identity.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.2", "fd00::2"]);
}

#[test]
fn a_host_name_cannot_forge_an_address() {
    let (contact, _) = read_all(&[("host", b"evil\nip\n1: eth0    inet 10.0.0.9/24\n")]);
    assert!(contact.identity.addresses.is_empty());
}

#[test]
fn accounts_with_a_domain_in_their_name() {
    let utmp =
        [record(7, 1, "pts/0", "CORP\\carol", "", 1), record(7, 2, "pts/1", "dave@corp.example", "", 1)]
            .concat();
    let utmp = BASE64.encode(&utmp);
    let (contact, _) = read_all(&[("machine", b"x86_64"), ("utmp", utmp.as_bytes())]);
    let users: Vec<_> =
        contact.identity.users.iter().map(|u| (u.name.as_str(), u.domain.as_deref())).collect();
    assert_eq!(users, [("carol", Some("CORP")), ("dave", Some("corp.example"))]);
}

proptest! {
    #[test]
    fn any_answer_is_read(records: Vec<(usize, Vec<u8>)>) {
        const KEYS: [&str; 12] = ["time", "os", "ip", "fib_trie", "if_inet6", "boot", "ticks", "own_cgroup", "alive", "utmp", "session", "accounts"];
        let records: Vec<_> = records.iter().map(|(k, v)| (KEYS[k % KEYS.len()], v.as_slice())).collect();
        let _ = read(&mut output(&records).as_slice(), true).unwrap();
    }
}

#[test]
fn a_name_is_cut_even_where_the_cap_falls_into_a_character() {
    let long = format!("a{}", "\u{20ac}".repeat(1000));
    let session = format!("Id=1\nName={long}\nTTY={long}\nRemoteHost={long}\n");
    let (contact, _) = read_all(&[("session", session.as_bytes())]);
    let [user] = &contact.identity.users[..] else { panic!("{:?}", contact.identity.users) };
    for text in [Some(&user.name), user.session.as_ref(), user.from.as_ref()].into_iter().flatten() {
        assert!(text.len() <= 255 && text.starts_with("a\u{20ac}"), "{} bytes", text.len());
    }
}

#[test]
fn tables_that_come_again_add_no_end_of_addresses() {
    let table = |t: u32| -> String {
        (0..4000).map(|n| format!("1: a inet 10.{t}.{}.{}/8\n", n / 250, n % 250)).collect()
    };
    let tables: Vec<String> = (0..4).map(table).collect();
    let again: Vec<(&str, &[u8])> = tables.iter().map(|table| ("ip", table.as_bytes())).collect();
    let (contact, _) = read_all(&again);
    assert_eq!(contact.identity.addresses.len(), 2 * addresses::CAP);
}
