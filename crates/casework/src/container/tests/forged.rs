use std::io::{Read, Seek, SeekFrom};

use investigation::evidence::manifest::Manifest;
use proptest::prelude::*;

use super::*;

/// Entries of a sealed container, to be changed and written anew.
fn sealed_entries(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    contents(&bench.seal().unwrap().path)
}

/// Writes changed entries with everything else as the writer does it and verifies them.
fn problems_of(bench: &Bench, entries: &[(String, Vec<u8>)]) -> Vec<Problem> {
    let path = bench.folder.path().join("forged.zip");
    let entries: Vec<(&str, &[u8])> =
        entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    write_zip(&path, &entries);
    verify(&path).unwrap().problems
}

#[test]
fn rewriting_the_entries_unchanged_gives_the_sealed_bytes() {
    let bench = Bench::new();
    let entries = sealed_entries(&bench);
    assert_eq!(problems_of(&bench, &entries), [], "or the other tests here would prove nothing");
}

#[test]
fn every_kind_of_change_is_named() {
    let bench = Bench::new();
    let entries = sealed_entries(&bench);
    let path = "raw/ps.txt".to_owned();
    let expected = entries[3].1.len() as u64;

    let mut changed = entries.clone();
    changed[3].1[5] ^= 1;
    assert_eq!(problems_of(&bench, &changed), [Problem::Changed { path: path.clone() }]);

    let mut shorter = entries.clone();
    shorter[3].1.pop();
    let found = expected - 1;
    assert_eq!(problems_of(&bench, &shorter), [Problem::SizeDiffers { path: path.clone(), expected, found }]);

    let mut longer = entries.clone();
    longer[3].1.extend([0; 100_000]);
    let found = expected + 1;
    assert_eq!(problems_of(&bench, &longer), [Problem::SizeDiffers { path: path.clone(), expected, found }]);

    let mut missing = entries.clone();
    missing.remove(3);
    assert_eq!(problems_of(&bench, &missing), [Problem::Missing { path: path.clone() }]);

    let mut extra = entries.clone();
    extra.insert(1, ("../../etc/cron.d/x".to_owned(), b"x".to_vec()));
    assert_eq!(problems_of(&bench, &extra), [Problem::Extra { path: "../../etc/cron.d/x".to_owned() }]);

    let mut late = entries.clone();
    let manifest = late.pop().unwrap();
    late.insert(2, manifest);
    assert!(
        problems_of(&bench, &late)
            .iter()
            .any(|problem| problem.to_string() == "manifest.json: is not the last entry")
    );
}

#[test]
fn all_problems_are_listed_and_not_only_the_first() {
    let bench = Bench::new();
    let mut entries = sealed_entries(&bench);
    entries[0].1[0] ^= 1;
    entries[4].1[0] ^= 1;
    entries.remove(1);
    let changed = |path: &str| Problem::Changed { path: path.to_owned() };
    let missing = Problem::Missing { path: "artifacts/processes.json".to_owned() };
    assert_eq!(problems_of(&bench, &entries), [missing, changed("alert.json"), changed("report.md")]);
}

#[test]
fn two_entries_of_one_name_are_seen_though_zip_readers_hide_one() {
    let bench = Bench::new();
    // Names of one length, so that renaming needs no other change.
    bench.stage("blert.json", b"{\"id\":\"a2\"}");
    let path = bench.seal().unwrap().path;
    let mut bytes = fs::read(&path).unwrap();
    let manifest_at = find(&bytes, b"\"format_version\"");
    replace_all(&mut bytes[..manifest_at], b"blert.json", b"alert.json");
    let directory_at = find(&bytes, b"PK\x01\x02");
    replace_all(&mut bytes[directory_at..], b"blert.json", b"alert.json");
    fs::write(&path, bytes).unwrap();
    let problems = verify(&path).unwrap().problems;
    assert!(problems.contains(&Problem::Duplicate { path: "alert.json".to_owned() }), "{problems:?}");
    assert!(problems.contains(&Problem::Missing { path: "blert.json".to_owned() }), "{problems:?}");
}

#[test]
fn a_bomb_is_not_unpacked() {
    let bench = Bench::new();
    let mut entries = sealed_entries(&bench);
    let mut manifest = Manifest::parse(&entries[5].1).unwrap();
    manifest.entries[3].size = 1 << 40;
    entries[5].1 = manifest.to_bytes().unwrap();
    let problems = problems_of(&bench, &entries);
    assert!(
        problems.iter().any(|problem| problem.to_string().contains("claims 1099511627776 bytes")),
        "{problems:?}"
    );

    manifest.entries[3].size = 8 << 30;
    entries[5].1 = manifest.to_bytes().unwrap();
    let problems = problems_of(&bench, &entries);
    assert!(matches!(problems[..], [Problem::Bomb { expected: 0x2_0000_0000, .. }]), "{problems:?}");

    // 4 MiB of zeros where two bytes belong: unpacking stops at the third.
    let mut entries = sealed_entries(&bench);
    entries[1].1 = vec![0; 4 << 20];
    let found = Problem::SizeDiffers { path: entries[1].0.clone(), expected: 2, found: 3 };
    assert_eq!(problems_of(&bench, &entries), [found]);
}

#[test]
fn a_manifest_that_lies_about_paths_is_named() {
    let bench = Bench::new();
    let mut entries = sealed_entries(&bench);
    let mut manifest = Manifest::parse(&entries[5].1).unwrap();
    "../alert.json".clone_into(&mut manifest.entries[0].path);
    "../alert.json".clone_into(&mut entries[0].0);
    entries[5].1 = manifest.to_bytes().unwrap();
    let problems = problems_of(&bench, &entries);
    assert!(
        problems.iter().any(|problem| problem.to_string().contains("names another folder")),
        "{problems:?}"
    );
}

#[test]
fn a_manifest_that_was_damaged_is_a_problem_and_not_another_file() {
    let bench = Bench::new();
    let path = bench.seal().unwrap().path;
    let mut bytes = fs::read(&path).unwrap();
    let at = find(&bytes, b"\"format_version\"");
    bytes[at] = b'?';
    fs::write(&path, &bytes).unwrap();
    let report = verify(&path).unwrap();
    assert_eq!(report.manifest, None);
    assert_eq!(report.problems, [Problem::Changed { path: MANIFEST_PATH.to_owned() }]);
}

#[test]
fn times_that_are_not_that_of_the_sealing_are_seen() {
    let bench = Bench::new();
    let mut entries = sealed_entries(&bench);
    let mut manifest = Manifest::parse(&entries[5].1).unwrap();
    manifest.sealed_at = "2026-03-02T09:15:44Z".parse().unwrap();
    entries[5].1 = manifest.to_bytes().unwrap();
    let problems = problems_of(&bench, &entries);
    assert_eq!(problems.len(), 6);
    assert_eq!(problems[0].to_string(), "alert.json: its time is not that of the sealing");
}

#[test]
fn another_packed_form_of_the_same_content_is_seen() {
    let bench = Bench::new();
    let entries = sealed_entries(&bench);
    let path = bench.folder.path().join("repacked.zip");
    let (date, time) = dos_time(sealed_at());
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, bytes) in &entries {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::try_from_msdos(date, time).unwrap())
            .unix_permissions(UNIX_MODE)
            .system(zip::System::Unix);
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    assert_eq!(verify(&path).unwrap().problems, [Problem::Preceding]);
}

#[test]
fn what_is_no_evidence_at_all_is_an_error_and_says_why() {
    let bench = Bench::new();
    let sealed = fs::read(bench.seal().unwrap().path).unwrap();
    let path = bench.folder.path().join("file");
    let error_of = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        verify(&path).unwrap_err()
    };
    assert!(matches!(error_of(b""), VerifyError::NotAZip));
    assert!(matches!(error_of(&[0x7f; 5000]), VerifyError::NotAZip));
    for cut in [30, 100, sealed.len() / 2, sealed.len() - 1] {
        assert!(matches!(error_of(&sealed[..cut]), VerifyError::NoDirectory), "cut at {cut}");
    }
    assert!(matches!(verify(bench.folder.path()), Err(VerifyError::NotAFile)));
    assert!(matches!(verify(&bench.folder.path().join("absent")), Err(VerifyError::Io(_))));

    let forged = bench.folder.path().join("forged.zip");
    write_zip(&forged, &[("alert.json", b"{}")]);
    assert!(matches!(verify(&forged), Err(VerifyError::NoManifest)));
    write_zip(&forged, &[(MANIFEST_PATH, b"{\"format_version\":1}")]);
    assert!(matches!(verify(&forged), Err(VerifyError::Manifest(_))));
    write_zip(&forged, &[(MANIFEST_PATH, b"{\"format_version\":9}")]);
    let error = verify(&forged).unwrap_err();
    assert_eq!(error.to_string(), "the manifest has format 9, this version reads up to 2");
}

#[test]
fn bytes_before_between_and_after_are_seen() {
    let bench = Bench::new();
    let sealed = fs::read(bench.seal().unwrap().path).unwrap();
    let path = bench.folder.path().join("padded.zip");
    let outcome = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        verify(&path)
    };
    let mut after = sealed.clone();
    after.extend(b"hidden");
    assert_eq!(outcome(after).unwrap().problems, [Problem::Trailing { bytes: 6 }]);

    let mut before = b"hidden".to_vec();
    before.extend(&sealed);
    assert!(outcome(before).is_err());

    let directory_at = find(&sealed, b"PK\x01\x02");
    let mut between = sealed.clone();
    between.splice(directory_at..directory_at, *b"hidden");
    let start_at = between.len() - 6;
    let start = u32::try_from(directory_at + 6).unwrap();
    between[start_at..start_at + 4].copy_from_slice(&start.to_le_bytes());
    let what = "bytes between the last entry and the directory";
    assert_eq!(outcome(between).unwrap().problems, [Problem::Structure { path: None, what }]);
}

#[test]
fn no_byte_can_be_flipped_unseen() {
    let bench = Bench::new();
    let sealed = fs::read(bench.seal().unwrap().path).unwrap();
    let path = bench.folder.path().join("flipped.zip");
    for at in 0..sealed.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = sealed.clone();
            flipped[at] ^= mask;
            fs::write(&path, &flipped).unwrap();
            if let Ok(report) = verify(&path) {
                assert!(!report.is_intact(), "byte {at} of {} xor {mask:#x}", sealed.len());
            }
        }
    }
}

#[test]
fn a_container_with_64_bit_sizes_is_as_strict() {
    let bench = Bench::new();
    let entries = sealed_entries(&bench);
    let path = bench.folder.path().join("large.zip");
    let (date, time) = dos_time(sealed_at());
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::try_from_msdos(date, time).unwrap())
        .unix_permissions(UNIX_MODE)
        .system(zip::System::Unix);
    let last = entries.len() - 1;
    for (name, bytes) in &entries[..last] {
        zip.start_file(name.as_str(), options.large_file(true)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let mut manifest = Manifest::parse(&entries[last].1).unwrap();
    let preceding = {
        let mut partial = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in &entries[..last] {
            partial.start_file(name.as_str(), options.large_file(true)).unwrap();
            partial.write_all(bytes).unwrap();
        }
        let bytes = partial.finish().unwrap().into_inner();
        bytes[..find(&bytes, b"PK\x01\x02")].to_vec()
    };
    manifest.preceding.size = preceding.len() as u64;
    manifest.preceding.sha256 =
        data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(&preceding));
    zip.start_file(MANIFEST_PATH, options.compression_method(zip::CompressionMethod::Stored)).unwrap();
    zip.write_all(&manifest.to_bytes().unwrap()).unwrap();
    zip.finish().unwrap();
    assert_eq!(verify(&path).unwrap().problems, []);

    let sound = fs::read(&path).unwrap();
    for at in find(&sound, b"PK\x01\x02")..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x04;
        fs::write(&path, &flipped).unwrap();
        if let Ok(report) = verify(&path) {
            assert!(!report.is_intact(), "byte {at} of {}", sound.len());
        }
    }
}

/// A container beyond 4 GiB without its bytes: an entry of 4 GiB that is a hole, and a small one behind it.
/// Returns the end of the hole.
fn with_a_hole(file: &mut fs::File) -> u64 {
    let hole = u64::from(u32::MAX) + 1;
    let (date, time) = dos_time(sealed_at());
    let head = |needed: u16, sizes: u32, name: &str, extra: u16| {
        let fields = [needed, 0, 0, time, date].map(u16::to_le_bytes).concat();
        let lengths = [u16::try_from(name.len()).unwrap(), extra].map(u16::to_le_bytes).concat();
        [fields, [7, sizes, sizes].map(u32::to_le_bytes).concat(), lengths].concat()
    };
    let central = |head: &[u8], offset: u32, name: &str, extra: &[u8]| {
        let rest =
            [&[0; 6], &(UNIX_MODE << 16).to_le_bytes()[..], &offset.to_le_bytes(), name.as_bytes(), extra];
        let made_by = [head[0], 3];
        [b"PK\x01\x02", &made_by[..], head, &rest.concat()].concat()
    };
    let sizes64 = [&[1, 0, 16, 0][..], &hole.to_le_bytes(), &hole.to_le_bytes()].concat();
    let large = head(45, u32::MAX, "a", 20);
    file.write_all(&[b"PK\x03\x04", &large[..], b"a", &sizes64].concat()).unwrap();
    let second_at = 30 + 1 + 20 + hole;
    file.seek(SeekFrom::Start(second_at)).unwrap();
    file.write_all(&[b"PK\x03\x04", &head(10, 2, "b", 0)[..], b"b", b"hi"].concat()).unwrap();
    let offset64 = [&[1, 0, 8, 0][..], &second_at.to_le_bytes()].concat();
    let directory =
        [central(&large, 0, "a", &sizes64), central(&head(10, 2, "b", 12), u32::MAX, "b", &offset64)]
            .concat();
    let (start, size) = (second_at + 33, directory.len() as u64);
    let end64 = [
        &b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0"[..],
        &[2, 2, size, start].map(u64::to_le_bytes).concat(),
        b"PK\x06\x07\0\0\0\0",
        &(start + size).to_le_bytes(),
        b"\x01\0\0\0PK\x05\x06\0\0\0\0\x02\0\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
    ];
    file.write_all(&directory).unwrap();
    file.write_all(&end64.concat()).unwrap();
    second_at
}

#[test]
fn beyond_4_gib_every_byte_of_the_headers_is_as_strict() {
    let bench = Bench::new();
    let path = bench.folder.path().join("hole.zip");
    let mut file = fs::File::options().create_new(true).read(true).write(true).open(&path).unwrap();
    let tail_at = with_a_hole(&mut file);
    let length = file.metadata().unwrap().len();
    let mut problems = Vec::new();
    let located = layout::read(&mut file, length, &mut problems).unwrap();
    assert_eq!((located.len(), problems), (2, Vec::new()));
    for at in (0..51).chain(tail_at..length) {
        // Content is the business of the hashes.
        if (tail_at + 31..tail_at + 33).contains(&at) {
            continue;
        }
        for mask in [0x01, 0x80, 0xff] {
            let mut byte = [0];
            file.seek(SeekFrom::Start(at)).unwrap();
            file.read_exact(&mut byte).unwrap();
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[byte[0] ^ mask]).unwrap();
            let mut problems = Vec::new();
            let read = layout::read(&mut file, length, &mut problems);
            assert!(read.is_err() || !problems.is_empty(), "byte {at} of {length} xor {mask:#x}");
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&byte).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damage_of_any_kind_never_panics_and_never_passes(
        at in 0_usize..4000,
        removed in 0_usize..200,
        inserted in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let bench = Bench::new();
        let sealed = fs::read(bench.seal().unwrap().path).unwrap();
        let at = at.min(sealed.len());
        let mut damaged = sealed.clone();
        damaged.splice(at..(at + removed).min(sealed.len()), inserted);
        prop_assume!(damaged != sealed);
        let path = bench.folder.path().join("damaged.zip");
        fs::write(&path, &damaged).unwrap();
        if let Ok(report) = verify(&path) {
            prop_assert!(!report.is_intact());
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).unwrap()
}

fn replace_all(haystack: &mut [u8], needle: &[u8], replacement: &[u8]) {
    assert_eq!(needle.len(), replacement.len());
    for at in 0..haystack.len().saturating_sub(needle.len() - 1) {
        if haystack[at..].starts_with(needle) {
            haystack[at..at + needle.len()].copy_from_slice(replacement);
        }
    }
}
