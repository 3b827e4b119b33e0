//! What is never touched, whatever the evidence says of it. The names are those that the systems ship with; a client that
//! goes by one of them from another folder is not protected by it.

use crate::evidence::Identity;

/// Programs that a system does not go on without, or that lead to it: image names without `.exe`, lower case.
const SYSTEM: &[&str] = &[
    // Windows
    "system",
    "registry",
    "smss",
    "csrss",
    "wininit",
    "winlogon",
    "services",
    "lsass",
    "lsaiso",
    "svchost",
    "fontdrvhost",
    "dwm",
    "explorer",
    "sihost",
    "taskhostw",
    "conhost",
    "dllhost",
    "wmiprvse",
    "wsmprovhost",
    "spoolsv",
    "msmpeng",
    "mpdefendercoreservice",
    "securityhealthservice",
    "sgrmbroker",
    "audiodg",
    "ctfmon",
    "logonui",
    "userinit",
    "ntoskrnl",
    "trustedinstaller",
    "tiworker",
    "runtimebroker",
    // Linux
    "systemd",
    "init",
    "sshd",
    "sshd-session",
    "login",
    "agetty",
    "dbus-daemon",
    "dbus-broker",
    "polkitd",
    "networkmanager",
    "dhclient",
    "wpa_supplicant",
    "rsyslogd",
    "auditd",
    "cron",
    "crond",
    "xorg",
    "xwayland",
    "gdm",
    "gdm3",
    "sddm",
    "lightdm",
    "gnome-shell",
    "kwin_wayland",
    "plasmashell",
    "containerd",
    "dockerd",
    "samba",
    "smbd",
    "winbindd",
    "sssd",
    "udevd",
    "systemd-udevd",
    "systemd-journald",
    "systemd-logind",
    "systemd-resolved",
    "systemd-networkd",
    "sudo",
    // what reaches the machine
    "amazon-ssm-agent",
    "ssm-agent-worker",
    "ssm-document-worker",
    "ssm-session-worker",
    "peerhound-collect",
    "peerhound",
    "peerhound-relay",
];

/// Programs that many things run in: to block or to end them is to end those too.
const SHARED: &[&str] = &[
    "chrome",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "firefox",
    "firefox-bin",
    "firefox-esr",
    "msedge",
    "msedgewebview2",
    "brave",
    "brave-browser",
    "opera",
    "vivaldi",
    "safari",
    "iexplore",
    "librewolf",
    "zen",
];

/// Programs that run others: one of their processes may be ended, but not their traffic blocked by the program's name.
const INTERPRETERS: &[&str] = &[
    "python",
    "python3",
    "pythonw",
    "java",
    "javaw",
    "node",
    "perl",
    "ruby",
    "php",
    "bash",
    "sh",
    "dash",
    "zsh",
    "cmd",
    "powershell",
    "pwsh",
    "wscript",
    "cscript",
    "mshta",
    "rundll32",
    "regsvr32",
    "mono",
    "dotnet",
    "wine",
    "wine64",
];

/// Folders that the systems own, lower case, with `/` between names.
const SYSTEM_FOLDERS: &[&str] = &["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/amazon/", "/snap/"];

/// Local ports that a machine is administered by: blocking them locks people out.
const ADMINISTRATION: &[u16] = &[3389, 5900, 5985, 5986];

/// Path in lower case with one kind of separator.
fn folded(path: &str) -> String {
    path.trim_start_matches(r"\\?\").replace('\\', "/").to_lowercase()
}

/// Whether a path is spelled as Windows does.
pub(super) fn is_windows(path: &str) -> bool {
    let bytes = path.trim_start_matches(r"\\?\").as_bytes();
    bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/')
}

/// Whether a path is absolute on some system, without `..` and control characters.
pub(super) fn is_plain_path(path: &str) -> bool {
    let folded = folded(path);
    (folded.starts_with('/') || is_windows(path))
        && !folded.split('/').any(|name| name == "..")
        && !path.chars().any(char::is_control)
}

/// The image's name without its folder and without `.exe`.
fn name(path: &str) -> String {
    let folded = folded(path);
    let name = folded.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name).to_owned()
}

/// Without the version at its end: `python3.11` is `python`.
fn bare(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Why a process may not be ended, if it may not.
pub(super) fn process(pid: u32, path: &str) -> Option<&'static str> {
    if pid <= 4 {
        return Some("it is the system's own");
    }
    let (name, folded) = (name(path), folded(path));
    let of_system = SYSTEM_FOLDERS.iter().any(|folder| folded.starts_with(folder))
        || (is_windows(path) && folded.get(2..).is_some_and(|rest| rest.starts_with("/windows/")))
        || folded.contains("/microsoft/windows defender/");
    let known = SYSTEM.contains(&name.as_str()) || name.starts_with("systemd-");
    if known && of_system {
        return Some("it is a program that the system needs");
    }
    let ours = name.starts_with("peerhound") || name.starts_with("ssm-") || name == "amazon-ssm-agent";
    if ours {
        return Some("the machine is reached through it");
    }
    SHARED.contains(&name.as_str()).then_some("it is a browser: its user would lose more than the transfer")
}

/// Why a program's whole traffic may not be blocked, if it may not.
pub(super) fn traffic(path: &str) -> Option<&'static str> {
    let name = name(path);
    let runs_others = INTERPRETERS.contains(&name.as_str()) || INTERPRETERS.contains(&bare(&name));
    if runs_others {
        return Some("other programs run in it");
    }
    // A process number that is nobody's.
    process(u32::MAX, path)
}

/// Whether a local port may be blocked. Those below 1024 are services', and some lead to the machine.
pub(super) fn may_block(port: u16) -> bool {
    port >= 1024 && !ADMINISTRATION.contains(&port)
}

/// Whether the machine says that it is a server. Linux does not tell.
pub(super) fn is_server(identity: &Identity) -> bool {
    identity.os.as_deref().is_some_and(|os| {
        let os = os.to_lowercase();
        os.contains("windows") && os.contains("server")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_needs_is_protected_where_it_lies_and_nowhere_else() {
        for path in [
            r"C:\Windows\System32\lsass.exe",
            r"c:\windows\explorer.exe",
            r"\\?\C:\Windows\System32\svchost.exe",
            "/usr/sbin/sshd",
            "/usr/lib/systemd/systemd-journald",
            "/opt/google/chrome/chrome",
            r"C:\Program Files\Mozilla Firefox\firefox.exe",
            "/opt/peerhound/peerhound-collect-1",
        ] {
            assert!(process(100, path).is_some(), "{path}");
        }
        for path in [
            "/usr/bin/transmission-daemon",
            r"C:\Program Files\qBittorrent\qbittorrent.exe",
            r"C:\Users\a\AppData\Roaming\svchost.exe",
            "/tmp/sshd",
            "/usr/bin/python3.11",
        ] {
            assert_eq!(process(100, path), None, "{path}");
        }
        assert!(process(4, "/tmp/x").is_some() && process(1, "/tmp/x").is_some());
    }

    #[test]
    fn what_others_run_in_is_not_cut_off_by_its_name() {
        for path in ["/usr/bin/python3.11", r"C:\Program Files\Java\bin\javaw.exe", r"C:\Python\python.exe"] {
            assert!(traffic(path).is_some(), "{path}");
        }
        assert_eq!(traffic(r"C:\Program Files\qBittorrent\qbittorrent.exe"), None);
        assert!(may_block(51413) && !may_block(22) && !may_block(5986) && !may_block(3389));
    }

    #[test]
    fn a_path_that_climbs_or_is_relative_is_not_touched() {
        for path in ["/home/a/../b/x.torrent", "x.torrent", "", "/home/a\n/x.torrent", r"..\x.torrent"] {
            assert!(!is_plain_path(path), "{path:?}");
        }
        for path in ["/home/a/x..y.torrent", r"C:\Users\a\x.torrent", r"\\?\C:\Users\a\x.torrent"] {
            assert!(is_plain_path(path), "{path:?}");
        }
    }
}
