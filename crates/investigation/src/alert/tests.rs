use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::framing::{Framing, Record};
use super::*;
use crate::scope::{Scope, suspect};

mod scored;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sorted_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn frame(path: &Path) -> Framing<BufReader<File>> {
    Framing::new(BufReader::new(File::open(path).expect("a sample")))
}

fn ours() -> Scope {
    toml::from_str("networks = ['10.20.0.0/16', 'fd12:3456:789a::/64']").expect("a scope")
}

/// Everything that is said about a file: alerts, whom they are about, and each refusal's code and line.
fn reading(path: &Path) -> Vec<Value> {
    let mut out = Vec::new();
    for framed in frame(path) {
        let line = framed.line;
        let record = match framed.content {
            Ok(record) => record,
            Err(unreadable) => {
                let says = unreadable.to_string();
                out.push(json!({ "line": line, "unreadable": unreadable.code(), "says": says }));
                continue;
            }
        };
        for alert in read(&record, "sample", &[]) {
            out.push(match alert {
                Ok(alert) => {
                    let about = format!("{:?}", suspect(&alert, &ours()));
                    json!({ "line": line, "alert": alert, "suspect": about })
                }
                Err(Rejected { reject, .. }) => {
                    json!({ "line": line, "reject": reject.code(), "says": reject.to_string() })
                }
            });
        }
    }
    out
}

#[test]
fn every_sample_reads_as_its_snapshot_says() {
    let mut seen = 0;
    for path in sorted_files(&root().join("events/alerts")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        seen += 1;
        let reading = reading(&path);
        assert!(!reading.is_empty(), "{name} gave nothing, not even an error");
        for entry in &reading {
            if let Some(says) = entry["says"].as_str() {
                assert!(!says.chars().any(char::is_control), "{name}: {says:?}");
            }
        }
        let only_good = !name.starts_with("bad-") && !name.starts_with("mixed-");
        assert!(!only_good || reading.iter().all(|entry| entry["alert"].is_object()), "{name}: {reading:#?}");
        insta::assert_json_snapshot!(name, reading);
    }
    assert!(seen >= 30, "{seen} samples");
}

#[test]
fn every_format_has_an_example_that_it_alone_detects() {
    for format in FORMATS {
        let path = root().join("events").join(format.example);
        let records: Vec<Record> = frame(&path)
            .map(|framed| framed.content.unwrap_or_else(|e| panic!("{}: {e}", format.example)))
            .collect();
        for record in &records {
            let by: Vec<_> = FORMATS.iter().filter(|f| (f.detects)(record)).map(|f| f.name).collect();
            assert_eq!(by, [format.name], "{}", record.text);
            assert!(read(record, "", &[]).iter().all(Result::is_ok), "{}", record.text);
        }
    }
}

#[test]
fn the_same_bytes_are_the_same_alert_and_a_discriminator_tells_them_apart() {
    let id = |text: &str, discriminator: &str| -> String {
        let record = Framing::new(text.as_bytes()).next().expect("an item").content.expect("a record");
        read(&record, discriminator, &[]).remove(0).expect("an alert").id
    };
    assert_eq!(id("10.20.6.30\n", ""), id("10.20.6.30\r\n", ""));
    assert_ne!(id("10.20.6.30", ""), id("10.20.6.30", "2"));
    assert_ne!(id("10.20.6.30", ""), id("10.20.6.31", ""));
    // SHA-256 of `d\0` `10.20.6.30\0` `0\0`, from sha256sum.
    assert_eq!(id("10.20.6.30", "d"), "87c80b5efcee35955018");
}

#[test]
fn an_alert_survives_being_stored() {
    for path in sorted_files(&root().join("events/alerts")) {
        for record in frame(&path).filter_map(|framed| framed.content.ok()) {
            for alert in read(&record, "", &[]).into_iter().flatten() {
                let stored = serde_json::to_string(&alert).expect("written");
                assert_eq!(serde_json::from_str::<Alert>(&stored).expect("read"), alert);
            }
        }
    }
}

#[test]
fn an_original_is_cut_to_its_cap() {
    let text = format!("{{\"source\":{{\"ip\":\"10.20.3.41\"}},\"x\":\"{}\"}}", "é".repeat(60_000));
    let record = Framing::new(text.as_bytes()).next().expect("an item").content.expect("a record");
    let alert = read(&record, "", &[]).remove(0).expect("an alert");
    assert!(alert.original.len() <= (64 << 10) + '…'.len_utf8() && alert.original.ends_with('…'));
}

/// Bytes that look like what is read, cut and spliced.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "\"",
            "\\",
            ",",
            ":",
            "\n",
            "\r\n",
            "{\"source\":{\"ip\":\"10.0.0.5\"}}",
            "ip,user\n",
            "\u{feff}",
            "10.0.0.5",
            "10.0.0.5,alice",
            "#",
            "CEF:0|a|b|c|d|e|5|",
            "src=10.0.0.5 ",
            "rt=",
            "1772600767",
            "\\=",
            "=",
            "|",
            " ",
            "#fields\tts\tuid\tid.orig_h\n",
            "1772600767.5\tC\\x4\t10.0.0.5\n",
            "{\"sid\":\"s\",\"search_name\":null,\"result\":",
            "{\"@timestamp\":\"\",\"ecs\":{\"version\":\"8\"},\"source\":",
            "{\"values(All_Traffic.src)\":\"10.0.0.5\n10.0.0.6\"}",
            "{\"event_type\":\"alert\",\"src_ip\":\"10.0.0.5\",\"timestamp\":",
            "\0",
            "é",
            "\"\"",
            ";",
            "\t",
        ])
        .prop_map(|text: &str| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_input_panics_and_every_input_is_answered(bytes in hostile()) {
        let items: Vec<_> = Framing::new(bytes.as_slice()).collect();
        prop_assert!(!items.is_empty());
        prop_assert!(items.windows(2).all(|pair| pair[0].line <= pair[1].line));
        for framed in items {
            match framed.content {
                Err(unreadable) => prop_assert!(!unreadable.to_string().contains(char::is_control)),
                Ok(record) => {
                    let alerts = read(&record, "", &[]);
                    prop_assert!(!alerts.is_empty());
                    for rejected in alerts.into_iter().filter_map(Result::err) {
                        prop_assert!(!rejected.reject.to_string().contains(char::is_control));
                    }
                }
            }
        }
    }

    #[test]
    fn chunk_boundaries_change_nothing(bytes in hostile(), chunk in 1..9usize) {
        let whole: Vec<_> = Framing::new(bytes.as_slice()).collect();
        let pieces: Vec<_> = Framing::new(BufReader::with_capacity(chunk, bytes.as_slice())).collect();
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn times_never_panic(text in ".{0,40}", digits in "[-+.0-9T:Z ]{0,30}") {
        time::read(&text);
        time::read(&digits);
    }
}
