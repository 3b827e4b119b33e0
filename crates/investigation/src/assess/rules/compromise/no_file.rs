//! Processes without a file.

use std::collections::BTreeMap;

use super::super::super::MAX_CITATIONS;
use super::super::super::places::{Place, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::{Held, Scene, listens_outside, outside_peer};
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::client_swarm::is_web;
use super::super::draft::{Draft, cite_listed, cite_socket, who_listed};
use super::finding;
use crate::evidence::Process;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.process_without_file",
    title: "A process runs from memory or from a temporary file that is gone",
    rationale: "Intruders start programs from memory, or delete them as soon as they run, so that nothing is left to be \
                found. Hardened programs seal themselves in memory and builds replace what runs; neither waits for \
                strangers or talks to them off the web's ports.",
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

/// One finding for each image: a program may run any number of times.
fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut images: BTreeMap<&str, Vec<(usize, &Process)>> = BTreeMap::new();
    for (row, process) in scene.processes.iter().enumerate() {
        let path = process.path.as_deref().unwrap_or_default();
        let in_memory = path.strip_prefix("/memfd:");
        let runtime = in_memory.is_some_and(|name| RUNTIMES.iter().any(|runtime| name.starts_with(runtime)));
        let gone = process.image_deleted && place(path) == Place::Temp;
        if !runtime && (in_memory.is_some() || gone) {
            images.entry(path).or_default().push((row, process));
        }
    }
    images.into_iter().filter_map(|(path, rows)| of_image(scene, path, &rows)).collect()
}

fn of_image(scene: &Scene<'_>, path: &str, rows: &[(usize, &Process)]) -> Option<Draft> {
    let (first, process) = rows.first()?;
    let talks = |held: &&Held<'_>| outside_peer(held.socket).is_some() || listens_outside(held.socket);
    let sockets: Vec<_> = rows.iter().flat_map(|(row, _)| scene.held_by_row(*row)).filter(talks).collect();
    // Programs that seal themselves, and whoever builds programs in such a folder, speak to the web as all do.
    let odd = sockets
        .iter()
        .any(|held| listens_outside(held.socket) || !held.socket.remote_port.is_some_and(is_web));
    let in_memory = path.starts_with("/memfd:");
    let hides = in_memory || path.starts_with("/dev/shm/") || path.contains("/.");
    let weight = match (hides && odd, in_memory) {
        (true, _) => (Bearing::Compromise, Confidence::Medium),
        (false, true) => (Bearing::Suspicion, Confidence::Low),
        (false, false) => (Bearing::Suspicion, Confidence::Medium),
    };
    let how = if in_memory { "runs from memory alone" } else { "runs from a temporary file that is gone" };
    let mut details = Vec::new();
    if rows.len() > 1 {
        details.push(format!("{} processes run it", rows.len()));
    }
    details.push(match sockets.len() {
        0 => "no socket of it to the outside was seen".to_owned(),
        1 => "it holds a socket to the outside".to_owned(),
        many => format!("it holds {many} sockets to the outside"),
    });
    let citations = rows
        .iter()
        .take(MAX_CITATIONS)
        .filter_map(|(row, process)| cite_listed(*row, process))
        .chain(sockets.iter().map(|held| cite_socket(scene, held)))
        .collect();
    let mut draft = finding(weight, format!("{} {how}", who_listed(*first, process)), details, citations);
    draft.uncited = rows.len().saturating_sub(MAX_CITATIONS);
    Some(draft)
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    let gone = |path: &str| Bench::new().program(66, path).process(66, |p| p.image_deleted = true);
    vec![
        Case::finds("from memory, and online", Bearing::Compromise, Confidence::Medium, {
            gone("/memfd:x").tcp(66, "198.51.100.9", 4444)
        })
        .saying(&["memory alone", "PID 66"]),
        Case::finds("sealed by itself", Bearing::Suspicion, Confidence::Low, {
            gone("/memfd:sealed").tcp(66, "198.51.100.9", 443).program(67, "/memfd:sealed")
        })
        .saying(&["2 processes"]),
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
