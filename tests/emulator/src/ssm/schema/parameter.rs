//! One parameter of a document, and what it admits.

use regex::Regex;
use serde_json::Value;

use super::{number, object, only, text};

/// The largest number in a repeat, `{n,m}`, that Go's `regexp` compiles.
const MOST_REPEATS: u32 = 1000;

/// The types that a parameter may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssm) enum Kind {
    String,
    StringList,
    Boolean,
    Integer,
}

impl Kind {
    /// As the service writes it.
    pub(in crate::ssm) fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
        }
    }
}

/// A parameter's declaration.
#[derive(Debug, Clone)]
pub(in crate::ssm) struct Parameter {
    pub(in crate::ssm) name: String,
    pub(in crate::ssm) kind: Kind,
    pub(in crate::ssm) description: String,
    pub(in crate::ssm) default: Option<Vec<String>>,
    /// Whether the agent hands the value on as `SSM_<name>` (`interpolationType: ENV_VAR`).
    pub(in crate::ssm) by_environment: bool,
    pattern: Option<Regex>,
    values: Option<Vec<String>>,
    chars: (u64, u64),
    items: (u64, u64),
}

impl Parameter {
    pub(super) fn parse(name: &str, declared: &Value) -> Result<Self, String> {
        let what = format!("the parameter {name}");
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!("{what}: the name may have letters, digits and _ only"));
        }
        let declared = object(declared, &what)?;
        let known = [
            "type",
            "description",
            "default",
            "allowedValues",
            "allowedPattern",
            "displayType",
            "minItems",
            "maxItems",
            "minChars",
            "maxChars",
            "interpolationType",
        ];
        only(declared, &known, &what)?;
        let kind = match text(declared, "type")? {
            Some("String") => Kind::String,
            Some("StringList") => Kind::StringList,
            Some("Boolean") => Kind::Boolean,
            Some("Integer") => Kind::Integer,
            other => return Err(format!("{what}: the type {other:?} is not known")),
        };
        let by_environment = match text(declared, "interpolationType")? {
            None => false,
            Some("ENV_VAR") if kind == Kind::String => true,
            Some(other) => return Err(format!("{what}: the interpolationType {other} is not for this type")),
        };
        let pattern = text(declared, "allowedPattern")?
            .map(|pattern| compile(pattern).map_err(|error| format!("{what}: {error}")))
            .transpose()?;
        let range = |least, most| -> Result<(u64, u64), String> {
            Ok((number(declared, least)?.unwrap_or(0), number(declared, most)?.unwrap_or(u64::MAX)))
        };
        let parameter = Self {
            name: name.to_owned(),
            kind,
            description: text(declared, "description")?.unwrap_or_default().to_owned(),
            default: declared.get("default").map(|value| texts(value, &what)).transpose()?,
            by_environment,
            pattern,
            values: declared.get("allowedValues").map(|values| texts(values, &what)).transpose()?,
            chars: range("minChars", "maxChars")?,
            items: range("minItems", "maxItems")?,
        };
        if let Some(default) = &parameter.default {
            parameter.admit(default)?;
        }
        Ok(parameter)
    }

    /// Says why a value is not admitted.
    ///
    /// # Errors
    /// The reason, without the value: it may be long, and may be somebody's.
    pub(in crate::ssm) fn admit(&self, given: &[String]) -> Result<(), String> {
        let no = |reason: &str| Err(format!("the parameter {}: {reason}", self.name));
        if self.kind != Kind::StringList && given.len() != 1 {
            return no("exactly one value is wanted");
        }
        if !(self.items.0..=self.items.1).contains(&(given.len() as u64)) {
            return no("too few or too many values");
        }
        for value in given {
            let length = value.chars().count() as u64;
            if !(self.chars.0..=self.chars.1).contains(&length) {
                return no("the value is too short or too long");
            }
            if self.values.as_ref().is_some_and(|values| !values.contains(value)) {
                return no("the value is none of allowedValues");
            }
            // The service looks for the pattern anywhere in the value: a document must anchor it.
            if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(value)) {
                return no("the value does not match allowedPattern");
            }
            let formed = match self.kind {
                Kind::String | Kind::StringList => true,
                Kind::Boolean => matches!(value.as_str(), "true" | "false"),
                Kind::Integer => value.parse::<i64>().is_ok(),
            };
            if !formed {
                return no("the value is not of the parameter's type");
            }
        }
        Ok(())
    }
}

/// Compiles a pattern as the agent does, with Go's `regexp`: a repeat above [`MOST_REPEATS`] is an error there, and not here.
fn compile(pattern: &str) -> Result<Regex, String> {
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    let repeats = Regex::new(r"\{([0-9]+)(?:,([0-9]*))?\}").map_err(|error| error.to_string())?;
    // Whatever could be a repeat counts as one, also where it is a literal: the stand-in may be stricter than the agent.
    let bounds = repeats.captures_iter(pattern).flat_map(|found| {
        found.iter().skip(1).flatten().map(|bound| bound.as_str().to_owned()).collect::<Vec<_>>()
    });
    for bound in bounds.filter(|bound| !bound.is_empty()) {
        if bound.parse::<u32>().map_or(true, |bound| bound > MOST_REPEATS) {
            return Err(format!("error parsing regexp: invalid repeat count: {bound}"));
        }
    }
    Ok(regex)
}

/// A value, or each of a list, as text.
fn texts(value: &Value, what: &str) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) => values.iter().map(|value| scalar(value, what)).collect(),
        value => Ok(vec![scalar(value, what)?]),
    }
}

fn scalar(value: &Value, what: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(format!("{what}: a value is neither text nor number")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(declared: Value, given: &[&str]) -> bool {
        let parameter = Parameter::parse("P", &declared).expect("a parameter");
        parameter.admit(&given.iter().map(|&value| value.to_owned()).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn a_pattern_is_looked_for_anywhere() {
        let loose = json!({"type": "String", "allowedPattern": "[a-z]{3}"});
        assert!(admits(loose.clone(), &["; rm abc"]));
        assert!(!admits(loose, &["12"]));
        let tight = json!({"type": "String", "allowedPattern": "^[a-z]{3}$"});
        assert!(admits(tight.clone(), &["abc"]));
        assert!(!admits(tight, &["; rm abc"]));
    }

    #[test]
    fn a_pattern_that_the_agent_cannot_compile_is_refused() {
        let declared = |pattern: &str| json!({"type": "String", "allowedPattern": pattern});
        for pattern in ["^a{1,1000}$", "^a{1000,}$", "^[a-z]+$"] {
            assert!(Parameter::parse("P", &declared(pattern)).is_ok(), "{pattern}");
        }
        for pattern in ["^a{16,4096}$", "^a{1001}$", "^a{2000,}$", "a{99999999999999999999}"] {
            assert!(Parameter::parse("P", &declared(pattern)).is_err(), "{pattern}");
        }
    }

    #[test]
    fn sizes_types_and_lists_are_checked() {
        assert!(!admits(json!({"type": "String"}), &["a", "b"]));
        assert!(!admits(json!({"type": "String", "maxChars": 2}), &["äöü"]));
        assert!(admits(json!({"type": "String", "maxChars": "3"}), &["äöü"]));
        assert!(!admits(json!({"type": "String", "allowedValues": ["a", "b"]}), &["c"]));
        assert!(!admits(json!({"type": "StringList", "maxItems": 1}), &["a", "b"]));
        assert!(!admits(json!({"type": "Boolean"}), &["yes"]));
        assert!(!admits(json!({"type": "Integer"}), &["1.5"]));
        assert!(admits(json!({"type": "Integer"}), &["-15"]));
        assert!(Parameter::parse("P", &json!({"type": "String", "default": "x", "minChars": 2})).is_err());
    }
}
