//! Only files: what they weigh when nothing else is found.
//!
//! A file is not a flow. Three weights, each a rule of its own:
//!
//! * A download or resume record that was **written around the alert** is use: something was fetching then. That is a
//!   violation, though only of medium confidence, since no process or socket ties it to the alert's peer.
//! * A torrent file or client data that was **touched around the alert** is intent. It leaves the case open. So does a
//!   download that was written more than a day after the alert: of a machine that was reached late, that is use at
//!   another time.
//! * Anything **older** is history. A torrent that has lain in a download folder for a year explains nothing that
//!   happened today; it is of low weight and still keeps the verdict from being a clean bill, because the alert may be
//!   right about a client that has been closed since.
//!
//! Download managers (aria2 and others) leave the same kinds of file after plain downloads: theirs never prove use.
//! Nor do names that browsers use as well (`.part`): around the alert they are a hint, and older than that they are
//! nothing, since every machine has some.

use super::super::MAX_CITATIONS;
use super::super::gaps::second;
use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::{Bearing, Confidence};
use super::Rule;
use super::draft::{Draft, cite_file, kind_words, show};
use crate::evidence::{TorrentFile, TorrentKind};

pub(super) const IN_USE: Rule = Rule {
    id: "files.download_in_use",
    title: "Unfinished torrent download written around the alert",
    rationale: "Clients write to unfinished downloads and resume records only while they run. Times around the alert \
                mean that one ran then, even if it has been closed since.",
    technique: None,
    runbook: "Find the client that wrote them (folder, suffix) and have it removed; keep the files as evidence.",
    changes: "A client that is found and tied to the alert's peer raises the confidence; a download manager as the writer of the files takes it back.",
    mode: Mode::Decide,
    evaluate: in_use,
    #[cfg(test)]
    cases: in_use_cases,
};

pub(super) const RECENT: Rule = Rule {
    id: "files.torrent_touched",
    title: "Torrent files touched around the alert",
    rationale: "Somebody fetched a torrent file, or a client or download manager kept its books, around the alert. That \
                shows intent; whether anything was shared it does not show.",
    technique: None,
    runbook: "Ask the user about the files; the firewall's log tells whether peers were contacted.",
    changes: "A client or its peers, found by a later collection, make it a violation; the user's word that nothing was fetched leaves it open.",
    mode: Mode::Decide,
    evaluate: recent,
    #[cfg(test)]
    cases: recent_cases,
};

pub(super) const OLD: Rule = Rule {
    id: "files.torrent_history",
    title: "Old torrent files",
    rationale: "Files from before the alert show that torrents were handled on this machine once. They do not explain \
                the alert.",
    technique: None,
    runbook: "No action for themselves; mention them when talking to the user about something else that was found.",
    changes: "Nothing short of fresher files makes more of it; a whole, fresh collection without a client is as close to a clean bill as it gets.",
    mode: Mode::Decide,
    evaluate: old,
    #[cfg(test)]
    cases: old_cases,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Use,
    Intent,
    History,
    Nothing,
}

fn weigh(scene: &Scene<'_>, file: &TorrentFile) -> Weight {
    if !scene.is_recent(file) {
        return if file.weak { Weight::Nothing } else { Weight::History };
    }
    if scene.is_late(file)
        || file.weak
        || !matches!(file.kind, TorrentKind::PartialDownload | TorrentKind::Resume)
    {
        return Weight::Intent;
    }
    let named = file.application.as_deref().and_then(|name| scene.indicators.client_named(name));
    let keeper = named.or_else(|| scene.indicators.client_of_file(&file.path));
    let dual_use =
        keeper.is_some_and(|client| client.dual_use) || file.path.to_lowercase().ends_with(".aria2");
    if dual_use { Weight::Intent } else { Weight::Use }
}

/// Whether a file shows that something was fetching around the alert.
pub(in crate::assess) fn is_use(scene: &Scene<'_>, file: &TorrentFile) -> bool {
    weigh(scene, file) == Weight::Use
}

fn of_weight<'s>(scene: &'s Scene<'_>, weight: Weight) -> Vec<(usize, &'s TorrentFile)> {
    let mut files: Vec<_> =
        scene.torrents.iter().enumerate().filter(|(_, file)| weigh(scene, file) == weight).collect();
    files.sort_by_key(|(_, file)| std::cmp::Reverse(scene.touched(file)));
    files
}

fn draft(
    scene: &Scene<'_>,
    weight: Weight,
    (bearing, confidence): (Bearing, Confidence),
    when: &str,
    detail: &str,
) -> Vec<Draft> {
    let files = of_weight(scene, weight);
    let Some((_, latest)) = files.first() else { return Vec::new() };
    let time = scene.touched(latest).map(|time| format!(" at {}", second(time))).unwrap_or_default();
    let owner = latest.owner.as_deref().map(|owner| format!(" of {}", show(owner))).unwrap_or_default();
    let rest = match files.len() {
        1 => String::new(),
        2 => ", and 1 more file".to_owned(),
        all => format!(", and {} more files", all - 1),
    };
    let what = kind_words(latest.kind);
    let when = if scene.is_late(latest) { "long after the alert" } else { when };
    vec![Draft {
        uncited: files.len().saturating_sub(MAX_CITATIONS),
        confidence,
        bearing,
        headline: format!("The {what} {}{owner} was last touched{time}, {when}{rest}", show(&latest.path)),
        details: vec![detail.to_owned()],
        citations: files.into_iter().take(MAX_CITATIONS).map(|(row, file)| cite_file(row, file)).collect(),
    }]
}

fn in_use(scene: &Scene<'_>) -> Vec<Draft> {
    let weight = (Bearing::Violation, Confidence::Medium);
    draft(scene, Weight::Use, weight, "around the alert", "nothing but files ties it to the alert's time")
}

fn recent(scene: &Scene<'_>) -> Vec<Draft> {
    let weight = (Bearing::Suspicion, Confidence::Medium);
    draft(scene, Weight::Intent, weight, "around the alert", "that shows intent and not use")
}

fn old(scene: &Scene<'_>) -> Vec<Draft> {
    let weight = (Bearing::Suspicion, Confidence::Low);
    draft(
        scene,
        Weight::History,
        weight,
        "not around the alert",
        "that is history and does not explain the alert",
    )
}

#[cfg(test)]
use super::super::testing::{Bench, Case};

#[cfg(test)]
const FRESH: &str = "2026-03-02T09:00:00Z";
#[cfg(test)]
const STALE: &str = "2025-01-01T00:00:00Z";

/// A machine that was reached three days after the alert.
#[cfg(test)]
fn late() -> Bench {
    Bench::new().alert(|a| a.timestamp = Some(Bench::at("2026-02-27T10:00:00Z")))
}

#[cfg(test)]
fn in_use_cases() -> Vec<Case> {
    let violation = |name, bench| Case::finds(name, Bearing::Violation, Confidence::Medium, bench);
    vec![
        violation(
            "a download in progress",
            Bench::new().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, FRESH),
        )
        .saying(&["/d/film.mkv.!qB", "alice"]),
        violation(
            "a resume record",
            Bench::new().file("/x/BT_backup/a.fastresume", TorrentKind::Resume, FRESH),
        ),
        violation("written after the alert", {
            Bench::new().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, "2026-03-02T10:29:00Z")
        }),
        violation("no time in the alert: around the opening of the case", {
            Bench::new().alert(|a| a.timestamp = None).file("/d/f.!qB", TorrentKind::PartialDownload, FRESH)
        }),
        violation("written a day after the alert", {
            late().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, "2026-02-28T10:00:00Z")
        }),
        Case::nothing("written later than a day after the alert", {
            late().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, "2026-02-28T10:00:01Z")
        }),
        Case::nothing(
            "a stale download",
            Bench::new().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, STALE),
        ),
        Case::nothing("no time at all", {
            Bench::new().file("/d/f.!qB", TorrentKind::PartialDownload, FRESH).torrent(|f| f.modified = None)
        }),
        Case::nothing("a time in the future", {
            Bench::new().file("/d/f.!qB", TorrentKind::PartialDownload, "2031-01-01T00:00:00Z")
        }),
        Case::nothing("a torrent file", Bench::new().file("/d/film.torrent", TorrentKind::Metainfo, FRESH)),
        Case::nothing("what a browser's download looks like too", {
            Bench::new().file("/d/x.part", TorrentKind::PartialDownload, FRESH).torrent(|f| f.weak = true)
        }),
        Case::nothing(
            "a download manager's",
            Bench::new().file("/d/iso.aria2", TorrentKind::PartialDownload, FRESH),
        ),
        Case::nothing("a download manager's, by name", {
            Bench::new()
                .file("/d/x.part", TorrentKind::PartialDownload, FRESH)
                .torrent(|f| f.application = Some("Motrix".into()))
        }),
    ]
}

#[cfg(test)]
fn recent_cases() -> Vec<Case> {
    let suspicion = |name, bench| Case::finds(name, Bearing::Suspicion, Confidence::Medium, bench);
    vec![
        suspicion("a fresh torrent file", Bench::new().file("/d/film.torrent", TorrentKind::Metainfo, FRESH)),
        suspicion("an old torrent file that was copied now", {
            let fresh = FRESH.parse().expect("a time");
            Bench::new()
                .file("/d/f.torrent", TorrentKind::Metainfo, STALE)
                .torrent(|f| f.created = Some(fresh))
        }),
        suspicion(
            "a download manager's",
            Bench::new().file("/d/iso.aria2", TorrentKind::PartialDownload, FRESH),
        ),
        suspicion("what a browser's download looks like too", {
            Bench::new().file("/d/x.part", TorrentKind::PartialDownload, FRESH).torrent(|f| f.weak = true)
        }),
        suspicion("a download that was written days after the alert", {
            late().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, "2026-03-02T09:00:00Z")
        })
        .saying(&["long after the alert", "intent"]),
        suspicion("client data", Bench::new().file("/x/dht.dat", TorrentKind::ClientData, FRESH)),
        Case::nothing(
            "an old torrent file",
            Bench::new().file("/d/film.torrent", TorrentKind::Metainfo, STALE),
        ),
        Case::nothing(
            "a download in progress",
            Bench::new().file("/d/f.!qB", TorrentKind::PartialDownload, FRESH),
        ),
    ]
}

#[cfg(test)]
fn old_cases() -> Vec<Case> {
    let low = |name, bench| Case::finds(name, Bearing::Suspicion, Confidence::Low, bench);
    vec![
        low("a lone old torrent file", Bench::new().file("/d/film.torrent", TorrentKind::Metainfo, STALE))
            .saying(&["does not explain the alert"]),
        low("a stale download", Bench::new().file("/d/film.mkv.!qB", TorrentKind::PartialDownload, STALE)),
        low("two of them", {
            Bench::new().file("/d/a.torrent", TorrentKind::Metainfo, STALE).file(
                "/d/b.torrent",
                TorrentKind::Metainfo,
                STALE,
            )
        })
        .saying(&["and 1 more file"]),
        Case::nothing(
            "a fresh torrent file",
            Bench::new().file("/d/film.torrent", TorrentKind::Metainfo, FRESH),
        ),
        Case::nothing("an old name that browsers use too", {
            Bench::new().file("/d/x.part", TorrentKind::PartialDownload, STALE).torrent(|f| f.weak = true)
        }),
        Case::nothing("none", Bench::new()),
    ]
}
