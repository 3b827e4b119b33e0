//! What is proposed from which evidence.

use super::*;
use crate::assess::testing::Bench;
use crate::assess::{Rulebook, assess};
use crate::evidence::{ArtifactKind, ArtifactStatus, AutostartEntry, TorrentKind};
use crate::policy::Policy;

const CLIENT: &str = "/home/alice/qbittorrent-nox";

fn policy(section: &str) -> Policy {
    let text = format!(
        "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[remediation]\napprovers = ['anna', 'bert']\n{section}"
    );
    Policy::parse(&text).unwrap()
}

const ALL: &str =
    "policy_violation = ['stop_process', 'disable_autostart', 'block_traffic', 'quarantine_file', 'isolate']";

fn proposed(bench: &Bench, policy: &Policy) -> Option<Proposal> {
    let question = bench.question();
    let assessment = assess(&question, &bench.evidence, &Rulebook::default());
    let now = Bench::at("2026-03-02T10:31:00Z");
    propose(&question, &bench.evidence, &assessment, &[], policy, now)
}

fn words(proposal: &Proposal) -> Vec<&'static str> {
    proposal.measures.iter().map(|suggestion| suggestion.measure.as_str()).collect()
}

/// The order in which measures are carried out.
fn place(kind: &str) -> usize {
    let order = ["disable_autostart", "stop_process", "block_traffic", "quarantine_file", "isolate"];
    order.iter().position(|known| *known == kind).expect("a measure")
}

/// A client of alice's that holds the alert's flow, waits on a port and starts by itself.
fn in_use() -> Bench {
    Bench::new().program(700, CLIENT).flow(700).listening(700, "0.0.0.0", 51413).autostart(
        "systemd",
        "/home/alice/.config/systemd/user/q.service",
        "q.service",
        "/home/alice/qbittorrent-nox --daemon",
    )
}

#[test]
fn nothing_is_proposed_where_the_policy_wants_nothing() {
    assert_eq!(proposed(&in_use(), &policy("")), None);
    assert_eq!(proposed(&in_use(), &policy("compromised = ['stop_process']")), None);
}

#[test]
fn what_is_proposed_is_about_what_the_verdict_cites_in_the_order_in_which_it_is_done() {
    let proposal = proposed(&in_use(), &policy(ALL)).unwrap();
    assert_eq!(words(&proposal), ["disable_autostart", "stop_process", "block_traffic"], "{proposal:?}");
    assert_eq!(proposal.host_name, "ws-17");
    let Measure::StopProcess { pid, image, start_time } = &proposal.measures[1].measure else { panic!() };
    assert_eq!((*pid, image.as_str()), (700, CLIENT));
    assert_eq!(*start_time, Some(Bench::at("2026-03-02T08:00:00Z")));
    assert_eq!(proposal.measures[2].measure, Measure::BlockTraffic { image: None, ports: vec![51413] });
    let why = &proposal.measures[1].why;
    assert!(why.entry.starts_with("artifacts/") && why.rule.starts_with("p2p."), "{why:?}");
    let said = proposal.left_out.join("\n");
    assert!(said.contains("isolate of the host"), "isolation is for what shows a compromise: {said}");
}

/// A torrent that was touched proves no use by itself. Beside a client that is in use it is what the client was given.
#[test]
fn torrents_of_the_time_go_with_a_client_that_is_proven_and_with_nothing_less() {
    let recent = "2026-03-02T09:58:00Z";
    let with_files = |bench: Bench| {
        let bench = bench.file("/home/alice/Downloads/film.torrent", TorrentKind::Metainfo, recent);
        let bench =
            bench.file("/home/alice/Downloads/old.torrent", TorrentKind::Metainfo, "2024-01-01T00:00:00Z");
        bench
            .file("/home/alice/Downloads/film.mkv.part", TorrentKind::PartialDownload, recent)
            .torrent(|file| file.weak = true)
    };
    let proposal = proposed(&with_files(in_use()), &policy(ALL)).unwrap();
    let files: Vec<_> = proposal
        .measures
        .iter()
        .filter_map(|suggestion| match &suggestion.measure {
            Measure::QuarantineFile { path, .. } => Some((path.as_str(), suggestion.why.rule.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(files, [("/home/alice/Downloads/film.torrent", "files.torrent_touched")], "{proposal:?}");
    let said = proposal.left_out.join("\n");
    assert!(said.contains("film.mkv.part: other software leaves such files too"), "{said}");

    // Of a machine that is compromised and has no client in use, the torrents are nobody's business.
    let intruder = Bench::new().program(900, "/dev/shm/kdevtmpfsi").flow(900);
    let both = policy("compromised = ['quarantine_file', 'stop_process']");
    let proposal = proposed(&with_files(intruder), &both).expect("it is compromised");
    let files = words(&proposal).into_iter().filter(|word| *word == "quarantine_file");
    assert_eq!(files.count(), 0, "{proposal:?}");
}

/// The same on Windows, where the firewall goes by programs and a program starts in more ways.
#[test]
fn on_windows_the_same_is_proposed_but_for_what_is_the_systems_own() {
    const IMAGE: &str = r"C:\Users\alice\AppData\Roaming\qbittorrent\qbittorrent.exe";
    let services = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services";
    let bench = Bench::new()
        .program(700, IMAGE)
        .flow(700)
        .run_key("u", IMAGE)
        .winlogon("Shell", IMAGE)
        .autostart("service", &format!(r"{services}\u"), "u", IMAGE)
        .autostart("service", &format!(r"{services}\WinRM"), "WinRM", IMAGE)
        .autostart("scheduled_task", r"\", "u", IMAGE)
        .autostart("scheduled_task", r"\Microsoft\Windows\Defrag\", "v", IMAGE);
    let proposal =
        proposed(&bench, &policy(&format!("{ALL}\n{}", ALL.replace("policy_violation", "compromised"))))
            .unwrap();
    let mut mechanisms: Vec<&str> = proposal
        .measures
        .iter()
        .filter_map(|suggestion| match &suggestion.measure {
            Measure::DisableAutostart { mechanism, .. } => Some(mechanism.as_str()),
            _ => None,
        })
        .collect();
    mechanisms.sort_unstable();
    assert_eq!(mechanisms, ["run_key", "scheduled_task", "service"], "{proposal:?}");
    let block = Measure::BlockTraffic { image: Some(IMAGE.to_owned()), ports: Vec::new() };
    assert!(proposal.measures.iter().any(|suggestion| suggestion.measure == block), "{proposal:?}");
    assert!(words(&proposal).contains(&"stop_process"));
    for says in ["disable_autostart of WinRM", "disable_autostart of Shell", "the system's own tasks"] {
        assert!(proposal.left_out.iter().any(|line| line.contains(says)), "{says}: {proposal:?}");
    }
}

#[test]
fn a_process_that_cannot_be_told_from_another_one_is_left_alone_and_said_so() {
    let stop = policy("policy_violation = ['stop_process']");
    for (bench, says) in [
        (in_use().process(700, |process| process.start_time = None), "when it started is not known"),
        (in_use().process(700, |process| process.image_deleted = true), "replaced since it started"),
    ] {
        let proposal = proposed(&bench, &stop).unwrap();
        assert!(proposal.measures.is_empty(), "{says}: {proposal:?}");
        assert!(proposal.left_out.iter().any(|line| line.contains(says)), "{says}: {proposal:?}");
    }
}

#[test]
fn ports_are_only_blocked_where_all_of_them_are_known_and_nobody_else_waits_on_them() {
    let block = policy("policy_violation = ['block_traffic']");
    let partial = in_use().outcome(ArtifactKind::Connections, ArtifactStatus::Partial, "no owner");
    let proposal = proposed(&partial, &block).unwrap();
    assert!(proposal.measures.is_empty(), "{proposal:?}");
    assert!(proposal.left_out.iter().any(|line| line.contains("not whole")), "{proposal:?}");
    let shared = in_use().program(701, "/home/alice/other").listening(701, "127.0.0.1", 51413);
    assert!(proposed(&shared, &block).unwrap().measures.is_empty());
    let ssh = Bench::new().program(700, CLIENT).flow(700).listening(700, "0.0.0.0", 22);
    assert!(proposed(&ssh, &block).unwrap().measures.is_empty(), "the way in would be cut off");
}

#[test]
fn servers_exempt_machines_and_old_evidence_propose_nothing() {
    let mut server = in_use();
    server.evidence.identity.as_mut().unwrap().os = Some("Windows Server 2022 Standard".to_owned());
    let nothing = |bench: &Bench, policy: &Policy, says: &str| {
        let proposal = proposed(bench, policy).unwrap();
        assert!(proposal.measures.is_empty(), "{says}: {proposal:?}");
        assert!(proposal.left_out[0].contains(says), "{says}: {proposal:?}");
    };
    nothing(&server, &policy(ALL), "server");
    assert!(!proposed(&server, &policy(&format!("{ALL}\nservers = true"))).unwrap().measures.is_empty());
    for never in ["{ host = 'WS-*', reason = 'kiosk' }", "{ network = '10.20.0.0/24', reason = 'kiosk' }"] {
        nothing(&in_use(), &policy(&format!("{ALL}\nnever = [{never}]")), "kiosk");
    }
    nothing(&in_use(), &policy(&format!("{ALL}\nmax_age = '30s'")), "max_age");
    let mut nobody = in_use();
    nobody.evidence.identity = None;
    nothing(&nobody, &policy(ALL), "did not say who it is");
}

#[test]
fn a_user_that_is_never_touched_protects_the_machine_while_logged_in() {
    let mut bench = in_use();
    bench.evidence.identity.as_mut().unwrap().users.push(crate::evidence::SessionUser {
        name: "boss".to_owned(),
        domain: Some("CORP".to_owned()),
        session: None,
        from: None,
        since: None,
    });
    let never = policy(&format!("{ALL}\nnever = [{{ user = 'boss@corp.example.com', reason = 'board' }}]"));
    assert!(proposed(&bench, &never).unwrap().left_out[0].contains("board"));
    assert!(!proposed(&in_use(), &never).unwrap().measures.is_empty());
}

/// A hostile endpoint makes any number of rows. Each stays cheap, and what a person has to read stays short.
#[test]
fn any_number_of_rows_is_twenty_measures_at_most_and_says_that_there_are_more() {
    let mut bench = in_use();
    let entry = |n: usize| AutostartEntry {
        mechanism: "cron".to_owned(),
        location: format!("/etc/cron.d/{n}"),
        name: format!("job {n}\u{202e}\n"),
        command: Some(format!("{CLIENT} --n {n}")),
        user: None,
        enabled: None,
    };
    bench.evidence.autostart = Some((0..500).map(entry).collect());
    let proposal = proposed(&bench, &policy(ALL)).unwrap();
    assert_eq!(proposal.measures.len(), MAX_PROPOSED);
    let kinds = words(&proposal);
    assert!(
        kinds.contains(&"stop_process") && kinds.contains(&"block_traffic"),
        "they hid behind rows: {kinds:?}"
    );
    assert!(kinds.is_sorted_by_key(|kind| place(kind)), "{kinds:?}");
    assert!(proposal.left_out.iter().any(|line| line.contains("at most")), "{:?}", proposal.left_out);
    for suggestion in &proposal.measures {
        let line = suggestion.measure.words();
        assert!(!line.contains('\n') && !line.contains('\u{202e}'), "{line:?}");
    }
}
