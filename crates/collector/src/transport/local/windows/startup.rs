//! Startup folders (ATT&CK T1547.001): of the machine, and of every profile, logged on or not.

use std::collections::BTreeMap;
use std::io;

use investigation::evidence::{ArtifactStatus, AutostartEntry};
use investigation::order::Limits;

use super::accounts::{Accounts, PROFILES};
use super::autostart::{Reading, switches};
use super::folders::Folders;
use super::registry::{Hive, Registry, Value, find, keys, values};
use super::root;
use crate::artifact::tally::Tally;
use crate::artifact::windows::autostart::startup_entry;

/// Where Windows says where they are, also where somebody moved them.
const SHELL_FOLDERS: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders";
/// Below a profile, and below `ProgramData`, unless it says otherwise.
const BELOW: &str = r"Microsoft\Windows\Start Menu\Programs\Startup";

/// Adds what is in them to the rows.
pub(crate) fn read(
    registry: &dyn Registry,
    folders: &dyn Folders,
    limits: &Limits,
    rows: &mut Vec<AutostartEntry>,
    tally: &mut Tally,
) {
    let accounts = Accounts::read(registry, tally);
    let mut reading = Reading::resumed(registry, limits, std::mem::take(rows), std::mem::take(tally));
    let drive = root::expanded(registry, "%SystemDrive%");
    let common = told(registry, Hive::Machine, "", "Common Startup", &mut reading.tally);
    let common = common.unwrap_or_else(|| format!("{drive}\\ProgramData\\{BELOW}"));
    let approved = switches(registry, Hive::Machine, "", "StartupFolder", &mut reading.tally);
    folder(folders, &common, None, &approved, &mut reading);
    for sid in keys(registry, Hive::Machine, PROFILES, &mut reading.tally) {
        let above = format!("{sid}\\");
        let is_loaded = accounts.hives.iter().any(|hive| hive.eq_ignore_ascii_case(&sid));
        let mut approved = BTreeMap::new();
        let mut path = None;
        if is_loaded {
            path = told(registry, Hive::Users, &above, "Startup", &mut reading.tally);
            approved = switches(registry, Hive::Users, &above, "StartupFolder", &mut reading.tally);
        }
        let profile = values(registry, Hive::Machine, &format!("{PROFILES}\\{sid}"), &mut reading.tally);
        let profile = find(&profile, "ProfileImagePath").and_then(Value::text);
        let profile = profile.map(|path| root::expanded(registry, &path));
        let usual = profile.map(|profile| format!("{profile}\\AppData\\Roaming\\{BELOW}"));
        if let Some(path) = path.or(usual).filter(|path| root::is_absolute(path)) {
            folder(folders, &path, Some(&accounts.name(&sid)), &approved, &mut reading);
        }
    }
    (*rows, *tally) = (reading.rows, reading.tally);
}

/// Where the shell says that a folder is. It keeps the path whole, without names that stand for others.
fn told(registry: &dyn Registry, hive: Hive, above: &str, name: &str, tally: &mut Tally) -> Option<String> {
    let found = values(registry, hive, &format!("{above}{SHELL_FOLDERS}"), tally);
    find(&found, name)?.text().filter(|path| root::is_absolute(path))
}

fn folder(
    folders: &dyn Folders,
    path: &str,
    user: Option<&str>,
    approved: &BTreeMap<String, bool>,
    reading: &mut Reading<'_>,
) {
    let listing = match folders.files(path.trim_end_matches('\\')) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(_) => {
            reading.tally.count(ArtifactStatus::Partial, "startup folders are closed to this account");
            return;
        }
    };
    if listing.cut {
        reading.tally.count(ArtifactStatus::Truncated, "folders hold more files than are listed");
    }
    for file in listing.items {
        let path = format!("{}\\{}", path.trim_end_matches('\\'), file.name);
        if let Some(entry) = startup_entry(&path, user.map(str::to_owned)) {
            let enabled = approved.get(&file.name.to_ascii_lowercase()).copied();
            reading.push(AutostartEntry { enabled: enabled.or(entry.enabled), ..entry });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folders::testing::MadeFolders;
    use super::super::registry::testing::Made;
    use super::*;

    const ALICE: &str = "S-1-5-21-1-2-3-1001";
    const BOB: &str = "S-1-5-21-1-2-3-1002";

    fn machine() -> (Made, MadeFolders) {
        let mut made = Made::default();
        made.text(&format!(r"HKU\{ALICE}\Volatile Environment"), "USERNAME", "alice");
        for (sid, name) in [(ALICE, "alice"), (BOB, "bob")] {
            let path = format!(r"%SystemDrive%\Users\{name}");
            made.text(&format!(r"HKLM\{PROFILES}\{sid}"), "ProfileImagePath", &path);
        }
        let approved = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\StartupFolder";
        let off = Value { name: "qBittorrent.lnk".into(), kind: 3, bytes: vec![3, 0, 0, 0] };
        made.set(&format!(r"HKU\{ALICE}\{approved}"), off);
        let mut folders = MadeFolders::default();
        for name in ["alice", "bob"] {
            let folder = format!(r"C:\Users\{name}\AppData\Roaming\{BELOW}");
            folders.file(&folder, "desktop.ini");
            folders.file(&folder, "qBittorrent.lnk");
        }
        folders.file(&format!(r"C:\ProgramData\{BELOW}"), "agent.exe");
        (made, folders)
    }

    fn read_all(
        made: &Made,
        folders: &MadeFolders,
        rows: u64,
    ) -> (Vec<AutostartEntry>, ArtifactStatus, Vec<String>) {
        let (mut entries, mut tally) = (Vec::new(), Tally::default());
        let limits = Limits { rows, ..Limits::default() };
        read(made, folders, &limits, &mut entries, &mut tally);
        let (status, reasons) = tally.settle();
        (entries, status, reasons)
    }

    #[test]
    fn every_profile_s_folder_is_read_and_what_is_switched_off_is_off() {
        let (made, folders) = machine();
        let (rows, status, reasons) = read_all(&made, &folders, 9);
        assert_eq!((rows.len(), status), (3, ArtifactStatus::Ok), "{rows:#?} {reasons:?}");
        assert!(rows.iter().all(|row| row.mechanism == "startup_folder"), "{rows:#?}");
        let shown: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.user.as_deref(), row.enabled)).collect();
        assert_eq!(
            shown,
            [
                ("agent.exe", None, Some(true)),
                ("qBittorrent.lnk", Some("alice"), Some(false)),
                ("qBittorrent.lnk", Some("bob"), Some(true)),
            ]
        );
        assert_eq!(read_all(&made, &folders, 2).1, ArtifactStatus::Truncated);
    }

    #[test]
    fn a_folder_that_was_moved_is_found_and_a_closed_one_is_said() {
        let (mut made, mut folders) = machine();
        made.text(&format!(r"HKU\{ALICE}\{SHELL_FOLDERS}"), "Startup", r"C:\hidden\");
        made.text(&format!(r"HKLM\{SHELL_FOLDERS}"), "Common Startup", r"\\server\share");
        folders.file(r"C:\hidden", "x.exe");
        folders.closed.push(format!(r"C:\Users\bob\AppData\Roaming\{BELOW}"));
        let (rows, status, reasons) = read_all(&made, &folders, 9);
        let places: Vec<_> = rows.iter().filter_map(|row| row.command.as_deref()).collect();
        assert_eq!(places, [format!(r"C:\ProgramData\{BELOW}\agent.exe").as_str(), r"C:\hidden\x.exe"]);
        assert_eq!(
            (status, reasons),
            (ArtifactStatus::Partial, vec!["1 startup folder is closed to this account".to_owned()])
        );
    }
}
