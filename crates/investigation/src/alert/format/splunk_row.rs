//! Rows of Splunk's searches: what their commands do to the names and the values of fields is undone.

use serde_json::{Map, Value};

/// Data models, which `tstats` puts before the names of its fields.
const MODELS: [&str; 12] = [
    "All_Traffic",
    "IDS_Attacks",
    "Web",
    "Proxy",
    "DNS",
    "All_Sessions",
    "Authentication",
    "Malware_Attacks",
    "All_Risk",
    "Alerts",
    "Processes",
    "Ports",
];
/// What `stats` and `tstats` put around the names of their fields.
const FUNCTIONS: [&str; 8] = ["values(", "list(", "first(", "last(", "latest(", "earliest(", "max(", "min("];

/// A row with the names of its fields as the model has them, and with fields of several values as lists.
pub(super) fn plain(row: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in row {
        let name = FUNCTIONS
            .iter()
            .find_map(|function| key.strip_prefix(function)?.strip_suffix(')'))
            .unwrap_or(key);
        let name = match name.split_once('.') {
            Some((model, field)) if MODELS.contains(&model) => field,
            _ => name,
        };
        let value = match value {
            Value::String(text) if text.contains('\n') && name != "_raw" => {
                text.lines().map(|line| Value::from(line.trim())).collect()
            }
            value => value.clone(),
        };
        // What has the plain name says it itself.
        if name == key {
            out.insert(name.to_owned(), value);
        } else {
            out.entry(name).or_insert(value);
        }
    }
    if let Some(Value::String(raw)) = row.get("_raw")
        && raw.contains(", search_name=\"")
    {
        // The index of notables holds pairs, which a search may leave unextracted.
        for (key, value) in super::pairs::separated(raw, ", ", "=").0 {
            out.entry(key).or_insert(Value::from(value.into_owned()));
        }
    }
    out
}
