use super::*;

fn manifest(entries: Vec<Entry>) -> Manifest {
    let at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    Manifest {
        format_version: format_of(None),
        case_id: "c1".to_owned(),
        tool: Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
        sealed_at: at,
        supplement: None,
        collection: Collection {
            case_id: "c1".to_owned(),
            target: "10.0.0.5".parse().unwrap(),
            transport: "ssh".to_owned(),
            endpoint_key: None,
            collector_host: "soc-1".to_owned(),
            collector_version: "0.1.0".to_owned(),
            clock_skew_ms: Some(-12),
            started_at: at,
            finished_at: at,
            outcomes: Vec::new(),
            program: None,
            commands: Vec::new(),
        },
        entries,
        preceding: Preceding { size: 0, sha256: "0".repeat(64) },
    }
}

fn entry(path: &str) -> Entry {
    Entry { path: path.to_owned(), size: 1, sha256: "a".repeat(64), media_type: media_type(path).to_owned() }
}

#[test]
fn a_path_that_could_leave_its_folder_on_any_system_is_refused() {
    for (path, fault) in [
        ("", PathFault::EmptyPart),
        ("/etc/passwd", PathFault::EmptyPart),
        ("a//b", PathFault::EmptyPart),
        ("a/", PathFault::EmptyPart),
        ("../a", PathFault::Traversal),
        ("a/../b", PathFault::Traversal),
        ("./a", PathFault::Traversal),
        ("a\\b", PathFault::BadCharacter),
        ("C:/a", PathFault::BadCharacter),
        ("a:stream", PathFault::BadCharacter),
        ("a\nb", PathFault::BadCharacter),
        ("a\u{85}b", PathFault::BadCharacter),
        ("a\0", PathFault::BadCharacter),
        ("a./b", PathFault::TrailingDot),
        ("a /b", PathFault::TrailingDot),
        ("manifest.json", PathFault::Reserved),
        ("Manifest.JSON", PathFault::Reserved),
    ] {
        assert_eq!(check_path(path), Err(fault), "{path:?}");
    }
    assert_eq!(check_path(&"a".repeat(513)), Err(PathFault::TooLong));
    for path in ["a", "artifacts/processes.json", ".hidden", "raw/Grüße.txt", "x/manifest.json", "..a"] {
        assert_eq!(check_path(path), Ok(()), "{path:?}");
    }
    assert_eq!(check_path(&"a".repeat(512)), Ok(()));
}

#[test]
fn a_sound_manifest_survives_the_round_trip_and_has_no_faults() {
    let manifest = manifest(vec![entry("alert.json"), entry("raw/ps.txt")]);
    let read = Manifest::parse(&manifest.to_bytes().unwrap()).unwrap();
    assert_eq!(read, manifest);
    assert_eq!(read.faults(), []);
}

#[test]
fn what_a_manifest_must_not_say_is_named() {
    let mut bad = manifest(vec![entry("a/b"), entry("A/B"), entry("a"), entry("../x")]);
    bad.entries[3].sha256 = "A".repeat(64);
    bad.entries[2].size = MAX_TOTAL_BYTES + 1;
    bad.collection.case_id = "other".to_owned();
    let faults = bad.faults();
    for expected in [
        ManifestFault::OtherCase("other".to_owned()),
        ManifestFault::Duplicate("A/B".to_owned()),
        ManifestFault::FileAndFolder("a".to_owned()),
        ManifestFault::BadHash("../x".to_owned()),
        ManifestFault::BadPath { path: "../x".to_owned(), fault: PathFault::Traversal },
        ManifestFault::EntryTooLarge { path: "a".to_owned(), size: MAX_TOTAL_BYTES + 1 },
        ManifestFault::TotalTooLarge,
    ] {
        assert!(faults.contains(&expected), "{expected:?} missing in {faults:?}");
    }
    assert_eq!(faults.len(), 7);
}

#[test]
fn sizes_that_overflow_are_a_fault_and_not_a_panic() {
    let mut bad = manifest(vec![entry("a"), entry("b")]);
    bad.entries[0].size = u64::MAX;
    bad.entries[1].size = u64::MAX;
    assert!(bad.faults().contains(&ManifestFault::TotalTooLarge));
    let many = manifest(vec![entry("a"); MAX_ENTRIES + 1]);
    assert_eq!(many.faults(), [ManifestFault::TooManyEntries(MAX_ENTRIES + 1)]);
}

#[test]
fn a_newer_format_says_so_whatever_else_it_holds() {
    let newer = br#"{"format_version": 3, "something": {"else": []}}"#;
    assert!(matches!(Manifest::parse(newer), Err(ManifestError::Newer(3))));
}

#[test]
fn a_further_container_names_the_first_and_is_of_the_newer_format() {
    let first = manifest(vec![]);
    assert_eq!(first.format_version, 1, "older versions go on reading first containers");
    assert!(!String::from_utf8(first.to_bytes().unwrap()).unwrap().contains("supplement"));
    let supplement = Supplement { kind: SupplementKind::Forensics, first_sha256: "ab".repeat(32) };
    let format_version = format_of(Some(&supplement));
    let mut further = Manifest { format_version, supplement: Some(supplement), ..first };
    assert_eq!(format_version, 2);
    assert_eq!(Manifest::parse(&further.to_bytes().unwrap()).unwrap(), further);
    assert!(further.faults().is_empty());
    further.supplement.as_mut().unwrap().first_sha256 = "AB".repeat(32);
    assert_eq!(further.faults(), [ManifestFault::BadHash("supplement".to_owned())]);
}

#[test]
fn the_program_that_was_sent_is_named_and_older_manifests_know_of_none() {
    let mut sealed = manifest(vec![]);
    assert!(!String::from_utf8(sealed.to_bytes().unwrap()).unwrap().contains("program"));
    sealed.collection.program = Some(crate::evidence::SentProgram {
        name: "peerhound-collect".to_owned(),
        version: "0.1.0".to_owned(),
        sha256: "a".repeat(64),
        size: 7,
        path: "/tmp/peerhound-0/peerhound-collect".to_owned(),
        read: vec![crate::evidence::ArtifactKind::Processes],
        removed: true,
    });
    assert_eq!(Manifest::parse(&sealed.to_bytes().unwrap()).unwrap(), sealed);
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    let good = String::from_utf8(manifest(vec![]).to_bytes().unwrap()).unwrap();
    for bad in [
        good.replacen("\"case_id\"", "\"surprise\": 1, \"case_id\"", 1),
        good.replacen("\"format_version\": 1", "\"format_version\": 1, \"format_version\": 1", 1),
        "[".repeat(100_000),
        String::new(),
        "{}".to_owned(),
    ] {
        assert!(matches!(Manifest::parse(bad.as_bytes()), Err(ManifestError::Unreadable(_))), "{bad:.80}");
    }
}

#[test]
fn a_file_that_is_a_folder_too_is_found_among_names_that_sort_between() {
    let clashes = |paths: &[&str]| path_clashes(paths.iter().copied());
    assert_eq!(
        clashes(&["a", "a-b", "a.b", "A/b", "a/b/c", "ab"]),
        [ManifestFault::FileAndFolder("a".to_owned()), ManifestFault::FileAndFolder("A/b".to_owned())]
    );
    assert_eq!(clashes(&["a", "a-b/c", "a.b", "ab/c"]), []);
}
