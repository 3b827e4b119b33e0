//! Files: moved away whole, and put back with everything that they had.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use acceptance::ALICE;
use investigation::evidence::{ArtifactKind, TorrentFile};
use investigation::remediation::{Measure, MeasureStatus, Undo};

use crate::bench::{Bench, ended, sha256sum};
use crate::contact::kill;

const DOWNLOADS: &str = "/home/alice/Downloads";

fn quarantine(path: &str, size: usize) -> Measure {
    Measure::QuarantineFile { path: path.to_owned(), path_hex: None, size: size as u64 }
}

/// A file of alice's with everything that a file has.
fn plant(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("a file");
    chown(path, Some(1000), Some(1000)).expect("its owner");
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).expect("its mode");
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("its time");
}

fn look(path: &Path) -> (u32, u32, u32, i64, i64, Vec<u8>) {
    let data = fs::symlink_metadata(path).expect("it is there");
    let content = fs::read(path).expect("it can be read");
    (data.uid(), data.gid(), data.mode(), data.mtime(), data.mtime_nsec(), content)
}

#[test]
fn hostile_names_are_moved_away_and_come_back_as_they_were() {
    let Some(bench) = Bench::start(&[]) else { return };
    let downloads = bench.endpoint.host().outside(DOWNLOADS);
    let names: [&[u8]; 7] = [
        b"a film.torrent",
        b"-rf.torrent",
        b"it's \"$(touch owned)`touch owned`\" & ;.torrent",
        b"line\nbreak\n.torrent",
        b"\\n%s\\0101.torrent",
        b"\xff\xfe.torrent",
        b"*.torrent",
    ];
    let paths: Vec<PathBuf> = names.iter().map(|name| downloads.join(OsStr::from_bytes(name))).collect();
    for (at, path) in paths.iter().enumerate() {
        plant(path, format!("d4:infod4:name{}e{at}", at).as_bytes());
    }
    let before: Vec<_> = paths.iter().map(|path| look(path)).collect();

    let collected: Vec<TorrentFile> = bench.collect(ArtifactKind::Torrents);
    let found: Vec<&TorrentFile> = collected.iter().filter(|file| file.path.starts_with(DOWNLOADS)).collect();
    assert_eq!(found.len(), names.len(), "{found:#?}");
    let measures = (1..).zip(&found).map(|(n, file)| {
        let (path, path_hex, size) = (file.path.clone(), file.path_hex.clone(), file.size);
        (n, Measure::QuarantineFile { path, path_hex, size })
    });
    let measures: Vec<_> = measures.collect();
    let outcomes = bench.remediate(measures.clone());
    for outcome in &outcomes {
        ended(outcome, MeasureStatus::Done, "/var/lib/peerhound/quarantine/ph-20261130-bench/");
        let kept = format!("/var/lib/peerhound/quarantine/ph-20261130-bench/{}/item", outcome.n);
        let Some(Undo::RestoreFile { sha256, .. }) = &outcome.undo else { panic!("{outcome:?}") };
        assert_eq!(*sha256, sha256sum(&bench.endpoint.host().outside(&kept)));
    }
    assert_eq!(fs::read_dir(&downloads).expect("a folder").count(), 0);
    assert_eq!(
        bench.sh("stat -c %U:%a /var/lib/peerhound /var/lib/peerhound/quarantine/*").trim(),
        "root:700\nroot:700"
    );
    for again in bench.remediate(measures) {
        ended(&again, MeasureStatus::Already, "earlier try");
        assert!(again.undo.is_some(), "{again:?}");
    }
    for outcome in outcomes {
        let undo = outcome.undo.expect("an undo");
        ended(&bench.undo(outcome.n, undo.clone()), MeasureStatus::Done, "put back");
        ended(&bench.undo(outcome.n, undo), MeasureStatus::Already, "before");
    }
    assert_eq!(paths.iter().map(|path| look(path)).collect::<Vec<_>>(), before);
    assert_eq!(bench.sh("find / -xdev -name owned"), "", "no part of a name was run");
}

#[test]
fn another_file_system_makes_no_difference() {
    let Some(bench) = Bench::start(&[]) else { return };
    // `/tmp` is memory on this machine.
    bench.sh("printf content >/tmp/a.torrent; chown alice:alice /tmp/a.torrent; chmod 604 /tmp/a.torrent; touch -d '2026-01-02 03:04:05.678901234' /tmp/a.torrent; [ $(stat -c %d /tmp) != $(stat -c %d /var/lib) ]");
    let stat = "stat -c '%u:%g:%a:%y:%s' /tmp/a.torrent; cat /tmp/a.torrent";
    let before = bench.sh(stat);
    let outcome = bench.measure(1, quarantine("/tmp/a.torrent", 7));
    ended(&outcome, MeasureStatus::Done, "moved");
    assert_eq!(bench.sh("ls -A /tmp"), "");
    ended(&bench.measure(1, quarantine("/tmp/a.torrent", 7)), MeasureStatus::Already, "earlier try");
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "put back");
    assert_eq!(bench.sh(stat), before);
    assert_eq!(bench.sh("ls -A /tmp"), "a.torrent\n", "nothing else is left there");
}

#[test]
fn what_is_not_what_was_seen_is_left_alone() {
    let Some(bench) = Bench::start(&[]) else { return };
    let downloads = bench.endpoint.host().outside(DOWNLOADS);
    let at = |name: &str| format!("{DOWNLOADS}/{name}");
    let shadow = bench.endpoint.host().outside("/etc/shadow");
    let secret = look(&shadow);

    // By its name it is none of a client's.
    ended(
        &bench.measure(1, quarantine("/etc/shadow", secret.5.len())),
        MeasureStatus::Refused,
        "neither a torrent",
    );
    // Another size.
    plant(&downloads.join("a.torrent"), b"12345");
    ended(&bench.measure(2, quarantine(&at("a.torrent"), 4)), MeasureStatus::Refused, "another size");
    // A link in its place, to a file of that size.
    fs::remove_file(downloads.join("a.torrent")).expect("it goes");
    symlink("/etc/shadow", downloads.join("a.torrent")).expect("a link");
    ended(&bench.measure(3, quarantine(&at("a.torrent"), secret.5.len())), MeasureStatus::Refused, "a link");
    // A link on the way.
    bench.sh("mkdir /srv/real; printf 12345 >/srv/real/a.torrent; ln -s /srv/real /home/alice/way");
    ended(&bench.measure(4, quarantine("/home/alice/way/a.torrent", 5)), MeasureStatus::Refused, "/srv/real");
    // A folder, and a pipe.
    bench.sh(&format!("mkdir {DOWNLOADS}/b.torrent; mkfifo {DOWNLOADS}/c.torrent"));
    ended(&bench.measure(5, quarantine(&at("b.torrent"), 0)), MeasureStatus::Refused, "no regular file");
    ended(&bench.measure(6, quarantine(&at("c.torrent"), 0)), MeasureStatus::Refused, "no regular file");
    ended(&bench.measure(7, quarantine(&at("absent.torrent"), 0)), MeasureStatus::Gone, "any more");
    ended(&bench.measure(7, quarantine("/absent/x.torrent", 0)), MeasureStatus::Gone, "any more");
    ended(&bench.measure(8, quarantine("a.torrent", 0)), MeasureStatus::Refused, "no full path");
    assert_eq!(look(&shadow), secret);
    assert_eq!(bench.sh("cat /srv/real/a.torrent"), "12345");
    assert!(downloads.join("a.torrent").is_symlink());
}

#[test]
fn nothing_is_written_over_when_a_file_is_put_back() {
    let Some(bench) = Bench::start(&[]) else { return };
    let path = format!("{DOWNLOADS}/a.torrent");
    let outside = bench.endpoint.host().outside(&path);
    plant(&outside, b"first");
    let outcome = bench.measure(1, quarantine(&path, 5));
    ended(&outcome, MeasureStatus::Done, "moved");
    let undo = outcome.undo.expect("an undo");
    for other in ["second", "-link-"] {
        if other == "second" {
            plant(&outside, other.as_bytes());
        } else {
            fs::remove_file(&outside).expect("it goes");
            symlink("/etc/passwd", &outside).expect("a link");
        }
        ended(&bench.undo(1, undo.clone()), MeasureStatus::Refused, "something lies in its place");
        // The order again: the file that was meant is away, and another one is none of its business.
        ended(&bench.measure(1, quarantine(&path, 5)), MeasureStatus::Already, "something else lies");
    }
    fs::remove_file(&outside).expect("it goes");
    // Whoever got at it is not helped to bring something else back.
    let kept = bench.endpoint.host().outside("/var/lib/peerhound/quarantine/ph-20261130-bench/1/item");
    let was = fs::read(&kept).expect("it is kept");
    fs::write(&kept, "other").expect("it is changed");
    ended(&bench.undo(1, undo.clone()), MeasureStatus::Refused, "not what was moved");
    fs::write(&kept, was).expect("it is changed back");
    fs::rename(bench.endpoint.host().outside(DOWNLOADS), bench.endpoint.host().outside("/srv/d"))
        .expect("it moves");
    symlink("/srv/d", bench.endpoint.host().outside(DOWNLOADS)).expect("a link");
    ended(&bench.undo(1, undo.clone()), MeasureStatus::Refused, "through a link");
    fs::remove_file(bench.endpoint.host().outside(DOWNLOADS)).expect("it goes");
    ended(&bench.undo(1, undo.clone()), MeasureStatus::Refused, "not there any more");
    fs::rename(bench.endpoint.host().outside("/srv/d"), bench.endpoint.host().outside(DOWNLOADS))
        .expect("it moves");
    ended(&bench.undo(1, undo), MeasureStatus::Done, "put back");
    assert_eq!(fs::read(&outside).expect("it is back"), b"first");
}

#[test]
fn killed_at_any_time_the_same_order_completes_it() {
    let Some(bench) = Bench::start(&[]) else { return };
    let downloads = bench.endpoint.host().outside(DOWNLOADS);
    for n in 1..=8_u32 {
        // Half of them on another file system, and large enough to be caught in the middle.
        let path = if n % 2 == 0 { format!("/tmp/{n}.torrent") } else { format!("{DOWNLOADS}/{n}.torrent") };
        bench.sh(&format!("head -c 5000000 /dev/zero >{path}; chown alice:alice {path}"));
        let (contact, _) = bench.begin(bench.measures(vec![(n, quarantine(&path, 5_000_000))]));
        std::thread::sleep(Duration::from_millis(150 + 60 * u64::from(n)));
        kill(contact);
        let outcome = bench.measure(n, quarantine(&path, 5_000_000));
        let well = [MeasureStatus::Done, MeasureStatus::Already].contains(&outcome.status);
        assert!(well && outcome.undo.is_some(), "{n}: {outcome:?}");
        println!("killed after {} ms: {:?}", 150 + 60 * n, outcome.status);
        assert_eq!(bench.try_sh(&format!("test -e {path}")).code, Some(1));
        ended(&bench.undo(n, outcome.undo.expect("an undo")), MeasureStatus::Done, "put back");
        assert_eq!(bench.sh(&format!("stat -c %U:%s {path}")).trim(), "alice:5000000");
        bench.sh(&format!("rm {path}"));
    }
    assert_eq!(fs::read_dir(downloads).expect("a folder").count(), 0);
}

#[test]
fn an_account_without_rights_moves_what_is_its_own() {
    let Some(mut bench) = Bench::start(&[]) else { return };
    bench.sh(&format!("printf 12345 >{DOWNLOADS}/own.torrent; chown alice:alice {DOWNLOADS}/own.torrent; printf 12345 >/srv/roots.torrent"));
    bench.log_in_as(ALICE);
    ended(&bench.measure(1, quarantine("/srv/roots.torrent", 5)), MeasureStatus::Failed, "cannot be moved");
    let outcome = bench.measure(2, quarantine(&format!("{DOWNLOADS}/own.torrent"), 5));
    ended(&outcome, MeasureStatus::Done, "/home/alice/.local/state/peerhound/quarantine");
    ended(&bench.undo(2, outcome.undo.expect("an undo")), MeasureStatus::Done, "put back");
    assert_eq!(bench.sh(&format!("cat {DOWNLOADS}/own.torrent /srv/roots.torrent")), "1234512345");
}
