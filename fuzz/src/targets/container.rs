//! Evidence containers: what is not exactly what was sealed is never said to be whole.

use std::cell::RefCell;
use std::error::Error as _;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use casework::container::{SealRequest, VerifyError, seal, verify};
use tempfile::NamedTempFile;

use super::manifest::{collection, sealed_at, tool};
use super::{assert_one_line, way};

/// Bytes of one edit: what, where (three bytes), how much, with what.
const EDIT: usize = 6;

/// Containers. An input that begins as a zip is verified as it is; any other is a list of edits on a sealed one.
///
/// - A container is said to be whole exactly where every byte of it is as it was sealed.
/// - What is wrong is safe to print.
pub fn container(data: &[u8]) -> u64 {
    let bytes = if data.starts_with(b"PK") { data.to_vec() } else { edited(data) };
    let report = check(&bytes);
    let sealed = SEALED.contains(&bytes);
    match report {
        Ok(report) => {
            assert_eq!(report.is_intact(), sealed, "said to be whole; {:?}", report.problems);
            report.problems.iter().for_each(|problem| assert_one_line(&problem.to_string()));
            assert_eq!(report.size, bytes.len() as u64);
            let problems: Vec<String> = report.problems.iter().take(4).map(|p| format!("{p:?}")).collect();
            way(&format!("{} {problems:?}", report.manifest.is_some()))
        }
        Err(error) => {
            assert!(!sealed, "a sealed container cannot be read: {error}");
            assert!(!matches!(error, VerifyError::NotAFile));
            assert_one_line(&error.to_string());
            way(&format!("{error} {}", error.source().map(ToString::to_string).unwrap_or_default()))
        }
    }
}

thread_local! {
    /// A file that is written over and over, in memory where there is such a place.
    static FILE: RefCell<NamedTempFile> = {
        let shared = Path::new("/dev/shm");
        let file = if shared.is_dir() { NamedTempFile::new_in(shared) } else { NamedTempFile::new() };
        RefCell::new(file.expect("a temporary file"))
    };
}

fn check(bytes: &[u8]) -> Result<casework::container::Report, VerifyError> {
    FILE.with_borrow_mut(|file| {
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(bytes)
        };
        write(file.as_file_mut()).expect("the temporary file is written");
        verify(file.path())
    })
}

/// Containers as they are sealed.
static SEALED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let text = "init ps cron ps init ps\n".repeat(40);
    let noise: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        sealed(&[
            ("artifacts/processes.json", b"[]"),
            ("raw/ps.txt", text.as_bytes()),
            ("raw/Gr\u{fc}\u{df}e.txt", b""),
        ]),
        sealed(&[]),
        sealed(&[("a.bin", &noise), ("b.bin", &noise), ("c/d/e.md", b"# x\n")]),
    ]
});

fn sealed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = folder.path().join("staging");
    fs::create_dir(&staging).expect("a folder");
    for (name, bytes) in files {
        let path = staging.join(name);
        path.parent().map(fs::create_dir_all).transpose().expect("a folder");
        fs::write(path, bytes).expect("a staged file");
    }
    let destination = folder.path().join("case-1.zip");
    let request = SealRequest {
        staging: &staging,
        extra: &[("alert.json", b"{}")],
        case_id: "case-1",
        tool: &tool(),
        sealed_at: sealed_at(),
        supplement: None,
        collection: &collection("case-1"),
        destination: &destination,
    };
    seal(&request).expect("sealed");
    fs::read(destination).expect("the container")
}

/// A sealed container after the edits that the input lists.
fn edited(data: &[u8]) -> Vec<u8> {
    let (which, edits) = data.split_first().unwrap_or((&0, &[]));
    edit(SEALED[usize::from(*which) % SEALED.len()].clone(), edits)
}

/// A zip after some edits. They may undo each other.
pub(super) fn edit(mut bytes: Vec<u8>, edits: &[u8]) -> Vec<u8> {
    for edit in edits.chunks_exact(EDIT).take(64) {
        let far = usize::from(edit[1]) << 16 | usize::from(edit[2]) << 8 | usize::from(edit[3]);
        // The directory and the end record lie at the end.
        let at = match (edit[0] & 0x80, bytes.len()) {
            (_, 0) => 0,
            (0, length) => far % length,
            (_, length) => length - 1 - far % length.min(700),
        };
        let end = (at + usize::from(edit[4])).min(bytes.len());
        match edit[0] & 0x07 {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << (edit[5] & 7),
            2 if at < bytes.len() => bytes[at] = edit[5],
            3 => bytes.insert(at, edit[5]),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let copied = bytes[at..end].to_vec();
                let to = usize::from(edit[5]) * 16 % (bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            6 => bytes.truncate(bytes.len() - usize::from(edit[4]).min(bytes.len())),
            7 => bytes.extend_from_slice(&[edit[5]]),
            _ => {}
        }
    }
    bytes
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = SEALED.clone();
    for which in 0..3 {
        seeds.push(vec![which]);
        for what in 0..8 {
            seeds.push(vec![which, what, 0, 1, 7, 3, 5]);
            seeds.push(vec![which, what | 0x80, 0, 1, 7, 3, 5]);
        }
    }
    seeds.push(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec());
    seeds.push(b"PK\x03\x04".to_vec());
    // Hostile by design: a tail full of end records.
    seeds.push(b"PK\x05\x06".repeat(30_000));
    seeds
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"manifest.json",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff",
    b"\x01\x00",
    b"\x08\x00",
    b"\x00\x08",
    b"\x14\x00",
    b"\x0a\x00",
    b"\x2d\x00",
    b"\x01\x00\x10\x00",
    b"../",
    b"alert.json",
];
