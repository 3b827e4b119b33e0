use std::collections::HashSet;

use super::*;

const HASH: &str = "0123456789abcdef0123456789ABCDEF01234567";

fn of(path: &str) -> Option<(TorrentKind, Option<&'static str>, bool)> {
    classify(Path::new(path)).map(|row| (row.kind, row.application, row.weak.is_some()))
}

#[test]
fn every_row_is_well_formed_and_found_by_what_it_describes() {
    let mut patterns = HashSet::new();
    for row in artifacts() {
        assert!(patterns.insert(row.pattern), "{} is there twice", row.pattern);
        assert!(row.source.len() > 8, "{} says where it is known from", row.pattern);
        assert!(!row.pattern.bytes().any(|b| b.is_ascii_uppercase()), "{} is lower-case", row.pattern);
        for component in row.pattern.trim_end_matches('/').split('/') {
            assert!(component.matches(['*', '{']).count() <= 1 && !component.is_empty(), "{}", row.pattern);
        }
        let example = row.pattern.replace("{infohash}", HASH).replace('*', "X");
        let example = format!("/home/u/{}", example.trim_end_matches('/'));
        let found = classify_bytes(example.as_bytes(), row.is_folder()).expect(row.pattern);
        assert_eq!(found.pattern, row.pattern, "{example}");
        let windows = example.replace('/', "\\").to_uppercase();
        let found = classify_bytes(windows.as_bytes(), row.is_folder()).expect(row.pattern);
        assert_eq!(found.pattern, row.pattern, "{windows}");
        assert!(
            classify_bytes(example.as_bytes(), !row.is_folder()).is_none_or(|r| r.pattern != row.pattern),
            "a folder is no file"
        );
    }
    assert!(patterns.len() > 90);
}

#[test]
fn the_row_that_knows_most_wins() {
    use TorrentKind::*;
    assert_eq!(of("/srv/x.torrent"), Some((Metainfo, None, false)));
    assert_eq!(of("/srv/BT_backup/x.torrent"), Some((Metainfo, Some("qBittorrent"), false)));
    assert_eq!(of("/tmp/001.part"), Some((PartialDownload, None, true)));
    assert_eq!(of("/tmp/001.part.met"), Some((PartialDownload, Some("eMule/aMule"), false)));
    assert_eq!(
        of("/var/lib/deluged/config/state/torrents.fastresume"),
        Some((Resume, Some("Deluge"), false))
    );
    assert_eq!(
        of(r"C:\Users\u\AppData\Roaming\uTorrent\resume.dat"),
        Some((Resume, Some("µTorrent"), false))
    );
    assert_eq!(
        of(r"C:\Users\u\AppData\Roaming\uTorrent\resume.dat.old"),
        Some((Resume, Some("µTorrent"), false))
    );
    assert_eq!(of("/x/resume.dat"), Some((Resume, None, true)));
}

#[test]
fn what_only_looks_alike_is_not_p2p() {
    for path in [
        "/home/u/Downloads/film.mkv.crdownload",
        "/home/u/settings.dat",
        "/home/u/dht.dat",
        "/usr/share/doc/qbittorrent",
        "/home/u/torrent",
        "/home/u/my.torrents",
        "/home/u/active/letter.dat",
        "/home/u/.abc.parts",
        "/etc/hosts",
        "/",
        "",
        "x",
        "\u{e9}",
    ] {
        assert!(classify(Path::new(path)).is_none(), "{path}");
        assert!(classify_bytes(path.as_bytes(), true).is_none(), "{path}");
    }
}

#[test]
fn hostile_names_are_matched_as_bytes() {
    assert!(of("/tmp/a\nb\x1b[2J.torrent").is_some());
    assert!(of("/tmp/../../x.torrent").is_some());
    assert!(classify_bytes(b"/tmp/\xff\xfe.TORRENT", false).is_some());
    assert!(classify_bytes(b".torrent", false).is_some());
}

#[test]
fn an_infohash_is_taken_from_a_name_only_where_it_is_unmistakable() {
    let name = format!("{HASH}.fastresume");
    assert_eq!(infohash_in_name(name.as_bytes()), Some(HASH.to_lowercase()));
    assert_eq!(infohash_in_name(format!("{HASH}0.dat").as_bytes()), None);
    assert_eq!(infohash_in_name(format!("{HASH}-{HASH}").as_bytes()), None);
    assert_eq!(infohash_in_name(b"name.0123456789abcdef.resume"), None);
}
