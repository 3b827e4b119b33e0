//! Output as the scripts print it.

use data_encoding::BASE64;

use super::super::bencode::torrents;
use super::super::seeds::{many, of_this_machine, record};
use super::hostile::hostile;
use super::{END, MARKER, flag};

/// Kind, flags and output of one input.
fn input(kind: u8, flags: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let records = records.iter().flat_map(|(key, value)| record(key, value));
    [kind, flags].into_iter().chain(records).collect()
}

/// A login as utmp(5) keeps it on x86-64.
fn login(name: &str, line: &str, host: &str) -> Vec<u8> {
    let mut record = vec![0; 384];
    record[0] = 7;
    record[4..8].copy_from_slice(&812_u32.to_le_bytes());
    for (at, text) in [(8, line), (44, name), (76, host)] {
        record[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    record[340..344].copy_from_slice(&1_764_000_000_u32.to_le_bytes());
    record
}

fn identity() -> Vec<(&'static str, Vec<u8>)> {
    let utmp = [login("alice", "pts/0", "10.1.2.3"), login("CORP\\bob", "tty7", "")].concat();
    vec![
        ("time", b"1764000000.123456789\n".to_vec()),
        ("collected_as", b"root\n".to_vec()),
        ("uid", b"0\n".to_vec()),
        ("host", b"ws1.corp.example\n".to_vec()),
        ("kernel", b"6.1.0-26-amd64\n".to_vec()),
        ("machine", b"x86_64\n".to_vec()),
        ("os", of_this_machine("/etc/os-release")),
        ("ip", b"1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet6 fd12::5/64 scope global\n".to_vec()),
        ("fib_trie", of_this_machine("/proc/net/fib_trie")),
        ("if_inet6", b"fd000000000000000000000000000002 04 40 00 82     eth0\n".to_vec()),
        ("boot", b"1763900000".to_vec()),
        ("ticks", b"100\n".to_vec()),
        ("resolv", b"domain corp.example\nsearch a.example b.example\n".to_vec()),
        ("sssd", b"domains = corp.example, other\n".to_vec()),
        ("krb5", b"default_realm = CORP.EXAMPLE\n".to_vec()),
        ("own_session", b"3".to_vec()),
        ("own_cgroup", b"0::/user.slice/user-0.slice/session-3.scope\n".to_vec()),
        ("alive", b"1 812 813 ".to_vec()),
        ("utmp", BASE64.encode(&utmp).into_bytes()),
        ("accounts", b"root:0\nalice:1000\n".to_vec()),
        ("session", b"Id=5\nName=carol@corp.example\nTTY=tty2\nRemoteHost=10.0.0.9\nTimestamp=Tue 2026-11-24 10:00:00 UTC\nClass=user\nState=active\n".to_vec()),
        ("directory_account", b"CORP\\dave:70001\n".to_vec()),
    ]
}

fn machine(mut input: Vec<u8>) -> Vec<u8> {
    input.extend(identity().iter().flat_map(|(key, value)| record(key, value)));
    input
}

pub(in super::super) fn record_seeds() -> Vec<Vec<u8>> {
    let stat = of_this_machine("/proc/self/stat");
    let mounts = of_this_machine("/proc/self/mountinfo");
    let cmdline = b"/usr/bin/qbittorrent-nox\x1f--profile=/x\x1f";
    let hash = "0123456789abcdef".repeat(4);
    let hashed = format!("8:1:77:4096 {hash}");
    let process: &[(&str, &[u8])] = &[
        ("mounts", &mounts),
        ("pid", b"812"),
        ("stat", b"812 (a) b (c)) S 1 812 812 0 -1 4194560 100 0 0 0 1 1 0 0 20 0 1 0 5000 1 1"),
        ("uid", b"1000\n"),
        ("exe", b"/usr/bin/qbittorrent-nox (deleted)\n"),
        ("image", b"8:1:77:4096"),
        ("cmdline", cmdline),
        ("pid", b"1"),
        ("stat", &stat),
        ("sha256", hashed.as_bytes()),
        ("no_sha256sum", b""),
    ];
    let autostart: &[(&str, &[u8])] = &[
        ("entry", b"systemd_enabled"),
        ("path", b"/etc/systemd/system/multi-user.target.wants/x.service"),
        (
            "content",
            b"[Unit]\n[Service]\nUser = alice\nExecStart=/bin/a \\\n -b\n[Timer]\nOnCalendar=daily\n",
        ),
        ("entry", b"systemd_unit"),
        ("path", b"/etc/systemd/system/x.service"),
        ("content", b"[Service]\nExecStart=/bin/a\n"),
        ("entry", b"user_crontab"),
        ("path", b"/var/spool/cron/crontabs/alice"),
        ("content", b"SHELL=/bin/sh\n# x\n*/5 * * * * /bin/x -y\n@reboot /bin/z\n"),
        ("entry", b"crontab"),
        ("path", b"/etc/anacrontab"),
        ("content", b"1 5 cron.daily run-parts /etc/cron.daily\n"),
        ("entry", b"xdg"),
        ("path", b"/home/alice/.config/autostart/t.desktop"),
        ("content", b"[Desktop Entry]\nExec=transmission-gtk\nHidden=true\n"),
        ("entry", b"rc_local"),
        ("path", b"/etc/rc.local"),
        ("executable", b"1"),
        ("content", b"#!/bin/sh\n/bin/a\nexit 0\n"),
        ("entry", b"sysv"),
        ("path", b"/etc/rc3.d/S01x"),
        ("target", b"../init.d/x"),
        ("unreadable", b"/x"),
        ("closed", b"/y"),
    ];
    let firewall: &[(&str, &[u8])] = &[
        ("engine", b"nftables"),
        ("rules", b"table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport { 6881-6889, 51413 } accept comment \"x drop\"\n\t}\n}\n"),
        ("exit", b"0"),
        ("engine", b"ip6tables"),
        ("rules", b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 6881:6889 -j ACCEPT\n-A X -m multiport --dports 1,2 -j REJECT\nCOMMIT\n"),
        ("exit", b"0"),
        ("engine", b"ufw"),
        ("rules", b"Status: active\n\n6881/tcp                   ALLOW IN    Anywhere\n51413                      DENY IN     10.0.0.0/8\n"),
        ("exit", b"0"),
        ("idle", b"iptables"),
        ("engine", b"ufw"),
        ("rules", b"ERROR: You need to be root\n"),
        ("exit", b"1"),
    ];
    // The empty value ends the list that stands before it.
    let neighbors: &[(&str, &[u8])] = &[
        ("neigh", b""),
        ("10.20.3.1 dev eth0 lladdr 52:54:00:12:35:02 REACHABLE", b"fe80::2 dev eth0 router STALE"),
        ("", b""),
    ];
    let programs: &[(&str, &[u8])] = &[
        ("packages", b"dpkg"),
        ("ii \tqbittorrent-nox\t4.5.2-3\tDebian", b"rc \tx\t1\ty"),
        ("", b"app"),
        ("de.haeckerfelix.Fragments", b"user"),
        ("alice", b"snap"),
        ("transmission_12.snap", b"silent"),
        ("rpm", b"closed"),
        ("/home/b", b""),
    ];
    let contents: Vec<Vec<u8>> =
        torrents().iter().map(|torrent| BASE64.encode(torrent).into_bytes()).collect();
    let found: &[(&str, &[u8])] = &[
        ("hit", b"f"),
        ("stat", b"4096 1764000000 1764000001 - 1000"),
        ("path", b"/home/alice/Gr\xfc\xdfe\n.torrent"),
        ("content", &contents[0]),
        ("hit", b"f"),
        ("stat", b"99 1 2 3 0"),
        ("path", b"/home/alice/.local/share/qBittorrent/BT_backup/0123456789abcdef0123456789abcdef01234567.fastresume"),
        ("content", &contents[3]),
        ("hit", b"d"),
        ("stat", b"4096 1 2 3 0"),
        ("path", b"/home/alice/.config/transmission-daemon"),
        ("hit", b"l"),
        ("path", b"/a/b.torrent"),
        ("unreadable", b"7"),
        ("odd_mount", b""),
    ];
    let packet_sockets: &[(&str, &[u8])] = &[
        ("table", b"packet"),
        ("00000000f2d3a1c5 3      3    0003   2     1 0      0      41231", b"holders"),
        ("", b""),
        ("/proc/812/fd/7 socket:[41231]", b""),
        ("pid", b"812"),
        ("comm", b"tcpdump"),
        ("exe", b"/usr/bin/tcpdump"),
        ("closed", b"/proc/net/raw6"),
    ];
    let logins: &[(&str, &[u8])] = &[
        ("machine", b"x86_64"),
        ("size", b"384"),
        ("wtmp", b"BwAAACwDAABwdHMvMA=="),
        ("closed", b"/var/log/btmp"),
    ];
    let modules: &[(&str, &[u8])] = &[
        ("modules", b""),
        ("wl 6459392 0 - Live 0x0000000000000000 (POE)", b""),
        ("tainted", b"12289"),
        ("loaded", b""),
        ("wl POE", b"hidden OE"),
        ("", b""),
    ];
    let names: &[(&str, &[u8])] = &[
        ("file", b"/etc/hosts"),
        ("written", b"1764000000"),
        ("hosts", b"127.0.0.1 localhost\n203.0.113.66 a.example b.example # c\n"),
        ("file", b"/etc/resolv.conf"),
        ("resolv", b"search a\nnameserver 10.0.0.2\noptions edns0\n"),
        ("nsswitch", b"hosts: files dns\n"),
        ("resolved", b"[Resolve]\nDNS=10.0.0.3\n"),
    ];
    let tasks: &[(&str, &[u8])] = &[
        ("entry", b"cron"),
        ("path", b"/etc/cron.d/x"),
        ("stat", b"0 52 1764000000"),
        ("content", b"* * * * * root /bin/x\n"),
        ("entry", b"at"),
        ("unreadable", b"1"),
        ("closed", b"/x"),
    ];
    let keys: &[(&str, &[u8])] = &[
        ("settings", b"AuthorizedKeysFile /var/keys/%u\n"),
        ("user", b"alice"),
        ("path", b"/home/alice/.ssh/authorized_keys"),
        ("written", b"1764000000"),
        ("keys", b"command=\"a b\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS c\n"),
    ];
    let histories: &[(&str, &[u8])] = &[
        ("file", b"/root/.bash_history"),
        ("target", b"/dev/null"),
        ("stat", b"0 9 1764000001"),
        ("closed", b"/home/b"),
    ];
    let programs_lately: &[(&str, &[u8])] = &[
        ("files", b""),
        ("1000 755 18211 1764000000.1 1764000001.5 /tmp/a", b""),
        ("unreadable", b"3"),
        ("hashes", b""),
        ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /tmp/a", b""),
    ];
    let mut seeds = vec![
        machine(vec![b'i', 0]),
        machine(vec![b'i', flag::TIGHT]),
        input(
            b'i',
            0,
            &[("machine", b"s390x"), ("utmp", b"AAAA"), ("time", b"9223372036854775807.999999999")],
        ),
    ];
    let kinds = [
        (b'p', process),
        (b'a', autostart),
        (b'f', firewall),
        (b't', found),
        (b'n', neighbors),
        (b'g', programs),
        (b'0', packet_sockets),
        (b'1', logins),
        (b'2', modules),
        (b'3', names),
        (b'4', tasks),
        (b'5', keys),
        (b'6', histories),
        (b'7', programs_lately),
    ];
    for (kind, records) in kinds {
        seeds.push(input(kind, 0, records));
        seeds.push(input(kind, flag::TIGHT, records));
        let bare = input(kind, flag::BARE, records);
        seeds.push([&bare[..2], MARKER, &bare[2..], END].concat());
        let with_identity = machine(vec![kind, flag::IDENTITY]);
        seeds.push([&with_identity, END, &input(kind, 0, records)[2..]].concat());
    }
    seeds.extend(hostile());
    seeds
}

pub(in super::super) fn socket_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let table = |text: &[u8]| [&[flag::TABLE], text].concat();
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        let text = of_this_machine(&format!("/proc/net/{name}"));
        let lines: Vec<u8> = text.iter().map(|&b| if b == b'\n' { 0 } else { b }).collect();
        seeds.push(table(&text));
        seeds.push([&[0][..], &record("table", name.as_bytes()), &lines, &[0]].concat());
    }
    let row = b"   0: 0100007F:1F90 0500000A:1AE1 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0";
    let row6 = b"   1: 0000000000000000FFFF00000500000A:C8D5 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0";
    seeds.push(table(&[&row[..], b"\n", row6, b"\n"].concat()));
    let holders = [
        record("table", b"tcp"),
        [&row[..], b"\0", row6, b"\0\0"].concat(),
        record("unreadable", b"3"),
        record("holders", b""),
        b"/proc/812/fd/7 socket:[4711]\0/proc/1/fd/9 socket:[4711]\0/proc/813/fd/1 socket:[4712]\0\0"
            .to_vec(),
        record("pid", b"812"),
        record("comm", b"qbittorrent-nox\n"),
        record("exe", b"/usr/bin/qbittorrent-nox (deleted)\n"),
        record("pid", b"813"),
        record("comm", b"a\n"),
        record("exe", b""),
    ]
    .concat();
    seeds.push([&[0], &holders[..]].concat());
    seeds.push([&[flag::TIGHT], &holders[..]].concat());
    seeds.push([&[flag::BARE][..], MARKER, &holders, END].concat());
    let big_endian = [record("machine", b"s390x\n"), record("uid", b"0"), END.to_vec()].concat();
    seeds.push([&[flag::IDENTITY], &big_endian[..], &holders].concat());
    // Hostile by design: many processes for one socket; one process with a long name for many sockets.
    let one = [record("table", b"tcp"), row.to_vec(), b"\0\0".to_vec(), record("holders", b"")].concat();
    let pids: Vec<u8> =
        (0..60_000).flat_map(|pid| format!("/proc/{pid} socket:[4711]\0").into_bytes()).collect();
    seeds.push([&[0], &one[..], &pids, b"\0"].concat());
    let rows = many(&[&row[..], b"\0"].concat(), 2 << 20);
    let named = [
        record("holders", b""),
        b"/proc/812/fd/7 socket:[4711]\0\0".to_vec(),
        record("pid", b"812"),
        record("comm", &many(b"n", 8000)),
    ]
    .concat();
    seeds.push([&[0], &record("table", b"tcp")[..], &rows, b"\0", &named].concat());
    seeds
}

pub(in super::super) const TOKENS: &[&[u8]] = &[
    MARKER,
    END,
    b"\0",
    b"\0\0",
    b"pid\0",
    b"stat\0",
    b"exe\0",
    b"comm\0",
    b"cmdline\0",
    b"uid\0",
    b"image\0",
    b"sha256\0",
    b"table\0tcp\0",
    b"table\0udp6\0",
    b"holders\0\0",
    b"unreadable\0",
    b"hit\0f\0",
    b"hit\0d\0",
    b"path\0/",
    b"content\0",
    b"entry\0",
    b"entry\0crontab\0",
    b"entry\0systemd_unit\0",
    b"engine\0nftables\0",
    b"engine\0ufw\0",
    b"rules\0",
    b"exit\x000\0",
    b"idle\0",
    b"session\0",
    b"utmp\0",
    b"own_session\0",
    b"accounts\0",
    b"time\0",
    b"boot\0",
    b"ticks\0",
    b"machine\0s390x\0",
    b"os\0PRETTY_NAME=\"",
    b"ip\0",
    b"inet ",
    b"inet6 ",
    b"Id=",
    b"Name=",
    b"Class=user",
    b"State=closing",
    b"Timestamp=Tue 2026-11-24 10:00:00 UTC",
    b" (deleted)",
    b"(",
    b")",
    b"/proc/1/fd/1 socket:[1]",
    b"socket:[",
    b"]",
    b"0100007F:1F90",
    b"00000000000000000000000001000000:0016",
    b" 0A ",
    b" 01 ",
    b"[Service]",
    b"ExecStart=",
    b"\\\n",
    b"@reboot ",
    b"* * * * * ",
    b"table inet x {",
    b"chain y {",
    b"}",
    b"dport ",
    b"{ ",
    b"-A ",
    b" -j ",
    b" --dports ",
    b"*filter",
    b":INPUT DROP",
    b"ALLOW",
    b"/tcp",
    b".torrent",
    b".fastresume",
    b"resume.dat",
    b"\xc3\xa4",
    b"\xe2\x82\xac",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"\x1b[2J",
];
