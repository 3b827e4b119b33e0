//! `Linux.Files.Torrents`: torrent-related files on every local drive, found by name and then looked into.

mod generate;

use std::io::{self, BufRead};
use std::sync::LazyLock;

use data_encoding::BASE64;
use investigation::evidence::{ArtifactStatus, TorrentFile};
use investigation::order::Limits;
use jiff::Timestamp;

use super::Parsed;
use super::facts::Facts;
use super::processes::PATH_CAP;
use super::record::{Records, text};
use super::tally::Tally;
use crate::torrent::client_data::{Content, classify_bytes};
use crate::torrent::inventory::entries_from_listing;

/// Most bytes of one file that the script sends.
const CONTENT_BYTES: u64 = 16 << 20;
/// Longest value: a file of that size in base64, with line ends.
const VALUE_CAP: usize = 23 << 20;

/// What is run on the endpoint: put together once from the table of what P2P clients leave behind.
pub(crate) fn script() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| {
        [
            include_str!("sh/prologue.sh"),
            &generate::preamble(),
            include_str!("sh/torrents.sh"),
            include_str!("sh/epilogue.sh"),
        ]
        .concat()
    });
    &SCRIPT
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Torrents(rows), tally));
    };
    let mut hit = Hit::default();
    while let Some(record) = records.next()? {
        match record.key {
            b"hit" => {
                hit.finish(facts, limits, &mut rows, &mut tally);
                hit = Hit { kind: record.value.first().copied(), ..Hit::default() };
            }
            b"stat" => hit.stat = Stat::parse(&text(record.value)),
            b"path" => hit.path = record.value.to_vec(),
            b"content" => hit.content = (!record.cut).then(|| decode(record.value)).flatten(),
            b"odd_mount" => {
                tally.count(
                    ArtifactStatus::Partial,
                    "drives are not walked: their mount point's name holds a backslash",
                );
            }
            b"unreadable" => match text(record.value).parse() {
                Ok(0) => {}
                Ok(n) => tally.partial(format!("{n} folders or files are closed to this account")),
                Err(std::num::ParseIntError { .. }) => {
                    tally.partial("how much is closed to this account is unknown")
                }
            },
            _ => {}
        }
    }
    // A hit whose content was still on its way is listed without it.
    hit.finish(facts, limits, &mut rows, &mut tally);
    if !records.is_whole() {
        tally.truncated("the walk was stopped before its end");
    }
    rows.sort_by(|a, b| (&a.path, &a.path_hex).cmp(&(&b.path, &b.path_hex)));
    Ok((Parsed::Torrents(rows), tally))
}

/// Base64 as `base64` prints it: each line whole by itself, so that no second copy of a large file is made.
fn decode(value: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(value.len() / 4 * 3);
    for line in value.split(|b| b.is_ascii_whitespace()) {
        content.extend(BASE64.decode(line).ok()?);
    }
    Some(content)
}

/// One path that the script named.
#[derive(Default)]
struct Hit {
    /// `f`, `d`, `l` or `o`ther.
    kind: Option<u8>,
    stat: Stat,
    path: Vec<u8>,
    content: Option<Vec<u8>>,
}

impl Hit {
    fn finish(
        self: &mut Hit,
        facts: &Facts,
        limits: &Limits,
        rows: &mut Vec<TorrentFile>,
        tally: &mut Tally,
    ) {
        let Self { kind, stat, path, content } = std::mem::take(self);
        let folder = kind == Some(b'd');
        if path.first() != Some(&b'/') || classify_bytes(&path, folder).is_none() {
            return;
        }
        if path.len() > PATH_CAP {
            tally.count(
                ArtifactStatus::Truncated,
                "files have paths longer than 4096 bytes and were left out",
            );
            return;
        }
        let depth = path.iter().filter(|&&b| b == b'/').count();
        if depth > usize::try_from(limits.depth).unwrap_or(usize::MAX).saturating_add(1) {
            tally
                .count(ArtifactStatus::Truncated, "files lie deeper than the cap on depth and were left out");
            return;
        }
        let allowed = content.filter(|content| content.len() as u64 <= limits.torrent_bytes);
        let note = note(&path, folder, kind, &stat, limits, allowed.is_some());
        for mut entry in entries_from_listing(&path, folder, allowed.as_deref()) {
            if rows.len() as u64 >= limits.rows {
                tally.count(ArtifactStatus::Truncated, "files beyond the cap on rows were left out");
                continue;
            }
            entry.size = stat.size.unwrap_or(0);
            entry.modified = stat.modified;
            entry.accessed = stat.accessed;
            entry.created = stat.created;
            entry.owner = stat.uid.map(|uid| facts.account(uid));
            entry.owner_id = stat.uid;
            entry.notes.extend(note.map(str::to_owned));
            rows.push(entry);
        }
    }
}

/// Why the content says nothing, where it could have.
fn note(
    path: &[u8],
    folder: bool,
    kind: Option<u8>,
    stat: &Stat,
    limits: &Limits,
    read: bool,
) -> Option<&'static str> {
    let worth_reading = classify_bytes(path, folder).is_some_and(|a| a.content != Content::Unread);
    match kind {
        Some(b'l') => Some("a symbolic link, not followed"),
        Some(b'o') => Some("neither a file nor a folder, not opened"),
        _ if read || !worth_reading => None,
        _ if stat.size.is_some_and(|size| size > limits.torrent_bytes.min(CONTENT_BYTES)) => {
            Some("not read: larger than the cap on one file")
        }
        _ => Some("not read"),
    }
}

/// `stat -c '%s %Y %X %W %u'`; what a system does not know it prints as `?`, `-` or 0.
#[derive(Debug, Default, PartialEq)]
struct Stat {
    size: Option<u64>,
    modified: Option<Timestamp>,
    accessed: Option<Timestamp>,
    created: Option<Timestamp>,
    uid: Option<u32>,
}

impl Stat {
    fn parse(text: &str) -> Self {
        let fields: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<i64>().ok());
        let time = |at: usize| number(at).and_then(|seconds| Timestamp::from_second(seconds).ok());
        Self {
            size: number(0).and_then(|size| u64::try_from(size).ok()),
            modified: time(1),
            accessed: time(2),
            created: time(3).filter(|created| *created != Timestamp::UNIX_EPOCH),
            uid: number(4).and_then(|uid| u32::try_from(uid).ok()),
        }
    }
}

#[cfg(test)]
mod tests;
