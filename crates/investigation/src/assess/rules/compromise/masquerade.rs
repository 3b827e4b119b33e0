//! Processes that go by a name of the system's.

use super::super::super::indicators::clean;
use super::super::super::places::{Place, expanded, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_listed, show, who_listed};
use super::{finding, stem};
use crate::evidence::Process;

pub(in super::super) const SYSTEM: Rule = Rule {
    id: "compromise.masquerading_process",
    title: "A process has the name of a system process and lies elsewhere",
    rationale: "Windows starts svchost, lsass and their like from its own folders and from nowhere else, and Linux's kernel \
                threads have no image at all. A process that only has the name hides behind it.",
    technique: Some("T1036.005"),
    runbook: "Isolate the machine; keep the image, its hash and a dump of the process; look at what started it.",
    changes: "A valid signature of a known maker on the image takes it back.",
    mode: Mode::Decide,
    evaluate: system,
    #[cfg(test)]
    cases: system_cases,
};

pub(in super::super) const LOOK_ALIKE: Rule = Rule {
    id: "compromise.look_alike_name",
    title: "A process has a name that reads like a system process's",
    rationale: "Names such as svch0st or lsasss are made to be overlooked. Short names are alike by chance too, so that the \
                rule runs in shadow until a site has seen what it finds there.",
    technique: Some("T1036.005"),
    runbook: "Identify the image by its path, hash and signature.",
    changes: "If the image is identified as honest software, it falls away.",
    mode: Mode::Shadow,
    evaluate: look_alike,
    #[cfg(test)]
    cases: look_alike_cases,
};

/// Images that Windows keeps in System32 or SysWOW64.
const SYSTEM32: [&str; 18] = [
    "svchost",
    "services",
    "lsass",
    "csrss",
    "wininit",
    "winlogon",
    "smss",
    "spoolsv",
    "taskhostw",
    "dwm",
    "lsm",
    "sihost",
    "fontdrvhost",
    "userinit",
    "conhost",
    "dllhost",
    "rundll32",
    "runtimebroker",
];
const SYSTEM32_FOLDERS: [&str; 4] =
    ["/windows/system32/", "/windows/syswow64/", "/windows/sysnative/", "/windows/winsxs/"];

/// How Linux names threads of its kernel.
const KERNEL_THREADS: [&str; 10] = [
    "kworker/",
    "ksoftirqd/",
    "migration/",
    "rcu_sched",
    "rcu_preempt",
    "kswapd0",
    "kthreadd",
    "jbd2/",
    "kdevtmpfs",
    "khugepaged",
];

/// The folder below a drive, as `/windows/system32/`. An image without a drive is no image of Windows'.
fn windows_folder(path: &str) -> Option<String> {
    let path = expanded(&clean(path));
    let (drive, below) = path.split_once(":/")?;
    let (folder, _) = below.rsplit_once('/').unwrap_or(("", below));
    (drive.len() == 1).then(|| if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") })
}

fn is_out_of_place(process: &Process) -> bool {
    let Some(path) = process.path.as_deref() else { return false };
    let Some(folder) = windows_folder(path) else { return is_false_kernel_thread(process) };
    // Containers bring a Windows of their own.
    let folder = folder.strip_prefix("/programdata/microsoft/windows/containers/").unwrap_or(&folder);
    match stem(path).as_str() {
        "explorer" => folder != "/windows/" && !in_system32(folder),
        name if SYSTEM32.contains(&name) => !in_system32(folder),
        _ => false,
    }
}

fn in_system32(folder: &str) -> bool {
    SYSTEM32_FOLDERS.iter().any(|system| folder.starts_with(system))
        || folder.contains("/files/windows/system32/")
}

fn is_false_kernel_thread(process: &Process) -> bool {
    let name = process.name.trim_start_matches('[');
    let line = process.command_line.as_deref().unwrap_or_default();
    let posed = |text: &str| KERNEL_THREADS.iter().any(|thread| text.starts_with(thread));
    posed(name) || line.strip_prefix('[').is_some_and(posed)
}

fn system(scene: &Scene<'_>) -> Vec<Draft> {
    let rows = scene.processes.iter().enumerate().filter(|(_, process)| is_out_of_place(process));
    rows.map(|(row, process)| {
        let mut details = Vec::new();
        let weight = match &process.signer {
            Some(signer) => {
                details.push(format!("its image is signed by {}", show(signer)));
                (Bearing::Suspicion, Confidence::Low)
            }
            None => (Bearing::Compromise, Confidence::High),
        };
        let headline = format!(
            "{} has a system process's name and does not lie where that does",
            who_listed(row, process)
        );
        finding(weight, headline, details, cite_listed(row, process).into_iter().collect())
    })
    .collect()
}

fn look_alike(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (row, process) in scene.processes.iter().enumerate() {
        let Some(path) = process.path.as_deref() else { continue };
        if windows_folder(path).is_none() || place(path) == Place::System || process.signer.is_some() {
            continue;
        }
        let name = stem(path);
        let Some(like) = SYSTEM32.iter().chain(&["explorer"]).find(|known| is_like(&name, known)) else {
            continue;
        };
        let headline = format!("{} has a name that reads like {like}", who_listed(row, process));
        let citations = cite_listed(row, process).into_iter().collect();
        drafts.push(finding((Bearing::Suspicion, Confidence::Medium), headline, Vec::new(), citations));
    }
    drafts
}

/// One letter more, less, changed or swapped, or digits for letters, in a name of six letters and more.
fn is_like(name: &str, known: &str) -> bool {
    if known.len() < 5 || name == known || !name.is_ascii() {
        return false;
    }
    let plain: String = name
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' => 'l',
            '5' => 's',
            c => c,
        })
        .collect();
    let (a, b) = (plain.as_bytes(), known.as_bytes());
    if a == b {
        return true;
    }
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[start..], &b[start..]);
    let same_end = |x: &[u8], y: &[u8]| x == y;
    match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Greater => same_end(&a[1..], b),
        std::cmp::Ordering::Less => same_end(a, &b[1..]),
        std::cmp::Ordering::Equal => {
            let swapped = a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
            same_end(&a[1..], &b[1..]) || swapped
        }
    }
}

#[cfg(test)]
use super::super::super::testing::{Bench, Case};

#[cfg(test)]
fn system_cases() -> Vec<Case> {
    let compromise = |name, bench| Case::finds(name, Bearing::Compromise, Confidence::High, bench);
    let runs = |path: &str| Bench::new().program(66, path);
    vec![
        compromise("svchost in a profile", runs(r"C:\Users\alice\AppData\Roaming\svchost.exe"))
            .saying(&["svchost.exe", "PID 66"]),
        compromise("lsass right in the Windows folder", runs(r"C:\Windows\lsass.exe")),
        compromise("explorer in ProgramData", runs(r"C:\ProgramData\explorer.exe")),
        compromise("a kernel thread with an image", {
            runs("/tmp/.x/kworker").process(66, |p| p.name = "kworker/0:1".into())
        }),
        compromise("a kernel thread's command line", {
            runs("/usr/bin/perl").process(66, |p| p.command_line = Some("[kworker/2:0]".into()))
        }),
        Case::finds("signed by somebody", Bearing::Suspicion, Confidence::Low, {
            runs(r"C:\Program Files\X\conhost.exe").signed(66, "CN=Example Ltd")
        }),
        Case::nothing("the system's own", {
            runs(r"C:\Windows\System32\svchost.exe")
                .program(67, r"C:\WINDOWS\explorer.exe")
                .program(68, r"c:\windows\syswow64\rundll32.exe")
                .program(69, r"\SystemRoot\System32\smss.exe")
        }),
        Case::nothing("a Windows on another drive", runs(r"D:\Windows\System32\lsass.exe")),
        Case::nothing("a container's", {
            runs(
                r"C:\ProgramData\Microsoft\Windows\Containers\BaseImages\x\Files\Windows\System32\svchost.exe",
            )
        }),
        Case::nothing("path unknown", runs("svchost.exe").process(66, |p| p.path = None)),
        Case::nothing("kernel threads", {
            runs("x").process(66, |p| (p.name, p.path) = ("kworker/0:1".into(), None))
        }),
        Case::nothing(
            "Wine's",
            runs("/usr/lib/wine/wine64-preloader").process(66, |p| p.name = "explorer.exe".into()),
        ),
    ]
}

#[cfg(test)]
fn look_alike_cases() -> Vec<Case> {
    let finds = |name, path: &str| {
        Case::finds(name, Bearing::Suspicion, Confidence::Medium, Bench::new().program(66, path))
    };
    let nothing = |name, path: &str| Case::nothing(name, Bench::new().program(66, path));
    vec![
        finds("a digit for a letter", r"C:\Users\a\svch0st.exe").saying(&["reads like svchost"]),
        finds("letters swapped", r"C:\ProgramData\x\scvhost.exe"),
        finds("a letter more", r"C:\ProgramData\x\lsasss.exe"),
        nothing("a letter less and another changed", r"C:\Tools\srvcost.exe"),
        nothing("another name", r"C:\Tools\hosts.exe"),
        nothing("in a folder of the system", r"C:\Program Files\X\svchosts.exe"),
        nothing("the name itself is another rule's", r"C:\Users\a\svchost.exe"),
        nothing("not Windows", "/usr/bin/lsasss"),
    ]
}
