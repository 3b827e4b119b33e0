use proptest::prelude::*;

use super::*;

const PIECES: &[u8] = b"6:pieces20:aaaaaaaaaaaaaaaaaaaa";

/// A torrent with the given `info` members before `pieces`.
fn torrent(before: &str, after: &str) -> Vec<u8> {
    [b"d4:infod", before.as_bytes(), PIECES, after.as_bytes(), b"ee"].concat()
}

#[test]
fn a_single_file_torrent_is_read() {
    let content = b"d8:announce20:http://t.example/ann10:created by4:prog13:creation datei1600000000e\
        4:infod6:lengthi5e4:name5:a.iso12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1eee";
    let read = Metainfo::parse(content).unwrap();
    assert_eq!(read.name.as_deref(), Some("a.iso"));
    assert_eq!(read.trackers, ["http://t.example/ann"]);
    assert_eq!((read.total_size, read.file_count, read.piece_length), (5, 1, Some(16384)));
    assert!(read.private);
    assert_eq!(read.created_by.as_deref(), Some("prog"));
    assert_eq!(read.creation_date.unwrap().to_string(), "2020-09-13T12:26:40Z");
    assert_eq!(read.infohash_v2, None);
    assert_eq!(read.notes, Vec::<String>::new());
}

#[test]
fn the_infohash_does_not_depend_on_what_lies_around_info() {
    let alone = Metainfo::parse(&torrent("4:name1:a", "")).unwrap();
    let info = &torrent("4:name1:a", "")[7..];
    let among = [b"d1:zi1e4:info", &info[..info.len() - 1], b"1:a4:infoe\n"].concat();
    let among = Metainfo::parse(&among).unwrap();
    assert_eq!(among.infohash_v1, alone.infohash_v1);
    assert!(among.notes.iter().any(|n| n.contains("out of order")), "{:?}", among.notes);
    assert!(among.notes.iter().any(|n| n.contains("after the end")), "{:?}", among.notes);
}

#[test]
fn hostile_names_are_harmless_to_print() {
    let name = "../\u{1b}[2J\n\u{202e}cod.exe";
    let read = Metainfo::parse(&torrent(&format!("4:name{}:{name}", name.len()), "")).unwrap();
    assert_eq!(read.name.as_deref(), Some("../\\u{1b}[2J\\n\\u{202e}cod.exe"));

    let not_utf8 = [&b"d4:infod4:name4:\xff\xfeab"[..], PIECES, b"ee"].concat();
    let read = Metainfo::parse(&not_utf8).unwrap();
    assert_eq!(read.name.as_deref(), Some("\u{fffd}\u{fffd}ab"));
    assert!(read.notes.contains(&"the name is not UTF-8".to_string()));

    let long = format!("4:name1000000:{}", "x".repeat(1_000_000));
    let read = Metainfo::parse(&torrent(&long, "")).unwrap();
    assert_eq!(read.name.unwrap().chars().count(), TEXT_CAP + 1);
}

#[test]
fn sizes_saturate_and_negative_lengths_are_noted() {
    let max = i64::MAX;
    let files = format!("5:filesld6:lengthi{max}eed6:lengthi{max}eed6:lengthi{max}eed6:lengthi-5eee");
    let read = Metainfo::parse(&torrent(&files, "")).unwrap();
    assert_eq!((read.total_size, read.file_count), (u64::MAX, 4));
    assert!(read.notes.iter().any(|n| n.starts_with("1 lengths")), "{:?}", read.notes);
}

#[test]
fn padding_files_do_not_count() {
    let files = "5:filesld6:lengthi7eed4:attr1:p6:lengthi100eee";
    let read = Metainfo::parse(&torrent(files, "")).unwrap();
    assert_eq!((read.total_size, read.file_count), (7, 1));
}

#[test]
fn v2_and_hybrid_are_told_by_their_marks() {
    let tree = "9:file treed1:ad1:bd0:d6:lengthi3eee1:cd0:d6:lengthi4eeeee12:meta versioni2e4:name1:x";
    let v2 = Metainfo::parse(format!("d4:infod{tree}ee").as_bytes()).unwrap();
    assert_eq!((v2.infohash_v1.is_some(), v2.infohash_v2.is_some()), (false, true));
    assert_eq!((v2.total_size, v2.file_count), (7, 2));

    let hybrid = Metainfo::parse(&torrent(&format!("{tree}6:lengthi7e"), "")).unwrap();
    assert_eq!((hybrid.infohash_v1.is_some(), hybrid.infohash_v2.is_some()), (true, true));
    assert!(hybrid.notes.iter().any(|n| n.contains("file lists differ")), "{:?}", hybrid.notes);

    let unmarked = tree.replace("12:meta versioni2e", "");
    let unmarked = Metainfo::parse(&torrent(&unmarked, "")).unwrap();
    assert_eq!((unmarked.infohash_v1.is_some(), unmarked.infohash_v2.is_some()), (true, false));

    let neither = Metainfo::parse(b"d4:infod4:name1:xee").unwrap();
    assert_eq!((neither.infohash_v1.is_some(), neither.infohash_v2.is_some()), (false, false));
    assert!(neither.notes.iter().any(|n| n.contains("no infohash")), "{:?}", neither.notes);
}

#[test]
fn trackers_are_each_once_and_capped() {
    let tiers: String = (0..100).map(|n| format!("l10:udp://t/{n:02}e")).collect();
    let content = format!("d8:announce10:udp://t/0013:announce-listl{tiers}e4:infod4:name1:aee");
    let read = Metainfo::parse(content.as_bytes()).unwrap();
    assert_eq!(read.trackers.len(), TRACKER_CAP);
    assert_eq!(read.trackers[..2], ["udp://t/00", "udp://t/01"]);
    assert!(read.notes.iter().any(|n| n.contains("trackers")));
}

#[test]
fn what_is_no_metainfo_is_refused() {
    assert_eq!(Metainfo::parse(b"le"), Err(MetainfoError::NotADictionary));
    assert_eq!(Metainfo::parse(b"de"), Err(MetainfoError::NoInfo));
    assert_eq!(Metainfo::parse(b"d4:info2:dee"), Err(MetainfoError::NoInfo));
    assert!(matches!(Metainfo::parse(b"<html>"), Err(MetainfoError::Bencode(_))));
    assert!(matches!(
        Metainfo::parse(&b"d4:info".repeat(100_000)),
        Err(MetainfoError::Bencode(BencodeError::TooDeep { .. }))
    ));
}

proptest! {
    /// Parts of a torrent in any order and number, so that much of it gets past the bencode reader.
    #[test]
    fn nothing_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "4:info", "d", "e", "e", "l", "4:name", "1:x", "0:", "6:pieces", "5:files", "6:length", "i-5e",
        "i99999999999999999999e", "9:file tree", "12:meta version", "i2e", "8:announce", "13:announce-list",
        "13:creation date", "i9223372036854775807e", "12:piece length", "2:\u{7ff}",
    ]), 0..24)) {
        let content = format!("d4:infod{}ee", parts.concat());
        if let Ok(read) = Metainfo::parse(content.as_bytes()) {
            prop_assert_eq!(serde_json::from_str::<Metainfo>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn no_bytes_panic(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Metainfo::parse(&content);
    }
}
