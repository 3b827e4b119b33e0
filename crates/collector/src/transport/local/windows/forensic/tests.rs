use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::super::folders::testing::MadeFolders;
use super::super::registry::testing::Made;
use super::*;

const ALICE: &str = "S-1-5-21-1-2-3-1001";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS helper@evil";

#[derive(Default)]
struct MadeTexts(BTreeMap<String, String>, Vec<String>);

impl Texts for MadeTexts {
    fn text(&self, path: &str) -> io::Result<Text> {
        if self.1.iter().any(|closed| closed == path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let content = self.0.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Text { content, ..Text::default() })
    }
}

fn machine() -> Made {
    let mut made = Made::default();
    made.text(&format!(r"HKU\{ALICE}\Volatile Environment"), "USERNAME", "alice");
    let profiles = format!(r"HKLM\{}", super::super::accounts::PROFILES);
    made.text(&format!(r"{profiles}\{ALICE}"), "ProfileImagePath", r"%SystemDrive%\Users\alice");
    made.text(&profiles, "ProgramData", r"%SystemDrive%\ProgramData");
    made
}

fn settled<T>((rows, tally): (Vec<T>, Tally)) -> (Vec<T>, ArtifactStatus, Vec<String>) {
    let (status, reasons) = tally.settle();
    (rows, status, reasons)
}

#[test]
fn spots_are_read_of_the_machine_and_of_every_loaded_hive() {
    let mut made = machine();
    let options = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options";
    made.text(&format!(r"{options}\sethc.exe"), "Debugger", r"C:\evil.exe");
    made.text(&format!(r"{options}\calm.exe"), "GlobalFlag", "0");
    made.text(&format!(r"HKU\{ALICE}\Environment"), "UserInitMprLogonScript", "a.cmd");
    made.text(&format!(r"HKU\{ALICE}\Environment"), "TEMP", "x");
    let (rows, status, reasons) = settled(registry_persistence(&made, &Limits::default()));
    assert_eq!((rows.len(), status), (2, ArtifactStatus::Ok), "{rows:#?} {reasons:?}");
    assert_eq!(
        (rows[0].mechanism.as_str(), rows[0].command.as_deref()),
        ("image_file_execution", Some(r"C:\evil.exe"))
    );
    assert_eq!((rows[1].mechanism.as_str(), rows[1].user.as_deref()), ("logon_script", Some("alice")));
    let few = Limits { rows: 1, ..Limits::default() };
    assert_eq!(settled(registry_persistence(&made, &few)).1, ArtifactStatus::Truncated);
}

#[test]
fn names_lead_where_files_and_the_registry_say() {
    let mut made = machine();
    made.text(&format!(r"HKLM\{TCPIP}\Parameters"), "DataBasePath", r"%SystemRoot%\System32\drivers\etc");
    made.text(&format!(r"HKLM\{TCPIP}\Parameters\Interfaces\{{1}}"), "NameServer", "203.0.113.53");
    made.text(&format!(r"HKU\{ALICE}\Software\{INTERNET}"), "ProxyServer", "203.0.113.9:3128");
    let mut texts = MadeTexts::default();
    let hosts = r"C:\Windows\System32\drivers\etc\hosts";
    texts.0.insert(hosts.into(), "# own\n203.0.113.66 update.example.com # x\nnonsense\n".into());
    let (rows, status, reasons) = settled(name_resolution(&made, &texts, &Limits::default()));
    assert_eq!(status, ArtifactStatus::Ok, "{reasons:?}");
    let shown: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.value.as_str())).collect();
    for wanted in
        [("host", "203.0.113.66"), ("nameserver", "203.0.113.53"), ("proxy", "ProxyServer=203.0.113.9:3128")]
    {
        assert!(shown.contains(&wanted), "{shown:?}");
    }
    texts.1.push(hosts.into());
    assert_eq!(settled(name_resolution(&made, &texts, &Limits::default())).1, ArtifactStatus::Partial);
    made = machine();
    made.text(&format!(r"HKLM\{TCPIP}\Parameters"), "DataBasePath", r"\\evil\share");
    assert_eq!(settled(name_resolution(&made, &texts, &Limits::default())).1, ArtifactStatus::Partial);
}

#[test]
fn keys_of_administrators_and_of_each_profile_are_read() {
    let made = machine();
    let mut texts = MadeTexts::default();
    texts.0.insert(
        r"C:\ProgramData\ssh\administrators_authorized_keys".into(),
        format!("\u{feff}{KEY}\nbroken\n"),
    );
    texts.0.insert(r"C:\Users\alice\.ssh\authorized_keys".into(), format!("# mine\n{KEY}\n"));
    let config = "AuthorizedKeysFile\t.ssh/authorized_keys\nMatch Group administrators\n  AuthorizedKeysFile __PROGRAMDATA__/ssh/administrators_authorized_keys\n";
    texts.0.insert(r"C:\ProgramData\ssh\sshd_config".into(), config.into());
    let (rows, status, reasons) = settled(authorized_keys(&made, &texts, &Limits::default()));
    assert_eq!((rows.len(), status), (2, ArtifactStatus::Partial), "{rows:#?}");
    assert_eq!(reasons, ["1 line of such files holds no key"]);
    assert_eq!((rows[0].user.as_deref(), rows[1].user.as_deref(), rows[1].line), (None, Some("alice"), 2));
    texts.0.insert(r"C:\ProgramData\ssh\sshd_config".into(), "AuthorizedKeysFile C:/hidden/keys\n".into());
    let (_, _, reasons) = settled(authorized_keys(&made, &texts, &Limits::default()));
    assert!(reasons.iter().any(|reason| reason.contains("C:/hidden/keys")), "{reasons:?}");
}

#[test]
fn histories_are_listed_by_size_and_never_opened() {
    let made = machine();
    let mut folders = MadeFolders::default();
    let folder = format!(r"C:\Users\alice\{}", histories::FOLDER);
    folders.file(&folder, "ConsoleHost_history.txt");
    folders.file(&folder, "other.txt");
    let (rows, status, _) = settled(shell_histories(&made, &folders, &Limits::default()));
    assert_eq!((rows.len(), status), (1, ArtifactStatus::Ok), "{rows:#?}");
    assert_eq!((rows[0].owner.as_deref(), rows[0].size), (Some("alice"), 9));
    folders.closed.push(folder);
    assert_eq!(settled(shell_histories(&made, &folders, &Limits::default())).1, ArtifactStatus::Partial);
}

#[test]
fn services_and_drivers_are_told_apart_and_their_files_found() {
    let mut made = machine();
    let key = |name: &str| format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}");
    made.text(&key("Updater"), "ImagePath", r"%SystemRoot%\System32\svchost.exe -k x");
    made.number(&key("Updater"), "Type", 0x20);
    made.number(&key("Updater"), "Start", 2);
    made.text(&format!(r"{}\Parameters", key("Updater")), "ServiceDll", r"C:\ProgramData\u.dll");
    made.text(&key("Rootkit"), "ImagePath", r"\??\C:\x.sys");
    made.number(&key("Rootkit"), "Type", 1);
    made.number(&key("Rootkit"), "Start", 0);
    made.text(&key("Settings"), "x", "y");
    let (deadline, cancel) = (Instant::now() + Duration::from_secs(60), AtomicBool::new(false));
    let (rows, status, reasons) = settled(services(&made, &Limits::default(), deadline, &cancel));
    assert_eq!((rows.len(), status), (1, ArtifactStatus::Partial), "{rows:#?}");
    assert_eq!(
        (rows[0].path.as_deref(), rows[0].start.as_deref()),
        (Some(r"C:\ProgramData\u.dll"), Some("auto"))
    );
    assert!(reasons.iter().any(|reason| reason.starts_with("1 file is not there")), "{reasons:?}");
    let (rows, ..) = settled(drivers(&made, &Limits::default(), deadline, &cancel));
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!((rows[0].path.as_deref(), rows[0].start.as_deref()), (Some(r"C:\x.sys"), Some("boot")));
}

#[test]
fn shares_and_what_defender_leaves_out() {
    let mut made = machine();
    let shares_key = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Shares";
    let text = "CSCFlags=0\0MaxUses=1\0Path=C:\\a b\0Permissions=0\0\0";
    let bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    made.set(shares_key, Value { name: "open".into(), kind: 7, bytes });
    let (rows, status, _) = settled(shares(&made, &Limits::default()));
    assert_eq!((rows[0].path.as_deref(), status), (Some(r"C:\a b"), ArtifactStatus::Partial), "{rows:#?}");
    let defender = r"HKLM\SOFTWARE\Microsoft\Windows Defender";
    made.number(&format!(r"{defender}\Exclusions\Paths"), r"C:\evil", 0);
    made.number(&format!(r"{defender}\Real-Time Protection"), "DisableRealtimeMonitoring", 1);
    let (rows, ..) = settled(antivirus(&made, &Limits::default()));
    let shown: Vec<_> =
        rows.iter().map(|row| (row.kind.as_str(), row.name.as_str(), row.value.as_deref())).collect();
    assert_eq!(
        shown,
        [("setting", "DisableRealtimeMonitoring", Some("1")), ("exclusion", "Paths", Some(r"C:\evil"))]
    );
}

#[test]
fn it_is_looked_in_every_profile_and_in_what_is_everybody_s() {
    let mut tally = Tally::default();
    let roots = roots(&machine(), &mut tally);
    for wanted in [r"C:\Users\alice", r"C:\ProgramData", r"C:\Windows\Temp", r"C:\$Recycle.Bin"] {
        assert!(roots.iter().any(|root| root.as_os_str() == wanted), "{wanted} in {roots:?}");
    }
}
