//! Third parties' real payloads beside third parties' readings of them, where they lie beside the workspace.
//!
//! A miss is not always ours: where two third parties disagree, nobody hits both. docs/formats.md explains each.

use std::collections::BTreeMap;

use super::*;

/// Hits that are reached, of all expectations. Raise it when more are.
const LEVEL: usize = 686;

/// Their name of a field, and ours.
const FIELDS: [(&str, &str); 7] = [
    ("source_ip", "source.ip"),
    ("destination_ip", "destination.ip"),
    ("destination_port", "destination.port"),
    ("user", "user.name"),
    ("host", "host.name"),
    ("signature", "rule.name"),
    ("time", "@timestamp"),
];

/// Hits and expectations.
type Score = (usize, usize);

#[test]
fn real_payloads_read_as_third_parties_read_them() {
    let samples = root().join("../shared/siem-samples");
    let Ok(expected) = fs::read_to_string(samples.join("expected.jsonl")) else {
        println!("skipped: no third-party samples beside the workspace");
        return;
    };
    let (mut scores, mut misses) = (BTreeMap::<(String, &str), Score>::new(), Vec::new());
    for line in expected.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let file = line["file"].as_str().expect("a file");
        let reading = reading(&samples.join(file));
        assert!(!reading.is_empty(), "{file} gave nothing, not even an error");
        let alert = reading.iter().find_map(|entry| entry.get("alert")).unwrap_or(&Value::Null);
        for (theirs, ours) in FIELDS {
            let wanted = &line["expected"][theirs];
            if wanted.is_null() {
                continue;
            }
            let format = line["format"].as_str().expect("a format").to_owned();
            let (hits, known) = scores.entry((format, ours)).or_default();
            *known += 1;
            if is_same(ours, wanted, &alert[ours]) {
                *hits += 1;
            } else {
                misses.push(format!("{file}: {ours} is {wanted} and was read as {}", alert[ours]));
            }
        }
    }
    for miss in &misses {
        println!("{}", crate::text::one_line(miss, 300));
    }
    let mut total = (0, 0);
    for ((format, field), (hits, known)) in &scores {
        println!("{format:<20} {field:<18} {hits:>3} of {known:>3}");
        total = (total.0 + hits, total.1 + known);
    }
    let (hits, known) = total;
    println!("all: {hits} of {known}, {:.1} %", 100.0 * hits as f64 / known as f64);
    assert!(hits >= LEVEL, "{hits} of {known} hit, and {LEVEL} was reached before");
}

/// A moment is the same in any zone and to the millisecond; a user is the same with his domain beside him.
fn is_same(field: &str, theirs: &Value, ours: &Value) -> bool {
    let moment = |value: &Value| value.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    match field {
        "@timestamp" => moment(theirs).is_some() && moment(theirs) == moment(ours),
        "user.name" if theirs != ours => {
            let name = theirs.as_str().and_then(|name| name.rsplit('\\').next());
            name.is_some() && name == ours.as_str()
        }
        _ => theirs == ours,
    }
}
