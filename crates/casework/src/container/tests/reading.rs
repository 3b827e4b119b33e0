//! Entries that are read out of a container that was proven.

use std::io::Cursor;

use super::*;

const ENTRY: &str = "artifacts/processes.json";

fn bytes(bench: &Bench) -> Vec<u8> {
    fs::read(bench.destination()).unwrap()
}

fn proven(bytes: Vec<u8>) -> Result<Proven<Cursor<Vec<u8>>>, ReadError> {
    let size = bytes.len() as u64;
    Proven::open_in(Cursor::new(bytes), size)
}

#[test]
fn an_entry_comes_out_as_it_was_put_in() {
    let bench = Bench::new();
    bench.seal().unwrap();
    let mut container = proven(bytes(&bench)).unwrap();
    assert_eq!(container.entry("report.md", 100).unwrap().unwrap(), b"# Report\n");
    assert!(container.entry("report.html", 100).unwrap().is_none());
    let large = container.entry("report.md", 8).unwrap_err();
    assert!(matches!(large, ReadError::TooLarge { size: 9, most: 8, .. }), "{large}");
    assert_eq!(container.json::<Vec<u8>>(ENTRY).unwrap(), Some(Vec::new()));
    let other = container.json::<String>(ENTRY).unwrap_err();
    assert!(matches!(&other, ReadError::Unreadable { path, .. } if path == ENTRY), "{other}");
    assert_eq!(container.size(), fs::metadata(bench.destination()).unwrap().len());
}

#[test]
fn nothing_comes_out_of_a_container_that_is_not_whole() {
    let bench = Bench::new();
    bench.seal().unwrap();
    let mut bytes = bytes(&bench);
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    let broken = proven(bytes).unwrap_err();
    assert!(matches!(broken, ReadError::Broken(_)), "{broken}");
    assert!(broken.to_string().starts_with("it is not intact: "), "{broken}");
    let folder = Proven::open(bench.folder.path()).unwrap_err();
    assert!(matches!(folder, ReadError::Verify(VerifyError::NotAFile)), "{folder}");
}

/// Another container of the same layout takes its place after it was proven.
#[test]
fn nothing_comes_out_of_what_took_the_place_of_a_proven_container() {
    let bench = Bench::new();
    bench.seal().unwrap();
    let old = bytes(&bench);
    fs::remove_file(bench.destination()).unwrap();
    bench.stage(ENTRY, b"{}");
    bench.seal().unwrap();
    let new = bytes(&bench);
    assert_eq!(old.len(), new.len());
    let mut swapped = proven(old).unwrap();
    *swapped.file_mut().get_mut() = new;
    let changed = swapped.entry(ENTRY, 100).unwrap_err();
    assert!(matches!(changed, ReadError::Broken(Problem::Changed { .. })), "{changed}");
}
