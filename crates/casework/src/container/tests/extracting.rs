//! Entries that are taken out of a proven container.

use super::*;

const ENTRY: &str = "artifacts/processes.json";

#[test]
fn what_is_taken_out_is_what_was_proven() {
    let bench = Bench::new();
    bench.seal_with(&[]).unwrap();
    let path = bench.destination();
    let report = verify(&path).unwrap();
    let contents = extract(&path, &report, |name| name == ENTRY || name == "nowhere.json", 100).unwrap();
    assert_eq!(contents.into_iter().collect::<Vec<_>>(), [(ENTRY.to_owned(), b"[]".to_vec())]);
    let large = extract(&path, &report, |name| name == ENTRY, 1).unwrap_err();
    assert!(matches!(large, ExtractError::TooLarge { size: 2, cap: 1, .. }), "{large}");

    // Another container of the same layout takes its place.
    fs::remove_file(&path).unwrap();
    bench.stage(ENTRY, b"{}");
    bench.seal_with(&[]).unwrap();
    let changed = extract(&path, &report, |name| name == ENTRY, 100).unwrap_err();
    assert!(matches!(changed, ExtractError::Changed(_)), "{changed}");

    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = verify(&path).unwrap();
    let broken = extract(&path, &report, |_| true, 100).unwrap_err();
    assert!(matches!(broken, ExtractError::NotIntact(_)), "{broken}");
}
