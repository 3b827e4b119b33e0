//! Bundles as a relay packs them, and as one that lies would.

use std::io::{Cursor, Write as _};
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use investigation::order::RelayReport;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::manifest::collection;
use super::super::relay_report::report_of;
use super::CASE;

/// How a relay packs.
#[derive(Clone, Copy)]
pub(super) enum Packing {
    Stored,
    Deflated,
    /// With the sizes behind the content.
    Streamed,
}

/// One entry, and how far the report is honest about it.
pub(super) struct Part {
    pub path: String,
    pub content: Vec<u8>,
    /// A bit for each lie; none in ASCII letters' first one, `@`.
    pub lies: u8,
}

pub(super) const UNLISTED: u8 = 1;
pub(super) const MISSING: u8 = 2;
pub(super) const LARGER: u8 = 4;
pub(super) const OTHER_HASH: u8 = 8;
pub(super) const TWICE: u8 = 16;

/// A bundle out of NUL-ended fields: a byte of lies and a path, then content, and so on. The report is made to fit, so
/// that mutation reaches what lies behind the hashes. `None` where no zip can hold it.
pub(super) fn packed(which: u8, fields: &[u8]) -> Option<Vec<u8>> {
    let mut fields = fields.split(|byte| *byte == 0);
    let mut parts = Vec::new();
    while let (Some(name), Some(content)) = (fields.next(), fields.next()) {
        let (lies, path) = name.split_first().unwrap_or((&b'@', &[]));
        // Longer than any path that passes, and short enough for a zip.
        let path = String::from_utf8_lossy(&path[..path.len().min(2048)]).into_owned();
        parts.push(Part { path, content: content.to_vec(), lies: lies & 0x1f });
        if parts.len() > 70 {
            break;
        }
    }
    let packing = [Packing::Stored, Packing::Deflated, Packing::Streamed][usize::from(which & 0x7f) % 3];
    pack(packing, report(&parts).to_string().as_bytes(), &parts)
}

/// What the relay says of these parts.
pub(super) fn report(parts: &[Part]) -> Value {
    let listed = parts.iter().filter(|part| part.lies & UNLISTED == 0);
    let listed =
        listed.flat_map(|part| std::iter::repeat_n(part, if part.lies & TWICE == 0 { 1 } else { 2 }));
    let entries = listed.map(|part| {
        let size = part.content.len() as u64 + u64::from(part.lies & LARGER != 0);
        let lie = if part.lies & OTHER_HASH == 0 { "" } else { "x" };
        let sha256 = Sha256::new().chain_update(&part.content).chain_update(lie).finalize();
        json!({
            "path": part.path, "size": size, "sha256": HEXLOWER.encode(&sha256), "media_type": "text/plain",
        })
    });
    let entries: Vec<Value> = entries.collect();
    let failed = json!({"status": "failed", "code": "unreachable", "reason": "no answer", "retryable": true});
    let result = if entries.is_empty() { failed } else { json!({"status": "staged"}) };
    report_of(CASE, result, entries.into())
}

pub(super) fn pack(packing: Packing, report: &[u8], parts: &[Part]) -> Option<Vec<u8>> {
    let kept = parts.iter().filter(|part| part.lies & MISSING == 0);
    let entries = kept.map(|part| (part.path.as_str(), part.content.as_slice()));
    let entries = std::iter::once(("report.json", report)).chain(entries);
    let method = match packing {
        Packing::Stored => CompressionMethod::Stored,
        Packing::Deflated | Packing::Streamed => CompressionMethod::Deflated,
    };
    let options = SimpleFileOptions::default().compression_method(method);
    match packing {
        Packing::Streamed => {
            let mut zip = ZipWriter::new_stream(Vec::new());
            for (name, content) in entries {
                zip.start_file(name, options).ok()?;
                zip.write_all(content).ok()?;
            }
            Some(zip.finish().ok()?.into_inner())
        }
        Packing::Stored | Packing::Deflated => {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            for (name, content) in entries {
                zip.start_file(name, options).ok()?;
                zip.write_all(content).ok()?;
            }
            Some(zip.finish().ok()?.into_inner())
        }
    }
}

/// A bundle that opens.
pub(super) struct Sound {
    pub bytes: Vec<u8>,
    pub report: RelayReport,
}

pub(super) static SOUND: LazyLock<Vec<Sound>> = LazyLock::new(|| {
    let whole = [
        ("collection.json", collection_json()),
        ("artifacts/identity.json", IDENTITY.as_bytes().to_vec()),
        ("artifacts/processes.json", b"[]".to_vec()),
        ("artifacts/raw/ps.txt", "init ps cron ps init ps\n".repeat(40).into_bytes()),
        ("artifacts/raw/Gr\u{fc}\u{df}e.txt", Vec::new()),
    ];
    let sound = |packing, files: &[(&str, Vec<u8>)]| {
        let part = |(path, content): &(&str, Vec<u8>)| Part {
            path: (*path).to_owned(),
            content: content.clone(),
            lies: 0,
        };
        let parts: Vec<Part> = files.iter().map(part).collect();
        let report = report(&parts).to_string();
        Sound {
            bytes: pack(packing, report.as_bytes(), &parts).expect("a zip"),
            report: RelayReport::parse(report.as_bytes()).expect("a report"),
        }
    };
    vec![
        sound(Packing::Deflated, &whole),
        sound(Packing::Stored, &whole),
        sound(Packing::Streamed, &whole),
        sound(Packing::Deflated, &[]),
    ]
});

pub(super) const IDENTITY: &str =
    r#"{"host_name":"pc7","domain":null,"os":"Debian 12","addresses":["10.0.0.5"],"users":[{"name":"ann"}]}"#;

pub(super) fn collection_json() -> Vec<u8> {
    serde_json::to_vec(&collection(CASE)).expect("JSON")
}
