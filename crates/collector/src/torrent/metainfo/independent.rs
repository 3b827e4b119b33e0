//! The infohash as other programs compute it: transmission for v1, libtorrent for v2 and hybrid.

use std::path::Path;
use std::process::Command;

use super::Metainfo;

/// What `program` prints, or `None` with a line that says why the test does nothing.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {program} does not start ({error})");
            return None;
        }
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn make_files(folder: &Path) {
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(folder.join("first.bin"), &bytes).unwrap();
    std::fs::write(folder.join("sub/second.bin"), &bytes[..40_001]).unwrap();
}

#[test]
fn transmission_computes_the_same_infohash() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("Gr\u{f6}\u{df}e \u{7f51}");
    make_files(&data);
    let torrent = folder.path().join("t.torrent");
    let torrent = torrent.to_str().unwrap();
    let tracker = "http://tracker.example:6969/announce";
    let create = ["-p", "-t", tracker, "-o", torrent, data.to_str().unwrap()];
    let Some(_) = output_of("transmission-create", &create) else { return };
    let Some(shown) = output_of("transmission-show", &[torrent]) else { return };
    let field = |name: &str| {
        let line = shown.lines().find(|l| l.trim_start().starts_with(name));
        line.and_then(|l| l.split_once(':')).map(|(_, value)| value.trim().to_string())
    };
    let read = Metainfo::parse(&std::fs::read(torrent).unwrap()).unwrap();
    assert_eq!(read.infohash_v1, field("Hash"), "{shown}");
    assert!(read.infohash_v1.is_some(), "{shown}");
    assert_eq!(read.name, field("Name"));
    assert_eq!(read.created_by, field("Created by"));
    assert_eq!(read.trackers, [tracker]);
    assert_eq!((read.total_size, read.file_count, read.private), (140_001, 2, true));
    assert_eq!(read.notes, Vec::<String>::new());
}

/// Makes a torrent with libtorrent and prints the hashes, size and file count that libtorrent reads from it.
const LIBTORRENT: &str = r#"
import sys
try:
    import libtorrent as lt
except ImportError:
    sys.exit(0)
kind, data, out = sys.argv[1:4]
flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[kind]
storage = lt.file_storage()
lt.add_files(storage, data)
made = lt.create_torrent(storage, 0, flags=flags)
made.set_creator("independent")
lt.set_piece_hashes(made, data + "/..")
open(out, "wb").write(lt.bencode(made.generate()))
info = lt.torrent_info(out)
hashes = info.info_hashes()
files = info.files()
real = [i for i in range(files.num_files()) if not files.file_flags(i) & lt.file_flags_t.flag_pad_file]
print(hashes.v1 if hashes.has_v1() else "-", hashes.v2 if hashes.has_v2() else "-",
      sum(files.file_size(i) for i in real), len(real), info.piece_length())
"#;

#[test]
fn libtorrent_computes_the_same_infohashes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    make_files(&data);
    let torrent = folder.path().join("t.torrent");
    for kind in ["v1", "v2", "hybrid"] {
        let arguments = ["-c", LIBTORRENT, kind, data.to_str().unwrap(), torrent.to_str().unwrap()];
        // Distributions install the bindings for their own interpreter, which need not be the first one on PATH.
        let mut interpreters =
            ["python3", "/usr/bin/python3"].iter().filter_map(|p| output_of(p, &arguments));
        let Some(printed) = interpreters.find(|out| !out.is_empty()) else {
            eprintln!("skipped: no python3 with the libtorrent bindings");
            return;
        };
        let read = Metainfo::parse(&std::fs::read(&torrent).unwrap()).unwrap();
        let ours = format!(
            "{} {} {} {} {}\n",
            read.infohash_v1.as_deref().unwrap_or("-"),
            read.infohash_v2.as_deref().unwrap_or("-"),
            read.total_size,
            read.file_count,
            read.piece_length.unwrap_or_default()
        );
        assert_eq!(ours, printed, "{kind}");
        let versions = (read.infohash_v1.is_some(), read.infohash_v2.is_some());
        assert_eq!(versions, (kind != "v2", kind != "v1"));
        assert_eq!(read.notes, Vec::<String>::new(), "{kind}");
    }
}
