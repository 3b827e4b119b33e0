//! Machines with a known truth, judged by the shipped rules: what the verdict gets right is counted, and published.
//!
//! `cargo test -p investigation ground_truth -- --nocapture` prints the confusion matrix.

mod machine;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use machine::{Machine, machines};

use super::{Assessment, Confidence, RuleText, Rulebook, Verdict, assess};

/// What a site knows to be bad, for the machine that talks to it.
const SITE: &str =
    "version = 'ground truth'\n[[known_bad]]\naddress = '192.0.2.66'\nreason = 'C2 of an incident'\n";

fn judge(machine: &Machine) -> Assessment {
    let (book, faults) = Rulebook::with_site(&[RuleText { file: "site.toml", text: SITE }]);
    assert!(faults.is_empty(), "{faults:?}");
    assess(&machine.bench.question(), &machine.bench.evidence, &book)
}

#[test]
fn every_machine_gets_the_verdict_that_it_should() {
    let machines = machines();
    assert!(machines.len() >= 40, "{}", machines.len());
    let mut wrong = String::new();
    for machine in &machines {
        let assessment = judge(machine);
        if assessment.verdict != machine.expected {
            let _ = writeln!(
                wrong,
                "{}: {} instead of {}\n  {}",
                machine.name, assessment.verdict, machine.expected, assessment.summary
            );
            for finding in &assessment.findings {
                let _ = writeln!(
                    wrong,
                    "  {} {:?} {}: {}",
                    finding.rule, finding.bearing, finding.confidence, finding.explanation
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn no_clean_machine_is_called_compromised_or_a_violation_and_no_client_is_missed() {
    for machine in machines() {
        let verdict = judge(&machine).verdict;
        match machine.truth.as_str() {
            "clean" => assert!(
                !matches!(verdict, Verdict::Compromised | Verdict::PolicyViolation),
                "{}: {verdict}",
                machine.name
            ),
            "unclear" => assert_eq!(verdict, Verdict::Inconclusive, "{}", machine.name),
            _ => assert_ne!(verdict, Verdict::FalsePositive, "{}", machine.name),
        }
    }
}

#[test]
fn every_verdict_says_what_it_rests_on_and_what_would_change_it() {
    for machine in machines() {
        let assessment = judge(&machine);
        let name = &machine.name;
        assert!(!assessment.basis.would_change.is_empty(), "{name}");
        assert!(!assessment.basis.chain.is_empty(), "{name}");
        let rows = |entry: &str| match entry {
            "artifacts/processes.json" => machine.bench.evidence.processes.as_ref().map_or(0, Vec::len),
            "artifacts/connections.json" => machine.bench.evidence.sockets.as_ref().map_or(0, Vec::len),
            "artifacts/torrents.json" => machine.bench.evidence.torrents.as_ref().map_or(0, Vec::len),
            "artifacts/autostart.json" => machine.bench.evidence.autostart.as_ref().map_or(0, Vec::len),
            "artifacts/firewall.json" => {
                machine.bench.evidence.firewall.as_ref().map_or(0, |f| f.rules.len())
            }
            other => panic!("{name}: {other}"),
        };
        for finding in assessment.findings.iter().chain(&assessment.basis.shadow) {
            assert!(!finding.citations.is_empty(), "{name}: {} cites nothing", finding.rule);
            for citation in &finding.citations {
                assert!(citation.row < rows(&citation.entry), "{name}: {} {}", citation.entry, citation.row);
            }
        }
        if matches!(assessment.verdict, Verdict::Inconclusive) {
            assert!(!assessment.findings.is_empty() || !assessment.missing.is_empty(), "{name}");
        }
    }
}

/// Prints the matrix, and holds the one in the manual against it.
#[test]
fn the_confusion_matrix_is_the_published_one() {
    let mut counts: BTreeMap<(&str, Verdict), usize> = BTreeMap::new();
    let machines = machines();
    let mut high = 0;
    for machine in &machines {
        let assessment = judge(machine);
        *counts.entry((machine.truth.as_str(), assessment.verdict)).or_default() += 1;
        high += usize::from(assessment.confidence == Confidence::High);
    }
    let mut table = "| truth | false positive | inconclusive | policy violation | compromised |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
    let order =
        [Verdict::FalsePositive, Verdict::Inconclusive, Verdict::PolicyViolation, Verdict::Compromised];
    for truth in ["clean", "p2p", "compromised", "unclear"] {
        let cells = order.map(|verdict| counts.get(&(truth, verdict)).copied().unwrap_or(0).to_string());
        let _ = writeln!(table, "| {truth} | {} |", cells.join(" | "));
    }
    println!("{} machines, {high} with high confidence\n\n{table}", machines.len());
    let manual = include_str!("../../../../../docs/verdicts.md");
    assert!(manual.contains(&table), "docs/verdicts.md says otherwise; it should say\n{table}");
    assert!(
        manual.contains(&format!("{} machines", machines.len())),
        "docs/verdicts.md: {} machines",
        machines.len()
    );
}
