//! The manifest of a container.

use std::collections::HashSet;
use std::path::{Component, Path};

use investigation::evidence::Collection;
use investigation::evidence::manifest::{
    Entry, FORMAT_VERSION, MAX_ENTRIES, MAX_TOTAL_BYTES, Manifest, ManifestError, Preceding, Tool,
    check_path, format_of, media_type,
};
use jiff::Timestamp;

use super::{assert_one_line, seeds as given, way};

/// The manifest, and paths.
///
/// - A manifest that is read is written and read to the same, and never has a newer format.
/// - One without faults names at most as many entries and bytes as are allowed, every path once whatever the case of
///   its letters, and each of them stays inside the folder that it is unpacked in.
/// - Faults are safe to print.
pub fn manifest(data: &[u8]) -> u64 {
    path(&String::from_utf8_lossy(&data[..data.len().min(2048)]));
    let manifest = match Manifest::parse(data) {
        Ok(manifest) => manifest,
        Err(ManifestError::Unreadable(error)) => return way(&error.to_string()),
        Err(error) => return way(&error.to_string()),
    };
    assert!(manifest.format_version <= FORMAT_VERSION);
    let written = manifest.to_bytes().expect("a manifest is written");
    let again = Manifest::parse(&written).expect("what was written is read");
    assert_eq!(manifest, again, "written and read");

    let faults = manifest.faults();
    faults.iter().for_each(|fault| assert_one_line(&fault.to_string()));
    if faults.is_empty() {
        assert!(manifest.entries.len() <= MAX_ENTRIES);
        let total: u128 = manifest.entries.iter().map(|entry| u128::from(entry.size)).sum();
        assert!(total <= u128::from(MAX_TOTAL_BYTES));
        let mut lower = HashSet::new();
        for entry in &manifest.entries {
            assert!(lower.insert(entry.path.to_lowercase()), "{:?} twice", entry.path);
            assert_eq!(check_path(&entry.path), Ok(()));
            path(&entry.path);
        }
        // Pair by pair, and so for small ones.
        if manifest.entries.len() < 100 {
            for (below, file) in lower.iter().flat_map(|below| lower.iter().map(move |file| (below, file))) {
                let inside = below.strip_prefix(file.as_str()).is_some_and(|rest| rest.starts_with('/'));
                assert!(!inside, "{file:?} is a file and holds {below:?}");
            }
        }
    }
    let kinds: Vec<String> = faults.iter().take(5).map(|fault| format!("{fault:?}")).collect();
    way(&format!("{} {kinds:?}", manifest.entries.len().min(4)))
}

/// A path that passes stays below whatever it is joined to.
fn path(text: &str) {
    if check_path(text).is_err() {
        return;
    }
    let inside = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
    assert!(inside && Path::new("/x").join(text).starts_with("/x/"), "{text:?} leads out");
    assert!(!text.contains(['\\', ':', '\0', '\n', '\u{1b}']), "{text:?} has a hostile character");
}

/// How some collection went.
pub(super) fn collection(case_id: &str) -> Collection {
    let json = serde_json::json!({
        "case_id": case_id, "target": "10.0.0.5", "transport": "ssh", "endpoint_key": "SHA256:abc",
        "collector_host": "soc-1", "collector_version": "0.1.0", "clock_skew_ms": -12,
        "started_at": "2026-03-02T09:15:00Z", "finished_at": "2026-03-02T09:15:40Z",
        "outcomes": [{
            "artifact": "Linux.System.Processes", "kind": "processes", "status": "truncated", "reasons": ["a cap"],
            "items": 3, "entries": ["artifacts/processes.json"],
            "started_at": "2026-03-02T09:15:00Z", "finished_at": "2026-03-02T09:15:40Z",
        }],
        "commands": [],
    });
    serde_json::from_value(json).expect("a collection")
}

pub(super) fn sealed_at() -> Timestamp {
    "2026-03-02T09:15:42Z".parse().expect("a time")
}

pub(super) fn tool() -> Tool {
    Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() }
}

fn with(paths: impl Iterator<Item = String>) -> Vec<u8> {
    let entry = |path: String| Entry {
        media_type: media_type(&path).to_owned(),
        path,
        size: 3,
        sha256: "0123456789abcdef".repeat(4),
    };
    let manifest = Manifest {
        format_version: format_of(None),
        case_id: "case-1".to_owned(),
        tool: tool(),
        sealed_at: sealed_at(),
        supplement: None,
        collection: collection("case-1"),
        entries: paths.map(entry).collect(),
        preceding: Preceding { size: 500, sha256: "0123456789abcdef".repeat(4) },
    };
    manifest.to_bytes().expect("a manifest")
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let some = |paths: &[&str]| with(paths.iter().map(|path| (*path).to_owned()));
    vec![
        some(&["artifacts/processes.json", "raw/ps.txt", "raw/Gr\u{fc}\u{df}e.txt"]),
        some(&[]),
        some(&[
            "a",
            "A",
            "a/b",
            "../x",
            "/etc/passwd",
            "c:\\x",
            "a//b",
            "x.",
            "manifest.json",
            "\u{130}",
            "i\u{307}",
        ]),
        some(&["\u{1b}[2J", "a\nb", "\u{202e}gnp", "con", "a/./b"]),
        br#"{"format_version":3,"other":[]}"#.to_vec(),
        b"../../etc/cron.d/x".to_vec(),
        // Hostile by design: as many entries as are allowed, with as many folders as fit their paths.
        with((0..10_000).map(|n| format!("{n}/{}", "a/".repeat(250) + "b"))),
        with((0..10_001).map(|n| n.to_string())),
        with((0..10_000).map(|n| format!("{}{n}", "\u{130}".repeat(200)))),
        [b"{\"format_version\":1,\"entries\":".to_vec(), given::many(b"[", 256 << 10)].concat(),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"\"format_version\": 1",
    b"\"path\": ",
    b"\"size\": ",
    b"\"sha256\": ",
    b"\"entries\": [",
    b"../",
    b"/",
    b"\\\\",
    b":",
    b".",
    b" ",
    b"..",
    b"\\u0000",
    b"\\u001b",
    b"\\ud800",
    b"manifest.json",
    b"MANIFEST.JSON",
    b"a/b",
    b"A/B",
    b"\xc4\xb0",
    b"\xe2\x80\xae",
    b"17179869184",
    b"68719476737",
    b"null",
    b"[]",
    b"{}",
    b"\"case_id\": \"x\"",
    b"\"2026-03-02T09:15:42Z\"",
    b"\"-009999-01-01T00:00:00Z\"",
];
