//! A document's content: schema 2.2, read strictly.

mod arguments;
mod parameter;
mod step;

pub(super) use arguments::{Arguments, fill};
pub(super) use parameter::Parameter;
pub(super) use step::{Action, OnFailure, Step};

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::nodes::Platform;

/// What a document says.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) description: String,
    /// In the document's order.
    pub(super) parameters: Vec<Parameter>,
    pub(super) steps: Vec<Step>,
}

impl Schema {
    /// Reads a document in JSON.
    ///
    /// # Errors
    /// What the service would not take, in words.
    pub(super) fn parse(content: &str) -> Result<Self, String> {
        let content: Value =
            serde_json::from_str(content).map_err(|error| format!("JSON not well-formed. {error}"))?;
        let content = object(&content, "the document")?;
        only(content, &["schemaVersion", "description", "parameters", "mainSteps"], "the document")?;
        if text(content, "schemaVersion")? != Some("2.2") {
            return Err("schemaVersion must be \"2.2\"".to_owned());
        }
        let parameters = match content.get("parameters") {
            None => Vec::new(),
            Some(parameters) => object(parameters, "parameters")?
                .iter()
                .map(|(name, parameter)| Parameter::parse(name, parameter))
                .collect::<Result<_, _>>()?,
        };
        let steps = content
            .get("mainSteps")
            .and_then(Value::as_array)
            .filter(|steps| !steps.is_empty())
            .ok_or("mainSteps must be a list of at least one step")?
            .iter()
            .map(Step::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let schema = Self {
            description: text(content, "description")?.unwrap_or_default().to_owned(),
            parameters,
            steps,
        };
        schema.check_references()?;
        Ok(schema)
    }

    /// The platforms of the nodes that this document may be sent to.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        [Platform::Windows, Platform::Linux]
            .into_iter()
            .filter(|platform| self.steps.iter().any(|step| step.runs_on(*platform)))
            .collect()
    }

    /// The parameter of this name.
    pub(super) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    fn check_references(&self) -> Result<(), String> {
        for (at, step) in self.steps.iter().enumerate() {
            if self.steps[..at].iter().any(|other| other.name == step.name) {
                return Err(format!("two steps are called {}", step.name));
            }
            for text in step.texts() {
                for name in references(text) {
                    if self.parameter(&name).is_none() {
                        return Err(format!(
                            "the step {} uses {{{{ {name} }}}}, which is no parameter",
                            step.name
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The names in `{{ name }}`. References to Parameter Store and to the agent's own variables are none of these.
fn references(text: &str) -> Vec<String> {
    PLACEHOLDER.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}").expect("a valid expression"));

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} must be an object"))
}

fn only(map: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(format!("{what} has an unknown property {unknown}")),
    }
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    map.get(key).map(|value| value.as_str().ok_or_else(|| format!("{key} must be a string"))).transpose()
}

/// A number, which the service also takes as a string of digits.
fn number(map: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
    let Some(value) = map.get(key) else { return Ok(None) };
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.map(Some).ok_or_else(|| format!("{key} must be a number"))
}

/// A document with one parameter and one step, for the tests.
#[cfg(test)]
pub(super) fn document(parameter: &Value, commands: &[&str]) -> String {
    serde_json::json!({
        "schemaVersion": "2.2",
        "description": "for a test",
        "parameters": {"Order": parameter},
        "mainSteps": [{
            "action": "aws:runShellScript",
            "name": "run",
            "precondition": {"StringEquals": ["platformType", "Linux"]},
            "inputs": {"timeoutSeconds": "60", "runCommand": commands},
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read() {
        let schema =
            Schema::parse(&document(&json!({"type": "String"}), &["echo {{ Order }}"])).expect("a document");
        assert_eq!(schema.description, "for a test");
        assert_eq!(schema.platforms(), [Platform::Linux]);
        assert_eq!(schema.parameters[0].name, "Order");
        assert_eq!(references("{{Order}} {{ ssm:x }} {{  b }}"), ["Order", "b"]);
    }

    #[test]
    fn what_the_service_would_not_take_is_refused() {
        let good = document(&json!({"type": "String"}), &["true"]);
        for (from, to) in [
            ("\"2.2\"", "\"1.2\""),
            ("\"type\":\"String\"", "\"type\":\"Text\""),
            ("\"type\":\"String\"", "\"type\":\"String\",\"alowedPattern\":\"x\""),
            ("\"type\":\"String\"", "\"type\":\"String\",\"allowedPattern\":\"(\""),
            ("\"type\":\"String\"", "\"type\":\"StringList\",\"interpolationType\":\"ENV_VAR\""),
            ("\"type\":\"String\"", "\"type\":\"String\",\"interpolationType\":\"ENV\""),
            ("aws:runShellScript", "aws:runShell"),
            ("\"platformType\"", "\"platform\""),
            ("\"timeoutSeconds\"", "\"timeout\""),
            ("\"60\"", "\"never\""),
            ("\"true\"", "\"{{ Ordre }}\""),
            ("\"description\"", "\"descriptoin\""),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(Schema::parse(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(Schema::parse("{").is_err());
        assert!(Schema::parse(&good).is_ok());
    }
}
