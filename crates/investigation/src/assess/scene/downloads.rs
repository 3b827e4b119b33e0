//! Downloads that a program has open, by the names of its open files.

use std::collections::{HashMap, HashSet};

use crate::evidence::{TorrentFile, TorrentKind};

/// What torrent clients alone append to files that are not finished: qBittorrent, uTorrent, BitTorrent, BitComet, BitSpirit,
/// Vuze and BiglyBT. The inventory's table has their sources.
const CLIENTS: [&str; 6] = [".!qb", ".!ut", ".!bt", ".bc!", ".bt!", ".az!"];
/// What other software appends as well.
const SHARED: [&str; 2] = [".part", ".aria2"];
/// Names of folders that say nothing of a torrent that has one of them for a name.
const GENERIC: [&str; 8] =
    ["documents", "download", "downloads", "movies", "pictures", "torrent", "torrents", "videos"];
/// Shortest name of a torrent that a file is recognised by, in bytes.
const MIN_NAME: usize = 6;

/// How an open file speaks for a torrent client, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::assess) enum Sign {
    /// An unfinished download of a torrent client's.
    Unfinished,
    /// A torrent on the disk bears its name.
    Named,
    /// An unfinished download of some program's.
    Shared,
}

/// What the inventory says of downloads.
#[derive(Debug, Default)]
pub(in crate::assess) struct Downloads {
    /// Unfinished ones by their paths, and whether other software leaves such a file as well.
    unfinished: HashMap<String, bool>,
    /// Names of torrents: of their file, or of the folder of their files.
    names: HashSet<String>,
}

impl Downloads {
    pub(super) fn new(torrents: &[TorrentFile]) -> Self {
        let unfinished = torrents.iter().filter(|file| file.kind == TorrentKind::PartialDownload);
        let named = torrents.iter().filter_map(|file| file.name.as_deref());
        let telling = |name: &&str| {
            name.len() >= MIN_NAME
                && !name.contains('/')
                && !GENERIC.iter().any(|generic| name.eq_ignore_ascii_case(generic))
        };
        Self {
            unfinished: unfinished.map(|file| (file.path.clone(), file.weak)).collect(),
            names: named.filter(telling).map(str::to_owned).collect(),
        }
    }

    /// The open file that says most, and how it does.
    pub(in crate::assess) fn sign<'f>(&self, open_files: &'f [String]) -> Option<(Sign, &'f str)> {
        let signs = open_files.iter().filter_map(|path| Some((self.of(path)?, path.as_str())));
        signs.min_by_key(|(sign, _)| *sign)
    }

    fn of(&self, path: &str) -> Option<Sign> {
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        let ends = |ends: &[&'static str]| ends.iter().find(|end| has_end(path, end)).copied();
        if ends(&CLIENTS).is_some() || self.unfinished.get(path) == Some(&false) {
            return Some(Sign::Unfinished);
        }
        let shared = ends(&SHARED);
        let bare = &path[..path.len() - shared.map_or(0, str::len)];
        // Below the root and a home: neither is a torrent's.
        if bare.split('/').skip(3).any(|part| self.names.contains(part)) {
            return Some(Sign::Named);
        }
        (shared.is_some() || self.unfinished.contains_key(path)).then_some(Sign::Shared)
    }
}

/// Whether a path ends so, in any case; the end is ASCII.
fn has_end(path: &str, end: &str) -> bool {
    let start = path.len().checked_sub(end.len());
    start
        .and_then(|start| path.as_bytes().get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::testing::Bench;

    #[test]
    fn the_strongest_sign_counts_and_hostile_names_are_none() {
        let bench = Bench::new()
            .file("/home/a/x.torrent", TorrentKind::Metainfo, "2026-03-02T09:00:00Z")
            .torrent(|file| file.name = Some("Big Buck Bunny".into()))
            .file("/home/a/y.torrent", TorrentKind::Metainfo, "2026-03-02T09:00:00Z")
            .torrent(|file| file.name = Some("Documents".into()))
            .file("/home/a/z.torrent", TorrentKind::Metainfo, "2026-03-02T09:00:00Z")
            .torrent(|file| file.name = Some("alice1".into()))
            .file("/srv/.0123.parts", TorrentKind::PartialDownload, "2026-03-02T09:00:00Z")
            .file("/srv/w.part", TorrentKind::PartialDownload, "2026-03-02T09:00:00Z")
            .torrent(|file| file.weak = true);
        let downloads = Downloads::new(bench.evidence.torrents.as_deref().unwrap());
        let sign = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            downloads.sign(&paths).map(|(sign, path)| (sign, path.to_owned()))
        };
        for (path, expected) in [
            ("/home/a/film.mkv.!qB", Some(Sign::Unfinished)),
            ("/home/a/film.mkv.!QB (deleted)", Some(Sign::Unfinished)),
            ("/srv/.0123.parts", Some(Sign::Unfinished)),
            ("/home/a/Videos/Big Buck Bunny/Subs/en.srt", Some(Sign::Named)),
            ("/home/a/Videos/Big Buck Bunny.part", Some(Sign::Named)),
            ("/srv/w.part", Some(Sign::Shared)),
            ("/tmp/x.aria2", Some(Sign::Shared)),
            ("/home/a/Documents/letter.odt", None),
            ("/home/alice1/letter.odt", None),
            ("/home/a/x\u{1F600}", None),
            ("\u{1F600}", None),
            ("", None),
        ] {
            assert_eq!(sign(&[path]), expected.map(|sign| (sign, path.to_owned())), "{path}");
        }
        let both = sign(&["/tmp/x.part", "/srv/.0123.parts", "/home/a/b/Big Buck Bunny"]);
        assert_eq!(both, Some((Sign::Unfinished, "/srv/.0123.parts".to_owned())));
        assert_eq!(sign(&[]), None);
    }
}
