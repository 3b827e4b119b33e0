//! Texts with `${name}` in them.

use serde_json::{Map, Value};

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
}

/// The parts of a text.
///
/// # Errors
/// One line: what is not closed or empty.
pub(super) fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) =
            after.split_once('}').ok_or_else(|| format!("{template:?}: `${{` is not closed"))?;
        if name.is_empty() {
            return Err(format!("{template:?}: `${{}}` names nothing"));
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Name(name));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// A text with its values, each of them passed through `escape`. What there is no value for is left out.
pub(super) fn text<'v>(
    template: &str,
    value: &impl Fn(&str) -> Option<&'v Value>,
    escape: &impl Fn(&str) -> String,
) -> String {
    let pieces = pieces(template).unwrap_or_default();
    let filled = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => value(name).map_or_else(String::new, |value| escape(&shown(value))),
    });
    filled.collect()
}

/// A tree with its values, or nothing where it is a value that there is none of.
pub(super) fn tree<'v>(template: &Value, value: &impl Fn(&str) -> Option<&'v Value>) -> Option<Value> {
    match template {
        Value::String(template_text) => match pieces(template_text).as_deref() {
            Ok([Piece::Name(name)]) => value(name).filter(|value| !value.is_null()).cloned(),
            _ => Some(Value::String(text(template_text, value, &|text| text.to_owned()))),
        },
        Value::Array(items) => Some(items.iter().filter_map(|item| item_of(item, value)).collect()),
        Value::Object(entries) => {
            let filled = entries.iter().filter_map(|(key, entry)| Some((key.clone(), tree(entry, value)?)));
            Some(Value::Object(filled.collect()))
        }
        other => Some(other.clone()),
    }
}

/// An item of a list: an object that lacks one of its values is none.
fn item_of<'v>(item: &Value, value: &impl Fn(&str) -> Option<&'v Value>) -> Option<Value> {
    let Value::Object(entries) = item else { return tree(item, value) };
    let filled: Option<Map<String, Value>> =
        entries.iter().map(|(key, entry)| Some((key.clone(), tree(entry, value)?))).collect();
    filled.map(Value::Object)
}

/// A value inside a text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Every text in a tree.
pub(super) fn texts<'t>(tree: &'t Value, found: &mut Vec<&'t str>) {
    match tree {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| texts(entry, found)),
        _ => {}
    }
}

/// Percent-encoded, but for what RFC 3986 calls unreserved.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_taken_apart_and_what_is_not_closed_is_named() {
        assert_eq!(pieces("a ${b} c").unwrap(), [Piece::Text("a "), Piece::Name("b"), Piece::Text(" c")]);
        assert_eq!(pieces("$5 {x}").unwrap(), [Piece::Text("$5 {x}")]);
        assert!(pieces("a ${b").unwrap_err().contains("not closed"));
        assert!(pieces("${}").is_err());
    }

    #[test]
    fn a_value_stays_a_value_and_breaks_out_of_nothing() {
        let (list, evil) = (json!(["a", "b"]), json!("\"},\"owner\":\"root\",{\"${list}"));
        let value = |name: &str| match name {
            "list" => Some(&list),
            "evil" => Some(&evil),
            _ => None,
        };
        let template = json!({"l": "${list}", "t": "x ${evil}", "gone": "${none}", "n": 7,
            "items": [{"kind": "ip", "data": "${none}"}, {"kind": "ip", "data": "${evil}"}]});
        let filled = tree(&template, &value).unwrap();
        let expected = json!({"l": ["a", "b"], "t": "x \"},\"owner\":\"root\",{\"${list}", "n": 7,
            "items": [{"kind": "ip", "data": evil}]});
        assert_eq!(filled, expected);
    }

    #[test]
    fn paths_and_queries_take_no_value_for_a_part_of_theirs() {
        assert_eq!(percent("a/b?c=d&e#f ü"), "a%2Fb%3Fc%3Dd%26e%23f%20%C3%BC");
        let id = json!("../admin?x=1");
        let path = text("/issue/${id}", &|_| Some(&id), &percent);
        assert_eq!(path, "/issue/..%2Fadmin%3Fx%3D1");
    }
}
