use std::fs;
use std::sync::atomic::AtomicU64;

use investigation::evidence::TorrentKind;

use super::*;

const TORRENT: &[u8] = b"d4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";

fn run(root: &Path, caps: &Caps) -> Inventory {
    inventory(&[root.to_path_buf()], caps, &AtomicBool::new(false), |_| {})
}

/// A folder and its path as the mount table knows it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn write(path: PathBuf, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn names(inventory: &Inventory, root: &Path) -> Vec<String> {
    let name = |e: &TorrentFile| e.path.strip_prefix(&format!("{}/", root.display())).unwrap().to_string();
    inventory.entries.iter().map(name).collect()
}

#[test]
fn what_clients_leave_is_found_and_described() {
    let (_keep, root) = folder();
    write(root.join("Downloads/a.TORRENT"), TORRENT);
    write(root.join("Downloads/film.mkv.!qB"), b"12345");
    write(root.join("Downloads/notes.txt"), b"");
    write(root.join(".config/qBittorrent/qBittorrent.conf"), b"");
    let hash = "ab".repeat(20);
    write(
        root.join(format!(".local/share/qBittorrent/BT_backup/{hash}.fastresume")),
        b"d14:total_uploadedi9ee",
    );
    write(
        root.join("u/uTorrent/resume.dat"),
        &[&b"d6:a.torrd4:info20:"[..], &[1; 20], b"e6:b.torrd4:info20:", &[2; 20], b"ee"].concat(),
    );
    let found = run(&root, &Caps::default());
    assert_eq!(
        names(&found, &root),
        [
            ".config/qBittorrent",
            ".config/qBittorrent/qBittorrent.conf",
            ".local/share/qBittorrent",
            ".local/share/qBittorrent/BT_backup",
            &format!(".local/share/qBittorrent/BT_backup/{hash}.fastresume"),
            "Downloads/a.TORRENT",
            "Downloads/film.mkv.!qB",
            "u/uTorrent/resume.dat",
            "u/uTorrent/resume.dat",
        ]
    );
    assert_eq!((found.files_seen, found.directories_seen), (6, 10));
    assert_eq!((found.truncated.len(), found.error_count), (0, 0));
    let at = |n: usize| &found.entries[n];
    assert_eq!((at(4).kind, at(4).infohash_v1.as_deref()), (TorrentKind::Resume, Some(&*hash)));
    assert!(at(4).notes.contains(&"9 bytes uploaded".to_string()), "{:?}", at(4).notes);
    assert_eq!((at(5).kind, at(5).name.as_deref()), (TorrentKind::Metainfo, Some("a")));
    assert_eq!(
        (at(5).size, at(5).total_size, at(5).infohash_v1.is_some()),
        (TORRENT.len() as u64, Some(5), true)
    );
    assert_eq!(
        (at(6).kind, at(6).application.as_deref()),
        (TorrentKind::PartialDownload, Some("qBittorrent"))
    );
    assert_ne!(at(7).infohash_v1, at(8).infohash_v1);
    assert!(at(5).modified.is_some());
    #[cfg(unix)]
    {
        let me = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
        assert_eq!(at(5).owner.as_deref(), Some(String::from_utf8(me).unwrap().trim()));
    }
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Inventory>(&json).unwrap(), found);
}

#[test]
#[cfg(unix)]
fn hostile_names_survive_whole() {
    use std::os::unix::ffi::OsStrExt as _;
    let (_keep, root) = folder();
    let strange =
        ["line\nbreak.torrent", "esc\x1b[2J.torrent", "..torrent", "a\\..\\..\\b.torrent", "=cmd|' .torrent"];
    for name in strange {
        write(root.join(name), TORRENT);
    }
    write(root.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.torrent")), TORRENT);
    let found = run(&root, &Caps::default());
    let mut expected: Vec<String> = strange.map(String::from).to_vec();
    expected.sort();
    expected.push("\u{fffd}\u{fffd}.torrent".into());
    assert_eq!(names(&found, &root), expected);
    assert!(found.entries.iter().all(|e| e.infohash_v1.is_some()), "each was opened under its own name");
    let exact =
        data_encoding::HEXLOWER.decode(found.entries[5].path_hex.as_ref().unwrap().as_bytes()).unwrap();
    assert_eq!(exact, [bytes_of(&root), b"/\xff\xfe.torrent"].concat());
    assert!(found.entries[..5].iter().all(|e| e.path_hex.is_none()));
    let json = serde_json::to_string(&found).unwrap();
    assert!(!json.bytes().any(|b| b < 0x20), "no control byte reaches a file as it is");
}

#[test]
#[cfg(unix)]
fn links_and_pipes_are_listed_and_not_opened() {
    let (_keep, root) = folder();
    let (_other, outside) = folder();
    write(outside.join("x.torrent"), TORRENT);
    std::os::unix::fs::symlink(&outside, root.join("way-out")).unwrap();
    std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
    std::os::unix::fs::symlink(outside.join("x.torrent"), root.join("link.torrent")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(root.join("pipe.torrent")).status().unwrap();
    assert!(pipe.success());
    let found = run(&root, &Caps::default());
    assert_eq!(names(&found, &root), ["link.torrent", "pipe.torrent"]);
    assert_eq!(found.entries[0].notes, ["a symbolic link, not followed"]);
    assert_eq!(found.entries[1].notes, ["neither a file nor a folder, not opened"]);
    assert!(found.entries.iter().all(|e| e.infohash_v1.is_none()));
}

#[test]
#[cfg(unix)]
fn a_file_that_became_a_pipe_or_a_link_meanwhile_is_not_read() {
    let (_keep, root) = folder();
    write(root.join("real"), TORRENT);
    let seen = root.join("real").symlink_metadata().unwrap();
    std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let mut reader = contents::Reader::new(1000);
    assert!(reader.read(&root.join("link"), &seen).is_err());
    assert_eq!(reader.read(&root.join("pipe"), &seen).unwrap_err(), "not read: it was replaced meanwhile");
    assert_eq!(reader.read(&root.join("real"), &seen).unwrap(), TORRENT);
}

#[test]
fn broken_and_oversized_files_are_kept_with_a_note() {
    let (_keep, root) = folder();
    write(root.join("bomb.torrent"), &b"l".repeat(100_000));
    write(root.join("claims.torrent"), b"4294967296:");
    write(root.join("empty.torrent"), b"");
    let large = fs::File::create(root.join("large.torrent")).unwrap();
    large.set_len(1 << 30).unwrap();
    let found = run(&root, &Caps::default());
    let notes: Vec<&str> = found.entries.iter().map(|e| e.notes[0].as_str()).collect();
    assert_eq!(
        notes,
        [
            "unreadable: not readable as bencode: nested deeper than 64 levels at byte 64",
            "unreadable: not readable as bencode: string at byte 0 claims 4294967296 bytes where 0 remain",
            "unreadable: not readable as bencode: ends at byte 0 where a value (a digit, i, l or d) should follow",
            "not read: larger than 16777216 bytes",
        ]
    );
    assert_eq!(found.entries[3].size, 1 << 30);
}

#[test]
fn every_cap_says_what_it_cut_off() {
    let (_keep, root) = folder();
    for n in 0..30 {
        write(root.join(format!("d{n:02}/deep/deeper/x.torrent")), TORRENT);
    }
    let all = run(&root, &Caps::default());
    assert_eq!((all.entries.len(), all.truncated.len()), (30, 0));

    let hits = run(&root, &Caps { hits: 7, threads: 4, ..Caps::default() });
    assert_eq!(hits.truncated, ["30 hits, the first 7 by path are listed"]);
    assert_eq!(hits.entries[..], all.entries[..7], "the first by path, whatever the threads did");

    let depth = run(&root, &Caps { depth: 2, ..Caps::default() });
    assert_eq!(depth.truncated, ["30 folders at depth 2 were not entered"]);
    assert!(depth.entries.is_empty());

    let time = run(&root, &Caps { time: Duration::ZERO, ..Caps::default() });
    assert!(time.truncated.iter().all(|t| t.starts_with("out of time")) && !time.truncated.is_empty());

    let cancel = AtomicBool::new(true);
    let cancelled = inventory(std::slice::from_ref(&root), &Caps::default(), &cancel, |_| {});
    assert!(cancelled.truncated[0].starts_with("cancelled"), "{:?}", cancelled.truncated);
}

#[test]
fn a_mount_point_that_the_plan_leaves_out_is_not_entered() {
    let (_keep, root) = folder();
    write(root.join("network/x.torrent"), TORRENT);
    write(root.join("networks/y.torrent"), TORRENT);
    let plan = drives::WalkPlan {
        starts: vec![root.clone()],
        skip: [root.join("network")].into(),
        ..drives::WalkPlan::default()
    };
    let cancel = AtomicBool::new(false);
    let found = walk::walk(&plan, &Caps::default(), &Limit { deadline: None, cancel: &cancel }, &|_| {});
    let paths: Vec<&Path> = found.hits.iter().map(|hit| hit.path.as_path()).collect();
    assert_eq!(paths, [root.join("networks/y.torrent")]);
}

#[test]
fn too_many_files_stop_the_walk() {
    let (_keep, root) = folder();
    for n in 0..5000 {
        fs::write(root.join(format!("f{n}")), b"").unwrap();
    }
    let seen = AtomicU64::new(0);
    let caps = Caps { files: 2000, threads: 1, ..Caps::default() };
    let found = inventory(&[root], &caps, &AtomicBool::new(false), |n| seen.store(n, Ordering::Relaxed));
    assert_eq!(found.truncated, ["more than 2000 files: the walk stopped"]);
    assert!((2000..5000).contains(&found.files_seen), "{}", found.files_seen);
    assert_eq!(seen.into_inner(), found.files_seen, "progress ends with the final count");
}

#[test]
fn unreachable_roots_are_errors_and_the_rest_is_walked() {
    let (_keep, root) = folder();
    write(root.join("x.torrent"), TORRENT);
    let roots = [root.join("absent"), root.clone(), root.join("."), PathBuf::from("/proc")];
    let found = inventory(&roots, &Caps::default(), &AtomicBool::new(false), |_| {});
    assert_eq!(found.entries.len(), 1, "a root that is named twice is walked once");
    #[cfg(target_os = "linux")]
    {
        assert_eq!(found.error_count, 2);
        assert!(found.errors[0].contains("/proc: on a proc file system, not walked"), "{:?}", found.errors);
        assert!(found.errors[1].contains("absent"), "{:?}", found.errors);
    }
}

#[test]
fn a_remote_listing_gives_the_same_entries_as_a_walk() {
    let (_keep, root) = folder();
    write(root.join("x.torrent"), TORRENT);
    let walked = run(&root, &Caps::default()).entries.remove(0);
    let mut listed = entries_from_listing(bytes_of(&root.join("x.torrent")), false, Some(TORRENT)).remove(0);
    assert_eq!(listed.infohash_v1, walked.infohash_v1);
    (listed.size, listed.modified, listed.created) = (walked.size, walked.modified, walked.created);
    (listed.accessed, listed.owner, listed.owner_id) =
        (walked.accessed, walked.owner.clone(), walked.owner_id);
    assert_eq!(listed, walked);
    assert_eq!(entries_from_listing(b"/etc/hosts", false, None), []);
}
