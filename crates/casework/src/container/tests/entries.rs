//! Reading one entry of a proven container.

use std::io::Cursor;

use super::*;

fn proven(bytes: &[u8]) -> (Cursor<Vec<u8>>, Report) {
    let mut file = Cursor::new(bytes.to_vec());
    let report = verify_in(&mut file, bytes.len() as u64).unwrap();
    (file, report)
}

#[test]
fn an_entry_comes_out_as_it_was_put_in() {
    let bench = Bench::new();
    bench.seal().unwrap();
    let (mut file, report) = proven(&fs::read(bench.destination()).unwrap());
    let read = |file: &mut Cursor<Vec<u8>>, path: &str, most| read_entry(file, &report, path, most);
    assert_eq!(read(&mut file, "report.md", 100).unwrap().unwrap(), b"# Report\n");
    assert!(read(&mut file, "report.html", 100).unwrap().is_none());
    assert!(matches!(read(&mut file, "report.md", 8), Err(EntryError::TooLarge { size: 9, .. })));
}

#[test]
fn nothing_comes_out_of_a_container_that_is_not_whole_or_was_swapped() {
    let bench = Bench::new();
    bench.seal().unwrap();
    let mut bytes = fs::read(bench.destination()).unwrap();
    let (_, whole) = proven(&bytes);
    let at = bytes.windows(9).position(|window| window == b"report.md").unwrap() + 9;
    bytes[at + 4] ^= 0x40;
    let (mut file, broken) = proven(&bytes);
    assert!(!broken.is_intact());
    assert!(matches!(read_entry(&mut file, &broken, "report.md", 100), Err(EntryError::Changed(_))));
    // Swapped after it was proven.
    assert!(read_entry(&mut file, &whole, "report.md", 100).is_err());
}
