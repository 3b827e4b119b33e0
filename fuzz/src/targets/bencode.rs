//! Bencode, torrents, resume files.

use std::fmt::Write as _;

use collector::torrent::bencode::{Document, Limits, Value};
use collector::torrent::client_data::Content;
use collector::torrent::metainfo::Metainfo;
use collector::torrent::resume;
use data_encoding::HEXLOWER;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::{assert_one_line, reference, seeds as given, way};

/// Longest text, in characters: 512, each escaped as `\u{10ffff}`, and the mark of the cut.
const TEXT: usize = 512 * 10 + 1;

/// Torrents and resume files.
///
/// - What is bencode, and where it ends, is what a second reader says; it is clean exactly where that one says so.
/// - Writing the values again gives the input, where it is clean.
/// - Tighter caps refuse, and never read something else.
/// - An infohash is the hash of the bytes of `info` as the second reader finds them.
/// - Texts are capped and safe to print; a resume file gives at most 1,000 records.
pub fn bencode(data: &[u8]) -> u64 {
    let mut said = String::new();
    let limits = Limits::default();
    let second = reference::bencode(data, limits.depth);
    match Document::parse(data, &limits) {
        Ok(document) => {
            let second = second.as_ref().expect("the second reader refuses it");
            let root = document.root();
            assert_eq!(root.raw(), &data[..second.end], "where the value ends");
            let clean = second.canonical && second.end == data.len();
            assert_eq!(document.notes().next().is_none(), clean, "clean or not");
            if clean {
                let mut written = Vec::new();
                write(root, &mut written);
                assert_eq!(written, data, "written again");
            }
            document.notes().for_each(|note| {
                let _ = write!(said, "{:?}", note.oddity);
                assert_one_line(&note.to_string());
            });
        }
        Err(error) => {
            // The caps on number and size are the only ones that the second reader does not have.
            let capped = format!("{error:?}").starts_with("TooManyItems") || data.len() > limits.bytes;
            assert!(second.is_none() || capped, "the second reader takes it: {error}");
            assert_one_line(&error.to_string());
            said.push_str(&error.to_string());
        }
    }
    let tight = Limits { bytes: 1 << 10, depth: 4, items: 20 };
    if let Ok(document) = Document::parse(data, &tight) {
        assert!(data.len() <= tight.bytes, "over the cap on bytes");
        let wide = Document::parse(data, &limits).expect("wider caps refuse");
        assert_eq!(document.root().raw(), wide.root().raw());
    }
    metainfo(data, second.as_ref(), &mut said);
    for content in [
        Content::LibtorrentResume,
        Content::DelugeResume,
        Content::UtorrentResume,
        Content::TransmissionResume,
        Content::Aria2Control,
    ] {
        let records = resume::read(content, data).unwrap_or_default();
        assert!(records.len() <= 1000, "{} records", records.len());
        for record in &records {
            record.name.iter().chain(&record.save_path).for_each(|text| safe(text));
            hash(record.infohash_v1.as_deref(), 40);
            hash(record.infohash_v2.as_deref(), 64);
        }
        if let Some(first) = records.first() {
            let given = [first.name.is_some(), first.infohash_v1.is_some(), first.added.is_some()];
            let _ = write!(said, "{content:?}{given:?}");
        }
    }
    way(&said)
}

fn metainfo(data: &[u8], second: Option<&reference::Bencoded>, said: &mut String) {
    let Ok(torrent) = Metainfo::parse(data) else { return };
    let (start, end) = second.and_then(|second| second.info).expect("the second reader finds no info");
    let info = &data[start..end];
    if let Some(v1) = &torrent.infohash_v1 {
        assert_eq!(*v1, HEXLOWER.encode(&Sha1::digest(info)));
    }
    if let Some(v2) = &torrent.infohash_v2 {
        assert_eq!(*v2, HEXLOWER.encode(&Sha256::digest(info)));
    }
    assert!(torrent.trackers.len() <= 64, "{} trackers", torrent.trackers.len());
    torrent.name.iter().chain(&torrent.created_by).chain(&torrent.trackers).for_each(|text| safe(text));
    torrent.notes.iter().for_each(|note| assert_one_line(note));
    assert!(torrent.file_count <= data.len() as u64, "more files than bytes");
    let hashes = (torrent.infohash_v1.is_some(), torrent.infohash_v2.is_some());
    let _ = write!(said, "torrent {hashes:?} {:?}", torrent.notes);
}

#[track_caller]
fn safe(text: &str) {
    assert_one_line(text);
    assert!(text.chars().count() <= TEXT, "{} bytes of text", text.len());
}

#[track_caller]
fn hash(hash: Option<&str>, length: usize) {
    let Some(hash) = hash else { return };
    let hex = hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    assert!(hex && hash.len() == length, "infohash {hash:?}");
}

/// Depth is bounded by the reader's cap.
fn write(value: Value<'_>, out: &mut Vec<u8>) {
    if let Some(bytes) = value.as_bytes() {
        string(bytes, out);
    } else if let Some(number) = value.as_int() {
        out.extend_from_slice(format!("i{number}e").as_bytes());
    } else if value.is_dictionary() {
        out.push(b'd');
        for (key, value) in value.entries() {
            string(key, out);
            write(value, out);
        }
        out.push(b'e');
    } else {
        out.push(b'l');
        value.items().for_each(|value| write(value, out));
        out.push(b'e');
    }
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

/// `key` and bencoded value, in the order given.
fn dictionary(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"d".to_vec();
    for (key, value) in members {
        string(key.as_bytes(), &mut out);
        out.extend_from_slice(value);
    }
    out.push(b'e');
    out
}

fn text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    string(text, &mut out);
    out
}

/// Torrents as clients make them: v1 with one file and with several, v2, hybrid.
pub(super) fn torrents() -> Vec<Vec<u8>> {
    let tree = dictionary(&[(
        "folder",
        dictionary(&[(
            "a.bin",
            dictionary(&[(
                "",
                dictionary(&[("length", b"i40001e".to_vec()), ("pieces root", text(&[7; 32]))]),
            )]),
        )]),
    )]);
    let file = |name: &[u8], length: &[u8]| {
        dictionary(&[
            ("length", length.to_vec()),
            ("path", [b"l".to_vec(), text(name), b"e".to_vec()].concat()),
        ])
    };
    let files = [b"l".to_vec(), file(b"a.bin", b"i40001e"), file(b"b.bin", b"i7e"), b"e".to_vec()].concat();
    let one = dictionary(&[
        ("length", b"i123456e".to_vec()),
        ("name", text("Größe.iso".as_bytes())),
        ("piece length", b"i16384e".to_vec()),
        ("pieces", text(&[9; 160])),
        ("private", b"i1e".to_vec()),
    ]);
    let several = dictionary(&[
        ("files", files.clone()),
        ("name", text(b"several")),
        ("piece length", b"i16384e".to_vec()),
        ("pieces", text(&[9; 60])),
    ]);
    let v2 = dictionary(&[
        ("file tree", tree.clone()),
        ("meta version", b"i2e".to_vec()),
        ("name", text(b"v2")),
        ("piece length", b"i16384e".to_vec()),
    ]);
    let hybrid = dictionary(&[
        ("file tree", tree),
        ("files", files),
        ("meta version", b"i2e".to_vec()),
        ("name", text(b"hybrid")),
        ("piece length", b"i16384e".to_vec()),
        ("pieces", text(&[9; 20])),
    ]);
    let whole = |info: Vec<u8>| {
        dictionary(&[
            ("announce", text(b"udp://tracker.example:6969/announce")),
            (
                "announce-list",
                b"ll35:udp://tracker.example:6969/announceel20:http://b.example/annee".to_vec(),
            ),
            ("created by", text(b"mktorrent 1.1")),
            ("creation date", b"i1764000000e".to_vec()),
            ("info", info),
        ])
    };
    [one, several, v2, hybrid].map(whole).into()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = torrents();
    let resume = dictionary(&[
        ("added_time", b"i1764000000e".to_vec()),
        ("completed_time", b"i0e".to_vec()),
        ("file-format", text(b"libtorrent resume file")),
        ("info-hash", text(&[5; 20])),
        ("info-hash2", text(&[6; 32])),
        ("qBt-name", text(b"name")),
        ("save_path", text(b"/home/alice/Downloads")),
        ("total_downloaded", b"i1048576e".to_vec()),
        ("total_uploaded", b"i4096e".to_vec()),
    ]);
    let utorrent = dictionary(&[
        (".fileguard", text(b"0123456789abcdef")),
        (
            "a.torrent",
            dictionary(&[("added_on", b"i1e".to_vec()), ("caption", text(b"a")), ("info", text(&[5; 20]))]),
        ),
    ]);
    let deluge = dictionary(&[("0123456789abcdef0123456789abcdef01234567", text(&resume))]);
    let transmission = dictionary(&[
        ("added-date", b"i1764000000e".to_vec()),
        ("destination", text(b"/data")),
        ("downloaded", b"i9e".to_vec()),
        ("name", text(b"n")),
    ]);
    seeds.extend([resume, utorrent, deluge, transmission]);
    seeds.push([&[0, 1, 0, 0, 0, 1, 0, 0, 0, 20][..], &[5; 20], &[0; 40]].concat());
    seeds.push(b"d1:bi1e1:ai2e1:bi3ee".to_vec());
    // Hostile by design: deep, long by its own word, many values, many equal keys, many trackers.
    seeds.push(given::many(b"l", 1 << 20));
    seeds.push(given::many(b"d0:", 1 << 20));
    seeds.push(b"4294967296:a".to_vec());
    seeds.push(b"99999999999999999999999999:a".to_vec());
    seeds.push([b"l".to_vec(), given::many(b"le", 2 << 20), b"e".to_vec()].concat());
    seeds.push([b"d".to_vec(), given::many(b"1:bi1e1:ai1e", 1 << 20), b"e".to_vec()].concat());
    seeds.push([b"i".to_vec(), given::many(b"9", 1 << 20), b"e".to_vec()].concat());
    let trackers: Vec<u8> = (0..20_000)
        .flat_map(|n| [b"l".to_vec(), text(n.to_string().as_bytes()), b"e".to_vec()].concat())
        .collect();
    seeds.push(dictionary(&[
        ("announce-list", [b"l".to_vec(), trackers, b"e".to_vec()].concat()),
        ("info", dictionary(&[("name", text(&[0x1b; 10_000])), ("pieces", text(b""))])),
    ]));
    let entries: Vec<u8> = (0..20_000)
        .flat_map(|n| [text(format!("{n:08}").as_bytes()), b"d4:info0:e".to_vec()].concat())
        .collect();
    seeds.push([b"d".to_vec(), entries, b"e".to_vec()].concat());
    seeds
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"d",
    b"l",
    b"e",
    b"i",
    b":",
    b"0:",
    b"1:a",
    b"i0e",
    b"i-1e",
    b"i-0e",
    b"i007e",
    b"de",
    b"le",
    b"03:abc",
    b"4:info",
    b"4:name",
    b"10:name.utf-8",
    b"6:pieces",
    b"12:piece length",
    b"6:length",
    b"5:files",
    b"9:file tree",
    b"12:meta version",
    b"i2e",
    b"8:announce",
    b"13:announce-list",
    b"7:private",
    b"13:creation date",
    b"4:path",
    b"9:info-hash",
    b"10:info-hash2",
    b"8:qBt-name",
    b"9:save_path",
    b"7:caption",
    b"10:added-date",
    b"10:created by",
    b"i9223372036854775807e",
    b"i9223372036854775808e",
    b"4:attr",
    b"1:p",
    b"18446744073709551616:",
    b"\x1b[2J",
    b"\xe2\x80\xae",
];
