//! Torrent files, unfinished downloads and what clients keep.

use super::Subject;
use super::html::Html;
use super::table::{Row, Set, Table, table};
use super::timeline::Cited;
use super::words::{bytes, count, file_name};
use crate::evidence::{ArtifactKind, TorrentFile, TorrentKind};

/// Most rows.
const MAX_ROWS: usize = 150;

const COLUMNS: &[(&str, Set)] = &[
    ("Name", Set::Text),
    ("What it is", Set::Text),
    ("Infohash", Set::Code),
    ("Size", Set::Number),
    ("Trackers", Set::Text),
    ("Changed (UTC)", Set::Code),
    ("Owner", Set::Text),
];

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let Some(torrents) = subject.evidence.and_then(|evidence| evidence.torrents.as_ref()) else {
        return page.say("p", &[], "The files could not be listed; see what was collected.");
    };
    if torrents.is_empty() {
        return page.say("p", &[], "No torrent file, unfinished download or client's record was found.");
    }
    let cited = Cited::of(subject);
    let wire = subject.case.alert.infohash.as_deref();
    let mut rows: Vec<(usize, &TorrentFile)> = torrents.iter().enumerate().collect();
    // What the alert and the findings are about first, then the latest.
    rows.sort_by_key(|(row, file)| {
        let apart = (!is_on_wire(file, wire), !cited.torrent_rows.contains(row), file.modified.is_none());
        (apart, std::cmp::Reverse(file.modified))
    });
    let entry = ArtifactKind::Torrents.parsed_entry();
    let caption = format!("{}, those of the alert first", count(torrents.len(), "file", "files"));
    let shown = Table { caption: &caption, columns: COLUMNS, rows: MAX_ROWS, rest_in: &entry };
    table(page, &shown, rows.iter(), |row, (_, file)| write_file(row, file, wire));
}

fn is_on_wire(file: &TorrentFile, wire: Option<&str>) -> bool {
    wire.is_some_and(|wire| {
        [&file.infohash_v1, &file.infohash_v2].into_iter().flatten().any(|hash| hash == wire)
    })
}

fn write_file(row: &mut Row<'_>, file: &TorrentFile, wire: Option<&str>) {
    row.cell(|page| {
        page.outside(file.name.as_deref().unwrap_or(file_name(&file.path)));
        page.tag("div", &[("class", "path")], |page| page.outside(&file.path));
        for note in file.notes.iter().take(3) {
            page.tag("div", &[("class", "path")], |page| page.brief(note, 200));
        }
    });
    row.cell(|page| {
        page.text(match file.kind {
            TorrentKind::Metainfo => "torrent",
            TorrentKind::PartialDownload => "unfinished download",
            TorrentKind::Resume => "resume record",
            TorrentKind::ClientData => "client's data",
        });
        if let Some(application) = &file.application {
            page.text(" of ");
            page.brief(application, 60);
        }
        if file.weak {
            page.text(", or another program's");
        }
    });
    row.cell(|page| {
        if is_on_wire(file, wire) {
            page.say("span", &[("class", "badge strong")], "the alert's");
            page.text(" ");
        }
        match (&file.infohash_v1, &file.infohash_v2) {
            (None, None) => page.say("span", &[("class", "muted")], "–"),
            (v1, v2) => {
                for hash in v1.iter().chain(v2) {
                    page.tag("div", &[], |page| page.brief(hash, 64));
                }
            }
        }
    });
    row.cell(|page| match (file.total_size, file.file_count) {
        (Some(size), Some(files)) => {
            let files = count(usize::try_from(files).unwrap_or(usize::MAX), "file", "files");
            page.text(&format!("{} in {files}", bytes(size)));
        }
        (Some(size), None) => page.text(&bytes(size)),
        (None, _) => page.text(&bytes(file.size)),
    });
    row.cell(|page| {
        match file.trackers.first() {
            Some(tracker) => page.outside(tracker),
            None => page.say("span", &[("class", "muted")], "–"),
        }
        if let Some(more @ 1..) = file.trackers.len().checked_sub(1) {
            page.text(&format!(" and {}", count(more, "more", "more")));
        }
    });
    row.time(file.modified);
    row.maybe(file.owner.as_deref());
}
