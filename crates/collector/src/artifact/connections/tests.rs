use investigation::evidence::SocketState;
use proptest::prelude::*;

use super::*;

const HEADING: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
/// Captured from a real machine: a listener, a connection, one in TIME_WAIT.
const LISTEN: &str = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   103        0 21000 1 0000000000000000 100 0 0 10 0";
const ESTABLISHED: &str = "   1: 020200C0:C8D5 0A0200C0:1AE1 01 00000000:00000000 00:00000000 00000000   103        0 21001 2 0000000000000000 20 4 30 10 -1";
const TIME_WAIT: &str = "   2: 020200C0:C8D6 0A0200C0:1AE1 06 00000000:00000000 03:00000F27 00000000     0        0 0 3 0000000000000000";
const MAPPED: &str = "   0: 0000000000000000FFFF0000020200C0:0050 0000000000000000FFFF00000A0200C0:8000 01 00000000:00000000 00:00000000 00000000     0        0 21002 1 0";
const UDP6: &str = " 1177: 000000FD000000000000000002000000:1AE1 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   103        0 21003 2 0000000000000000 0";

fn output(body: &str) -> Vec<u8> {
    format!("\0PEERHOUND-1\0{body}end\0\0").into_bytes()
}

fn read(body: &str) -> (Vec<Socket>, ArtifactStatus, Vec<String>) {
    let facts = Facts { accounts: [(103, "debian-transmission".into())].into(), ..Facts::default() };
    let (Parsed::Sockets(rows), tally) =
        parse(&mut output(body).as_slice(), &facts, &Limits::default()).unwrap()
    else {
        panic!("another kind")
    };
    let (status, reasons) = tally.settle();
    (rows, status, reasons)
}

#[test]
fn sockets_are_joined_and_those_without_a_process_kept() {
    let (rows, status, _) = read(&format!(
        "table\0tcp\0{HEADING}\0{LISTEN}\0{ESTABLISHED}\0{TIME_WAIT}\0\0table\0tcp6\0{HEADING}\0{MAPPED}\0\0\
         table\0udp6\0{HEADING}\0{UDP6}\0\0unreadable\x000\0\
         holders\0\0/proc/4242/fd/9 socket:[21000]\0/proc/4242/fd/10 socket:[21001]\0/proc/7/fd/1 socket:[999]\0\0\
         pid\x004242\0comm\0transmission-da\n\0exe\0/usr/bin/transmission-daemon\n\0"
    ));
    assert_eq!(status, ArtifactStatus::Ok);
    let seen: Vec<_> = rows
        .iter()
        .map(|s| {
            let remote = s.remote_ip.map(|ip| format!("{ip} {}", s.remote_port.unwrap()));
            (format!("{} {}", s.local_ip, s.local_port), remote, s.state, s.pid)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("127.0.0.1 8080".into(), None, SocketState::Listening, Some(4242)),
            ("192.0.2.2 51413".into(), Some("192.0.2.10 6881".into()), SocketState::Established, Some(4242)),
            ("192.0.2.2 51414".into(), Some("192.0.2.10 6881".into()), SocketState::Closing, None),
            ("192.0.2.2 80".into(), Some("192.0.2.10 32768".into()), SocketState::Established, None),
            ("fd00::2 6881".into(), None, SocketState::Listening, None),
        ]
    );
    assert_eq!(rows[1].process.as_deref(), Some("transmission-daemon"));
    assert_eq!(rows[1].path.as_deref(), Some("/usr/bin/transmission-daemon"));
    assert_eq!(rows[1].user.as_deref(), Some("debian-transmission"));
    assert_eq!(rows[2].user, None);
}

#[test]
fn addresses_of_a_big_endian_machine() {
    let line = LISTEN.replace("0100007F", "7F000001");
    let row = Row::parse(&line, TransportProtocol::Tcp, true).unwrap();
    assert_eq!(row.local.to_string(), "127.0.0.1:8080");
    let row = Row::parse(
        &UDP6.replace("000000FD000000000000000002000000", "FD000000000000000000000000000002"),
        TransportProtocol::Udp,
        true,
    )
    .unwrap();
    assert_eq!(row.local.to_string(), "[fd00::2]:6881");
}

#[test]
fn the_service_is_named_before_the_init_process_that_shares_its_socket() {
    let holders =
        "/proc/1/fd/9 socket:[21000]\0/proc/900/fd/3 socket:[21000]\0/proc/800/fd/3 socket:[21000]\0";
    let (rows, ..) = read(&format!("table\0tcp\0{LISTEN}\0\0holders\0\0{holders}\0"));
    assert_eq!(rows[0].pid, Some(800));
}

#[test]
fn what_may_not_be_seen_makes_the_artifact_partial() {
    let (rows, status, reasons) = read(&format!("table\0tcp\0{LISTEN}\0\0unreadable\x0012\0holders\0\0\0"));
    assert_eq!((rows.len(), status), (1, ArtifactStatus::Partial));
    assert_eq!(reasons, ["12 processes do not let this account see their sockets; 1 socket has no process"]);
}

#[test]
fn a_process_name_with_newlines_forges_no_holder() {
    let name = "x\nholders\n/proc/1/fd/1 socket:[21000]\n";
    let (rows, ..) = read(&format!("table\0tcp\0{LISTEN}\0\0pid\x007\0comm\0{name}\0exe\0/tmp/a\n\0"));
    assert_eq!(rows[0].pid, None);
}

#[test]
fn the_cap_on_rows_is_said() {
    let body = format!("table\0tcp\0{}\0", format!("{LISTEN}\0").repeat(10));
    let limits = Limits { rows: 4, ..Limits::default() };
    let (parsed, tally) = parse(&mut output(&body).as_slice(), &Facts::default(), &limits).unwrap();
    assert_eq!(parsed.items(), 4);
    assert_eq!(
        tally.settle(),
        (ArtifactStatus::Truncated, vec!["6 sockets beyond the cap on rows were left out".into()])
    );
}

proptest! {
    #[test]
    fn any_row_is_read(line: String, address in "[0-9A-Fa-f:é]{0,40}", big: bool) {
        Row::parse(&line, TransportProtocol::Tcp, big);
        Row::parse(&format!("0: {address} {address} 01 0:0 0:0 0 0 0 1"), TransportProtocol::Udp, big);
    }

    #[test]
    fn any_answer_is_read(body: Vec<u8>) {
        let mut out = b"\0PEERHOUND-1\0table\0tcp\0".to_vec();
        out.extend(body);
        parse(&mut out.as_slice(), &Facts::default(), &Limits::default()).unwrap();
    }
}

#[test]
fn a_long_name_is_not_repeated_at_each_socket_in_full() {
    let (rows, ..) = read(&format!(
        "table\0tcp\0{LISTEN}\0{ESTABLISHED}\0\0holders\0\0/proc/7/fd/1 socket:[21000]\0/proc/7/fd/2 socket:[21001]\0\0pid\x007\0comm\0{}\0",
        "n".repeat(8000)
    ));
    assert!(rows.iter().all(|row| row.process.as_ref().is_some_and(|name| name.len() <= NAME_CAP + 3)));
}

#[test]
fn holders_are_capped_like_rows() {
    let holders: String = (1..=1000).map(|pid| format!("/proc/{pid}/fd/1 socket:[21000]\0")).collect();
    let output = output(&format!("table\0tcp\0{LISTEN}\0\0holders\0\0{holders}\0"));
    let limits = Limits { rows: 10, ..Limits::default() };
    let (parsed, tally) = parse(&mut output.as_slice(), &Facts::default(), &limits).unwrap();
    assert_eq!(parsed.items(), 1);
    let (status, reasons) = tally.settle();
    assert_eq!(status, ArtifactStatus::Truncated);
    assert_eq!(reasons, ["990 holders of sockets beyond the cap on rows were left out"]);
}

#[test]
fn a_number_with_a_sign_is_no_address() {
    assert!(Row::parse(LISTEN, TransportProtocol::Tcp, false).is_some());
    for (plain, signed) in [("0100007F:", "+100007F:"), (":1F90", ":+F90")] {
        let line = LISTEN.replacen(plain, signed, 1);
        assert_ne!(line, LISTEN);
        assert_eq!(Row::parse(&line, TransportProtocol::Tcp, false), None, "{line}");
    }
}
