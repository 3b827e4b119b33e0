use std::io::Cursor;

use investigation::order::{REPORT_FORMAT, RelayResult};
use jiff::Timestamp;
use zip::ZipArchive;

use super::*;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn report() -> RelayReport {
    RelayReport {
        format: REPORT_FORMAT.to_owned(),
        case_id: "c".to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        effect: 1,
        attempt: 1,
        relay: "site-1".to_owned(),
        relay_version: "0.1.0".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        finished_at: Timestamp::UNIX_EPOCH,
        result: RelayResult::Staged,
        entries: Vec::new(),
    }
}

struct Scene {
    dir: tempfile::TempDir,
    staged: PathBuf,
    zip: PathBuf,
}

impl Scene {
    fn set(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let staged = dir.path().join("staged");
        fs::create_dir_all(staged.join("artifacts/raw")).unwrap();
        for (name, content) in files {
            fs::write(staged.join(name), content).unwrap();
        }
        let zip = dir.path().join("bundle.zip");
        Self { dir, staged, zip }
    }

    fn pack(&self, most: u64) -> Result<u64, PackError> {
        pack(&self.staged, report(), &self.zip, most, &GO_ON)
    }
}

const FILES: [(&str, &[u8]); 4] = [
    ("artifacts/raw/identity.stdout", b"raw\0"),
    ("artifacts/identity.json", b"{}\n"),
    ("artifacts/empty.json", b""),
    ("collection.json", b"{\"case_id\":\"c\"}\n"),
];

#[test]
fn the_report_comes_first_and_lists_what_follows() {
    let scene = Scene::set(&FILES);
    let size = scene.pack(u64::MAX).unwrap();
    assert_eq!(size, fs::metadata(&scene.zip).unwrap().len());

    let mut zip = ZipArchive::new(File::open(&scene.zip).unwrap()).unwrap();
    let mut contents = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        assert_eq!(entry.compression(), CompressionMethod::Deflated);
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        contents.push((entry.name().unwrap().into_owned(), content));
    }
    let names: Vec<&str> = contents.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "report.json",
            "collection.json",
            "artifacts/empty.json",
            "artifacts/identity.json",
            "artifacts/raw/identity.stdout"
        ]
    );
    let report = RelayReport::parse(&contents[0].1).unwrap();
    assert_eq!(report.faults("c", 1, 1), []);
    for ((name, content), entry) in contents[1..].iter().zip(&report.entries) {
        assert_eq!((&entry.path, entry.size), (name, content.len() as u64));
        assert_eq!(entry.sha256, HEXLOWER.encode(&Sha256::digest(content)), "{name}");
        assert_eq!(FILES.iter().find(|(file, _)| file == name).unwrap().1, content);
    }
    assert_eq!(report.entries.len(), FILES.len());
}

#[test]
fn an_independent_tool_finds_the_bundle_whole() {
    let scene = Scene::set(&FILES);
    scene.pack(u64::MAX).unwrap();
    let python = std::process::Command::new("python3").args(["-m", "zipfile", "-t"]).arg(&scene.zip).output();
    let Ok(tested) = python else {
        return eprintln!("skipped: no python3 here");
    };
    assert!(tested.status.success(), "{tested:?}");
    assert!(!String::from_utf8_lossy(&tested.stdout).contains("corrupt"), "{tested:?}");
}

#[test]
fn a_failure_is_a_report_alone() {
    let result =
        RelayResult::Failed { code: "unreachable".to_owned(), reason: "no".to_owned(), retryable: true };
    let bytes = pack_report(&RelayReport { result: result.clone(), ..report() }).unwrap();
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(zip.len(), 1);
    let mut content = Vec::new();
    zip.by_name(REPORT_PATH).unwrap().read_to_end(&mut content).unwrap();
    let report = RelayReport::parse(&content).unwrap();
    assert_eq!((report.faults("c", 1, 1), report.result), (Vec::new(), result));
}

#[test]
fn what_no_collector_makes_is_not_packed() {
    for name in ["passwords.txt", "artifacts/a:b", "report.json", "artifacts/x."] {
        let scene = Scene::set(&FILES);
        fs::write(scene.staged.join(name), "x").unwrap();
        assert!(matches!(scene.pack(u64::MAX), Err(PackError::Stranger { .. })), "{name}");
        assert!(!scene.zip.exists());
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let scene = Scene::set(&FILES);
    let secret = scene.dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, scene.staged.join("artifacts/link.json")).unwrap();
    let error = scene.pack(u64::MAX).unwrap_err();
    assert!(matches!(error, PackError::Stranger { .. }) && !error.is_retryable(), "{error}");
}

#[test]
fn a_bundle_that_is_too_large_is_said_to_be() {
    let scene = Scene::set(&FILES);
    let error = scene.pack(10).unwrap_err();
    assert!(matches!(error, PackError::TooLarge { most: 10, .. }), "{error}");
}

#[test]
fn packing_stops_when_told() {
    let scene = Scene::set(&FILES);
    let stopped = pack(&scene.staged, report(), &scene.zip, u64::MAX, &AtomicBool::new(true));
    assert!(matches!(stopped, Err(PackError::Stopped)));
}

/// The most memory that this process has had, in bytes.
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
pub(crate) fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_evidence() {
    let scene = Scene::set(&FILES);
    File::create(scene.staged.join("artifacts/raw/large.stdout")).unwrap().set_len(128 << 20).unwrap();
    let before = peak_memory();
    scene.pack(u64::MAX).unwrap();
    let grown = peak_memory() - before;
    // The process's own peak: other tests run beside this one and take some of it.
    assert!(grown < 112 << 20, "{grown} bytes for a file of 128 MiB");
}
