//! What PowerShell and commands print on a Windows endpoint that may be an attacker's.

use std::fs;
use std::path::Path;

use collector::fuzzing::{Reading, read_answers, read_rows};
use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;

use super::script_output::rows::rows;
use super::seeds::many;
use super::{assert_one_line, way};

const MARKER: &[u8] = b"PEERHOUND-1\r\n";
const END: &[u8] = b"PEERHOUND-END\r\n";
/// Between the outputs of commands.
const NEXT: u8 = 0x1e;

/// Longest output whose rows are looked at one by one.
const LOOKED_AT: usize = 64 << 10;

/// Bits of an input's second byte.
mod flag {
    /// The output stands as it is; else marker and end are put around it.
    pub(super) const BARE: u8 = 1;
    /// Caps are a few rows.
    pub(super) const TIGHT: u8 = 2;
    /// Outputs of commands, in the order of the catalogue, and not that of PowerShell.
    pub(super) const COMMANDS: u8 = 4;
    /// The code page that commands print in is another one.
    pub(super) const PAGES: u8 = 24;
}

/// What a Windows endpoint prints. The first byte says for which artifact, the second one how.
///
/// - The same output read twice is the same; it is written as JSON that reads as its rows.
/// - No more rows than the cap, and a cap that was reached or an end that is missing shows: never `ok`.
/// - Reasons are listed for everything but `ok`, are capped, and are one line each.
/// - Every text of a row is capped, whatever the endpoint sends.
pub fn windows_output(data: &[u8]) -> u64 {
    let [kind, flags, rest @ ..] = data else { return 0 };
    let kinds = kinds();
    let kind = kinds[usize::from(*kind) % kinds.len()];
    let limits = match flags & flag::TIGHT {
        0 => Limits::default(),
        _ => Limits { rows: 3, depth: 4, torrent_bytes: 1 << 10, hash_bytes: 1 << 10, ..Limits::default() },
    };
    let read = || match flags & flag::COMMANDS {
        0 if flags & flag::BARE == 0 => read_rows(kind, &[MARKER, rest, END].concat(), &limits),
        0 => read_rows(kind, rest, &limits),
        _ => {
            let outputs: Vec<&[u8]> = rest.split(|&byte| byte == NEXT).take(20).collect();
            let page = [None, Some(850), Some(936), Some(1252)][usize::from((flags & flag::PAGES) >> 3)];
            read_answers(kind, &outputs, page, &limits)
        }
    };
    let reading = read().expect("memory is read");
    holds(&reading, &limits);
    if flags & (flag::COMMANDS | flag::BARE) == flag::BARE
        && !rest.ends_with(b"END")
        && !contains(rest, b"PEERHOUND-END")
    {
        assert_ne!(reading.status, ArtifactStatus::Ok, "without an end");
    }
    if rest.len() <= LOOKED_AT {
        let again = read().expect("memory is read");
        assert_eq!((reading.status, &reading.reasons), (again.status, &again.reasons));
        assert_eq!(reading.json().expect("JSON"), again.json().expect("JSON"), "read twice");
        rows(kind, &reading);
    }
    let items = "x".repeat(reading.items.min(6) as usize);
    way(&format!("{kind:?} {} {:?} {items} {:?}", flags & flag::COMMANDS, reading.status, reading.reasons))
}

/// What Windows is asked for: for a verdict, and then for the deeper look.
fn kinds() -> Vec<ArtifactKind> {
    let deeper = ArtifactKind::FORENSIC.into_iter().filter(|kind| !ArtifactKind::LINUX_ALONE.contains(kind));
    ArtifactKind::ALL.into_iter().chain(deeper).collect()
}

fn holds(reading: &Reading, limits: &Limits) {
    assert!(reading.items <= limits.rows.max(1), "{} rows of at most {}", reading.items, limits.rows);
    assert!(reading.reasons.len() <= 60, "{} reasons", reading.reasons.len());
    // Some say what else is to be known where nothing is missing.
    assert!(reading.status == ArtifactStatus::Ok || !reading.reasons.is_empty(), "{:?}", reading.status);
    for reason in &reading.reasons {
        assert_one_line(reason);
        assert!(reason.len() < 4096, "{} bytes of a reason", reason.len());
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The outputs that the parsers' own tests read, and hostile ones.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let samples =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/collector/src/artifact/windows/samples");
    let sample = |name: &str| fs::read(samples.join(name)).unwrap_or_default();
    let mut seeds = Vec::new();
    for (index, kind) in kinds().into_iter().enumerate() {
        let index = u8::try_from(index).unwrap_or_default();
        let printed = sample(&format!("{}.ndjson", kind.as_str()));
        seeds.push([&[index, flag::BARE], printed.as_slice()].concat());
        let commands: &[&str] = match kind {
            ArtifactKind::Identity => &[
                "",
                "",
                "",
                "ipconfig-de.txt",
                "reg-tcpip.txt",
                "reg-version.txt",
                "quser-de.txt",
                "tasklist-v-de.csv",
                "wmic-os.txt",
            ],
            ArtifactKind::Connections => {
                &["netstat-de.txt", "tasklist.csv", "wmic-process.txt", "netstat-b-de.txt"]
            }
            ArtifactKind::Processes => &["tasklist-v-de.csv", "wmic-process.txt"],
            ArtifactKind::Autostart => &[
                "reg-winlogon.txt",
                "",
                "",
                "",
                "",
                "",
                "",
                "reg-users.txt",
                "",
                "reg-approved-users.txt",
                "dir-prefetch.txt",
                "wmic-startup.txt",
                "reg-services-images.txt",
                "reg-services-starts.txt",
                "reg-services-accounts.txt",
                "schtasks-de.csv",
            ],
            ArtifactKind::Firewall => &["reg-firewall.txt"],
            ArtifactKind::Neighbors => &["arp-de.txt", "netsh-neighbors-de.txt"],
            ArtifactKind::DnsCache => &["displaydns-de.txt"],
            ArtifactKind::Prefetch => &["dir-prefetch.txt", "wmic-datafile.txt"],
            ArtifactKind::Programs => &["reg-uninstall.txt", "", "reg-uninstall-users.txt"],
            ArtifactKind::Torrents => &["mountvol-de.txt", "dir-files.txt", "dir-folders.txt"],
            ArtifactKind::Logins => &[
                "wevtutil-4624.txt",
                "wevtutil-4625.txt",
                "",
                "wevtutil-4672.txt",
                "wevtutil-4648.txt",
                "wevtutil-sessions.txt",
                "wevtutil-starts.txt",
            ],
            ArtifactKind::KernelModules => &[
                "reg-drivers-images.txt",
                "reg-services-types.txt",
                "reg-services-starts.txt",
                "sc-query-de.txt",
            ],
            ArtifactKind::Services => &[
                "reg-drivers-images.txt",
                "reg-services-types.txt",
                "reg-services-starts.txt",
                "reg-services-accounts.txt",
                "reg-services-libraries.txt",
                "sc-query-de.txt",
            ],
            ArtifactKind::NameResolution => &["hosts.txt", "reg-tcpip.txt", "reg-interfaces.txt"],
            ArtifactKind::ScheduledTasks => &["schtasks-xml.txt", "reg-task-tree.txt"],
            ArtifactKind::AuthorizedKeys => &["", "findstr-keys.txt"],
            ArtifactKind::ShellHistories => &["echo-histories.txt"],
            ArtifactKind::RecentExecutables => &["robocopy.txt"],
            ArtifactKind::WmiSubscriptions => {
                &["wmic-filters.txt", "wmic-consumers.txt", "", "", "wmic-bindings.txt"]
            }
            ArtifactKind::RegistryPersistence => {
                &["reg-debuggers.txt", "", "", "", "", "", "", "reg-lsa.txt"]
            }
            ArtifactKind::Accounts => &["wmic-accounts.txt", "wmic-groups.txt", "wmic-members.txt"],
            ArtifactKind::Shares => &["wmic-shares.txt", "net-session-de.txt", "net-use-de.txt"],
            ArtifactKind::Antivirus => &["reg-defender.txt", "", "wmic-antivirus.txt", "wevtutil-1116.txt"],
            ArtifactKind::EventLogs => &[
                "wevtutil-gl.txt",
                "wevtutil-gli.txt",
                "",
                "",
                "",
                "",
                "wevtutil-1102.txt",
                "wevtutil-104.txt",
            ],
            ArtifactKind::TransferJobs => &["wevtutil-59.txt"],
            // Windows keeps no list of them.
            ArtifactKind::PacketSockets | ArtifactKind::Memory => &[],
        };
        let outputs: Vec<Vec<u8>> = commands.iter().map(|name| sample(name)).collect();
        seeds.push([&[index, flag::COMMANDS | 8], outputs.join(&NEXT).as_slice()].concat());
    }
    seeds.extend(hostile());
    seeds
}

/// Little output for much work or memory.
fn hostile() -> Vec<Vec<u8>> {
    let at = |kind: ArtifactKind| {
        let index = kinds().iter().position(|other| *other == kind).unwrap_or_default();
        u8::try_from(index).unwrap_or_default()
    };
    let rows = |kind, body: Vec<u8>| [vec![at(kind), 0], body].concat();
    let command = |kind, body: Vec<u8>| [vec![at(kind), flag::COMMANDS], body].concat();
    let wide = "\u{20ac}".repeat(5_000);
    vec![
        rows(ArtifactKind::Processes, many(b"{\"k\":\"process\",\"pid\":1}\n", 1 << 20)),
        rows(
            ArtifactKind::Processes,
            format!("{{\"k\":\"process\",\"pid\":1,\"name\":\"a{wide}\"}}\n").into_bytes(),
        ),
        rows(ArtifactKind::Identity, many(b"{\"k\":\"quser\",\"line\":\" a 1 x\"}\n", 512 << 10)),
        rows(ArtifactKind::Identity, many(b"{\"k\":\"address\",\"ip\":\"10.0.0.1\"}\n", 512 << 10)),
        rows(ArtifactKind::Identity, [b"{\"k\":".to_vec(), many(b"[", 100_000), b"\n".to_vec()].concat()),
        rows(ArtifactKind::Torrents, many(b"{\"k\":\"hit\",\"path\":\"C:\\\\a.torrent\"}\n", 1 << 20)),
        rows(
            ArtifactKind::Firewall,
            many(b"{\"k\":\"value\",\"key\":\"x\",\"data\":\"v2|LPort=1|\"}\n", 1 << 20),
        ),
        rows(ArtifactKind::Autostart, many(b"{\"k\":\"problem\"}\n", 512 << 10)),
        command(ArtifactKind::Connections, many(b"TCP 1.1.1.1:1 0.0.0.0:0 X 1\n", 1 << 20)),
        command(ArtifactKind::Connections, many(b"TCP a:1 b:2\n", 1 << 20)),
        command(ArtifactKind::Processes, many(b"\"a\",\"1\",\"b\"\n", 1 << 20)),
        command(ArtifactKind::Processes, [vec![NEXT], many(b"A=\nProcessId=1\n", 512 << 10)].concat()),
        // A short line below a long key.
        command(
            ArtifactKind::Firewall,
            [
                b"HKEY_".to_vec(),
                many(b"a", 60 << 10),
                b"\n".to_vec(),
                many(b"    a    REG_SZ    b\n", 512 << 10),
            ]
            .concat(),
        ),
        command(
            ArtifactKind::Autostart,
            [b"HKEY_A\n".to_vec(), many(b"    ", 60 << 10), b"REG_SZ\n".to_vec()].concat(),
        ),
        // One name, and answers without an end below it.
        command(
            ArtifactKind::DnsCache,
            [many(b"a", 60 << 10), b"\n--------\n".to_vec(), many(b" . : x\n . : 1\n . : 1\n\n", 512 << 10)]
                .concat(),
        ),
        command(ArtifactKind::DnsCache, many(b"a\n--------\n", 512 << 10)),
        command(ArtifactKind::Neighbors, many(b"a --- 0x1\n10.0.0.1 00-11-22-33-44-55\n", 512 << 10)),
        command(ArtifactKind::Prefetch, many(b"A-1.pf\n", 512 << 10)),
        command(ArtifactKind::Programs, many(b"HKEY_A\n    DisplayName    REG_SZ    a\nHKEY_B\n", 512 << 10)),
        rows(ArtifactKind::DnsCache, many(b"{\"k\":\"displaydns\",\"line\":\"--------\"}\n", 512 << 10)),
        command(ArtifactKind::Torrents, [vec![NEXT], many(b"C:\\a.torrent\r\n", 1 << 20)].concat()),
        command(ArtifactKind::Torrents, many(b"C:\\a\\\r\n", 512 << 10)),
        // Events and tasks without an end, or with nothing in them.
        command(ArtifactKind::Logins, many(b"<Event <EventID>4624</EventID>", 1 << 20)),
        command(ArtifactKind::Logins, many(b"<Event </Event>", 1 << 20)),
        command(ArtifactKind::ScheduledTasks, many(b"<Task <Actions><Exec>\n", 512 << 10)),
        command(ArtifactKind::ScheduledTasks, many(b"<Task \n<Exec></Exec>\n</Task>\n", 1 << 20)),
        rows(ArtifactKind::ScheduledTasks, many(b"{\"k\":\"tree\",\"path\":\"a\"}\n", 512 << 10)),
        rows(ArtifactKind::Accounts, many(b"{\"k\":\"member\",\"group\":\"S-1-5-32-544\"}\n", 512 << 10)),
        // UTF-16 that ends in the middle of a character.
        command(
            ArtifactKind::Processes,
            [vec![NEXT, 0xff, 0xfe], many(b"A\0=\0\n\0", 64 << 10), vec![0x0a]].concat(),
        ),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"PEERHOUND-1\n",
    b"PEERHOUND-END\n",
    b"\x1e",
    b"\r\r\n",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{\"k\":\"",
    b"\"k\":\"process\"",
    b"\"k\":\"tcp\"",
    b"\"k\":\"value\"",
    b"\"k\":\"hit\"",
    b"\"k\":\"image\"",
    b"\"k\":\"desktop\"",
    b"\"k\":\"quser\"",
    b"\"k\":\"task\"",
    b"\"k\":\"service\"",
    b"\"k\":\"problem\"",
    b"\"k\":\"startup\"",
    b"\"k\":\"neighbor\"",
    b"\"k\":\"dns\"",
    b"\"k\":\"displaydns\"",
    b"\"k\":\"prefetch\"",
    b"\"k\":\"event\"",
    b"\"k\":\"tree\"",
    b"\"k\":\"driver\"",
    b"\"k\":\"program\"",
    b"\"k\":\"hash\"",
    b"\"k\":\"member\"",
    b"\"k\":\"history\"",
    b"\"k\":\"line\"",
    b"<Event ",
    b"</Event>",
    b"<EventID>4624</EventID>",
    b"<Data Name='",
    b"</Task>\n",
    b"S-1-5-32-544",
    b"O:BAG:SY",
    b"SERVICE_NAME: a\n",
    b" 2026/11/30 20:15:07\tC:\\",
    b"    ----------------------------------------\n",
    b" . . : 1\n",
    b"00-11-22-aa-bb-cc",
    b" --- 0xc\n",
    b".EXE-1A2B3C4D.pf",
    b"\\Explorer\\StartupApproved\\Run",
    b"DisplayName",
    b"\"pid\":4242",
    b"\"path\":\"C:\\\\",
    b"\\ud800",
    b"\\ud83d\\ude00",
    b"\\u0000",
    b"\"base64\":\"ZA==\"",
    b"\"hex\":\"00\"",
    b"TCP ",
    b"UDP ",
    b"[::]:0",
    b"*:*",
    b"0.0.0.0:0",
    b"%12",
    b"[a.exe]",
    b"HERGESTELLT",
    b"ABH\x99REN",
    b"\",\"",
    b"\"\"",
    b"ProcessId=",
    b"CommandLine=",
    b"20260302113000.500000+060",
    b"HKEY_USERS\\",
    b"    REG_SZ    ",
    b"    REG_DWORD    0x1",
    b"\\CurrentVersion\\Run",
    b"\\Winlogon",
    b"\\FirewallRules",
    b"v2.30|Action=Allow|",
    b"LPort=6881-6889|",
    b":*:Enabled:",
    b"(Preferred)",
    b": 255.255.255.0",
    b" . : ",
    b">alice ",
    b" console ",
    b".torrent",
    b"resume.dat",
    b"C:\\",
    b"\xc3\xa4",
    b"\x81",
    b"\x1b[2J",
];
