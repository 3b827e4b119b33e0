//! Data files that processes have open, by the names that Linux gives them (`/proc/PID/fd`).
//!
//! Link targets are read and never followed, as a dead network mount would hang: so a folder that is held open is listed as
//! a file is. Files say much about people, so that only those are kept whose place or name matters: below homes, media,
//! shares and folders for temporary files, without the settings and caches of programs; and anywhere else what a client
//! keeps, or what lies in a folder for downloads.

use std::collections::{BTreeSet, HashMap};

use investigation::evidence::{ArtifactStatus, Process, TorrentKind};

use super::processes::PATH_CAP;
use super::record::cut_text;
use super::tally::Tally;
use crate::torrent::client_data::classify_bytes;

/// Most files of one process: unfinished downloads first.
pub(crate) const MOST: usize = 64;
/// Most files of all, and bytes of their names.
const MOST_OF_ALL: usize = 20_000;
const MOST_BYTES: usize = 8 << 20;

/// Where people and services keep data.
const PLACES: [&str; 10] = [
    "/home/",
    "/root/",
    "/media/",
    "/mnt/",
    "/run/media/",
    "/srv/",
    "/data/",
    "/export/",
    "/tmp/",
    "/var/tmp/",
];
/// Folders of programs and not of people.
const PROGRAMS: [&str; 5] = ["/.cache/", "/.config/", "/.local/share/", "/.local/state/", "/.mozilla/"];

/// Whether a file is kept.
pub(crate) fn matters(path: &str) -> bool {
    if !path.starts_with('/') || path.starts_with("/dev/") || path.starts_with("/proc/") {
        return false;
    }
    let name = path.strip_suffix(" (deleted)").unwrap_or(path);
    if classify_bytes(name.as_bytes(), false).is_some() {
        return true;
    }
    let of_programs = PROGRAMS.iter().any(|folder| path.contains(folder));
    let for_downloads = || {
        let mut folders = name.split('/').rev().skip(1);
        folders.any(|folder| ["downloads", "torrents"].iter().any(|known| folder.eq_ignore_ascii_case(known)))
    };
    !of_programs && (PLACES.iter().any(|place| path.starts_with(place)) || for_downloads())
}

/// Collects them.
#[derive(Default)]
pub(crate) struct OpenFiles {
    by_pid: HashMap<u32, BTreeSet<String>>,
    all: usize,
    bytes: usize,
}

impl OpenFiles {
    /// Takes one, where it matters.
    pub(crate) fn add(&mut self, pid: u32, mut path: String, tally: &mut Tally) {
        if !matters(&path) {
            return;
        }
        if self.all >= MOST_OF_ALL || self.bytes >= MOST_BYTES {
            let what = "open files beyond the first 20,000, or 8 MiB of names, were left out";
            tally.count(ArtifactStatus::Truncated, what);
            return;
        }
        cut_text(&mut path, PATH_CAP);
        let length = path.len();
        // What is open twice is one file.
        if self.by_pid.entry(pid).or_default().insert(path) {
            (self.all, self.bytes) = (self.all + 1, self.bytes + length);
        }
    }

    /// Hands each process its own.
    pub(crate) fn finish(mut self, processes: &mut [Process], tally: &mut Tally) {
        for process in processes {
            process.open_files = self.by_pid.remove(&process.pid).into_iter().flatten().collect();
            tidy(&mut process.open_files, tally);
        }
    }
}

/// Sorts the files of one process, unfinished downloads first, and keeps as many as are listed. That there are more is
/// said, and spoils nothing: servers have many open.
pub(crate) fn tidy(files: &mut Vec<String>, tally: &mut Tally) {
    let unfinished = |path: &str| {
        let name = path.strip_suffix(" (deleted)").unwrap_or(path);
        classify_bytes(name.as_bytes(), false).is_some_and(|row| row.kind == TorrentKind::PartialDownload)
    };
    files.sort_by_cached_key(|path| (!unfinished(path), path.clone()));
    if files.len() > MOST {
        files.truncate(MOST);
        tally.count(
            ArtifactStatus::Ok,
            "processes have more than 64 data files open, and the others are not listed",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_matters_by_its_place_or_its_name() {
        for kept in [
            "/home/alice/Videos/film.mkv",
            "/media/usb/x",
            "/tmp/a b\nc",
            "/var/lib/transmission-daemon/Downloads/film.mkv",
            "/var/lib/x/film.mkv.!qB",
            "/home/alice/.cache/film.mkv.part (deleted)",
            "/volume1/Torrents/film.mkv",
        ] {
            assert!(matters(kept), "{kept}");
        }
        for left_out in [
            "socket:[123]",
            "pipe:[4]",
            "anon_inode:[eventpoll]",
            "/dev/null",
            "/memfd:x (deleted)",
            "/usr/lib/locale/locale-archive",
            "/home/alice/.mozilla/firefox/x.default/places.sqlite",
            "/home/alice/.cache/mesa/index",
            "/var/log/syslog",
            "/var/lib/downloads",
            "",
        ] {
            assert!(!matters(left_out), "{left_out}");
        }
    }

    fn finished(open: OpenFiles, pid: u32, tally: &mut Tally) -> Vec<String> {
        let mut processes = [Process { pid, ..Process::default() }];
        open.finish(&mut processes, tally);
        let [Process { open_files, .. }] = processes;
        open_files
    }

    #[test]
    fn unfinished_downloads_come_first_and_what_is_left_out_is_said() {
        let (mut open, mut tally) = (OpenFiles::default(), Tally::default());
        for n in 0..100 {
            open.add(7, format!("/home/a/{n:03}"), &mut tally);
            open.add(7, format!("/home/a/{n:03}"), &mut tally);
        }
        open.add(7, "/home/z/film.!qB".to_owned(), &mut tally);
        open.add(8, "/home/z/other".to_owned(), &mut tally);
        let files = finished(open, 7, &mut tally);
        assert_eq!(
            (files.len(), files[0].as_str(), files[1].as_str()),
            (MOST, "/home/z/film.!qB", "/home/a/000")
        );
        let (status, reasons) = tally.settle();
        assert_eq!(status, ArtifactStatus::Ok);
        assert_eq!(reasons, ["1 process has more than 64 data files open, and the others are not listed"]);
    }

    #[test]
    fn a_flood_is_cut_and_said() {
        let (mut open, mut tally) = (OpenFiles::default(), Tally::default());
        for pid in 0..30 {
            for n in 0..1000 {
                open.add(pid, format!("/tmp/{n}"), &mut tally);
            }
        }
        open.add(99, format!("/tmp/{}", "x".repeat(100_000)), &mut tally);
        assert!(finished(open, 99, &mut tally).is_empty());
        let (status, reasons) = tally.settle();
        assert_eq!(status, ArtifactStatus::Truncated);
        assert!(reasons[0].starts_with("10001 open files beyond"), "{reasons:?}");

        let (mut open, mut tally) = (OpenFiles::default(), Tally::default());
        for n in 0..3000 {
            open.add(7, format!("/tmp/{n}{}", "x".repeat(5_000)), &mut tally);
        }
        assert!(open.bytes < MOST_BYTES + 2 * PATH_CAP && tally.settle().0 == ArtifactStatus::Truncated);
    }
}
