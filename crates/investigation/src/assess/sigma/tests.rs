use super::*;
use crate::assess::testing::Bench;
use crate::assess::{Assessment, Rulebook, Verdict, assess};

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";

/// A rule for processes, written for these tests.
const ENCODED: &str = r"
title: Encoded PowerShell
id: 11111111-1111-4111-8111-111111111111
description: Code that is handed over in Base64.
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\powershell.exe'
        CommandLine|contains: ' -enc '
    filter_main_parent:
        ParentImage|endswith: '\agent.exe'
    condition: selection and not 1 of filter_main_*
falsepositives:
    - Deployment agents
level: high
tags:
    - attack.execution
    - attack.t1059.001
";

const RUN_KEY: &str = r"
title: Run key to a script
logsource:
    product: windows
    category: registry_set
detection:
    selection:
        TargetObject|contains: '\CurrentVersion\Run\'
        Details|endswith: '.vbs'
    condition: selection
level: critical
";

const SHELL: &str = r"
title: Winlogon shell set
logsource:
    product: windows
    category: registry_set
detection:
    selection:
        TargetObject|endswith: '\Winlogon\Shell'
    condition: selection
level: high
";

const PORT: &str = r"
title: Connection to 4444
logsource:
    category: network_connection
detection:
    selection:
        Initiated: 'true'
        DestinationPort: 4444
    filter:
        DestinationIp|cidr: '10.0.0.0/8'
    condition: selection and not filter
level: critical
";

fn book(rules: &[(&str, &str)], settings: &str) -> Rulebook {
    let settings = format!("version = 'test'\n{settings}");
    let mut files: Vec<RuleText<'_>> = rules.iter().map(|(file, text)| RuleText { file, text }).collect();
    files.push(RuleText { file: "site.toml", text: &settings });
    let (book, faults) = Rulebook::with_site(&files);
    assert!(faults.is_empty(), "{faults:?}");
    book
}

fn judge(bench: &Bench, rules: &[(&str, &str)], settings: &str) -> Assessment {
    assess(&bench.question(), &bench.evidence, &book(rules, settings))
}

/// A Windows machine with what Windows ships.
fn windows() -> Bench {
    let mut bench = Bench::new()
        .program(2, r"C:\Windows\explorer.exe")
        .winlogon("Shell", "explorer.exe")
        .winlogon("Userinit", r"C:\Windows\system32\userinit.exe,")
        .run_key("OneDrive", r"C:\Users\alice\AppData\Local\Microsoft\OneDrive\OneDrive.exe");
    bench.evidence.identity.as_mut().expect("identity").os = Some("Microsoft Windows 11".into());
    bench
}

fn encoded(bench: Bench, parent: u32) -> Bench {
    bench.child(11, parent, POWERSHELL, "powershell -enc SQBFAFgA")
}

const DECIDE: &str = "[sigma]\nmode = 'decide'\n";

#[test]
fn a_rule_runs_in_shadow_until_the_site_says_otherwise() {
    let bench = encoded(windows(), 2);
    let shadow = judge(&bench, &[("win/encoded.yml", ENCODED)], "");
    assert_eq!(shadow.verdict, Verdict::FalsePositive);
    assert_eq!(shadow.basis.shadow.len(), 1);
    assert_eq!(shadow.basis.rules_version.as_deref(), Some("test"));
    let decided = judge(&bench, &[("win/encoded.yml", ENCODED)], DECIDE);
    assert_eq!((decided.verdict, decided.confidence), (Verdict::Inconclusive, Confidence::Medium));
    let finding = &decided.findings[0];
    assert_eq!(finding.rule, "sigma.11111111-1111-4111-8111-111111111111");
    assert_eq!(finding.technique.as_deref(), Some("T1059.001"));
    assert_eq!(
        (finding.citations[0].entry.as_str(), finding.citations[0].row),
        ("artifacts/processes.json", 2)
    );
    assert!(finding.runbook.contains("Deployment agents"), "{}", finding.runbook);
    assert!(finding.explanation.contains("Encoded PowerShell") && finding.explanation.contains("PID 11"));
    for id in ["encoded", "encoded.yml", "11111111-1111-4111-8111-111111111111"] {
        let off = format!("[sigma]\nmode = 'decide'\nrule = [{{ id = '{id}', mode = 'off' }}]\n");
        let off = judge(&bench, &[("win/encoded.yml", ENCODED)], &off);
        assert!(off.findings.is_empty() && off.basis.shadow.is_empty(), "{id}");
    }
}

#[test]
fn an_exclusion_that_cannot_be_tested_is_told_and_finds_nothing() {
    // Who started it has ended: it may have been the agent that the rule leaves out.
    let orphan = judge(&encoded(windows(), 4000), &[("a.yml", ENCODED)], DECIDE);
    assert_eq!(orphan.verdict, Verdict::FalsePositive);
    assert!(
        orphan.missing.iter().any(|line| line.contains("Encoded PowerShell (ParentImage)")),
        "{:?}",
        orphan.missing
    );
    let agent = windows().program(3, r"C:\Program Files\Agent\agent.exe");
    let excluded = judge(&encoded(agent, 3), &[("a.yml", ENCODED)], DECIDE);
    assert!(excluded.missing.is_empty() && excluded.findings.is_empty(), "{excluded:?}");
}

#[test]
fn values_that_windows_ships_were_written_by_nobody() {
    let clean = judge(&windows(), &[("shell.yml", SHELL), ("run.yml", RUN_KEY)], DECIDE);
    assert_eq!((clean.verdict, clean.findings.len()), (Verdict::FalsePositive, 0), "{clean:?}");
    let tampered = windows().winlogon("Shell", r"explorer.exe,C:\Program Files\X\x.exe");
    let tampered = judge(&tampered, &[("shell.yml", SHELL)], DECIDE);
    let sigma = tampered.findings.iter().find(|finding| finding.rule == "sigma.shell").expect("found");
    assert_eq!((sigma.bearing, sigma.confidence), (Bearing::Suspicion, Confidence::Low));
    let scripted = windows().run_key("x", r"C:\Users\alice\Documents\x.vbs");
    let scripted = judge(&scripted, &[("run.yml", RUN_KEY)], DECIDE);
    assert_eq!((scripted.verdict, scripted.confidence), (Verdict::Inconclusive, Confidence::Medium));
    assert_eq!(scripted.findings[0].citations[0].entry, "artifacts/autostart.json");
    assert!(scripted.findings[0].explanation.contains("by what it was written"));
}

#[test]
fn connections_are_those_that_the_machine_opened() {
    let rules = [("port.yml", PORT)];
    let out = |ip: &str| windows().program(9, r"C:\Tools\nc.exe").tcp(9, ip, 4444);
    let found = judge(&out("198.51.100.9"), &rules, DECIDE);
    assert_eq!((found.verdict, found.confidence), (Verdict::Compromised, Confidence::Medium));
    assert_eq!(found.findings[0].citations[0].entry, "artifacts/connections.json");
    assert_eq!(judge(&out("10.9.9.9"), &rules, DECIDE).verdict, Verdict::FalsePositive);
    // A server's client may come from any port.
    let accepted = out("198.51.100.9").listening(9, "0.0.0.0", 45_000);
    assert_eq!(judge(&accepted, &rules, DECIDE).verdict, Verdict::FalsePositive);
}

#[test]
fn a_rule_for_one_system_is_not_asked_of_another() {
    let linux = Bench::new().child(11, 1, "/opt/powershell.exe", r"x -enc y \powershell.exe");
    assert!(judge(&linux, &[("a.yml", ENCODED)], DECIDE).findings.is_empty());
}

#[test]
fn what_cannot_be_used_is_named_and_other_log_sources_are_counted() {
    let read = |text: &str| {
        let (book, faults) = Rulebook::with_site(&[RuleText { file: "a.yml", text }]);
        let fault = faults.first().map(|fault| fault.why.clone()).unwrap_or_default();
        (book.sigma().len(), book.sigma().elsewhere(), fault)
    };
    assert_eq!(read(ENCODED), (1, 0, String::new()));
    assert_eq!(read(&ENCODED.replace("process_creation", "image_load")), (0, 1, String::new()));
    assert_eq!(read(&ENCODED.replace("product: windows", "product: macos")), (0, 1, String::new()));
    for (text, why) in [
        (String::new(), "logsource"),
        ("- a\n- b\n".to_owned(), "logsource"),
        ("a: [".to_owned(), "YAML"),
        (format!("{ENCODED}\n---\n{ENCODED}"), "YAML"),
        (ENCODED.replace("level: high", "level: dire"), "level"),
        (ENCODED.replace("title: Encoded PowerShell", ""), "title"),
        (ENCODED.replace("CommandLine|contains", "CommandLine|sideways"), "sideways"),
        (ENCODED.replace("selection and not", "missing_one and not"), "missing_one"),
        (ENCODED.replace("condition: selection and", "condition: ((selection and"), ""),
        ("correlation: {}\n".to_owned(), "correlations"),
    ] {
        let (rules, _, fault) = read(&text);
        assert!(
            rules == 0 && !fault.is_empty() && fault.contains(why) && !fault.contains('\n'),
            "{why}: {fault}"
        );
    }
    let (_, faults) = Rulebook::with_site(&[
        RuleText { file: "a.yml", text: ENCODED },
        RuleText { file: "b.yml", text: ENCODED },
        RuleText {
            file: "c.toml",
            text: "version = '1'\n[sigma]\nrule = [{ id = 'nowhere', mode = 'off' }]\n",
        },
    ]);
    assert!(faults[0].why.contains("has the id") && faults[1].why.contains("nowhere"), "{faults:?}");
}

#[test]
fn levels_weigh_as_the_manual_says() {
    let bench = encoded(windows(), 2);
    let of = |level: &str| {
        let rule = ENCODED.replace("level: high", &format!("level: {level}"));
        let found = judge(&bench, &[("a.yml", &rule)], DECIDE);
        (found.verdict, found.findings[0].bearing, found.findings[0].confidence)
    };
    assert_eq!(of("critical"), (Verdict::Compromised, Bearing::Compromise, Confidence::Medium));
    assert_eq!(of("high"), (Verdict::Inconclusive, Bearing::Suspicion, Confidence::Medium));
    assert_eq!(of("medium"), (Verdict::FalsePositive, Bearing::Context, Confidence::Medium));
    assert_eq!(of("low"), (Verdict::FalsePositive, Bearing::Context, Confidence::Low));
}

#[test]
fn what_is_found_in_shadow_is_bounded_and_counted() {
    let rules: Vec<(String, String)> = (0..30)
        .map(|n| (format!("{n}.yml"), ENCODED.replace("11111111-1111", &format!("22222222-22{n:02}"))))
        .collect();
    let rules: Vec<(&str, &str)> = rules.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let bench =
        (20..30).fold(windows(), |bench, pid| bench.child(pid, 2, POWERSHELL, "powershell -enc SQBFAFgA"));
    let assessment = judge(&bench, &rules, "");
    assert_eq!(assessment.basis.shadow.len(), 25);
    assert_eq!(assessment.basis.shadow[0].citations.len(), 3);
    assert!(
        assessment.missing.iter().any(|line| line.starts_with("5 further findings")),
        "{:?}",
        assessment.missing
    );
}
