mod forged;
mod reading;
mod sealing;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use investigation::evidence::Collection;
use investigation::evidence::manifest::{MANIFEST_PATH, Tool};
use jiff::Timestamp;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;

fn sealed_at() -> Timestamp {
    "2026-03-02T09:15:42Z".parse().unwrap()
}

fn collection(case_id: &str) -> Collection {
    Collection {
        case_id: case_id.to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        transport: "ssh".to_owned(),
        endpoint_key: Some("SHA256:abc".to_owned()),
        collector_host: "soc-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(-12),
        started_at: sealed_at(),
        finished_at: sealed_at(),
        outcomes: Vec::new(),
        program: None,
        commands: Vec::new(),
    }
}

fn tool() -> Tool {
    Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() }
}

/// A staging folder with three files and a place for the container.
struct Bench {
    folder: TempDir,
    case_id: &'static str,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: TempDir::new().unwrap(), case_id: "case-1" };
        bench.stage("artifacts/processes.json", b"[]");
        bench.stage("raw/ps.txt", "init ps cron ps init ps\n".repeat(40).as_bytes());
        bench.stage("raw/Gr\u{fc}\u{df}e.txt", b"");
        bench
    }

    fn staging(&self) -> PathBuf {
        self.folder.path().join("staging")
    }

    fn destination(&self) -> PathBuf {
        self.folder.path().join("case-1.zip")
    }

    fn stage(&self, name: &str, bytes: &[u8]) {
        let path = self.staging().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn seal_with(&self, extra: &[(&str, &[u8])]) -> Result<Sealed, SealError> {
        seal(&SealRequest {
            staging: &self.staging(),
            extra,
            case_id: self.case_id,
            tool: &tool(),
            sealed_at: sealed_at(),
            supplement: None,
            collection: &collection(self.case_id),
            destination: &self.destination(),
        })
    }

    fn seal(&self) -> Result<Sealed, SealError> {
        self.seal_with(&[("alert.json", b"{\"id\":\"a1\"}"), ("report.md", b"# Report\n")])
    }

    /// Names in the destination's folder.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A zip written with the writer's own options, so that only what a test changes is wrong.
fn write_zip(path: &Path, entries: &[(&str, &[u8])]) {
    let (date, time) = dos_time(sealed_at());
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        let method = if *name == MANIFEST_PATH {
            zip::CompressionMethod::Stored
        } else {
            zip::CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::try_from_msdos(date, time).unwrap())
            .unix_permissions(UNIX_MODE)
            .system(zip::System::Unix);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn contents(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        })
        .collect()
}
