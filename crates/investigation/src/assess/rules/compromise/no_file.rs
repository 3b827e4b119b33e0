//! Processes without a file.

use super::super::super::places::{Place, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::{Scene, listens_outside, outside_peer};
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_listed, cite_socket, who_listed};
use super::finding;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.process_without_file",
    title: "A process runs from memory or from a temporary file that is gone",
    rationale: "Intruders start programs from memory, or delete them as soon as they run, so that nothing is left to be \
                found. Upgrades replace the images of running services too: those lie in folders of the system.",
    technique: Some("T1620"),
    runbook: "Save the process's memory and its image (/proc/PID/exe) before it ends; then isolate the machine.",
    changes: "If the program is identified as a container's runtime or a self-deleting installer, it falls away.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

/// Container runtimes run a sealed copy of themselves.
const RUNTIMES: [&str; 5] = ["runc_cloned", "runc", "crun", "lxc", "sd-"];

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (row, process) in scene.processes.iter().enumerate() {
        let path = process.path.as_deref().unwrap_or_default();
        let sockets: Vec<_> = scene
            .held_by_row(row)
            .filter(|held| outside_peer(held.socket).is_some() || listens_outside(held.socket))
            .collect();
        let (how, weight) = match path.strip_prefix("/memfd:") {
            Some(name) if RUNTIMES.iter().any(|runtime| name.starts_with(runtime)) => continue,
            Some(_) => ("runs from memory alone", (Bearing::Compromise, Confidence::High)),
            None if process.image_deleted && place(path) == Place::Temp => {
                // Whoever builds programs in such a folder replaces those that run.
                let hides = path.starts_with("/dev/shm/") || path.contains("/.");
                let weight = match hides && !sockets.is_empty() {
                    true => (Bearing::Compromise, Confidence::Medium),
                    false => (Bearing::Suspicion, Confidence::Medium),
                };
                ("runs from a temporary file that is gone", weight)
            }
            None => continue,
        };
        let details = match sockets.len() {
            0 => Vec::new(),
            1 => vec!["it holds a socket to the outside".to_owned()],
            many => vec![format!("it holds {many} sockets to the outside")],
        };
        let citations = cite_listed(row, process)
            .into_iter()
            .chain(sockets.iter().map(|held| cite_socket(scene, held)))
            .collect();
        drafts.push(finding(weight, format!("{} {how}", who_listed(row, process)), details, citations));
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    let gone = |path: &str| Bench::new().program(66, path).process(66, |p| p.image_deleted = true);
    vec![
        Case::finds("from memory", Bearing::Compromise, Confidence::High, gone("/memfd:x"))
            .saying(&["memory alone", "PID 66"]),
        Case::finds("deleted, hidden, and online", Bearing::Compromise, Confidence::Medium, {
            gone("/dev/shm/.a").tcp(66, "198.51.100.9", 4444)
        })
        .saying(&["a socket to the outside"]),
        Case::finds(
            "deleted, and quiet",
            Bearing::Suspicion,
            Confidence::Medium,
            gone("/tmp/go-build1/exe/main"),
        ),
        Case::finds("rebuilt while it ran", Bearing::Suspicion, Confidence::Medium, {
            gone("/tmp/target/debug/server").listening(66, "0.0.0.0", 8080)
        }),
        Case::nothing("upgraded while it ran", gone("/usr/sbin/sshd").listening(66, "0.0.0.0", 22)),
        Case::nothing(
            "updated in a home folder",
            gone("/home/alice/apps/firefox/firefox").tcp(66, "198.51.100.9", 443),
        ),
        Case::nothing("a container's runtime", gone("/memfd:runc_cloned:/proc/self/exe")),
        Case::nothing(
            "a file in such a folder",
            Bench::new().program(66, "/tmp/build/test").tcp(66, "198.51.100.9", 443),
        ),
    ]
}
