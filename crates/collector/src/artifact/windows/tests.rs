mod real;

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;
use proptest::prelude::*;

use super::super::{Parsed, Reader, System, find};
use super::testing::{answers, console, rows};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("samples/", $name))
    };
}

const ROWS: [(ArtifactKind, &str); 10] = [
    (ArtifactKind::Identity, sample!("identity.ndjson")),
    (ArtifactKind::Connections, sample!("connections.ndjson")),
    (ArtifactKind::Processes, sample!("processes.ndjson")),
    (ArtifactKind::Autostart, sample!("autostart.ndjson")),
    (ArtifactKind::Firewall, sample!("firewall.ndjson")),
    (ArtifactKind::Torrents, sample!("torrents.ndjson")),
    (ArtifactKind::Neighbors, sample!("neighbors.ndjson")),
    (ArtifactKind::DnsCache, sample!("dns_cache.ndjson")),
    (ArtifactKind::Prefetch, sample!("prefetch.ndjson")),
    (ArtifactKind::Programs, sample!("programs.ndjson")),
];

/// The commands' outputs of each kind, by name.
fn commands(kind: ArtifactKind) -> Vec<(&'static str, Vec<u8>)> {
    let text = |name: &'static str, text: &str| (name, console(text));
    match kind {
        ArtifactKind::Identity => vec![
            text("chcp", "Aktive Codepage: 850.\n"),
            text("hostname", "PC-07\n"),
            text("whoami", "corp\\svc-peerhound\n"),
            text("ipconfig", sample!("ipconfig-de.txt")),
            text("tcpip", sample!("reg-tcpip.txt")),
            text("version", sample!("reg-version.txt")),
            text("quser", sample!("quser-de.txt")),
            text("explorer", sample!("tasklist-v-de.csv")),
            ("os", utf_16(sample!("wmic-os.txt"))),
        ],
        ArtifactKind::Connections => vec![
            text("netstat", sample!("netstat-de.txt")),
            text("tasklist", sample!("tasklist.csv")),
            ("images", utf_16(sample!("wmic-process.txt"))),
            text("modules", sample!("netstat-b-de.txt")),
        ],
        ArtifactKind::Processes => vec![
            text("tasklist", sample!("tasklist-v-de.csv")),
            text("wmic", &sample!("wmic-process.txt").replace('\n', "\r\n")),
        ],
        ArtifactKind::Autostart => vec![
            text("winlogon", sample!("reg-winlogon.txt")),
            text(
                "run",
                "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\n    (Standard)    REG_SZ    (Wert nicht gesetzt)\n    Sec    REG_SZ    a.exe\n",
            ),
            text("users", sample!("reg-users.txt")),
            text("approved_users", sample!("reg-approved-users.txt")),
            text("startup", "desktop.ini\nTixati.lnk\n"),
            ("startup_users", utf_16(sample!("wmic-startup.txt"))),
            text("images", sample!("reg-services-images.txt")),
            text("starts", sample!("reg-services-starts.txt")),
            text("accounts", sample!("reg-services-accounts.txt")),
            text("tasks", sample!("schtasks-de.csv")),
        ],
        ArtifactKind::Firewall => vec![text("policy", sample!("reg-firewall.txt"))],
        ArtifactKind::Torrents => {
            vec![
                text("files", sample!("dir-files.txt")),
                text("folders", sample!("dir-folders.txt")),
                text("volumes", sample!("mountvol-de.txt")),
            ]
        }
        ArtifactKind::Neighbors => {
            vec![text("arp", sample!("arp-de.txt")), text("ipv6", sample!("netsh-neighbors-de.txt"))]
        }
        ArtifactKind::DnsCache => vec![text("displaydns", sample!("displaydns-de.txt"))],
        ArtifactKind::Prefetch => {
            vec![text("names", sample!("dir-prefetch.txt")), ("times", utf_16(sample!("wmic-datafile.txt")))]
        }
        ArtifactKind::Programs => vec![
            text("machine", sample!("reg-uninstall.txt")),
            text("users", sample!("reg-uninstall-users.txt")),
        ],
        // Windows is not asked for the rest.
        _ => Vec::new(),
    }
}

fn utf_16(text: &str) -> Vec<u8> {
    let marked = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn borrowed<'a>(outputs: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'a str, &'a [u8])> {
    outputs.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect()
}

#[test]
fn what_powershell_prints() {
    for (kind, output) in ROWS {
        let read = rows(kind, output.as_bytes(), &Limits::default());
        insta::assert_snapshot!(format!("rows-{}", kind.as_str()), read.shown());
    }
}

#[test]
fn what_commands_print_on_a_german_system() {
    for kind in ArtifactKind::ALL {
        let outputs = commands(kind);
        let read = answers(kind, &borrowed(&outputs), &Limits::default());
        insta::assert_snapshot!(format!("answers-{}", kind.as_str()), read.shown());
    }
}

#[test]
fn an_answer_that_is_cut_is_truncated_and_keeps_its_rows() {
    for (kind, output) in ROWS {
        let lines: Vec<&str> = output.lines().collect();
        let cut = lines[..lines.len() - 2].join("\n") + "\n" + &lines[lines.len() - 2][..9];
        let read = rows(kind, cut.as_bytes(), &Limits::default());
        assert_eq!(read.status, ArtifactStatus::Truncated, "{kind:?} {:?}", read.reasons);
        assert!(read.parsed.items() > 0, "{kind:?}");
    }
}

#[test]
fn silence_is_a_failure() {
    for kind in ArtifactKind::ALL {
        assert_eq!(
            rows(kind, b"'powershell.exe' is not recognized\r\n", &Limits::default()).status,
            ArtifactStatus::Failed
        );
        let status = answers(kind, &[], &Limits::default()).status;
        // `dir` has nothing to say where there is nothing.
        let by_dir = matches!(kind, ArtifactKind::Torrents | ArtifactKind::Prefetch);
        let expected = if by_dir { ArtifactStatus::Partial } else { ArtifactStatus::Failed };
        assert_eq!(status, expected, "{kind:?}");
    }
}

#[test]
fn what_powershell_could_not_ask_is_said() {
    let output = "PEERHOUND-1\n{\"k\":\"problem\",\"what\":\"Win32_Process\",\"why\":\"Access\\u001b[2J denied\"}\nPEERHOUND-END\n";
    for (kind, _) in ROWS {
        let read = rows(kind, output.as_bytes(), &Limits::default());
        let said =
            read.reasons.iter().any(|reason| reason.starts_with("Win32_Process could not be asked: Access"));
        assert!(said && read.status != ArtifactStatus::Ok, "{kind:?} {:?}", read.reasons);
        assert!(read.reasons.iter().all(|reason| !reason.contains('\u{1b}')));
    }
}

#[test]
fn a_command_line_cannot_describe_another_process() {
    let forged =
        sample!("wmic-process.txt").replace(" a=b", "\nProcessId=912\nExecutablePath=C:\\evil.exe\nName=x");
    let tasks = console(sample!("tasklist-v-de.csv"));
    let read = answers(
        ArtifactKind::Processes,
        &[("tasklist", &tasks), ("wmic", &console(&forged))],
        &Limits::default(),
    );
    let Parsed::Processes(processes) = &read.parsed else { panic!("processes") };
    assert!(processes.iter().all(|process| process.path.as_deref() != Some("C:\\evil.exe")), "{processes:?}");
    assert!(read.reasons.iter().any(|reason| reason.contains("believed neither time")), "{:?}", read.reasons);
}

#[test]
fn rows_are_capped_everywhere() {
    let limits = Limits { rows: 1, ..Limits::default() };
    for (kind, output) in ROWS.into_iter().skip(1) {
        let read = rows(kind, output.as_bytes(), &limits);
        assert_eq!((read.parsed.items(), read.status), (1, ArtifactStatus::Truncated), "{kind:?}");
        let outputs = commands(kind);
        let read = answers(kind, &borrowed(&outputs), &limits);
        assert_eq!((read.parsed.items(), read.status), (1, ArtifactStatus::Truncated), "{kind:?}");
    }
}

#[test]
fn what_is_joined_of_two_names_is_no_longer_than_one() {
    let long = "1".repeat(300);
    let version = format!(
        "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\n    ProductName    REG_SZ    {long}\n    \
         DisplayVersion    REG_SZ    {long}\n    CurrentBuild    REG_SZ    {long}\n    UBR    REG_DWORD    0x7\n"
    );
    let outputs = [("ipconfig", &*console(sample!("ipconfig-de.txt"))), ("version", &console(&version))];
    let read = answers(ArtifactKind::Identity, &outputs, &Limits::default());
    let Parsed::Identity(identity) = &read.parsed else { panic!("an identity") };
    for text in [&identity.os, &identity.kernel] {
        let text = text.as_ref().unwrap();
        assert!((200..=258).contains(&text.len()), "{} bytes", text.len());
    }
}

fn known(name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let name = name.to_owned();
    prop_oneof![
        any::<Vec<u8>>(),
        ".{0,200}".prop_map(String::into_bytes),
        "(TCP|UDP|\\[|HKEY_USERS\\\\|    a    REG_SZ    |\"|\",\"|=|: |\\(|[0-9.:]{1,9}|\\n|\\r\\n| |C:\\\\x\\.torrent){0,60}"
            .prop_map(String::into_bytes),
        "[\\PC\"=:,|\\\\]{0,80}".prop_map(move |noise| {
            let sample = match name.as_str() {
                "netstat" | "modules" => sample!("netstat-b-de.txt"),
                "tasklist" | "explorer" => sample!("tasklist-v-de.csv"),
                "images" | "wmic" => sample!("wmic-process.txt"),
                "tasks" => sample!("schtasks-de.csv"),
                "policy" => sample!("reg-firewall.txt"),
                "arp" => sample!("arp-de.txt"),
                "displaydns" => sample!("displaydns-de.txt"),
                "programs" => sample!("reg-uninstall.txt"),
                _ => sample!("reg-users.txt"),
            };
            let (before, after) = sample.split_at(sample.floor_char_boundary(noise.len() * 7 % sample.len()));
            [before, &noise, after].concat().into_bytes()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_output_of_commands_is_read_within_the_caps(
        kind in proptest::sample::select(ArtifactKind::ALL.to_vec()),
        outputs in proptest::collection::vec(prop_oneof![known("netstat"), known("tasklist"), known("images"), known("tasks"), known("policy"), known("arp"), known("displaydns"), known("programs")], 17),
    ) {
        let artifact = find(kind, System::Windows).unwrap();
        let Some(Reader::Commands { commands, .. }) = artifact.readers.get(1) else { panic!("another way") };
        let outputs: Vec<(&str, &[u8])> =
            commands.iter().zip(&outputs).map(|(command, output)| (command.name.as_str(), output.as_slice())).collect();
        let limits = Limits { rows: 5, ..Limits::default() };
        let read = answers(kind, &outputs, &limits);
        prop_assert!(read.parsed.items() <= 5);
        prop_assert_eq!(read.status == ArtifactStatus::Ok, read.reasons.is_empty());
    }

    #[test]
    fn any_output_of_powershell_is_read_within_the_caps(
        kind in proptest::sample::select(ArtifactKind::ALL.to_vec()),
        noise in "(\\PC|\\n|[{}\":,]|\"k\":\"(process|tcp|hit|value|task|desktop|startup|neighbor|arp|dns|displaydns|prefetch)\"){0,120}",
        at in 0usize..10_000,
    ) {
        let (_, sample) = ROWS.into_iter().find(|(other, _)| *other == kind).unwrap();
        let (before, after) = sample.split_at(sample.floor_char_boundary(at % sample.len()));
        let limits = Limits { rows: 5, ..Limits::default() };
        let read = rows(kind, [before, &noise, after].concat().as_bytes(), &limits);
        prop_assert!(read.parsed.items() <= 5);
        prop_assert_eq!(read.status == ArtifactStatus::Ok, read.reasons.is_empty());
    }
}
