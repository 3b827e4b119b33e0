//! How fast the torrent inventory walks, and its parts by themselves.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use collector::torrent::Metainfo;
use collector::torrent::client_data::classify_bytes;
use collector::torrent::inventory::{Caps, inventory};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const FOLDERS: usize = 200;
const FILES_IN_EACH: usize = 100;
const TORRENTS: usize = FOLDERS / 10;

/// 20,000 files in 200 folders; every tenth folder holds a torrent.
fn tree(root: &Path) {
    for folder in 0..FOLDERS {
        let path = root.join(format!("group{:02}/folder{folder:03}", folder % 20));
        fs::create_dir_all(&path).expect("a folder in the temporary folder");
        for file in 0..FILES_IN_EACH - 1 {
            fs::write(path.join(format!("document-{file:04}.pdf")), b"")
                .expect("a file in the temporary folder");
        }
        let last = if folder % 10 == 0 { "linux.torrent" } else { "letter.txt" };
        fs::write(path.join(last), torrent(1)).expect("a file in the temporary folder");
    }
}

/// A torrent of so many files.
fn torrent(files: usize) -> Vec<u8> {
    let list: String = (0..files).map(|n| format!("d6:lengthi{n}e4:pathl6:folder9:{n:05}.binee")).collect();
    let pieces = "p".repeat(20 * files);
    let (tracker, length) = ("29:http://tracker.example/announ", pieces.len());
    format!(
        "d8:announce{tracker}4:infod5:files{}e",
        format_args!("l{list}e4:name1:x6:pieces{length}:{pieces}e")
    )
    .into_bytes()
}

fn walk(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tree(folder.path());
    let roots: [PathBuf; 1] = [folder.path().to_path_buf()];
    let mut group = criterion.benchmark_group("inventory");
    group.throughput(Throughput::Elements((FOLDERS * FILES_IN_EACH) as u64)).sample_size(20);
    group.bench_function("walk 20,000 files, 20 torrents", |bencher| {
        bencher.iter(|| {
            let found = inventory(&roots, &Caps::default(), &AtomicBool::new(false), |_| {});
            assert_eq!((found.files_seen, found.entries.len()), ((FOLDERS * FILES_IN_EACH) as u64, TORRENTS));
            assert!(found.entries.iter().all(|entry| entry.infohash_v1.is_some()));
        });
    });
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inventory parts");
    let plain = b"/home/user/Documents/projects/2024/report-final.pdf";
    group.bench_function("classify a path that is none", |b| {
        b.iter(|| classify_bytes(black_box(plain), false))
    });
    let resume = b"/home/user/.local/share/qBittorrent/BT_backup/x.fastresume";
    group.bench_function("classify a resume file", |b| b.iter(|| classify_bytes(black_box(resume), false)));
    for files in [1, 10_000] {
        let content = torrent(files);
        let read = || Metainfo::parse(black_box(&content)).expect("a torrent").file_count;
        assert_eq!(read(), files as u64);
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(format!("read a torrent of {files} files"), |b| b.iter(read));
    }
    group.finish();
}

criterion_group!(benches, walk, parts);
criterion_main!(benches);
