//! Programs that run or start from a recycle bin.

use super::super::super::places::{Place, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_autostart, cite_listed, entry_words, show, who_listed};
use super::{finding, started_file};

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.image_in_recycle_bin",
    title: "A program runs or starts from a recycle bin",
    rationale: "Nobody installs into a recycle bin. Windows does not throw away what is running, and no tool starts what was \
                thrown away, so that an image there was hidden there. On Linux a running program can be thrown away.",
    technique: Some("T1564.001"),
    runbook: "Isolate the machine; keep the image and its hash; look at what starts it.",
    changes: "On Linux, the user's word that the program was thrown away while it ran takes it back.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let processes = scene.processes.iter().enumerate().filter_map(|(row, process)| {
        let path = process.path.as_deref().filter(|path| place(path) == Place::RecycleBin)?;
        let weight = match path.starts_with('/') {
            true => (Bearing::Suspicion, Confidence::Low),
            false => (Bearing::Compromise, Confidence::High),
        };
        let headline = format!("{} runs from a recycle bin", who_listed(row, process));
        Some(finding(weight, headline, Vec::new(), cite_listed(row, process).into_iter().collect()))
    });
    let entries = scene.autostart.iter().enumerate().filter_map(|(row, entry)| {
        let file = started_file(entry.command.as_deref()?);
        if entry.enabled == Some(false) || place(&file) != Place::RecycleBin {
            return None;
        }
        let headline = format!("{} starts {} from a recycle bin", entry_words(entry), show(&file));
        Some(finding(
            (Bearing::Compromise, Confidence::Medium),
            headline,
            Vec::new(),
            vec![cite_autostart(row, entry)],
        ))
    });
    processes.chain(entries).collect()
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    let image = r"C:\$Recycle.Bin\S-1-5-21-1-2-3-1001\$R1.exe";
    vec![
        Case::finds("running", Bearing::Compromise, Confidence::High, Bench::new().program(66, image))
            .saying(&["PID 66", "recycle bin"]),
        Case::finds("starting", Bearing::Compromise, Confidence::Medium, Bench::new().run_key("a", image)),
        Case::finds("thrown away on Linux", Bearing::Suspicion, Confidence::Low, {
            Bench::new().program(66, "/home/alice/.local/share/Trash/files/App.AppImage")
        }),
        Case::nothing("a file manager", Bench::new().program(66, r"C:\Tools\RecycleBinViewer.exe")),
        Case::nothing(
            "elsewhere",
            Bench::new().program(66, r"C:\Program Files\A\a.exe").run_key("a", r"C:\A\a.exe"),
        ),
    ]
}
