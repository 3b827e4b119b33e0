use super::super::registry::testing::Made;
use super::*;

const ALICE: &str = "S-1-5-21-1-2-3-1001";

fn read_all(made: &Made) -> (Vec<AutostartEntry>, ArtifactStatus, Vec<String>) {
    let (rows, tally) = read(made, &Limits::default());
    let (status, reasons) = tally.settle();
    (rows, status, reasons)
}

fn row<'a>(rows: &'a [AutostartEntry], name: &str) -> &'a AutostartEntry {
    rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name} in {rows:#?}"))
}

#[test]
fn run_keys_of_the_machine_and_of_every_user_are_read() {
    let mut made = Made::default();
    made.text(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run", "Updater", r"C:\up.exe");
    made.text(r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce", "Once", "once.exe");
    let policies = r"Software\Microsoft\Windows\CurrentVersion\Policies\Explorer\Run";
    made.text(&format!(r"HKU\{ALICE}\{policies}"), "", "evil.exe");
    let run = format!(r"HKU\{ALICE}\Software\Microsoft\Windows\CurrentVersion\Run");
    made.text(&run, "qBittorrent", r#""C:\Program Files\qBittorrent\qbittorrent.exe" --minimized"#);
    made.text(&format!(r"HKU\{ALICE}\Volatile Environment"), "USERNAME", "alice");

    let (rows, status, reasons) = read_all(&made);
    assert_eq!((rows.len(), status, reasons.len()), (4, ArtifactStatus::Ok, 0), "{rows:#?}");
    let client = row(&rows, "qBittorrent");
    assert_eq!((client.mechanism.as_str(), client.user.as_deref()), ("run_key", Some("alice")));
    assert!(client.location.eq_ignore_ascii_case(&run), "{}", client.location);
    assert!(client.command.as_deref().unwrap().ends_with("--minimized"));
    assert_eq!(client.enabled, Some(true));
    assert_eq!(row(&rows, "(default)").command.as_deref(), Some("evil.exe"));
    assert_eq!(row(&rows, "Updater").user, None);
    assert!(row(&rows, "Once").location.contains("WOW6432Node"));
}

#[test]
fn what_was_switched_off_is_said_to_be_off() {
    let mut made = Made::default();
    let software = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion";
    for name in ["on", "Off", "unknown"] {
        made.text(&format!(r"{software}\Run"), name, "x.exe");
    }
    let approved = format!(r"{software}\Explorer\StartupApproved\Run");
    for (name, state) in [("on", 2), ("off", 3)] {
        made.set(&approved, Value { name: name.into(), kind: 3, bytes: vec![state, 0, 0, 0] });
    }
    let (rows, ..) = read_all(&made);
    let states: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.enabled.unwrap())).collect();
    assert_eq!(states, [("on", true), ("Off", false), ("unknown", true)]);
}

#[test]
fn winlogon_tells_what_it_starts_and_nothing_else() {
    let mut made = Made::default();
    let winlogon = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
    made.text(winlogon, "Shell", "explorer.exe, evil.exe");
    made.text(winlogon, "Userinit", r"C:\Windows\system32\userinit.exe,");
    made.text(winlogon, "DefaultPassword", "secret");
    made.text(winlogon, "System", "");
    made.text(&format!(r"{winlogon}\Notify\hook"), "DllName", "hook.dll");
    made.text(
        &format!(r"HKU\{ALICE}\Software\Microsoft\Windows NT\CurrentVersion\Winlogon"),
        "shell",
        "x.exe",
    );
    let (rows, ..) = read_all(&made);
    assert!(rows.iter().all(|row| row.mechanism == "winlogon"));
    assert_eq!(row(&rows, "Shell").command.as_deref(), Some("explorer.exe, evil.exe"));
    assert_eq!(row(&rows, "HOOK").command.as_deref(), Some("hook.dll"));
    assert_eq!(row(&rows, "shell").user.as_deref(), Some(ALICE), "a user without a name is its SID");
    assert_eq!(rows.len(), 4, "no password: {rows:#?}");
}

#[test]
fn services_are_told_from_drivers_and_name_what_they_load() {
    let mut made = Made::default();
    let service = |made: &mut Made, name: &str, kind, start, image: &str| {
        let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}");
        made.number(&key, "Type", kind);
        made.number(&key, "Start", start);
        made.text(&key, "ImagePath", image);
        key
    };
    service(&mut made, "disk", 1, 0, "disk.sys");
    let key = service(&mut made, "transmission", 0x10, 2, r#""C:\t\transmission-daemon.exe""#);
    made.text(&key, "ObjectName", "LocalSystem");
    let key = service(&mut made, "shared", 0x20, 3, r"C:\Windows\system32\svchost.exe -k netsvcs");
    made.text(&format!(r"{key}\Parameters"), "ServiceDll", "shared.dll");
    made.text(r"HKLM\SYSTEM\CurrentControlSet\Services\settings", "x", "y");
    let (rows, ..) = read_all(&made);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let client = row(&rows, "TRANSMISSION");
    assert_eq!((client.enabled, client.user.as_deref()), (Some(true), Some("LocalSystem")));
    let shared = row(&rows, "SHARED");
    assert_eq!(shared.enabled, Some(false), "on demand");
    assert!(shared.command.as_deref().unwrap().ends_with("(loads shared.dll)"));
}

#[test]
fn what_was_not_read_is_said() {
    let mut made = Made::default();
    made.text(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run", "hidden", "x.exe");
    made.closed.push(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run".into());
    let profiles = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
    made.text(&format!(r"{profiles}\S-1-5-18"), "x", "");
    made.text(&format!(r"{profiles}\{ALICE}"), "x", "");
    let (rows, status, reasons) = read_all(&made);
    assert!(rows.is_empty() && status == ArtifactStatus::Partial, "{rows:?}");
    assert_eq!(
        reasons,
        [
            "1 registry key is closed to this account",
            "1 user is not logged on: what its part of the registry starts is not read"
        ]
    );
}

#[test]
fn rows_and_commands_are_capped() {
    let mut made = Made::default();
    for n in 0..5 {
        let long = "x".repeat(5000);
        made.text(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run", &format!("v{n}"), &long);
    }
    let (rows, tally) = read(&made, &Limits { rows: 3, ..Limits::default() });
    assert_eq!(rows.len(), 3);
    assert!(rows[0].command.as_ref().unwrap().len() < 4200);
    assert_eq!(tally.settle().0, ArtifactStatus::Truncated);
}
