//! What the deeper look found on a machine with Windows.

use super::done::{part, rows, text};
use super::sample::{at, done, windows};
use super::*;

fn page(text: &str) -> String {
    let (sample, ..) = done("x");
    let (evidence, collection) = windows(text);
    let deeper = Deeper::Read { evidence: &evidence, collection: &collection };
    html(&Subject { deeper, written_at: at("09:30:00"), ..sample.subject() })
}

#[test]
fn what_says_most_is_on_top_of_each_list_of_windows() {
    let page = page("evil.exe");
    let part = part(&page, "deeper");
    for (caption, starts) in [
        ("1 row, taken before everything else", &["artifacts/memory.lime 5eed"][..]),
        (
            "3 rows, what it found first",
            &["detection Trojan:Win32/Wacatac evil.exe – evil.exe", "exclusion path", "setting Disable"],
        ),
        (
            "4 rows, those that need no password first",
            &[
                "evil.exe no password",
                "helpdesk – administrators, remote desktop",
                "alice",
                "Guest no password disabled",
            ],
        ),
        (
            "1 row, what hides first",
            &[r"\Microsoft\Windows\Sync not listed windows_task – – evil.exe LogonTrigger"],
        ),
        (
            "4 rows, those without a good signature first",
            &[
                "WinHelp32 NotSigned CN=Microsoft Windows auto Running LocalSystem evil.exe ab12",
                "Manual NotSigned",
                "Unread – auto",
                "Spooler valid CN=Microsoft Windows",
            ],
        ),
        (
            "2 rows, those of single users first",
            &[r"debugger logon evil.exe CORP\alice", "debugger sethc.exe"],
        ),
        (
            "3 rows, consumers that run something first",
            &[
                "consumer Updater CommandLineEventConsumer evil.exe S-1-5-21",
                "consumer Updater NTEventLog",
                "filter",
            ],
        ),
        ("2 rows, those that run a program first", &["Font cache evil.exe evil.exe", "Edge update –"]),
        (
            "1 row, logins from elsewhere first",
            &[
                r"login 2026-03-02 08:05:00 CORP\alice 198.51.100.7 – Security remote_interactive evil.exe dc1",
            ],
        ),
        (
            "4 rows, sessions from elsewhere first",
            &[
                "session 198.51.100.7 evil.exe evil.exe 4711",
                r"connection \\nas\public",
                "share films",
                "share C$",
            ],
        ),
        (
            "3 rows, those that were cleared first",
            &["Security cleared 31", "Microsoft-Windows-PowerShell/Operational off", "System –"],
        ),
        (
            "2 rows, those that hide first, then those without a good signature",
            &["rwdrv – HashMismatch boot Running evil.exe", "disk – valid"],
        ),
    ] {
        let rows = rows(part, caption);
        assert_eq!(rows.len(), starts.len(), "{caption}: {rows:#?}");
        for (row, start) in rows.iter().zip(starts) {
            assert!(row.starts_with(start), "{caption}: {row} and not {start}");
        }
    }
    let said = text(part);
    assert!(said.contains("✕ broken off"), "an image that is not whole says so: {said}");
    // Of what has a list, nothing stands among the rest; of what was asked for and is not there, the heading says so.
    let rest = said.split("What else lies in the second container").nth(1).expect("the rest");
    assert!(rest.contains("processes") && !rest.contains("services"), "{rest}");
    assert!(said.contains("Sockets that see packets as they are It could not be had"), "{said}");
}

#[test]
fn every_kind_of_the_deeper_look_has_a_list() {
    let (evidence, collection) = windows("x");
    let (sample, linux, _) = done("x");
    for evidence in [evidence, linux] {
        let deeper = Deeper::Read { evidence: &evidence, collection: &collection };
        let page = html(&Subject { deeper, ..sample.subject() });
        let said = text(part(&page, "deeper"));
        let rest = said.split("What else lies in the second container").nth(1).expect("the rest");
        for kind in ArtifactKind::FORENSIC {
            assert!(!rest.contains(&kind.parsed_entry()), "{kind:?} is only counted");
        }
    }
}
