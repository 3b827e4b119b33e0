//! Asking a record for a field by its path, whatever the record is written in.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::fields::text;
use super::framing::{Content, Record};

/// Most values that one path gives: what lists more is no alert about machines.
const MAX_VALUES: usize = 256;
/// Most levels of a path.
const MAX_LEVELS: usize = 32;

/// Something that has fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lookup<'a> {
    /// A JSON object. A path is keys between dots; a key may hold dots itself, and lists on the way are gone through.
    Json(&'a Value),
    /// Pairs of a key and a text. A path is a key.
    Pairs(&'a Pairs<'a>),
}

impl<'a> Lookup<'a> {
    /// The fields of a record that is a JSON object.
    pub(super) fn of(record: &'a Record) -> Option<Self> {
        match &record.content {
            Content::Json(value @ Value::Object(_)) => Some(Self::Json(value)),
            _ => None,
        }
    }

    /// Every object at `path`, through lists; none where the record is no JSON.
    pub(super) fn objects(self, path: &str) -> Vec<Self> {
        let mut found = Vec::new();
        if let Self::Json(value) = self {
            visit(value, path, MAX_LEVELS, &mut |value| {
                if value.is_object() {
                    found.push(Self::Json(value));
                }
                found.len() < MAX_VALUES
            });
        }
        found
    }

    /// Whether there is something at every one of `paths`.
    pub(super) fn has_all(self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.has(path))
    }

    /// Whether there is something at any of `paths`.
    pub(super) fn has_any(self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.has(path))
    }

    /// The first text at `path` that says something.
    pub(super) fn get(self, path: &str) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(value) => {
                let mut found = None;
                visit(value, path, MAX_LEVELS, &mut |value| {
                    found = scalar(value).filter(|value| text(value).is_some());
                    found.is_none()
                });
                found
            }
            Self::Pairs(pairs) => pairs.get(path).map(Cow::Borrowed),
        }
    }

    /// Every text at `path` that says something, each once.
    pub(super) fn all(self, path: &str) -> Vec<Cow<'a, str>> {
        let mut found: Vec<Cow<'a, str>> = Vec::new();
        let mut keep = |value: Cow<'a, str>| {
            if text(&value).is_some() && !found.contains(&value) {
                found.push(value);
            }
            found.len() < MAX_VALUES
        };
        match self {
            Self::Json(value) => {
                visit(value, path, MAX_LEVELS, &mut |value| scalar(value).is_none_or(&mut keep));
            }
            Self::Pairs(pairs) => {
                pairs.values(path).all(|value| keep(Cow::Borrowed(value)));
            }
        }
        found
    }

    /// Whether there is something at `path`, if only an empty text.
    pub(super) fn has(self, path: &str) -> bool {
        match self {
            Self::Json(value) => {
                let mut found = false;
                visit(value, path, MAX_LEVELS, &mut |_| {
                    found = true;
                    false
                });
                found
            }
            Self::Pairs(pairs) => pairs.has(path),
        }
    }
}

/// The value at `path` of an object, as it is; of a list on the way, the first that has one.
pub(super) fn value<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut found = None;
    visit(object, path, MAX_LEVELS, &mut |value| {
        found = Some(value);
        false
    });
    found
}

/// Every value at `path` of an object, as it is, through lists.
pub(super) fn values<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    visit(object, path, MAX_LEVELS, &mut |value| {
        found.push(value);
        found.len() < MAX_VALUES
    });
    found
}

/// Shows every value at `path`, through lists, until `see` returns false. Returns whether it never did.
fn visit<'a>(value: &'a Value, path: &str, levels: usize, see: &mut dyn FnMut(&'a Value) -> bool) -> bool {
    if levels == 0 {
        return true;
    }
    match value {
        Value::Array(items) => items.iter().all(|item| visit(item, path, levels - 1, see)),
        value if path.is_empty() => see(value),
        Value::Object(object) => visit_keys(object, path, levels, see),
        _ => true,
    }
}

/// Senders nest their objects, write dots into their keys, or both: the longest key that fits is taken.
fn visit_keys<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    levels: usize,
    see: &mut dyn FnMut(&'a Value) -> bool,
) -> bool {
    if let Some(value) = object.get(path).filter(|value| !value.is_null()) {
        return visit(value, "", levels - 1, see);
    }
    let mut end = path.len();
    while let Some(dot) = path[..end].rfind('.') {
        if let Some(value) = object.get(&path[..dot]) {
            return visit(value, &path[dot + 1..], levels - 1, see);
        }
        end = dot;
    }
    true
}

/// A text, a number or a truth value, as text.
pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        _ => None,
    }
}

/// Pairs of a key and a text, in the order of the record, doubles included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// The first value of `key` that is not empty, without quotes around it.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    /// Every value of `key` that is not empty, without quotes around it.
    pub(super) fn values<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(name, _)| name == key).filter_map(|(_, value)| {
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            Some(bare.trim()).filter(|bare| !bare.is_empty())
        })
    }

    /// Whether there is a pair with `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<Cow<'a, str>>> FromIterator<(K, V)> for Pairs<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_goes_through_objects_lists_and_keys_with_dots() {
        let value = json!({
            "a": { "b": 1, "c.d": "two" },
            "kibana.alert": { "rule.name": "three" },
            "list": [{ "ip": "10.0.0.1" }, { "ip": ["10.0.0.2", "10.0.0.1"] }, { "ip": null }],
            "a.b": "flat",
        });
        let lookup = Lookup::Json(&value);
        assert_eq!(lookup.get("a.b").as_deref(), Some("flat"));
        assert_eq!(lookup.get("a.c.d").as_deref(), Some("two"));
        assert_eq!(lookup.get("kibana.alert.rule.name").as_deref(), Some("three"));
        assert_eq!(lookup.all("list.ip"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(lookup.get("a"), None);
        assert!(lookup.has("a") && !lookup.has("a.x"));
    }

    #[test]
    fn what_says_nothing_is_passed_over() {
        let value = json!({ "list": ["", "-", "N/A", "x"] });
        assert_eq!(Lookup::Json(&value).get("list").as_deref(), Some("x"));
        let pairs: Pairs<'_> = [("a", ""), ("a", "\"quoted\"")].into_iter().collect();
        assert_eq!(Lookup::Pairs(&pairs).get("a").as_deref(), Some("quoted"));
    }

    #[test]
    fn a_list_in_a_list_in_a_list_has_an_end() {
        let mut value = json!("x");
        for _ in 0..60 {
            value = json!([value]);
        }
        assert_eq!(Lookup::Json(&json!({ "a": value })).get("a"), None);
    }
}
