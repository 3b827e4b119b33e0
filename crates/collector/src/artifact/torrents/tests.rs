use proptest::prelude::*;

use super::*;
use crate::torrent::drives::parse_mountinfo;

const METAINFO: &[u8] = b"d8:announce26:http://tracker.example/ann4:infod6:lengthi7e4:name5:a.iso12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";

fn hit(kind: &str, stat: &str, path: &str, content: Option<&[u8]>) -> String {
    let content = content.map(|c| format!("content\0{}\n\0", BASE64.encode(c))).unwrap_or_default();
    format!("hit\0{kind}\0stat\0{stat}\0path\0{path}\0{content}")
}

fn read(records: &str, limits: &Limits) -> (Vec<TorrentFile>, ArtifactStatus, Vec<String>) {
    let output = format!("\0PEERHOUND-1\0{records}end\0\0");
    let facts = Facts { accounts: [(1000, "alice".to_owned())].into(), ..Facts::default() };
    let (Parsed::Torrents(rows), tally) = parse(&mut output.as_bytes(), &facts, limits).unwrap() else {
        panic!("another kind")
    };
    let (status, reasons) = tally.settle();
    (rows, status, reasons)
}

#[test]
fn a_torrent_with_its_content() {
    let record = hit("f", "120 1764000000 1764000001 0 1000", "/home/alice/a.torrent", Some(METAINFO));
    let (rows, status, _) = read(&(record + "unreadable\x000\0"), &Limits::default());
    assert_eq!((rows.len(), status), (1, ArtifactStatus::Ok));
    assert_eq!(rows[0].name.as_deref(), Some("a.iso"));
    // SHA-1 of the bytes of `info`, by an independent tool.
    assert_eq!(rows[0].infohash_v1.as_deref(), Some("e110ae4481063579d82fde96881fe362f45c838f"));
    assert_eq!((rows[0].size, rows[0].owner.as_deref(), rows[0].owner_id), (120, Some("alice"), Some(1000)));
    assert_eq!(rows[0].modified, Timestamp::from_second(1_764_000_000).ok());
    assert_eq!(rows[0].created, None);
}

#[test]
fn hostile_names_are_kept_as_they_are_and_forge_nothing() {
    let names = ["/d/a\nhit\nf\n.torrent", "/d/\u{1b}[2J.torrent", "/d/../../etc/x.torrent"];
    let records: String = names.iter().map(|name| hit("f", "1 1 1 1 0", name, None)).collect();
    let (rows, ..) = read(&records, &Limits::default());
    let mut paths: Vec<_> = rows.iter().map(|row| row.path.as_str()).collect();
    paths.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(paths, names);
}

#[test]
fn what_is_not_torrent_related_or_no_path_is_left_out() {
    let records =
        hit("f", "1 1 1 1 0", "/d/resume.doc", None) + &hit("f", "1 1 1 1 0", "relative.torrent", None);
    assert!(read(&records, &Limits::default()).0.is_empty());
}

#[test]
fn caps_on_depth_rows_and_bytes_are_said() {
    let deep = hit("f", "1 1 1 1 0", &format!("{}/x.torrent", "/d".repeat(70)), None);
    let (rows, status, _) = read(&deep, &Limits::default());
    assert_eq!((rows.len(), status), (0, ArtifactStatus::Truncated));
    let many: String = (0..5).map(|n| hit("f", "1 1 1 1 0", &format!("/d/{n}.torrent"), None)).collect();
    let (rows, status, reasons) = read(&many, &Limits { rows: 2, ..Limits::default() });
    assert_eq!((rows.len(), status), (2, ArtifactStatus::Truncated));
    assert_eq!(reasons, ["3 files beyond the cap on rows were left out"]);
    let large = hit("f", "120 1 1 1 0", "/d/x.torrent", Some(METAINFO));
    let (rows, ..) = read(&large, &Limits { torrent_bytes: 100, ..Limits::default() });
    assert!(rows[0].notes.iter().any(|note| note.contains("larger than the cap")), "{:?}", rows[0].notes);
    assert_eq!(rows[0].infohash_v1, None);
}

#[test]
fn a_walk_that_was_stopped_keeps_what_it_found() {
    let output = format!("\0PEERHOUND-1\0{}content\0AAAA", hit("f", "1 1 1 1 0", "/d/x.torrent", None));
    let (parsed, tally) = parse(&mut output.as_bytes(), &Facts::default(), &Limits::default()).unwrap();
    assert_eq!((parsed.items(), tally.settle().0), (1, ArtifactStatus::Truncated));
}

#[test]
fn closed_folders_make_it_partial() {
    let (_, status, reasons) = read("unreadable\x0012\0", &Limits::default());
    assert_eq!(
        (status, reasons),
        (ArtifactStatus::Partial, vec!["12 folders or files are closed to this account".into()])
    );
}

#[test]
fn the_script_walks_the_file_systems_that_the_native_walk_calls_local() {
    for name in generate::LOCAL.split(' ') {
        let mounts = parse_mountinfo(format!("36 35 98:0 / / rw - {name} /dev/sda1 rw").as_bytes());
        assert!(mounts.len() == 1 && mounts[0].is_local(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_answer_is_read(values: Vec<(usize, Vec<u8>)>) {
        const KEYS: [&str; 6] = ["hit", "stat", "path", "content", "odd_mount", "unreadable"];
        let mut output = b"\0PEERHOUND-1\0".to_vec();
        for (key, value) in values {
            output.extend(KEYS[key % KEYS.len()].as_bytes());
            output.push(0);
            output.extend(value);
            output.push(0);
        }
        parse(&mut output.as_slice(), &Facts::default(), &Limits::default()).unwrap();
    }
}

#[test]
fn a_path_longer_than_any_is_left_out_and_said() {
    let path = format!("/{}/resume.dat", "a".repeat(PATH_CAP));
    let records = hit("f", "1 1 1 1 0", &path, None) + &hit("f", "1 1 1 1 0", "/a.torrent", None);
    let (rows, status, reasons) = read(&records, &Limits::default());
    assert_eq!((rows.len(), status), (1, ArtifactStatus::Truncated));
    assert!(reasons.iter().any(|reason| reason.contains("longer than 4096 bytes")), "{reasons:?}");
}
