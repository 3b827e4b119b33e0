//! Three weak signs in one program: where it lies, that it starts by itself, and that it talks.

use std::collections::HashMap;

use super::super::super::indicators::clean;
use super::super::super::places::{Place, expanded, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::{Scene, listens_outside, outside_peer};
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_autostart, cite_process, cite_socket, who};
use super::{finding, started_file};
use crate::evidence::AutostartEntry;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.foothold",
    title: "A program in a temporary or shared folder starts by itself and talks to the outside",
    rationale: "Each of these is common enough alone. Together, in a program without a signature that is no known client, \
                they are what a remote control looks like.",
    technique: Some("T1547.001"),
    runbook: "Isolate the machine; keep the image, its hash and a dump of the process; look for the peers elsewhere.",
    changes: "A valid signature of a known maker on the image takes it back.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let entries = scene.autostart.iter().enumerate().filter(|(_, entry)| entry.enabled != Some(false));
    let started: HashMap<String, (usize, &AutostartEntry)> = entries
        .filter_map(|(row, entry)| Some((started_file(entry.command.as_deref()?), (row, entry))))
        .collect();
    for (index, owner) in scene.owners.iter().enumerate() {
        let Some(path) = owner.process.path.as_deref().map(|path| expanded(&clean(path))) else { continue };
        let place = place(&path);
        if !matches!(place, Place::Temp | Place::Loose)
            || owner.process.signer.is_some()
            || !scene.is_stranger(owner)
        {
            continue;
        }
        let entry = started.get(&path).copied();
        let talks: Vec<_> = scene
            .held_by(index)
            .filter(|held| outside_peer(held.socket).is_some() || listens_outside(held.socket))
            .collect();
        let Some((row, entry)) = entry.filter(|_| !talks.is_empty()) else { continue };
        let confidence = match place {
            Place::Temp if scene.is_unsigned(&owner.process) => Confidence::High,
            _ => Confidence::Medium,
        };
        let citations = cite_process(owner)
            .into_iter()
            .chain([cite_autostart(row, entry)])
            .chain(talks.iter().map(|held| cite_socket(scene, held)))
            .collect();
        let headline =
            format!("{} starts by itself and holds {} to the outside", who(owner), sockets(talks.len()));
        drafts.push(finding((Bearing::Compromise, confidence), headline, Vec::new(), citations));
    }
    drafts
}

fn sockets(count: usize) -> String {
    if count == 1 { "a socket".to_owned() } else { format!("{count} sockets") }
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    let dropper = r"C:\Users\alice\AppData\Roaming\wupd.exe";
    let base = || Bench::new().program(66, dropper).run_key("wupd", dropper);
    vec![
        Case::finds(
            "all three",
            Bearing::Compromise,
            Confidence::Medium,
            base().tcp(66, "198.51.100.9", 443),
        )
        .saying(&["PID 66", "a socket to the outside"]),
        Case::finds("in a temporary folder, without a signature", Bearing::Compromise, Confidence::High, {
            let upd = r"C:\Users\alice\AppData\Local\Temp\u.exe";
            Bench::new()
                .program(66, upd)
                .run_key("u", upd)
                .listening(66, "0.0.0.0", 4444)
                .program(5, r"C:\Windows\explorer.exe")
                .signed(5, "CN=Microsoft Windows")
        }),
        Case::nothing("silent", base()),
        Case::nothing("signed", base().signed(66, "CN=Example Ltd").tcp(66, "198.51.100.9", 443)),
        Case::nothing(
            "does not start by itself",
            Bench::new().program(66, dropper).tcp(66, "198.51.100.9", 443),
        ),
        Case::nothing("a folder of its own", {
            let app = r"C:\Users\alice\AppData\Local\slack\slack.exe";
            Bench::new().program(66, app).run_key("slack", app).tcp(66, "198.51.100.9", 443)
        }),
    ]
}
