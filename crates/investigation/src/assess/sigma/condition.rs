//! Which selections of a rule's condition are exclusions, and whether one of them could hold if more were known.

use std::collections::BTreeSet;

use serde_norway::{Mapping, Value};
use sigma_rust::Rule;

/// Most conditions of one exclusion, and words of one condition, that are looked at.
const MAX_PARTS: usize = 2_000;

/// Whether a rule holds for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It would, but for an exclusion that reads this field, which is not known.
    Unknown(String),
}

/// What a rule leaves out: an alternative of fields that must all hold.
#[derive(Debug)]
pub(super) struct Exclusion(Vec<Part>);

/// One field of an exclusion, as a rule of its own.
#[derive(Debug)]
struct Part {
    field: String,
    /// Asks for the field's presence, which is known either way.
    presence: bool,
    rule: Rule,
}

impl Exclusion {
    /// The field for want of which it cannot be said whether the exclusion holds. `None`: it does not.
    pub(super) fn wants(&self, event: &sigma_rust::Event) -> Option<&str> {
        let mut unknown = None;
        for part in &self.0 {
            if !part.presence && event.get(&part.field).is_none() {
                unknown = unknown.or(Some(part.field.as_str()));
            } else if !part.rule.is_match(event) {
                return None;
            }
        }
        unknown
    }
}

/// The exclusions of a rule.
///
/// # Errors
/// One line, where a part of the detection cannot be read by itself.
pub(super) fn exclusions(detection: &Mapping) -> Result<Vec<Exclusion>, String> {
    let condition = detection.get("condition").and_then(Value::as_str).ok_or("its condition is no text")?;
    let names: Vec<&str> =
        detection.keys().filter_map(Value::as_str).filter(|name| *name != "condition").collect();
    let mut exclusions = Vec::new();
    for name in negated(condition, &names) {
        let Some(selection) = detection.get(name) else { continue };
        let groups: Vec<&Mapping> = match selection {
            Value::Mapping(group) => vec![group],
            Value::Sequence(groups) => groups.iter().filter_map(Value::as_mapping).collect(),
            // Keywords are looked for in everything: what is not known has none.
            _ => continue,
        };
        for group in groups {
            let parts = group.iter().map(part).collect::<Result<Vec<Part>, String>>()?;
            exclusions.push(Exclusion(parts));
            if exclusions.iter().map(|exclusion| exclusion.0.len()).sum::<usize>() > MAX_PARTS {
                return Err(format!("its exclusions have more than {MAX_PARTS} parts"));
            }
        }
    }
    Ok(exclusions)
}

fn part((field, value): (&Value, &Value)) -> Result<Part, String> {
    let key = field.as_str().ok_or("a field's name is no text")?;
    let mapping = |pairs: [(&str, Value); 2]| -> Value {
        Value::Mapping(pairs.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
    };
    let selection = Value::Mapping(std::iter::once((field.clone(), value.clone())).collect());
    let detection = mapping([("selection", selection), ("condition", "selection".into())]);
    let mut rule = Mapping::new();
    rule.insert("title".into(), "part".into());
    rule.insert("logsource".into(), Value::Mapping(Mapping::new()));
    rule.insert("detection".into(), detection);
    let rule = serde_norway::from_value(Value::Mapping(rule)).map_err(|error| error.to_string())?;
    let name = key.split('|').next().unwrap_or(key).to_owned();
    Ok(Part { field: name, presence: key.split('|').any(|word| word == "exists"), rule })
}

/// The names of the selections that stand below an odd number of `not`.
fn negated<'a>(condition: &str, names: &[&'a str]) -> BTreeSet<&'a str> {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().take(MAX_PARTS).peekable();
    let mut above = vec![false];
    let mut not = false;
    let mut found = BTreeSet::new();
    while let Some(word) = words.next() {
        let here = above.last().copied().unwrap_or_default() ^ not;
        match word.to_ascii_lowercase().as_str() {
            "not" => not = !not,
            "(" => {
                above.push(here);
                not = false;
            }
            ")" => {
                above.pop();
                not = false;
            }
            "and" | "or" => not = false,
            "1" | "all" | "any" if words.peek().is_some_and(|next| next.eq_ignore_ascii_case("of")) => {
                words.next();
                let pattern = words.next().unwrap_or_default();
                if here {
                    found.extend(names.iter().filter(|name| fits(pattern, name)));
                }
                not = false;
            }
            _ => {
                if here {
                    found.extend(names.iter().filter(|name| **name == word));
                }
                not = false;
            }
        }
    }
    found
}

/// `them`, or a name with a star at either end or inside.
fn fits(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case("them") {
        return !name.starts_with('_');
    }
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            let end = end.rsplit('*').next().unwrap_or(end);
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_are_what_stands_below_a_not() {
        let names = ["selection", "sel_b", "filter_main_a", "filter_optional_b"];
        let of = |condition: &str| negated(condition, &names).into_iter().collect::<Vec<_>>().join(" ");
        for (condition, expected) in [
            ("selection", ""),
            ("selection and not filter_main_a", "filter_main_a"),
            (
                "selection and not 1 of filter_main_* and not 1 of filter_optional_*",
                "filter_main_a filter_optional_b",
            ),
            ("selection and not (filter_main_a or sel_b)", "filter_main_a sel_b"),
            ("not (selection and not filter_main_a)", "selection"),
            ("all of sel* and NOT 1 of filter_*", "filter_main_a filter_optional_b"),
            ("not 1 of them", "filter_main_a filter_optional_b sel_b selection"),
            ("not selection or sel_b", "selection"),
            ("((((", ""),
            ("))) not not selection", ""),
        ] {
            assert_eq!(of(condition), expected, "{condition}");
        }
    }
}
