//! The infohash on the wire lies on the disk, or stands on a command line: the same swarm, whatever runs now.

use data_encoding::{BASE32_NOPAD, HEXLOWER};

use super::super::MAX_CITATIONS;
use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_file, cite_listed, kind_words, show, who_listed};
use crate::evidence::{TorrentFile, TorrentKind};

pub(super) const RULE: Rule = Rule {
    id: "p2p.infohash_on_disk",
    title: "The alert's infohash is on the endpoint's disk or on a command line",
    rationale: "An infohash is a digest of a torrent's content. The sensor saw it in traffic of this endpoint and the \
                endpoint keeps the torrent that it names, so the endpoint took part in that swarm.",
    technique: None,
    runbook: "Establish what the torrent holds from its name and file list; that decides how serious it is.",
    changes: "Only the sensor's word can take it back: that the infohash was seen in traffic of another machine.",
    mode: Mode::Decide,
    evaluate,
    #[cfg(test)]
    cases,
};

fn evaluate(scene: &Scene<'_>) -> Vec<Draft> {
    let Some(wanted) = scene.question.alert.infohash.as_deref().and_then(hex) else { return Vec::new() };
    let hits: Vec<_> = scene.torrents.iter().enumerate().filter(|(_, file)| names(file, &wanted)).collect();
    let Some((_, first)) = hits.first() else { return started_with(scene, &wanted) };
    let owner = first.owner.as_deref().map(|owner| format!(" of {}", show(owner))).unwrap_or_default();
    let title = hits.iter().find_map(|(_, file)| file.name.as_deref());
    let title = title.map(|name| format!(" ({})", show(name))).unwrap_or_default();
    vec![Draft {
        uncited: hits.len().saturating_sub(MAX_CITATIONS),
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        headline: format!(
            "The {} {}{owner} belongs to the swarm {wanted}{title} that the alert saw on the wire",
            kind_words(first.kind),
            show(&first.path)
        ),
        details: Vec::new(),
        citations: hits.into_iter().take(MAX_CITATIONS).map(|(row, file)| cite_file(row, file)).collect(),
    }]
}

/// A program that was given the swarm's magnet link.
fn started_with(scene: &Scene<'_>, wanted: &str) -> Vec<Draft> {
    let bytes = HEXLOWER.decode(wanted.as_bytes()).unwrap_or_default();
    let base32 = BASE32_NOPAD.encode(&bytes).to_lowercase();
    let names = |line: &str| {
        let line: String = line.chars().take(8192).collect::<String>().to_lowercase();
        line.contains("magnet:?") && (line.contains(wanted) || line.contains(&base32))
    };
    let given = scene
        .processes
        .iter()
        .enumerate()
        .find(|(_, process)| process.command_line.as_deref().is_some_and(names));
    let Some((row, process)) = given else { return Vec::new() };
    vec![Draft {
        uncited: 0,
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        headline: format!(
            "{} was started with a link to the swarm {wanted} that the alert saw on the wire",
            who_listed(row, process)
        ),
        details: Vec::new(),
        citations: cite_listed(row, process).into_iter().collect(),
    }]
}

/// Hex in lower case; magnet links also carry Base32.
fn hex(text: &str) -> Option<String> {
    let text = text.trim();
    match text.len() {
        40 | 64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => Some(text.to_ascii_lowercase()),
        32 => BASE32_NOPAD
            .decode(text.to_ascii_uppercase().as_bytes())
            .ok()
            .map(|bytes| HEXLOWER.encode(&bytes)),
        _ => None,
    }
}

/// On the wire a v2 infohash is cut to 20 bytes (BEP 52). Resume records carry the hash in their name.
fn names(file: &TorrentFile, wanted: &str) -> bool {
    let v1 = file.infohash_v1.as_deref().is_some_and(|hash| hash.eq_ignore_ascii_case(wanted));
    let v2 = file.infohash_v2.as_deref().is_some_and(|hash| {
        hash.eq_ignore_ascii_case(wanted)
            || (wanted.len() == 40 && hash.get(..40).is_some_and(|cut| cut.eq_ignore_ascii_case(wanted)))
    });
    let named = || {
        let base = file.path.rsplit(['/', '\\']).next().unwrap_or_default();
        base.split('.').next().is_some_and(|stem| stem.eq_ignore_ascii_case(wanted))
    };
    v1 || v2 || (file.kind == TorrentKind::Resume && named())
}

#[cfg(test)]
fn cases() -> Vec<super::super::testing::Case> {
    use super::super::testing::{Bench, Case};
    const V1: &str = "0123456789abcdef0123456789abcdef01234567";
    let base = || Bench::new().alert(|a| a.infohash = Some(V1.into()));
    let old = "2020-01-01T00:00:00Z";
    vec![
        Case::finds("v1, however old", Bearing::Violation, Confidence::High, {
            base()
                .file("/home/alice/a.torrent", TorrentKind::Metainfo, old)
                .torrent(|f| f.infohash_v1 = Some(V1.into()))
        })
        .saying(&[V1, "/home/alice/a.torrent", "alice"]),
        Case::finds("v2, cut on the wire", Bearing::Violation, Confidence::High, {
            base().file("/home/alice/a.torrent", TorrentKind::Metainfo, old).torrent(|f| {
                f.infohash_v2 = Some(format!("{V1}89abcdef0123456789abcdef"));
            })
        }),
        Case::finds("Base32 in the alert", Bearing::Violation, Confidence::High, {
            base()
                .alert(|a| a.infohash = Some("AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH".into()))
                .file("/home/alice/a.torrent", TorrentKind::Metainfo, old)
                .torrent(|f| f.infohash_v1 = Some(V1.into()))
        }),
        Case::finds("in the name of a resume record", Bearing::Violation, Confidence::High, {
            base().file(&format!("/x/BT_backup/{V1}.fastresume"), TorrentKind::Resume, old)
        }),
        Case::finds("on a command line", Bearing::Violation, Confidence::High, {
            base().program(5, "/usr/bin/aria2c").process(5, |p| {
                p.command_line = Some("aria2c magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH".into());
            })
        })
        .saying(&["PID 5", V1]),
        Case::nothing("another magnet link", {
            base().program(5, "/usr/bin/aria2c").process(5, |p| {
                p.command_line = Some(format!("aria2c magnet:?xt=urn:btih:{}", "f".repeat(40)));
            })
        }),
        Case::nothing("another torrent", {
            base()
                .file("/home/alice/a.torrent", TorrentKind::Metainfo, old)
                .torrent(|f| f.infohash_v1 = Some("f".repeat(40)))
        }),
        Case::nothing("no infohash in the alert", {
            Bench::new()
                .file("/a.torrent", TorrentKind::Metainfo, old)
                .torrent(|f| f.infohash_v1 = Some(V1.into()))
        }),
        Case::nothing("an infohash that is none", {
            base().alert(|a| a.infohash = Some(String::new())).file("/a.torrent", TorrentKind::Resume, old)
        }),
    ]
}
