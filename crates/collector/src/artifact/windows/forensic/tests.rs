use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;
use proptest::prelude::*;

use super::super::testing::{answers, console, rows};
use super::*;
use crate::artifact::{Reader, System, find};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../samples/", $name))
    };
}

const ROWS: [(ArtifactKind, &str); 15] = [
    (ArtifactKind::Logins, sample!("logins.ndjson")),
    (ArtifactKind::KernelModules, sample!("kernel_modules.ndjson")),
    (ArtifactKind::NameResolution, sample!("name_resolution.ndjson")),
    (ArtifactKind::ScheduledTasks, sample!("scheduled_tasks.ndjson")),
    (ArtifactKind::AuthorizedKeys, sample!("authorized_keys.ndjson")),
    (ArtifactKind::ShellHistories, sample!("shell_histories.ndjson")),
    (ArtifactKind::RecentExecutables, sample!("recent_executables.ndjson")),
    (ArtifactKind::Services, sample!("services.ndjson")),
    (ArtifactKind::WmiSubscriptions, sample!("wmi_subscriptions.ndjson")),
    (ArtifactKind::RegistryPersistence, sample!("registry_persistence.ndjson")),
    (ArtifactKind::Accounts, sample!("accounts.ndjson")),
    (ArtifactKind::Shares, sample!("shares.ndjson")),
    (ArtifactKind::Antivirus, sample!("antivirus.ndjson")),
    (ArtifactKind::EventLogs, sample!("event_logs.ndjson")),
    (ArtifactKind::TransferJobs, sample!("transfer_jobs.ndjson")),
];

/// The commands' outputs of each kind, by name, as a German system prints them.
fn commands(kind: ArtifactKind) -> Vec<(&'static str, Vec<u8>)> {
    let texts: &[(&str, &str)] = match kind {
        ArtifactKind::Logins => &[
            ("logon", sample!("wevtutil-4624.txt")),
            ("failed", sample!("wevtutil-4625.txt")),
            ("logoff", ""),
            ("privileged", sample!("wevtutil-4672.txt")),
            ("explicit", sample!("wevtutil-4648.txt")),
            ("sessions", sample!("wevtutil-sessions.txt")),
            ("starts", sample!("wevtutil-starts.txt")),
        ],
        ArtifactKind::KernelModules => &[
            ("images", sample!("reg-drivers-images.txt")),
            ("types", sample!("reg-services-types.txt")),
            ("starts", sample!("reg-services-starts.txt")),
            ("active", sample!("sc-query-de.txt")),
        ],
        ArtifactKind::Services => &[
            ("images", sample!("reg-drivers-images.txt")),
            ("types", sample!("reg-services-types.txt")),
            ("starts", sample!("reg-services-starts.txt")),
            ("accounts", sample!("reg-services-accounts.txt")),
            ("libraries", sample!("reg-services-libraries.txt")),
            ("active", sample!("sc-query-de.txt")),
        ],
        ArtifactKind::NameResolution => &[
            ("hosts", sample!("hosts.txt")),
            ("tcpip", sample!("reg-tcpip.txt")),
            ("interfaces", sample!("reg-interfaces.txt")),
            ("winhttp", sample!("reg-winhttp.txt")),
        ],
        ArtifactKind::ScheduledTasks => {
            &[("tasks", sample!("schtasks-xml.txt")), ("tree", sample!("reg-task-tree.txt"))]
        }
        ArtifactKind::AuthorizedKeys => &[("users", sample!("findstr-keys.txt"))],
        ArtifactKind::ShellHistories => &[("histories", sample!("echo-histories.txt"))],
        ArtifactKind::RecentExecutables => &[("users", sample!("robocopy.txt"))],
        ArtifactKind::WmiSubscriptions => &[
            ("filters", sample!("wmic-filters.txt")),
            ("command_lines", sample!("wmic-consumers.txt")),
            ("bindings", sample!("wmic-bindings.txt")),
        ],
        ArtifactKind::RegistryPersistence => &[
            ("lsa", sample!("reg-lsa.txt")),
            ("debuggers", sample!("reg-debuggers.txt")),
            ("session_manager", sample!("reg-session-manager.txt")),
        ],
        ArtifactKind::Accounts => &[
            ("accounts", sample!("wmic-accounts.txt")),
            ("groups", sample!("wmic-groups.txt")),
            ("members", sample!("wmic-members.txt")),
        ],
        ArtifactKind::Shares => &[
            ("shares", sample!("wmic-shares.txt")),
            ("sessions", sample!("net-session-de.txt")),
            ("connections", sample!("net-use-de.txt")),
        ],
        ArtifactKind::Antivirus => &[
            ("settings", sample!("reg-defender.txt")),
            ("products", sample!("wmic-antivirus.txt")),
            ("detections", sample!("wevtutil-1116.txt")),
        ],
        ArtifactKind::EventLogs => &[
            ("security", sample!("wevtutil-gl.txt")),
            ("security_info", sample!("wevtutil-gli.txt")),
            ("security_cleared", sample!("wevtutil-1102.txt")),
            ("system_cleared", sample!("wevtutil-104.txt")),
        ],
        ArtifactKind::TransferJobs => &[("begun", sample!("wevtutil-59.txt"))],
        _ => &[],
    };
    texts.iter().map(|(name, text)| (*name, console(text))).collect()
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
    for (kind, _) in ROWS {
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
fn silence_is_never_a_clean_bill() {
    for (kind, _) in ROWS {
        let silent = rows(kind, b"'powershell.exe' is not recognized\r\n", &Limits::default());
        assert_eq!(silent.status, ArtifactStatus::Failed, "{kind:?}");
        let silent = answers(kind, &[], &Limits::default());
        assert!(!matches!(silent.status, ArtifactStatus::Ok), "{kind:?}");
    }
}

#[test]
fn rows_are_capped_everywhere() {
    let limits = Limits { rows: 1, ..Limits::default() };
    for (kind, output) in ROWS {
        let read = rows(kind, output.as_bytes(), &limits);
        assert_eq!(
            (read.parsed.items(), read.status),
            (1, ArtifactStatus::Truncated),
            "{kind:?} {:?}",
            read.reasons
        );
        let outputs = commands(kind);
        let read = answers(kind, &borrowed(&outputs), &limits);
        assert!(read.parsed.items() <= 1, "{kind:?}");
    }
}

#[test]
fn what_powershell_could_not_ask_is_said() {
    let output = "PEERHOUND-1\n{\"k\":\"problem\",\"what\":\"Security\",\"why\":\"Zugriff\\u001b[2J verweigert\"}\nPEERHOUND-END\n";
    for (kind, _) in ROWS {
        let read = rows(kind, output.as_bytes(), &Limits::default());
        let said =
            read.reasons.iter().any(|reason| reason.starts_with("Security could not be asked: Zugriff"));
        assert!(said && read.status != ArtifactStatus::Ok, "{kind:?} {:?}", read.reasons);
        assert!(read.reasons.iter().all(|reason| !reason.contains('\u{1b}')));
    }
}

#[test]
fn identifiers_are_spelled_as_windows_spells_them() {
    let sid = "S-1-5-21-1004336348-1177238915-682003330-512";
    let bytes = "1 5 0 0 0 0 0 5 21 0 0 0 220 244 220 59 131 61 43 70 130 139 166 40 0 2 0 0";
    assert_eq!(sid_of_numbers(bytes).as_deref(), Some(sid));
    assert_eq!(sid_of_numbers(&format!("{{{}}}", bytes.replace(' ', ","))).as_deref(), Some(sid));
    for odd in ["", "1", "1 5 0 0 0 0 0 5 21", "1 1 0 0 0 0 0 5 18 0 0 0 0", "999 1 0 0 0 0 0 5 18 0 0 0"] {
        assert_eq!(sid_of_numbers(odd), None, "{odd}");
    }
    assert_eq!(owner_of_sddl(&format!("O:{sid}G:DUD:AI(A;ID;FA;;;SY)")).as_deref(), Some(sid));
    assert_eq!(owner_of_sddl("O:BAG:SYD:").as_deref(), Some("S-1-5-32-544"));
    assert_eq!((owner_of_sddl(""), owner_of_sddl("O:é")), (None, None));
}

#[test]
fn no_history_is_opened_and_every_way_looks_for_the_same_endings() {
    let script = super::super::super::windows::forensic::script::shell_histories();
    for word in ["Get-Content", "ReadAll", "Select-String"] {
        assert!(!script.contains(word), "{word}");
    }
    let script = script::recent_executables();
    assert!(script.contains("$endings = '[.](exe|dll|") && script.contains("$days = 30"), "{script}");
    let line = recent_executables::list_line("robocopy_users").unwrap();
    assert!(line.contains(" *.exe ") && line.contains(" /l /s /maxage:30 "), "{line}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_output_of_commands_is_read_within_the_caps(
        kind in proptest::sample::select(ROWS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>()),
        noise in "(\\PC|\\n|<Event |</Event>|<Task |</Task>|<EventID>|Name=|\\\\\\\\|HKEY_USERS\\\\|    a    REG_SZ    |: |\"){0,80}",
        at in 0usize..10_000,
    ) {
        let artifact = find(kind, System::Windows).unwrap();
        let Some(Reader::Commands { commands: all, .. }) = artifact.readers.get(1) else { panic!("another way") };
        let mut outputs = commands(kind);
        for (_, output) in &mut outputs {
            let at = at % (output.len() + 1);
            output.splice(at..at, noise.bytes());
        }
        prop_assert!(outputs.iter().all(|(name, _)| all.iter().any(|command| command.name == *name)));
        let limits = Limits { rows: 5, ..Limits::default() };
        let read = answers(kind, &borrowed(&outputs), &limits);
        prop_assert!(read.parsed.items() <= 5);
        prop_assert!(read.status == ArtifactStatus::Ok || !read.reasons.is_empty());
    }

    #[test]
    fn any_output_of_powershell_is_read_within_the_caps(
        kind in proptest::sample::select(ROWS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>()),
        noise in "(\\PC|\\n|[{}\":,]|\"k\":\"(event|task|tree|image|service|driver|hash|program|member|user|value|line|file)\"){0,120}",
        at in 0usize..10_000,
    ) {
        let (_, sample) = ROWS.into_iter().find(|(other, _)| *other == kind).unwrap();
        let (before, after) = sample.split_at(sample.floor_char_boundary(at % sample.len()));
        let limits = Limits { rows: 5, ..Limits::default() };
        let read = rows(kind, [before, &noise, after].concat().as_bytes(), &limits);
        prop_assert!(read.parsed.items() <= 5);
        prop_assert!(read.status == ArtifactStatus::Ok || !read.reasons.is_empty());
    }
}
