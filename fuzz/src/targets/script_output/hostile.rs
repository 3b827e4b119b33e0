//! Output as an attacker would print it.

use data_encoding::BASE64;

use super::super::seeds::{many, record};

/// Output that an attacker would write: little of it, for much work or memory.
pub(super) fn hostile() -> Vec<Vec<u8>> {
    let big = |kind: u8, parts: &[Vec<u8>]| [vec![kind, 0], parts.concat()].concat();
    let wide = "\u{20ac}".repeat(5_000);
    let mut sessions = Vec::new();
    for n in 0..30_000 {
        sessions.extend(record("own_session", format!("{n}").as_bytes()));
    }
    for _ in 0..30_000 {
        sessions.extend(record("session", b"Id=29999\nName=a\n"));
    }
    let resume: Vec<u8> =
        (0..1000).flat_map(|n| format!("9:{n:09}d4:info20:{}e", "h".repeat(20)).into_bytes()).collect();
    let resume = BASE64.encode(&[b"d".to_vec(), resume, b"e".to_vec()].concat()).into_bytes();
    let path = [many(b"a", 300_000), b"/utorrent/resume.dat".to_vec()].concat();
    vec![
        // A name whose cap falls into a character.
        big(b'i', &[record("session", format!("Id=1\nName=a{wide}\nRemoteHost=a{wide}\n").as_bytes())]),
        big(b'i', &[sessions]),
        big(b'i', &[many(&record("own_cgroup", b"session-1.scope"), 512 << 10)]),
        big(b'i', &[record("ip", &many(b"1: a inet 10.0.0.5/8\n", 1 << 20))]),
        big(b'i', &[many(&record("ip", b"x inet 10.0.0.5"), 512 << 10)]),
        // One long answer, asked for again and again.
        big(
            b'f',
            &[
                record("engine", b"iptables"),
                record("rules", &many(b"-A a -j b\n", 512 << 10)),
                many(&record("exit", b"0"), 64 << 10),
            ],
        ),
        // A long name for each of many rules.
        big(
            b'f',
            &[
                record("engine", b"nftables"),
                record(
                    "rules",
                    &[
                        b"table ".to_vec(),
                        many(b"a", 256 << 10),
                        b" {\nchain x {\n".to_vec(),
                        many(b"b\n", 256 << 10),
                    ]
                    .concat(),
                ),
                record("exit", b"0"),
            ],
        ),
        big(
            b'f',
            &[
                record("engine", b"iptables"),
                record(
                    "rules",
                    &[b"*".to_vec(), many(b"a", 256 << 10), b"\n".to_vec(), many(b"-A b\n", 256 << 10)]
                        .concat(),
                ),
                record("exit", b"0"),
            ],
        ),
        // Many torrents under one long path.
        big(
            b't',
            &[
                record("hit", b"f"),
                record("path", &[b"/".to_vec(), path].concat()),
                record("content", &resume),
            ],
        ),
        big(b't', &[many(&[record("hit", b"f"), record("path", b"/a.torrent")].concat(), 1 << 20)]),
        big(
            b'p',
            &[many(
                &[record("pid", b"1"), record("stat", b"1 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1")]
                    .concat(),
                1 << 20,
            )],
        ),
        big(b'p', &[many(&record("cmdline", &[0x1f; 1000]), 1 << 20)]),
        big(
            b'a',
            &[
                record("entry", b"crontab"),
                record("path", &many(b"a", 100_000)),
                record("content", &many(b"@a b c\n", 100_000)),
            ],
        ),
        big(
            b'a',
            &[
                record("entry", b"systemd_unit"),
                record("content", &[b"[Service]\nExecStart=".to_vec(), many(b"a\\\n", 120_000)].concat()),
            ],
        ),
    ]
}
