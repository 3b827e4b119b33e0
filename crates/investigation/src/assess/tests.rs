//! Whole assessments, and what must hold for every one of them.

use proptest::prelude::*;

use super::summary::{explain_markdown, explain_text};
use super::testing::Bench;
use super::*;
use crate::evidence::{ArtifactKind, ArtifactStatus, Process, TorrentKind};

fn judge(bench: &Bench) -> Assessment {
    assess(&bench.question(), &bench.evidence, Rulebook::shipped())
}

fn busy_client() -> Bench {
    Bench::new()
        .client(4242)
        .flow(4242)
        .listening(4242, "0.0.0.0", 8080)
        .file("/home/alice/Downloads/film.mkv.!qB", TorrentKind::PartialDownload, "2026-03-02T09:59:00Z")
        .file("/home/alice/Downloads/old.torrent", TorrentKind::Metainfo, "2024-05-01T00:00:00Z")
}

#[test]
fn a_client_with_the_alert_s_peer() {
    let assessment = judge(&busy_client());
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::PolicyViolation, Confidence::High));
    assert_eq!(assessment.user(), Some("alice"));
    insta::assert_json_snapshot!("client_connected", assessment);
    insta::assert_snapshot!("client_connected_text", explain_text(&assessment));
    insta::assert_snapshot!("client_connected_markdown", explain_markdown(&assessment));
}

#[test]
fn a_clean_endpoint() {
    let assessment = judge(&Bench::new().program(900, "/usr/sbin/sshd").listening(900, "0.0.0.0", 22));
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::FalsePositive, Confidence::High));
    assert!(assessment.missing.is_empty() && assessment.findings.is_empty());
    insta::assert_snapshot!("clean_text", explain_text(&assessment));
}

#[test]
fn hostile_names_reach_neither_terminal_nor_report() {
    let path = "/tmp/`x`|<img src=//e.example>\u{1b}[2J\u{202e}\n# [a](http://e.example)";
    let assessment = judge(&Bench::new().program(5, path).flow(5));
    let (text, report) = (explain_text(&assessment), explain_markdown(&assessment));
    for shown in [&text, &report] {
        assert!(shown.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{shown:?}");
    }
    assert!(!report.contains("<img") && !report.contains("[a](http"), "{report}");
    insta::assert_snapshot!("hostile_markdown", report);
}

#[test]
fn only_files() {
    let old =
        Bench::new().file("/home/alice/Downloads/a.torrent", TorrentKind::Metainfo, "2024-05-01T00:00:00Z");
    let assessment = judge(&old);
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::Inconclusive, Confidence::Low));
    let fresh = old.file("/home/alice/film.mkv.!qB", TorrentKind::PartialDownload, "2026-03-02T10:10:00Z");
    let assessment = judge(&fresh);
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::PolicyViolation, Confidence::Medium));
    insta::assert_snapshot!("only_files_text", explain_text(&assessment));
}

#[test]
fn a_partial_process_list_is_no_clean_bill() {
    let reason = "412 processes of other users could not be read";
    let assessment = judge(&Bench::new().outcome(ArtifactKind::Processes, ArtifactStatus::Partial, reason));
    assert_eq!(assessment.verdict, Verdict::Inconclusive);
    assert!(assessment.missing[0].contains(reason), "{:?}", assessment.missing);
    insta::assert_snapshot!("partial_text", explain_text(&assessment));
}

#[test]
fn what_no_rule_reads_does_not_block() {
    for kind in [
        ArtifactKind::Autostart,
        ArtifactKind::Firewall,
        ArtifactKind::Neighbors,
        ArtifactKind::DnsCache,
        ArtifactKind::Prefetch,
        ArtifactKind::Programs,
    ] {
        let assessment = judge(&Bench::new().outcome(kind, ArtifactStatus::Failed, "not permitted"));
        assert_eq!(assessment.verdict, Verdict::FalsePositive);
        assert!(assessment.missing[0].contains("not permitted"), "{:?}", assessment.missing);
    }
    let partial = Bench::new().outcome(ArtifactKind::Identity, ArtifactStatus::Partial, "no sessions");
    assert_eq!(judge(&partial).verdict, Verdict::FalsePositive);
}

/// What Linux does not have, and what older versions did not collect, is nothing that is missing.
#[test]
fn evidence_without_the_kinds_that_only_support_is_whole() {
    let supporting =
        [ArtifactKind::Neighbors, ArtifactKind::DnsCache, ArtifactKind::Prefetch, ArtifactKind::Programs];
    let mut older = Bench::new();
    for kind in supporting {
        older = spoil(spoil(older, kind, Spoil::Drop), kind, Spoil::Forget);
    }
    let stored = serde_json::to_value(&older.evidence).expect("serialises");
    let mut stored = stored.as_object().expect("an object").clone();
    supporting.iter().for_each(|kind| drop(stored.remove(kind.as_str())));
    older.evidence = serde_json::from_value(stored.into()).expect("reads");
    let assessment = judge(&older);
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::FalsePositive, Confidence::High));
    assert!(assessment.missing.is_empty(), "{:?}", assessment.missing);
    assert_eq!(judge(&older.client(4242).flow(4242)).verdict, Verdict::PolicyViolation);
}

#[test]
fn traces_of_a_client_leave_the_case_open_and_prove_nothing() {
    let traces = Bench::new().installed("qBittorrent").resolved("router.bittorrent.com").prefetched(
        "QBITTORRENT.EXE-1A2B3C4D.pf",
        "QBITTORRENT.EXE",
        "2026-03-02T10:00:10Z",
    );
    let assessment = judge(&traces);
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::Inconclusive, Confidence::Medium));
    let rules: Vec<_> = assessment.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["traces.client_ran", "traces.swarm_name_resolved", "traces.client_installed"]);
    assert_eq!(assessment.user(), Some("alice"));
    let unnamed = Bench::new().installed("qBittorrent").program_entry(|p| p.user = Some("S-1-5-21-1".into()));
    assert_eq!(judge(&unnamed).user(), None, "an identifier is no name");
    let with_flow = judge(&traces.client(4242).flow(4242));
    assert_eq!((with_flow.verdict, with_flow.findings.len()), (Verdict::PolicyViolation, 4));
}

#[test]
fn evidence_that_cannot_speak_for_the_alert_is_no_clean_bill() {
    let says = |bench: &Bench, words: &str| {
        let assessment = judge(bench);
        assert_eq!(assessment.verdict, Verdict::Inconclusive, "{words}");
        assert!(assessment.missing.iter().any(|missing| missing.contains(words)), "{:?}", assessment.missing);
    };
    says(&Bench::new().alert(|a| a.timestamp = Some(Bench::at("2026-02-27T10:00:00Z"))), "3 days younger");
    let mut restarted = Bench::new();
    restarted.evidence.identity.as_mut().expect("identity").boot_time =
        Some(Bench::at("2026-03-02T10:20:00Z"));
    says(&restarted, "after the alert");
    let mut elsewhere = Bench::new();
    elsewhere.evidence.identity.as_mut().expect("identity").addresses = vec![Bench::ip("10.20.0.77")];
    says(&elsewhere, "does not hold 10.20.0.5");
    let mut idle = Bench::new();
    idle.evidence.processes = Some(Vec::new());
    says(&idle, "no running machine");
    let mut unrecorded = Bench::new();
    unrecorded.evidence.outcomes.retain(|outcome| outcome.kind != ArtifactKind::Torrents);
    says(&unrecorded, "without a record");
}

#[test]
fn a_bare_address_without_an_alert_s_peer_is_judged_by_what_runs() {
    let bare = |bench: Bench| {
        bench.alert(|a| {
            (a.timestamp, a.source_port, a.destination_ip, a.destination_port) = (None, None, None, None)
        })
    };
    let assessment = judge(&bare(Bench::new()));
    assert_eq!((assessment.verdict, assessment.confidence), (Verdict::FalsePositive, Confidence::Medium));
    assert_eq!(judge(&bare(busy_client())).verdict, Verdict::PolicyViolation);
}

/// An alert that does not say when it was, or says a time that was still to come, is as old as its case.
#[test]
fn an_alert_without_a_usable_time_is_judged_by_when_its_case_was_opened() {
    for time in [None, Some(Bench::at("2031-01-01T00:00:00Z"))] {
        let asked = |bench: Bench, days: i64| {
            let bench = bench.alert(|a| a.timestamp = time);
            let opened_at = Bench::at(testing::OPENED) - SignedDuration::from_hours(24 * days);
            let question = Question { opened_at, ..bench.question() };
            assess(&question, &bench.evidence, Rulebook::shipped())
        };
        let stale = |assessment: &Assessment| {
            assessment.missing.iter().any(|missing| missing.contains("stale, 3 days younger"))
        };
        let (fresh, late) = (asked(Bench::new(), 0), asked(Bench::new(), 3));
        assert_eq!(
            (fresh.verdict, fresh.confidence),
            (Verdict::FalsePositive, Confidence::Medium),
            "{time:?}"
        );
        assert_eq!(
            (late.verdict, stale(&fresh), stale(&late)),
            (Verdict::Inconclusive, false, true),
            "{time:?}"
        );
        let late = asked(busy_client(), 3);
        assert!(stale(&late) && late.confidence < Confidence::High, "{time:?}: {late:?}");
    }
}

/// Addresses are lent (DHCP), names are not.
#[test]
fn a_machine_of_another_name_than_the_alerts_proves_less() {
    let named = |bench: Bench, alerted: &str, own: &str| {
        let mut bench = bench.alert(|a| a.host_name = Some(alerted.to_owned()));
        own.clone_into(&mut bench.evidence.identity.as_mut().expect("identity").host_name);
        judge(&bench)
    };
    for (alerted, own) in [
        ("WS-17.corp.example", "ws-17"),
        ("ACCOUNTING-DEPA", "accounting-department-17.corp.example"),
        ("10.20.0.5", "ws-17"),
    ] {
        assert_eq!(named(Bench::new(), alerted, own).verdict, Verdict::FalsePositive, "{alerted} {own}");
    }
    let clean = named(Bench::new(), "ws-99", "ws-17");
    assert_eq!(clean.verdict, Verdict::Inconclusive);
    assert!(clean.missing[0].contains("ws-99") && clean.missing[0].contains("DHCP"), "{:?}", clean.missing);
    let client = named(busy_client(), "ws-99", "ws-17");
    assert_eq!((client.verdict, client.confidence), (Verdict::PolicyViolation, Confidence::Medium));
    let machine = client.basis.chain.iter().find(|link| link.link == "machine").expect("a link");
    assert!(!machine.holds && client.basis.chain.last() == Some(machine), "{:?}", client.basis.chain);
}

/// What does not hold ends the chain: nothing is tied to a link that is not there.
#[test]
fn the_chain_ends_at_the_first_link_that_does_not_hold() {
    let ends = |bench: Bench| {
        let chain = judge(&bench).basis.chain;
        let (last, before) = chain.split_last().expect("a chain");
        assert!(before.iter().all(|link| link.holds), "{chain:?}");
        (last.link.clone(), last.holds)
    };
    assert_eq!(ends(busy_client()), ("user".to_owned(), true));
    assert_eq!(ends(Bench::new().client(5)), ("socket".to_owned(), false));
    assert_eq!(ends(Bench::new().flow_unowned()), ("process".to_owned(), false));
    assert_eq!(ends(Bench::new().flow_named(9, "/usr/bin/rtorrent")), ("process".to_owned(), false));
    assert_eq!(ends(busy_client().process(4242, |p| p.path = None)), ("image".to_owned(), false));
    assert_eq!(ends(busy_client().process(4242, |p| p.user = None)), ("user".to_owned(), false));
    let late = busy_client().alert(|a| a.timestamp = Some(Bench::at("2026-03-02T06:00:00Z")));
    assert_eq!(ends(late), ("socket".to_owned(), false));
    let bare =
        Bench::new().alert(|a| (a.source_port, a.destination_ip, a.destination_port) = (None, None, None));
    assert_eq!(ends(bare), ("flow".to_owned(), false));
}

/// The lists are the endpoint's: no rule may hold every row of one against every row of another.
#[test]
fn long_lists_are_read_in_reasonable_time() {
    let rows = 10_000;
    let mut bench = Bench::new();
    for pid in 10..10 + rows {
        let path = format!(r"C:\Users\a\AppData\Local\Temp\{pid}.exe");
        bench = bench.run_key("x", &path).let_in(&path);
        let process = Process { pid, path: Some(path), parent_pid: Some(pid - 1), ..Process::default() };
        bench.evidence.processes.get_or_insert_default().push(process);
        bench = bench.udp_bound_by(pid, 6771);
        bench = bench.file("/d/f.!qB", TorrentKind::PartialDownload, "2026-03-02T09:00:00Z");
    }
    // Of this thread, so that a busy machine makes no difference; where the system does not say, only that it ends counts.
    let spent = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or_default()
    };
    let before = spent();
    assert_eq!(judge(&bench).verdict, Verdict::Compromised);
    // Three seconds unoptimised, and minutes for a product of two of the lists.
    let seconds = (spent() - before) / 1_000_000_000;
    assert!(seconds < 60, "{seconds} seconds");
}

#[test]
fn findings_and_citations_are_bounded() {
    let mut bench = Bench::new();
    for pid in 10..300 {
        bench = bench.client(pid);
    }
    for _ in 0..50 {
        bench = bench.flow(10);
    }
    let assessment = judge(&bench);
    assert_eq!(assessment.findings.len(), MAX_FINDINGS);
    let first = &assessment.findings[0];
    assert_eq!(first.citations.len(), MAX_CITATIONS);
    assert!(first.explanation.contains("41 further rows"), "{}", first.explanation);
}

#[test]
fn an_assessment_survives_storage() {
    let assessment = judge(&busy_client());
    let stored = serde_json::to_string(&assessment).expect("serialises");
    assert_eq!(serde_json::from_str::<Assessment>(&stored).expect("reads"), assessment);
    assert_eq!(serde_json::to_string(&Verdict::FalsePositive).expect("serialises"), "\"false_positive\"");
}

/// One way to spoil an artifact.
#[derive(Clone, Copy, Debug)]
enum Spoil {
    Drop,
    Fail,
    FailAndDrop,
    Cut,
    Partial,
    Forget,
}

fn spoil(mut bench: Bench, kind: ArtifactKind, how: Spoil) -> Bench {
    if matches!(how, Spoil::Drop | Spoil::FailAndDrop) {
        match kind {
            ArtifactKind::Identity => bench.evidence.identity = None,
            ArtifactKind::Processes => bench.evidence.processes = None,
            ArtifactKind::Connections => bench.evidence.sockets = None,
            ArtifactKind::Torrents => bench.evidence.torrents = None,
            ArtifactKind::Autostart => bench.evidence.autostart = None,
            ArtifactKind::Firewall => bench.evidence.firewall = None,
            ArtifactKind::Neighbors => bench.evidence.neighbors = None,
            ArtifactKind::DnsCache => bench.evidence.dns_cache = None,
            ArtifactKind::Prefetch => bench.evidence.prefetch = None,
            ArtifactKind::Programs => bench.evidence.programs = None,
            _ => {}
        }
    }
    match how {
        Spoil::Drop => bench,
        Spoil::Fail | Spoil::FailAndDrop => bench.outcome(kind, ArtifactStatus::Failed, "spoilt"),
        Spoil::Cut => bench.outcome(kind, ArtifactStatus::Truncated, "spoilt"),
        Spoil::Partial => bench.outcome(kind, ArtifactStatus::Partial, "spoilt"),
        Spoil::Forget => {
            bench.evidence.outcomes.retain(|outcome| outcome.kind != kind);
            bench
        }
    }
}

fn any_spoil() -> impl Strategy<Value = (ArtifactKind, Spoil)> {
    let how = [Spoil::Drop, Spoil::Fail, Spoil::FailAndDrop, Spoil::Cut, Spoil::Partial, Spoil::Forget];
    (proptest::sample::select(ArtifactKind::ALL.to_vec()), proptest::sample::select(how.to_vec()))
}

fn any_bench() -> impl Strategy<Value = Bench> {
    let programs =
        ["/usr/bin/qbittorrent-nox", "/usr/bin/aria2c", "/usr/bin/firefox", "/usr/bin/syncthing", "/bin/x"];
    let times = ["2026-03-02T09:50:00Z", "2024-01-01T00:00:00Z", "2031-01-01T00:00:00Z"];
    let kinds =
        [TorrentKind::Metainfo, TorrentKind::PartialDownload, TorrentKind::Resume, TorrentKind::ClientData];
    let program = (2..9u32, proptest::sample::select(programs.to_vec()));
    let socket = (0..10u32, 0..5u8, proptest::sample::select(vec![6881u16, 443, 51000, 40000]));
    let file = (proptest::sample::select(kinds.to_vec()), proptest::sample::select(times.to_vec()));
    let days = 0..5i64;
    (
        proptest::collection::vec(program, 0..3),
        proptest::collection::vec(socket, 0..4),
        proptest::collection::vec(file, 0..3),
        days,
        any::<[bool; 6]>(),
    )
        .prop_map(
            |(
                programs,
                sockets,
                files,
                days,
                [late_boot, other_address, no_time, installed, prefetched, resolved],
            )| {
                let mut bench = Bench::new();
                for (pid, path) in programs {
                    bench = bench.program(pid, path);
                }
                for (pid, shape, port) in sockets {
                    bench = match shape {
                        0 => bench.tcp(pid, "203.0.113.7", port),
                        1 => bench.tcp(pid, "198.51.100.9", port),
                        2 => bench.listening(pid, "0.0.0.0", port),
                        3 => bench.udp_bound(pid, port),
                        _ => bench.flow_unowned(),
                    };
                }
                for (kind, time) in files {
                    bench = bench.file("/home/alice/x", kind, time);
                }
                if installed {
                    bench = bench.installed("qBittorrent");
                }
                if prefetched {
                    bench = bench.prefetched("TIXATI.EXE-1A2B3C4D.pf", "TIXATI.EXE", "2026-03-02T09:50:00Z");
                }
                if resolved {
                    bench = bench.resolved("router.bittorrent.com");
                }
                let identity = bench.evidence.identity.as_mut().expect("identity");
                if late_boot {
                    identity.boot_time = Some(Bench::at("2026-03-02T10:20:00Z"));
                }
                if other_address {
                    identity.addresses = vec![Bench::ip("10.20.0.77")];
                }
                let aged = Bench::at("2026-03-02T10:00:00Z") - SignedDuration::from_hours(24 * days);
                bench.alert(|a| a.timestamp = (!no_time).then_some(aged))
            },
        )
}

proptest! {
    /// The invariant that this module is for: less evidence never clears anybody. Of what only supports, less is what
    /// systems without it and older versions have: it is held to the verdict without it.
    #[test]
    fn spoiling_evidence_never_turns_a_verdict_into_a_false_positive(
        bench in any_bench(),
        spoils in proptest::collection::vec(any_spoil(), 1..4),
    ) {
        let supporting = |kind: ArtifactKind| {
            matches!(kind, ArtifactKind::DnsCache | ArtifactKind::Prefetch | ArtifactKind::Programs)
        };
        let unsupported = spoils.iter().filter(|(kind, _)| supporting(*kind));
        let before =
            judge(&unsupported.fold(bench.clone(), |bench, (kind, _)| spoil(bench, *kind, Spoil::Drop))).verdict;
        let rest = spoils.iter().fold(bench, |bench, (kind, how)| spoil(bench, *kind, *how));
        let after = judge(&rest).verdict;
        if before != Verdict::FalsePositive {
            prop_assert_ne!(after, Verdict::FalsePositive, "{:?}", spoils);
        }
        let read = [ArtifactKind::Processes, ArtifactKind::Connections, ArtifactKind::Torrents];
        if spoils.iter().any(|(kind, _)| read.contains(kind)) {
            prop_assert_ne!(after, Verdict::FalsePositive, "{:?}", spoils);
        }
    }

    /// Text that an endpoint sends is shown, and neither moves the cursor nor ends the line.
    #[test]
    fn no_name_breaks_out_of_its_line(name in any::<String>(), user in any::<String>()) {
        let bench = Bench::new().program(5, &name).process(5, |p| p.user = Some(user)).flow(5);
        let bench = bench.child(6, 5, &name, &format!("cmd {name} http://x")).run_key(&name, &name);
        let bench = bench.winlogon("Shell", &name).let_in(&name).autostart("cron", &name, &name, &format!("sh {name}"));
        let assessment = judge(&bench);
        let text = explain_text(&assessment);
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        for row in explain_markdown(&assessment).lines().filter(|line| line.starts_with("| artifacts")) {
            prop_assert_eq!(row.matches('|').count(), 8, "{}", row);
        }
    }
}
