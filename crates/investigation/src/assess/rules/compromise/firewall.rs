//! The firewall lets in a program where nobody installs one.

use super::super::super::indicators::clean;
use super::super::super::places::{Place, expanded, place};
use super::super::super::rulebook::Mode;
use super::super::super::scene::Scene;
use super::super::super::verdict::{Bearing, Confidence};
use super::super::Rule;
use super::super::draft::{Draft, cite_firewall, cite_listed, show};
use super::finding;

pub(in super::super) const RULE: Rule = Rule {
    id: "compromise.firewall_hole",
    title: "The firewall lets in a program from a temporary or shared folder",
    rationale: "Windows asks before it opens the firewall for a program, and malware opens it by itself. Installers leave \
                such rules behind for programs that are long gone: only one that runs now says anything.",
    technique: Some("T1562.004"),
    runbook: "Remove the rule; keep the program and its hash; look who added the rule and when.",
    changes: "A valid signature of a known maker on the program takes it back.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (row, rule) in scene.firewall.iter().enumerate() {
        let comes_in = rule.chain.as_deref().is_none_or(|chain| !chain.starts_with("out"));
        let Some(program) =
            rule.program.as_deref().filter(|_| comes_in && rule.action.as_deref() == Some("accept"))
        else {
            continue;
        };
        let file = expanded(&clean(program));
        let place = place(&file);
        if !matches!(place, Place::Temp | Place::Loose | Place::RecycleBin) {
            continue;
        }
        let running = scene.running(&file);
        let weight = match running {
            None if place == Place::RecycleBin => (Bearing::Suspicion, Confidence::Medium),
            None => (Bearing::Context, Confidence::Low),
            Some((_, process)) if process.signer.is_some() => (Bearing::Context, Confidence::Low),
            Some((_, process)) if scene.is_unsigned(process) && place != Place::Loose => {
                (Bearing::Compromise, Confidence::Medium)
            }
            Some(_) => (Bearing::Suspicion, Confidence::Medium),
        };
        let state = match running {
            Some((_, process)) if process.signer.is_some() => "it runs, and its image is signed".to_owned(),
            Some((_, process)) if scene.is_unsigned(process) => {
                format!("it runs as PID {}, and its image is not signed", process.pid)
            }
            Some((_, process)) => {
                format!("it runs as PID {}; whether its image is signed was not read", process.pid)
            }
            None => "it does not run".to_owned(),
        };
        let mut citations = vec![cite_firewall(row, rule)];
        citations.extend(running.and_then(|(row, process)| cite_listed(row, process)));
        drafts.push(finding(
            weight,
            format!("A rule of the firewall lets in {}", show(program)),
            vec![state],
            citations,
        ));
    }
    drafts
}

#[cfg(test)]
fn cases() -> Vec<super::super::super::testing::Case> {
    use super::super::super::testing::{Bench, Case};
    let upd = r"C:\Users\alice\AppData\Local\Temp\upd.exe";
    let runs = || Bench::new().let_in(upd).program(66, upd);
    vec![
        Case::finds("for what runs without a signature", Bearing::Compromise, Confidence::Medium, {
            runs().program(5, r"C:\Windows\explorer.exe").signed(5, "CN=Microsoft Windows")
        })
        .saying(&["upd.exe", "not signed", "PID 66"]),
        Case::finds("signatures unknown", Bearing::Suspicion, Confidence::Medium, runs()),
        Case::finds(
            "for what runs signed",
            Bearing::Context,
            Confidence::Low,
            runs().signed(66, "CN=Example Ltd"),
        ),
        Case::finds(
            "left behind by an installer",
            Bearing::Context,
            Confidence::Low,
            Bench::new().let_in(upd),
        ),
        Case::finds("for what was thrown away", Bearing::Suspicion, Confidence::Medium, {
            Bench::new().let_in(r"C:\$Recycle.Bin\S-1-5-21\a.exe")
        }),
        Case::nothing("a program's own folder", Bench::new().let_in(r"C:\Program Files\A\a.exe")),
        Case::nothing("switched off", {
            let mut bench = runs();
            bench.evidence.firewall.iter_mut().for_each(|f| f.rules[0].action = None);
            bench
        }),
        Case::nothing("outwards", {
            let mut bench = runs();
            bench
                .evidence
                .firewall
                .iter_mut()
                .for_each(|f| f.rules[0].chain = Some("out, any profile".into()));
            bench
        }),
    ]
}
