//! `Windows.Files.Torrents`: torrent-related files on every fixed drive, found by name and, by PowerShell, looked into.

use std::io::{self, BufRead};

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use investigation::evidence::{ArtifactStatus, TorrentFile};
use investigation::order::Limits;
use investigation::text::one_line;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::tally::{Tally, counted};
use super::answers::Answers;
use super::rows::{self, Row};
use super::script::CONTENT_BYTES;
use super::{PATH_CAP, named, some};
use crate::torrent::client_data::{Content, classify_bytes};
use crate::torrent::inventory::entries_from_listing;

/// Longest row: a file in base64, and its path.
const ROW_CAP: usize = 6 << 20;

/// Most volumes that are counted.
const VOLUME_CAP: usize = 1000;

/// Attributes of files (winnt.h).
const REPARSE_POINT: u32 = 0x400;
/// Kept elsewhere: offline, recalled when it is opened or read.
const ELSEWHERE: u32 = 0x0044_1000;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut drives = 0;
    let files = Files::new(limits);
    let (files, tally) = rows::read(input, ROW_CAP, files, |files, row, tally| match row.kind() {
        "drive" => drives += 1,
        "hit" => files.hit(&row, tally),
        // The last of its rows.
        "walk" => {
            walked(&row, tally);
            if drives == 0 {
                tally.partial("the endpoint named no fixed drive");
            }
        }
        _ => {}
    })?;
    Ok((Parsed::Torrents(files.finish()), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut files = Files::new(limits);
    for (name, folder) in [("files", false), ("folders", true)] {
        answers.lines(name, facts.code_page, &mut tally, |line, tally| {
            files.path(line.trim_end(), folder, tally);
        })?;
    }
    let mut folders = Vec::new();
    answers.lines("volumes", facts.code_page, &mut tally, |line, _| {
        if is_mount_folder(line.trim()) && folders.len() < VOLUME_CAP {
            folders.push(line.trim().to_owned());
        }
    })?;
    if let Some(first) = folders.first() {
        let first = one_line(first, 160);
        tally.partial(format!(
            "{} volumes mounted in folders are not walked, the first: {first}",
            folders.len()
        ));
    }
    // Silence is what `dir` gives where it finds nothing.
    tally.partial("commands give the paths of files only: no sizes, times, owners or infohashes");
    Ok((Parsed::Torrents(files.finish()), tally))
}

fn walked(row: &Row, tally: &mut Tally) {
    match row.number::<u64>("unreadable") {
        Some(0) => {}
        Some(n) => tally.partial(counted(n, "folders are closed to this account")),
        None => tally.partial("how much is closed to this account is unknown"),
    }
    if let Some(n @ 1..) = row.number::<u64>("deep") {
        tally.truncated(counted(n, "folders lie deeper than the cap on depth and were left out"));
    }
    if !row.flag("full") {
        tally.partial("PowerShell is locked down there: files above 256 KiB were not read");
    }
}

/// Rows of the inventory, within its caps.
pub(crate) struct Files<'a> {
    limits: &'a Limits,
    rows: Vec<TorrentFile>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new() }
    }

    fn hit(&mut self, row: &Row, tally: &mut Tally) {
        let path = row.text("path");
        let folder = row.flag("folder");
        let attributes: u32 = row.number("attributes").unwrap_or(0);
        let size: u64 = row.number("size").unwrap_or(0);
        let content = content(row).filter(|content| content.len() as u64 <= self.limits.torrent_bytes);
        let most = self.limits.torrent_bytes.min(CONTENT_BYTES);
        let note = note(path, folder, attributes, size, most, content.is_some());
        self.push(path, folder, content.as_deref(), tally, |file| {
            file.size = size;
            file.modified = row.time("modified");
            file.accessed = row.time("accessed");
            file.created = row.time("created");
            file.owner = some(row.text("owner")).map(named);
            file.notes.extend(note.map(str::to_owned));
        });
    }

    fn path(&mut self, path: &str, folder: bool, tally: &mut Tally) {
        // What a code page has no character for is lost.
        let inexact = path.contains(['?', '\u{fffd}']);
        self.push(path, folder, None, tally, |file| {
            if inexact {
                file.notes
                    .push("characters of the path are lost: the endpoint's code page lacks them".into());
            }
        });
    }

    /// Whether no more rows are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() as u64 >= self.limits.rows
    }

    /// Lists a path, if P2P clients leave such behind. `complete` adds what is known of it beside its path and content.
    pub(crate) fn push(
        &mut self,
        path: &str,
        folder: bool,
        content: Option<&[u8]>,
        tally: &mut Tally,
        complete: impl Fn(&mut TorrentFile),
    ) {
        if !is_absolute(path) || classify_bytes(path.as_bytes(), folder).is_none() {
            return;
        }
        if path.len() > PATH_CAP {
            tally.count(
                ArtifactStatus::Truncated,
                "files have paths longer than 4096 bytes and were left out",
            );
            return;
        }
        let depth = path.matches('\\').count() as u64;
        if depth > u64::from(self.limits.depth) + 1 {
            tally
                .count(ArtifactStatus::Truncated, "files lie deeper than the cap on depth and were left out");
            return;
        }
        for mut file in entries_from_listing(path.as_bytes(), folder, content) {
            if self.rows.len() as u64 >= self.limits.rows {
                tally.count(ArtifactStatus::Truncated, "files beyond the cap on rows were left out");
                continue;
            }
            complete(&mut file);
            self.rows.push(file);
        }
    }

    /// All rows, by their paths.
    pub(crate) fn finish(mut self) -> Vec<TorrentFile> {
        self.rows.sort_by(|a, b| a.path.cmp(&b.path));
        self.rows
    }
}

/// Why the content says nothing, where it could have. `most`: larger files are not read.
pub(crate) fn note(
    path: &str,
    folder: bool,
    attributes: u32,
    size: u64,
    most: u64,
    is_read: bool,
) -> Option<&'static str> {
    let worth_reading =
        !folder && classify_bytes(path.as_bytes(), false).is_some_and(|row| row.content != Content::Unread);
    if attributes & ELSEWHERE != 0 {
        Some("kept in a cloud or offline, not fetched from there")
    } else if attributes & REPARSE_POINT != 0 && folder {
        Some("a link, not followed")
    } else if is_read || !worth_reading {
        None
    } else if size > most {
        Some("not read: larger than the cap on one file")
    } else {
        Some("not read")
    }
}

/// `C:\data\`, as `mountvol` lists where a volume is to be found. A drive's own root is walked.
fn is_mount_folder(line: &str) -> bool {
    is_absolute(line) && line.len() > 3 && line.ends_with('\\')
}

/// `C:\…`.
fn is_absolute(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
}

/// Base64, or hexadecimal digits where PowerShell may not make base64.
fn content(row: &Row) -> Option<Vec<u8>> {
    match (row.text("base64"), row.text("hex")) {
        ("", "") => None,
        ("", hex) => HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok(),
        (base64, _) => BASE64.decode(base64.as_bytes()).ok(),
    }
}
