use proptest::prelude::*;

use super::*;

fn hex(byte: u8, count: usize) -> Option<String> {
    Some(HEXLOWER.encode(&vec![byte; count]))
}

#[test]
fn a_qbittorrent_record_tells_hash_place_and_traffic() {
    let content = [
        &b"d10:added_timei1600000000e14:completed_timei0e9:info-hash20:"[..],
        &[0xab; 20],
        b"10:info-hash232:",
        &[0; 32],
        b"4:name1:n8:qBt-name0:9:save_path4:/a/b16:total_downloadedi7e14:total_uploadedi-1ee",
    ]
    .concat();
    let records = read(Content::LibtorrentResume, &content).unwrap();
    assert_eq!(
        records,
        [ResumeRecord {
            infohash_v1: hex(0xab, 20),
            name: Some("n".into()),
            save_path: Some("/a/b".into()),
            downloaded: Some(7),
            added: Some("2020-09-13T12:26:40Z".parse().unwrap()),
            ..ResumeRecord::default()
        }]
    );
}

/// Makes a hybrid torrent's resume data with libtorrent, and prints its hashes.
const LIBTORRENT: &str = r#"
import sys
try:
    import libtorrent as lt
except ImportError:
    sys.exit(0)
folder = sys.argv[1]
storage = lt.file_storage()
lt.add_files(storage, folder + "/data")
made = lt.create_torrent(storage, 0)
lt.set_piece_hashes(made, folder)
open(folder + "/t.torrent", "wb").write(lt.bencode(made.generate()))
params = lt.add_torrent_params()
params.ti = lt.torrent_info(folder + "/t.torrent")
params.info_hashes = params.ti.info_hashes()
params.save_path = "/srv/saved here"
params.total_uploaded = 12345
open(folder + "/t.fastresume", "wb").write(lt.write_resume_data_buf(params))
hashes = params.ti.info_hashes()
print(hashes.v1, hashes.v2)
"#;

#[test]
fn libtorrents_own_resume_data_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), vec![5; 50_000]).unwrap();
    let run = |python: &&str| {
        let output =
            std::process::Command::new(python).args(["-c", LIBTORRENT]).arg(folder.path()).output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string()).filter(|out| !out.is_empty())
    };
    let Some(printed) = ["python3", "/usr/bin/python3"].iter().find_map(run) else {
        eprintln!("skipped: no python3 with the libtorrent bindings");
        return;
    };
    let content = std::fs::read(folder.path().join("t.fastresume")).unwrap();
    let record = read(Content::LibtorrentResume, &content).unwrap().remove(0);
    let hashes = [record.infohash_v1.unwrap(), record.infohash_v2.unwrap()].join(" ");
    assert_eq!(hashes, printed);
    assert_eq!(record.save_path.as_deref(), Some("/srv/saved here"));
    assert_eq!((record.uploaded, record.downloaded), (Some(12345), Some(0)));
}

#[test]
fn utorrents_file_tells_every_torrent_and_nothing_else() {
    let content = [
        &b"d10:.fileguard40:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA9:a.torrentd7:caption1:A4:info20:"[..],
        &[1; 20],
        b"8:uploadedi9ee9:b.torrentd4:info20:",
        &[2; 20],
        b"4:path9:C:\\x\ny\\bze3:recdee",
    ]
    .concat();
    let records = read(Content::UtorrentResume, &content).unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0].infohash_v1, records[0].name.as_deref()), (&hex(1, 20), Some("A")));
    assert_eq!(records[0].uploaded, Some(9));
    assert_eq!((&records[1].infohash_v1, records[1].name.as_deref()), (&hex(2, 20), Some("b.torrent")));
    assert_eq!(records[1].save_path.as_deref(), Some("C:\\x\\ny\\bz"));
}

#[test]
fn deluges_records_lie_inside_strings() {
    let key = "c".repeat(40);
    let inner = "d4:name1:xe";
    let content = format!("d40:{key}{}:{inner}4:junk1:xe", inner.len());
    let records = read(Content::DelugeResume, content.as_bytes()).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].infohash_v1.as_deref(), records[0].name.as_deref()), (Some(&*key), Some("x")));
}

#[test]
fn aria2_tells_bittorrent_from_http() {
    let head = |length: u32| [&[0, 1, 0, 0, 0, 1][..], &length.to_be_bytes()].concat();
    let torrent = [head(20), vec![7; 20], vec![0; 24]].concat();
    assert_eq!(read(Content::Aria2Control, &torrent).unwrap()[0].infohash_v1, hex(7, 20));
    let http = [head(0), vec![0; 24]].concat();
    assert_eq!(read(Content::Aria2Control, &http), Ok(Vec::new()));
    let bomb = head(u32::MAX);
    assert_eq!(read(Content::Aria2Control, &bomb), Ok(Vec::new()));
}

#[test]
fn what_is_not_bencode_is_an_error() {
    assert!(read(Content::LibtorrentResume, b"\x80\x02pickle").is_err());
    assert_eq!(read(Content::Unread, b"\x80\x02pickle"), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn nothing_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "d", "e", "l", "4:info", "9:info-hash", "20:aaaaaaaaaaaaaaaaaaaa", "10:added_time", "i9223372036854775807e",
        "4:name", "0:", "1:\u{7f}", "4:path", "8:uploaded", "i-3e",
    ]), 0..20)) {
        let content = format!("d{}e", parts.concat());
        for format in [
            Content::LibtorrentResume, Content::DelugeResume, Content::UtorrentResume, Content::TransmissionResume,
            Content::Aria2Control,
        ] {
            let _ = read(format, content.as_bytes());
            let _ = read(format, parts.concat().as_bytes());
        }
    }
}
