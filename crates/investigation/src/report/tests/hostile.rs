//! Names written by attackers, and very many of them.

use proptest::prelude::*;

use super::super::{Deeper, Subject, html};
use super::sample::{Sample, done, full, socket, torrent, windows};
use crate::evidence::{ArtifactOutcome, CommandRecord, Process, TorrentKind};

/// The sample with every text that comes from outside set to this one.
fn hostile(text: &str) -> Sample {
    let mut sample = full();
    let own = || text.to_owned();
    let some = || Some(text.to_owned());
    let case = &mut sample.case;
    for field in [
        &mut case.alert.event_id,
        &mut case.alert.rule_name,
        &mut case.alert.rule_id,
        &mut case.alert.severity,
        &mut case.alert.observer_name,
        &mut case.alert.user_name,
        &mut case.alert.infohash,
    ] {
        *field = some();
    }
    (case.alert.id, case.alert.format, case.id) = (own(), own(), own());
    case.alert.notes = vec![own()];
    case.history.iter_mut().for_each(|entry| entry.what = own());
    for action in &mut case.actions {
        (action.detail, action.to) = (own(), vec![own()]);
    }
    let sealed = case.evidence.as_mut().unwrap();
    (sealed.location, sealed.sha256) = (own(), own());
    let assessment = case.assessment.as_mut().unwrap();
    (assessment.summary, assessment.indicators_version) = (own(), own());
    assessment.missing = vec![own()];
    for finding in &mut assessment.findings {
        (finding.rule, finding.title, finding.explanation, finding.runbook) = (own(), own(), own(), own());
        finding.technique = some();
        for cited in &mut finding.citations {
            (cited.entry, cited.excerpt) = (own(), own());
            (cited.image, cited.user, cited.peer) = (some(), some(), some());
        }
    }
    evidence(&mut sample, text);
    collection(&mut sample, text);
    sample.case.artifacts.clone_from(&sample.collection.outcomes);
    sample.case.identity.clone_from(&sample.evidence.identity);
    sample
}

fn evidence(sample: &mut Sample, text: &str) {
    let own = || text.to_owned();
    let some = || Some(text.to_owned());
    let evidence = &mut sample.evidence;
    let identity = evidence.identity.as_mut().unwrap();
    identity.host_name = own();
    (identity.domain, identity.os, identity.kernel, identity.collected_as) = (some(), some(), some(), some());
    for user in &mut identity.users {
        user.name = own();
        (user.domain, user.session, user.from) = (some(), some(), some());
    }
    for process in evidence.processes.iter_mut().flatten() {
        *process = Process {
            pid: process.pid,
            start_time: process.start_time,
            name: own(),
            path: some(),
            ..Process::default()
        };
    }
    for socket in evidence.sockets.iter_mut().flatten() {
        (socket.process, socket.path, socket.user) = (some(), some(), some());
    }
    for file in evidence.torrents.iter_mut().flatten() {
        (file.path, file.trackers, file.notes) = (own(), vec![own(); 2], vec![own()]);
        (file.application, file.owner, file.name) = (some(), some(), some());
        (file.infohash_v1, file.infohash_v2) = (some(), some());
    }
    for entry in evidence.autostart.iter_mut().flatten() {
        (entry.mechanism, entry.location, entry.name) = (own(), own(), own());
        (entry.command, entry.user) = (some(), some());
    }
    for neighbor in evidence.neighbors.iter_mut().flatten() {
        (neighbor.mac, neighbor.interface) = (some(), some());
    }
    for record in evidence.dns_cache.iter_mut().flatten() {
        (record.name, record.kind, record.data) = (own(), some(), some());
    }
    for file in evidence.prefetch.iter_mut().flatten() {
        (file.file, file.program) = (own(), own());
    }
    for program in evidence.programs.iter_mut().flatten() {
        (program.name, program.source) = (own(), own());
        (program.version, program.publisher, program.key) = (some(), some(), some());
        (program.image, program.folder, program.user) = (some(), some(), some());
    }
    let firewall = evidence.firewall.as_mut().unwrap();
    firewall.engines = vec![own()];
    for rule in &mut firewall.rules {
        (rule.engine, rule.text) = (own(), own());
        (rule.chain, rule.action, rule.program) = (some(), some(), some());
    }
}

fn collection(sample: &mut Sample, text: &str) {
    let own = || text.to_owned();
    let collection = &mut sample.collection;
    (collection.transport, collection.collector_host, collection.collector_version) = (own(), own(), own());
    collection.endpoint_key = Some(own());
    for ArtifactOutcome { artifact, reasons, .. } in &mut collection.outcomes {
        (*artifact, *reasons) = (own(), vec![own()]);
    }
    for CommandRecord { artifact, command, .. } in &mut collection.commands {
        (*artifact, *command) = (own(), own());
    }
    for entry in &mut sample.entries {
        (entry.path, entry.sha256) = (own(), own());
    }
}

/// The tags of a page in their order, by a reading of its own: nothing between two of them may begin a third.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split("</style>").nth(1).unwrap();
    body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap().split(' ').next().unwrap()).collect()
}

/// Texts that break out of something somewhere, and the longest that an endpoint may send.
pub(super) fn names() -> Vec<String> {
    [
        "<script>alert(document.domain)</script>",
        "</td></tr></table></main><h1>False positive</h1>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><style>*{display:none}</style>",
        "</title></svg><svg onload=alert(1)>",
        "--><!--",
        "<![CDATA[x]]>",
        "&lt;b&gt;&amp;&#60;",
        "}*{background:url(http://e.example/x)}",
        "=cmd|' /C calc'!A0",
        "javascript:alert(1)",
        "| a | b |\n# heading\n![x](http://e.example/x)",
        "invoice\u{202e}fdp.exe",
        "\u{2066}\u{200f}\u{61c}x\u{2069}",
        "a\0b\x1b[2Jc\r\nd",
        "שלום עולם.torrent",
        "Z\u{335}\u{321}\u{34c}\u{35d}a\u{337}l\u{336}g\u{338}o\u{335}",
        "😀👩‍👩‍👧‍👦",
        "",
        " ",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["x".repeat(10_000), "<".repeat(10_000), "é ".repeat(5_000)])
    .collect()
}

pub(super) fn page_of(text: &str) -> String {
    hostile(text).html()
}

/// A page on which everything was done, and the endpoint wrote this wherever it may.
pub(super) fn done_with(text: &str) -> String {
    let (sample, evidence, collection) = done(text);
    let deeper = Deeper::Read { evidence: &evidence, collection: &collection };
    html(&Subject { deeper, ..sample.subject() })
}

/// The same of a machine with Windows.
fn windows_with(text: &str) -> String {
    let (sample, ..) = done("xxx");
    let (evidence, collection) = windows(text);
    let deeper = Deeper::Read { evidence: &evidence, collection: &collection };
    html(&Subject { deeper, ..sample.subject() })
}

#[test]
fn hostile_names_break_out_of_nothing() {
    let harmless = hostile("xxx").html();
    for text in names().into_iter().filter(|text| (3..150).contains(&text.len())) {
        let page = hostile(&text).html();
        assert!(tags(&page) == tags(&harmless), "{text:?} becomes markup");
        assert!(tags(&done_with(&text)) == tags(&done_with("xxx")), "{text:?} becomes markup");
        assert!(tags(&windows_with(&text)) == tags(&windows_with("xxx")), "{text:?} becomes markup");
        assert!(!page.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}']), "{text:?}");
    }
}

#[test]
fn long_names_are_folded_and_the_page_stays_small() {
    for text in names().into_iter().filter(|text| text.len() >= 150) {
        let page = hostile(&text).html();
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
        assert!(page.contains("<details class=\"long\"><summary>"));
    }
}

#[test]
fn very_many_rows_are_counted_and_not_shown() {
    let mut sample = full();
    let evidence = &mut sample.evidence;
    evidence.sockets = Some(
        (0..100_000_u32)
            .map(|n| {
                let name = format!("p{}{}", n % 500, "<".repeat(50));
                let peer = std::net::Ipv4Addr::from(0xc633_0000 + n).to_string();
                socket(Some(n % 500), Some(&name), 1, Some((&peer, 6881)))
            })
            .collect(),
    );
    evidence.torrents = Some(
        (0..100_000)
            .map(|n| torrent(&format!("/{n}/{}", "&".repeat(4_000)), TorrentKind::Metainfo))
            .collect(),
    );
    evidence.autostart = Some(vec![evidence.autostart.as_ref().unwrap()[0].clone(); 100_000]);
    evidence.neighbors = Some(vec![evidence.neighbors.as_ref().unwrap()[0].clone(); 100_000]);
    evidence.dns_cache = Some(vec![evidence.dns_cache.as_ref().unwrap()[0].clone(); 100_000]);
    evidence.prefetch = Some(vec![evidence.prefetch.as_ref().unwrap()[0].clone(); 100_000]);
    evidence.programs = Some(vec![evidence.programs.as_ref().unwrap()[0].clone(); 100_000]);
    let rule = evidence.firewall.as_ref().unwrap().rules[0].clone();
    evidence.firewall.as_mut().unwrap().rules = vec![rule; 100_000];
    sample.collection.commands = vec![sample.collection.commands[0].clone(); 100_000];
    sample.collection.outcomes[0].reasons = vec!["why".to_owned(); 100_000];
    let assessment = sample.case.assessment.as_mut().unwrap();
    assessment.findings = vec![assessment.findings[0].clone(); 100];
    assessment.missing = vec!["something".to_owned(); 1_000];
    sample.entries = vec![sample.entries[0].clone(); 10_000];
    let page = sample.html();
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.matches("<rect class=\"node").count() <= 40);
    let plain = page.replace('\u{a0}', " ");
    for rest in [
        "… and 99 800 more in <code>artifacts/connections.json</code>",
        "… and 99 900 more in <code>artifacts/autostart.json</code>",
        "… and 99 940 more in <code>artifacts/firewall.json</code>",
        "… and 99 940 more in <code>artifacts/neighbors.json</code>",
        "… and 99 920 more in <code>artifacts/dns_cache.json</code>",
        "… and 99 940 more in <code>artifacts/prefetch.json</code>",
        "… and 99 940 more in <code>artifacts/programs.json</code>",
        "… and 99 800 more in <code>collection.json</code>",
        "… and 99 980 more in <code>collection.json</code>",
        "… and 9600 more in <code>manifest.json</code>",
        "… and 70 more in <code>assessment.json</code>",
        "… and 950 more in <code>assessment.json</code>",
    ] {
        assert!(plain.contains(rest), "{rest}");
    }
    // Cut by its bytes and not by its rows: how many fit depends on what they hold.
    let torrents = plain.split("more in <code>artifacts/torrents.json").next().unwrap();
    let left_out = torrents.rsplit("… and ").next().unwrap().trim().replace(' ', "");
    assert!((99_850..100_000).contains(&left_out.parse::<u32>().unwrap()), "{left_out}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_becomes_markup(text in "\\PC{1,20}[\\x00-\\x20<>&\"'`{}()=/;!-]{1,20}\\PC{1,20}") {
        let page = hostile(&text).html();
        let harmless = hostile("xxx").html();
        prop_assert!(tags(&page) == tags(&harmless));
        prop_assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
    }
}
