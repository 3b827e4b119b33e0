//! What starts by itself on Windows and may be kept from it: by where it lies, what it is called and what it runs. Both
//! who proposes and who carries out ask here, so that nothing is proposed that would be refused by its name alone.

use super::protected::{is_plain_path, is_windows};
use crate::evidence::AutostartEntry;

/// Where services are described.
const SERVICES: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\";
/// How the folders end whose files start when somebody logs on; they have this name on disk in every language.
const STARTUP: &str = r"\microsoft\windows\start menu\programs\startup";
/// Keys whose values start when the machine or a user does.
const RUN_KEYS: [&str; 3] = [r"\currentversion\run", r"\currentversion\runonce", r"\policies\explorer\run"];
/// Folders of tasks that are the system's, or our own.
const TASK_FOLDERS: [&str; 2] = [r"\microsoft\", r"\peerhound\"];

/// Services that protect a machine or lead to it, wherever their program lies: those of the system lie in its folder and are
/// left alone for that. Lower case.
const SERVICE_NAMES: &[&str] = &[
    // Microsoft Defender, its sensor, and what firewall and updates need.
    "windefend",
    "wdnissvc",
    "wdfilter",
    "mdcoresvc",
    "sense",
    "securityhealthservice",
    "wscsvc",
    "mpssvc",
    "bfe",
    "wuauserv",
    // What the system itself stands on.
    "rpcss",
    "dcomlaunch",
    "rpceptmapper",
    "eventlog",
    "schedule",
    "winmgmt",
    "samss",
    "netlogon",
    "lanmanserver",
    "lanmanworkstation",
    "dhcp",
    "dnscache",
    "nsi",
    "w32time",
    "profsvc",
    "gpsvc",
    "cryptsvc",
    "termservice",
    // What orders come over.
    "winrm",
    "sshd",
    "ssh-agent",
    "amazonssmagent",
    "ssm-agent",
    // Sensors of others.
    "csfalconservice",
    "sentinelagent",
    "sentinelstaticengine",
    "carbonblack",
    "cbdefense",
    "cylancesvc",
    "elastic agent",
    "elasticendpoint",
    "wazuhsvc",
    "sysmon",
    "sysmon64",
    "velociraptor",
];

/// One thing that starts by itself, by how it is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowsAutostart<'a> {
    /// A value of a Run or RunOnce key.
    RunValue {
        /// `LocalMachine` or `Users`, as .NET calls the hive.
        hive: &'static str,
        /// Key below the hive.
        key: &'a str,
    },
    /// A file of a startup folder.
    StartupFile {
        /// Its folder.
        folder: &'a str,
    },
    /// A service with a program of its own.
    Service,
    /// A scheduled task.
    Task,
}

impl<'a> WindowsAutostart<'a> {
    /// What an entry is.
    ///
    /// # Errors
    /// Why it is left alone, a few words.
    pub fn of(
        mechanism: &str,
        location: &'a str,
        name: &str,
        command: Option<&str>,
    ) -> Result<Self, &'static str> {
        if [location, name].iter().any(|text| text.ends_with('…') || text.contains('\u{fffd}')) {
            return Err("its name was not taken down as it is");
        }
        match mechanism {
            "run_key" => run_value(location),
            "startup_folder" => startup_file(location, name, command),
            "service" => service(location, name, command),
            "scheduled_task" => task(location, name),
            _ => Err("this way to start is not switched off on Windows: look at it by hand"),
        }
    }
}

/// Why an entry of Windows is left alone, if it is.
pub(super) fn left_alone(entry: &AutostartEntry) -> Option<&'static str> {
    let AutostartEntry { mechanism, location, name, command, .. } = entry;
    let of_windows = ["run_key", "winlogon", "startup_folder", "service", "scheduled_task"];
    if !of_windows.contains(&mechanism.as_str()) {
        return None;
    }
    WindowsAutostart::of(mechanism, location, name, command.as_deref()).err()
}

fn run_value(location: &str) -> Result<WindowsAutostart<'_>, &'static str> {
    let hives = [(r"HKEY_LOCAL_MACHINE\", "LocalMachine"), (r"HKEY_USERS\", "Users")];
    let found = hives.iter().find_map(|(start, hive)| location.strip_prefix(start).map(|key| (*hive, key)));
    let (hive, key) = found.ok_or("its key is none that a collection reads")?;
    let lower = key.to_ascii_lowercase();
    if !RUN_KEYS.iter().any(|end| lower.ends_with(end)) {
        return Err("its key is none that a collection reads");
    }
    Ok(WindowsAutostart::RunValue { hive, key })
}

fn startup_file<'a>(
    folder: &'a str,
    name: &str,
    command: Option<&str>,
) -> Result<WindowsAutostart<'a>, &'static str> {
    if !is_windows(folder) {
        return Err("the folder that it lies in is not known");
    }
    let path = format!(r"{folder}\{name}");
    if !folder.to_lowercase().ends_with(STARTUP) || !is_plain_path(&path) {
        return Err("its folder is none that files start from");
    }
    if name.is_empty() || name.contains(['\\', '/', ':']) || name.eq_ignore_ascii_case("desktop.ini") {
        return Err("it is no file that starts");
    }
    if command != Some(path.trim()) {
        return Err("what it runs is not the file itself");
    }
    Ok(WindowsAutostart::StartupFile { folder })
}

fn service<'a>(
    location: &'a str,
    name: &str,
    command: Option<&str>,
) -> Result<WindowsAutostart<'a>, &'static str> {
    if location.strip_prefix(SERVICES) != Some(name) || name.is_empty() || name.contains(['\\', '/']) {
        return Err("its key is none of a service");
    }
    let lower = name.to_lowercase();
    if SERVICE_NAMES.contains(&lower.as_str()) || lower.starts_with("peerhound") {
        return Err("the machine needs it, is protected by it or is reached through it");
    }
    let Some(command) = command else { return Err("what it runs is not known") };
    let program = command.trim().trim_start_matches('"').replace('/', r"\").to_lowercase();
    if !is_windows(&program) || program.starts_with(r"\\") || program.contains(r"\..\") {
        return Err("what it runs is not named by a plain full path: it may be a part of the system");
    }
    let below = program.get(2..).unwrap_or_default();
    if below.starts_with(r"\windows\") || below.contains(r"\windows defender") {
        return Err("it runs a program of the system");
    }
    if program.trim_end_matches('"').ends_with(".sys") {
        return Err("it is a driver");
    }
    Ok(WindowsAutostart::Service)
}

fn task<'a>(folder: &'a str, name: &str) -> Result<WindowsAutostart<'a>, &'static str> {
    let sound = folder.starts_with('\\') && folder.ends_with('\\') && !name.is_empty();
    if !sound || name.contains(['\\', '/']) {
        return Err("its name is none of a task");
    }
    let lower = folder.to_lowercase();
    if TASK_FOLDERS.iter().any(|start| lower.starts_with(start)) {
        return Err("it lies in a folder of the system's own tasks");
    }
    Ok(WindowsAutostart::Task)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, command: &str) -> Result<WindowsAutostart<'static>, &'static str> {
        let location: &'static str = format!("{SERVICES}{name}").leak();
        WindowsAutostart::of("service", location, name, Some(command))
    }

    #[test]
    fn values_of_run_keys_and_of_no_others() {
        let of = |mechanism, location| WindowsAutostart::of(mechanism, location, "x", Some("x"));
        let users = r"HKEY_USERS\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\RunOnce";
        assert_eq!(
            of("run_key", users),
            Ok(WindowsAutostart::RunValue {
                hive: "Users",
                key: r"S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\RunOnce"
            })
        );
        for location in [
            r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon",
            r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run",
            r"HKEY_USERS\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\Run…",
        ] {
            assert!(of("run_key", location).is_err(), "{location}");
        }
        let run = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Run";
        assert!(of("run_key", run).is_ok());
        assert!(of("winlogon", run).is_err() && of("cron", "/etc/crontab").is_err());
    }

    #[test]
    fn services_of_the_system_and_drivers_are_left_alone() {
        for command in [
            r"C:\Program Files\qBittorrent\qbittorrent.exe --service",
            r#""D:\apps\u.exe" -k windows"#,
            r"C:\WindowsApps\u.exe",
        ] {
            assert_eq!(service("u", command), Ok(WindowsAutostart::Service), "{command}");
        }
        for command in [
            r"C:\Windows\System32\svchost.exe -k netsvcs",
            r#""c:\windows\system32\u.exe""#,
            r"c:/windows/u.exe",
            r"%SystemRoot%\System32\svchost.exe",
            r"\SystemRoot\System32\drivers\x.sys",
            r"\??\C:\u\x.sys",
            r"\\?\C:\Windows\u.exe",
            r"system32\drivers\x.sys",
            r"C:\u\..\Windows\u.exe",
            r"C:\u\x.sys",
            r"C:\ProgramData\Microsoft\Windows Defender\Platform\4\MsMpEng.exe",
            "",
        ] {
            assert!(service("u", command).is_err(), "{command}");
        }
        for name in ["WinDefend", "WinRM", "SSHD", "peerhound-relay", r"a\b", "a/b", ""] {
            assert!(service(name, r"C:\u\u.exe").is_err(), "{name}");
        }
        let elsewhere = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\other";
        assert!(WindowsAutostart::of("service", elsewhere, "u", Some(r"C:\u\u.exe")).is_err());
    }

    #[test]
    fn files_of_startup_folders_and_nothing_beside_them() {
        let all = r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup";
        let of = |folder: &'static str, name: &str, command: &str| {
            WindowsAutostart::of("startup_folder", folder, name, Some(command))
        };
        let path = |name: &str| format!(r"{all}\{name}");
        assert_eq!(of(all, "u.lnk", &path("u.lnk")), Ok(WindowsAutostart::StartupFile { folder: all }));
        for name in ["desktop.ini", r"..\u.lnk", r"a\b.lnk", "u.lnk:x", ""] {
            assert!(of(all, name, &path(name)).is_err(), "{name}");
        }
        assert!(of(all, "u.lnk", r"C:\u.exe").is_err());
        assert!(of("Startup", "u.lnk", r"Startup\u.lnk").is_err(), "as `wmic` tells it");
        assert!(of(r"C:\u", "u.lnk", r"C:\u\u.lnk").is_err());
        let climbs = r"C:\x\..\Microsoft\Windows\Start Menu\Programs\Startup";
        assert!(of(climbs, "u.lnk", &format!(r"{climbs}\u.lnk")).is_err());
    }

    #[test]
    fn tasks_of_the_system_are_left_alone() {
        let of = |folder: &'static str, name| WindowsAutostart::of("scheduled_task", folder, name, Some("x"));
        assert_eq!(of(r"\", "u*[a]"), Ok(WindowsAutostart::Task));
        assert_eq!(of(r"\Microsoft Office\", "u"), Ok(WindowsAutostart::Task));
        for (folder, name) in
            [(r"\Microsoft\Windows\Defrag\", "u"), (r"\PEERHOUND\", "u"), ("", "u"), (r"\u", "u"), (r"\", "")]
        {
            assert!(of(folder, name).is_err(), "{folder}");
        }
    }
}
