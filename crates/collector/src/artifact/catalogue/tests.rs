use std::collections::BTreeSet;

use super::*;
use crate::artifact::find;

#[test]
fn the_catalogue_is_whole_and_its_ids_are_unique() {
    for file in FILES {
        read(file).unwrap();
    }
    let ids: BTreeSet<_> = catalogue().iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids.len(), catalogue().len());
    for kind in ArtifactKind::ALL {
        let windows_alone = matches!(kind, ArtifactKind::DnsCache | ArtifactKind::Prefetch);
        assert_eq!(find(kind, System::Linux).is_none(), windows_alone, "{kind:?} for Linux");
        let this_windows = find(kind, System::ThisWindows).or_else(|| find(kind, System::ThisMachine));
        assert!(this_windows.is_some(), "{kind:?} for the machine that the collector runs on");
        let windows = find(kind, System::Windows).unwrap();
        let ways: Vec<_> = windows.ways().filter(|way| *way != Way::Smb).collect();
        assert_eq!(ways, [Way::PowerShell, Way::Command], "{}", windows.id);
        // It knows neither what runs nor what is connected, and what is volatile besides.
        let untold = matches!(
            kind,
            ArtifactKind::Processes
                | ArtifactKind::Connections
                | ArtifactKind::Neighbors
                | ArtifactKind::DnsCache
                | ArtifactKind::Prefetch
        );
        let told = !untold;
        assert_eq!(windows.ways().any(|way| way == Way::Smb), told, "{}", windows.id);
    }
    for kind in ArtifactKind::FORENSIC {
        let (linux, windows) = (find(kind, System::Linux), find(kind, System::Windows));
        assert_eq!(linux.is_none(), ArtifactKind::WINDOWS_ALONE.contains(&kind), "{kind:?} for Linux");
        assert_eq!(windows.is_none(), ArtifactKind::LINUX_ALONE.contains(&kind), "{kind:?} for Windows");
        if let Some(windows) = windows {
            assert_eq!(windows.ways().collect::<Vec<_>>(), [Way::PowerShell, Way::Command], "{}", windows.id);
        }
        assert!(!ArtifactKind::ALL.contains(&kind));
    }
    for artifact in catalogue() {
        let place =
            ArtifactKind::ALL.iter().chain(&ArtifactKind::FORENSIC).position(|kind| *kind == artifact.kind);
        // Before all others, where it is wanted.
        let place = if artifact.kind == ArtifactKind::Memory { Some(0) } else { place };
        assert_eq!(Some(artifact.volatility), place, "{}: collected in this order", artifact.id);
        assert!(artifact.caps.seconds > 0 && artifact.caps.bytes >= 1 << 20, "{}", artifact.id);
        assert!(artifact.purpose.len() > 20 && !artifact.purpose.contains('\n'), "{}", artifact.id);
        let system = match artifact.system {
            System::Linux => "Linux.",
            System::Windows => "Windows.",
            System::ThisMachine | System::ThisWindows => "ThisMachine.",
        };
        assert!(artifact.id.starts_with(system), "{}", artifact.id);
    }
}

#[test]
fn what_a_file_does_not_know_is_refused() {
    let file = |more: &str, way: &str| {
        format!(
            "system = \"linux\"\n[[artifact]]\nid = \"X\"\nkind = \"identity\"\nvolatility = 0\npurpose = \"p\"\n\
             cost = \"light\"\ncaps = {{ seconds = 1, bytes = 1 }}\n{more}\nway = [{way}]\n"
        )
    };
    let shell = r#"{ kind = "shell", script = "identity.sh", parser = "linux_identity" }"#;
    assert!(read(&file("", shell)).is_ok());
    for (more, way) in [
        ("weight = 1", shell),
        ("", ""),
        ("", r#"{ kind = "shell", script = "identity.sh", parser = "linux_identity", sudo = true }"#),
        ("", r#"{ kind = "shell", script = "other.sh", parser = "linux_identity" }"#),
        ("", r#"{ kind = "shell", script = "identity.sh", parser = "other" }"#),
        ("", r#"{ kind = "shell", parser = "linux_identity" }"#),
        ("", r#"{ kind = "native", parser = "linux_identity" }"#),
        ("", r#"{ kind = "smb", script = "identity.sh" }"#),
        ("", r#"{ kind = "magic" }"#),
        ("", r#"{ kind = "command", parser = "windows_identity_answers" }"#),
        ("", r#"{ kind = "command", parser = "windows_identity_answers", command = [{ name = "a" }] }"#),
        ("", r#"{ kind = "command", parser = "linux_identity", command = [{ name = "a", line = "a" }] }"#),
    ] {
        assert!(read(&file(more, way)).is_err(), "{more} {way}");
    }
}

#[test]
fn scripts_are_framed_and_small_enough_for_one_channel_window() {
    for artifact in catalogue() {
        for reader in &artifact.readers {
            let (script, begin, end) = match reader {
                Reader::Shell { script, .. } => (script, "{\n", "exit 0\n}\n"),
                Reader::PowerShell { script, .. } => (script, "$ProgressPreference", "'PEERHOUND-END'\n"),
                Reader::Commands { .. } | Reader::Native | Reader::Smb | Reader::Tool => continue,
            };
            assert!(script.starts_with(begin) && script.ends_with(end), "{}", artifact.id);
            assert!(script.len() < 16 << 10, "{}: {} bytes", artifact.id, script.len());
            assert!(script.is_ascii() && !script.contains('\0'), "{}", artifact.id);
        }
    }
}

#[test]
fn command_lines_mean_the_same_behind_one_shell_and_behind_two() {
    for artifact in catalogue() {
        let mut names = BTreeSet::new();
        for reader in &artifact.readers {
            let Reader::Commands { commands, .. } = reader else { continue };
            assert!(commands.iter().any(|command| !command.spare), "{}", artifact.id);
            for Command { name, line, .. } in commands {
                assert!(
                    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                    "{name}"
                );
                assert!(names.insert(name), "{}: {name} is there twice", artifact.id);
                assert!(
                    line.is_ascii() && !line.contains(['\n', '\r', '\0', '&', '|', '<', '>', '^']),
                    "{line}"
                );
                // Where no shell is, a line is a program of Windows' own folder and plain words.
                if artifact.system == System::ThisWindows {
                    assert!(!line.contains(['"', '%', '\\', '.', '\'']), "{line}");
                }
                assert!(!(line.contains('"') && line.contains(['%', '(', ')'])), "{line}");
                assert!(line.matches('"').count() % 2 == 0, "{line}");
                // cmd.exe takes 8,191 characters, with what a transport puts before them.
                assert!(line.len() < 7_500, "{name}: {} characters", line.len());
            }
        }
    }
}

/// No PowerShell runs where these tests do: what a reviewer would look for is looked for here.
#[test]
fn powershell_scripts_keep_to_what_locked_down_endpoints_allow() {
    for artifact in catalogue() {
        for reader in &artifact.readers {
            let Reader::PowerShell { script, .. } = reader else { continue };
            let mut depth = [0i32; 2];
            let mut guard = None;
            for (number, line) in script.lines().enumerate() {
                let code = line.trim_start();
                if code.starts_with('#') {
                    continue;
                }
                let indent = line.len() - code.len();
                if guard.is_some_and(|outer| indent <= outer && code.starts_with('}')) {
                    guard = None;
                }
                if code.starts_with("if ($full) {") && !code.ends_with('}') {
                    guard = Some(indent);
                }
                // Types beyond the core ones are refused by constrained language mode, so that they are used only
                // where `$full` says that the mode is another.
                let types = ["[IO.", "[System.", "[Convert]", "[Console]", "New-Object", "Add-Type"];
                if types.iter().any(|word| code.contains(word)) {
                    assert!(
                        guard.is_some() || code.contains("$full"),
                        "{} line {}: {code}",
                        artifact.id,
                        number + 1
                    );
                }
                for (index, pair) in ["{}", "()"].iter().enumerate() {
                    let (open, close) = pair.split_at(1);
                    depth[index] += code.matches(open).count() as i32 - code.matches(close).count() as i32;
                }
                for word in [
                    "Set-",
                    "Remove-",
                    "Stop-",
                    "New-Item",
                    "Out-File",
                    "Start-Process",
                    "Invoke-Web",
                    "&&",
                    "?.",
                ] {
                    assert!(!code.contains(word), "{} line {}: {code}", artifact.id, number + 1);
                }
            }
            assert_eq!(depth, [0, 0], "{}: braces and parentheses are closed", artifact.id);
            let quotes = script.lines().filter(|line| !line.trim_start().starts_with('#'));
            let quotes: usize = quotes.map(|line| line.matches('\'').count()).sum();
            assert_eq!(quotes % 2, 0, "{}", artifact.id);
        }
    }
}
