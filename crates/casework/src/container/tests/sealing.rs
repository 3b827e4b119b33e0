use super::*;

#[test]
fn what_was_sealed_verifies_and_any_zip_program_reads_it() {
    let bench = Bench::new();
    let sealed = bench.seal().unwrap();
    let report = verify(&sealed.path).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((&report.sha256, report.size), (&sealed.sha256, sealed.size));
    assert_eq!(report.size, fs::metadata(&sealed.path).unwrap().len());

    let contents = contents(&sealed.path);
    let names: Vec<&str> = contents.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "alert.json",
        "artifacts/processes.json",
        "raw/Gr\u{fc}\u{df}e.txt",
        "raw/ps.txt",
        "report.md",
        MANIFEST_PATH,
    ];
    assert_eq!(names, expected);
    assert_eq!(contents[3].1, fs::read(bench.staging().join("raw/ps.txt")).unwrap());
    assert_eq!(report.manifest.unwrap().collection, collection("case-1"));
    assert_eq!(report.checked, contents.iter().take(5).map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    assert_eq!(bench.names(), ["case-1.zip", "staging"], "nothing temporary is left");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, two) = (Bench::new(), Bench::new());
    assert_eq!(one.seal().unwrap().sha256, two.seal().unwrap().sha256);
}

#[test]
fn sealing_again_after_an_interruption_returns_what_is_there() {
    let bench = Bench::new();
    let first = bench.seal().unwrap();
    fs::remove_dir_all(bench.staging()).unwrap();
    let again = bench.seal().unwrap();
    assert_eq!(again, Sealed { already_sealed: true, ..first });
}

#[test]
fn a_leftover_of_a_killed_worker_is_removed_and_one_in_use_is_not() {
    let bench = Bench::new();
    fs::write(bench.folder.path().join(".case-1.zip.dead.partial"), b"PK").unwrap();
    fs::write(bench.folder.path().join(".case-2.zip.dead.partial"), b"PK").unwrap();
    let live = fs::File::create(bench.folder.path().join(".case-1.zip.live.partial")).unwrap();
    live.lock().unwrap();
    bench.seal().unwrap();
    assert_eq!(
        bench.names(),
        [".case-1.zip.live.partial", ".case-2.zip.dead.partial", "case-1.zip", "staging"]
    );
}

#[test]
fn a_further_container_is_no_first_one_and_proves_which_it_adds_to() {
    use investigation::evidence::manifest::{Supplement, SupplementKind};
    let bench = Bench::new();
    let first = bench.seal().unwrap();
    let supplement = Supplement { kind: SupplementKind::Forensics, first_sha256: first.sha256.clone() };
    let seal_as = |name: &str, supplement| {
        seal(&SealRequest {
            staging: &bench.staging(),
            extra: &[],
            case_id: bench.case_id,
            tool: &tool(),
            sealed_at: sealed_at(),
            supplement,
            collection: &collection(bench.case_id),
            destination: &bench.folder.path().join(name),
        })
    };
    let taken = seal_as("case-1.zip", Some(&supplement));
    assert!(matches!(taken, Err(SealError::Taken { why, .. }) if why == "another container of this case"));
    let second = seal_as("case-1-forensics.zip", Some(&supplement)).unwrap();
    let report = verify(&second.path).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    assert_eq!(report.manifest.unwrap().supplement.as_ref(), Some(&supplement));
    // Sealed again after an interruption, it is taken over; another one's is not.
    assert!(seal_as("case-1-forensics.zip", Some(&supplement)).unwrap().already_sealed);
    let other = Supplement { first_sha256: "00".repeat(32), ..supplement };
    assert!(matches!(seal_as("case-1-forensics.zip", Some(&other)), Err(SealError::Taken { .. })));
    assert!(matches!(seal_as("case-1-forensics.zip", None), Err(SealError::Taken { .. })));
}

#[test]
fn whatever_else_lies_there_is_never_overwritten() {
    let bench = Bench::new();
    fs::write(bench.destination(), b"precious").unwrap();
    assert!(matches!(bench.seal(), Err(SealError::Taken { .. })));
    assert_eq!(fs::read(bench.destination()).unwrap(), b"precious");

    fs::remove_file(bench.destination()).unwrap();
    bench.seal().unwrap();
    let other = Bench { case_id: "case-2", ..bench };
    assert!(matches!(other.seal(), Err(SealError::Taken { why, .. }) if why == "evidence of another case"));

    let mut bytes = fs::read(other.destination()).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(other.destination(), &bytes).unwrap();
    assert!(matches!(other.seal(), Err(SealError::Taken { .. })));
    assert_eq!(fs::read(other.destination()).unwrap(), bytes);
}

#[cfg(unix)]
#[test]
fn links_and_devices_in_the_staging_folder_are_refused() {
    let bench = Bench::new();
    let link = bench.staging().join("raw/passwd");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    assert!(matches!(bench.seal(), Err(SealError::NotSealable { path, .. }) if path == link));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    assert!(matches!(bench.seal(), Err(SealError::NotSealable { path, .. }) if path == link));
    fs::remove_file(&link).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&link).unwrap();
    assert!(matches!(bench.seal(), Err(SealError::NotSealable { path, .. }) if path == link));
    assert_eq!(bench.names(), ["staging"]);
}

#[cfg(unix)]
#[test]
fn names_that_could_not_be_unpacked_everywhere_are_refused() {
    for name in ["raw/a\\b", "raw/a\nb", "manifest.json", "raw/PS.txt", "raw/a:b", "alert.json"] {
        let bench = Bench::new();
        bench.stage(name, b"x");
        assert!(matches!(bench.seal(), Err(SealError::Manifest(_))), "{name:?}");
        assert_eq!(bench.names(), ["staging"], "{name:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let bench = Bench::new();
    fs::remove_dir_all(bench.staging()).unwrap();
    let error = bench.seal().unwrap_err();
    assert!(matches!(&error, SealError::Staged { path, .. } if *path == bench.staging()));
    assert!(error.is_retryable());
}

#[test]
fn times_are_kept_as_dos_keeps_them() {
    let dos = |text: &str| dos_time(text.parse().unwrap());
    assert_eq!(dos("2026-03-02T09:15:42Z"), ((46 << 9) | (3 << 5) | 2, (9 << 11) | (15 << 5) | 21));
    assert_eq!(dos("1970-01-01T00:00:00Z"), ((1 << 5) | 1, 0));
    assert_eq!(dos("1980-01-01T00:00:00Z"), ((1 << 5) | 1, 0));
    let latest = zip::DateTime::from_date_and_time(2107, 12, 31, 23, 59, 58).unwrap();
    assert_eq!(dos("2300-01-01T00:00:00Z"), (latest.datepart(), latest.timepart()));
}

/// Highest resident size that sealing and verifying may reach, in KiB, whatever the size of the evidence. What is resident of
/// this program itself, with every test in it, counts: it is below the 64 MiB that are sealed, and no more can be said.
const MOST_MEMORY: u64 = 48 << 10;

#[test]
fn memory_stays_flat_while_a_large_artifact_is_sealed_and_verified() {
    // In a process of its own: what the tests beside this one use would count otherwise.
    let name = format!("{}::alone_64_mib", module_path!().split_once("::").unwrap().1);
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &name])
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn alone_64_mib() {
    large_artifact(64 << 20);
}

#[test]
#[ignore = "takes long; run by benches/seal-memory.sh"]
fn alone_2_gib() {
    large_artifact(2 << 30);
}

/// One entry that needs 64-bit sizes, as an image of memory does.
#[test]
#[ignore = "takes minutes"]
fn alone_6_gib() {
    large_artifact(6 << 30);
}

#[test]
#[ignore = "writes 9 GiB"]
fn alone_above_4_gib() {
    let bench = Bench::new();
    // Pseudo-random, so that it stays as large when packed: entries lie beyond 4 GiB without being large themselves.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for name in ["raw/a.bin", "raw/b.bin", "raw/c.bin"] {
        let mut file = std::io::BufWriter::new(fs::File::create(bench.staging().join(name)).unwrap());
        for _ in 0..(3_u64 << 29) / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.write_all(&state.to_le_bytes()).unwrap();
        }
        file.flush().unwrap();
    }
    let sealed = bench.seal().unwrap();
    assert!(sealed.size > 9 << 29);
    assert_eq!(verify(&sealed.path).unwrap().problems, []);
}

/// Seals and verifies a sparse file of `size` bytes and looks at the process's highest resident size.
fn large_artifact(size: u64) {
    let bench = Bench::new();
    let large = fs::File::create(bench.staging().join("raw/large.bin")).unwrap();
    large.set_len(size).unwrap();
    let sealed = bench.seal().unwrap();
    let report = verify(&sealed.path).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    assert!(report.checked > size);
    match peak_kib() {
        Some(peak) => {
            println!("{} MiB sealed and verified, peak {peak} KiB", size >> 20);
            assert!(peak < MOST_MEMORY, "{peak} KiB");
        }
        None => println!("this system does not tell a process's highest resident size: not checked"),
    }
}

/// The highest resident size of this process so far, in KiB, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
