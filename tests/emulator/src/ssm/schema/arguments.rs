//! The values of one command for a document's parameters.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::{PLACEHOLDER, Schema};
use crate::ssm::refusal::Refusal;

/// The variables may be this long in all; the service names no number, an agent's `execve` does.
const LONGEST: usize = 100_000;

/// Checked values, defaults included.
#[derive(Debug, Clone, Default)]
pub(in crate::ssm) struct Arguments(BTreeMap<String, Vec<String>>);

impl Arguments {
    /// Checks what a client gave against the document.
    ///
    /// # Errors
    /// `InvalidParameters`: unknown, missing or not admitted.
    pub(in crate::ssm) fn check(
        schema: &Schema,
        given: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Refusal> {
        let refuse = |reason: String| Refusal::new("InvalidParameters", reason);
        if let Some(unknown) = given.keys().find(|name| schema.parameter(name).is_none()) {
            return Err(refuse(format!("{unknown} is not a parameter of the document")));
        }
        let store = Regex::new(r"\{\{\s*ssm(-secure)?:").expect("a valid expression");
        if given.values().flatten().any(|value| store.is_match(value)) {
            return Err(refuse(
                "a value refers to a parameter of Parameter Store that does not exist".to_owned(),
            ));
        }
        if given.values().flatten().map(String::len).sum::<usize>() > LONGEST {
            return Err(refuse("the values are too long".to_owned()));
        }
        let mut values = BTreeMap::new();
        for parameter in &schema.parameters {
            let value = match given.get(&parameter.name) {
                Some(value) => value,
                None => parameter
                    .default
                    .as_ref()
                    .ok_or_else(|| refuse(format!("the parameter {} is required", parameter.name)))?,
            };
            parameter.admit(value).map_err(refuse)?;
            values.insert(parameter.name.clone(), value.clone());
        }
        Ok(Self(values))
    }

    /// `SSM_<name>` of each parameter that is handed on by the environment.
    pub(in crate::ssm) fn environment(&self, schema: &Schema) -> Vec<(String, String)> {
        schema
            .parameters
            .iter()
            .filter(|parameter| parameter.by_environment)
            .filter_map(|parameter| {
                Some((format!("SSM_{}", parameter.name), self.0.get(&parameter.name)?.join(",")))
            })
            .collect()
    }

    /// The lines of a step: a line that is nothing but a reference to a list becomes the list's lines.
    pub(in crate::ssm) fn lines(&self, lines: &[String]) -> Vec<String> {
        let mut filled = Vec::new();
        for line in lines {
            match self.whole(line) {
                Some(values) => filled.extend(values.iter().cloned()),
                None => filled.push(fill(line, self)),
            }
        }
        filled
    }

    fn whole(&self, line: &str) -> Option<&[String]> {
        let found = PLACEHOLDER.captures(line)?;
        (found[0].len() == line.trim().len()).then(|| self.0.get(&found[1]).map(Vec::as_slice)).flatten()
    }
}

/// Puts the values in the place of `{{ name }}`, as text and once: what a value brings along is not looked at again.
pub(in crate::ssm) fn fill(text: &str, arguments: &Arguments) -> String {
    PLACEHOLDER
        .replace_all(text, |found: &Captures<'_>| match arguments.0.get(&found[1]) {
            Some(values) => values.join(","),
            None => found[0].to_owned(),
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ssm::schema::document;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), vec![value.to_owned()])).collect()
    }

    fn code(schema: &Schema, pairs: &[(&str, &str)]) -> Option<&'static str> {
        Arguments::check(schema, &given(pairs)).err().map(|refusal| refusal.code)
    }

    #[test]
    fn unknown_missing_and_unfit_values_are_refused() {
        let pattern = json!({"type": "String", "allowedPattern": "^[a-z]+$"});
        let schema = Schema::parse(&document(&pattern, &["true"])).expect("a document");
        assert_eq!(code(&schema, &[("Order", "abc")]), None);
        let refused = Some("InvalidParameters");
        assert_eq!(code(&schema, &[]), refused);
        assert_eq!(code(&schema, &[("Order", "ABC")]), refused);
        assert_eq!(code(&schema, &[("Order", "abc"), ("order", "abc")]), refused);
        let loose = Schema::parse(&document(&json!({"type": "String"}), &["true"])).expect("a document");
        assert_eq!(code(&loose, &[("Order", "{{ssm:password}}")]), refused);
        assert_eq!(code(&loose, &[("Order", "{{ssm}}")]), None);
    }

    #[test]
    fn a_reference_is_filled_in_once_and_the_environment_only_where_declared() {
        let by_environment = json!({"type": "String", "interpolationType": "ENV_VAR"});
        for (parameter, variables) in [(json!({"type": "String"}), 0), (by_environment, 1)] {
            let schema = Schema::parse(&document(&parameter, &["echo {{Order}}"])).expect("a document");
            let arguments =
                Arguments::check(&schema, &given(&[("Order", "{{ Order }}; id")])).expect("arguments");
            assert_eq!(fill("echo '{{ Order }}' {{ssm:x}}", &arguments), "echo '{{ Order }}; id' {{ssm:x}}");
            assert_eq!(arguments.environment(&schema).len(), variables);
        }
    }
}
