//! What Winlogon starts, held against what Windows ships.

use super::super::super::indicators::clean;
use super::super::super::places::{Place, expanded, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_autostart, show};
use super::finding;
use crate::evidence::AutostartEntry;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.winlogon_tampered",
    title: "Winlogon starts something that Windows does not ship",
    rationale: "Winlogon starts what Shell and Userinit name at every logon, with the user's rights. Their values are the \
                same on every Windows; a kiosk's own shell lies where only administrators can write, malware's does not.",
    technique: Some("T1547.004"),
    runbook: "Isolate the machine; keep the file that the value names and its hash; look who wrote it and when.",
    changes: "If the program is the company's own shell (a kiosk, a published desktop), it falls away; name it in the \
              site's rules.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

/// DLLs that Windows XP and Server 2003 had below `Notify`; later versions load none.
const NOTIFY: [&str; 12] = [
    "crypt32.dll",
    "cryptnet.dll",
    "cscdll.dll",
    "dimsntfy.dll",
    "igfxdev.dll",
    "sclgntfy.dll",
    "wlnotify.dll",
    "wgalogon.dll",
    "ati2evxx.dll",
    "termsrv.dll",
    "wzcdlg.dll",
    "webcheck.dll",
];

/// The parts of a value that Windows does not ship, as they were written.
fn foreign_parts(entry: &AutostartEntry) -> Vec<String> {
    let data = entry.command.as_deref().unwrap_or_default();
    let parts = data.split(',').map(str::trim).filter(|part| !part.is_empty()).take(32);
    parts.filter(|part| !is_shipped(&entry.name, &entry.location, part)).map(str::to_owned).collect()
}

/// Whether an entry of Winlogon is as Windows ships it.
pub(in super::super::super) fn is_default(entry: &AutostartEntry) -> bool {
    entry.mechanism == "winlogon" && foreign_parts(entry).is_empty()
}

fn is_shipped(name: &str, location: &str, part: &str) -> bool {
    let path = expanded(&clean(part));
    let bare = |name: &str, folder: &str| path == name || path == format!("c:/windows/{folder}{name}");
    match name.to_ascii_lowercase().as_str() {
        "shell" => bare("explorer.exe", ""),
        "userinit" => bare("userinit.exe", "system32/") || path == "userinit",
        "vmapplet" => {
            path.starts_with("systempropertiesperformance.exe")
                || path.starts_with("rundll32 shell32,control_rundll")
        }
        // What Windows itself writes where a task manager is not replaced.
        "taskman" => bare("taskmgr.exe", "system32/"),
        "dllname" => {
            let base = super::super::super::indicators::base(&path);
            location.to_ascii_lowercase().contains(r"\notify") && NOTIFY.contains(&base)
        }
        _ => false,
    }
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let entries = scene.autostart.iter().enumerate().filter(|(_, entry)| entry.mechanism == "winlogon");
    entries
        .filter_map(|(row, entry)| {
            let foreign = foreign_parts(entry);
            let worst = foreign.iter().map(|part| weight(entry, part)).max()?;
            let shown = foreign.iter().take(3).map(|part| show(part)).collect::<Vec<_>>().join(" and ");
            let details =
                vec![format!("the whole value is {}", show(entry.command.as_deref().unwrap_or_default()))];
            let headline =
                format!("Winlogon's {} in {} starts {shown}", show(&entry.name), show(&entry.location));
            Some(finding(worst, headline, details, vec![cite_autostart(row, entry)]))
        })
        .collect()
}

/// Only an administrator can put a file into a folder of the system, and a shell of its own is a thing that kiosks have.
fn weight(entry: &AutostartEntry, part: &str) -> (Bearing, Confidence) {
    let replaced = !entry.command.as_deref().unwrap_or_default().contains(',');
    let name = entry.name.to_ascii_lowercase();
    match place(part) {
        Place::Temp | Place::Loose | Place::RecycleBin => (Bearing::Compromise, Confidence::High),
        Place::System => (Bearing::Suspicion, Confidence::Medium),
        Place::Other if name == "shell" && replaced => (Bearing::Suspicion, Confidence::Medium),
        Place::Other if matches!(name.as_str(), "shell" | "userinit") => {
            (Bearing::Compromise, Confidence::Medium)
        }
        Place::Other => (Bearing::Suspicion, Confidence::Medium),
    }
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    use Bearing::{Compromise, Suspicion};
    use Confidence::{High, Medium};
    let value = |name: &str, data: &str| Bench::new().winlogon(name, data);
    vec![
        Case::finds("a second userinit in ProgramData", Compromise, High, {
            value("Userinit", r"C:\Windows\system32\userinit.exe,C:\ProgramData\x.exe")
        })
        .saying(&["Userinit", r"C:\ProgramData\x.exe"]),
        Case::finds("a shell in a profile", Compromise, High, {
            value("Shell", r"explorer.exe, C:\Users\alice\AppData\Roaming\a.exe")
        }),
        Case::finds(
            "a second shell without a folder",
            Compromise,
            Medium,
            value("Shell", "explorer.exe, upd.exe"),
        ),
        Case::finds(
            "a kiosk's shell",
            Suspicion,
            Medium,
            value("Shell", r"C:\Program Files\Kiosk\kiosk.exe"),
        ),
        Case::finds("a notification package", Suspicion, Medium, {
            Bench::new().autostart(
                "winlogon",
                r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\Notify\hook",
                "DllName",
                "hook.dll",
            )
        }),
        Case::nothing("as shipped", {
            value("Shell", "explorer.exe").winlogon("Userinit", r"C:\Windows\system32\userinit.exe,")
        }),
        Case::nothing("as shipped, spelled with variables", {
            value("Shell", r"%SystemRoot%\explorer.exe")
                .winlogon("Userinit", r"%windir%\System32\UserInit.exe")
        }),
        Case::nothing("the page that Windows names for performance", {
            value("VmApplet", "SystemPropertiesPerformance.exe /pagefile")
        }),
        Case::nothing("empty", value("Taskman", "").winlogon("System", "")),
    ]
}
